//! Lines of files that may be compressed, standard input, or endless: read in blocks, with bounded memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use andon_domain::limits::RECORD_BYTES;
use flate2::read::MultiGzDecoder;
use memchr::{memchr, memrchr};
use ruzstd::decoding::StreamingDecoder;

use crate::failure::Failure;
use crate::output_file::cannot;

/// A part of an input.
pub(crate) enum Block<'a> {
    /// Whole lines, the last of the input perhaps without its end.
    Lines(&'a [u8]),
    /// A line that is longer than a record may be; it was skipped.
    TooLong,
}

/// A line of an input.
#[cfg(feature = "live")]
pub(crate) enum Line<'a> {
    /// Without its line end.
    Bytes(&'a [u8]),
    /// It is longer than a record may be; it was skipped.
    TooLong,
}

/// Bytes read from disk at a time: they stay in the processor's cache while their lines are folded.
const BLOCK_BYTES: usize = 64 << 10;

/// An error with the file in which it happened.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`: {error}", path.display())]
pub(crate) struct InputError {
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
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
        return Ok(Box::new(CountingReader { inner: io::stdin().lock(), on_bytes }));
    }
    let file = CountingReader { inner: File::open(path).map_err(fail)?, on_bytes };
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    Ok(match extension {
        "gz" => Box::new(MultiGzDecoder::new(io::BufReader::with_capacity(BLOCK_BYTES, file))),
        "zst" => Box::new(Frames::new(io::BufReader::with_capacity(BLOCK_BYTES, file)).map_err(fail)?),
        _ => Box::new(file),
    })
}

/// The lines of an input: many at a time, or one after the other.
pub(crate) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    /// Unread bytes are those from here to `filled`: whole lines, and the beginning of one.
    start: usize,
    /// Up to here there is no line end.
    searched: usize,
    filled: usize,
    #[cfg(feature = "live")]
    number: u64,
    /// The bytes at hand are from within a line whose beginning was given up.
    too_long: bool,
    ended: bool,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; BLOCK_BYTES],
            start: 0,
            searched: 0,
            filled: 0,
            #[cfg(feature = "live")]
            number: 0,
            too_long: false,
            ended: false,
        }
    }

    /// Where the line ends that a search of the bytes at hand finds; reads on until it finds one. At the end of the input,
    /// where that ends.
    fn end(&mut self, search: impl Fn(u8, &[u8]) -> Option<usize>) -> io::Result<Option<usize>> {
        loop {
            let unsearched = self.buffer.get(self.searched..self.filled).unwrap_or_default();
            match search(b'\n', unsearched) {
                Some(at) => return Ok(Some(self.searched + at + 1)),
                None if !self.ended => {
                    self.searched = self.filled;
                    self.ended = !self.refill()?;
                }
                // What follows the last line end is a line, too.
                None if self.start < self.filled || self.too_long => return Ok(Some(self.filled)),
                None => return Ok(None),
            }
        }
    }

    /// All whole lines at hand; reads on where there is none.
    pub(crate) fn next_block(&mut self) -> io::Result<Option<Block<'_>>> {
        let Some(mut end) = self.end(memrchr)? else { return Ok(None) };
        let too_long = std::mem::take(&mut self.too_long);
        if too_long {
            // Its beginning may have been given up while searching for the last line end.
            let unread = self.buffer.get(self.start..end).unwrap_or_default();
            end = memchr(b'\n', unread).map_or(end, |at| self.start + at + 1);
        }
        let lines = self.start..end;
        self.start = end;
        self.searched = end;
        if too_long {
            return Ok(Some(Block::TooLong));
        }
        Ok(Some(Block::Lines(self.buffer.get(lines).unwrap_or_default())))
    }

    /// The next line that is not blank, with its number from 1.
    #[cfg(feature = "live")]
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, Line<'_>)>> {
        loop {
            let Some(end) = self.end(memchr)? else { return Ok(None) };
            let line = self.start..end;
            self.start = end;
            self.searched = end;
            self.number += 1;
            if std::mem::take(&mut self.too_long) {
                return Ok(Some((self.number, Line::TooLong)));
            }
            if !self.buffer.get(line.clone()).unwrap_or_default().iter().all(u8::is_ascii_whitespace) {
                let bytes = self.buffer.get(line).unwrap_or_default();
                return Ok(Some((self.number, Line::Bytes(bytes.strip_suffix(b"\n").unwrap_or(bytes)))));
            }
        }
    }

    /// Whether a whole line is at hand, so that [`Lines::next`] need not wait for the input.
    #[cfg(feature = "live")]
    pub(crate) fn is_ready(&self) -> bool {
        memchr(b'\n', self.buffer.get(self.searched..self.filled).unwrap_or_default()).is_some()
    }

    /// Reads on behind the beginning of a line; answers whether there was more.
    fn refill(&mut self) -> io::Result<bool> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.searched -= self.start;
            self.start = 0;
        }
        if self.filled == self.buffer.len() {
            if self.filled > RECORD_BYTES {
                self.too_long = true;
                self.filled = 0;
                self.searched = 0;
            } else {
                self.buffer.resize(self.filled * 2, 0);
            }
        }
        loop {
            match self.input.read(self.buffer.get_mut(self.filled..).unwrap_or_default()) {
                Ok(read) => {
                    self.filled += read;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Opens an input and calls `f` with all its lines, as many at a time as were read, until it fails; `on_bytes` hears of the
/// bytes as they come from the disk.
pub(crate) fn read(
    path: &Path,
    on_bytes: impl Fn(u64),
    f: impl FnMut(Block<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let input = open(path, on_bytes)?;
    let read = for_each_block(input, f)?;
    read.map_err(|error| cannot("read", path, &error))
}

/// Calls `f` with all lines, as many at a time as were read, until it fails.
pub(crate) fn for_each_block<E>(
    input: impl Read,
    mut f: impl FnMut(Block<'_>) -> Result<(), E>,
) -> Result<io::Result<()>, E> {
    let mut lines = Lines::new(input);
    loop {
        match lines.next_block() {
            Ok(Some(block)) => f(block)?,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// Counts what passes.
struct CountingReader<R, F> {
    inner: R,
    on_bytes: F,
}

impl<R: Read, F: Fn(u64)> Read for CountingReader<R, F> {
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
