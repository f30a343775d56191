//! Faults and acts that a world allows, and their numbers.

/// A fault, or an act of a keeper or an operator, which a world allows a number of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Chance {
    /// A process crashes.
    Crash,
    /// The event source gives an invocation up; it goes on as a zombie.
    Zombie,
    /// A commit's answer is lost; the commit takes place at some time or never.
    LateCommit,
    /// An image of the stream is lost.
    LostImage,
    /// A page is split.
    Split,
    /// Two pages are merged.
    Merge,
    /// A page is settled.
    Settle,
    /// An object is swept.
    Sweep,
    /// The object store goes away.
    Away,
    /// An event source is set back to the start of its shard.
    SetBack,
    /// A machine at rest is left out of a commit.
    Expiry,
    /// An operator publishes what a page still lists.
    Republish,
    /// An invocation's time is up with pages still open.
    TimeUp,
    /// The object store loses a body that a head names.
    Damage,
}

/// Numbers of chances left, by [`Chance`].
pub type Chances = [u8; 14];
