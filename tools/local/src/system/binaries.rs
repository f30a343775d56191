//! Finds or builds the binaries of the functions.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::SystemError;
use crate::event::Listener;

/// Finds the binaries beside this one. Where this one was run by cargo, they are built first, so that they are as new as
/// the sources; where they are missing and this one lies in a workspace, too.
pub(super) fn find(names: &[&str], listener: &Listener) -> Result<Vec<PathBuf>, SystemError> {
    let exe = std::env::current_exe()
        .map_err(|error| SystemError::Binaries(format!("where this program lies is not known: {error}")))?;
    let mut folder = exe.parent().unwrap_or(&exe);
    // Tests lie one folder deeper.
    if folder.ends_with("deps") {
        folder = folder.parent().unwrap_or(folder);
    }
    let binary = |name: &&str| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let missing = || names.iter().map(binary).filter(|path| !path.is_file()).collect::<Vec<_>>();
    let cargo = std::env::var_os("CARGO").map(PathBuf::from);
    if cargo.is_some() || !missing().is_empty() {
        let named = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let workspace = named.iter().map(PathBuf::as_path).chain([folder]).find_map(workspace);
        if let Some(workspace) = workspace {
            listener.step("building the functions");
            build(cargo.as_deref().unwrap_or(Path::new("cargo")), workspace, folder)?;
        }
    }
    match missing().first() {
        None => Ok(names.iter().map(binary).collect()),
        Some(path) => Err(SystemError::Binaries(format!(
            "the function `{}` is not there; expected the functions beside this program, as \
             `cargo build --workspace --bins --all-features` puts them",
            path.display()
        ))),
    }
}

/// The workspace of the functions that a folder lies in.
fn workspace(folder: &Path) -> Option<&Path> {
    let is_it = |folder: &&Path| folder.join("Cargo.toml").is_file() && folder.join("functions").is_dir();
    folder.ancestors().find(is_it)
}

/// Builds all binaries of the workspace in the way in which this one was built. All of them at once, since then their
/// dependencies are those that are built already.
fn build(cargo: &Path, workspace: &Path, folder: &Path) -> Result<(), SystemError> {
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => "dev",
        Some(profile) => profile,
    };
    let mut command = Command::new(cargo);
    // What cargo has said of the package that is being run or tested is not true of those that are built. Build scripts
    // look at it, and whatever depends on them would be built anew, each time.
    let names = std::env::vars_os().map(|(name, _)| name);
    for name in names.filter(|name| name.to_str().is_some_and(is_of_a_package)) {
        command.env_remove(name);
    }
    let output = command
        .args(["build", "--workspace", "--bins", "--all-features", "--quiet", "--profile", profile])
        .arg("--target-dir")
        .arg(folder.parent().unwrap_or(folder))
        .current_dir(workspace)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| SystemError::Binaries(format!("cannot run `{}`: {error}", cargo.display())))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(SystemError::Binaries(format!("the functions cannot be built:\n{}", said.trim())))
}

/// Returns true if cargo sets the variable for the package that it runs or tests.
fn is_of_a_package(name: &str) -> bool {
    let begins = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];
    let names = ["CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "CARGO_TARGET_TMPDIR", "OUT_DIR"];
    begins.iter().any(|begin| name.starts_with(begin)) || names.contains(&name)
}
