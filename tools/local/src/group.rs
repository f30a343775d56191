//! Processes that Ctrl-C at a terminal does not reach: it is heard by all of its group, and ours are ended in order.

use std::process::Command;

/// Lets a process begin a group of its own.
pub(crate) fn of_its_own(command: &mut Command) -> &mut Command {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    command
}
