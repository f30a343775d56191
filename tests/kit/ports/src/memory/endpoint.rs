//! Models behind endpoints, and the answers of asynchronous ones.

use andon_workflows::ports::CallErrorKind;

/// A model. It reads CSV without quotes and answers in CSV.
#[derive(Clone, Debug)]
pub struct MemoryModel {
    /// The latency of a call, ms.
    pub latency_ms: u64,
    /// Calls that fail, in thousandths.
    pub errors: u32,
    /// It never answers.
    pub dead: bool,
    /// It refuses every call for its content.
    pub refuses: bool,
    /// The score of a row.
    pub score: fn(&str) -> f64,
    /// The number of calls.
    pub calls: u64,
    /// Concurrent calls.
    pub in_flight: u64,
    /// The maximum number of concurrent calls.
    pub most_in_flight: u64,
}

impl Default for MemoryModel {
    fn default() -> Self {
        Self {
            latency_ms: 5,
            errors: 0,
            dead: false,
            refuses: false,
            score: |row| row.split(',').filter_map(|field| field.parse::<f64>().ok()).sum(),
            calls: 0,
            in_flight: 0,
            most_in_flight: 0,
        }
    }
}

/// An answer of an asynchronous endpoint.
#[derive(Clone, Debug)]
pub struct AsyncAnswer {
    /// The id of the call.
    pub inference_id: String,
    /// The time at which it is there, ms.
    pub at_ms: i64,
    /// The answer, or the reason of the failure.
    pub outcome: Result<Vec<u8>, String>,
    /// Whether no notification of it was taken yet.
    pub untold: bool,
}

impl MemoryModel {
    /// Begins a call and returns its result.
    pub(super) fn begin(&mut self, body: &[u8]) -> Result<Vec<u8>, CallErrorKind> {
        self.calls += 1;
        self.in_flight += 1;
        self.most_in_flight = self.most_in_flight.max(self.in_flight);
        // Spread over the calls, and the same in every run.
        let chance = self.calls.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        if self.refuses {
            return Err(CallErrorKind::Refused);
        }
        if chance % 1000 < u64::from(self.errors) {
            return Err(CallErrorKind::Busy);
        }
        let text = String::from_utf8_lossy(body);
        let scores: Vec<String> = text.lines().map(|row| (self.score)(row).to_string()).collect();
        Ok(scores.join("\n").into_bytes())
    }
}
