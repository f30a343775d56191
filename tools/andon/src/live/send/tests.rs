use andon_kit_ports::memory::{Call, Gate, Memory, World};
use andon_workflows::ports::PortError;
use clap::Parser;

use super::*;
use crate::live::at_once;
use crate::terminal::ColorChoice;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn arguments(words: &[&str]) -> Arguments {
    Line::parse_from(["send"].iter().chain(words)).arguments
}

/// A file that is deleted when this is dropped.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("andon-send-{name}-{}.jsonl", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn point(equipment: &str, timestamp_ms: i64) -> String {
    format!(r#"{{"version":1,"timestamp":{timestamp_ms},"equipmentId":"{equipment}","tag":"t","value":1}}"#)
}

fn send_all<G: Gate>(ports: &Memory<G>, words: &[&str]) -> (SendOutcome, Result<(), Failure>) {
    let arguments = arguments(words);
    let terminal = Terminal::new(ColorChoice::Never);
    let mut sent = SendOutcome::default();
    let outcome = span(&arguments, &terminal)
        .and_then(|span| at_once(send(ports, &arguments, span, &mut sent, &terminal)));
    (sent, outcome)
}

/// Returns the records in the stream: arrival, partition key, data.
fn stream(world: &World) -> Vec<(i64, String, String)> {
    let records = world.stream.shards().iter().flat_map(|shard| &shard.records);
    records
        .map(|record| {
            (
                record.arrival_ms,
                record.partition_key.clone(),
                String::from_utf8(record.data.to_vec()).unwrap(),
            )
        })
        .collect()
}

#[test]
fn lines_go_under_their_equipment_and_what_is_left_out_is_counted() {
    let lines = [
        point("a", 1),
        format!(r#"{{"arrival":5,"data":{}}}"#, point("b", 2)),
        r#"{"equipmentId":"a","tick":true}"#.to_owned(),
        r#"{"arrival":6,"rules":{"rules":[]}}"#.to_owned(),
        "nonsense".to_owned(),
        format!("[{},{}]", point("a", 3), point("b", 3)),
    ];
    let file = File::new("lines", &lines.join("\n"));
    let memory = Memory::new();
    let (sent, outcome) = send_all(&memory, &[file.path()]);
    assert!(outcome.is_ok());
    let keys: Vec<String> = stream(&memory.world()).into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(keys, ["a", "b", "a", "b"]);
    assert_eq!((sent.tally.points, sent.tally.records), (4, 4));
    let text = sent.text(2_000, &Terminal::new(ColorChoice::Never));
    let path = file.path();
    let expected = format!(
        "\
Sent 4 points of 2 machines to 1 shard in 2.0 s (2 points/s)
        1 ticks skipped: a running system makes its own
        1 rule sets skipped: use andon rules put
        1 lines skipped: they cannot be read (--unreadable sends them)
          first unreadable line: {path}:5: "
    );
    assert!(text.starts_with(&expected), "{text}");
}

#[test]
fn unreadable_lines_are_sent_where_that_is_wanted() {
    let file = File::new("unreadable", "nonsense\n");
    let memory = Memory::new();
    send_all(&memory, &[file.path(), "--unreadable"]).1.unwrap();
    assert_eq!(stream(&memory.world())[0].2, "nonsense");
}

#[test]
fn the_rate_limits_the_points_sent_in_a_second() {
    let lines: Vec<String> = (0..100).map(|number| point("a", number)).collect();
    let file = File::new("rate", &lines.join("\n"));
    let memory = Memory::new();
    let begun_ms = memory.world().now_ms;
    send_all(&memory, &[file.path(), "--rate", "50"]).1.unwrap();
    let arrivals: Vec<i64> =
        stream(&memory.world()).into_iter().map(|(arrival_ms, ..)| arrival_ms - begun_ms).collect();
    assert_eq!(arrivals.len(), 100);
    for (number, arrival_ms) in arrivals.iter().enumerate() {
        let due_ms = i64::try_from(number).unwrap() * 20;
        assert!((due_ms - 20..=due_ms + 70).contains(arrival_ms), "{number}: {arrival_ms}");
    }
}

#[test]
fn by_speed_records_keep_their_distance_in_time() {
    let file = File::new("speed", &[point("a", 1_000), point("a", 61_000), point("a", 121_000)].join("\n"));
    let memory = Memory::new();
    let begun_ms = memory.world().now_ms;
    send_all(&memory, &[file.path(), "--speed", "60", "--as-of", "now"]).1.unwrap();
    let sent = stream(&memory.world());
    let arrivals: Vec<i64> = sent.iter().map(|(arrival_ms, ..)| arrival_ms - begun_ms).collect();
    assert_eq!(arrivals, [0, 1_000, 2_000]);
    // The last is of the time when it is sent, and the others keep their distance in the time of the points.
    for (number, (_, _, data)) in sent.iter().enumerate() {
        let timestamp_ms = begun_ms + 2_000 - i64::try_from(2 - number).unwrap() * 60_000;
        assert!(data.contains(&format!(r#""timestamp":{timestamp_ms}"#)), "{data}");
    }
}

#[test]
fn as_fast_as_it_was_the_first_point_is_of_now_and_all_others_of_when_they_are_sent() {
    let file = File::new("as-it-was", &[point("a", 1_000), point("a", 4_000)].join("\n"));
    let memory = Memory::new();
    send_all(&memory, &[file.path(), "--speed", "1", "--as-of", "now"]).1.unwrap();
    for (arrival_ms, _, data) in stream(&memory.world()) {
        assert!(data.contains(&format!(r#""timestamp":{arrival_ms}"#)), "{data}");
    }
}

#[test]
fn without_a_speed_the_newest_point_is_of_now() {
    let file = File::new("newest", &[point("a", 9_000), point("a", 4_000)].join("\n"));
    let memory = Memory::new();
    let now_ms = memory.world().now_ms;
    send_all(&memory, &[file.path(), "--as-of", "now"]).1.unwrap();
    let sent = stream(&memory.world());
    assert!(sent[0].2.contains(&format!(r#""timestamp":{now_ms}"#)));
    assert!(sent[1].2.contains(&format!(r#""timestamp":{}"#, now_ms - 5_000)));
    let refused = span(&arguments(&["-", "--as-of", "now"]), &Terminal::new(ColorChoice::Never));
    assert!(matches!(refused, Err(Failure::Usage(_))));
}

/// A stream that refuses records now and then, and some machines forever.
#[derive(Clone, Default)]
struct Throttled {
    calls: std::rc::Rc<std::cell::Cell<u32>>,
    always: bool,
}

impl Gate for Throttled {
    fn refuses(&self, call: &Call<'_>) -> Option<PortError> {
        self.calls.set(self.calls.get() + 1);
        if call.subject == "refused" {
            return Some(PortError::permanent("too large"));
        }
        (self.always || self.calls.get().is_multiple_of(3)).then(|| PortError::transient("throttled"))
    }
}

#[test]
fn what_the_stream_refuses_for_now_is_sent_again_and_what_it_refuses_for_good_is_counted() {
    let mut lines: Vec<String> = (0..20).map(|number| point("a", number)).collect();
    lines.push(point("refused", 1));
    let file = File::new("throttled", &lines.join("\n"));
    let shared = std::rc::Rc::new(std::cell::RefCell::new(World::new()));
    let (sent, outcome) = send_all(&Memory::of(&shared, Throttled::default()), &[file.path()]);
    assert!(outcome.is_ok());
    assert_eq!((sent.tally.points, sent.tally.refused), (20, 1));
    assert!(sent.tally.retries >= 6, "{:?}", sent.tally);
    let found = stream(&shared.borrow());
    assert_eq!(found.len(), 20);
    let (sent, outcome) =
        send_all(&Memory::of(&shared, Throttled { always: true, ..Throttled::default() }), &[file.path()]);
    assert!(matches!(outcome, Err(Failure::Message(message)) if message.contains("throttled")));
    assert_eq!(sent.tally.points, 0);
}
