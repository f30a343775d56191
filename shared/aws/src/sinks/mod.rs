//! The outputs: the bus, the stream, the queue of score requests, the failure destination.

#[cfg(feature = "eventbridge")]
mod bus;
#[cfg(feature = "sqs")]
mod failures;
#[cfg(feature = "sqs")]
mod score_requests;
#[cfg(feature = "kinesis")]
mod stream;

/// Groups consecutive entries into requests of at most `most_entries` and `most_bytes`. A larger entry is a request of its
/// own. Entries without a size are left out.
fn requests(
    sizes: impl Iterator<Item = Option<usize>>,
    most_entries: usize,
    most_bytes: usize,
) -> Vec<Vec<usize>> {
    let mut requests: Vec<Vec<usize>> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut bytes = 0;
    for (number, size) in sizes.enumerate() {
        let Some(size) = size else { continue };
        if !open.is_empty() && (open.len() >= most_entries || bytes + size > most_bytes) {
            requests.push(std::mem::take(&mut open));
            bytes = 0;
        }
        open.push(number);
        bytes += size;
    }
    if !open.is_empty() {
        requests.push(open);
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_keep_to_both_limits_and_to_the_order() {
        let cut = |sizes: &[Option<usize>]| requests(sizes.iter().copied(), 3, 10);
        assert_eq!(cut(&[]), Vec::<Vec<usize>>::new());
        assert_eq!(cut(&[Some(1), Some(1), Some(1), Some(1)]), [vec![0, 1, 2], vec![3]]);
        assert_eq!(cut(&[Some(6), Some(4), Some(1)]), [vec![0, 1], vec![2]]);
        assert_eq!(cut(&[Some(1), Some(99), Some(1)]), [vec![0], vec![1], vec![2]]);
        assert_eq!(cut(&[None, Some(1), None, Some(1)]), [vec![1, 3]]);
    }
}
