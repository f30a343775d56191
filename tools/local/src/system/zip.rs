//! Packs a function for deployment: a zip archive with one file, `bootstrap`.

use std::io::Write as _;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

const NAME: &[u8] = b"bootstrap";

/// 1980-01-01, the first day of this format: the same binary always gives the same archive.
const DATE: u16 = 0x21;

/// A regular file that may be executed, as Unix writes it.
const MODE: u32 = 0o100_755 << 16;

/// Made on Unix, by version 2.0 of the format.
const MADE_BY: u16 = 3 << 8 | 20;

const VERSION: u16 = 20;
const DEFLATED: u16 = 8;

/// Packs a binary; `None` if it is too large for the format.
pub(super) fn pack(binary: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(binary).ok()?;
    let packed = encoder.finish().ok()?;
    let mut crc = Crc::new();
    crc.update(binary);
    // What the file's own header and the directory say alike.
    let mut said = Vec::new();
    for field in [VERSION, 0, DEFLATED, 0, DATE] {
        said.extend(field.to_le_bytes());
    }
    for field in [crc.sum(), u32::try_from(packed.len()).ok()?, u32::try_from(binary.len()).ok()?] {
        said.extend(field.to_le_bytes());
    }
    said.extend(u16::try_from(NAME.len()).ok()?.to_le_bytes());
    said.extend(0_u16.to_le_bytes());
    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend(&said);
    zip.extend(NAME);
    zip.extend(packed);
    let directory_at = u32::try_from(zip.len()).ok()?;
    zip.extend(b"PK\x01\x02");
    zip.extend(MADE_BY.to_le_bytes());
    zip.extend(&said);
    // No comment, first disk, no attributes of the format's own; then those of Unix, and where the file begins.
    zip.extend([0; 6]);
    zip.extend(MODE.to_le_bytes());
    zip.extend(0_u32.to_le_bytes());
    zip.extend(NAME);
    let directory_bytes = u32::try_from(zip.len()).ok()? - directory_at;
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend(directory_bytes.to_le_bytes());
    zip.extend(directory_at.to_le_bytes());
    zip.extend([0; 2]);
    Some(zip)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn other_programs_read_the_archive_and_may_execute_what_is_in_it() {
        let script = "import sys, zipfile, io; z = zipfile.ZipFile(sys.argv[1]); i = z.getinfo('bootstrap'); \
                      assert z.testzip() is None and i.external_attr >> 16 == 0o100755; \
                      sys.stdout.write(z.read(i).decode())";
        let path = std::env::temp_dir().join(format!("andon-zip-{}.zip", std::process::id()));
        std::fs::write(&path, pack(b"#!/bin/sh").unwrap()).unwrap();
        let read = Command::new("python3").args(["-c", script]).arg(&path).output();
        std::fs::remove_file(&path).unwrap();
        match read {
            Ok(read) => assert_eq!(read.stdout, b"#!/bin/sh", "{}", String::from_utf8_lossy(&read.stderr)),
            Err(error) => eprintln!("SKIPPED: no python3: {error}"),
        }
    }
}
