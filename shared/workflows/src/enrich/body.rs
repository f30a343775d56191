//! Bodies of model calls: rows of features, as CSV, JSON or JSON lines.

use std::io::Write as _;

use andon_domain::{Format, ModelEndpoint, OperandValue, RowShape};
use serde_json::{Map, Value};

/// Returns the content type of a request.
#[must_use]
pub fn content_type(endpoint: &ModelEndpoint) -> &str {
    endpoint.content_type.as_deref().unwrap_or(usual(endpoint.format))
}

/// Returns the content type of a format. Answers have it even where the binding names another one for requests.
#[must_use]
pub const fn usual(format: Format) -> &'static str {
    match format {
        Format::Csv => "text/csv",
        Format::Json => "application/json",
        Format::Jsonlines => "application/jsonlines",
    }
}

/// Returns one row, without a line end.
#[must_use]
pub fn row(endpoint: &ModelEndpoint, names: &[String], inputs: &[OperandValue]) -> Vec<u8> {
    let json = match (endpoint.format, endpoint.row) {
        (Format::Csv, _) => return csv(inputs),
        (_, RowShape::List) => Value::Array(inputs.iter().map(value).collect()),
        (_, RowShape::Object) => {
            let pairs = names.iter().zip(inputs).map(|(name, input)| (name.clone(), value(input)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
    };
    json.to_string().into_bytes()
}

/// Returns the body of a request, with rows in their order.
#[must_use]
pub fn body(endpoint: &ModelEndpoint, rows: &[&[u8]]) -> Vec<u8> {
    match endpoint.format {
        Format::Csv | Format::Jsonlines => rows.join(&b'\n'),
        Format::Json => {
            let mut body = Vec::with_capacity(rows.iter().map(|row| row.len() + 1).sum::<usize>() + 16);
            if let Some(name) = &endpoint.rows_under {
                body.push(b'{');
                body.extend(Value::from(name.as_str()).to_string().into_bytes());
                body.push(b':');
            }
            body.push(b'[');
            body.extend(rows.join(&b','));
            body.push(b']');
            if endpoint.rows_under.is_some() {
                body.push(b'}');
            }
            body
        }
    }
}

fn value(input: &OperandValue) -> Value {
    match input {
        OperandValue::Bool(bool) => Value::from(*bool),
        OperandValue::Number(number) => Value::from(*number),
        OperandValue::Text(text) => Value::from(text.as_str()),
    }
}

/// Models that read CSV read numbers: a boolean is 1 or 0. Texts are quoted as in RFC 4180.
fn csv(inputs: &[OperandValue]) -> Vec<u8> {
    let mut row = Vec::new();
    for (number, input) in inputs.iter().enumerate() {
        if number > 0 {
            row.push(b',');
        }
        match input {
            OperandValue::Bool(bool) => row.push(if *bool { b'1' } else { b'0' }),
            OperandValue::Number(number) => {
                // Into memory: it cannot fail.
                let _ = write!(row, "{number}");
            }
            OperandValue::Text(text) if text.contains([',', '"', '\r', '\n']) => {
                row.push(b'"');
                row.extend(text.replace('"', "\"\"").into_bytes());
                row.push(b'"');
            }
            OperandValue::Text(text) => row.extend(text.as_bytes()),
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(json: &str) -> ModelEndpoint {
        serde_json::from_str(json).unwrap()
    }

    fn said(endpoint: &ModelEndpoint, inputs: &[&[OperandValue]]) -> String {
        let names = ["temperature".to_owned(), "product".to_owned(), "open".to_owned()];
        let rows: Vec<Vec<u8>> = inputs.iter().map(|inputs| row(endpoint, &names, inputs)).collect();
        let rows: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
        String::from_utf8(body(endpoint, &rows)).unwrap()
    }

    fn inputs(number: f64, text: &str, bool: bool) -> Vec<OperandValue> {
        vec![OperandValue::Number(number), OperandValue::Text(text.to_owned()), OperandValue::Bool(bool)]
    }

    #[test]
    fn rows_are_lines_of_csv_whose_texts_are_quoted_where_they_must_be() {
        let endpoint = endpoint(r#"{"name": "m"}"#);
        assert_eq!(content_type(&endpoint), "text/csv");
        assert_eq!(
            said(&endpoint, &[&inputs(13.5, "cola", true), &inputs(-2.0, "a \"b\", c\nd", false)]),
            "13.5,cola,1\n-2,\"a \"\"b\"\", c\nd\",0"
        );
    }

    #[test]
    fn rows_are_one_json_list_or_stand_under_a_name() {
        let (one, other) = (inputs(13.5, "cola", true), inputs(1e21, "\u{e4}\"", false));
        let list = endpoint(r#"{"name": "m", "format": "json"}"#);
        assert_eq!(said(&list, &[&one, &other]), r#"[[13.5,"cola",true],[1e+21,"ä\"",false]]"#);
        let under =
            endpoint(r#"{"name": "m", "format": "json", "rows_under": "instances", "row": "object"}"#);
        let text = said(&under, &[&one]);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"instances": [{"temperature": 13.5, "product": "cola", "open": true}]})
        );
    }

    #[test]
    fn rows_are_lines_of_json() {
        let lines = endpoint(r#"{"name": "m", "format": "jsonlines"}"#);
        assert_eq!(content_type(&lines), "application/jsonlines");
        let two = said(&lines, &[&inputs(1.0, "a\nb", true), &inputs(2.0, "", false)]);
        assert_eq!(two.lines().count(), 2, "{two}");
        assert_eq!(two, "[1.0,\"a\\nb\",true]\n[2.0,\"\",false]");
    }

    #[test]
    fn the_content_type_may_be_named() {
        let endpoint = endpoint(r#"{"name": "m", "content_type": "text/csv; header=absent"}"#);
        assert_eq!(content_type(&endpoint), "text/csv; header=absent");
        assert_eq!(usual(endpoint.format), "text/csv");
    }
}
