//! Items of DynamoDB: their attributes, and what they weigh.

use std::fmt::Display;
use std::str::FromStr;

use andon_workflows::ports::PortError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

/// An item, as the SDK has it.
#[allow(clippy::disallowed_types, reason = "the type of the SDK; it is never walked in an order that shows")]
pub(crate) type Item = std::collections::HashMap<String, AttributeValue>;

/// Most bytes of an item, names of attributes included.
pub(crate) const ITEM_BYTES: usize = 400 << 10;

pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn number(number: impl Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(crate) fn binary(bytes: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes.into()))
}

/// An item with some attributes.
pub(crate) fn item<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Item {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Adds an attribute if there is a value.
pub(crate) fn add(item: &mut Item, name: &str, value: Option<AttributeValue>) {
    if let Some(value) = value {
        item.insert(name.to_owned(), value);
    }
}

/// Takes an item apart. `what` names it in errors.
pub(crate) struct Fields<'a> {
    item: Item,
    what: &'a str,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(what: &'a str, item: Item) -> Self {
        Self { item, what }
    }

    fn damaged(&self, name: &str, expected: &str) -> PortError {
        PortError::permanent(format!("{} is damaged: expected {expected} as attribute `{name}`", self.what))
    }

    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, PortError> {
        match self.item.remove(name) {
            None => Ok(None),
            Some(AttributeValue::S(text)) => Ok(Some(text)),
            Some(_) => Err(self.damaged(name, "a text")),
        }
    }

    pub(crate) fn number<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, PortError> {
        match self.item.remove(name) {
            None => Ok(None),
            Some(AttributeValue::N(text)) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(self.damaged(name, "a whole number in its range")),
            },
            Some(_) => Err(self.damaged(name, "a number")),
        }
    }

    pub(crate) fn binary(&mut self, name: &str) -> Result<Option<Vec<u8>>, PortError> {
        match self.item.remove(name) {
            None => Ok(None),
            Some(AttributeValue::B(blob)) => Ok(Some(blob.into_inner())),
            Some(_) => Err(self.damaged(name, "binary data")),
        }
    }

    pub(crate) fn must<T>(&self, name: &str, value: Option<T>) -> Result<T, PortError> {
        value.ok_or_else(|| self.damaged(name, "a value"))
    }

    pub(crate) fn must_text(&mut self, name: &str) -> Result<String, PortError> {
        let value = self.text(name)?;
        self.must(name, value)
    }

    pub(crate) fn must_number<T: FromStr>(&mut self, name: &str) -> Result<T, PortError> {
        let value = self.number(name)?;
        self.must(name, value)
    }
}

/// Returns the size of an item as DynamoDB counts it, bytes: names of attributes, texts and binary data by their bytes,
/// numbers by their significant digits.
pub(crate) fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(text) => number_size(text),
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::M(map) => 3 + map.len() + size(map),
        AttributeValue::L(list) => 3 + list.len() + list.iter().map(value_size).sum::<usize>(),
        _ => 1,
    }
}

/// A byte, one for every two significant digits, and one for a minus.
fn number_size(text: &str) -> usize {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_start_matches('0').trim_end_matches('0').len();
    1 + significant.div_ceil(2) + usize::from(text.starts_with('-'))
}

/// Refuses what no item can hold, without asking.
pub(crate) fn fits(what: &str, item: &Item) -> Result<(), PortError> {
    let bytes = size(item);
    if bytes <= ITEM_BYTES {
        return Ok(());
    }
    Err(PortError::permanent(format!("{what} would have {bytes} bytes; an item takes {ITEM_BYTES}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_weighs_what_the_formula_says() {
        for (value, bytes) in [
            (text(""), 0),
            (text("\u{fc}x"), 3),
            (number(0), 1),
            (number(7), 2),
            (number(100), 2),
            (number(-15), 3),
            (number(1_700_000_000_000_i64), 2),
            (number(1_700_000_000_123_i64), 8),
            (binary(vec![0; 9]), 9),
            (AttributeValue::Bool(true), 1),
            (AttributeValue::L(vec![number(7), text("ab")]), 3 + 2 + 2 + 2),
            (AttributeValue::M(item([("k", text("ab"))])), 3 + 1 + 1 + 2),
        ] {
            let shown = format!("{value:?}");
            assert_eq!(size(&item([("name", value)])), 4 + bytes, "{shown}");
        }
    }

    #[test]
    fn an_item_that_is_not_as_expected_says_where() {
        let found = item([("n", text("x")), ("m", number("1.5")), ("s", number(1))]);
        let mut fields = Fields::new("the head of `e`", found);
        for error in [
            fields.number::<u64>("n").unwrap_err(),
            fields.number::<u64>("m").unwrap_err(),
            fields.must_text("s").unwrap_err(),
            fields.must_number::<i64>("q").unwrap_err(),
        ] {
            assert!(!error.is_transient());
            assert!(error.message.starts_with("the head of `e` is damaged: expected "), "{error}");
        }
    }
}
