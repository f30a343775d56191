//! Answers of models: a number for each row, from CSV, JSON or JSON lines.

use andon_domain::{AnswerLayout, Format, ModelEndpoint};
use serde_json::Value;

use crate::limits::MODEL_ANSWER_BYTES;

/// Characters of an answer that a message shows.
const SHOWN: usize = 200;

/// Numbers by row, in the order of the request; for a row without one, the finding.
pub type Numbers = Vec<Result<f64, String>>;

/// Reads an answer to a request of `rows` rows.
///
/// # Errors
/// When it cannot be read as a whole: the finding and the expectation.
pub fn read(endpoint: &ModelEndpoint, rows: usize, answer: &[u8]) -> Result<Numbers, String> {
    if answer.len() > MODEL_ANSWER_BYTES {
        return Err(format!("the answer has {} bytes; expected at most {MODEL_ANSWER_BYTES}", answer.len()));
    }
    let text = str::from_utf8(answer).map_err(|_| format!("the answer is no text: {}", shown(answer)))?;
    let numbers = match endpoint.format {
        Format::Csv => csv(&endpoint.answer, rows, text),
        Format::Json => json(&endpoint.answer, rows, text)?,
        Format::Jsonlines => lines(text).map(|line| json_row(&endpoint.answer, line)).collect(),
    };
    if numbers.len() != rows {
        return Err(format!(
            "the answer has {} rows; expected {rows}, one for each row of the request: {}",
            numbers.len(),
            shown(answer)
        ));
    }
    Ok(numbers)
}

/// Returns the beginning of an answer, for a message.
pub(super) fn shown(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer.get(..4 * SHOWN).unwrap_or(answer));
    let mut letters = text.chars();
    let mut shown: String = letters.by_ref().take(SHOWN).collect();
    if letters.next().is_some() || answer.len() > 4 * SHOWN {
        shown.push_str(" ..");
    }
    format!("`{shown}`")
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn csv(answer: &AnswerLayout, rows: usize, text: &str) -> Numbers {
    let column = answer.column.map_or(0, |column| usize::try_from(column).unwrap_or(usize::MAX));
    let line: Vec<&str> = lines(text).collect();
    // Some containers put the answers for several rows into one line.
    if let [only] = line.as_slice()
        && rows > 1
        && answer.column.is_none()
        && only.split(',').count() == rows
    {
        return only.split(',').map(csv_number).collect();
    }
    line.into_iter()
        .map(|line| match line.split(',').nth(column) {
            Some(field) => csv_number(field),
            None => Err(format!("no column {column} in `{}`", shown(line.as_bytes()).trim_matches('`'))),
        })
        .collect()
}

fn csv_number(field: &str) -> Result<f64, String> {
    let number = field.trim().trim_matches('"');
    match number.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(format!("{} is no number", shown(field.as_bytes()))),
    }
}

fn json(answer: &AnswerLayout, rows: usize, text: &str) -> Result<Numbers, String> {
    let whole: Value = serde_json::from_str(text)
        .map_err(|error| format!("the answer is no JSON: {error}: {}", shown(text.as_bytes())))?;
    let found = match &answer.rows {
        None => &whole,
        Some(pointer) => whole.pointer(pointer).ok_or_else(|| {
            format!("there is nothing at `{pointer}` in the answer {}", shown(text.as_bytes()))
        })?,
    };
    let list = found.as_array().filter(|list| answer.rows.is_some() || list.len() == rows || rows != 1);
    Ok(match list {
        Some(list) => list.iter().map(|row| number(answer, row)).collect(),
        None => vec![number(answer, found)],
    })
}

fn json_row(answer: &AnswerLayout, line: &str) -> Result<f64, String> {
    match serde_json::from_str(line) {
        Ok(row) => number(answer, &row),
        Err(error) => Err(format!("{} is no JSON: {error}", shown(line.as_bytes()))),
    }
}

/// Returns the number of a row.
fn number(answer: &AnswerLayout, row: &Value) -> Result<f64, String> {
    let place = match &answer.number {
        Some(pointer) => row.pointer(pointer),
        None => row.as_array().map_or(Some(row), |list| list.first()),
    };
    let found = place.ok_or_else(|| match &answer.number {
        Some(pointer) => format!("there is nothing at `{pointer}` in {}", shown(row.to_string().as_bytes())),
        None => "an empty list in place of a number".to_owned(),
    })?;
    found
        .as_f64()
        .filter(|number| number.is_finite())
        .ok_or_else(|| format!("{} is no number", shown(found.to_string().as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(json: &str) -> ModelEndpoint {
        serde_json::from_str(json).unwrap()
    }

    /// The numbers; `None` where a row has none.
    fn numbers(endpoint: &str, rows: usize, answer: &str) -> Result<Vec<Option<f64>>, String> {
        let read = read(&super::tests::endpoint(endpoint), rows, answer.as_bytes())?;
        Ok(read.into_iter().map(Result::ok).collect())
    }

    const CSV: &str = r#"{"name": "m"}"#;
    const JSON: &str = r#"{"name": "m", "format": "json"}"#;
    const LINES: &str = r#"{"name": "m", "format": "jsonlines"}"#;

    #[test]
    fn a_csv_answer_has_a_line_for_each_row() {
        assert_eq!(numbers(CSV, 2, "0.25\n-3e2\n"), Ok(vec![Some(0.25), Some(-300.0)]));
        assert_eq!(numbers(CSV, 1, "0.25, 0.75\r\n"), Ok(vec![Some(0.25)]));
        let second = r#"{"name": "m", "answer": {"column": 1}}"#;
        assert_eq!(numbers(second, 2, "a,1\nb,\"2\""), Ok(vec![Some(1.0), Some(2.0)]));
    }

    #[test]
    fn a_csv_answer_may_have_all_rows_in_one_line() {
        assert_eq!(numbers(CSV, 3, "1,2,3"), Ok(vec![Some(1.0), Some(2.0), Some(3.0)]));
        let first = r#"{"name": "m", "answer": {"column": 0}}"#;
        assert!(numbers(first, 3, "1,2,3").is_err());
    }

    #[test]
    fn a_json_answer_is_the_list_or_the_only_row() {
        assert_eq!(numbers(JSON, 2, "[1, 2]"), Ok(vec![Some(1.0), Some(2.0)]));
        assert_eq!(numbers(JSON, 2, "[[1, 9], [2, 9]]"), Ok(vec![Some(1.0), Some(2.0)]));
        assert_eq!(numbers(JSON, 1, "0.5"), Ok(vec![Some(0.5)]));
        assert_eq!(numbers(JSON, 1, "[0.5]"), Ok(vec![Some(0.5)]));
        assert_eq!(numbers(JSON, 1, "[0.5, 0.25]"), Ok(vec![Some(0.5)]), "class by class");
    }

    #[test]
    fn pointers_say_where_rows_and_numbers_stand() {
        let named =
            r#"{"name": "m", "format": "json", "answer": {"rows": "/predictions", "number": "/score/0"}}"#;
        let answer = r#"{"predictions": [{"score": [1.5]}, {"score": [2.5]}]}"#;
        assert_eq!(numbers(named, 2, answer), Ok(vec![Some(1.5), Some(2.5)]));
        let error = numbers(named, 2, r#"{"scores": []}"#).unwrap_err();
        assert!(error.contains("`/predictions`") && error.contains("scores"), "{error}");
        let only = r#"{"name": "m", "format": "json", "answer": {"number": "/score"}}"#;
        assert_eq!(numbers(only, 1, r#"{"score": 7}"#), Ok(vec![Some(7.0)]));
    }

    #[test]
    fn lines_of_json_are_rows() {
        assert_eq!(numbers(LINES, 2, "1\n[2, 3]\n\n"), Ok(vec![Some(1.0), Some(2.0)]));
        let named = r#"{"name": "m", "format": "jsonlines", "answer": {"number": "/score"}}"#;
        assert_eq!(numbers(named, 2, "{\"score\": 1}\n{\"score\": null}"), Ok(vec![Some(1.0), None]));
    }

    #[test]
    fn a_row_without_a_number_does_not_spoil_the_others() {
        assert_eq!(numbers(CSV, 3, "1\nnan\nwhat"), Ok(vec![Some(1.0), None, None]));
        assert_eq!(numbers(JSON, 3, r#"[1, "2", []]"#), Ok(vec![Some(1.0), None, None]));
        let row = read(&endpoint(CSV), 2, b"1\nwhat").unwrap().remove(1);
        assert_eq!(row, Err("`what` is no number".to_owned()));
    }

    #[test]
    fn an_answer_that_does_not_fit_says_what_was_found_and_what_was_expected() {
        for (endpoint, rows, answer, said) in [
            (CSV, 2, "1\n2\n3", "3 rows; expected 2"),
            (CSV, 1, "", "0 rows; expected 1"),
            (JSON, 2, "[1]", "1 rows; expected 2"),
            (JSON, 2, "{\"a\": 1}", "1 rows; expected 2"),
            (JSON, 1, "<html>", "no JSON"),
            (LINES, 2, "1", "1 rows; expected 2"),
        ] {
            let error = numbers(endpoint, rows, answer).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        assert!(read(&endpoint(CSV), 1, b"\xff").unwrap_err().contains("no text"));
        let long = vec![b'1'; MODEL_ANSWER_BYTES + 1];
        assert!(read(&endpoint(CSV), 1, &long).unwrap_err().contains("expected at most 6291456"));
    }

    #[test]
    fn little_is_shown_of_a_long_answer() {
        let error = numbers(JSON, 1, &"x".repeat(100_000)).unwrap_err();
        assert!(error.len() < 400, "{}", error.len());
    }
}
