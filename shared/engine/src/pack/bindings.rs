//! Model bindings in a head: those of the plan, then removed ones.

use compact_str::CompactString;

use super::UnpackError;
use super::bytes::{Reader, Writer};
use crate::fold::{BindingState, KeyState, NEVER_MS};

/// Flags of a binding.
const REQUESTED: u8 = 0x01;
const INPUTS: u8 = 0x02;
const DUE: u8 = 0x04;

/// Returns whether a state has bindings, or remembers removed ones.
pub(super) fn has_any(state: &KeyState) -> bool {
    !state.bindings.is_empty() || !state.retired_requests_ms.is_empty()
}

pub(super) fn write(writer: &mut Writer, state: &KeyState) {
    let clock_ms = state.clock_ms;
    for binding in &state.bindings {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let is_due = binding.due_ms != NEVER_MS;
        writer.byte(
            flag(binding.requested_ms.is_some(), REQUESTED)
                | flag(binding.inputs.is_some(), INPUTS)
                | flag(is_due, DUE),
        );
        if let Some(requested_ms) = binding.requested_ms {
            writer.time(requested_ms, clock_ms);
        }
        if let Some(inputs) = binding.inputs {
            writer.0.extend_from_slice(&inputs.to_le_bytes());
        }
        if is_due {
            writer.time(binding.due_ms, clock_ms);
        }
    }
    writer.length(state.retired_requests_ms.len());
    for (id, requested_ms) in &state.retired_requests_ms {
        writer.text(id);
        writer.time(*requested_ms, clock_ms);
    }
}

pub(super) fn read(reader: &mut Reader<'_>, state: &mut KeyState) -> Result<(), UnpackError> {
    let clock_ms = state.clock_ms;
    for binding in &mut state.bindings {
        let flags = reader.byte()?;
        let requested_ms = if flags & REQUESTED == 0 { None } else { Some(reader.time(clock_ms)?) };
        let mut inputs = None;
        if flags & INPUTS != 0 {
            let bytes = reader.take(16)?.try_into().map_err(|_| UnpackError::Truncated)?;
            inputs = Some(u128::from_le_bytes(bytes));
        }
        let due_ms = if flags & DUE == 0 { NEVER_MS } else { reader.time(clock_ms)? };
        *binding = BindingState { requested_ms, inputs, due_ms, listed: 0 };
    }
    for _ in 0..reader.count()? {
        let id = CompactString::new(reader.text()?);
        state.retired_requests_ms.insert(id, reader.time(clock_ms)?);
    }
    Ok(())
}
