//! Computes the cost of a million requests to a model, without its endpoint, from real message sizes, service batches and
//! prices.

use andon_domain::{ScoreRequest, ScoreRequestBatch};
use andon_workflows::enrich::EnrichMessage;
use andon_workflows::limits::SCORES_PER_WRITE;

use crate::bill::{dollars, whole};
use crate::{Result, prices};

/// Requests to a model.
const REQUESTS: f64 = 1e6;
/// Inputs of a request.
const INPUTS: u32 = 10;
/// Duration of a call, s.
const CALL_S: f64 = 0.05;
/// Calls of an invocation side by side, and messages in it: `enrich.calls` and `enrich.batchSize` as they are deployed.
const CALLS: f64 = 20.0;
const BATCH: f64 = 100.0;
/// Memory of `enrich`, GB.
const MEMORY_GB: f64 = 0.25;
/// A request to the stream, at the end of an invocation, s.
const STREAM_S: f64 = 0.01;
/// Messages in a request of SQS, sent, received or deleted.
const SQS_BATCH: f64 = 10.0;
/// SQS bills a request per started block of this many bytes.
const SQS_BYTES: f64 = 65_536.0;
/// A line of the log of each invocation, with those that Lambda adds, bytes.
const LOG_BYTES: f64 = 2_000.0;

pub(crate) fn bill() -> Result<()> {
    println!(
        "| rows a call | bytes a message | calls | SQS requests, full; one by one | invocations | GB-s | SQS | Lambda | logs | Kinesis on demand; provisioned | **all, full, on demand** |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for rows in [1_u32, 10, 100] {
        let bytes = message_bytes(rows)?;
        let messages = REQUESTS / f64::from(rows);
        // Sent, received and deleted; only what carries messages is paid for by its size.
        let paid = |bytes: f64| (bytes / SQS_BYTES).ceil().max(1.0);
        let full = messages / SQS_BATCH * (2.0 * paid(bytes * SQS_BATCH) + 1.0);
        let single = messages * (2.0 * paid(bytes) + 1.0);
        let invocations = messages / BATCH;
        let writes = (BATCH * f64::from(rows) / SCORES_PER_WRITE as f64).ceil();
        // Of several requests to the stream four are under way at a time.
        let took_s = BATCH / CALLS * CALL_S + (writes / 4.0).ceil() * STREAM_S;
        let gb_s = invocations * took_s * MEMORY_GB;
        let sqs = prices::SQS_REQUEST.of(full);
        let lambda = prices::LAMBDA_REQUEST.of(invocations) + prices::LAMBDA_GB_SECOND.of(gb_s);
        let logs = prices::LOG_GB.of(invocations * LOG_BYTES / 1e9);
        // A score is a record of less than a kilobyte, which is what it is counted as.
        let gigabytes = REQUESTS * 1024.0 / f64::from(1 << 30);
        let kinesis = prices::KINESIS_GB_IN.of(gigabytes) + prices::KINESIS_GB_OUT.of(gigabytes);
        println!(
            "| {rows} | {} | {} | {}; {} | {} | {} | {} | {} | {} | {}; {} | **{}** |",
            whole(bytes),
            whole(messages),
            whole(full),
            whole(single),
            whole(invocations),
            whole(gb_s),
            dollars(sqs),
            dollars(lambda),
            dollars(logs),
            dollars(kinesis),
            dollars(prices::KINESIS_PUT_UNIT.of(REQUESTS)),
            dollars(sqs + lambda + logs + kinesis),
        );
    }
    Ok(())
}

/// Returns the bytes of a message with `rows` rows.
fn message_bytes(rows: u32) -> Result<f64> {
    let names: Vec<String> = (0..INPUTS).map(|number| format!("feature_{number}")).collect();
    let inputs: Vec<f64> = (0..INPUTS).map(|number| f64::from(number) + 0.123_456_789).collect();
    let request = |row: u32| -> Result<ScoreRequest> {
        Ok(serde_json::from_value(serde_json::json!({
            "model": "bearing", "version": 1, "equipmentId": format!("line-1/filler-{row}"), "at": 1_772_431_230_000_u64,
            "inputs": inputs,
        }))?)
    };
    let batch = ScoreRequestBatch {
        asked_ms: 1_772_431_231_000,
        endpoint: serde_json::from_value(serde_json::json!({"name": "bearing-anomaly", "rows": rows}))?,
        names,
        requests: (0..rows).map(request).collect::<Result<_>>()?,
        failed: 0,
    };
    Ok(EnrichMessage::ScoreRequests(Box::new(batch)).to_json().len() as f64)
}
