use std::cell::RefCell;
use std::collections::VecDeque;

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
    Line::parse_from(["watch"].iter().chain(words)).arguments
}

/// A queue that answers what it was given, then nothing; waiting takes no time but by its own clock.
#[derive(Default)]
struct Queue {
    answers: RefCell<VecDeque<Result<Vec<Received>, PortError>>>,
    forgotten: RefCell<Vec<String>>,
    now_ms: RefCell<i64>,
}

impl Clock for Queue {
    fn now_ms(&self) -> i64 {
        *self.now_ms.borrow()
    }

    async fn sleep_ms(&self, duration_ms: u64) {
        *self.now_ms.borrow_mut() += i64::try_from(duration_ms).unwrap();
    }
}

impl Inbox for Queue {
    async fn receive(&self, wait_s: u32) -> Result<Vec<Received>, PortError> {
        let answer = self.answers.borrow_mut().pop_front();
        if answer.is_none() {
            *self.now_ms.borrow_mut() += i64::from(wait_s) * 1000;
        }
        answer.unwrap_or_else(|| Ok(Vec::new()))
    }

    async fn forget(&self, received: &[Received]) -> Result<(), PortError> {
        self.forgotten.borrow_mut().extend(received.iter().map(|received| received.receipt.clone()));
        Ok(())
    }
}

fn detail(sequence: u64) -> String {
    format!(
        r#"{{"id":"r/m/{sequence}","ruleId":"r","ruleVersion":1,"equipmentId":"m","sequence":{sequence},"from":"A","to":"B","at":{},
        "group":"g"}}"#,
        sequence * 1000
    )
}

fn received(body: String) -> Received {
    Received { receipt: format!("receipt of {body}"), body }
}

fn event(sequence: u64) -> Received {
    received(format!(
        r#"{{"version":"0","detail-type":"Rule State Changed","source":"andon","detail":{}}}"#,
        detail(sequence)
    ))
}

fn watch_all(queue: &Queue, words: &[&str]) -> (WatchState, Result<(), Failure>) {
    let terminal = Terminal::new(ColorChoice::Never);
    let mut state = WatchState::default();
    let outcome = at_once(watch(queue, queue, &arguments(words), &terminal, &mut state));
    (state, outcome)
}

#[test]
fn what_is_delivered_again_is_known_by_its_identity_and_all_is_taken_off_the_queue() {
    let queue = Queue::default();
    queue.answers.borrow_mut().extend([
        Ok(vec![event(2), event(1)]),
        Ok(vec![event(1), received(detail(3)), received("no json".to_owned())]),
        Err(PortError::transient("throttled")),
        Ok(vec![event(4)]),
    ]);
    let (state, outcome) = watch_all(&queue, &["--until-idle", "5s"]);
    assert!(outcome.is_ok());
    assert_eq!((state.shown, state.again, state.unreadable), (4, 1, 1));
    assert_eq!(queue.forgotten.borrow().len(), 6);
    assert_eq!(state.text(), "4 state changes, 1 delivered again, 1 message could not be read");
}

#[test]
fn it_ends_after_the_given_count_of_changes_or_the_given_time_without_one() {
    let queue = Queue::default();
    queue.answers.borrow_mut().extend([Ok(vec![event(1)]), Ok(vec![event(2)]), Ok(vec![event(3)])]);
    assert_eq!(watch_all(&queue, &["--count", "2"]).0.shown, 2);
    let queue = Queue::default();
    assert_eq!(watch_all(&queue, &["--until-idle", "25s"]).0.text(), "0 state changes");
    assert_eq!(queue.now_ms(), 25_000);
}

#[test]
fn a_queue_that_never_answered_is_an_error_and_not_waited_for() {
    let queue = Queue::default();
    queue.answers.borrow_mut().push_back(Err(PortError::transient("connection refused")));
    let (_, outcome) = watch_all(&queue, &[]);
    assert!(matches!(outcome, Err(Failure::Message(message)) if message.contains("andon local status")));
}
