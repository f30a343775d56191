//! Diagnostics for people, drawn as rustc draws them.

use andon_domain::text::{escape_control_chars, replace_control_chars};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use andon_domain::Severity;

use crate::source::Diagnostic;

/// The options of rendering.
#[derive(Clone, Copy, Debug)]
pub struct RenderOptions {
    /// With the terminal's colors.
    pub color: bool,
    /// Columns of the terminal; longer lines are cut around the place.
    pub width: usize,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self { color: false, width: 120 }
    }
}

/// A line longer than this is cut before it is drawn, so that a document on one line costs no more than others.
const LONG_LINE: usize = 4096;
/// Bytes of a long line that are kept on each side of the place: more than any terminal shows.
const CONTEXT_BYTES: usize = 1000;

/// Draws the diagnostics one after the other, with an empty line after each.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], options: RenderOptions) -> String {
    let renderer = if options.color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(options.width.clamp(40, 1000)).hyperlink(false);
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&one(diagnostic, &renderer));
        out.push_str("\n\n");
    }
    out
}

fn one(diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let Diagnostic { finding, place } = diagnostic;
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let source = place.source();
    let (line, column) = place.start();
    let bytes = place.bytes();
    let whole = source.line_bytes(line);
    let mut shown = whole.clone();
    if whole.len() > LONG_LINE {
        shown.start =
            source.text().floor_char_boundary(bytes.start.saturating_sub(CONTEXT_BYTES).max(whole.start));
        shown.end = source.text().ceil_char_boundary((bytes.start + CONTEXT_BYTES).min(whole.end));
    }
    let before = replace_control_chars(source.text().get(shown.start..bytes.start).unwrap_or_default());
    let end = bytes.end.clamp(bytes.start, shown.end.max(bytes.start));
    let inside = replace_control_chars(source.text().get(bytes.start..end).unwrap_or_default());
    let after = replace_control_chars(source.text().get(end..shown.end).unwrap_or_default());
    let span = before.len()..before.len() + inside.len();
    let name = escape_control_chars(source.name());
    let snippet = Snippet::source(format!("{before}{inside}{after}"))
        .path(name.clone())
        .line_start(line)
        .annotation(AnnotationKind::Primary.span(span));
    let mut group =
        level.primary_title(escape_control_chars(&finding.message)).id(finding.code).element(snippet);
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(escape_control_chars(help)));
    }
    let drawn = renderer.render(&[group]);
    if shown.start == whole.start {
        return drawn;
    }
    // The column that is drawn is that in the part shown; the true one counts from the line's start.
    let drawn_column = before.chars().count() + 1;
    drawn.replacen(&format!("{name}:{line}:{drawn_column}"), &format!("{name}:{line}:{column}"), 1)
}
