//! Target `models`: answers of models, messages of the score-request queue, notifications of asynchronous inference.

use andon_domain::{Format, ModelEndpoint};
use andon_workflows::enrich::{AsyncNotification, EnrichMessage, answer};

/// The greatest length of an error, bytes: errors name what was found, and stay readable.
const LONGEST_ERROR: usize = 4000;

/// The first byte chooses the form of the answer and the number of rows. The rest is read as an answer, as a message of
/// the queue and as a notification.
pub(super) fn check(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let rows = usize::from(choice >> 4);
    let read = answer::read(&endpoint(*choice), rows, bytes);
    match read {
        Ok(numbers) => {
            assert_eq!(numbers.len(), rows);
            for number in numbers {
                match number {
                    Ok(number) => assert!(number.is_finite(), "{number}"),
                    Err(reason) => assert!(reason.len() < LONGEST_ERROR, "{reason}"),
                }
            }
        }
        Err(reason) => assert!(reason.len() < LONGEST_ERROR, "{reason}"),
    }
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(message) = EnrichMessage::read(text) {
        assert_eq!(EnrichMessage::read(&message.to_json()), Ok(message));
    }
    let _ = AsyncNotification::read(text);
}

fn endpoint(choice: u8) -> ModelEndpoint {
    let json = match choice & 0b111 {
        0 => r#"{"name":"m"}"#,
        1 => r#"{"name":"m","answer":{"column":1}}"#,
        2 => r#"{"name":"m","format":"json"}"#,
        3 => r#"{"name":"m","format":"json","answer":{"rows":"/predictions","number":"/score"}}"#,
        4 => r#"{"name":"m","format":"jsonlines"}"#,
        _ => r#"{"name":"m","format":"jsonlines","answer":{"number":"/0/score"}}"#,
    };
    let endpoint: ModelEndpoint =
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert!(choice & 0b111 > 1 || endpoint.format == Format::Csv);
    endpoint
}
