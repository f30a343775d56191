//! Answers to event sources.

use std::fmt::Display;

use andon_domain::never;
use serde::Serialize;
use serde_json::Value;

/// The answer to an event source that delivers a batch: the items to deliver again.
///
/// For a shard it is the first item that is not done, since the source delivers everything from there. For a queue it is
/// every message that is not done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

impl BatchResponse {
    /// Makes the answer of the items that are not done.
    pub fn not_done(items: impl IntoIterator<Item = impl Display>) -> Self {
        let items = items.into_iter();
        Self {
            batch_item_failures: items
                .map(|item| ItemFailure { item_identifier: item.to_string() })
                .collect(),
        }
    }
}

impl From<BatchResponse> for Value {
    fn from(response: BatchResponse) -> Self {
        serde_json::to_value(response).unwrap_or_else(|error| {
            never!("an answer is no JSON: {error}");
            Self::Null
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_names_what_is_to_come_again() {
        let none: [&str; 0] = [];
        assert_eq!(Value::from(BatchResponse::not_done(none)), json!({"batchItemFailures": []}));
        assert_eq!(
            Value::from(BatchResponse::not_done(["4959", "7"])),
            json!({"batchItemFailures": [{"itemIdentifier": "4959"}, {"itemIdentifier": "7"}]})
        );
    }
}
