//! Waits before a call is made again.

use crate::retry::doubled_ms;

/// Wait before the second attempt, ms; doubled each time.
const FIRST_MS: u64 = 100;

/// Maximum wait, ms.
const LONGEST_MS: u64 = 5_000;

/// Returns the wait before the next attempt, ms: between half and all of a duration that doubles each time, so that calls
/// that failed together are not repeated together. `failed` counts from 1; the same seed gives the same waits.
#[must_use]
pub fn wait_ms(seed: u64, failed: u32) -> u64 {
    let doubled = doubled_ms(FIRST_MS, failed).min(LONGEST_MS);
    let half = doubled / 2;
    half + split_mix(seed.wrapping_add(u64::from(failed))) % (doubled - half + 1)
}

/// Returns a number that looks random (SplitMix64).
fn split_mix(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_differ_by_seed() {
        for (failed, least, most) in
            [(1, 50, 100), (2, 100, 200), (3, 200, 400), (7, 2500, 5000), (90, 2500, 5000)]
        {
            let waits: Vec<u64> = (0..1000).map(|seed| wait_ms(seed, failed)).collect();
            let (min, max) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
            assert!(*min >= least && *max <= most, "{failed}: {min} to {max}");
            assert!(max - min > (most - least) * 9 / 10, "{failed}: {min} to {max}");
        }
        assert_eq!(wait_ms(7, 3), wait_ms(7, 3));
    }
}
