//! The tree as a source for serde, so that one model reads both notations, with errors that know their place.

use std::fmt;

use andon_domain::PathSegment;
use serde::de::{
    self, Deserializer, Error as _, Expected, MapAccess, SeqAccess, Unexpected, Visitor,
    value::StrDeserializer,
};
use serde::forward_to_deserialize_any;

use crate::scalar::{Resolved, resolve};
use crate::tree::{Entry, Kind, Node};

/// A mistake that serde found, with its place.
#[derive(Debug, thiserror::Error)]
#[error("{kind:?}")]
pub(crate) struct Error {
    pub(crate) kind: ErrorKind,
    /// From the place up to the root.
    pub(crate) reversed_path: Vec<PathSegment>,
}

#[derive(Debug)]
pub(crate) enum ErrorKind {
    UnknownField {
        field: String,
        expected: &'static [&'static str],
    },
    MissingField(&'static str),
    /// A word that is none of those that may stand here.
    UnknownWord {
        word: String,
        expected: &'static [&'static str],
    },
    /// The value is of another type, or not one of the values it may have.
    Expected(String),
    /// The value says itself what is wrong with it.
    Custom(String),
}

impl Error {
    fn of(kind: ErrorKind) -> Self {
        Self { kind, reversed_path: Vec::new() }
    }

    fn at(mut self, step: PathSegment) -> Self {
        self.reversed_path.push(step);
        self
    }
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::of(ErrorKind::Custom(message.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::of(ErrorKind::Expected(expected.to_string()))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::of(ErrorKind::Expected(expected.to_string()))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::of(ErrorKind::UnknownField { field: field.to_owned(), expected })
    }

    fn unknown_variant(word: &str, expected: &'static [&'static str]) -> Self {
        Self::of(ErrorKind::UnknownWord { word: word.to_owned(), expected })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of(ErrorKind::MissingField(field))
    }
}

impl<'de> Deserializer<'de> for &Node<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.kind {
            Kind::Scalar(text, style) => match resolve(text, *style) {
                Resolved::Null => visitor.visit_unit(),
                Resolved::Bool(value) => visitor.visit_bool(value),
                Resolved::Unsigned(value) => visitor.visit_u64(value),
                Resolved::Signed(value) => visitor.visit_i64(value),
                Resolved::Float(value) if value.is_finite() => visitor.visit_f64(value),
                Resolved::Float(_) => {
                    Err(Error::custom(format!("`{text}` is too large or no number at all")))
                }
                Resolved::Text => visitor.visit_str(text),
            },
            Kind::List(items) => visitor.visit_seq(Items { items: items.iter(), index: 0 }),
            Kind::Map(entries) => visitor.visit_map(Fields { entries: entries.iter(), current: None }),
            Kind::Hole => visitor.visit_str(""),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.kind {
            Kind::Hole => visitor.visit_none(),
            Kind::Scalar(text, style) if resolve(text, *style) == Resolved::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.kind {
            Kind::Hole => visitor.visit_seq(Items { items: [].iter(), index: 0 }),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.kind {
            // A derived visitor would take the fields by their order.
            Kind::List(_) => Err(Error::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.kind {
            Kind::Scalar(text, style) if resolve(text, *style) == Resolved::Text => {
                visitor.visit_enum(StrDeserializer::new(text))
            }
            Kind::Scalar(text, _) => Err(Error::unknown_variant(text, words)),
            _ => Err(Error::of(ErrorKind::Expected("a word".to_owned()))),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct map identifier ignored_any
    }
}

struct Items<'n, 'a> {
    items: std::slice::Iter<'n, Node<'a>>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Error;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        for item in self.items.by_ref() {
            let index = self.index;
            self.index += 1;
            if !matches!(item.kind, Kind::Hole) {
                return seed.deserialize(item).map(Some).map_err(|error| error.at(PathSegment::Item(index)));
            }
        }
        Ok(None)
    }
}

struct Fields<'n, 'a> {
    entries: std::slice::Iter<'n, Entry<'a>>,
    current: Option<&'n Entry<'a>>,
}

impl<'de> MapAccess<'de> for Fields<'_, '_> {
    type Error = Error;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.current = self.entries.find(|entry| !entry.skip);
        match self.current {
            Some(entry) => seed.deserialize(StrDeserializer::new(&entry.key)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let entry = self.current.ok_or_else(|| Error::custom("a value without a key"))?;
        seed.deserialize(&entry.value)
            .map_err(|error| error.at(PathSegment::Key(entry.key.clone().into_owned())))
    }
}
