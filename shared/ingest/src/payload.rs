//! The packing of data: recognised by their first bytes, and unpacked within bounds.

use std::io::{self, Read};
use std::ops::Range;

use flate2::bufread::GzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use crate::refusal::Fault;
use crate::{kpl, limits};

/// A packing of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
}

impl Packing {
    /// Recognises packed data by their first bytes. No text in UTF-8 begins so.
    #[inline]
    pub(crate) fn of(data: &[u8]) -> Option<Self> {
        match data {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Unpacks data behind those of others, within bounds of time and memory.
#[derive(Default)]
pub(crate) struct Unpacker {
    /// Everything unpacked, one after the other.
    pub(crate) bytes: Vec<u8>,
    /// Bytes written to `bytes`, also those that were thrown away.
    pub(crate) worked: usize,
    /// Kept, since a decoder's tables are large beside small frames.
    zstd: FrameDecoder,
}

impl Unpacker {
    /// Unpacks data to the end of `bytes` and returns their range. Bytes that a fault left are removed, but stay counted in
    /// `worked`.
    pub(crate) fn unpack(
        &mut self,
        packing: Packing,
        data: &[u8],
        most: usize,
    ) -> Result<Range<usize>, Fault> {
        let start = self.bytes.len();
        if most == 0 {
            return Err(too_large());
        }
        let mut sink = Sink { out: &mut self.bytes, start, most };
        let result = match packing {
            Packing::Gzip => gzip(data, &mut sink),
            Packing::Zstd => zstd(data, &mut self.zstd, &mut sink),
        };
        let end = self.bytes.len();
        self.worked += end - start;
        let unpacked = self.bytes.get(start..end).unwrap_or_default();
        let again = Packing::of(unpacked).is_some() || unpacked.starts_with(&kpl::MAGIC);
        match result {
            Ok(()) if again => {
                self.bytes.truncate(start);
                Err(packed_twice())
            }
            Ok(()) => Ok(start..end),
            Err(fault) => {
                self.bytes.truncate(start);
                Err(fault)
            }
        }
    }
}

/// Data in data: no sender does that, and each level would multiply the bounds.
pub(crate) fn packed_twice() -> Fault {
    Fault::undecodable("data that are packed twice; one level is read")
}

fn too_large() -> Fault {
    Fault::too_large(format!("the data of the record unpack to more than {} bytes", limits::UNPACKED_BYTES))
}

/// Takes unpacked bytes up to a bound.
struct Sink<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    most: usize,
}

impl Sink<'_> {
    /// Takes all that a reader gives, but not more than one byte too many.
    fn take(&mut self, reader: &mut impl Read, packing: &str) -> Result<(), Fault> {
        let room = self.most.saturating_sub(self.out.len() - self.start);
        let one_more = u64::try_from(room).unwrap_or(u64::MAX).saturating_add(1);
        let read = reader.take(one_more).read_to_end(self.out);
        match read {
            Ok(read) if read > room => Err(too_large()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(Fault::undecodable(format!("{packing} data that are cut off")))
            }
            Err(error) => Err(Fault::undecodable(format!("{packing} data that are damaged: {error}"))),
        }
    }
}

/// All members of gzip data: tools that append write several.
fn gzip(mut data: &[u8], sink: &mut Sink<'_>) -> Result<(), Fault> {
    while !data.is_empty() {
        sink.take(&mut GzDecoder::new(&mut data), "gzip")?;
    }
    Ok(())
}

/// All frames of zstd data: tools that append, and those that work in parallel, write several.
fn zstd(mut data: &[u8], decoder: &mut FrameDecoder, sink: &mut Sink<'_>) -> Result<(), Fault> {
    decoder.set_max_window_size(limits::ZSTD_WINDOW_BYTES);
    while !data.is_empty() {
        match StreamingDecoder::new_with_decoder(&mut data, &mut *decoder) {
            Ok(mut frame) => sink.take(&mut frame, "zstd")?,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let rest = data.get(length..);
                data = rest.ok_or_else(|| Fault::undecodable("zstd data that are cut off"))?;
            }
            Err(FrameDecoderError::WindowSizeTooBig { requested, max }) => {
                return Err(Fault::too_large(format!(
                    "zstd data that need a window of {requested} bytes; the limit is {max}"
                )));
            }
            Err(error) => return Err(Fault::undecodable(format!("zstd data that are damaged: {error}"))),
        }
    }
    Ok(())
}
