//! Delivers one batch, with retries, until the function has processed every record.

use std::time::Duration;

use tokio::sync::watch;

use super::{Invoke, SourceRecord, go_on_after};

/// Wait before the first retry of a batch; each retry doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Maximum wait between retries.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Delivers records until the function has processed all of them. Returns false if the source stops before.
pub(super) async fn deliver(
    records: &[SourceRecord],
    target: &impl Invoke,
    stop: &mut watch::Receiver<bool>,
) -> bool {
    // What is still to be done, the first part last.
    let mut parts = vec![records];
    let mut wait = FIRST_WAIT;
    while let Some(part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        let answer = target.invoke(event(part)).await;
        let done = answer.as_ref().ok().and_then(|answer| done(answer, part));
        let rest = match done {
            Some(done) => part.get(done..).unwrap_or_default(),
            None => part,
        };
        if done.is_some_and(|done| done > 0) {
            wait = FIRST_WAIT;
        }
        if rest.is_empty() {
            continue;
        }
        match done {
            Some(_) => parts.push(rest),
            // Somewhere in there is what it cannot bear: what stands before that can be done.
            None => {
                let (first, second) = part.split_at(part.len().div_ceil(2));
                parts.extend([second, first]);
            }
        }
        if !go_on_after(wait, stop).await {
            return false;
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
    true
}

fn event(records: &[SourceRecord]) -> Vec<u8> {
    let records: Vec<&str> = records.iter().map(|record| record.json.as_str()).collect();
    format!("{{\"Records\":[{}]}}", records.join(",")).into_bytes()
}

/// Returns the number of leading records that a response reports as done; `None` for an invalid response, after which no
/// record is done.
/// Reads `batchItemFailures` [as Lambda does](https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html).
fn done(answer: &[u8], records: &[SourceRecord]) -> Option<usize> {
    let answer: serde_json::Value = serde_json::from_slice(answer).ok()?;
    if answer.is_null() {
        return Some(records.len());
    }
    let failures = match answer.as_object()?.get("batchItemFailures") {
        None if answer.as_object()?.is_empty() => return Some(records.len()),
        None => return None,
        Some(serde_json::Value::Null) => return Some(records.len()),
        Some(failures) => failures.as_array()?,
    };
    let mut done = records.len();
    for failure in failures {
        let number = failure.get("itemIdentifier")?.as_str()?;
        done = done.min(records.iter().position(|record| record.number == number)?);
    }
    Some(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(count: usize) -> Vec<SourceRecord> {
        (0..count)
            .map(|number| SourceRecord { number: number.to_string(), json: number.to_string() })
            .collect()
    }

    #[test]
    fn an_answer_is_read_as_lambda_reads_it() {
        for (answer, expected) in [
            (r"null", Some(5)),
            (r"{}", Some(5)),
            (r#"{"batchItemFailures":[]}"#, Some(5)),
            (r#"{"batchItemFailures":null}"#, Some(5)),
            (r#"{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"1"}]}"#, Some(1)),
            (r#"{"batchItemFailures":[{"itemIdentifier":"0"}]}"#, Some(0)),
            (r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, None),
            (r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, None),
            (r#"{"batchItemFailures":[{"item":"3"}]}"#, None),
            (r#"{"batchItemFailures":[{"itemIdentifier":"99"}]}"#, None),
            (r#"{"errors":[]}"#, None),
            ("what?", None),
        ] {
            assert_eq!(done(answer.as_bytes(), &records(5)), expected, "{answer}");
        }
    }
}
