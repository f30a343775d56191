//! Rules of the repository, as tests: what crates may depend on, what source files keep to, what documents promise.

mod crates;
mod documents;
mod files;
mod structure;
mod words;

use std::path::Path;
use std::process::Command;

use crate::support::root;

/// Folders that hold nothing of the repository, for a checkout without git.
const NOT_OURS: [&str; 7] =
    [".git", "target", "node_modules", "corpus", "artifacts", "coverage", "andon-demo"];

/// The files of the repository with `/` between folders, sorted: what git tracks or would take up.
fn files() -> Vec<String> {
    let listed = Command::new("git")
        .current_dir(root())
        .args(["ls-files", "-z", "-co", "--exclude-standard"])
        .output();
    let mut files: Vec<String> = match listed {
        Ok(listed) if listed.status.success() => {
            String::from_utf8_lossy(&listed.stdout).split_terminator('\0').map(str::to_owned).collect()
        }
        _ => {
            let mut found = Vec::new();
            walk(Path::new(""), &mut found);
            found
        }
    };
    files.retain(|file| root().join(file).is_file());
    files.sort();
    files.dedup();
    assert!(
        files.iter().any(|file| file == "Cargo.toml"),
        "no files of the repository were found in {:?}",
        root()
    );
    files
}

fn walk(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(root().join(folder)).unwrap().map(Result::unwrap) {
        let path = folder.join(entry.file_name());
        if !entry.file_type().unwrap().is_dir() {
            found.push(path.to_str().unwrap().replace('\\', "/"));
        } else if !NOT_OURS.contains(&entry.file_name().to_str().unwrap_or_default()) {
            walk(&path, found);
        }
    }
}

fn with_extension(extension: &str) -> Vec<String> {
    let end = format!(".{extension}");
    files().into_iter().filter(|file| file.ends_with(&end)).collect()
}

fn text(file: &str) -> String {
    let bytes =
        std::fs::read(root().join(file)).unwrap_or_else(|error| panic!("cannot read `{file}`: {error}"));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Fails with every offender, one a line.
fn none(offenders: &[String], rule: &str) {
    assert!(offenders.is_empty(), "{rule}:\n  {}", offenders.join("\n  "));
}
