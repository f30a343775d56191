//! A replay over files, with its observers.

use std::path::{Path, PathBuf};

use andon_domain::{DataPoint, Reason, Transition};
use andon_engine::replay::{Replay, Sink};
use andon_engine::{BoundScoreRequest, CompiledRules, FoldError, RejectedPoint};

use super::observer::{Observer, Rejected, Subject};

/// A replay with its observers.
pub(crate) struct Session<O> {
    replay: Replay,
    feed: Feed<O>,
}

/// A sink of the engine that adds the place in the input, and passes everything on to the observers.
struct Feed<O> {
    observers: O,
    file: PathBuf,
    line: u64,
}

impl<O: Observer> Session<O> {
    pub(crate) fn new(rules: CompiledRules, observers: O) -> Self {
        Self { replay: Replay::new(rules), feed: Feed { observers, file: PathBuf::new(), line: 0 } }
    }

    /// Names the file of the lines that follow, and counts its lines from 1.
    pub(crate) fn begin_file(&mut self, path: &Path) {
        self.feed.file = path.to_owned();
        self.feed.line = 0;
    }

    /// Folds whole lines until an observer fails.
    pub(crate) fn lines(&mut self, mut lines: &[u8]) -> Result<(), FoldError> {
        while !lines.is_empty() && !self.feed.observers.has_failed() {
            self.feed.line += 1;
            lines = self.replay.first_line(lines, &mut self.feed)?;
        }
        Ok(())
    }

    /// Counts a line that was too long to be read.
    pub(crate) fn too_long(&mut self) {
        self.feed.line += 1;
        self.replay.too_long(&mut self.feed);
    }

    /// Ends the replay: event time advances for every machine to the greatest mark in the whole input.
    pub(crate) fn close(&mut self) {
        self.replay.close(&mut self.feed);
    }

    pub(crate) fn observers(&self) -> &O {
        &self.feed.observers
    }

    pub(crate) fn observers_mut(&mut self) -> &mut O {
        &mut self.feed.observers
    }

    pub(crate) fn into_parts(self) -> (Replay, O) {
        (self.replay, self.feed.observers)
    }
}

impl<O: Observer> Feed<O> {
    fn rejected(&mut self, subject: Subject<'_>) {
        self.observers.rejected(&Rejected { file: &self.file, line: self.line, subject });
    }
}

impl<O: Observer> Sink for Feed<O> {
    fn transition(&mut self, transition: Transition) {
        self.observers.transition(&transition);
    }

    fn request(&mut self, request: BoundScoreRequest) {
        self.observers.request(&request.request);
    }

    fn point(&mut self, equipment: &str, point: &DataPoint<'_>, arrival_ms: i64) {
        self.observers.point(equipment, point, arrival_ms);
    }

    fn rejected_point(&mut self, equipment: &str, point: &RejectedPoint) {
        self.rejected(Subject::Point { equipment, point });
    }

    fn rejected_message(&mut self, reason: Reason, detail: &str) {
        self.rejected(Subject::Message { reason, detail });
    }
}
