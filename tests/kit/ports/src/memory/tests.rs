use super::*;

#[test]
fn a_stream_gives_numbers_that_rise_across_its_shards_and_grow_longer() {
    let mut stream = Kinesis::new("points", 3);
    let numbers: Vec<_> = (0..100)
        .map(|index| stream.put(&format!("pump-{index}"), b"", 0))
        .map(|(_, number)| number)
        .collect();
    assert!(numbers.is_sorted());
    assert!(numbers[0].to_string().len() < numbers[99].to_string().len());
    assert!(stream.shards().iter().all(|shard| shard.records.len() > 10));
}

#[test]
fn splits_and_merges_keep_every_hash_on_one_open_shard() {
    let mut stream = Kinesis::new("points", 2);
    assert!(stream.split(0) && stream.split(2) && stream.merge(5) && !stream.split(0));
    assert!(!stream.merge(1), "nothing is above the last one");
    let mut open: Vec<_> = stream.shards().iter().filter(|shard| shard.open).collect();
    open.sort_by_key(|shard| shard.from);
    assert_eq!((open[0].from, open[open.len() - 1].to), (0, u64::MAX));
    assert!(open.windows(2).all(|pair| pair[0].to + 1 == pair[1].from));
}
