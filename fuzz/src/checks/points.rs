//! Target `points`: any bytes as lines of the stream.

use andon_domain::limits;
use andon_domain::wire::{Message, MessageContent};
use andon_engine::replay::Replay;

use super::{Recorder, compiled, document};

const RULES: &str = r#"{"rules":[{"id":"hot","groups":[{"id":"g","otherwise":"NORMAL","states":[
    {"state":"HOT","when":"water_temperature > 80 || avg(pressure, '1m') > 4","for":"5s"},
    {"state":"SILENT","when":"absent(water_temperature, '30s')"},
    {"state":"MAINTENANCE","when":"maintenance_mode && machine_state == 'running'"}]}]}]}"#;

/// The greatest length of a detail, bytes: what was sent must not come back at length.
const DETAIL_BYTES: usize = 2048;

pub(super) fn check(bytes: &[u8]) {
    let mut replay = Replay::new(compiled(document(RULES)));
    let mut recorder = Recorder::default();
    let mut read = 0;
    for line in bytes.split(|byte| *byte == b'\n') {
        read += message(line);
        assert!(replay.line(line, &mut recorder).is_ok(), "a rule set of a line cannot serve a machine");
    }
    // Memory grows with the valid points, and with nothing else.
    assert_eq!(replay.counts().points, read);
    assert!(replay.keys().len() <= bytes.len());
    for key in replay.keys() {
        assert!(key.pending_points() <= limits::PENDING_POINTS);
    }
    assert_eq!(replay.counts().transitions, u64::try_from(recorder.transitions.len()).unwrap_or(u64::MAX));
    replay.close(&mut recorder);
}

/// Reads a message and returns the number of its points.
fn message(line: &[u8]) -> u64 {
    let message = Message::read(line);
    assert!(message.rejections.len() <= 100);
    for rejection in &message.rejections {
        assert!(rejection.detail.len() <= DETAIL_BYTES, "{} bytes of detail", rejection.detail.len());
    }
    if Message::read_canonical(line).is_some() {
        let spaced = spaced(line);
        assert!(Message::read_canonical(&spaced).is_none(), "the fast reader takes white space");
        let general = Message::read(&spaced);
        // As text too: `==` takes -0 for 0.
        assert_eq!(format!("{message:?}"), format!("{general:?}"));
        assert_eq!(message, general);
    }
    let points: Vec<_> = match &message.content {
        MessageContent::One(equipment, point) => vec![(equipment, std::slice::from_ref(point))],
        MessageContent::Several(of) => {
            of.iter().map(|(equipment, points)| (equipment, points.as_slice())).collect()
        }
        MessageContent::Tick(equipment) => vec![(equipment, &[][..])],
        MessageContent::Nothing | MessageContent::Rules(_) => Vec::new(),
    };
    let mut count = 0;
    for (equipment, points) in points {
        assert!(is_name(equipment), "the equipment `{equipment}`");
        for point in points {
            count += 1;
            assert!(is_name(&point.tag), "the tag `{}`", point.tag);
            assert!(point.source.len() <= limits::SOURCE_BYTES);
            for at_ms in
                [Some(point.timestamp_ms), point.created_at_ms, message.arrival_ms].into_iter().flatten()
            {
                assert!(at_ms.unsigned_abs() <= limits::TIMESTAMP_MS.unsigned_abs(), "the time {at_ms}");
            }
            match &point.value {
                Some(andon_domain::Value::Number(number)) => assert!(number.is_finite()),
                Some(andon_domain::Value::Text(text)) => assert!(text.len() <= limits::TEXT_BYTES),
                Some(andon_domain::Value::Bool(_)) | None => {}
            }
        }
    }
    count
}

fn is_name(name: &str) -> bool {
    (1..=limits::NAME_BYTES).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// Returns the same message with a space after its first brace.
fn spaced(line: &[u8]) -> Vec<u8> {
    let (first, rest) = line.split_at(line.len().min(1));
    [first, b" ", rest].concat()
}
