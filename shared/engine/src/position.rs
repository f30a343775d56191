//! Positions in lists, and access to items that an invariant says exist.
//!
//! A plan holds positions instead of names. A position that is out of range is a broken invariant: these functions
//! report it with [`never!`] and return the safe half, which is nothing.

use std::ops::Range;

use andon_domain::never;

/// Returns a position as plans and code store it. A rule set holds far fewer than 2^32 items of any kind.
#[track_caller]
pub(crate) fn position(index: usize) -> u32 {
    match u32::try_from(index) {
        Ok(position) => position,
        Err(_) => {
            never!("position {index} does not fit 32 bits");
            u32::MAX
        }
    }
}

/// Returns the item at a position that must exist.
#[inline(always)]
#[track_caller]
pub(crate) fn at<'a, T>(list: &'a [T], position: u32, what: &'static str) -> Option<&'a T> {
    let item = list.get(position as usize);
    if item.is_none() {
        never!("{what} {position} of {}", list.len());
    }
    item
}

/// Returns the item at a position that must exist, to be changed.
#[inline(always)]
#[track_caller]
pub(crate) fn at_mut<'a, T>(list: &'a mut [T], position: u32, what: &'static str) -> Option<&'a mut T> {
    let length = list.len();
    let item = list.get_mut(position as usize);
    if item.is_none() {
        never!("{what} {position} of {length}");
    }
    item
}

/// Returns the items of a range that must exist.
#[inline(always)]
#[track_caller]
pub(crate) fn range<'a, T>(list: &'a [T], range: Range<usize>, what: &'static str) -> &'a [T] {
    match list.get(range.clone()) {
        Some(items) => items,
        None => {
            never!("{what} {}..{} of {}", range.start, range.end, list.len());
            &[]
        }
    }
}

/// Returns the items of a range that must exist, to be changed.
#[inline(always)]
#[track_caller]
pub(crate) fn range_mut<'a, T>(list: &'a mut [T], range: Range<usize>, what: &'static str) -> &'a mut [T] {
    let length = list.len();
    match list.get_mut(range.clone()) {
        Some(items) => items,
        None => {
            never!("{what} {}..{} of {length}", range.start, range.end);
            &mut []
        }
    }
}

/// Returns a range of positions as a range of indexes.
#[inline(always)]
pub(crate) fn indexes(positions: (u32, u32)) -> Range<usize> {
    positions.0 as usize..positions.1 as usize
}
