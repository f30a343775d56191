//! Model bindings as YAML.

use andon_domain::{AnswerLayout, FailureWord, Format, ModelBinding, ModelEndpoint, OnFailure, RowShape};

use super::{plain_or_quoted, quoted, write_parameters, write_scope};

pub(super) fn write(model: &ModelBinding, out: &mut String) {
    out.push_str(&format!("  - id: {}\n", plain_or_quoted(&model.id)));
    if model.version != 1 {
        out.push_str(&format!("    version: {}\n", model.version));
    }
    if let Some(description) = &model.description {
        out.push_str(&format!("    description: {}\n", quoted(description)));
    }
    write_scope(&model.scope, out);
    write_parameters(&model.parameters, out);
    if model.inputs.is_empty() {
        out.push_str("    inputs: []\n");
    } else {
        out.push_str("    inputs:\n");
        for input in &model.inputs {
            let (name, value) = (plain_or_quoted(&input.name), quoted(&input.value));
            out.push_str(&format!("      - {{name: {name}, value: {value}}}\n"));
        }
    }
    if let Some(period) = model.at_most_every {
        out.push_str(&format!("    at_most_every: {period}\n"));
    }
    if let Some(period) = model.at_least_every {
        out.push_str(&format!("    at_least_every: {period}\n"));
    }
    if let Some(period) = model.every {
        out.push_str(&format!("    every: {period}\n"));
    }
    out.push_str("    endpoint:\n");
    write_endpoint(&model.endpoint, out);
}

fn write_endpoint(endpoint: &ModelEndpoint, out: &mut String) {
    let mut field = |name: &str, value: String| out.push_str(&format!("      {name}: {value}\n"));
    field("name", quoted(&endpoint.name));
    if let Some(variant) = &endpoint.variant {
        field("variant", quoted(variant));
    }
    if endpoint.asynchronous {
        field("asynchronous", "true".to_owned());
    }
    match endpoint.format {
        Format::Csv => {}
        Format::Json => field("format", "json".to_owned()),
        Format::Jsonlines => field("format", "jsonlines".to_owned()),
    }
    if let Some(content_type) = &endpoint.content_type {
        field("content_type", quoted(content_type));
    }
    if let Some(under) = &endpoint.rows_under {
        field("rows_under", quoted(under));
    }
    if endpoint.row == RowShape::Object {
        field("row", "object".to_owned());
    }
    if endpoint.rows != 1 {
        field("rows", endpoint.rows.to_string());
    }
    if endpoint.answer != AnswerLayout::default() {
        let AnswerLayout { rows, number, column } = &endpoint.answer;
        let parts = [
            rows.as_ref().map(|rows| format!("rows: {}", quoted(rows))),
            number.as_ref().map(|number| format!("number: {}", quoted(number))),
            column.map(|column| format!("column: {column}")),
        ];
        field("answer", format!("{{{}}}", parts.into_iter().flatten().collect::<Vec<_>>().join(", ")));
    }
    if let Some(timeout) = endpoint.timeout {
        field("timeout", timeout.to_string());
    }
    if endpoint.retries != 3 {
        field("retries", endpoint.retries.to_string());
    }
    if endpoint.too_old.0 != 600_000 {
        field("too_old", endpoint.too_old.to_string());
    }
    match endpoint.on_failure {
        OnFailure::Word(FailureWord::Nothing) => {}
        OnFailure::Word(FailureWord::Bad) => field("on_failure", "bad".to_owned()),
        OnFailure::Value(value) => field("on_failure", value.to_string()),
    }
    if let Some(cache) = endpoint.cache {
        field("cache", cache.to_string());
    }
}
