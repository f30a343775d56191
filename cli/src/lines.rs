//! Lines of files that may be compressed, standard input, or endless: read in blocks, with bounded memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use andon_model::limits::RECORD_BYTES;
use flate2::read::MultiGzDecoder;
use memchr::memchr;
use ruzstd::decoding::StreamingDecoder;

/// One line of an input.
pub(crate) enum Line<'a> {
    /// The line without its end.
    Bytes(&'a [u8]),
    /// The line is longer than a record may be; it was skipped.
    TooLong,
}

/// Bytes read from disk at a time: they stay in the processor's cache while their lines are folded.
const BLOCK_BYTES: usize = 64 << 10;

/// An error with the file in which it happened.
#[derive(Debug)]
pub(crate) struct InputError {
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
}

impl std::fmt::Display for InputError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot read `{}`: {}", self.path.display(), self.error)
    }
}

/// Whether a path stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The bytes that will be read, where that is known of every input.
pub(crate) fn total_bytes(paths: &[PathBuf]) -> Option<u64> {
    let file = |path: &PathBuf| std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file);
    paths.iter().map(|path| file(path).map(|file| file.len())).sum()
}

/// Opens an input: `-` is standard input; `.gz` and `.zst` are unpacked. `on_bytes` hears of the bytes as they come
/// from the disk.
pub(crate) fn open<'a>(path: &Path, on_bytes: impl Fn(u64) + 'a) -> Result<Box<dyn Read + 'a>, InputError> {
    let fail = |error: io::Error| InputError { path: path.to_owned(), error };
    if is_stdin(path) {
        return Ok(Box::new(Counted { inner: io::stdin().lock(), on_bytes }));
    }
    let file = Counted { inner: File::open(path).map_err(fail)?, on_bytes };
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    Ok(match extension {
        "gz" => Box::new(MultiGzDecoder::new(io::BufReader::with_capacity(BLOCK_BYTES, file))),
        "zst" => Box::new(Frames::new(io::BufReader::with_capacity(BLOCK_BYTES, file)).map_err(fail)?),
        _ => Box::new(file),
    })
}

/// Calls `f` with every line that is not blank and its number from 1, until it fails.
pub(crate) fn for_each<E>(
    mut input: impl Read,
    mut f: impl FnMut(u64, Line<'_>) -> Result<(), E>,
) -> Result<io::Result<()>, E> {
    let mut buffer: Vec<u8> = vec![0; BLOCK_BYTES];
    // Unread bytes are those before `filled`; all from the start of a line.
    let mut filled = 0;
    let mut number = 0;
    let mut too_long = false;
    loop {
        if filled == buffer.len() {
            if filled > RECORD_BYTES {
                too_long = true;
                filled = 0;
            } else {
                buffer.resize(filled * 2, 0);
            }
        }
        let read = match input.read(buffer.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Ok(Err(error)),
        };
        let searched = filled;
        filled += read;
        let mut start = 0;
        let mut from = searched;
        while let Some(end) = memchr(b'\n', buffer.get(from..filled).unwrap_or_default()).map(|at| from + at)
        {
            number += 1;
            let line = buffer.get(start..end).unwrap_or_default();
            if std::mem::take(&mut too_long) {
                f(number, Line::TooLong)?;
            } else {
                emit(number, line, &mut f)?;
            }
            start = end + 1;
            from = start;
        }
        if start > 0 {
            buffer.copy_within(start..filled, 0);
            filled -= start;
        }
    }
    if too_long {
        f(number + 1, Line::TooLong)?;
    } else {
        emit(number + 1, buffer.get(..filled).unwrap_or_default(), &mut f)?;
    }
    Ok(Ok(()))
}

fn emit<E>(number: u64, line: &[u8], f: &mut impl FnMut(u64, Line<'_>) -> Result<(), E>) -> Result<(), E> {
    if line.iter().all(u8::is_ascii_whitespace) { Ok(()) } else { f(number, Line::Bytes(line)) }
}

/// Counts what passes.
struct Counted<R, F> {
    inner: R,
    on_bytes: F,
}

impl<R: Read, F: Fn(u64)> Read for Counted<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        (self.on_bytes)(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}

/// All frames of a zstd file, one after the other: tools that append write several.
struct Frames<R: io::BufRead> {
    decoder: Option<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>,
}

impl<R: io::BufRead> Frames<R> {
    fn new(input: R) -> io::Result<Self> {
        Ok(Self { decoder: Some(StreamingDecoder::new(input).map_err(io::Error::other)?) })
    }
}

impl<R: io::BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(decoder) = &mut self.decoder else { return Ok(0) };
            let read = decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(finished) = self.decoder.take() else { return Ok(0) };
            let mut input = finished.into_inner();
            if !input.fill_buf()?.is_empty() {
                self.decoder = Some(StreamingDecoder::new(input).map_err(io::Error::other)?);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8]) -> Vec<String> {
        let mut seen = Vec::new();
        for_each(input, |number, line| {
            seen.push(match line {
                Line::Bytes(bytes) if bytes.len() < 100 => {
                    format!("{number} {}", String::from_utf8_lossy(bytes))
                }
                Line::Bytes(bytes) => format!("{number} {} bytes", bytes.len()),
                Line::TooLong => format!("{number} too long"),
            });
            Ok::<(), ()>(())
        })
        .unwrap()
        .unwrap();
        seen
    }

    #[test]
    fn blank_lines_count_but_are_not_given() {
        assert_eq!(lines(b"a\n\n  \nb\r\nc"), ["1 a", "4 b\r", "5 c"]);
    }

    #[test]
    fn lines_longer_than_a_block_are_whole_and_too_long_ones_are_skipped() {
        let mut input = vec![b'x'; 3 * BLOCK_BYTES];
        input.extend(b"\nshort\n");
        input.extend(vec![b'y'; RECORD_BYTES * 3]);
        input.extend(b"\nafter\n");
        input.extend(vec![b'z'; RECORD_BYTES * 3]);
        assert_eq!(lines(&input), ["1 196608 bytes", "2 short", "3 too long", "4 after", "5 too long"]);
    }
}
