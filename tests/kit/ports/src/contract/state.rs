//! Clauses on heads and views.

use andon_workflows::limits::ITEM_BODY_BYTES;
use andon_workflows::ports::{Commit, Committed, Due, Head, Parked, View};
use futures_util::future::join_all;

use super::{Broken, Held, LATER_S, Names, Ports, is, noise, same, soon};

pub(super) fn head(version: u64, body: &[u8]) -> Head {
    Head { version, body: body.to_owned(), ..Head::default() }
}

pub(super) fn commit(equipment: &str, head: Head) -> Commit {
    Commit { equipment: equipment.to_owned(), read_version: head.version - 1, head, outbox: None }
}

async fn read(ports: &impl Ports, equipment: &str) -> Result<Option<Head>, Broken> {
    Ok(ports.read_heads(&[equipment]).await?.into_iter().next().flatten())
}

pub(super) async fn heads_come_in_the_order_asked_and_unknown_keys_have_none<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let ids: Vec<String> = (0..3).map(|_| names.fresh("asked")).collect();
    let unknown = names.fresh("unknown");
    for (id, body) in ids.iter().zip([b"a", b"b", b"c"]) {
        ports.commit(&commit(id, head(1, body))).await?;
    }
    let asked = [&ids[2], &unknown, &ids[0], &ids[1], &ids[2]].map(String::as_str);
    let found = ports.read_heads(&asked).await?;
    let bodies: Vec<_> = found.into_iter().map(|head| head.map(|head| head.body)).collect();
    let expected = [Some(b"c"), None, Some(b"a"), Some(b"b"), Some(b"c")];
    same("bodies", &bodies, &expected.map(|body| body.map(|body| body.to_vec())).to_vec())?;
    same("no heads asked", &ports.read_heads(&[]).await?, &Vec::new())
}

pub(super) async fn hundreds_of_heads_are_read_at_once<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let ids: Vec<String> = (0..330).map(|_| names.fresh("one-of-many")).collect();
    for (index, id) in ids.iter().enumerate().filter(|(index, _)| index % 3 != 0) {
        ports.commit(&commit(id, head(1, index.to_string().as_bytes()))).await?;
    }
    let asked: Vec<&str> = ids.iter().rev().map(String::as_str).collect();
    let found = ports.read_heads(&asked).await?;
    let bodies: Vec<_> = found.into_iter().map(|head| head.map(|head| head.body)).collect();
    let expected: Vec<_> =
        (0..330_usize).rev().map(|index| (index % 3 != 0).then(|| index.to_string().into_bytes())).collect();
    same("bodies", &bodies, &expected)
}

pub(super) async fn megabytes_of_heads_are_read_at_once<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    // More than one answer of DynamoDB holds.
    let ids: Vec<String> = (0..60).map(|_| names.fresh("large")).collect();
    for (seed, id) in (0..).zip(&ids) {
        ports.commit(&commit(id, head(1, &noise(seed, ITEM_BODY_BYTES)))).await?;
    }
    let asked: Vec<&str> = ids.iter().map(String::as_str).collect();
    for (seed, found) in (0..).zip(ports.read_heads(&asked).await?) {
        let body = found.map(|head| head.body);
        is("each body as it was written", body.as_deref() == Some(&noise(seed, ITEM_BODY_BYTES)[..]))?;
    }
    Ok(())
}

pub(super) async fn a_head_is_read_as_it_was_written<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let id = names.fresh("round");
    let parked = Parked {
        since_ms: 1_700_000_000_123,
        reason: "`a` \"b\"\nü".to_owned(),
        objects: 7,
        newest_object: "parked/a/7".to_owned(),
        folded: 2,
    };
    let forms = [
        head(1, b""),
        Head { due: Some(Due { bucket: 15, at_ms: 1_700_000_000_000 }), ..head(2, b"\0\xff") },
        Head { failures: 3, parked: Some(parked.clone()), ..head(3, b"") },
        Head { due: Some(Due { bucket: 0, at_ms: -1 }), parked: Some(parked), ..head(4, b"x") },
        head(5, b"x"),
        Head { expires_s: Some(LATER_S), ..head(6, &noise(1, ITEM_BODY_BYTES)) },
        Head { expires_s: Some(LATER_S + 1), ..head(7, b"x") },
        head(8, b"x"),
    ];
    for form in forms {
        same("the commit", &ports.commit(&commit(&id, form.clone())).await?, &Committed::Done)?;
        same("the head", &read(ports, &id).await?, &Some(form))?;
    }
    Ok(())
}

pub(super) async fn a_commit_is_written_if_the_version_read_is_stored<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let id = names.fresh("counted");
    for version in 1..=12 {
        let next = head(version, version.to_string().as_bytes());
        same("the commit", &ports.commit(&commit(&id, next.clone())).await?, &Committed::Done)?;
        same("the head", &read(ports, &id).await?, &Some(next))?;
    }
    Ok(())
}

pub(super) async fn a_commit_on_another_version_conflicts_and_writes_nothing<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let id = names.fresh("fenced");
    let early = commit(&id, head(2, b"early"));
    same("a commit on a version that is not there", &ports.commit(&early).await?, &Committed::Conflict)?;
    same("no head", &read(ports, &id).await?, &None)?;
    for version in 1..=3 {
        ports.commit(&commit(&id, head(version, b"right"))).await?;
    }
    for version in [1, 2, 3, 5, 10] {
        let wrong = commit(&id, head(version, b"wrong"));
        same("a commit on another version", &ports.commit(&wrong).await?, &Committed::Conflict)?;
        same("the head", &read(ports, &id).await?, &Some(head(3, b"right")))?;
    }
    Ok(())
}

pub(super) async fn a_repeated_commit_is_done_without_a_second_effect<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let id = names.fresh("repeated");
    for version in 1..=3 {
        let due = Some(Due { bucket: 1, at_ms: 1_700_000_000_000 });
        let commit = commit(&id, Head { due, ..head(version, b"same") });
        for _ in 0..3 {
            same("the commit", &ports.commit(&commit).await?, &Committed::Done)?;
        }
        same("the head", &read(ports, &id).await?, &Some(commit.head))?;
    }
    Ok(())
}

pub(super) async fn a_commit_that_differs_in_anything_is_no_repeat<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let id = names.fresh("differing");
    let first = head(1, b"body");
    ports.commit(&commit(&id, first.clone())).await?;
    let parked = Parked { since_ms: 1, reason: "why".to_owned(), objects: 1, ..Parked::default() };
    let others = [
        Head { body: b"bodY".to_vec(), ..first.clone() },
        Head { failures: 1, ..first.clone() },
        Head { due: Some(Due { bucket: 1, at_ms: 5 }), ..first.clone() },
        Head { parked: Some(parked), ..first.clone() },
    ];
    for other in others {
        same("another head", &ports.commit(&commit(&id, other)).await?, &Committed::Conflict)?;
    }
    same("the head", &read(ports, &id).await?, &Some(first))
}

pub(super) async fn a_repeat_after_a_later_commit_conflicts<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let id = names.fresh("overtaken");
    let first = commit(&id, head(1, b"body"));
    ports.commit(&first).await?;
    ports.commit(&commit(&id, head(2, b"body"))).await?;
    same("the first again", &ports.commit(&first).await?, &Committed::Conflict)?;
    same("the head", &read(ports, &id).await?, &Some(head(2, b"body")))
}

pub(super) async fn of_commits_that_race_one_is_done<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    for _ in 0..5 {
        let id = names.fresh("raced");
        for version in 1..=2 {
            let racers: Vec<Commit> = (0..8).map(|racer| commit(&id, head(version, &[racer]))).collect();
            let ends = join_all(racers.iter().map(|commit| ports.commit(commit))).await;
            let ends = ends.into_iter().collect::<Result<Vec<_>, _>>()?;
            let done: Vec<_> = racers.iter().zip(&ends).filter(|(_, end)| **end == Committed::Done).collect();
            same("how many are done", &done.len(), &1)?;
            let winner = done.first().map(|(commit, _)| commit.head.clone());
            same("the head", &read(ports, &id).await?, &winner)?;
        }
    }
    Ok(())
}

pub(super) async fn an_item_that_is_too_large_is_refused_forever_and_has_no_effect<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let id = names.fresh("too-large");
    let refused = ports.commit(&commit(&id, head(1, &noise(1, 401 << 10)))).await;
    match refused {
        Err(error) if !error.is_transient() => {}
        other => return Err(Broken(format!("expected a permanent error; found {other:?}"))),
    }
    same("the head", &read(ports, &id).await?, &None)
}

pub(super) async fn machines_with_unusual_names_do_not_collide<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let id = names.fresh("unusual");
    let unusual = ["", "#", "#head", "#rule#r", "/..", " ", "\u{fc}\u{1f6d1}", "%2F", "'\"\\", "$.a", "HEAD"];
    let ids: Vec<String> = unusual.iter().map(|end| format!("{id}{end}")).collect();
    let long = format!("{id}{}", "x".repeat(256 - id.len().min(256)));
    let ids: Vec<&str> = ids.iter().chain([&long]).map(String::as_str).collect();
    for id in &ids {
        ports.commit(&commit(id, head(1, id.as_bytes()))).await?;
    }
    for (id, found) in ids.iter().zip(ports.read_heads(&ids).await?) {
        same("the head", &found, &Some(head(1, id.as_bytes())))?;
    }
    Ok(())
}

/// Returns the due keys of a bucket that are among some, with their times.
async fn due<P: Ports>(
    ports: &P,
    bucket: u32,
    until_ms: i64,
    of: &[String],
) -> Result<Vec<(String, i64)>, Broken> {
    let (mut found, mut next) = (Vec::new(), None);
    loop {
        let page = ports.due(bucket, until_ms, next.as_deref()).await?;
        found.extend(page.items);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    is("keys by due time", found.is_sorted_by_key(|(_, at_ms)| *at_ms))?;
    found.retain(|(id, _)| of.contains(id));
    Ok(found)
}

async fn commit_due<P: Ports>(ports: &P, id: &str, version: u64, due: Option<(u32, i64)>) -> Held {
    let due = due.map(|(bucket, at_ms)| Due { bucket, at_ms });
    let end = ports.commit(&commit(id, Head { due, ..head(version, b"x") })).await?;
    same("the commit", &end, &Committed::Done)
}

pub(super) async fn due_keys_come_by_due_time_and_only_from_their_bucket<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let ids: Vec<String> = (0..6).map(|_| names.fresh("due")).collect();
    let dues = [Some((3, 900)), Some((3, 1000)), Some((4, 950)), Some((3, 80)), None, Some((3, 1001))];
    for (id, due) in ids.iter().zip(dues) {
        commit_due(ports, id, 1, due).await?;
    }
    let at = |index: usize, at_ms: i64| (ids[index].clone(), at_ms);
    soon(ports, async || {
        same("bucket 3", &due(ports, 3, 1000, &ids).await?, &vec![at(3, 80), at(0, 900), at(1, 1000)])?;
        same("bucket 4", &due(ports, 4, 1000, &ids).await?, &vec![at(2, 950)])?;
        same("bucket 3, before the first", &due(ports, 3, 79, &ids).await?, &Vec::new())
    })
    .await
}

pub(super) async fn a_due_time_moves_with_its_head<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let ids: Vec<String> = (0..2).map(|_| names.fresh("moving")).collect();
    commit_due(ports, &ids[0], 1, Some((5, 500))).await?;
    commit_due(ports, &ids[1], 1, Some((5, 600))).await?;
    soon(ports, async || same("at first", &due(ports, 5, 10_000, &ids).await?.len(), &2)).await?;
    commit_due(ports, &ids[0], 2, Some((5, 7000))).await?;
    commit_due(ports, &ids[1], 2, None).await?;
    let expected = vec![(ids[0].clone(), 7000)];
    soon(ports, async || same("then", &due(ports, 5, 10_000, &ids).await?, &expected)).await?;
    commit_due(ports, &ids[0], 3, Some((6, 7000))).await?;
    soon(ports, async || {
        same("in the old bucket", &due(ports, 5, 10_000, &ids).await?, &Vec::new())?;
        same("in the new bucket", &due(ports, 6, 10_000, &ids).await?, &expected)
    })
    .await
}

pub(super) async fn many_due_keys_come_in_pages<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let ids: Vec<String> = (0..250).map(|_| names.fresh("many-due")).collect();
    for id in &ids {
        // Many at one time: a page may end between them.
        commit_due(ports, id, 1, Some((7, 40))).await?;
    }
    soon(ports, async || {
        let mut found: Vec<String> = due(ports, 7, 40, &ids).await?.into_iter().map(|(id, _)| id).collect();
        found.sort();
        let mut expected = ids.clone();
        expected.sort();
        same("the due keys", &found, &expected)
    })
    .await
}

pub(super) async fn a_sweep_finds_every_head_once<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let ids: Vec<String> = (0..30).map(|_| names.fresh("swept")).collect();
    for (seed, id) in (0..).zip(&ids) {
        ports.commit(&commit(id, head(1, &noise(seed, 100_000)))).await?;
        ports.write_view(&view(id, "r", 1)).await?;
    }
    let (mut found, mut next) = (Vec::new(), None);
    loop {
        let page = ports.scan_heads(next.as_deref()).await?;
        found.extend(page.items.into_iter().filter(|(id, _)| ids.contains(id)));
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    found.sort_by_key(|(id, _)| ids.iter().position(|other| other == id));
    let expected: Vec<_> =
        (0..).zip(&ids).map(|(seed, id)| (id.clone(), head(1, &noise(seed, 100_000)))).collect();
    is("every head once, as it was written", found == expected)
}

fn view(equipment: &str, rule: &str, sequence: u64) -> View {
    View {
        equipment: equipment.to_owned(),
        rule: rule.to_owned(),
        sequence,
        transition: format!("{{\"sequence\":{sequence},\"to\":\"\u{fc}\"}}"),
    }
}

pub(super) async fn a_view_gives_way_to_a_greater_sequence_only<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let id = names.fresh("viewed");
    for (sequence, stored) in [(9, 9), (9, 9), (8, 9), (10, 10), (9, 10), (100, 100), (11, 100)] {
        ports.write_view(&view(&id, "r", sequence)).await?;
        same("the view", &ports.read_views(&id).await?, &vec![view(&id, "r", stored)])?;
    }
    let other = View { transition: "{}".to_owned(), ..view(&id, "r", 100) };
    ports.write_view(&other).await?;
    same("the view of the same sequence", &ports.read_views(&id).await?, &vec![view(&id, "r", 100)])
}

pub(super) async fn views_come_by_rule_and_stay_with_their_equipment<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let id = names.fresh("viewed");
    let other = format!("{id}#rule");
    let rules = ["b", "a", "a.b", "a-b", "A", "10", "9"];
    for rule in rules {
        ports.write_view(&view(&id, rule, 1)).await?;
    }
    ports.write_view(&view(&other, "c", 1)).await?;
    ports.commit(&commit(&id, head(1, b"x"))).await?;
    let mut sorted = rules;
    sorted.sort_unstable();
    let expected: Vec<View> = sorted.iter().map(|rule| view(&id, rule, 1)).collect();
    same("the views", &ports.read_views(&id).await?, &expected)?;
    same("the other's views", &ports.read_views(&other).await?, &vec![view(&other, "c", 1)])?;
    same("the views of an unknown key", &ports.read_views(&names.fresh("unknown")).await?, &Vec::new())
}
