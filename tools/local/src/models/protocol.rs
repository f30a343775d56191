//! Encodes and decodes requests to models and their responses, without I/O.

use std::fmt::Write as _;

use andon_models::Model;
use serde_json::{Value, json};

/// A form of requests and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Csv,
    Json,
    JsonLines,
}

impl Form {
    /// The form of a content type.
    pub(super) fn of(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "text/csv" => Some(Self::Csv),
            "application/json" => Some(Self::Json),
            "application/jsonlines" => Some(Self::JsonLines),
            _ => None,
        }
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Json => "application/json",
            Self::JsonLines => "application/jsonlines",
        }
    }
}

/// Scores the rows of a request.
///
/// # Errors
/// The mistake in the request: the found and the expected.
pub(super) fn answer(model: &Model, form: Form, accept: Form, body: &[u8]) -> Result<Vec<u8>, String> {
    let text = str::from_utf8(body).map_err(|_| "the request is no text".to_owned())?;
    let names = model.names();
    let rows = match form {
        Form::Csv => text.lines().map(csv_row).collect::<Result<Vec<_>, _>>()?,
        Form::JsonLines => {
            let row = |line: &str| json_row(&names, &parsed(line)?);
            text.lines().filter(|line| !line.trim().is_empty()).map(row).collect::<Result<_, _>>()?
        }
        Form::Json => json_rows(&names, &parsed(text)?)?,
    };
    let scores: Vec<f64> =
        rows.iter().map(|row| model.score(row)).collect::<Result<_, _>>().map_err(|error| error.0)?;
    Ok(match accept {
        Form::Csv => {
            let mut lines = String::new();
            for score in scores {
                // Into memory: it cannot fail.
                let _ = writeln!(lines, "{score}");
            }
            lines.into_bytes()
        }
        Form::JsonLines => {
            let lines: Vec<String> = scores.iter().map(|score| json!({"score": score}).to_string()).collect();
            lines.join("\n").into_bytes()
        }
        Form::Json => {
            let rows: Vec<Value> = scores.iter().map(|score| json!({"score": score})).collect();
            json!({"predictions": rows}).to_string().into_bytes()
        }
    })
}

fn parsed(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("the request is no JSON: {error}"))
}

fn csv_row(line: &str) -> Result<Vec<f64>, String> {
    let number = |field: &str| {
        let field = field.trim();
        field.parse::<f64>().map_err(|_| format!("`{field}` is no number"))
    };
    line.split(',').map(number).collect()
}

/// Rows under `instances`, or as a bare list, or a bare row.
fn json_rows(names: &[&str], value: &Value) -> Result<Vec<Vec<f64>>, String> {
    let list = value.get("instances").unwrap_or(value);
    match list.as_array() {
        Some(rows) if rows.first().is_some_and(|row| row.is_array() || row.is_object()) => {
            rows.iter().map(|row| json_row(names, row)).collect()
        }
        _ => Ok(vec![json_row(names, list)?]),
    }
}

fn json_row(names: &[&str], row: &Value) -> Result<Vec<f64>, String> {
    let number = |value: &Value| match value {
        Value::Bool(bool) => Ok(f64::from(u8::from(*bool))),
        value => value.as_f64().ok_or_else(|| format!("`{value}` is no number")),
    };
    match row {
        Value::Array(features) => features.iter().map(number).collect(),
        Value::Object(members) => names
            .iter()
            .map(|name| members.get(*name).map_or_else(|| Err(format!("there is no `{name}`")), number))
            .collect(),
        other => Err(format!("`{other}` is no row; expected a list or an object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Model {
        Model::read(br#"{"kind":"linear","inputs":[{"name":"a","weight":1},{"name":"b","weight":10}]}"#)
            .unwrap()
    }

    fn asked(form: Form, body: &str) -> Result<String, String> {
        answer(&model(), form, form, body.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn rows_are_read_and_answered_in_every_form() {
        assert_eq!(asked(Form::Csv, "1,2\n3,4"), Ok("21\n43\n".to_owned()));
        assert_eq!(
            asked(Form::JsonLines, "[1,2]\n{\"b\":4,\"a\":3}\n"),
            Ok("{\"score\":21.0}\n{\"score\":43.0}".to_owned())
        );
        let two = Ok(r#"{"predictions":[{"score":21.0},{"score":11.0}]}"#.to_owned());
        assert_eq!(asked(Form::Json, "[[1,2],[1,true]]"), two);
        assert_eq!(asked(Form::Json, r#"{"instances":[{"a":1,"b":2},[1,1]]}"#), two);
        assert_eq!(asked(Form::Json, "[1,2]"), Ok(r#"{"predictions":[{"score":21.0}]}"#.to_owned()));
    }

    #[test]
    fn what_cannot_be_scored_says_why() {
        for (form, body, said) in [
            (Form::Csv, "1,cola", "`cola` is no number"),
            (Form::Csv, "1", "expected 2: a, b"),
            (Form::Json, "{\"a\":1}", "there is no `b`"),
            (Form::Json, "what?", "no JSON"),
            (Form::JsonLines, "7", "is no row"),
        ] {
            let error = asked(form, body).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_content_type_may_have_parameters() {
        assert_eq!(Form::of("text/csv; header=absent"), Some(Form::Csv));
        assert_eq!(Form::of("image/png"), None);
    }
}
