//! The failure of a command.

/// A failure of a command, which decides its exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong input, or a service that failed; the message is still to be printed. Exit code 1.
    Message(String),
    /// As [`Message`](Self::Message), but already printed. Exit code 1.
    AlreadyPrinted,
    /// A command line that asks for the impossible. Exit code 2.
    Usage(String),
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Message(error.to_string())
    }
}
