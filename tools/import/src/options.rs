//! Options of an import: columns, time format, zone, delimiter and null words.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use crate::time::TimeFormat;
use crate::zone::Zone;

/// A set of options for [`import`](crate::import). The default detects everything except the machine: if no column
/// names it, [`equipment`](Options::equipment) must.
///
/// **Columns** are named as in the header, without surrounding spaces; capital letters matter only if two names
/// differ in nothing else. **Where a column is found by its name**, only letters and digits count, without regard to
/// capital letters, and a unit in brackets at the end does not: `Time Stamp [UTC]` is `timestamp`. A column that
/// [`include`](Options::include), [`rename`](Options::rename) or [`text`](Options::text) names is a tag and is never
/// taken for anything else by its name.
///
/// **Values**: digits with at most one decimal mark, a sign and an exponent are a number, and are written as they
/// stand if JSON allows; `true` and `false` are booleans however they are capitalised; all else is text, among it
/// what begins with a needless zero (`007`) or has several groups (`10.0.0.1`), since that is an identifier. Grouped
/// thousands, a decimal mark that is not expected, and infinite numbers are rejected, so that no number turns into
/// text unnoticed. White space around a cell does not count.
#[derive(Debug, Clone)]
pub struct Options {
    /// One column per tag, or a column of tags and a column of values.
    pub layout: Layout,
    /// The separator of fields. `None`: the most frequent of `,` `;` tab `|` in the header line, outside quotes (on a tie
    /// tab before `;` before `|` before `,`). A first line such as `sep=;`, as spreadsheets write it, counts.
    pub delimiter: Option<Delimiter>,
    /// `Some(true)`: only a comma marks decimals. `Some(false)`: only a point does. `None`: a point, and with the
    /// delimiter `;` a comma too. A number with a mark that is not expected is rejected, not taken for text.
    pub decimal_comma: Option<bool>,
    /// The names of the columns, for a file without a header.
    pub columns: Option<Vec<String>>,
    /// The column of the time. `None`: the first column with a name such as `timestamp`, `time`, `ts`, `date`,
    /// `datetime` or `zeitstempel`, else the first column. Where that finds a date column and there is a column
    /// named `time` (`zeit`, `uhrzeit`) too, or the other way round, the two are read together.
    pub time_column: Option<String>,
    /// The column of the date, where date and time stand in two columns. They are read as `DATE TIME`, with one
    /// space between, and that is what a pattern in `time_format` must match.
    pub date_column: Option<String>,
    /// Format of the time column.
    pub time_format: TimeFormat,
    /// The zone of times that don't say theirs. Where clocks are put forward, a time in the gap is moved forward by
    /// the length of the gap; where they are put back, a time that occurs twice is the first of the two. Both are
    /// counted in the summary.
    pub zone: Zone,
    /// The column that says when a point arrived (`createdAt` of the record). `None`: a column with a name such as
    /// `created_at`, `arrival` or `received_at`, else arrival is the time itself, as it is where the cell is empty.
    pub arrival_column: Option<String>,
    /// Format of the arrival column.
    pub arrival_format: TimeFormat,
    /// The equipment. `None`: a column with a name such as `equipment`, `machine`, `asset` or `device`.
    pub equipment: Option<Field>,
    /// The source. `None`: a column with a name such as `source` or `gateway`, else the source `""`.
    pub source: Option<Field>,
    /// The quality. `None`: a column with a name such as `quality`, else `Ok`. An empty cell is `Ok`.
    pub quality: Option<Field>,
    /// Words that mean the quality `Ok`, without regard to capital letters. Any other quality is passed on as it
    /// stands.
    pub good_words: Vec<String>,
    /// The column of tags in the long layout. `None`: one with a name such as `tag`, `variable` or `signal`.
    pub tag_column: Option<String>,
    /// The column of values in the long layout. `None`: one with a name such as `value`.
    pub value_column: Option<String>,
    /// The tags to read, by their names in the file; none given: all.
    pub include: BTreeSet<String>,
    /// The tags to leave out, by their names in the file.
    pub exclude: BTreeSet<String>,
    /// New names of tags, by their names in the file.
    pub rename: BTreeMap<String, String>,
    /// Tags whose values are text whatever they look like, by their names in the file or their new names.
    pub text: BTreeSet<String>,
    /// Cells that mean that there is no value, without regard to capital letters.
    pub null_words: Vec<String>,
    /// Treatment of a cell that is a null word. An empty cell is never a record.
    pub nulls: Nulls,
    /// One line with a list of points for each row of the wide layout, instead of one line for each point.
    pub snapshot: bool,
    /// Stop at the first row or cell that is rejected.
    pub strict: bool,
    /// The sequence number of the first point; each further point has the next. Start the second of two files where
    /// the first ended, so that points of equal time stay in order.
    pub first_sequence_number: u64,
}

impl Default for Options {
    fn default() -> Self {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        Self {
            layout: Layout::Auto,
            delimiter: None,
            decimal_comma: None,
            columns: None,
            time_column: None,
            date_column: None,
            time_format: TimeFormat::default(),
            zone: Zone::default(),
            arrival_column: None,
            arrival_format: TimeFormat::default(),
            equipment: None,
            source: None,
            quality: None,
            good_words: words(&["Ok", "Good", "true", "valid", "192", "0x000000C0"]),
            tag_column: None,
            value_column: None,
            include: BTreeSet::new(),
            exclude: BTreeSet::new(),
            rename: BTreeMap::new(),
            text: BTreeSet::new(),
            null_words: words(&["NaN", "null", "None", "nil", "N/A", "#N/A", "NA", "-", "--"]),
            nulls: Nulls::Skip,
            snapshot: false,
            strict: false,
            first_sequence_number: 1,
        }
    }
}

/// An origin of a point's machine, source or quality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// The same for every point.
    Constant(String),
    /// In the column of this name.
    Column(String),
}

/// A layout of the tags in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Long if `tag_column` or `value_column` is given, or if the header has a name for a column of tags (`tag`,
    /// `variable`, `signal`, `sensor`, `parameter`, ...) and one for a column of values (`value`, `reading`, `wert`,
    /// ...); otherwise wide.
    #[default]
    Auto,
    /// One column per tag: every column that is nothing else.
    Wide,
    /// A column of tags and a column of values; further columns are not used.
    Long,
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "wide" => Ok(Self::Wide),
            "long" => Ok(Self::Long),
            _ => Err(format!("`{text}` is no layout; expected `auto`, `wide` or `long`")),
        }
    }
}

/// A separator of the fields of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delimiter(u8);

impl Delimiter {
    /// In the order in which a tie between them is decided.
    pub(crate) const KNOWN: [Self; 4] = [Self(b'\t'), Self(b';'), Self(b'|'), Self(b',')];

    pub(crate) fn byte(self) -> u8 {
        self.0
    }

    pub(crate) fn name(self) -> String {
        match self.0 {
            b'\t' => "tab".to_owned(),
            byte => format!("`{}`", char::from(byte)),
        }
    }
}

impl FromStr for Delimiter {
    type Err = String;

    /// One ASCII character that is no letter, digit, quote or line end, or a word: `tab`, `comma`, `semicolon`,
    /// `pipe`.
    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.as_bytes()) {
            ("tab" | "\\t", _) => Ok(Self(b'\t')),
            ("comma", _) => Ok(Self(b',')),
            ("semicolon", _) => Ok(Self(b';')),
            ("pipe", _) => Ok(Self(b'|')),
            (_, [byte])
                if byte.is_ascii()
                    && !byte.is_ascii_alphanumeric()
                    && !matches!(byte, b'"' | b'\r' | b'\n' | b'.' | b'-' | b'+' | 0) =>
            {
                Ok(Self(*byte))
            }
            _ => Err(format!("`{text}` is no delimiter; expected one character such as `;`, or `tab`")),
        }
    }
}

/// A treatment of cells that are null words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Nulls {
    /// No record; counted as `no value`.
    #[default]
    Skip,
    /// A record with `"value":null`.
    Write,
}
