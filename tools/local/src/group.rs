//! Starts each child process in its own process group. Ctrl-C does not reach it, and this process ends its children in
//! order.

use std::process::Command;

/// Puts a command into its own process group.
pub(crate) fn of_its_own(command: &mut Command) -> &mut Command {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    command
}
