//! Reads the header: the lines before it, the delimiter and the column names.

use csv::ByteRecord;

use crate::error::ImportError;
use crate::options::Delimiter;
use crate::reject::shown;
use crate::{MAX_COLUMNS, MAX_ROW_BYTES};

/// The beginning of a file, up to the end of the header line at least.
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(crate) bytes: Vec<u8>,
    /// Byte offset of the header line.
    pub(crate) offset: usize,
    /// The lines before it: empty ones, and `sep=;`.
    pub(crate) lines_before: u64,
    /// The delimiter, with why it was taken.
    pub(crate) delimiter: Option<(Delimiter, &'static str)>,
}

const BOM: &[u8] = b"\xef\xbb\xbf";

impl Head {
    /// Finds the header line; `None`: more bytes are needed.
    pub(crate) fn find(bytes: &[u8], ended: bool) -> Result<Option<Self>, ImportError> {
        let input = |what: &str| Err(ImportError::Input(what.to_owned()));
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return input(
                "the file is UTF-16; expected UTF-8 (save it as `CSV UTF-8`, or convert it with iconv)",
            );
        }
        let mut head = Self { offset: if bytes.starts_with(BOM) { BOM.len() } else { 0 }, ..Self::default() };
        loop {
            let rest = bytes.get(head.offset..).unwrap_or_default();
            let end = rest.iter().position(|byte| *byte == b'\n');
            let line = match end {
                Some(end) => rest.get(..end).unwrap_or_default(),
                None if ended => rest,
                None if bytes.len() > MAX_ROW_BYTES => {
                    return input("no line ends within the first mebibyte; is this a CSV file?");
                }
                None => return Ok(None),
            };
            if line.contains(&0) {
                return input("the first line has zero bytes; expected CSV as text in UTF-8");
            }
            let text = line.trim_ascii();
            if text.contains(&b'\r') {
                return input("lines end in a carriage return alone; expected a line feed, or both");
            }
            let separator = text.strip_prefix(b"sep=").or_else(|| text.strip_prefix(b"SEP="));
            if let Some(separator) = separator
                && let [byte] = separator
                && let Ok(delimiter) = char::from(*byte).to_string().parse()
            {
                head.delimiter = Some((delimiter, "the first line says so"));
            } else if line.trim_ascii_end() == b"sep=" {
                // The tab after it is white space.
                head.delimiter = Some((Delimiter::KNOWN[0], "the first line says so"));
            } else if !text.is_empty() {
                head.delimiter = head.delimiter.or_else(|| most_frequent(line));
                return Ok(Some(head));
            }
            match end {
                Some(end) => head.offset += end + 1,
                None => return input("the file is empty; expected a header line and rows"),
            }
            head.lines_before += 1;
        }
    }
}

/// Returns the most frequent known delimiter outside quotes.
fn most_frequent(line: &[u8]) -> Option<(Delimiter, &'static str)> {
    let mut best: Option<(Delimiter, usize)> = None;
    for delimiter in Delimiter::KNOWN {
        let mut quoted = false;
        let count = line
            .iter()
            .filter(|byte| {
                quoted ^= **byte == b'"';
                !quoted && **byte == delimiter.byte()
            })
            .count();
        if count > best.map_or(0, |(_, most)| most) {
            best = Some((delimiter, count));
        }
    }
    best.map(|(delimiter, _)| (delimiter, "the header line has most of it"))
}

/// The names in a header, without surrounding spaces.
pub(crate) fn names(row: &ByteRecord) -> Result<Vec<String>, ImportError> {
    let mut names = Vec::with_capacity(row.len());
    for (n, cell) in row.iter().enumerate() {
        match std::str::from_utf8(cell) {
            Ok(name) => names.push(name.trim().to_owned()),
            Err(_) => {
                return Err(ImportError::Header(format!(
                    "the header is not UTF-8: column {} is {}; convert the file, for example with \
                     `iconv -f WINDOWS-1252 -t UTF-8`",
                    n + 1,
                    shown(cell)
                )));
            }
        }
    }
    Ok(names)
}

/// Refuses a header that cannot be one.
pub(crate) fn check(names: &[String], line: u64) -> Result<(), ImportError> {
    if names.len() > MAX_COLUMNS {
        return Err(ImportError::Header(format!(
            "the header has {} columns; expected at most {MAX_COLUMNS}",
            names.len()
        )));
    }
    if let [name] = names {
        return Err(ImportError::Header(format!(
            "the header on line {line} is a single column, `{name}`; if there are more, say what is between them \
             with --delimiter"
        )));
    }
    if let Some(time) = names.iter().find(|name| crate::time::looks_like_a_time(name)) {
        return Err(ImportError::Header(format!(
            "line {line} should be the header but has the time `{time}`; for a file without a header give the names \
             of its columns with --columns"
        )));
    }
    Ok(())
}
