//! CPU time and memory of this process, and the spread of many figures.

use crate::Result;

/// Returns the CPU time of this thread so far, ns.
pub(crate) fn cpu_ns() -> Result<u64> {
    // Linux brings the count up to date when a thread yields.
    std::thread::yield_now();
    let counts = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(counts.split(' ').next().unwrap_or_default().parse()?)
}

/// Returns the CPU time of a call, ns.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> Result<(u64, T)> {
    let before = cpu_ns()?;
    let result = work();
    Ok((cpu_ns()? - before, result))
}

/// Returns a line of `/proc/self/status`, in bytes.
pub(crate) fn memory_bytes(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such memory count")?;
    let kib: u64 = line.trim_matches(|c: char| !c.is_ascii_digit()).parse()?;
    Ok(kib * 1024)
}

pub(crate) fn resident() -> Result<u64> {
    memory_bytes("VmRSS:")
}

#[allow(clippy::cast_precision_loss, reason = "figures are printed with three digits")]
pub(crate) fn per(total: u64, count: usize) -> f64 {
    total as f64 / count.max(1) as f64
}

/// Returns the least, the median and the greatest.
pub(crate) fn spread<T: Copy + PartialOrd + Default>(mut values: Vec<T>) -> (T, T, T) {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    let at = |index: usize| values.get(index).copied().unwrap_or_default();
    (at(0), at(values.len() / 2), at(values.len().saturating_sub(1)))
}

pub(crate) fn median(values: Vec<f64>) -> f64 {
    spread(values).1
}
