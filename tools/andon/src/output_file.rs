//! Files that a command writes, with their names in the errors.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// A file that a command writes to piece by piece.
pub(crate) struct OutputFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl OutputFile {
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

/// Parses the name of an output file. Refuses `-`: standard output carries the results.
pub(crate) fn file_name(text: &str) -> Result<PathBuf, String> {
    if text == "-" {
        return Err(
            "standard output carries the results; expected the name of a file (`./-` for one named `-`)"
                .to_owned(),
        );
    }
    Ok(PathBuf::from(text))
}

/// The failure of an operation on a file.
pub(crate) fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::Message(format!("cannot {what} `{}`: {error}", path.display()))
}
