//! Properties over random cases.
//!
//! `ANDON_CASES` is the number of cases of each property, 1,000 by default. `ANDON_SEED` runs one seed alone. A case that
//! fails is shrunk and printed. Saved as a file in `tests/regressions`, it is run forever.

use std::collections::BTreeMap;
use std::fmt::Debug;

use andon_domain::wire::{Message, MessageContent};
use andon_domain::{Reason, RuleDocument, ScoreRequest};
use andon_engine::KeyState;
use andon_engine::replay::Replay;
use andon_kit_cases::Case;
use andon_kit_cases::generate;
use andon_kit_cases::naive::{self, InputEnd};
use andon_kit_cases::shrink::shrink;

use crate::support::{Recorded, by_rule, compiled, folders, replay_all, root, text};

mod oracle;

fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    match number("ANDON_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ANDON_CASES").unwrap_or(1000),
    }
}

/// Runs a property over random cases and those in `tests/regressions`.
fn holds(name: &str, property: impl Fn(&Case) -> Result<(), String>) {
    for file in regressions() {
        let case = Case::parse(&text(&file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        property(&case).unwrap_or_else(|why| panic!("{name} fails for {}: {why}", file.display()));
    }
    let seeds = seeds();
    for seed in seeds.clone() {
        let case = generate::case(seed);
        if property(&case).is_err() {
            let smallest = shrink(&case, |case| property(case).is_err());
            let why = property(&smallest).expect_err("shrinking keeps the failure");
            panic!(
                "{name} fails for seed {seed}: {why}\nshrunk; save as tests/regressions/{seed}.case:\n{smallest}"
            );
        }
    }
    println!("{name}: {} cases", seeds.count());
}

fn regressions() -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(root().join("tests/regressions"))
        .map(|entries| entries.map(|entry| entry.expect("a readable folder").path()).collect())
        .unwrap_or_default();
    files.retain(|file: &std::path::PathBuf| file.extension().is_some_and(|extension| extension == "case"));
    files.sort();
    files
}

fn same<T: PartialEq + Debug>(left: &T, right: &T) -> Result<(), String> {
    if left == right { Ok(()) } else { Err(format!("\n  one:   {left:?}\n  other: {right:?}")) }
}

fn lines(case: &Case) -> impl Iterator<Item = &str> {
    case.lines.iter().map(String::as_str)
}

fn replayed(case: &Case, close: bool) -> Recorded {
    replay_all(case.rules.clone(), lines(case), close).0
}

/// Returns requests by (model, machine), in the order of decision: the order between others means nothing.
fn by_model(requests: &[ScoreRequest]) -> BTreeMap<(String, String), Vec<ScoreRequest>> {
    let mut sorted: BTreeMap<_, Vec<ScoreRequest>> = BTreeMap::new();
    for request in requests {
        let key = (request.model.to_string(), request.equipment_id.to_string());
        sorted.entry(key).or_default().push(request.clone());
    }
    sorted
}

#[test]
fn the_fold_decides_and_rejects_as_the_naive_reference() {
    holds("agreement with the naive reference", |case| {
        for (close, end) in [(true, InputEnd::Closed), (false, InputEnd::LeftOpen)] {
            let naive = naive::replay(&case.rules, &case.lines, end)?;
            let (recorded, counts) = replay_all(case.rules.clone(), lines(case), close);
            let decided = |transition: &naive::NaiveTransition| {
                (
                    transition.sequence,
                    transition.from.clone(),
                    transition.to.clone(),
                    transition.at,
                    transition.group.clone(),
                )
            };
            let expected: BTreeMap<_, Vec<_>> = naive
                .by_rule_and_equipment()
                .into_iter()
                .map(|(key, transitions)| (key, transitions.iter().map(decided).collect()))
                .collect();
            same(&by_rule(&recorded.transitions), &expected)?;
            let of_reason = naive.counts.by_reason();
            for reason in Reason::ALL {
                let expected = of_reason.get(&reason).copied().unwrap_or_default();
                same(&(reason, counts.rejected(reason)), &(reason, expected))?;
            }
            same(
                &(counts.points_from_future, counts.watermark_forced),
                &(naive.counts.points_from_future, naive.counts.watermark_forced),
            )?;
            same(&by_model(&recorded.requests), &by_model(&naive.requests))?;
        }
        Ok(())
    });
}

#[test]
fn a_state_packed_and_unpacked_between_any_two_records_decides_the_same() {
    holds("packing", |case| {
        let mut rng = fastrand::Rng::with_seed(case.seed);
        // Between all records, or between batches of some.
        let every = rng.usize(1..5);
        let mut packing = Replay::new(compiled(case.rules.clone()));
        let mut recorded = Recorded::default();
        let mut store = Store::default();
        for (index, line) in lines(case).enumerate() {
            packing.line(line.as_bytes(), &mut recorded).map_err(|error| error.to_string())?;
            packing.keys().iter().try_for_each(KeyState::check_invariants)?;
            if index % every == 0 {
                packing.replace_keys(|rules, key| store.store_and_load(rules, key))?;
            }
        }
        packing.close(&mut recorded);
        same(&recorded, &replayed(case, true))
    });
}

/// The segments of a table. Segments that no head needs any more are deleted.
#[derive(Default)]
struct Store(BTreeMap<(String, andon_engine::SegmentId), Vec<u8>>);

impl Store {
    /// Returns a state as it is after being stored and read.
    fn store_and_load(
        &mut self,
        rules: &andon_engine::CompiledRules,
        key: &KeyState,
    ) -> Result<KeyState, String> {
        let equipment = key.equipment().to_owned();
        let mut sealed = key.clone();
        let packed = sealed.pack();
        for segment in &packed.new_segments {
            self.0.insert((equipment.clone(), segment.id), segment.bytes.clone());
        }
        self.0.retain(|(of, id), _| *of != equipment || packed.live_segments.contains(id));
        let listed = andon_engine::segments_of(&packed.head).map_err(|error| error.to_string())?;
        same(&listed, &packed.live_segments)?;
        let segment = |id| self.0.get(&(equipment.clone(), id)).map(Vec::as_slice);
        sealed.check_packed(rules, &packed, segment)?;
        let unpacked =
            KeyState::unpack(&equipment, rules, &packed.head, segment).map_err(|error| error.to_string())?;
        // A stored due time may be early, never late: a segment may bring back a pane that an instant at its end made
        // superfluous.
        let due = |key: &KeyState| key.next_due_clock_ms().unwrap_or(i64::MAX);
        if due(&unpacked) > due(key) {
            return Err(format!("due at {} after unpacking, before at {}", due(&unpacked), due(key)));
        }
        // Packing is a function of the state: nothing is left out, nothing wanders.
        same(&unpacked.clone().pack().head, &packed.head)?;
        Ok(unpacked)
    }
}

#[test]
fn records_redelivered_with_their_arrival_change_nothing() {
    holds("redelivery", |case| {
        // Under changing rules a redelivered point may be the first that a rule sees of its tag; there the position
        // in the shard tells it, not the fold.
        if lines(case).any(|line| matches!(Message::read(line.as_bytes()).content, MessageContent::Rules(_)))
        {
            return Ok(());
        }
        let mut rng = fastrand::Rng::with_seed(case.seed);
        let mut twice: Vec<&str> = Vec::new();
        for line in lines(case) {
            twice.push(line);
            let message = Message::read(line.as_bytes());
            // A bare tick stands for the clock of its key at that place.
            let bare_tick =
                matches!(message.content, MessageContent::Tick(_)) && message.arrival_ms.is_none();
            if rng.bool() && !bare_tick {
                let back = rng.usize(0..twice.len().min(5));
                twice.push(twice[twice.len() - 1 - back]);
            }
        }
        for close in [true, false] {
            let again = replay_all(case.rules.clone(), twice.iter().copied(), close).0;
            let once = replayed(case, close);
            same(&by_rule(&again.transitions), &by_rule(&once.transitions))?;
            same(&by_model(&again.requests), &by_model(&once.requests))?;
        }
        Ok(())
    });
}

#[test]
fn every_order_that_stays_within_max_out_of_orderness_decides_the_same() {
    let seeds = seeds();
    for seed in seeds.clone() {
        let case = generate::in_order_case(seed);
        for order in 0..3 {
            let (sorted, permuted) = (case.in_order(), case.permuted(seed ^ (order << 32)));
            for close in [true, false] {
                if !close && !case.holds_when_left_open() {
                    continue;
                }
                let (left, right) = (replayed(&permuted, close), replayed(&sorted, close));
                let decided =
                    |recorded: &Recorded| (by_rule(&recorded.transitions), by_model(&recorded.requests));
                let (left, right) = (decided(&left), decided(&right));
                assert_eq!(left, right, "order {order} of seed {seed}, close {close}\n{permuted}");
            }
        }
    }
    println!("orders: {} cases", seeds.count());
}

#[test]
fn watermarks_never_go_back_and_transitions_form_a_chain() {
    holds("watermarks and chains", |case| {
        let mut replay = Replay::new(compiled(case.rules.clone()));
        let mut recorded = Recorded::default();
        let mut watermarks: BTreeMap<String, Option<i64>> = BTreeMap::new();
        for line in lines(case) {
            replay.line(line.as_bytes(), &mut recorded).map_err(|error| error.to_string())?;
            for key in replay.keys() {
                let before = watermarks.insert(key.equipment().to_owned(), key.watermark_ms()).flatten();
                if key.watermark_ms() < before {
                    return Err(format!("the watermark of {} went back from {before:?}", key.equipment()));
                }
                let due = key.next_due_clock_ms();
                if due.is_some_and(|due_ms| due_ms < key.clock_ms()) {
                    return Err(format!("due at {due:?}, before the clock {}", key.clock_ms()));
                }
            }
        }
        replay.close(&mut recorded);
        for (model, requests) in by_model(&recorded.requests) {
            // An identity is used once.
            if requests.windows(2).any(|pair| pair[0].at >= pair[1].at) {
                return Err(format!("{model:?} is asked twice at one time, or out of order: {requests:?}"));
            }
        }
        let defaults = defaults(case);
        let rules_change = defaults.len() > case.rules.rules.len()
            || lines(case)
                .any(|line| matches!(Message::read(line.as_bytes()).content, MessageContent::Rules(_)));
        for ((rule, equipment), chain) in by_rule(&recorded.transitions) {
            let (mut sequence, mut state, mut at): (u64, Option<String>, i64) = (0, None, i64::MIN);
            for (this, from, to, this_at, group) in chain {
                // From the state before; or, at the first and after the rule was gone, from a default that some version
                // of it had.
                let continues = state.as_ref() == Some(&from);
                let may_begin = state.is_none() || rules_change;
                let linked = continues || (may_begin && defaults.contains(&(rule.clone(), from.clone())));
                let legal = this == sequence + 1
                    && linked
                    && this_at >= at
                    && to.as_ref() != Some(&from)
                    && (to.is_some() || group.is_none());
                if !legal {
                    return Err(format!(
                        "{rule} on {equipment}: {this} from {from} to {to:?} at {this_at} breaks the chain"
                    ));
                }
                (sequence, state, at) = (this, to, this_at);
            }
        }
        Ok(())
    });
}

/// Returns the defaults of all versions of the rules in a case, with the rules' ids.
fn defaults(case: &Case) -> std::collections::BTreeSet<(String, String)> {
    let mut documents: Vec<RuleDocument> = vec![case.rules.clone()];
    for line in lines(case) {
        if let MessageContent::Rules(document) = Message::read(line.as_bytes()).content {
            documents.extend(RuleDocument::from_json(document));
        }
    }
    documents.into_iter().flat_map(|document| document.rules).map(|rule| (rule.id, rule.default)).collect()
}

#[test]
fn a_tick_at_the_next_due_clock_decides_what_was_due_and_one_before_does_not() {
    holds("due clocks", |case| {
        let mut replay = Replay::new(compiled(case.rules.clone()));
        for line in lines(case) {
            replay.line(line.as_bytes(), &mut Recorded::default()).map_err(|error| error.to_string())?;
        }
        let rules = replay.rules().clone();
        for key in replay.keys() {
            let Some(due_ms) = key.next_due_clock_ms() else { continue };
            // A tick would first take up a rule set that the key has not taken up yet.
            if rules.newest().is_some_and(|set| set.start_ms() != key.rule_set_start_ms()) {
                continue;
            }
            let tick = |arrival_ms| {
                let mut key = key.clone();
                let record = andon_engine::Record { arrival_ms, body: andon_engine::RecordBody::Tick };
                key.apply(&rules, &record).map(|_| key).map_err(|error| error.to_string())
            };
            let work = |key: &KeyState| (key.pending_points(), key.next_due_clock_ms());
            if due_ms > key.clock_ms() {
                same(&tick(due_ms - 1)?.pending_points(), &key.pending_points())?;
                same(&tick(due_ms - 1)?.next_due_clock_ms(), &Some(due_ms))?;
            }
            if work(&tick(due_ms)?) == work(key) {
                return Err(format!("a tick at {due_ms} did nothing on {}", key.equipment()));
            }
        }
        Ok(())
    });
}

#[test]
fn regression_files_are_cases() {
    assert!(folders(&root().join("tests")).iter().any(|folder| folder.ends_with("regressions")));
    for file in regressions() {
        assert!(Case::parse(&text(&file)).is_ok(), "{}", file.display());
    }
}
