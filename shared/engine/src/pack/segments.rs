//! Segments: final panes of windows, written once.

use super::UnpackError;
use super::bytes::{Reader, Writer};
use super::panes;
use crate::fold::KeyState;
use crate::position::{at, position};
use crate::state::{MOST_SEGMENTS, SegmentId, Segments};
use crate::window::Pane;

/// Maximum bytes of final panes in a head. With the rest of a head of ten tags and five rules, they make less than one
/// write unit of 1 KiB.
const HEAD_PANES_BYTES: usize = 256;

/// A segment to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its identity.
    pub id: SegmentId,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Returns the panes of a window that are in no segment and that a later time may need. At the watermark itself, a
/// timer for the end of a pane may still be due.
pub(super) fn unsealed(state: &KeyState, window: usize) -> Vec<&Pane> {
    let sealed = state.segments.sealed(window);
    let specs = &state.rules.plan.windows;
    let number = position(window);
    let Some(of_window) = at(&state.windows, number, "window") else { return Vec::new() };
    let Some(spec) = at(specs, number, "planned window") else { return Vec::new() };
    let stored = |pane: &Pane| sealed.is_some_and(|sealed| pane.index <= sealed);
    let over = |pane: &Pane| (pane.index + spec.panes) * spec.pane_ms < state.watermark_ms;
    let from = of_window.panes.partition_point(|pane| stored(pane) || over(pane));
    of_window.panes.range(from..).collect()
}

/// Moves the final panes of the head into a segment if they are many, and forgets segments that no window covers.
pub(super) fn seal(state: &mut KeyState) -> Option<Segment> {
    let watermark_ms = state.watermark_ms;
    state.segments.live.retain(|(_, expires_ms)| *expires_ms >= watermark_ms);
    if state.segments.live.is_empty() {
        state.segments.sealed.clear();
    }
    if write_final(state)?.bytes.0.len() <= HEAD_PANES_BYTES {
        return None;
    }
    if state.segments.live.len() >= MOST_SEGMENTS {
        state.segments.clear();
    }
    let written = write_final(state)?;
    for (window, index) in written.newest {
        state.segments.set_sealed(window, index);
    }
    state.segments.last_number = state.segments.last_number.saturating_add(1);
    let bytes = written.bytes.0;
    let id = SegmentId { number: state.segments.last_number, checksum: checksum(&bytes) };
    state.segments.live.push((id, written.expires_ms));
    Some(Segment { id, bytes })
}

/// The bytes of final panes.
struct FinalPanes {
    bytes: Writer,
    /// The newest pane of each window: (position of the window, index of the pane).
    newest: Vec<(usize, i64)>,
    /// The time at which the last of them leaves its window, ms.
    expires_ms: i64,
}

/// Writes the panes that are in no segment, except for the newest of each window, which may still change. Returns
/// `None` without such panes.
fn write_final(state: &KeyState) -> Option<FinalPanes> {
    let specs = &state.rules.plan.windows;
    let mut windows = Vec::new();
    for (position, spec) in specs.iter().enumerate() {
        let mut panes = unsealed(state, position);
        panes.pop();
        if !panes.is_empty() {
            windows.push((position, *spec, panes));
        }
    }
    if windows.is_empty() {
        return None;
    }
    let mut writer = Writer::default();
    writer.byte(super::VERSION);
    writer.signed(state.watermark_ms);
    writer.length(windows.len());
    let (mut newest, mut expires_ms, mut before) = (Vec::new(), i64::MIN, 0);
    for (position, spec, of_window) in windows {
        writer.length(position - before);
        before = position;
        if let Some(last) = of_window.last() {
            newest.push((position, last.index));
            expires_ms = expires_ms.max((last.index + spec.panes) * spec.pane_ms);
        }
        panes::write(&mut writer, spec, state.watermark_ms, of_window.into_iter());
    }
    Some(FinalPanes { bytes: writer, newest, expires_ms })
}

/// Reads a segment's panes into the windows of a state.
pub(super) fn read(state: &mut KeyState, id: SegmentId, bytes: Option<&[u8]>) -> Result<(), UnpackError> {
    let bytes = bytes.filter(|bytes| checksum(bytes) == id.checksum).ok_or(UnpackError::Segment(id))?;
    let mut reader = Reader(bytes);
    match reader.byte()? {
        super::VERSION => {}
        version => return Err(UnpackError::Version(version)),
    }
    let reference_ms = reader.signed()?;
    let windows = reader.count()?;
    read_windows(state, &mut reader, windows, reference_ms)?;
    for (position, window) in state.windows.iter().enumerate() {
        if let Some(newest) = window.panes.back() {
            state.segments.set_sealed(position, newest.index);
        }
    }
    Ok(())
}

/// Reads `count` windows, each with its distance from the one before.
pub(super) fn read_windows(
    state: &mut KeyState,
    reader: &mut Reader<'_>,
    count: usize,
    reference_ms: i64,
) -> Result<(), UnpackError> {
    let mut position = 0_usize;
    for _ in 0..count {
        let step = usize::try_from(reader.unsigned()?).map_err(|_| UnpackError::OtherRules)?;
        position = position.checked_add(step).ok_or(UnpackError::OtherRules)?;
        let spec = state.rules.plan.windows.get(position).ok_or(UnpackError::OtherRules)?;
        let window = state.windows.get_mut(position).ok_or(UnpackError::OtherRules)?;
        panes::read(reader, *spec, reference_ms, &mut window.panes)?;
    }
    Ok(())
}

/// Writes the list of live segments.
pub(super) fn write_list(writer: &mut Writer, segments: &Segments) {
    writer.unsigned(segments.last_number);
    writer.length(segments.live.len());
    for (id, expires_ms) in &segments.live {
        writer.unsigned(segments.last_number - id.number);
        writer.0.extend_from_slice(&id.checksum.to_le_bytes());
        writer.signed(*expires_ms);
    }
}

/// Reads the list of live segments.
pub(super) fn read_list(reader: &mut Reader<'_>) -> Result<Segments, UnpackError> {
    let last_number = reader.unsigned()?;
    let count = reader.count()?;
    let mut live = Vec::with_capacity(count);
    for _ in 0..count {
        let number = last_number.checked_sub(reader.unsigned()?);
        let number = number.ok_or(UnpackError::Corrupt("a segment has no number"))?;
        let bytes = reader.take(4)?.try_into().map_err(|_| UnpackError::Truncated)?;
        live.push((SegmentId { number, checksum: u32::from_le_bytes(bytes) }, reader.signed()?));
    }
    Ok(Segments { live, sealed: Vec::new(), last_number })
}

/// CRC-32 as in IEEE 802.3, bit by bit: segments are small and rare.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}
