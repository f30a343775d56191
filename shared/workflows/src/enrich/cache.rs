//! A cache of scores by inputs.

use std::collections::BTreeMap;

use andon_domain::{LookupMap, ModelEndpoint};
use sha2::{Digest as _, Sha256};

/// The key of a score: a digest of endpoint and row, so that all entries have the same size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 16]);

impl CacheKey {
    /// Returns the key of a row for an endpoint. It covers everything that the answer may depend on.
    #[must_use]
    pub fn of(endpoint: &ModelEndpoint, row: &[u8]) -> Self {
        let mut digest = Sha256::new();
        let answer = &endpoint.answer;
        let column = answer.column.map(|column| column.to_string());
        let parts = [
            Some(endpoint.name.as_str()),
            endpoint.variant.as_deref(),
            Some(super::body::content_type(endpoint)),
            endpoint.rows_under.as_deref(),
            answer.rows.as_deref(),
            answer.number.as_deref(),
            column.as_deref(),
        ];
        for part in parts {
            // With its length, so that no two lists of parts look alike.
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            digest.update(length.to_le_bytes());
            digest.update(part.unwrap_or_default());
        }
        digest.update(row);
        let mut key = [0; 16];
        for (byte, of_digest) in key.iter_mut().zip(digest.finalize()) {
            *byte = of_digest;
        }
        Self(key)
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    score: f64,
    at_ms: i64,
    used: u64,
}

/// A bounded cache of scores that evicts the least recently used one.
#[derive(Debug)]
pub struct Cache {
    most: usize,
    entries: LookupMap<CacheKey, Entry>,
    /// Keys by their last use.
    by_use: BTreeMap<u64, CacheKey>,
    uses: u64,
}

impl Cache {
    /// Creates a cache of at most `most` scores.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, entries: LookupMap::default(), by_use: BTreeMap::new(), uses: 0 }
    }

    /// Returns the number of scores.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether it holds no score.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns a score that is younger than `ttl_ms`.
    pub fn get(&mut self, key: CacheKey, ttl_ms: i64, now_ms: i64) -> Option<f64> {
        let entry = self.entries.get_mut(&key)?;
        if now_ms.saturating_sub(entry.at_ms) >= ttl_ms {
            self.by_use.remove(&entry.used);
            self.entries.remove(&key);
            return None;
        }
        self.by_use.remove(&entry.used);
        self.uses += 1;
        entry.used = self.uses;
        self.by_use.insert(self.uses, key);
        Some(entry.score)
    }

    /// Stores a score.
    pub fn put(&mut self, key: CacheKey, score: f64, now_ms: i64) {
        if self.most == 0 {
            return;
        }
        self.uses += 1;
        if let Some(former) = self.entries.insert(key, Entry { score, at_ms: now_ms, used: self.uses }) {
            self.by_use.remove(&former.used);
        }
        self.by_use.insert(self.uses, key);
        if self.entries.len() > self.most
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(json: &str) -> ModelEndpoint {
        serde_json::from_str(json).unwrap()
    }

    fn key(row: &str) -> CacheKey {
        CacheKey::of(&endpoint(r#"{"name": "m"}"#), row.as_bytes())
    }

    #[test]
    fn a_score_is_remembered_for_its_time_to_live() {
        let mut cache = Cache::new(10);
        cache.put(key("1"), 0.5, 1000);
        assert_eq!(cache.get(key("1"), 100, 1099), Some(0.5));
        assert_eq!(cache.get(key("2"), 100, 1099), None);
        assert_eq!(cache.get(key("1"), 100, 1100), None, "using it does not make it younger");
        assert!(cache.is_empty());
    }

    #[test]
    fn the_score_that_was_not_used_for_longest_makes_room() {
        let mut cache = Cache::new(3);
        for row in ["1", "2", "3"] {
            cache.put(key(row), 1.0, 0);
        }
        assert!(cache.get(key("1"), 100, 0).is_some());
        cache.put(key("4"), 1.0, 0);
        assert_eq!(cache.len(), 3);
        assert_eq!(cache.get(key("2"), 100, 0), None);
        for row in ["1", "3", "4"] {
            assert!(cache.get(key(row), 100, 0).is_some(), "{row}");
        }
        assert_eq!(cache.by_use.len(), cache.entries.len());
    }

    #[test]
    fn a_newer_score_takes_the_place_of_the_one_before() {
        let mut cache = Cache::new(3);
        cache.put(key("1"), 1.0, 0);
        cache.put(key("1"), 2.0, 50);
        assert_eq!(cache.get(key("1"), 100, 120), Some(2.0));
        assert_eq!((cache.len(), cache.by_use.len()), (1, 1));
    }

    #[test]
    fn a_cache_stays_bounded_under_any_keys() {
        let mut cache = Cache::new(100);
        for number in 0..10_000 {
            cache.put(key(&(number % 777).to_string()), 1.0, number);
            cache.get(key(&(number % 13).to_string()), 50, number);
            assert!(cache.len() <= 100 && cache.by_use.len() == cache.len());
        }
    }

    #[test]
    fn equal_inputs_of_other_endpoints_have_other_keys() {
        let of = |json: &str| CacheKey::of(&endpoint(json), b"1,2");
        let keys = [
            of(r#"{"name": "m"}"#),
            of(r#"{"name": "n"}"#),
            of(r#"{"name": "m", "variant": "n"}"#),
            of(r#"{"name": "m", "answer": {"column": 1}}"#),
            of(r#"{"name": "m", "format": "json"}"#),
        ];
        for (number, one) in keys.iter().enumerate() {
            assert!(keys.iter().skip(number + 1).all(|other| one != other), "{number}");
        }
        // The cache duration is not part of the key.
        assert_eq!(of(r#"{"name": "m"}"#), of(r#"{"name": "m", "cache": "1m", "rows": 7}"#));
    }
}
