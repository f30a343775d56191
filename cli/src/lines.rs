//! Lines of files that may be compressed, standard input, or endless: read in blocks, with bounded memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use andon_model::limits::RECORD_BYTES;
use flate2::read::MultiGzDecoder;
use memchr::{memchr, memrchr};
use ruzstd::decoding::StreamingDecoder;

/// What an input is read in.
pub(crate) enum Block<'a> {
    /// Whole lines, the last of the input perhaps without its end.
    Lines(&'a [u8]),
    /// A line that is longer than a record may be; it was skipped.
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

/// Calls `f` with all lines, as many at a time as were read, until it fails.
pub(crate) fn for_each_block<E>(
    mut input: impl Read,
    mut f: impl FnMut(Block<'_>) -> Result<(), E>,
) -> Result<io::Result<()>, E> {
    let mut buffer: Vec<u8> = vec![0; BLOCK_BYTES];
    // Unread bytes are those before `filled`: all from the start of a line, or from within one that is too long.
    let mut filled = 0;
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
        let new = buffer.get(searched..filled).unwrap_or_default();
        let Some(last) = memrchr(b'\n', new).map(|at| searched + at) else { continue };
        let mut start = 0;
        if too_long {
            start = memchr(b'\n', new).map_or(filled, |at| searched + at + 1);
            too_long = false;
            f(Block::TooLong)?;
        }
        f(Block::Lines(buffer.get(start..=last).unwrap_or_default()))?;
        buffer.copy_within(last + 1..filled, 0);
        filled -= last + 1;
    }
    if too_long {
        f(Block::TooLong)?;
    } else {
        f(Block::Lines(buffer.get(..filled).unwrap_or_default()))?;
    }
    Ok(Ok(()))
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
        for_each_block(input, |block| {
            match block {
                Block::Lines(lines) => {
                    seen.extend(lines.split_inclusive(|byte| *byte == b'\n').map(|line| {
                        if line.len() < 100 {
                            String::from_utf8_lossy(line).into_owned()
                        } else {
                            format!("{} bytes", line.len())
                        }
                    }))
                }
                Block::TooLong => seen.push("too long".to_owned()),
            }
            Ok::<(), ()>(())
        })
        .unwrap()
        .unwrap();
        seen
    }

    #[test]
    fn lines_are_whole_and_the_last_may_lack_its_end() {
        assert_eq!(lines(b"a\n\n  \nb\r\nc"), ["a\n", "\n", "  \n", "b\r\n", "c"]);
        assert_eq!(lines(b"a\n"), ["a\n"]);
        let input = b"0123456789\n".repeat(BLOCK_BYTES);
        assert!(lines(&input).iter().all(|line| line == "0123456789\n"));
    }

    #[test]
    fn lines_longer_than_a_block_are_whole_and_too_long_ones_are_skipped() {
        let mut input = vec![b'x'; 3 * BLOCK_BYTES];
        input.extend(b"\nshort\n");
        input.extend(vec![b'y'; RECORD_BYTES * 3]);
        input.extend(b"\nafter\n");
        input.extend(vec![b'z'; RECORD_BYTES * 3]);
        assert_eq!(lines(&input), ["196609 bytes", "short\n", "too long", "after\n", "too long"]);
    }
}
