//! State changes and score requests as JSON lines.

use std::io::{self, Write};

use andon_domain::{ScoreRequest, Transition};

use super::logs::without_explanation;
use super::observer::Observer;

/// A writer of JSON lines that stops at its first error.
struct Lines<W> {
    output: W,
    error: Option<io::Error>,
}

impl<W: Write> Lines<W> {
    fn new(output: W) -> Self {
        Self { output, error: None }
    }

    fn write(&mut self, to_json: impl FnOnce(&mut W) -> serde_json::Result<()>) {
        if self.error.is_some() {
            return;
        }
        let written =
            to_json(&mut self.output).map_err(io::Error::from).and_then(|()| self.output.write_all(b"\n"));
        self.error = written.err();
    }

    fn finish(mut self) -> io::Result<()> {
        self.error.map_or_else(|| self.output.flush(), Err)
    }
}

/// An observer that writes state changes as JSON lines, and stops the replay when they can no longer be written.
pub(crate) struct TransitionLines<W> {
    lines: Lines<W>,
    explain: bool,
}

impl<W: Write> TransitionLines<W> {
    /// Writes to `output`; with `explain`, each state change carries its explanation.
    pub(crate) fn new(output: W, explain: bool) -> Self {
        Self { lines: Lines::new(output), explain }
    }

    pub(crate) fn output_mut(&mut self) -> &mut W {
        &mut self.lines.output
    }

    /// Flushes the output.
    ///
    /// # Errors
    /// The first error of writing.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.lines.finish()
    }
}

impl<W: Write> Observer for TransitionLines<W> {
    fn transition(&mut self, transition: &Transition) {
        if self.explain {
            self.lines.write(|output| serde_json::to_writer(output, transition));
        } else {
            let transition = without_explanation(transition);
            self.lines.write(|output| serde_json::to_writer(output, &transition));
        }
    }

    fn has_failed(&self) -> bool {
        self.lines.error.is_some()
    }
}

/// An observer that writes score requests as JSON lines.
pub(crate) struct RequestLines<W>(Lines<W>);

impl<W: Write> RequestLines<W> {
    pub(crate) fn new(output: W) -> Self {
        Self(Lines::new(output))
    }

    /// Flushes the output.
    ///
    /// # Errors
    /// The first error of writing.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.0.finish()
    }
}

impl<W: Write> Observer for RequestLines<W> {
    fn request(&mut self, request: &ScoreRequest) {
        self.0.write(|output| serde_json::to_writer(output, request));
    }
}
