//! Clauses on the outbox.

use andon_workflows::limits::OUTBOX_ITEM_BYTES;
use andon_workflows::ports::{Commit, Committed, OutboxItem, Payload};

use super::state::{commit, head};
use super::{Broken, Held, LATER_S, Names, Ports, is, noise, same};

fn item(equipment: &str, version: u64, clock_ms: i64) -> OutboxItem {
    OutboxItem {
        equipment: equipment.to_owned(),
        version,
        clock_ms,
        expires_s: LATER_S,
        payload: Payload::Inline(format!("[{version}]")),
    }
}

fn deciding(equipment: &str, version: u64, clock_ms: i64) -> Commit {
    let head = head(version, version.to_string().as_bytes());
    Commit { outbox: Some(item(equipment, version, clock_ms)), ..commit(equipment, head) }
}

async fn decided<P: Ports>(
    ports: &P,
    since_ms: i64,
    equipment: Option<&str>,
) -> Result<Vec<OutboxItem>, Broken> {
    let (mut found, mut next) = (Vec::new(), None);
    loop {
        let page = ports.decided(since_ms, equipment, next.as_deref()).await?;
        found.extend(page.items);
        next = page.next;
        if next.is_none() {
            return Ok(found);
        }
    }
}

pub(super) async fn a_head_and_what_was_decided_are_written_together<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let id = names.fresh("deciding");
    let first = deciding(&id, 1, 5);
    same("the commit", &ports.commit(&first).await?, &Committed::Done)?;
    same("the head", &ports.read_heads(&[&id]).await?, &vec![Some(first.head)])?;
    same("the decision", &decided(ports, 0, Some(&id)).await?, &vec![item(&id, 1, 5)])
}

pub(super) async fn a_conflict_writes_no_decision<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let id = names.fresh("conflicting");
    same("a commit too early", &ports.commit(&deciding(&id, 4, 5)).await?, &Committed::Conflict)?;
    same("no decision", &decided(ports, 0, Some(&id)).await?, &Vec::new())?;
    ports.commit(&commit(&id, head(1, b"x"))).await?;
    ports.commit(&commit(&id, head(2, b"y"))).await?;
    for version in [1, 2, 4] {
        let end = ports.commit(&deciding(&id, version, 5)).await?;
        same("a commit on another version", &end, &Committed::Conflict)?;
    }
    same("no decision", &decided(ports, 0, Some(&id)).await?, &Vec::new())
}

pub(super) async fn a_repeated_commit_writes_its_decision_once<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let id = names.fresh("repeated");
    let first = deciding(&id, 1, 5);
    for _ in 0..3 {
        same("the commit", &ports.commit(&first).await?, &Committed::Done)?;
    }
    same("the decisions", &decided(ports, 0, Some(&id)).await?, &vec![item(&id, 1, 5)])?;
    ports.commit(&deciding(&id, 2, 6)).await?;
    same("the first again", &ports.commit(&first).await?, &Committed::Conflict)?;
    let both = vec![item(&id, 1, 5), item(&id, 2, 6)];
    same("the decisions", &decided(ports, 0, Some(&id)).await?, &both)
}

pub(super) async fn decisions_come_by_version_as_a_number<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let id = names.fresh("often");
    let mut expected = Vec::new();
    for version in 1..=12 {
        // Not all commits have transitions.
        if version % 4 == 0 {
            ports.commit(&commit(&id, head(version, version.to_string().as_bytes()))).await?;
        } else {
            ports.commit(&deciding(&id, version, 5)).await?;
            expected.push(item(&id, version, 5));
        }
    }
    same("the decisions", &decided(ports, 0, Some(&id)).await?, &expected)
}

pub(super) async fn decisions_are_found_by_their_clock<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let ids = [names.fresh("found"), names.fresh("found")];
    for id in &ids {
        for (version, clock_ms) in [(1, 99), (2, 1000), (3, 1000), (4, 1001)] {
            ports.commit(&deciding(id, version, clock_ms)).await?;
        }
    }
    let versions = |found: &[OutboxItem], id: &str| -> Vec<u64> {
        found.iter().filter(|item| item.equipment == id).map(|item| item.version).collect()
    };
    let of_one = decided(ports, 1000, Some(&ids[0])).await?;
    is("decisions of one equipment only", of_one.iter().all(|item| item.equipment == ids[0]))?;
    same("since 1000, of one", &versions(&of_one, &ids[0]), &vec![2, 3, 4])?;
    let of_all = decided(ports, 1000, None).await?;
    is("no decision before", of_all.iter().all(|item| item.clock_ms >= 1000))?;
    for id in &ids {
        same("since 1000, of all", &versions(&of_all, id), &vec![2, 3, 4])?;
    }
    same("since 1002, of one", &decided(ports, 1002, Some(&ids[0])).await?, &Vec::new())
}

/// Commits items that are more than a page of an answer; returns their payload.
async fn decide_much<P: Ports>(ports: &P, equipment: &str) -> Result<Payload, Broken> {
    // It does not compress to less.
    let payload = Payload::Inline(format!("[\"{}\"]", andon_workflows::base64::encode(&noise(9, 75_000))));
    for version in 1..=30 {
        let item = OutboxItem { payload: payload.clone(), ..item(equipment, version, 5) };
        let commit = Commit { outbox: Some(item), ..deciding(equipment, version, 5) };
        ports.commit(&commit).await?;
    }
    Ok(payload)
}

async fn come_in_their_order<P: Ports>(ports: &P, names: &Names<'_>, of_one: bool) -> Held {
    let id = names.fresh("telling");
    let payload = decide_much(ports, &id).await?;
    let found = decided(ports, 0, of_one.then_some(id.as_str())).await?;
    let of_it = found.iter().filter(|item| item.equipment == id && item.payload == payload);
    same("the versions", &of_it.map(|item| item.version).collect(), &(1..=30).collect::<Vec<u64>>())
}

pub(super) async fn many_large_decisions_come_in_pages<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    come_in_their_order(ports, names, true).await
}

pub(super) async fn many_large_decisions_among_those_of_others_come_in_pages<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    come_in_their_order(ports, names, false).await
}

pub(super) async fn decisions_are_read_as_they_were_written<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let id = names.fresh("forms");
    let payloads = [
        Payload::Inline("[]".to_owned()),
        Payload::Inline("[\"\u{fc} \\\" \\u0000\"]".to_owned()),
        Payload::Object("outbox/\u{fc}/1".to_owned()),
        Payload::Inline("x".repeat(OUTBOX_ITEM_BYTES)),
    ];
    let mut expected = Vec::new();
    for (version, payload) in (1..).zip(payloads) {
        let item = OutboxItem { payload, ..item(&id, version, -5) };
        ports.commit(&Commit { outbox: Some(item.clone()), ..deciding(&id, version, 0) }).await?;
        expected.push(item);
    }
    same("the decisions", &decided(ports, -5, Some(&id)).await?, &expected)
}
