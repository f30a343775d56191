use super::*;

#[test]
fn a_stream_gives_numbers_that_rise_across_its_shards_and_grow_longer() {
    let mut stream = Kinesis::new("points", 3);
    let numbers: Vec<_> = (0..100)
        .map(|index| stream.put(&format!("pump-{index}"), b"", 0))
        .map(|(_, number)| number)
        .collect();
    assert!(numbers.is_sorted());
    assert!(numbers[0].to_string().len() < numbers[99].to_string().len());
    assert!(stream.shards().iter().all(|shard| shard.records.len() > 10));
}

#[test]
fn splits_and_merges_keep_every_hash_on_one_open_shard() {
    let mut stream = Kinesis::new("points", 2);
    assert!(stream.split(0) && stream.split(2) && stream.merge(5) && !stream.split(0));
    assert!(!stream.merge(1), "nothing is above the last one");
    let mut open: Vec<_> = stream.shards().iter().filter(|shard| shard.open).collect();
    open.sort_by_key(|shard| shard.from);
    assert_eq!((open[0].from, open[open.len() - 1].to), (0, u64::MAX));
    assert!(open.windows(2).all(|pair| pair[0].to + 1 == pair[1].from));
}

/// A gate that breaks an invariant before every read of heads.
struct BrokenInvariant;

impl Gate for BrokenInvariant {
    async fn before(&self, call: &Call<'_>) -> Result<(), PortError> {
        if call.method == "read_heads" {
            andon_domain::never!("a test breaks this");
        }
        Ok(())
    }
}

#[test]
fn broken_invariants_of_an_invocation_arrive_in_its_summary_and_lose_no_record() {
    use andon_ingest::encode::{EventRecord, event};
    use andon_workflows::evaluate::{EvaluateSettings, Evaluator, with_batch};
    use futures_util::FutureExt as _;

    let world = Rc::new(RefCell::new(World::new()));
    let now_ms = world.borrow().now_ms;
    let evaluator = Evaluator::new(Memory::of(&world, BrokenInvariant), EvaluateSettings::new("points"));
    let data = format!(r#"{{"timestamp":{now_ms},"equipmentId":"filler-1","tag":"level","value":1}}"#);
    let (shard, sequence) = world.borrow_mut().stream.put("filler-1", data.as_bytes(), now_ms);
    let shard = shard.parse().unwrap();
    let record = EventRecord {
        shard: &shard,
        sequence,
        partition_key: "filler-1",
        arrival_ms: now_ms,
        data: data.as_bytes(),
    };
    let event = event("points", [record]);
    let mut arena = andon_ingest::Arena::new();
    let (answer, left) = andon_domain::never::quietly(|| {
        with_batch(event.as_bytes(), &mut arena, None, |batch| {
            evaluator.evaluate(&batch, now_ms + 60_000).now_or_never().unwrap()
        })
        .unwrap()
    });
    let summary = answer.summary;
    assert_eq!((summary.invariants_broken, left.count), (1, 0), "counted once");
    assert!(summary.first_broken_invariant.unwrap().starts_with("a test breaks this ("));
    // It was broken outside of the fold: the record is folded and committed.
    assert_eq!((answer.first_not_done, summary.points, summary.commits), (None, 1, 1));
}
