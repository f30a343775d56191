use super::*;

#[test]
fn a_usual_point_takes_half_a_line_of_the_cache() {
    assert_eq!(size_of::<PackedPoint>(), 32);
}

#[test]
fn instants_go_in_the_order_of_time_however_they_came() {
    let mut pending = Pending::default();
    let push = |pending: &mut Pending, effective_ms| {
        let order = PointOrder { own_ms: effective_ms, sent_ms: effective_ms, sequence_number: 0 };
        pending.push(effective_ms, order, PendingTag::Named(0), &Value::Bool(true));
    };
    let pop = |pending: &mut Pending| pending.pop().map(|(at_ms, points)| (at_ms, points.len()));
    for effective_ms in [5, 3, 5, 7, 3, 5, -1, 7] {
        push(&mut pending, effective_ms);
    }
    let order: Vec<_> = pending.instants().map(|(at_ms, points)| (at_ms, points.len())).collect();
    assert_eq!(order, [(-1, 1), (3, 2), (5, 3), (7, 2)]);
    assert_eq!((pop(&mut pending), pending.first_ms()), (Some((-1, 1)), Some(3)));
    push(&mut pending, 2);
    assert_eq!(pending.first_ms(), Some(2));
    for instant in [(2, 1), (3, 2), (5, 3), (7, 2)] {
        assert_eq!((pending.first_ms(), pop(&mut pending)), (Some(instant.0), Some(instant)));
    }
    assert_eq!((pending.first_ms(), pop(&mut pending), pending.len()), (None, None, 0));
    // Older than what is gone: a key's time never does that, but nothing here relies on it.
    push(&mut pending, 1);
    assert_eq!((pending.first_ms(), pop(&mut pending)), (Some(1), Some((1, 1))));
}

#[test]
fn points_of_any_kind_come_back_as_they_were() {
    let mut pending = Pending::default();
    let mut pushed = Vec::new();
    let values = [
        Value::Number(-0.0),
        Value::Bool(true),
        Value::Text("12345678".into()),
        Value::Text("123456789".into()),
    ];
    for (own_ms, sent_ms) in
        [(100, 100), (99, 99), (100, 105), (100 - (1 << 40), 100 - (1 << 40)), (105, 105)]
    {
        for value in &values {
            for tag in [PendingTag::Named(7), PendingTag::Unnamed("u".into())] {
                let order = PointOrder { own_ms, sent_ms, sequence_number: i64::MIN };
                pending.push(100, order, tag.clone(), value);
                pushed.push(PendingPoint { order, tag, value: value.clone() });
            }
        }
    }
    for name in 0..100 {
        let tag = PendingTag::Unnamed(format!("name {name}").into());
        let order = PointOrder { own_ms: 100, sent_ms: 100, sequence_number: name };
        pending.push(100, order, tag.clone(), &Value::Bool(false));
        pushed.push(PendingPoint { order, tag, value: Value::Bool(false) });
    }
    let instants: Vec<_> = pending.instants().collect();
    let [(100, packed)] = instants.as_slice() else { panic!("{} instants", instants.len()) };
    let viewed: Vec<_> = packed.iter().filter_map(|packed| pending.view(100, packed)).collect();
    assert_eq!(viewed.len(), pushed.len());
    for (viewed, point) in viewed.iter().zip(&pushed) {
        let tag = match &point.tag {
            PendingTag::Named(slot) => PendingTagRef::Named(*slot),
            PendingTag::Unnamed(name) => PendingTagRef::Unnamed(name),
        };
        assert_eq!((viewed.order, viewed.tag, &viewed.value), (point.order, tag, &point.value));
    }
    let named: Vec<_> = pushed.iter().filter(|point| matches!(point.tag, PendingTag::Named(_))).collect();
    let (at_ms, points) = pending.pop().unwrap();
    let taken: Vec<_> = points.iter().filter_map(|packed| pending.take(at_ms, packed)).collect();
    assert_eq!(taken.len(), named.len());
    for ((slot, order, value), point) in taken.iter().zip(named) {
        assert_eq!((*slot, order, value), (7, &point.order, &point.value));
    }
    assert!(pending.unpacked.is_empty() && pending.len() == 0);
}
