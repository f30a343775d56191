//! The local system that runs: a file by which the other commands find it, and a lock that it holds until it ends.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// A local system that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::live) struct Running {
    /// The process of `andon local up`.
    pub(in crate::live) pid: u32,
    /// Since when, ms.
    pub(in crate::live) since: i64,
    /// Where its emulator answers.
    pub(in crate::live) endpoint: String,
    /// The variables that its functions have, and that every client of it needs.
    pub(in crate::live) vars: Vec<(String, String)>,
    /// The queue that its state changes go to.
    pub(in crate::live) changes_queue: String,
}

const RECORD: &str = "local.json";
const LOCK: &str = "local.lock";

/// The folder of what is kept between commands.
fn folder() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = named("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    Some(cache.or_else(|| Some(named("HOME")?.join(".cache")))?.join("andon"))
}

/// The local system that runs, if one does.
pub(in crate::live) fn running() -> Option<Running> {
    running_in(&folder()?)
}

fn running_in(folder: &Path) -> Option<Running> {
    // The process of `andon local up` holds the lock, and loses it when it ends, also when it is killed.
    let lock = File::open(folder.join(LOCK)).ok()?;
    match lock.try_lock_shared() {
        Err(TryLockError::WouldBlock) => serde_json::from_slice(&fs::read(folder.join(RECORD)).ok()?).ok(),
        _ => None,
    }
}

/// The lock of the system that runs here.
pub(super) struct SystemLock {
    folder: PathBuf,
    _lock: File,
}

impl SystemLock {
    /// Takes the lock.
    pub(super) fn take() -> Result<Self, Failure> {
        let folder = folder().ok_or_else(|| {
            Failure::Message(
                "neither XDG_CACHE_HOME nor HOME is set; expected a folder to keep files in".to_owned(),
            )
        })?;
        Self::take_in(&folder)
    }

    fn take_in(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(LOCK);
        let cannot =
            |error: io::Error| Failure::Message(format!("cannot write `{}`: {error}", path.display()));
        fs::create_dir_all(folder).map_err(cannot)?;
        let lock = File::options().create(true).write(true).truncate(false).open(&path).map_err(cannot)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let at =
                    running_in(folder).map(|running| format!(" at {}", running.endpoint)).unwrap_or_default();
                return Err(Failure::Message(format!(
                    "a local system runs already{at}; to stop it: andon local down"
                )));
            }
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        let lock = Self { folder: folder.to_owned(), _lock: lock };
        lock.withdraw();
        Ok(lock)
    }

    /// Lets other commands find the system. The file holds a key: only the user may read it.
    pub(super) fn announce(&self, running: &Running) -> Result<(), Failure> {
        let path = self.folder.join(RECORD);
        let cannot =
            |error: io::Error| Failure::Message(format!("cannot write `{}`: {error}", path.display()));
        let mut options = File::options();
        options.create_new(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(cannot)?;
        file.write_all(serde_json::to_string_pretty(running)?.as_bytes()).map_err(cannot)
    }

    /// Whether it is still announced: `andon local down` withdraws it.
    pub(super) fn is_announced(&self) -> bool {
        self.folder.join(RECORD).exists()
    }

    fn withdraw(&self) {
        let _ = fs::remove_file(self.folder.join(RECORD));
    }
}

impl Drop for SystemLock {
    fn drop(&mut self) {
        self.withdraw();
    }
}

/// Asks the system that runs to stop; it sees that it is no longer announced.
pub(super) fn ask_to_stop() -> Result<(), Failure> {
    let Some(path) = folder().map(|folder| folder.join(RECORD)) else { return Ok(()) };
    fs::remove_file(&path)
        .map_err(|error| Failure::Message(format!("cannot delete `{}`: {error}", path.display())))
}

/// Whether some system holds the lock, announced or not.
pub(super) fn is_held() -> bool {
    let lock = folder().and_then(|folder| File::open(folder.join(LOCK)).ok());
    lock.is_some_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_found_as_long_as_it_runs_and_only_one_runs() {
        let folder = std::env::temp_dir().join(format!("andon-record-{}", std::process::id()));
        assert_eq!(running_in(&folder), None);
        let lock = SystemLock::take_in(&folder).unwrap();
        assert_eq!(running_in(&folder), None);
        let running = Running { pid: 7, endpoint: "http://127.0.0.1:1".to_owned(), ..Running::default() };
        lock.announce(&running).unwrap();
        assert_eq!(running_in(&folder), Some(running));
        let second = SystemLock::take_in(&folder).err();
        assert!(matches!(second, Some(Failure::Message(message)) if message.contains("andon local down")));
        assert!(lock.is_announced());
        drop(lock);
        assert_eq!(running_in(&folder), None);
        // Left behind by one that was killed.
        fs::write(folder.join(RECORD), "{}").unwrap();
        assert_eq!(running_in(&folder), None);
        fs::remove_dir_all(&folder).unwrap();
    }
}
