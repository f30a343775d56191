//! Which failures of a model trying again can mend.

use crate::ports::CallErrorKind;

/// Codes with which the content of a call is refused. All else may change without the call: an endpoint recovers, and a
/// person mends permissions and names.
const REFUSED: [&str; 3] = ["ValidationError", "ValidationException", "SerializationException"];

/// The code with which SageMaker hands on what the model itself has said.
const MODEL_ERROR: &str = "ModelError";

/// The kind of a failure, from the code and the status of an answer, and the status that the model itself gave, where it
/// was the model that failed.
#[must_use]
pub fn kind_of(code: Option<&str>, status: u16, model_status: Option<u16>) -> CallErrorKind {
    // Some answers have the code behind a prefix, `com.amazonaws..#Code`.
    let code = code.map(|code| code.rsplit('#').next().unwrap_or(code));
    if code == Some(MODEL_ERROR) {
        return match model_status {
            Some(408 | 504) => CallErrorKind::Timeout,
            Some(429) => CallErrorKind::Busy,
            Some(400..=499) => CallErrorKind::Refused,
            _ => CallErrorKind::Busy,
        };
    }
    match status {
        408 | 504 => CallErrorKind::Timeout,
        413 => CallErrorKind::Refused,
        _ if code.is_some_and(|code| REFUSED.contains(&code)) => CallErrorKind::Refused,
        _ => CallErrorKind::Busy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_mended_without_the_call_is_tried_again() {
        for (code, status) in [
            ("ThrottlingException", 400),
            ("ServiceUnavailable", 503),
            ("InternalFailure", 500),
            ("InternalDependencyException", 530),
            ("ModelNotReadyException", 429),
            ("AccessDeniedException", 403),
            ("ExpiredTokenException", 403),
            ("NobodyKnows", 418),
        ] {
            assert_eq!(kind_of(Some(code), status, None), CallErrorKind::Busy, "{code}");
        }
        assert_eq!(kind_of(None, 502, None), CallErrorKind::Busy);
        assert_eq!(kind_of(None, 504, None), CallErrorKind::Timeout);
    }

    #[test]
    fn a_call_that_is_refused_for_its_content_is_not_made_again() {
        for code in ["ValidationError", "com.amazonaws.sagemaker#ValidationError"] {
            assert_eq!(kind_of(Some(code), 400, None), CallErrorKind::Refused, "{code}");
        }
        assert_eq!(kind_of(None, 413, None), CallErrorKind::Refused);
    }

    #[test]
    fn the_status_of_the_model_itself_decides_where_it_failed() {
        let kind = |status| kind_of(Some("ModelError"), 424, status);
        assert_eq!(kind(Some(400)), CallErrorKind::Refused);
        assert_eq!(kind(Some(415)), CallErrorKind::Refused);
        assert_eq!(kind(Some(429)), CallErrorKind::Busy);
        assert_eq!(kind(Some(504)), CallErrorKind::Timeout);
        assert_eq!(kind(Some(500)), CallErrorKind::Busy);
        assert_eq!(kind(None), CallErrorKind::Busy);
    }
}
