//! Tables for people: columns as wide as their widest cell.

use crate::terminal::{Terminal, columns};
use andon_domain::text::escape_control_chars;

/// A cell: what it says, and its ANSI style.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    text: String,
    style: &'static str,
}

impl Cell {
    /// A cell with a style.
    pub(super) fn styled(text: impl AsRef<str>, style: &'static str) -> Self {
        Self { text: escape_control_chars(text.as_ref()), style }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, "")
    }
}

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A table that grows by rows.
#[derive(Debug)]
pub(super) struct Table<const N: usize> {
    columns: [(&'static str, Align); N],
    rows: Vec<[Cell; N]>,
}

/// The space between columns.
const GAP: &str = "  ";

impl<const N: usize> Table<N> {
    /// A table with the titles of its columns; those that end in `>` are aligned to the right.
    pub(super) fn new(titles: [&'static str; N]) -> Self {
        let columns = titles.map(|title| match title.strip_suffix('>') {
            Some(title) => (title, Align::Right),
            None => (title, Align::Left),
        });
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: [Cell; N]) {
        self.rows.push(cells);
    }

    /// Whether it has no rows.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table with its titles; each line ends with a line end.
    pub(super) fn text(&self, terminal: &Terminal) -> String {
        let mut widths = self.columns.map(|(title, _)| columns(title));
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(columns(&cell.text));
            }
        }
        let titles = self.columns.map(|(title, _)| Cell::styled(title, "1"));
        let mut text = String::new();
        for row in std::iter::once(&titles).chain(&self.rows) {
            text.push_str(&self.line(row, &widths, terminal));
            text.push('\n');
        }
        text
    }

    fn line(&self, row: &[Cell; N], widths: &[usize; N], terminal: &Terminal) -> String {
        let mut line = String::new();
        // Blanks are held back: none at the end of a line.
        let mut blanks = 0;
        for (number, ((cell, width), (_, align))) in row.iter().zip(widths).zip(self.columns).enumerate() {
            let room = width.saturating_sub(columns(&cell.text));
            blanks += if number > 0 { GAP.len() } else { 0 };
            if align == Align::Right {
                blanks += room;
            }
            if !cell.text.is_empty() {
                line.extend(std::iter::repeat_n(' ', std::mem::take(&mut blanks)));
                line.push_str(&terminal.paint_result(&cell.text, cell.style));
            }
            if align == Align::Left {
                blanks += room;
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::ColorChoice;

    #[test]
    fn columns_are_as_wide_as_they_must_be_and_no_line_ends_in_blanks() {
        let mut table = Table::new(["NAME", "COUNT>", "NOTE"]);
        table.row(["a".into(), "12".into(), "x".into()]);
        table.row(["Füller-1".into(), "1234567".into(), Cell::default()]);
        let text = table.text(&Terminal::new(ColorChoice::Never));
        assert_eq!(text, "NAME        COUNT  NOTE\na              12  x\nFüller-1  1234567\n");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let mut table = Table::new(["NAME", "NOTE"]);
        table.row(["充填機-1".into(), "x".into()]);
        table.row(["filler-1".into(), "y".into()]);
        let text = table.text(&Terminal::new(ColorChoice::Never));
        assert_eq!(text, "NAME      NOTE\n充填機-1  x\nfiller-1  y\n");
    }

    #[test]
    fn colour_takes_no_room_and_hostile_text_none_of_the_screen() {
        let mut table = Table::new(["A", "B"]);
        table.row([Cell::styled("x\u{1b}[2J", "31"), "y".into()]);
        let text = table.text(&Terminal::new(ColorChoice::Always));
        assert_eq!(
            text,
            "\u{1b}[1mA\u{1b}[0m           \u{1b}[1mB\u{1b}[0m\n\u{1b}[31mx\\u{1b}[2J\u{1b}[0m  y\n"
        );
    }
}
