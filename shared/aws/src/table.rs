//! Operations of all tables: reading, writing under a condition, and writing many items at once.

use std::collections::BTreeMap;
use std::time::Duration;

use andon_clock::Stopwatch;
use andon_workflows::ports::PortError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConsumedCapacity, DeleteRequest, KeysAndAttributes, PutRequest,
    ReturnValuesOnConditionCheckFailure, WriteRequest,
};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::Aws;
use crate::error::{port_error, unbuilt};
use crate::item::{Item, fits, size};
use crate::meter::Price;

/// Keys in one request that reads many.
const READ_KEYS: usize = 100;

/// Items in one request that writes many.
const WRITE_ITEMS: usize = 25;

/// Requests of one call that are under way at a time.
const SIDE_BY_SIDE: usize = 8;

/// Time budget of the retries of a batch.
const RETRY_BUDGET: Duration = Duration::from_secs(6);

const FIRST_WAIT_MS: u64 = 25;
const LONGEST_WAIT_MS: u64 = 1000;

/// A condition for writing an item over a stored one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    pub(crate) expression: &'static str,
    pub(crate) attribute: &'static str,
    pub(crate) value: Option<AttributeValue>,
}

impl Condition {
    /// Requires that the stored item has this number. With 0, requires that no item is stored.
    pub(crate) fn follows(attribute: &'static str, former: u64) -> Self {
        if former == 0 {
            return Self { expression: "attribute_not_exists(#c)", attribute, value: None };
        }
        Self { expression: "#c = :c", attribute, value: Some(crate::item::number(former)) }
    }

    /// Requires that the stored item has a lesser number, or that no item is stored.
    pub(crate) fn exceeds(attribute: &'static str, number: u64) -> Self {
        Self {
            expression: "attribute_not_exists(#c) OR #c < :c",
            attribute,
            value: Some(crate::item::number(number)),
        }
    }
}

/// An outcome of writing an item under a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// The item is stored, by this write or by an earlier one with equal content.
    Done,
    /// The condition does not hold, and the stored item is another or missing.
    Refused,
}

/// A stored item for which a condition did not hold. It is `None` if no item is stored or the service did not return it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct StoredItem(pub(crate) Option<Item>);

/// A range of items in one partition.
pub(crate) struct Range<'a> {
    pub(crate) table: &'a str,
    /// Named in errors.
    pub(crate) what: &'a str,
    pub(crate) partition: (&'static str, &'a str),
    /// The name of the sort key, and its prefix.
    pub(crate) sort: Option<(&'static str, &'a str)>,
}

impl Aws {
    /// Reads one item with a consistent read.
    pub(crate) async fn get_item(
        &self,
        table: &str,
        what: &str,
        key: Item,
    ) -> Result<Option<Item>, PortError> {
        let answer = self
            .dynamodb()
            .get_item()
            .table_name(table)
            .set_key(Some(key))
            .consistent_read(true)
            .set_return_consumed_capacity(self.meter.wanted())
            .send()
            .await
            .map_err(|error| port_error(format_args!("cannot read {what}"), &error))?;
        let bytes = answer.item.as_ref().map(size).unwrap_or_default();
        self.meter.table("GetItem", table, Price::ReadItems, &[bytes], answer.consumed_capacity.as_slice());
        Ok(answer.item)
    }

    /// Writes one item without a condition.
    pub(crate) async fn put_item(&self, table: &str, what: &str, item: Item) -> Result<(), PortError> {
        self.put(table, what, item, None).await.map(|_| ())
    }

    /// Writes one item if a condition holds; `key` is the key of the item.
    ///
    /// If the condition fails and the stored item is the same, an earlier attempt wrote it. Otherwise the write is refused.
    pub(crate) async fn put_item_if(
        &self,
        table: &str,
        what: &str,
        key: Item,
        item: Item,
        condition: Condition,
    ) -> Result<Put, PortError> {
        match self.put(table, what, item.clone(), Some(condition)).await? {
            None => Ok(Put::Done),
            Some(stored) => self.same_or_refused(table, what, key, &item, stored).await,
        }
    }

    /// Returns the outcome of a write whose condition did not hold.
    pub(crate) async fn same_or_refused(
        &self,
        table: &str,
        what: &str,
        key: Item,
        item: &Item,
        stored: StoredItem,
    ) -> Result<Put, PortError> {
        let stored = match stored.0.filter(|stored| !stored.is_empty()) {
            Some(stored) => Some(stored),
            // No item is stored, or the service did not return it.
            None => self.get_item(table, what, key).await?,
        };
        Ok(if stored.as_ref() == Some(item) { Put::Done } else { Put::Refused })
    }

    /// Writes one item if the condition holds. Otherwise, returns the stored item.
    pub(crate) async fn put(
        &self,
        table: &str,
        what: &str,
        item: Item,
        condition: Option<Condition>,
    ) -> Result<Option<StoredItem>, PortError> {
        fits(what, &item)?;
        let bytes = if self.meter.is_on() { size(&item) } else { 0 };
        let mut request = self
            .dynamodb()
            .put_item()
            .table_name(table)
            .set_item(Some(item))
            .set_return_consumed_capacity(self.meter.wanted());
        if let Some(condition) = condition {
            request = request
                .condition_expression(condition.expression)
                .expression_attribute_names("#c", condition.attribute)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            if let Some(value) = condition.value {
                request = request.expression_attribute_values(":c", value);
            }
        }
        let count = |said: &[ConsumedCapacity]| {
            self.meter.table("PutItem", table, Price::Write, &[bytes], said);
        };
        match request.send().await {
            Ok(answer) => {
                count(answer.consumed_capacity.as_slice());
                Ok(None)
            }
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    // It is charged all the same, and does not say how much.
                    count(&[]);
                    Ok(Some(StoredItem(failed.item.clone())))
                }
                _ => Err(port_error(format_args!("cannot write {what}"), &error)),
            },
        }
    }

    /// Reads all items of a range, as they are now, in the order of their sort keys.
    pub(crate) async fn query_all(&self, range: Range<'_>) -> Result<Vec<Item>, PortError> {
        let mut found = Vec::new();
        let mut next: Option<Item> = None;
        loop {
            let (partition, of) = range.partition;
            let mut request = self
                .dynamodb()
                .query()
                .table_name(range.table)
                .consistent_read(true)
                .expression_attribute_names("#p", partition)
                .expression_attribute_values(":p", crate::item::text(of))
                .set_exclusive_start_key(next)
                .set_return_consumed_capacity(self.meter.wanted());
            request = match range.sort {
                None => request.key_condition_expression("#p = :p"),
                Some((sort, begins)) => request
                    .key_condition_expression("#p = :p AND begins_with(#s, :s)")
                    .expression_attribute_names("#s", sort)
                    .expression_attribute_values(":s", crate::item::text(begins)),
            };
            let answer = request
                .send()
                .await
                .map_err(|error| port_error(format_args!("cannot read {}", range.what), &error))?;
            let items = answer.items.unwrap_or_default();
            self.count_items(
                "Query",
                range.table,
                Price::ReadRange,
                &items,
                answer.consumed_capacity.as_slice(),
            );
            found.extend(items);
            next = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    /// Counts a request that has read items.
    pub(crate) fn count_items(
        &self,
        operation: &str,
        table: &str,
        price: Price,
        items: &[Item],
        said: &[ConsumedCapacity],
    ) {
        if self.meter.is_on() {
            let sizes: Vec<usize> = items.iter().map(size).collect();
            self.meter.table(operation, table, price, &sizes, said);
        }
    }

    /// Reads many items, as they are now, in no order. No key may be there twice.
    pub(crate) async fn get_items(
        &self,
        table: &str,
        what: &str,
        keys: Vec<Item>,
    ) -> Result<Vec<Item>, PortError> {
        let chunks: Vec<Vec<Item>> = keys.chunks(READ_KEYS).map(<[Item]>::to_vec).collect();
        stream::iter(chunks)
            .map(|chunk| self.get_chunk(table, what, chunk))
            .buffer_unordered(SIDE_BY_SIDE)
            .try_concat()
            .await
    }

    async fn get_chunk(&self, table: &str, what: &str, keys: Vec<Item>) -> Result<Vec<Item>, PortError> {
        let mut open = keys;
        let mut found = Vec::with_capacity(open.len());
        let mut waits = Waits::start();
        loop {
            let asked = open.len();
            let keys = KeysAndAttributes::builder().set_keys(Some(open)).consistent_read(true).build();
            let answer = self
                .dynamodb()
                .batch_get_item()
                .request_items(table, keys.map_err(unbuilt)?)
                .set_return_consumed_capacity(self.meter.wanted())
                .send()
                .await
                .map_err(|error| port_error(format_args!("cannot read {what}"), &error))?;
            let items = answer.responses.and_then(|mut tables| tables.remove(table)).unwrap_or_default();
            open = answer
                .unprocessed_keys
                .and_then(|mut tables| tables.remove(table))
                .map(|keys| keys.keys)
                .unwrap_or_default();
            if self.meter.is_on() {
                let mut sizes: Vec<usize> = items.iter().map(size).collect();
                sizes.resize(asked.saturating_sub(open.len()).max(sizes.len()), 0);
                let said = answer.consumed_capacity.as_deref().unwrap_or_default();
                self.meter.table("BatchGetItem", table, Price::ReadItems, &sizes, said);
            }
            found.extend(items);
            if open.is_empty() {
                return Ok(found);
            }
            // An answer holds 16 MB: what did not fit is not a sign of haste.
            waits
                .before_next(open.len() < asked, || {
                    format!("cannot read {what}: {} are still missing", open.len())
                })
                .await?;
        }
    }

    /// Writes and deletes many items, in no order; of two with one key, the last.
    pub(crate) async fn write_items(&self, table: &str, what: &str, writes: Writes) -> Result<(), PortError> {
        let writes: Vec<(usize, WriteRequest)> = writes.0.into_values().collect();
        let chunks: Vec<_> = writes.chunks(WRITE_ITEMS).map(<[_]>::to_vec).collect();
        stream::iter(chunks)
            .map(|chunk| self.write_chunk(table, what, chunk))
            .buffer_unordered(SIDE_BY_SIDE)
            .try_collect()
            .await
    }

    async fn write_chunk(
        &self,
        table: &str,
        what: &str,
        writes: Vec<(usize, WriteRequest)>,
    ) -> Result<(), PortError> {
        let (sizes, mut open): (Vec<usize>, Vec<WriteRequest>) = writes.into_iter().unzip();
        let mut sizes = Some(sizes);
        let mut waits = Waits::start();
        loop {
            let asked = open.len();
            let answer = self
                .dynamodb()
                .batch_write_item()
                .request_items(table, open)
                .set_return_consumed_capacity(self.meter.wanted())
                .send()
                .await
                .map_err(|error| port_error(format_args!("cannot write {what}"), &error))?;
            let said = answer.consumed_capacity.as_deref().unwrap_or_default();
            // What comes again is counted with the first request that it was in.
            self.meter.table("BatchWriteItem", table, Price::Write, &sizes.take().unwrap_or_default(), said);
            open = answer.unprocessed_items.and_then(|mut tables| tables.remove(table)).unwrap_or_default();
            if open.is_empty() {
                return Ok(());
            }
            waits
                .before_next(open.len() < asked, || {
                    format!("cannot write {what}: {} are not written yet", open.len())
                })
                .await?;
        }
    }
}

/// Items to be written and deleted, by key.
#[derive(Debug, Default)]
pub(crate) struct Writes(BTreeMap<(String, String), (usize, WriteRequest)>);

impl Writes {
    /// Adds an item to be written; `key` tells it from others.
    pub(crate) fn put(&mut self, what: &str, key: (&str, &str), item: Item) -> Result<(), PortError> {
        fits(what, &item)?;
        let bytes = size(&item);
        let put = PutRequest::builder().set_item(Some(item)).build().map_err(unbuilt)?;
        self.add(key, bytes, WriteRequest::builder().put_request(put).build());
        Ok(())
    }

    /// Adds an item to be deleted.
    pub(crate) fn delete(&mut self, key: (&str, &str), item: Item) -> Result<(), PortError> {
        let delete = DeleteRequest::builder().set_key(Some(item)).build().map_err(unbuilt)?;
        self.add(key, 0, WriteRequest::builder().delete_request(delete).build());
        Ok(())
    }

    fn add(&mut self, (partition, sort): (&str, &str), bytes: usize, request: WriteRequest) {
        self.0.insert((partition.to_owned(), sort.to_owned()), (bytes, request));
    }
}

/// The waits between requests for open entries: longer each time that nothing was done, within a time budget.
struct Waits {
    since: Stopwatch,
    wait_ms: u64,
}

impl Waits {
    fn start() -> Self {
        Self { since: Stopwatch::start(), wait_ms: FIRST_WAIT_MS }
    }

    async fn before_next(&mut self, progress: bool, open: impl Fn() -> String) -> Result<(), PortError> {
        if self.since.elapsed() > RETRY_BUDGET {
            return Err(PortError::transient(format!("{}: the table is busy", open())));
        }
        if progress {
            self.wait_ms = FIRST_WAIT_MS;
        }
        // From half to all of it: requests that were throttled together are not repeated together.
        let wait_ms = fastrand::u64(self.wait_ms / 2..=self.wait_ms);
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        self.wait_ms = (self.wait_ms * 2).min(LONGEST_WAIT_MS);
        Ok(())
    }
}
