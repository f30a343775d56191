//! Scores as data points.

use andon_domain::score::TAG_PREFIX;
use andon_domain::{FailureWord, OnFailure, Score, ScoreRequest, never};
use andon_ingest::Authenticator;
use serde::Serialize;

use crate::ports::StreamEntry;

/// A point in the canonical form, which is read fastest: these members in this order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Point<'p> {
    timestamp: i64,
    equipment_id: &'p str,
    tag: String,
    value: Option<f64>,
    quality: &'p str,
    meta: Meta,
}

#[derive(Serialize)]
struct Meta {
    flags: [&'static str; 1],
}

/// Returns a score as a sealed record of the stream, under the key of its machine. It has the event time of the inputs.
#[must_use]
pub fn score_record(request: &ScoreRequest, score: &Score, seal: &Authenticator) -> StreamEntry {
    let (value, quality) = match score {
        Score::Number(number) => (Some(*number), "Ok"),
        Score::Bad => (None, "Bad"),
    };
    let point = Point {
        timestamp: request.at,
        equipment_id: &request.equipment_id,
        tag: format!("{TAG_PREFIX}{}", request.model),
        value,
        quality,
        meta: Meta { flags: ["Drv"] },
    };
    let json = serde_json::to_string(&point).unwrap_or_else(|error| {
        never!("a score is no JSON: {error}");
        String::new()
    });
    StreamEntry { partition_key: request.equipment_id.to_string(), data: seal.seal(&json).into_bytes() }
}

/// Returns the score that a binding names for a failure, if it names one.
#[must_use]
pub fn on_failure(meaning: OnFailure) -> Option<Score> {
    match meaning {
        OnFailure::Value(value) => Some(Score::Number(value)),
        OnFailure::Word(FailureWord::Bad) => Some(Score::Bad),
        OnFailure::Word(FailureWord::Nothing) => None,
    }
}

#[cfg(test)]
mod tests {
    use andon_domain::wire::Message;

    use super::*;

    fn request() -> ScoreRequest {
        ScoreRequest {
            model: "m".into(),
            version: 1,
            equipment_id: "press \"1\"".into(),
            at: 1_700_000_000_000,
            inputs: Vec::new(),
        }
    }

    #[test]
    fn a_score_is_a_sealed_derived_point_of_its_model() {
        let seal = Authenticator::new(&[7; 32]).unwrap();
        let record = score_record(&request(), &Score::Number(0.125), &seal);
        assert_eq!(record.partition_key, "press \"1\"");
        let opened = seal.open(&record.data).unwrap();
        let text = str::from_utf8(opened).unwrap();
        assert!(
            text.contains(r#""tag":"ml.m","value":0.125,"quality":"Ok","meta":{"flags":["Drv"]}"#),
            "{text}"
        );
        assert!(Message::read(opened).rejections.is_empty(), "{text}");
    }

    #[test]
    fn a_failure_is_a_point_of_bad_quality_without_a_value() {
        let seal = Authenticator::new(&[7; 32]).unwrap();
        let record = score_record(&request(), &Score::Bad, &seal);
        let text = str::from_utf8(seal.open(&record.data).unwrap()).unwrap();
        assert!(text.contains(r#""value":null,"quality":"Bad""#), "{text}");
    }
}
