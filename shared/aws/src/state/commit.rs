//! Committing a key: its head, and with it what was decided.

use andon_workflows::ports::{Commit, Committed, OutboxItem, PortError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConsumedCapacity, Put as PutAction, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem,
};

use super::head;
use crate::error::{port_error, unbuilt};
use crate::item::{Item, fits, size};
use crate::meter::Price;
use crate::table::{Condition, Put, StoredItem};
use crate::{Aws, outbox};

impl Aws {
    pub(super) async fn commit_key(&self, commit: &Commit) -> Result<Committed, PortError> {
        let Commit { equipment, read_version, head, outbox } = commit;
        if head.version != read_version.saturating_add(1) {
            return Err(PortError::permanent(format!(
                "the head of `{equipment}` has version {}; expected one more than was read, which is {read_version}",
                head.version
            )));
        }
        let item = head::encode(equipment, head)?;
        let condition = Condition::follows(head::VERSION, *read_version);
        let table = &self.config.names.state_table;
        let what = format!("the head of `{equipment}`");
        let stored = match outbox {
            None => self.put(table, &what, item.clone(), Some(condition)).await?,
            Some(decided) => self.put_both(commit, item.clone(), condition, decided).await?,
        };
        let Some(stored) = stored else { return Ok(Committed::Done) };
        let key = head::key(equipment, head::HEAD);
        Ok(match self.same_or_refused(table, &what, key, &item, stored).await? {
            Put::Done => Committed::Done,
            Put::Refused => Committed::Conflict,
        })
    }

    /// Writes head and outbox item, both or none. The SDK makes a new token for each call: with one of our own, a repeat
    /// that others have overtaken would be answered as if it had just taken place.
    async fn put_both(
        &self,
        commit: &Commit,
        item: Item,
        condition: Condition,
        decided: &OutboxItem,
    ) -> Result<Option<StoredItem>, PortError> {
        let equipment = &commit.equipment;
        if (&decided.equipment, decided.version) != (equipment, commit.head.version) {
            return Err(PortError::permanent(format!(
                "the outbox item of `{equipment}`, version {}, is of `{}`, version {}",
                commit.head.version, decided.equipment, decided.version
            )));
        }
        let (state, decisions) = (&self.config.names.state_table, &self.config.names.outbox_table);
        let decided = outbox::encode(decided)?;
        fits(&format!("the head of `{equipment}`"), &item)?;
        fits(&format!("the decisions of `{equipment}`"), &decided)?;
        let sizes = if self.meter.is_on() { [size(&item), size(&decided)] } else { [0, 0] };
        let head = PutAction::builder()
            .table_name(state)
            .set_item(Some(item))
            .condition_expression(condition.expression)
            .expression_attribute_names("#c", condition.attribute)
            .set_expression_attribute_values(
                condition.value.map(|value| [(":c".to_owned(), value)].into_iter().collect()),
            )
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        let decided = PutAction::builder().table_name(decisions).set_item(Some(decided)).build();
        let action = |put| TransactWriteItem::builder().put(put).build();
        let answer = self
            .dynamodb()
            .transact_write_items()
            .transact_items(action(head.map_err(unbuilt)?))
            .transact_items(action(decided.map_err(unbuilt)?))
            .set_return_consumed_capacity(self.meter.wanted())
            .send()
            .await;
        let count = |said: &[ConsumedCapacity]| {
            for (table, size) in [state, decisions].into_iter().zip(sizes) {
                self.meter.table("TransactWriteItems", table, Price::TransactedWrite, &[size], said);
            }
        };
        let error = match answer {
            Ok(answer) => {
                count(answer.consumed_capacity.as_deref().unwrap_or_default());
                return Ok(None);
            }
            Err(error) => error,
        };
        let what = format!("cannot write the head and the decisions of `{equipment}`");
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                count(&[]);
                refused(&what, cancelled.cancellation_reasons())
            }
            _ => Err(port_error(what, &error)),
        }
    }
}

/// Returns the stored head whose condition cancelled a transaction; fails for any other reason of cancellation. The
/// reasons are in the order of the items, the head first.
pub(super) fn refused(what: &str, reasons: &[CancellationReason]) -> Result<Option<StoredItem>, PortError> {
    let mut kind = None;
    for (number, reason) in reasons.iter().enumerate() {
        match reason.code() {
            None | Some("None" | "") => {}
            // Of the two, only the head has a condition.
            Some("ConditionalCheckFailed") if number == 0 => {
                return Ok(Some(StoredItem(reason.item.clone())));
            }
            Some(code) => {
                let said = format!("{what}: {code}: {}", reason.message().unwrap_or("no message"));
                let permanent = matches!(code, "ValidationError" | "ItemCollectionSizeLimitExceeded");
                // One that will never be taken outweighs one that may be taken later.
                if permanent || kind.is_none() {
                    kind =
                        Some(if permanent { PortError::permanent(said) } else { PortError::transient(said) });
                }
            }
        }
    }
    Err(kind.unwrap_or_else(|| PortError::transient(format!("{what}: the transaction was cancelled"))))
}
