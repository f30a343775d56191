//! Limits of the report's memory and page size, with the arithmetic behind the page's 10 MB.

/// Maximum bytes of a machine, tag or state name. The report drops longer ones; the engine refuses them at 256.
pub(crate) const NAME_BYTES: usize = 512;
/// Bytes kept of a value or a state; longer ones that begin alike are one.
pub(crate) const VALUE_BYTES: usize = 128;
/// Maximum machines on a page.
pub(crate) const MACHINES: usize = 20_000;
/// Maximum rules that the page lists one by one.
pub(crate) const RULES: usize = 10_000;
/// Maximum pairs of machine and rule that the report follows.
pub(crate) const PAIRS: usize = 20_000;
/// Maximum tags named by all rules together.
pub(crate) const TAGS: usize = 50_000;
/// Maximum series (machine and tag) in memory, at [`fair_share`] of [`BUCKETS_IN_ALL`]: 80 bytes each, 96 MB.
pub(crate) const SERIES: usize = 10_000;
/// Buckets of one series while there are few.
pub(crate) const BUCKETS: usize = 1_200;
/// Buckets of all series together.
pub(crate) const BUCKETS_IN_ALL: usize = 1_200_000;
/// Changes kept of a strip while there are few.
pub(crate) const CHANGES: usize = 1_200;
/// Changes of all strips of winning states together: 40 bytes each, 48 MB.
pub(crate) const CHANGES_IN_ALL: usize = 1_200_000;
/// Maximum different values of one strip: one bit each of a `u64`, the last for `other values`.
pub(crate) const STRIP_VALUES: usize = 64;
/// Transitions kept with their reasons, over all pairs: about 1 kB each.
pub(crate) const LISTED_IN_ALL: usize = 40_000;
/// Operands kept per transition.
pub(crate) const OPERANDS: usize = 8;
/// Characters kept of a text from outside.
pub(crate) const TEXT_CHARS: usize = 160;

/// Lines of the table at the top: a line for each rule, of which few are compared.
pub(crate) const TABLE_LINES: usize = 200;
/// Characters shown of a name, a value or a state.
pub(crate) const NAME_CHARS: usize = 64;
/// Maximum different reasons of rejection.
pub(crate) const REASONS: usize = 32;
/// Samples kept per reason.
pub(crate) const SAMPLES: usize = 5;
/// Incidents kept.
pub(crate) const INCIDENTS: usize = 200;

/// The page, in bytes: the details get what the sections before them left over, and are cut there, whatever the
/// estimates behind the other bounds.
pub(crate) const PAGE_BYTES: usize = 10_000_000;
/// Share of the page for the overview; at about 130 bytes a segment.
pub(crate) const OVERVIEW_BYTES: usize = 3_000_000;
/// Bytes of the page that the details reserve for the sections after them.
pub(crate) const AFTER_DETAILS_BYTES: usize = 500_000;
/// Rows of the overview.
pub(crate) const OVERVIEW_ROWS: usize = 1_000;
/// Segments of all strips in the overview together.
pub(crate) const OVERVIEW_SEGMENTS: usize = 20_000;
/// Boxes of all strips in the details together.
pub(crate) const DETAILS_SEGMENTS: usize = 20_000;
/// Buckets of all charts in the details together, at about 70 bytes.
pub(crate) const DRAWN_BUCKETS: usize = 50_000;
/// Transitions listed in all details together, at about 700 bytes.
pub(crate) const DRAWN_TRANSITIONS: usize = 4_000;
/// Charts in one detail.
pub(crate) const CHARTS: usize = 16;
/// Threshold lines in one chart.
pub(crate) const THRESHOLDS: usize = 8;
/// States named in the legend.
pub(crate) const LEGEND: usize = 32;
/// Maximum machines in the table of rejected points.
pub(crate) const REJECTED_ROWS: usize = 50;

/// The greatest length, within `least..=most`, to which all of `lengths` can be cut so that their sum stays within
/// `total`: short ones leave their share to long ones.
pub(crate) fn fair_cut(lengths: &[usize], total: usize, least: usize, most: usize) -> usize {
    let fits = |cut: usize| lengths.iter().map(|length| (*length).min(cut)).sum::<usize>() <= total;
    let (mut low, mut high) = (least.min(most), most);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// Returns the equal share of `n` in `total`, within `least..=most`.
pub(crate) fn fair_share(total: usize, n: usize, least: usize, most: usize) -> usize {
    (total / n.max(1)).clamp(least.min(most), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ones_leave_their_share_to_long_ones() {
        assert_eq!(fair_cut(&[10, 10, 1_000], 100, 5, 500), 80);
        assert_eq!(fair_cut(&[10, 10], 100, 5, 500), 500);
        assert_eq!(fair_cut(&[1_000; 100], 100, 5, 500), 5);
        assert_eq!(fair_cut(&[1_000], 100, 20, 10), 10);
    }
}
