//! Classifies failures of model calls: which ones a retry can fix.

use crate::ports::CallErrorKind;

/// Error codes that reject the content of a call. Everything else can succeed later with the same call: an endpoint
/// recovers, and an operator fixes permissions and names.
const REFUSED: [&str; 3] = ["ValidationError", "ValidationException", "SerializationException"];

/// Error code with which SageMaker passes on an error of the model itself.
const MODEL_ERROR: &str = "ModelError";

/// Returns the kind of a failure from the error code and the status of an answer. Where the model itself failed, its own
/// status decides.
#[must_use]
pub fn kind_of(code: Option<&str>, status: u16, model_status: Option<u16>) -> CallErrorKind {
    // Some answers have a prefix before the code, `com.amazonaws..#Code`.
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
    fn a_failure_that_may_end_without_another_call_is_retried() {
        for (code, status) in [
            ("ThrottlingException", 400),
            ("ServiceUnavailable", 503),
            ("InternalFailure", 500),
            ("InternalDependencyException", 530),
            ("ModelNotReadyException", 429),
            ("AccessDeniedException", 403),
            ("ExpiredTokenException", 403),
            ("UnknownToAll", 418),
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
