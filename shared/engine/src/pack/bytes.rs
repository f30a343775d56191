//! Variable-length integers, texts and times.
//!
//! Integers are LEB128 (as in DWARF and Protocol Buffers); signed ones are zigzag-coded first. A reader trusts nothing:
//! its input may be any bytes.

use andon_domain::{limits, never};

use super::UnpackError;

/// A writer of values, one after the other.
#[derive(Debug, Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    /// Writes one byte.
    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Writes an unsigned integer in the fewest bytes.
    pub fn unsigned(&mut self, mut number: u64) {
        loop {
            let [low, ..] = number.to_le_bytes();
            number >>= 7;
            if number == 0 {
                return self.byte(low & 0x7f);
            }
            self.byte(low | 0x80);
        }
    }

    /// Writes a signed integer; small ones of either sign are short.
    pub fn signed(&mut self, number: i64) {
        self.unsigned(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    /// Writes a length.
    pub fn length(&mut self, length: usize) {
        self.unsigned(u64::try_from(length).unwrap_or_else(|_| {
            never!("the length {length} does not fit 64 bits");
            u64::MAX
        }));
    }

    /// Writes a text with its length.
    pub fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Writes a number, exactly.
    pub fn float(&mut self, number: f64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// Writes a time as its distance behind (or, negative, ahead of) a reference.
    pub fn time(&mut self, at_ms: i64, reference_ms: i64) {
        self.signed(reference_ms - at_ms);
    }
}

/// A reader of the bytes of a [`Writer`]. Every method fails if the bytes end too early, or if no [`Writer`] writes
/// them.
#[derive(Clone, Debug)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// Reads one byte.
    ///
    /// # Errors
    /// See [`Reader`].
    pub fn byte(&mut self) -> Result<u8, UnpackError> {
        let (first, rest) = self.0.split_first().ok_or(UnpackError::Truncated)?;
        self.0 = rest;
        Ok(*first)
    }

    /// Reads an unsigned integer.
    ///
    /// # Errors
    /// See [`Reader`].
    pub fn unsigned(&mut self) -> Result<u64, UnpackError> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(UnpackError::Corrupt("an integer is too long"));
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(UnpackError::Corrupt("an integer is too long"))
    }

    /// Reads a signed integer.
    ///
    /// # Errors
    /// See [`Reader`].
    pub fn signed(&mut self) -> Result<i64, UnpackError> {
        let number = self.unsigned()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// Reads a count of items of at least one byte each. A count above the number of bytes fails, so no count allocates
    /// more memory than there are bytes.
    ///
    /// # Errors
    /// See [`Reader`].
    pub fn count(&mut self) -> Result<usize, UnpackError> {
        let count = usize::try_from(self.unsigned()?).map_err(|_| UnpackError::Truncated)?;
        if count > self.0.len() { Err(UnpackError::Truncated) } else { Ok(count) }
    }

    /// Reads an unsigned integer of 32 bits.
    ///
    /// # Errors
    /// See [`Reader`].
    pub fn small(&mut self) -> Result<u32, UnpackError> {
        u32::try_from(self.unsigned()?).map_err(|_| UnpackError::Corrupt("a number is too large"))
    }

    /// Reads a number of bytes.
    ///
    /// # Errors
    /// See [`Reader`].
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], UnpackError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(UnpackError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// See [`Reader`].
    pub fn text(&mut self) -> Result<&'a str, UnpackError> {
        let length = self.count()?;
        std::str::from_utf8(self.take(length)?).map_err(|_| UnpackError::Corrupt("a text is not UTF-8"))
    }

    /// Reads a number.
    ///
    /// # Errors
    /// See [`Reader`].
    pub fn float(&mut self) -> Result<f64, UnpackError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(UnpackError::Truncated)?;
        self.0 = rest;
        Ok(f64::from_le_bytes(*bytes))
    }

    /// Reads a time, ms, from its distance to a reference.
    ///
    /// # Errors
    /// See [`Reader`].
    pub fn time(&mut self, reference_ms: i64) -> Result<i64, UnpackError> {
        let behind_ms = self.signed()?;
        match reference_ms.checked_sub(behind_ms) {
            // The fold adds and subtracts waits of at most a month. These sums cannot overflow either.
            Some(at_ms) if at_ms.unsigned_abs() <= 2 * limits::TIMESTAMP_MS.unsigned_abs() => Ok(at_ms),
            _ => Err(UnpackError::Corrupt("a time is out of range")),
        }
    }
}
