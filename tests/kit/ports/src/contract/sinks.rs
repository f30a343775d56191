//! Clauses on the bus, the stream, the failure destination and the clock.

use andon_workflows::ports::{Accepted, BusEntry, StreamEntry, Written};

use super::{Broken, Held, Names, Ports, is, same};

pub(super) async fn the_bus_answers_every_entry<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let resource = names.fresh("sent");
    for number in [0, 1, 10, 25] {
        let entries: Vec<BusEntry> = (0..number)
            .map(|index| BusEntry {
                detail_type: "Rule State Changed".to_owned(),
                detail: format!("{{\"index\":{index},\"text\":\"{}\"}}", "\u{fc}".repeat(20_000)),
                at_ms: 1_700_000_000_000,
                resource: resource.clone(),
            })
            .collect();
        let answers = ports.offer(&entries).await?;
        same("the answers", &answers, &vec![Accepted::Yes; number])?;
    }
    Ok(())
}

fn placed(written: Vec<Written>) -> Result<Vec<(String, andon_ingest::SequenceNumber)>, Broken> {
    written
        .into_iter()
        .map(|written| match written {
            Written::At { shard, sequence_number } => Ok((shard, sequence_number)),
            Written::No(refusal) => Err(refusal.into()),
        })
        .collect()
}

pub(super) async fn the_stream_answers_every_record_with_an_open_shard<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    is("a name", !ports.stream_name().is_empty())?;
    let open = ports.open_shards().await?;
    is("an open shard", !open.is_empty())?;
    let key = names.fresh("key");
    for number in [0, 1, 1100] {
        let entries: Vec<StreamEntry> = (0..number)
            .map(|index| StreamEntry { partition_key: format!("{key}-{index}"), data: b"{}".to_vec() })
            .collect();
        let places = placed(ports.put_records(&entries).await?)?;
        same("how many were answered", &places.len(), &number)?;
        is("open shards", places.iter().all(|(shard, _)| open.contains(shard)))?;
    }
    // More than fit into one request.
    let large: Vec<StreamEntry> =
        (0..12).map(|_| StreamEntry { partition_key: key.clone(), data: vec![b'x'; 900 << 10] }).collect();
    same("large ones", &placed(ports.put_records(&large).await?)?.len(), &12)
}

pub(super) async fn records_of_one_key_go_to_one_shard_with_rising_numbers<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let key = names.fresh("key");
    let mut places = Vec::new();
    for index in 0..20 {
        let entry = StreamEntry { partition_key: key.clone(), data: vec![index] };
        places.extend(placed(ports.put_records(&[entry]).await?)?);
    }
    is("one shard", places.iter().all(|(shard, _)| *shard == places[0].0))?;
    is("rising numbers", places.is_sorted_by(|(_, one), (_, other)| one < other))
}

pub(super) async fn a_failure_is_reported<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let report = format!("{{\"of\":\"{}\",\"why\":\"\u{fc}\"}}", names.fresh("failed"));
    Ok(ports.report_failure(&report).await?)
}

pub(super) async fn sleeping_takes_its_time<P: Ports>(ports: &P, _: &Names<'_>) -> Held {
    let before_ms = ports.now_ms();
    is("a time after the year 2000", before_ms > 946_684_800_000)?;
    ports.sleep_ms(30).await;
    // Clocks are adjusted now and then, so nothing finer.
    is("a later time", ports.now_ms() >= before_ms + 25)
}
