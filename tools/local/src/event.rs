//! What happens, for whoever watches: a terminal, a test.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What is being done now, for a person who waits.
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
        /// How long it took.
        duration: Duration,
        /// Why it failed, if it did.
        error: Option<String>,
    },
    /// Something is wrong and is tried again.
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

/// Who is told of events. It is called from several threads.
#[derive(Clone)]
pub struct Listener(Arc<dyn Fn(Event) + Send + Sync>);

impl Listener {
    /// Tells a function.
    pub fn new(listen: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listen))
    }

    /// Tells nobody.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    pub(crate) fn tell(&self, event: Event) {
        (self.0)(event);
    }

    pub(crate) fn step(&self, text: impl Into<String>) {
        self.tell(Event::Step(text.into()));
    }

    pub(crate) fn problem(&self, text: impl Into<String>) {
        self.tell(Event::Problem(text.into()));
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}
