//! Classifies errors of calls: which ones a retry can fix.
//!
//! An error is permanent only if the service rejects the content of the request. Everything else can succeed later with the
//! same request: a throttled table recovers, and an operator fixes permissions, credentials and names. To treat those as
//! permanent would drop good records.

use std::fmt::Display;

use andon_workflows::ports::{ErrorKind, PortError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::error::operation::BuildError;

/// Error codes that reject the content of a request.
const REFUSED: [&str; 22] = [
    "ValidationException",
    "ValidationError",
    "SerializationException",
    "ItemCollectionSizeLimitExceededException",
    "InvalidArgument",
    "InvalidArgumentException",
    "InvalidParameterValue",
    "InvalidParameterValueException",
    "InvalidParameterException",
    "InvalidRequest",
    "InvalidURI",
    "KeyTooLongError",
    "EntityTooLarge",
    "MalformedDetail",
    "MalformedXML",
    "InvalidMessageContents",
    "AWS.SimpleQueueService.BatchRequestTooLong",
    "MessageTooLong",
    "RequestEntityTooLarge",
    "RequestEntityTooLargeException",
    "PutEventsRequestEntryTooLarge",
    "RequestTooLarge",
];

/// HTTP status of a request that is too large for the service.
const TOO_LARGE: u16 = 413;

/// Returns the error of a call; `what` names the attempt.
pub(crate) fn port_error<E>(what: impl Display, error: &SdkError<E, HttpResponse>) -> PortError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let (kind, said) = match error {
        SdkError::ConstructionFailure(_) => (ErrorKind::Permanent, chain(error)),
        SdkError::TimeoutError(_) => (ErrorKind::Transient, "no answer in time".to_owned()),
        SdkError::DispatchFailure(failure) => {
            let source = failure.as_connector_error().map_or_else(|| chain(error), |source| chain(source));
            (ErrorKind::Transient, source)
        }
        SdkError::ServiceError(service) => {
            let meta = service.err().meta();
            let status = service.raw().status().as_u16();
            let said = match (meta.code(), meta.message()) {
                (Some(code), Some(message)) => format!("{code}: {message}"),
                (Some(code), None) => code.to_owned(),
                (None, Some(message)) => format!("status {status}: {message}"),
                (None, None) => format!("status {status}"),
            };
            (kind_of(meta.code(), status), said)
        }
        _ => (ErrorKind::Transient, chain(error)),
    };
    PortError { kind, message: format!("{what}: {said}") }
}

/// Returns the kind of an error, from the code and the status of an answer: whether a retry can help.
fn kind_of(code: Option<&str>, status: u16) -> ErrorKind {
    let refused = status == TOO_LARGE
        || code.is_some_and(|code| {
            // Some answers have the code behind a prefix, `com.amazonaws..#Code`.
            REFUSED.contains(&code.rsplit('#').next().unwrap_or(code))
        });
    if refused { ErrorKind::Permanent } else { ErrorKind::Transient }
}

/// The error of one entry among several, each with a code of its own.
pub(crate) fn entry_error(what: impl Display, code: &str, message: Option<&str>) -> PortError {
    const MAY_CHANGE: [&str; 13] = [
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "ProvisionedThroughputExceededException",
        "LimitExceededException",
        "InternalFailure",
        "InternalException",
        "InternalServerError",
        "ServiceUnavailable",
        "AccessDeniedException",
        "NotAuthorizedForSourceException",
        "NotAuthorizedForDetailTypeException",
        "OperationDisabledException",
    ];
    let kind = if MAY_CHANGE.contains(&code) || code.starts_with("KMS") {
        ErrorKind::Transient
    } else {
        ErrorKind::Permanent
    };
    PortError { kind, message: format!("{what}: {code}: {}", message.unwrap_or("no message")) }
}

/// Returns the error of a request that cannot be built, which is a mistake of this program.
pub(crate) fn unbuilt(error: BuildError) -> PortError {
    PortError::permanent(format!("a request to AWS is incomplete: {error}"))
}

/// An error with its causes.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !said.ends_with(&more) {
            said = format!("{said}: {more}");
        }
        source = cause.source();
    }
    said
}

#[cfg(test)]
#[cfg(feature = "all")]
mod tests {
    use aws_sdk_dynamodb::config::http::HttpResponse;
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::put_item::PutItemError;
    use aws_sdk_s3::primitives::SdkBody;

    use super::*;

    fn answered(code: &str, status: u16) -> SdkError<PutItemError, HttpResponse> {
        let meta = ErrorMetadata::builder().code(code).message("said").build();
        let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        SdkError::service_error(PutItemError::generic(meta), response)
    }

    #[test]
    fn what_is_refused_for_its_content_is_permanent() {
        for (code, status) in
            [("ValidationException", 400), ("com.amazonaws#ValidationException", 400), ("Odd", 413)]
        {
            let error = port_error("cannot write the head of `e`", &answered(code, status));
            assert!(!error.is_transient(), "{code}");
        }
        let error = port_error("cannot write the head of `e`", &answered("ValidationException", 400));
        assert_eq!(error.message, "cannot write the head of `e`: ValidationException: said");
    }

    #[test]
    fn a_fault_that_passes_without_a_change_of_the_request_is_transient() {
        for (code, status) in [
            ("ProvisionedThroughputExceededException", 400),
            ("ThrottlingException", 400),
            ("TransactionConflictException", 400),
            ("TransactionInProgressException", 400),
            ("RequestLimitExceeded", 400),
            ("InternalServerError", 500),
            ("SlowDown", 503),
            ("AccessDeniedException", 400),
            ("ExpiredTokenException", 400),
            ("ResourceNotFoundException", 400),
            ("UnrecognizedClientException", 400),
            ("NobodyKnows", 418),
        ] {
            assert!(port_error("x", &answered(code, status)).is_transient(), "{code}");
        }
        let timeout: SdkError<PutItemError, HttpResponse> = SdkError::timeout_error("too long");
        assert!(port_error("x", &timeout).is_transient());
    }

    #[test]
    fn an_entry_is_refused_for_good_unless_its_code_says_otherwise() {
        for code in [
            "ThrottlingException",
            "InternalFailure",
            "InternalException",
            "AccessDeniedException",
            "KMSDisabledException",
        ] {
            assert!(entry_error("x", code, None).is_transient(), "{code}");
        }
        for code in ["MalformedDetail", "InvalidArgument", "NobodyKnows"] {
            assert!(!entry_error("x", code, Some("y")).is_transient(), "{code}");
        }
    }
}
