//! Tests of the simulated stream against its story.

mod survey;

use std::collections::BTreeMap;

use serde_json::Value;

use self::survey::{Sample, documented};
use crate::line::{CAPPER, FILLER, LABELER, LINE, PACKER, PALLETIZER, RINSER};
use crate::{DEFAULT_SEED, DEFAULT_START_MS, Incident, IncidentKind, SHIFT_MS, Shift, ShiftOptions, Totals};

const MINUTE_MS: i64 = 60_000;

fn lines_of(options: &ShiftOptions) -> (Vec<u8>, Totals) {
    let mut out = Vec::new();
    let totals = Shift::new(options).write_to(&mut out, |_| {}).unwrap();
    (out, totals)
}

#[test]
fn the_documented_shift_stays_the_same_byte_for_byte() {
    assert_eq!(
        documented().hash,
        2_001_473_732_771_922_728,
        "the documentation shows this shift: renew its numbers too"
    );
}

#[test]
fn every_line_is_counted() {
    let survey = documented();
    let totals = survey.totals;
    let read = survey.samples().count() + survey.unreadable.len();
    assert_eq!(totals.lines, read as u64);
    assert_eq!(totals.lines, totals.points + totals.redelivered);
    assert!((1_000_000..2_000_000).contains(&totals.points), "{totals:?}");
    assert!(survey.greatest_line < 400);
}

#[test]
fn every_machine_sends_its_signals_and_its_values_all_the_time() {
    let survey = documented();
    for plan in &LINE {
        for tag in ["machine_state", "product", "maintenance_mode", "door_open", "speed", "power"] {
            let samples = survey.tag(plan.equipment, tag);
            let longest_gap_ms =
                samples.windows(2).map(|w| w[1].timestamp_ms - w[0].timestamp_ms).max().unwrap();
            // A clock that is set right goes back, one that goes wrong goes ahead.
            if plan.equipment != CAPPER {
                assert!(longest_gap_ms <= 30_000, "{} {tag}: {longest_gap_ms}", plan.equipment);
            }
            assert!(samples[0].timestamp_ms < DEFAULT_START_MS + 1_000);
            assert!(samples.last().unwrap().timestamp_ms >= DEFAULT_START_MS + SHIFT_MS - 30_000);
        }
        assert!((8..=10).contains(&(plan.channels.len() + 4)), "{}", plan.equipment);
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let options = |seed| ShiftOptions { seed, duration_ms: 10 * MINUTE_MS, ..ShiftOptions::default() };
    assert_eq!(lines_of(&options(1)), lines_of(&options(1)));
    assert_ne!(lines_of(&options(1)).0, lines_of(&options(2)).0);
}

#[test]
fn every_seed_tells_of_the_same_kinds_at_other_times() {
    let story = |seed| Shift::new(&ShiftOptions { seed, ..ShiftOptions::default() }).story().to_vec();
    let kinds = |story: &[Incident]| {
        let mut kinds: Vec<_> = story.iter().map(|incident| incident.kind).collect();
        kinds.sort();
        kinds
    };
    let documented = story(DEFAULT_SEED);
    assert_eq!(documented.len(), 17);
    for seed in 0..200 {
        let other = story(seed);
        assert_eq!(kinds(&other), kinds(&documented));
        assert!(other.is_sorted_by_key(|incident| incident.at_ms));
        for incident in &other {
            assert!(DEFAULT_START_MS <= incident.at_ms && incident.at_ms < incident.until_ms, "{incident:?}");
            assert!(incident.until_ms < DEFAULT_START_MS + SHIFT_MS, "seed {seed}: {incident:?}");
        }
        if seed != DEFAULT_SEED {
            assert!(other.iter().zip(&documented).skip(1).all(|(a, b)| a.at_ms != b.at_ms), "seed {seed}");
        }
    }
}

#[test]
fn a_shorter_shift_is_the_beginning_of_the_whole_one() {
    let options = |minutes| ShiftOptions { duration_ms: minutes * MINUTE_MS, ..ShiftOptions::default() };
    let (longer, _) = lines_of(&options(4));
    let (shorter, _) = lines_of(&options(3));
    // The last second and a half is still on its way when the shorter shift ends.
    let sure = shorter.len() - 20_000;
    assert_eq!(shorter[..sure], longer[..sure]);
    assert_eq!(Shift::new(&options(3)).story().len(), 1);
    assert_eq!(Shift::new(&options(3)).story()[0].until_ms, DEFAULT_START_MS + 3 * MINUTE_MS);
}

#[test]
fn a_shift_that_ends_while_the_link_is_lost_still_delivers_what_it_has_measured() {
    let link = documented().incident(IncidentKind::LostLink);
    let duration_ms = (link.at_ms - DEFAULT_START_MS) / 1_000 * 1_000 + 2 * MINUTE_MS;
    let (_, totals) = lines_of(&ShiftOptions { duration_ms, ..ShiftOptions::default() });
    assert_eq!(totals.lines, totals.points + totals.redelivered);
    assert!(totals.backlog > 1_000);
}

#[test]
fn odd_options_are_brought_into_bounds() {
    for (start_ms, duration_ms) in [(i64::MIN, 2_000), (i64::MAX, 2_000), (0, -5), (0, 999)] {
        let (lines, totals) = lines_of(&ShiftOptions { seed: u64::MAX, start_ms, duration_ms });
        assert_eq!(totals.bytes, lines.len() as u64);
        assert_eq!(lines.is_empty(), duration_ms < 1_000);
    }
    let whole = Shift::new(&ShiftOptions { duration_ms: i64::MAX, ..ShiftOptions::default() });
    assert_eq!(whole.end_ms(), DEFAULT_START_MS + SHIFT_MS);
}

#[test]
fn a_lost_link_delivers_its_backlog_in_order_when_it_is_back() {
    let survey = documented();
    let link = survey.incident(IncidentKind::LostLink);
    let mut samples: Vec<_> = survey.samples().filter(|s| s.source == "gateway-2").collect();
    samples.sort_by_key(|s| s.sequence);
    assert!(samples.is_sorted_by_key(|s| s.arrival_ms));
    assert!(samples.windows(2).all(|pair| pair[0].sequence + 1 == pair[1].sequence), "nothing is lost");
    let lost = link.at_ms..link.until_ms;
    assert!(!samples.iter().any(|s| lost.contains(&s.arrival_ms)));
    let kept = samples.iter().filter(|s| lost.contains(&s.created_ms)).count();
    assert!(kept > 9_000, "{kept}");
    let last = samples.iter().rfind(|s| s.arrival_ms != s.created_ms).unwrap();
    assert!((link.until_ms..link.until_ms + 3 * MINUTE_MS).contains(&last.arrival_ms));
    let late = samples.iter().filter(|s| s.arrival_ms > s.created_ms).count();
    assert_eq!(survey.totals.backlog, late as u64);
    // Event time is the measuring time, all through.
    assert!(samples.iter().all(|s| (0..1_500).contains(&(s.created_ms - s.timestamp_ms))));
}

#[test]
fn the_jam_is_reported_only_after_the_link_is_back_but_with_its_true_time() {
    let survey = documented();
    let (jam, link) = (survey.incident(IncidentKind::Jam), survey.incident(IncidentKind::LostLink));
    let fault = survey.tag(PACKER, "machine_state").iter().find(|s| s.value == "fault").unwrap();
    assert_eq!(fault.timestamp_ms, jam.at_ms);
    assert!(link.at_ms < jam.at_ms && jam.until_ms < link.until_ms && link.until_ms <= fault.arrival_ms);
}

#[test]
fn a_redelivered_point_is_the_same_point_again() {
    let survey = documented();
    let redelivery = survey.incident(IncidentKind::Redelivery);
    let mut again = 0;
    let mut seen: BTreeMap<(&str, i64), &Sample> = BTreeMap::new();
    for sample in survey.samples() {
        if let Some(first) = seen.insert((&sample.source, sample.sequence), sample) {
            again += 1;
            assert_eq!((first.timestamp_ms, &first.value), (sample.timestamp_ms, &sample.value));
            assert_eq!(first.arrival_ms + 800, sample.arrival_ms);
            assert!((redelivery.at_ms..redelivery.until_ms).contains(&first.arrival_ms));
            assert_eq!(sample.source, redelivery.equipment);
        }
    }
    assert_eq!(survey.totals.redelivered, again);
    assert!(again > 300);
}

#[test]
fn only_the_clock_that_is_ahead_stamps_points_later_than_they_arrive() {
    let survey = documented();
    let clock = survey.incident(IncidentKind::ClockAhead);
    let ahead: Vec<_> = survey.samples().filter(|s| s.timestamp_ms > s.arrival_ms).collect();
    assert_eq!(survey.totals.ahead, ahead.len() as u64);
    assert!(ahead.len() > 2_000);
    for sample in ahead {
        assert_eq!(sample.source, clock.equipment);
        assert!((clock.at_ms..clock.until_ms).contains(&sample.arrival_ms));
        assert_eq!(sample.created_ms, sample.arrival_ms + 3 * MINUTE_MS);
    }
}

#[test]
fn broken_lines_are_of_both_kinds_and_within_their_time() {
    let survey = documented();
    assert_eq!(survey.totals.malformed, 6);
    let (objects, cut): (Vec<_>, Vec<_>) =
        survey.unreadable.iter().partition(|line| serde_json::from_str::<Value>(line).is_ok());
    assert_eq!((objects.len(), cut.len()), (3, 3));
    let incident = survey.incident(IncidentKind::MalformedLines);
    for line in objects {
        let record: Value = serde_json::from_str(line).unwrap();
        assert!(record["value"]["raw"].is_number());
        let created_ms = record["meta"]["createdAt"].as_i64().unwrap();
        assert!((incident.at_ms..incident.until_ms).contains(&created_ms));
    }
}

#[test]
fn a_dead_sensor_is_silent_while_its_machine_goes_on() {
    let survey = documented();
    let dead = survey.incident(IncidentKind::DeadSensor);
    let during = |tag| {
        let samples = survey.tag(RINSER, tag).iter();
        samples.filter(|s| (dead.at_ms..dead.until_ms).contains(&s.timestamp_ms)).count()
    };
    assert_eq!(during("pressure"), 0);
    assert!(during("water_temperature") > 2_000);
    assert!(survey.tag(RINSER, "pressure").iter().any(|s| s.timestamp_ms > dead.until_ms));
}

#[test]
fn only_the_broken_torque_sensor_marks_its_values_as_bad() {
    let survey = documented();
    let incident = survey.incident(IncidentKind::BadQuality);
    let bad = survey.samples().filter(|s| !s.good).count();
    let torque = survey.tag(CAPPER, "torque").iter().filter(|s| !s.good);
    let inside = torque.filter(|s| (incident.at_ms..incident.until_ms).contains(&s.timestamp_ms)).count();
    assert_eq!(bad, inside);
    assert!(bad > 400);
}

#[test]
fn the_overheating_passes_the_limit_behind_the_maintenance_and_stays_there_beyond_it() {
    let survey = documented();
    let maintenance = survey.incident(IncidentKind::Maintenance);
    let hot = survey.incident(IncidentKind::Overheating);
    assert!(maintenance.at_ms < hot.at_ms && maintenance.until_ms < hot.until_ms);
    let hot_since = |limit: f64| {
        let mut samples = survey.tag(FILLER, "water_temperature").iter();
        let within = hot.at_ms..hot.until_ms;
        let hit = samples.find(|s| within.contains(&s.timestamp_ms) && s.value.as_f64().unwrap() > limit);
        hit.unwrap().timestamp_ms
    };
    // Five minutes over 80 °C before the maintenance ends, over 86 °C for minutes after it.
    assert!(hot_since(80.0) + 6 * MINUTE_MS < maintenance.until_ms);
    assert!(maintenance.until_ms < hot_since(86.0) + MINUTE_MS);
    assert!(hot_since(86.0) + 3 * MINUTE_MS < hot.until_ms);
    let switches: Vec<_> =
        survey.tag(FILLER, "maintenance_mode").iter().filter(|s| s.value == true).collect();
    assert_eq!(switches.first().unwrap().timestamp_ms, maintenance.at_ms);
    let (_, after) = survey.numbers(hot, "water_temperature");
    assert!(after.iter().all(|t| (69.0..73.0).contains(t)));
}

#[test]
fn the_hot_cleaning_is_not_under_pressure() {
    let survey = documented();
    let cleaning = survey.incident(IncidentKind::ProductChange);
    let filler =
        Incident { equipment: FILLER, until_ms: cleaning.until_ms - 4 * MINUTE_MS, ..cleaning.clone() };
    let (temperature, _) = survey.numbers(&filler, "water_temperature");
    let (pressure, _) = survey.numbers(&filler, "pressure");
    assert!(temperature.iter().filter(|t| **t > 80.0).count() > 300);
    assert!(pressure.iter().skip(120).all(|p| *p < 3.0));
}

#[test]
fn the_glue_jumps_around_its_limit_and_never_below_the_deadband() {
    let survey = documented();
    let (during, after) = survey.numbers(survey.incident(IncidentKind::FlappingSensor), "temperature");
    let crossings = during.windows(2).filter(|pair| (pair[0] > 165.0) != (pair[1] > 165.0)).count();
    assert!(crossings > 300, "{crossings}");
    assert!(during.iter().all(|t| (160.5..169.5).contains(t)));
    assert!(after.iter().all(|t| (150.0..154.0).contains(t)));
    assert_eq!(survey.incident(IncidentKind::FlappingSensor).equipment, LABELER);
}

#[test]
fn the_door_contact_chatters_and_ends_shut() {
    let survey = documented();
    let chatter = survey.incident(IncidentKind::ChatteringContact);
    let door: Vec<_> = survey
        .tag(PACKER, "door_open")
        .iter()
        .filter(|s| (chatter.at_ms..=chatter.until_ms).contains(&s.timestamp_ms))
        .collect();
    let changes = door.windows(2).filter(|pair| pair[0].value != pair[1].value).count();
    assert!(changes > 80, "{changes}");
    assert_eq!(door.last().unwrap().value, false);
}

#[test]
fn short_stops_are_five_and_shorter_than_a_minute() {
    let survey = documented();
    let stops = survey.incident(IncidentKind::ShortStops);
    let states: Vec<_> = survey
        .tag(LABELER, "machine_state")
        .iter()
        .filter(|s| (stops.at_ms..=stops.until_ms).contains(&s.timestamp_ms))
        .collect();
    let (mut faults, mut since_ms) = (0, None);
    for sample in states {
        match (sample.value == "fault", since_ms) {
            (true, None) => since_ms = Some(sample.timestamp_ms),
            (false, Some(began_ms)) => {
                assert!(sample.timestamp_ms - began_ms < MINUTE_MS);
                faults += 1;
                since_ms = None;
            }
            _ => {}
        }
    }
    assert_eq!(faults, 5);
}

#[test]
fn the_bowl_runs_low_and_the_bearing_shakes_and_both_recover() {
    let survey = documented();
    let (level, after) = survey.numbers(survey.incident(IncidentKind::LevelDrop), "fill_level");
    assert!(level[0] - level.last().unwrap() > 25.0);
    assert!(after.iter().all(|l| (61.0..63.0).contains(l)));
    let bearing = survey.incident(IncidentKind::BearingWear);
    assert_eq!(bearing.equipment, PALLETIZER);
    let (shaking, after) = survey.numbers(bearing, "vibration");
    assert!(shaking.iter().filter(|v| **v > 6.0).count() > 600);
    assert!(after.iter().all(|v| *v < 3.5));
}

#[test]
fn a_writer_that_fails_is_reported() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("no space"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let options = ShiftOptions { duration_ms: MINUTE_MS, ..ShiftOptions::default() };
    assert_eq!(Shift::new(&options).write_to(&mut Full, |_| {}).unwrap_err().to_string(), "no space");
}
