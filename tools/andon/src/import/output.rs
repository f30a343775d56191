//! The output of event records: standard output, or a file that may be compressed.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

/// An output that is complete only after [`finish`](Output::finish).
pub(crate) enum Output {
    Plain(BufWriter<Box<dyn Write>>),
    Gzip(GzEncoder<BufWriter<File>>),
}

const BUFFER_BYTES: usize = 64 << 10;

impl Output {
    /// Opens a file, or standard output where none or `-` is named. A name that ends in `.gz` is compressed.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let plain = |inner: Box<dyn Write>| Self::Plain(BufWriter::with_capacity(BUFFER_BYTES, inner));
        let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
            return Ok(plain(Box::new(io::stdout().lock())));
        };
        let file = File::create(path)?;
        Ok(match path.extension().and_then(|extension| extension.to_str()) {
            // No name and no time in the header: the same records give the same bytes.
            Some("gz") => Self::Gzip(GzEncoder::new(
                BufWriter::with_capacity(BUFFER_BYTES, file),
                Compression::default(),
            )),
            _ => plain(Box::new(file)),
        })
    }

    /// Writes what is left.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut plain) => plain.flush(),
            Self::Gzip(gzip) => gzip.finish()?.flush(),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(plain) => plain.write(bytes),
            Self::Gzip(gzip) => gzip.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(plain) => plain.flush(),
            Self::Gzip(gzip) => gzip.flush(),
        }
    }
}
