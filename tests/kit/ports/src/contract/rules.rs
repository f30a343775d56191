//! Clauses on rule sets and their pointer.

use andon_workflows::limits::SETS;
use andon_workflows::ports::{Advanced, Pointer, RuleVersion, SetRef};
use futures_util::future::join_all;

use super::{Held, Names, Ports, is, noise, same};

fn set(start_ms: i64, note: &str) -> SetRef {
    SetRef {
        start_ms,
        digest: format!("{start_ms:064x}"),
        written_ms: start_ms - 10_000,
        rules: 3,
        note: note.to_owned(),
    }
}

/// Returns the next revision of a pointer, with one more set.
fn next(pointer: &Pointer, note: &str) -> Pointer {
    let start_ms = pointer.sets.last().map_or(1_700_000_000_000, |set| set.start_ms + 1);
    let mut sets = pointer.sets.clone();
    sets.push(set(start_ms, note));
    Pointer { revision: pointer.revision + 1, sets }
}

pub(super) async fn the_pointer_advances_one_revision_at_a_time<P: Ports>(ports: &P, _: &Names<'_>) -> Held {
    let first = ports.pointer().await?;
    let mut known = first.clone();
    for note in ["", "a note, \"\u{fc}\""] {
        let next = next(&known, note);
        for what in ["the next revision", "the same again"] {
            same(what, &ports.advance(&next).await?, &Advanced::Done)?;
            same("the pointer", &ports.pointer().await?, &next)?;
        }
        known = next;
    }
    let skipping = Pointer { revision: known.revision + 2, ..next(&known, "") };
    same("a revision that skips one", &ports.advance(&skipping).await?, &Advanced::Conflict)?;
    let other = Pointer { revision: known.revision, ..next(&known, "other") };
    same("another content of this revision", &ports.advance(&other).await?, &Advanced::Conflict)?;
    let behind = next(&first, "behind");
    same("a revision behind", &ports.advance(&behind).await?, &Advanced::Conflict)?;
    same("the pointer", &ports.pointer().await?, &known)
}

pub(super) async fn of_pointers_that_race_one_advances<P: Ports>(ports: &P, _: &Names<'_>) -> Held {
    let before = ports.pointer().await?;
    let racers: Vec<Pointer> = (0..6).map(|racer| next(&before, &format!("racer {racer}"))).collect();
    let ends = join_all(racers.iter().map(|pointer| ports.advance(pointer))).await;
    let ends = ends.into_iter().collect::<Result<Vec<_>, _>>()?;
    let done: Vec<_> = racers.iter().zip(&ends).filter(|(_, end)| **end == Advanced::Done).collect();
    same("how many advanced", &done.len(), &1)?;
    let winner = done.first().map(|(pointer, _)| (*pointer).clone());
    same("the pointer", &Some(ports.pointer().await?), &winner)
}

pub(super) async fn a_pointer_holds_as_many_sets_as_it_may<P: Ports>(ports: &P, _: &Names<'_>) -> Held {
    let before = ports.pointer().await?;
    let sets: Vec<SetRef> = (0..SETS)
        .filter_map(|index| i64::try_from(index).ok())
        .map(|index| set(1_700_000_000_000 + index, "because the line was changed over"))
        .collect();
    let many = Pointer { revision: before.revision + 1, sets };
    same("the next revision", &ports.advance(&many).await?, &Advanced::Done)?;
    is("all sets in their order", ports.pointer().await? == many)?;
    let few = Pointer { revision: many.revision + 1, sets: many.sets.into_iter().take(1).collect() };
    same("the next revision", &ports.advance(&few).await?, &Advanced::Done)?;
    same("the pointer", &ports.pointer().await?, &few)
}

pub(super) async fn documents_of_any_length_are_read_as_they_were_written<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    for length in [0, 1, 1000, 400 << 10, (1 << 20) + 1, 3 << 20] {
        // Half of it compresses, half of it does not.
        let mut document = vec![b'x'; length / 2];
        document.extend(noise(7, length - length / 2));
        let digest = names.fresh("digest");
        for _ in 0..2 {
            ports.write_set(&digest, &document).await?;
            is(&format!("{length} bytes as they were written"), ports.read_set(&digest).await? == document)?;
        }
    }
    Ok(())
}

pub(super) async fn a_document_that_was_not_written_is_an_error<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    is("an error", ports.read_set(&names.fresh("unknown")).await.is_err())
}

fn version(id: &str, number: i64, document: Option<&str>) -> RuleVersion {
    RuleVersion {
        id: id.to_owned(),
        number,
        set: (number % 2 == 0).then(|| format!("{number:064x}")),
        document: document.map(str::to_owned),
        note: format!("at {number}"),
    }
}

pub(super) async fn versions_of_a_rule_come_oldest_first<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let (id, other) = (names.fresh("rule"), names.fresh("rule"));
    same("none at first", &ports.versions(&id).await?, &Vec::new())?;
    let written = [
        version(&id, 100, Some("{\"id\":\"\u{fc}\"}")),
        version(&other, 50, Some("{}")),
        version(&id, 9, Some("{}")),
        version(&id, 1_700_000_000_000, None),
    ];
    ports.write_versions(&written[..2]).await?;
    ports.write_versions(&written).await?;
    ports.write_versions(&[]).await?;
    let expected = vec![written[2].clone(), written[0].clone(), written[3].clone()];
    same("the versions", &ports.versions(&id).await?, &expected)
}

pub(super) async fn many_versions_are_written_at_once<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let id = names.fresh("rule");
    // More than an answer of DynamoDB holds, and one as large as a rule may be.
    let document = format!("\"{}\"", "x".repeat(50_000));
    let mut versions: Vec<_> = (0..60).map(|number| version(&id, number, Some(&document))).collect();
    versions.push(version(&id, 60, Some(&"x".repeat(andon_domain::limits::RULE_BYTES))));
    ports.write_versions(&versions).await?;
    is("all versions, oldest first", ports.versions(&id).await? == versions)
}
