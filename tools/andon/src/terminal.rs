//! The terminal: results on standard output, everything else on standard error; colour and progress only for people.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use unicode_width::UnicodeWidthStr as _;

use crate::failure::Failure;

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    Always,
    Never,
}

/// Standard error, with the abilities of both outputs.
pub(crate) struct Terminal {
    pub(crate) color: bool,
    /// Colour on standard output, which may be a file while standard error is not.
    pub(crate) color_of_results: bool,
    interactive: bool,
}

impl Terminal {
    pub(crate) fn new(choice: ColorChoice) -> Self {
        let interactive = io::stderr().is_terminal();
        let wanted = |is_terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        Self { color: wanted(interactive), color_of_results: wanted(io::stdout().is_terminal()), interactive }
    }

    /// Prints a message on standard error. Ignores errors: the results matter more.
    pub(crate) fn say(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    pub(crate) fn error(&self, message: &str) {
        self.say(&format!("{}: {message}", self.paint("error", "1;31")));
    }

    pub(crate) fn warning(&self, message: &str) {
        self.say(&format!("{}: {message}", self.paint("warning", "1;33")));
    }

    /// Text with an ANSI style, such as `1;31` for bold red, where colour is wanted.
    pub(crate) fn paint(&self, text: &str, style: &str) -> String {
        if self.color { format!("\u{1b}[{style}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// The same on standard output.
    pub(crate) fn paint_result(&self, text: &str, style: &str) -> String {
        if self.color_of_results && !style.is_empty() {
            format!("\u{1b}[{style}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// The name of a state on standard output.
    pub(crate) fn paint_state(&self, state: &str) -> String {
        self.paint_result(state, style_of_state(state))
    }

    /// Returns the start of a page that replaces the one before: on a terminal an empty screen, else an empty line.
    #[cfg(feature = "live")]
    pub(crate) fn page(&self, first: bool) -> &'static str {
        match (io::stdout().is_terminal(), first) {
            (true, _) => "\u{1b}[H\u{1b}[2J\u{1b}[3J",
            (false, true) => "",
            (false, false) => "\n",
        }
    }

    /// A progress bar over bytes; hidden unless standard error is a terminal. `None`: the total is unknown.
    pub(crate) fn progress(&self, total_bytes: Option<u64>) -> ProgressBar {
        if !self.interactive {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(total_bytes, ProgressDrawTarget::stderr_with_hz(10));
        let template = match total_bytes {
            Some(_) => "{bar:32} {percent:>3} %  {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left  {msg}",
            None => "{spinner} {bytes}  {bytes_per_sec}  {elapsed}  {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

#[cfg(feature = "live")]
impl Terminal {
    /// A spinner; hidden unless standard error is a terminal.
    pub(crate) fn spinner(&self) -> ProgressBar {
        let spinner = self.progress(None);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed}  {msg}") {
            spinner.set_style(style);
        }
        spinner
    }

    /// A progress bar over a count; hidden unless standard error is a terminal.
    pub(crate) fn steps(&self, total: u64) -> ProgressBar {
        let bar = self.progress(Some(total));
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len}  {elapsed}  {msg}") {
            bar.set_style(style);
        }
        bar
    }
}

/// Prints a result. A reader that has gone away (`| head`) ends the work quietly.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Message(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// A number with thousands set apart: `1 234 567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Returns the columns that a text takes on a terminal. Wide characters, as of Chinese or Japanese, take two.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// As in `1 file`, `12 rules`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// Formats a measured value with `digits` significant digits, and below 1 with as many decimals.
pub(crate) fn measured(value: f64, digits: usize) -> String {
    let size = value.abs();
    // As the shortest text it is no longer than needed already.
    if size >= 1e9 || (size > 0.0 && size < 1e-4) {
        return format!("{value:e}");
    }
    let whole = [1.0, 10.0, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8].iter().filter(|power| size >= **power).count();
    let text = format!("{value:.*}", digits.saturating_sub(whole));
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Returns the style of a state, by common names.
pub(crate) fn style_of_state(state: &str) -> &'static str {
    match state {
        "ALARM" | "CRITICAL" | "ERROR" | "FAULT" => "1;31",
        "WARNING" => "1;33",
        "NO_DATA" | "CHATTERING" => "1;35",
        "MAINTENANCE" => "34",
        "NORMAL" | "ACTIVE" | "OK" => "32",
        _ => "2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measured_values_have_significant_digits_and_no_needless_zeros() {
        let all = [18_034.51, 151.29, 84.193_898, 6.0, -0.089_66, 1e12, 1e-7, 0.0, -0.000_1];
        let told = all.map(|value| measured(value, 4));
        assert_eq!(told, ["18035", "151.3", "84.19", "6", "-0.0897", "1e12", "1e-7", "0", "-0.0001"]);
        assert_eq!(measured(84.193_898_305, 6), "84.1939");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([999, 1_000, 1_234_567].map(grouped), ["999", "1\u{202f}000", "1\u{202f}234\u{202f}567"]);
    }
}
