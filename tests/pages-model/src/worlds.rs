//! The small worlds in which the protocol is tried. Each asks one question, so that all of its states can be visited.

use crate::chance::Chance as C;
use crate::world::{World, deciding, failing, quiet};

/// Two invocations over one page: zombies, crashes, prefix commits.
pub fn two_invocations() -> World {
    let world = World::new("two invocations", vec![deciding(0, 0), deciding(1, 0), deciding(0, 0)]);
    World { slots: 2, decisions: 1, ..world }.with(C::Zombie, 1).with(C::Crash, 1)
}

/// Commits whose answers are lost and which take place late, beside a zombie and a keeper that settles.
pub fn late_commits() -> World {
    let world = World::new("late commits", vec![deciding(0, 0), quiet(1, 0)]);
    World { slots: 2, batch: 1, ..world }.with(C::LateCommit, 1).with(C::Zombie, 1).with(C::Settle, 1)
}

/// A commit takes place late while its body, or that of the page settled meanwhile, is swept.
pub fn late_commits_and_sweep() -> World {
    let world = World::new("late commits and sweep", vec![deciding(0, 0), quiet(1, 0)]);
    World { slots: 2, batch: 1, has_objects: true, ..world }
        .with(C::LateCommit, 1)
        .with(C::Sweep, 2)
        .with(C::Settle, 1)
}

/// A commit takes place late while its page is merged and the event source is set back.
pub fn late_commits_and_merge() -> World {
    let world = World::new("late commits and merge", vec![quiet(0, 0), quiet(1, 0)]);
    World { slots: 2, pages: vec![(0, 1), (1, 3)], ..world }
        .with(C::LateCommit, 1)
        .with(C::Merge, 1)
        .with(C::SetBack, 1)
}

/// Warm functions that keep states, beside a zombie and a keeper that settles.
pub fn kept_states() -> World {
    let world = World::new("kept states", vec![deciding(0, 0), quiet(0, 0), quiet(1, 0)]);
    World { slots: 2, batch: 1, keeps_states: true, ..world }.with(C::Zombie, 1).with(C::Settle, 1)
}

/// Delivery: the stream loses images, `publish` crashes, an operator republishes early or late, a keeper settles.
pub fn delivery() -> World {
    let world = World::new("delivery", vec![deciding(0, 0), deciding(1, 0), deciding(0, 0), quiet(1, 0)]);
    World { batch: 1, ..world }
        .with(C::LostImage, 1)
        .with(C::Republish, 1)
        .with(C::Crash, 1)
        .with(C::Settle, 1)
}

/// Warm functions keep states while the object store is away and a page is settled.
pub fn kept_states_while_away() -> World {
    let world = World::new("kept states while away", vec![deciding(0, 0), quiet(0, 0)]);
    World { slots: 2, batch: 1, has_objects: true, keeps_states: true, ..world }
        .with(C::Away, 1)
        .with(C::Zombie, 1)
        .with(C::Settle, 1)
}

/// Delivery beside a split and a merge: no decision is left behind on a page that goes.
pub fn delivery_beside_keepers() -> World {
    let world = World::new("delivery beside keepers", vec![deciding(0, 0), deciding(0, 0), quiet(1, 0)]);
    World { batch: 1, ..world }
        .with(C::LostImage, 1)
        .with(C::Republish, 1)
        .with(C::Split, 1)
        .with(C::Merge, 1)
}

/// One page is split while two invocations fold and `publish` is slow.
pub fn split() -> World {
    let world = World::new("split", vec![deciding(0, 0), quiet(1, 0), deciding(0, 0)]);
    World { slots: 2, ..world }.with(C::Split, 1).with(C::Zombie, 1)
}

/// Two pages of one shard are merged while one of a batch's commits is done and the other is not.
pub fn merge() -> World {
    let records = vec![quiet(0, 0), deciding(1, 0), quiet(0, 0)];
    World { slots: 2, pages: vec![(0, 1), (1, 3)], ..World::new("merge", records) }
        .with(C::Merge, 1)
        .with(C::TimeUp, 1)
        .with(C::Zombie, 1)
}

/// Two pages are merged; then the event source is set back to the start of the shard.
pub fn set_back() -> World {
    let records = vec![deciding(0, 0), quiet(2, 0), deciding(0, 0), quiet(1, 0)];
    World { pages: vec![(0, 1), (1, 3)], ..World::new("set back", records) }
        .with(C::Merge, 1)
        .with(C::SetBack, 1)
        .with(C::TimeUp, 1)
}

/// Two keepers plan at once: a page is split at two places, or split and merged.
pub fn two_keepers() -> World {
    let world = World::new("two keepers", vec![deciding(0, 0), quiet(1, 0), quiet(2, 0)]);
    World { keepers: 2, has_objects: true, ..world }.with(C::Split, 2).with(C::Merge, 1)
}

/// A keeper's plan waits while another keeper splits and merges; only the version of the layout tells that it is old.
pub fn old_plan() -> World {
    World { keepers: 2, pages: vec![(0, 2), (2, 4)], ..World::new("old plan", vec![quiet(0, 0)]) }
        .with(C::Split, 2)
        .with(C::Merge, 1)
}

/// Bodies are objects and are swept as early as the rules allow, beside a zombie and a keeper that settles.
pub fn sweep() -> World {
    let world = World::new("sweep", vec![deciding(0, 0), quiet(0, 0)]);
    World { slots: 2, batch: 1, has_objects: true, ..world }
        .with(C::Sweep, 2)
        .with(C::Settle, 1)
        .with(C::Zombie, 1)
}

/// Bodies of pages about to be born are beside a sweep.
pub fn sweep_beside_keepers() -> World {
    let world = World::new("sweep beside keepers", vec![quiet(0, 0), quiet(1, 0)]);
    World { keepers: 2, has_objects: true, ..world }.with(C::Sweep, 1).with(C::Split, 2)
}

/// The object store goes away and comes back; bodies are objects before and after, and inline meanwhile.
pub fn store_away() -> World {
    let world = World::new("store away", vec![deciding(0, 0), quiet(1, 0)]);
    World { slots: 2, has_objects: true, ..world }.with(C::Away, 1).with(C::Sweep, 1).with(C::Zombie, 1)
}

/// The object store loses a body, beside a second page, a zombie and a sweep.
pub fn damage() -> World {
    let records = vec![quiet(0, 0), quiet(1, 0), quiet(0, 0)];
    let world = World { slots: 2, has_objects: true, keeps_states: true, ..World::new("damage", records) };
    World { pages: vec![(0, 1), (1, 3)], ..world }.with(C::Damage, 1).with(C::Sweep, 1).with(C::Zombie, 1)
}

/// A machine fails between its own records and beside others, is fixed, and its page is split or merged meanwhile.
pub fn failing_machine() -> World {
    let records = vec![deciding(1, 0), failing(1, 0), quiet(0, 0), quiet(1, 0)];
    World { batch: 3, ..World::new("failing machine", records) }.with(C::Split, 1).with(C::Merge, 1)
}

/// A machine fails in one shard while another shard goes on, and its page is merged.
pub fn failing_across_shards() -> World {
    let records = vec![failing(0, 0), quiet(0, 1), quiet(1, 0), quiet(1, 1)];
    World { pages: vec![(0, 1), (1, 3)], ..World::new("failing across shards", records) }.with(C::Merge, 1)
}

/// A machine of two shards is parked and unparked, and an invocation's time is up.
pub fn parked_across_shards() -> World {
    let records = vec![failing(1, 0), quiet(1, 1), quiet(0, 0)];
    World { slots: 2, parks_after: 2, ..World::new("parked across shards", records) }.with(C::TimeUp, 1)
}

/// A machine fails until it is parked, is fixed and unparked, while the object store goes away.
pub fn parked_machine() -> World {
    let records = vec![failing(1, 0), quiet(0, 0), quiet(1, 0)];
    World { parks_after: 2, has_objects: true, ..World::new("parked machine", records) }.with(C::Away, 1)
}

/// A parked machine is unparked beside a crash and a split.
pub fn unpark() -> World {
    let records = vec![failing(1, 0), quiet(1, 0)];
    World { parks_after: 2, ..World::new("unpark", records) }.with(C::Crash, 1).with(C::Split, 1)
}

/// A page across two shards, as between the split of a shard and the keeper's: two event sources write it.
pub fn two_shards() -> World {
    let records = vec![deciding(0, 0), quiet(1, 1), quiet(0, 1)];
    World { slots: 2, ..World::new("two shards", records) }.with(C::Split, 1).with(C::Crash, 1)
}

/// One shard, three records of two machines, two invocations: what a second reader of the shard would break.
pub fn one_shard() -> World {
    let records = vec![quiet(0, 0), quiet(1, 0), quiet(0, 0)];
    World { slots: 2, ..World::new("one shard", records) }.with(C::TimeUp, 1)
}

/// Two pages at different positions in two shards are merged and split.
pub fn merge_across_shards() -> World {
    let records = vec![quiet(0, 0), quiet(1, 1), quiet(1, 0), quiet(0, 1)];
    World { slots: 2, pages: vec![(0, 1), (1, 3)], ..World::new("merge across shards", records) }
        .with(C::Merge, 1)
        .with(C::TimeUp, 1)
}

/// Records under foreign keys are put back, more than once where the invocation crashes in between.
pub fn rekeying() -> World {
    let records = vec![deciding(1, 0), deciding(0, 0), deciding(1, 1)];
    World { slots: 2, homes: Some([0, 1, 1]), pages: vec![(0, 1), (1, 3)], ..World::new("rekeying", records) }
        .with(C::Crash, 1)
}

/// A record under a foreign key fails under its own, beside a merge and a crash.
pub fn rekeying_of_failing() -> World {
    let records = vec![failing(1, 0), quiet(0, 0), quiet(1, 1)];
    let world = World::new("rekeying of failing", records);
    World { homes: Some([0, 1, 1]), pages: vec![(0, 1), (1, 3)], ..world }.with(C::Crash, 1).with(C::Merge, 1)
}

/// Machines at rest expire; the event source is set back afterwards.
pub fn expiry() -> World {
    let records = vec![deciding(0, 0), quiet(1, 0), quiet(1, 0)];
    World::new("expiry", records).with(C::Expiry, 1).with(C::SetBack, 1)
}

/// A machine that fails or is parked does not expire before it is fixed and unparked.
pub fn expiry_of_failing() -> World {
    let records = vec![failing(1, 0), quiet(0, 0), quiet(0, 0)];
    World { parks_after: 2, ..World::new("expiry of failing", records) }
        .with(C::Expiry, 1)
        .with(C::SetBack, 1)
}

/// Machines at rest expire, pages are merged, and the event source is set back afterwards.
///
/// Here the plan has an error: a merged page with one first group folds records of expired machines again.
pub fn expiry_and_merge() -> World {
    let records = vec![deciding(0, 0), quiet(1, 0), quiet(1, 0)];
    World { pages: vec![(0, 2), (2, 3)], ..World::new("expiry and merge", records) }
        .with(C::Expiry, 1)
        .with(C::SetBack, 1)
        .with(C::Merge, 1)
}

/// The world before, with a zombie in place of the operator who sets the event source back.
pub fn expiry_and_merge_beside_a_zombie() -> World {
    let records = vec![deciding(0, 0), quiet(1, 0), quiet(1, 0)];
    World { slots: 2, pages: vec![(0, 2), (2, 3)], ..World::new("expiry and merge, zombie", records) }
        .with(C::Expiry, 1)
        .with(C::Zombie, 1)
        .with(C::Merge, 1)
}

/// Returns the worlds in which the protocol holds.
pub fn all() -> Vec<World> {
    vec![
        two_invocations(),
        late_commits(),
        late_commits_and_sweep(),
        late_commits_and_merge(),
        kept_states(),
        kept_states_while_away(),
        delivery(),
        delivery_beside_keepers(),
        split(),
        merge(),
        set_back(),
        two_keepers(),
        old_plan(),
        sweep(),
        sweep_beside_keepers(),
        store_away(),
        damage(),
        failing_machine(),
        failing_across_shards(),
        parked_machine(),
        parked_across_shards(),
        unpark(),
        two_shards(),
        one_shard(),
        merge_across_shards(),
        rekeying(),
        rekeying_of_failing(),
        expiry(),
        expiry_of_failing(),
    ]
}
