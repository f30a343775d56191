//! Counts requests to AWS, and the capacity units that they cost.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::AddAssign;

#[cfg(feature = "dynamodb")]
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};

/// The counts under one name.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Count {
    /// Requests. The attempts of the SDK count as one.
    pub requests: u64,
    /// Items, records, entries or objects in them.
    pub items: u64,
    /// Capacity units that the service says were consumed.
    pub units: f64,
    /// Requests whose response carried the consumed capacity.
    pub metered_requests: u64,
    /// Capacity units computed from the sizes of items by the formula that AWS publishes: of a write, the new item; of
    /// a transaction, twice that; of a strongly consistent read, what was found; indexes left out.
    pub computed_units: f64,
    /// Computed units of requests whose response carried no consumed capacity: some emulators leave it out, and no service
    /// returns it for a failed condition.
    pub unsaid_units: f64,
    /// Bytes of items, records, entries or objects: as DynamoDB counts items, otherwise what was sent or received.
    pub bytes: u64,
}

impl Count {
    /// Returns the units to bill: the consumed ones, and the computed ones where the response carried none.
    #[must_use]
    pub fn all_units(&self) -> f64 {
        self.units + self.unsaid_units
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.items += other.items;
        self.units += other.units;
        self.metered_requests += other.metered_requests;
        self.computed_units += other.computed_units;
        self.unsaid_units += other.unsaid_units;
        self.bytes += other.bytes;
    }
}

/// Counts by `service.Operation` and, of DynamoDB, the table: `dynamodb.PutItem andon-state`.
pub type Metered = BTreeMap<String, Count>;

/// A counter of requests that can be switched off.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    on: bool,
    counts: RefCell<Metered>,
}

impl Meter {
    pub(crate) fn new(on: bool) -> Self {
        Self { on, counts: RefCell::default() }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    pub(crate) fn counts(&self) -> Metered {
        self.counts.borrow().clone()
    }

    /// Returns the capacity report to request from DynamoDB.
    #[cfg(feature = "dynamodb")]
    pub(crate) fn wanted(&self) -> Option<ReturnConsumedCapacity> {
        self.on.then_some(ReturnConsumedCapacity::Total)
    }

    /// Counts a request to something that has no capacity units.
    pub(crate) fn request(&self, operation: &str, items: usize, bytes: usize) {
        self.add(
            operation,
            Count { requests: 1, items: items as u64, bytes: bytes as u64, ..Count::default() },
        );
    }

    /// Counts a request to a table; `sizes` are those of its items.
    #[cfg(feature = "dynamodb")]
    pub(crate) fn table(
        &self,
        operation: &str,
        table: &str,
        price: Price,
        sizes: &[usize],
        said: &[ConsumedCapacity],
    ) {
        if !self.on {
            return;
        }
        let said: Vec<f64> = said
            .iter()
            .filter(|said| {
                said.table_name().is_none_or(|of| of == table || of.ends_with(&format!("/{table}")))
            })
            .filter_map(ConsumedCapacity::capacity_units)
            .collect();
        let computed_units = price.units(sizes);
        self.add(
            &format!("dynamodb.{operation} {table}"),
            Count {
                requests: 1,
                items: sizes.len() as u64,
                units: said.iter().sum(),
                metered_requests: u64::from(!said.is_empty()),
                computed_units,
                unsaid_units: if said.is_empty() { computed_units } else { 0.0 },
                bytes: sizes.iter().sum::<usize>() as u64,
            },
        );
    }

    fn add(&self, name: &str, count: Count) {
        if self.on {
            *self.counts.borrow_mut().entry(name.to_owned()).or_default() += count;
        }
    }
}

/// The price of an item of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Price {
    /// A write unit for each KiB.
    Write,
    /// Two write units for each KiB.
    TransactedWrite,
    /// A read unit for each 4 KiB of each item, and for an item that is not there.
    ReadItems,
    /// A read unit for each 4 KiB of all items together.
    ReadRange,
    /// Half of that.
    ReadIndex,
}

impl Price {
    fn units(self, sizes: &[usize]) -> f64 {
        let of = |bytes: usize, unit: usize| {
            u32::try_from(bytes.div_ceil(unit).max(1)).map_or(f64::from(u32::MAX), f64::from)
        };
        let each = |unit| sizes.iter().map(|size| of(*size, unit)).sum::<f64>();
        match self {
            Self::Write => each(1 << 10),
            Self::TransactedWrite => 2.0 * each(1 << 10),
            Self::ReadItems => each(4 << 10),
            Self::ReadRange => of(sizes.iter().sum(), 4 << 10),
            Self::ReadIndex => 0.5 * of(sizes.iter().sum(), 4 << 10),
        }
    }
}

#[cfg(test)]
#[cfg(feature = "dynamodb")]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::float_cmp, reason = "halves are exact")]
    fn units_are_computed_as_aws_publishes() {
        assert_eq!(Price::Write.units(&[1, 1024, 1025]), 4.0);
        assert_eq!(Price::TransactedWrite.units(&[1024, 1025]), 6.0);
        assert_eq!(Price::ReadItems.units(&[0, 4096, 4097]), 4.0);
        assert_eq!(Price::ReadRange.units(&[4096, 1]), 2.0);
        assert_eq!(Price::ReadIndex.units(&[]), 0.5);
    }

    #[test]
    #[allow(clippy::float_cmp, reason = "whole numbers are exact")]
    fn what_the_service_said_is_kept_apart_from_what_was_computed() {
        let meter = Meter::new(true);
        let said = ConsumedCapacity::builder().table_name("t").capacity_units(3.0).build();
        let of_another = ConsumedCapacity::builder().table_name("u").capacity_units(9.0).build();
        meter.table("PutItem", "t", Price::Write, &[10], &[said, of_another]);
        meter.table("PutItem", "t", Price::Write, &[2000], &[]);
        meter.request("s3.PutObject", 1, 7);
        let expected = Count {
            requests: 2,
            items: 2,
            units: 3.0,
            metered_requests: 1,
            computed_units: 3.0,
            unsaid_units: 2.0,
            bytes: 2010,
        };
        let found = meter.counts()["dynamodb.PutItem t"];
        assert_eq!((found, found.all_units()), (expected, 5.0));
        assert_eq!(meter.counts()["s3.PutObject"].bytes, 7);
    }

    #[test]
    fn nothing_is_counted_unless_asked() {
        let meter = Meter::new(false);
        meter.request("s3.PutObject", 1, 7);
        meter.table("PutItem", "t", Price::Write, &[10], &[]);
        assert!(meter.counts().is_empty() && meter.wanted().is_none());
    }
}
