//! FNV-1a (G. Fowler, L. C. Noll, P. Vo): stable across versions and machines, unlike the standard library's hashers.
//!
//! Use it for names, for spreading, and against mistakes. It does not protect against attackers.

/// FNV-1a over 64 bits, byte by byte.
#[derive(Clone, Copy, Debug)]
pub struct Fnv64(u64);

impl Default for Fnv64 {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv64 {
    /// Returns a hash that is independent of the default one.
    #[must_use]
    pub const fn with_basis(basis: u64) -> Self {
        Self(basis)
    }

    /// Adds bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Returns the hash of all bytes so far.
    #[must_use]
    pub const fn finish(self) -> u64 {
        self.0
    }
}

/// FNV-1a over 128 bits, byte by byte, for texts that must not collide by accident.
#[derive(Clone, Copy, Debug)]
pub struct Fnv128(u128);

impl Default for Fnv128 {
    fn default() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Fnv128 {
    /// Adds bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }

    /// Returns the hash of all bytes so far.
    #[must_use]
    pub const fn finish(self) -> u128 {
        self.0
    }
}

/// Returns the FNV-1a hash of bytes over 64 bits.
#[must_use]
pub fn fnv64(bytes: &[u8]) -> u64 {
    let mut hash = Fnv64::default();
    hash.write(bytes);
    hash.finish()
}

/// Returns the FNV-1a hash of bytes over 32 bits.
#[must_use]
pub fn fnv32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_are_those_of_the_published_test_vectors() {
        assert_eq!(fnv32(b"foobar"), 0xbf9c_f968);
        assert_eq!(fnv64(b"foobar"), 0x8594_4171_f739_67e8);
        let mut wide = Fnv128::default();
        wide.write(b"foobar");
        assert_eq!(wide.finish(), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }
}
