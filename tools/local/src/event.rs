//! Events of a local system, for a terminal or a test.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// An event of a local system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The current step of starting, for a progress display.
    Step(String),
    /// A line that a function wrote.
    Line {
        /// The function.
        function: String,
        /// Without its line end.
        line: String,
    },
    /// A process of a function asked for its first event.
    Started {
        /// The function.
        function: String,
        /// From the start of the process.
        after: Duration,
    },
    /// A function was invoked.
    Invoked {
        /// The function.
        function: String,
        /// The duration.
        duration: Duration,
        /// The error, if it failed.
        error: Option<String>,
    },
    /// A failure that is retried.
    Problem(String),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(text) | Self::Problem(text) => f.write_str(text),
            Self::Line { function, line } => write!(f, "{function}: {line}"),
            Self::Started { function, after } => {
                write!(f, "{function}: a process is ready after {} ms", after.as_millis())
            }
            Self::Invoked { function, duration, error: None } => {
                write!(f, "{function}: invoked, {} ms", duration.as_millis())
            }
            Self::Invoked { function, error: Some(error), .. } => write!(f, "{function}: failed: {error}"),
        }
    }
}

/// A receiver of events. It is called from several threads.
#[derive(Clone)]
pub struct Listener(Arc<dyn Fn(Event) + Send + Sync>);

impl Listener {
    /// A listener that calls a function.
    pub fn new(listen: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listen))
    }

    /// A listener that ignores all events.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    pub(crate) fn notify(&self, event: Event) {
        (self.0)(event);
    }

    pub(crate) fn step(&self, text: impl Into<String>) {
        self.notify(Event::Step(text.into()));
    }

    pub(crate) fn problem(&self, text: impl Into<String>) {
        self.notify(Event::Problem(text.into()));
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}
