//! Tests the ports over AWS on an emulator: the one that `ANDON_TEST_ENDPOINT` names, otherwise one that the test starts.
//!
//! `ANDON_TEST_EXCEPT` names clauses that another emulator than the default one is known to break.

use andon_aws::{Aws, Config, Metered, setup};
use andon_kit_ports::contract;
use andon_local::{Emulator, Listener};
use andon_workflows::ports::{
    Clock as _, Commit, Committed, Head, OutboxItem, Payload, RuleStore as _, StateStore as _,
};

/// Clauses that the default emulator breaks, and why.
const EXCEPTIONS: [(&str, &str); 1] = [(
    "many_large_decisions_among_those_of_others_come_in_pages",
    "its scans order sort keys as texts, also where they are numbers; DynamoDB orders them as numbers",
)];

fn config(endpoint: &str, purpose: &str) -> Config {
    Config::from_vars(vars(endpoint, purpose)).unwrap()
}

/// Names that only this run uses.
pub(super) fn vars(endpoint: &str, purpose: &str) -> Vec<(String, String)> {
    let run = format!("{purpose}-{:x}-{}", andon_clock::now_ms(), std::process::id());
    let vars = [
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("ANDON_STREAM", format!("points-{run}")),
        ("ANDON_STATE_TABLE", format!("state-{run}")),
        ("ANDON_OUTBOX_TABLE", format!("outbox-{run}")),
        ("ANDON_CHECKPOINTS_TABLE", format!("checkpoints-{run}")),
        ("ANDON_RULES_TABLE", format!("rules-{run}")),
        ("ANDON_BUCKET", format!("records-{run}")),
        ("ANDON_BUS", format!("bus-{run}")),
        ("ANDON_FAILURES_QUEUE", format!("failures-{run}")),
        ("ANDON_SHARDS", "2".to_owned()),
        // Emulators take their time over megabytes, on busy machines.
        ("ANDON_CALL_TIMEOUT", "1m".to_owned()),
    ];
    vars.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

/// An emulator under test: the one at `ANDON_TEST_ENDPOINT`, or one that ends with the test.
pub(super) struct Place {
    pub(super) endpoint: String,
    emulator: Option<Emulator>,
}

impl Place {
    fn is_default(&self) -> bool {
        self.emulator.is_some()
    }
}

/// An emulator, or none where it cannot be had; on a build server it must be.
pub(super) fn place() -> Option<Place> {
    if let Some(endpoint) = std::env::var("ANDON_TEST_ENDPOINT").ok().filter(|endpoint| !endpoint.is_empty())
    {
        return Some(Place { endpoint, emulator: None });
    }
    match Emulator::start(&Listener::silent()) {
        Ok(emulator) => Some(Place { endpoint: emulator.endpoint().to_owned(), emulator: Some(emulator) }),
        Err(error) if std::env::var_os("CI").is_none() => {
            eprintln!("SKIPPED: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Runs on a runtime as the functions have it: of one thread.
pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn aws_keeps_the_contract() {
    let Some(place) = place() else { return };
    let config = config(&place.endpoint, "contract");
    let (verdicts, deleted) = run(async {
        setup::create(&config).await.unwrap();
        // What is there already stays.
        setup::create(&config).await.unwrap();
        let aws = Aws::connect(&config).await;
        let mut made = 0;
        let fresh = |like: &str| {
            made += 1;
            format!("{like}-{made}")
        };
        (contract::verdicts(&aws, fresh, &[]).await, setup::delete(&config).await)
    });
    assert_eq!(verdicts.len(), contract::CLAUSES.len());
    let others = std::env::var("ANDON_TEST_EXCEPT").unwrap_or_default();
    let excepted = |clause: &str| {
        if place.is_default() {
            EXCEPTIONS.iter().any(|(known, _)| *known == clause)
        } else {
            others.split(',').any(|other| other == clause)
        }
    };
    let mut broken = Vec::new();
    for verdict in verdicts {
        match verdict.broken {
            Some(how) if excepted(verdict.clause) => eprintln!("as known: {}: {how}", verdict.clause),
            Some(how) => broken.push(format!("{}: {how}", verdict.clause)),
            None if excepted(verdict.clause) => {
                broken.push(format!("{}: holds, but is listed as broken by this emulator", verdict.clause));
            }
            None => {}
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert_eq!(deleted, Ok(()));
}

#[test]
fn what_was_set_up_is_gone_after_it_was_deleted_and_can_be_set_up_again() {
    let Some(place) = place() else { return };
    let config = config(&place.endpoint, "setup");
    run(async {
        for _ in 0..2 {
            setup::create(&config).await.unwrap();
            let aws = Aws::connect(&config).await;
            assert_eq!(aws.read_heads(&["e"]).await, Ok(vec![None]));
            let head = Head { version: 1, ..Head::default() };
            let commit = Commit { equipment: "e".to_owned(), read_version: 0, head, outbox: None };
            assert_eq!(aws.commit(&commit).await, Ok(Committed::Done));
            setup::delete(&config).await.unwrap();
            // A table that is missing may be there again tomorrow.
            assert!(aws.commit(&commit).await.unwrap_err().is_transient());
        }
        setup::delete(&config).await.unwrap();
    });
}

/// The counts of one operation on the table of states.
fn of(metered: &Metered, operation: &str, config: &Config) -> andon_aws::Count {
    let name = format!("dynamodb.{operation} {}", config.names.state_table);
    metered.get(&name).copied().unwrap_or_default()
}

#[test]
fn requests_and_capacity_units_are_counted() {
    let Some(place) = place() else { return };
    let config = Config { meter: true, ..config(&place.endpoint, "meter") };
    let metered = run(async {
        setup::create(&config).await.unwrap();
        let aws = Aws::connect(&config).await;
        for (number, bytes) in [(1, 500), (2, 500), (3, 1500)] {
            let equipment = format!("e{number}");
            let head = Head { version: 1, body: vec![b'x'; bytes], ..Head::default() };
            let decided = OutboxItem {
                equipment: equipment.clone(),
                version: 1,
                clock_ms: aws.now_ms(),
                expires_s: 4_102_444_800,
                payload: Payload::Inline("[]".to_owned()),
            };
            for outbox in [None, Some(decided)] {
                let equipment = format!("{equipment}-{}", outbox.is_some());
                let outbox = outbox.map(|item| OutboxItem { equipment: equipment.clone(), ..item });
                let commit = Commit { equipment, read_version: 0, head: head.clone(), outbox };
                assert_eq!(aws.commit(&commit).await, Ok(Committed::Done));
            }
        }
        aws.read_heads(&["e1-true", "e3-true", "unknown"]).await.unwrap();
        aws.pointer().await.unwrap();
        setup::delete(&config).await.unwrap();
        aws.metered()
    });
    println!("{metered:#?}");
    let (put, both, read) = (
        of(&metered, "PutItem", &config),
        of(&metered, "TransactWriteItems", &config),
        of(&metered, "BatchGetItem", &config),
    );
    assert_eq!((put.requests, both.requests, read.requests), (3, 3, 1));
    let near = |found: f64, expected: f64| (found - expected).abs() < 1e-9;
    assert!(near(put.computed_units, 4.0), "{put:?}");
    assert!(near(both.computed_units, 8.0), "{both:?}");
    assert!(near(read.computed_units, 3.0), "{read:?}");
    // An emulator may say nothing; the default one does, and says the same but for reads of many.
    for (name, count) in [("PutItem", put), ("TransactWriteItems", both), ("BatchGetItem", read)] {
        println!(
            "{name}: said {}, computed {}, altogether {}",
            count.units,
            count.computed_units,
            count.all_units()
        );
        assert!(count.metered_requests == 0 || count.units > 0.0, "{name}: {count:?}");
    }
}
