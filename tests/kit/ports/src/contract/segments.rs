//! Clauses on the segments of heads.

use andon_workflows::ports::StoredSegment;

use super::state::{commit, head};
use super::{Broken, Held, LATER_S, Names, Ports, is, noise, same};

fn segment(number: u64, bytes: Vec<u8>) -> StoredSegment {
    StoredSegment { name: format!("{number:010}-0badcafe"), bytes, expires_s: LATER_S }
}

/// Returns the segments of a key; the ports promise no order.
async fn read<P: Ports>(ports: &P, equipment: &str) -> Result<Vec<StoredSegment>, Broken> {
    let mut segments = ports.read_segments(equipment).await?;
    segments.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(segments)
}

pub(super) async fn segments_are_read_as_they_were_written<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let id = names.fresh("segmented");
    same("none at first", &read(ports, &id).await?, &Vec::new())?;
    let segments = vec![segment(1, vec![]), segment(2, b"\0\xff".to_vec()), segment(10, noise(1, 300_000))];
    ports.write_segments(&id, &segments).await?;
    ports.write_segments(&id, &[]).await?;
    ports.commit(&commit(&id, head(1, b"x"))).await?;
    same("the segments", &read(ports, &id).await?, &segments)
}

pub(super) async fn a_segment_written_twice_is_there_once<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let id = names.fresh("segmented");
    let segments = vec![segment(1, b"a".to_vec()), segment(2, b"b".to_vec())];
    ports.write_segments(&id, &segments).await?;
    ports.write_segments(&id, &segments[1..]).await?;
    ports.write_segments(&id, &segments).await?;
    same("the segments", &read(ports, &id).await?, &segments)
}

pub(super) async fn a_segment_written_again_is_kept_as_long_as_it_then_says<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let id = names.fresh("segmented");
    ports.write_segments(&id, &[segment(1, b"a".to_vec()), segment(2, b"b".to_vec())]).await?;
    let renewed = StoredSegment { expires_s: LATER_S + 1, ..segment(1, b"a".to_vec()) };
    ports.write_segments(&id, std::slice::from_ref(&renewed)).await?;
    same("the segments", &read(ports, &id).await?, &vec![renewed, segment(2, b"b".to_vec())])
}

pub(super) async fn deleting_segments_twice_is_no_error<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let id = names.fresh("segmented");
    let segments = vec![segment(1, b"a".to_vec()), segment(2, b"b".to_vec()), segment(3, b"c".to_vec())];
    ports.write_segments(&id, &segments).await?;
    let gone = [segments[0].name.clone(), "0000000009-00000000".to_owned(), segments[2].name.clone()];
    for _ in 0..2 {
        ports.delete_segments(&id, &gone).await?;
        same("the segments", &read(ports, &id).await?, &segments[1..2].to_vec())?;
    }
    Ok(ports.delete_segments(&id, &[]).await?)
}

pub(super) async fn many_large_segments_are_written_read_and_deleted<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let id = names.fresh("segmented");
    let segments: Vec<_> = (0..60).map(|number| segment(number, noise(number, 100_000))).collect();
    ports.write_segments(&id, &segments).await?;
    is("each segment as it was written", read(ports, &id).await? == segments)?;
    let gone: Vec<String> = segments[1..].iter().map(|segment| segment.name.clone()).collect();
    ports.delete_segments(&id, &gone).await?;
    is("only the first is left", read(ports, &id).await? == segments[..1])
}

pub(super) async fn segments_stay_with_their_equipment<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let id = names.fresh("segmented");
    let other = format!("{id}#1");
    ports.write_segments(&id, &[segment(1, b"a".to_vec())]).await?;
    ports.write_segments(&other, &[segment(1, b"b".to_vec())]).await?;
    same("the segments", &read(ports, &id).await?, &vec![segment(1, b"a".to_vec())])?;
    ports.delete_segments(&id, &[segment(1, vec![]).name]).await?;
    same("the other's segments", &read(ports, &other).await?, &vec![segment(1, b"b".to_vec())])
}
