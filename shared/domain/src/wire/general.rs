//! The general reader: any JSON, with keys in any order. It reports every mistake.

use std::borrow::Cow;
use std::fmt;

use compact_str::CompactString;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{Message, MessageContent, excerpt};
use crate::{DataPoint, Rejection, Value, limits};

/// Maximum rejections of one message with a detail. A message of millions of bad items must not need a text for each.
const LISTED_REJECTIONS: usize = 100;

pub(super) fn read(bytes: &[u8]) -> Message<'_> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Message::rejected("the message is not UTF-8");
    };
    if text.trim_ascii().is_empty() {
        return Message::rejected("the message is empty; expected JSON");
    }
    match serde_json::from_str::<Any<'_>>(text) {
        Ok(Any::List(items)) => several(None, &items),
        Ok(Any::Object(fields)) => object(&fields),
        Ok(Any::Other) => Message::rejected(format!(
            "`{}` is no record; expected a data point, a list of them or a tick",
            excerpt(text.trim_ascii())
        )),
        Err(error) => Message::rejected(format!("not JSON: {error}: `{}`", excerpt(text))),
    }
}

fn object<'a>(fields: &Fields<'a>) -> Message<'a> {
    let (Some(arrival), Some(inner)) = (fields.arrival, fields.data.or(fields.rules)) else {
        return record(None, fields);
    };
    let arrival_ms = match time(arrival, "arrival") {
        Ok(arrival_ms) => arrival_ms,
        Err(detail) => return Message::rejected(detail),
    };
    if fields.data.is_none() {
        let content = MessageContent::Rules(inner.get());
        return Message {
            arrival_ms: Some(arrival_ms),
            content,
            rejections: Vec::new(),
            unlisted_rejections: 0,
        };
    }
    match serde_json::from_str::<Any<'a>>(inner.get()) {
        Ok(Any::List(items)) => several(Some(arrival_ms), &items),
        Ok(Any::Object(fields)) => record(Some(arrival_ms), &fields),
        Ok(Any::Other) => Message::rejected(format!(
            "`data` is `{}`; expected a data point, a list of them or a tick",
            excerpt(inner.get())
        )),
        Err(error) => Message::rejected(format!("`data` is not JSON: {error}")),
    }
}

/// A data point or a tick.
fn record<'a>(arrival_ms: Option<i64>, fields: &Fields<'a>) -> Message<'a> {
    let content = if fields.tick.is_some_and(|tick| tick.get() == "true") {
        name(fields.equipment, "equipmentId").map(MessageContent::Tick)
    } else {
        point(fields).map(|(equipment, point)| MessageContent::One(equipment, point))
    };
    match content {
        Ok(content) => Message { arrival_ms, content, rejections: Vec::new(), unlisted_rejections: 0 },
        Err(detail) => Message::rejected(detail),
    }
}

fn several<'a>(arrival_ms: Option<i64>, items: &[&'a RawValue]) -> Message<'a> {
    let mut by_equipment: Vec<(Cow<'a, str>, Vec<DataPoint<'a>>)> = Vec::new();
    let mut places: crate::LookupMap<Cow<'a, str>, usize> = crate::LookupMap::default();
    let mut rejections = Vec::new();
    let mut unlisted_rejections = 0;
    for (index, item) in items.iter().enumerate() {
        let read = match serde_json::from_str::<Any<'a>>(item.get()) {
            Ok(Any::Object(fields)) => point(&fields),
            Ok(_) => Err(format!("`{}` is no data point", excerpt(item.get()))),
            Err(error) => Err(format!("not JSON: {error}")),
        };
        match read {
            Ok((equipment, point)) => {
                let place = *places.entry(equipment.clone()).or_insert_with(|| {
                    by_equipment.push((equipment, Vec::new()));
                    by_equipment.len() - 1
                });
                if let Some((_, points)) = by_equipment.get_mut(place) {
                    points.push(point);
                }
            }
            Err(_) if rejections.len() >= LISTED_REJECTIONS => unlisted_rejections += 1,
            Err(detail) => rejections.push(Rejection::malformed(format!("item {}: {detail}", index + 1))),
        }
    }
    if items.is_empty() {
        return Message::rejected("the list is empty; expected at least one data point");
    }
    let content =
        if by_equipment.is_empty() { MessageContent::Nothing } else { MessageContent::Several(by_equipment) };
    Message { arrival_ms, content, rejections, unlisted_rejections }
}

fn point<'a>(fields: &Fields<'a>) -> Result<(Cow<'a, str>, DataPoint<'a>), String> {
    let equipment = name(fields.equipment, "equipmentId")?;
    let tag = name(fields.tag, "tag")?;
    let timestamp = fields.timestamp.ok_or("the point has no `timestamp`")?;
    let timestamp_ms = time(timestamp, "timestamp")?;
    let value = fields.value.map(value).transpose()?.flatten();
    let quality_ok = match given(fields.quality) {
        None => true,
        Some(quality) => string(quality, "quality")? == "Ok",
    };
    let mut point = DataPoint {
        timestamp_ms,
        tag,
        value,
        quality_ok,
        sequence_number: 0,
        derived: false,
        created_at_ms: None,
        source: Cow::Borrowed(""),
    };
    if let Some(meta) = given(fields.meta) {
        let Ok(Any::Object(meta)) = serde_json::from_str::<Any<'a>>(meta.get()) else {
            return Err(format!("`meta` is `{}`; expected an object", excerpt(meta.get())));
        };
        if let Some(number) = given(meta.sequence_number) {
            point.sequence_number = integer(number, "meta.sequenceNumber")?;
        }
        if let Some(flags) = given(meta.flags) {
            let flags: Vec<Cow<'a, str>> = serde_json::from_str(flags.get()).map_err(|_| {
                format!("`meta.flags` is `{}`; expected a list of texts", excerpt(flags.get()))
            })?;
            point.derived = flags.iter().any(|flag| flag == "Drv");
        }
        if let Some(created_at) = given(meta.created_at) {
            point.created_at_ms = Some(time(created_at, "meta.createdAt")?);
        }
        if let Some(source) = given(meta.source) {
            let source = string(source, "meta.sourceId")?;
            if source.len() > limits::SOURCE_BYTES {
                return Err(format!("`meta.sourceId` is longer than {} bytes", limits::SOURCE_BYTES));
            }
            point.source = source;
        }
    }
    Ok((equipment, point))
}

/// Returns a field unless it is missing or null.
fn given(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| raw.get() != "null")
}

fn value(raw: &RawValue) -> Result<Option<Value>, String> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'n') => Ok(None),
        Some(b't') => Ok(Some(Value::Bool(true))),
        Some(b'f') => Ok(Some(Value::Bool(false))),
        Some(b'"') => {
            let text = string(raw, "value")?;
            if text.len() > limits::TEXT_BYTES {
                return Err(format!(
                    "`value` is a text of {} bytes; the limit is {}",
                    text.len(),
                    limits::TEXT_BYTES
                ));
            }
            Ok(Some(Value::Text(CompactString::new(&text))))
        }
        Some(b'[' | b'{') => {
            Err(format!("`value` is `{}`; expected a number, a boolean or a text", excerpt(text)))
        }
        _ => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(Value::Number(number))),
            _ => Err(format!("`value` is `{}`; expected a finite number", excerpt(text))),
        },
    }
}

/// Reads an equipment id or a tag.
fn name<'a>(raw: Option<&'a RawValue>, field: &str) -> Result<Cow<'a, str>, String> {
    let raw = given(raw).ok_or_else(|| format!("the point has no `{field}`"))?;
    let name = string(raw, field)?;
    if name.is_empty() || name.len() > limits::NAME_BYTES {
        return Err(format!("`{field}` is {} bytes long; expected 1 to {}", name.len(), limits::NAME_BYTES));
    }
    if name.chars().any(char::is_control) {
        return Err(format!("`{field}` is `{}`, which contains a control character", excerpt(&name)));
    }
    Ok(name)
}

fn string<'a>(raw: &'a RawValue, field: &str) -> Result<Cow<'a, str>, String> {
    let text = raw.get();
    if !text.starts_with('"') {
        return Err(format!("`{field}` is `{}`; expected a text", excerpt(text)));
    }
    // A plain text is borrowed. Only a text with escapes is copied.
    if let Some(plain) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'))
        && !plain.contains('\\')
    {
        return Ok(Cow::Borrowed(plain));
    }
    serde_json::from_str::<String>(text)
        .map(Cow::Owned)
        .map_err(|error| format!("`{field}` is no text: {error}: `{}`", excerpt(text)))
}

fn integer(raw: &RawValue, field: &str) -> Result<i64, String> {
    let text = raw.get();
    text.parse().map_err(|_| format!("`{field}` is `{}`; expected an integer", excerpt(text)))
}

fn time(raw: &RawValue, field: &str) -> Result<i64, String> {
    let text = raw.get();
    match text.parse::<i64>() {
        Ok(ms) if ms.unsigned_abs() <= limits::TIMESTAMP_MS.unsigned_abs() => Ok(ms),
        _ => Err(format!("`{field}` is `{}`; expected integer milliseconds since 1970", excerpt(text))),
    }
}

/// A JSON value, read one level deep.
enum Any<'a> {
    List(Vec<&'a RawValue>),
    Object(Box<Fields<'a>>),
    Other,
}

/// The known fields of records, envelopes and `meta`. The last one of a repeated key counts.
#[derive(Default)]
struct Fields<'a> {
    arrival: Option<&'a RawValue>,
    data: Option<&'a RawValue>,
    rules: Option<&'a RawValue>,
    tick: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
    equipment: Option<&'a RawValue>,
    tag: Option<&'a RawValue>,
    value: Option<&'a RawValue>,
    quality: Option<&'a RawValue>,
    meta: Option<&'a RawValue>,
    sequence_number: Option<&'a RawValue>,
    flags: Option<&'a RawValue>,
    created_at: Option<&'a RawValue>,
    source: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for Any<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyVisitor;
        impl<'de> Visitor<'de> for AnyVisitor {
            type Value = Any<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Any<'de>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element::<&'de RawValue>()? {
                    items.push(item);
                }
                Ok(Any::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Any<'de>, A::Error> {
                let mut fields = Fields::default();
                while let Some(Key(key)) = map.next_key::<Key<'de>>()? {
                    match fields.slot(&key) {
                        Some(slot) => *slot = Some(map.next_value::<&'de RawValue>()?),
                        None => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(Any::Object(Box::new(fields)))
            }
            fn visit_unit<E>(self) -> Result<Any<'de>, E> {
                Ok(Any::Other)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Any<'de>, E> {
                Ok(Any::Other)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Any<'de>, E> {
                Ok(Any::Other)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Any<'de>, E> {
                Ok(Any::Other)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Any<'de>, E> {
                Ok(Any::Other)
            }
            fn visit_str<E>(self, _: &str) -> Result<Any<'de>, E> {
                Ok(Any::Other)
            }
        }
        deserializer.deserialize_any(AnyVisitor)
    }
}

/// A key, borrowed unless it has escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }
            fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

impl<'a> Fields<'a> {
    fn slot(&mut self, key: &str) -> Option<&mut Option<&'a RawValue>> {
        Some(match key {
            "arrival" => &mut self.arrival,
            "data" => &mut self.data,
            "rules" => &mut self.rules,
            "tick" => &mut self.tick,
            "timestamp" => &mut self.timestamp,
            "equipmentId" => &mut self.equipment,
            "tag" => &mut self.tag,
            "value" => &mut self.value,
            "quality" => &mut self.quality,
            "meta" => &mut self.meta,
            "sequenceNumber" => &mut self.sequence_number,
            "flags" => &mut self.flags,
            "createdAt" => &mut self.created_at,
            "sourceId" => &mut self.source,
            _ => return None,
        })
    }
}
