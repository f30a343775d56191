//! Files that a command writes, with errors that name them.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::Failure;

/// A file that grows.
pub(crate) struct Written {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Written {
    pub(crate) fn create(path: PathBuf) -> Result<Self, Failure> {
        let file = File::create(&path).map_err(|error| cannot("write", &path, &error))?;
        Ok(Self { file: BufWriter::new(file), path })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| cannot("write", &self.path, &error))
    }

    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.file.flush().map_err(|error| cannot("write", &self.path, &error))
    }
}

/// What could not be done with a file, and why.
pub(crate) fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::Said(format!("cannot {what} `{}`: {error}", path.display()))
}
