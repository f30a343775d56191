//! What crates may depend on.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

use super::{none, text};
use crate::support::root;

/// The dependency graph. Of all platforms where their crates are at hand, else of this one: tests need no network.
static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
    let ask = |options: &[&str]| {
        let options = ["--offline", "--locked"].iter().chain(options).map(ToString::to_string);
        MetadataCommand::new()
            .manifest_path(root().join("Cargo.toml"))
            .other_options(options.collect::<Vec<_>>())
            .exec()
    };
    ask(&[]).or_else(|_| ask(&["--filter-platform", "host-tuple"])).unwrap()
});

fn package(id: &PackageId) -> &'static Package {
    METADATA.packages.iter().find(|package| package.id == *id).unwrap()
}

/// What a crate is built with: its direct dependencies but those for its tests.
fn dependencies(of: &PackageId) -> Vec<&'static Package> {
    let node = METADATA.resolve.as_ref().unwrap().nodes.iter().find(|node| node.id == *of).unwrap();
    let built_with = node
        .deps
        .iter()
        .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development));
    built_with.map(|dep| package(&dep.pkg)).collect()
}

fn all_dependencies(of: &Package) -> BTreeSet<String> {
    let mut seen = BTreeSet::from([of.id.clone()]);
    let mut open = vec![of.id.clone()];
    while let Some(id) = open.pop() {
        open.extend(
            dependencies(&id).into_iter().map(|dep| dep.id.clone()).filter(|id| seen.insert(id.clone())),
        );
    }
    seen.iter().map(|id| package(id).name.to_string()).collect()
}

fn members() -> Vec<&'static Package> {
    METADATA.workspace_packages()
}

fn member(name: &str) -> &'static Package {
    members()
        .into_iter()
        .find(|package| package.name == name)
        .unwrap_or_else(|| panic!("there is no crate `{name}`"))
}

/// How high a crate of the workspace stands: it may depend on lower ones only.
fn layer(package: &Package) -> Option<u32> {
    let folder = package.manifest_path.strip_prefix(root().to_str()?).ok()?;
    if folder.starts_with("cli") || folder.starts_with("functions") {
        return Some(5);
    }
    match package.name.as_str() {
        "andon-clock" | "andon-model" | "andon-modelling" => Some(0),
        "andon-engine" | "andon-history" | "andon-intake" | "andon-report" | "andon-simulator" => Some(1),
        "andon-document" | "andon-service" => Some(2),
        "andon-aws" | "andon-telemetry" | "andon-testkit" => Some(3),
        "andon-lambda" | "andon-local" => Some(4),
        "andon-tests" => Some(6),
        _ => None,
    }
}

#[test]
fn the_model_and_the_engine_know_no_runtime_and_no_aws() {
    for name in ["andon-model", "andon-engine"] {
        let all = all_dependencies(member(name));
        assert!(all.contains("serde"), "the dependencies of {name} were not found");
        let strangers: Vec<String> = all
            .into_iter()
            .filter(|dependency| {
                dependency == "tokio" || dependency == "hyper" || dependency.starts_with("aws-")
            })
            .collect();
        none(&strangers, &format!("`{name}` decides and does no I/O, but is built with"));
    }
}

#[test]
fn dependencies_point_one_way() {
    let mut offenders = Vec::new();
    for package in members() {
        let Some(height) = layer(package) else {
            offenders.push(format!("`{}` has no layer in tests/repository/crates.rs", package.name));
            continue;
        };
        for dependency in dependencies(&package.id) {
            if METADATA.workspace_members.contains(&dependency.id)
                && layer(dependency).is_none_or(|lower| lower >= height)
            {
                offenders.push(format!("`{}` depends on `{}`", package.name, dependency.name));
            }
        }
    }
    none(&offenders, "cli and functions -> aws -> service -> engine -> model, but");
}

#[test]
fn nothing_that_is_shipped_is_built_with_what_is_for_tests() {
    let testkit = member("andon-testkit");
    let shipped =
        members().into_iter().filter(|package| package.name != "andon-tests" && package.id != testkit.id);
    let offenders: Vec<String> = shipped
        .filter(|package| all_dependencies(package).contains(testkit.name.as_str()))
        .map(|package| package.name.to_string())
        .collect();
    none(&offenders, "`andon-testkit` is for [dev-dependencies], but is built into");
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let mut offenders = Vec::new();
    for package in members() {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap().replace(' ', "");
        if !manifest.contains("[lints]\nworkspace=true") {
            offenders.push(package.manifest_path.to_string());
        }
    }
    none(&offenders, "expected `[lints]` with `workspace = true` in");
}

#[test]
fn every_dependency_says_why_it_is_here() {
    let manifest = text("Cargo.toml");
    let section = manifest.split("[workspace.dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let external: Vec<&str> = section
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric()) && !line.contains("path ="))
        .collect();
    assert!(
        external.iter().any(|line| line.starts_with("serde ")),
        "[workspace.dependencies] was not understood"
    );
    let offenders: Vec<String> = external
        .into_iter()
        .filter(|line| line.split_once(" # ").is_none_or(|(_, reason)| reason.trim().len() < 10))
        .map(str::to_owned)
        .collect();
    none(&offenders, "a dependency carries its reason in its line, `name = \"1.0\" # reason`, but not");
}

#[test]
fn crates_take_their_versions_from_the_workspace() {
    let mut offenders = Vec::new();
    for package in members() {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        let mut in_dependencies = false;
        for line in manifest.lines() {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
            } else if in_dependencies && line.contains('=') && !line.contains("workspace") {
                offenders.push(format!("{}: {line}", package.manifest_path));
            }
        }
    }
    none(&offenders, "versions stand in the root Cargo.toml, `name.workspace = true`, but");
}

#[test]
fn every_licence_is_one_that_deny_toml_allows() {
    let allowed = quoted(&text("deny.toml"), "[licenses]", "\nallow = [");
    assert!(
        allowed.iter().any(|licence| licence == "Apache-2.0"),
        "the licences in deny.toml were not understood"
    );
    let offenders: Vec<String> = METADATA
        .packages
        .iter()
        .filter(|package| !package.license.as_deref().is_some_and(|licence| is_allowed(licence, &allowed)))
        .map(|package| format!("{} {}: {:?}", package.name, package.version, package.license))
        .collect();
    none(&offenders, "not under an allowed licence");
}

#[test]
fn nothing_comes_from_anywhere_but_crates_io_and_nothing_is_banned() {
    let banned = quoted(&text("deny.toml"), "[bans]", "\ndeny = [");
    assert!(banned.iter().any(|name| name == "openssl-sys"), "the bans in deny.toml were not understood");
    let mut offenders = Vec::new();
    for package in &METADATA.packages {
        if package.source.as_ref().is_some_and(|source| !source.is_crates_io()) {
            offenders.push(format!("{} {} comes from {:?}", package.name, package.version, package.source));
        }
        if banned.iter().any(|name| *name == package.name.as_str()) {
            offenders.push(format!("{} {} is banned", package.name, package.version));
        }
    }
    none(&offenders, "see deny.toml");
}

/// The names in quotes in a list of deny.toml, reasons left out.
fn quoted(text: &str, section: &str, list: &str) -> Vec<String> {
    let section = text.split_once(section).unwrap().1.split("\n[").next().unwrap();
    let list = section.split_once(list).unwrap().1.split("\n]").next().unwrap();
    list.lines().filter_map(|line| line.split('#').next()?.split('"').nth(1)).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be met with allowed licences; `/` is the old way to write `OR`.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let met = any(&mut words, allowed);
    met && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let mut met = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words, allowed);
    }
    met
}

fn all(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let Some(word) = words.next() else { return false };
    if word == "(" {
        let met = any(words, allowed);
        return words.next() == Some(")") && met;
    }
    let licence = match words.next_if_eq(&"WITH") {
        Some(_) => format!("{word} WITH {}", words.next().unwrap_or_default()),
        None => word.to_owned(),
    };
    allowed.contains(&licence)
}

#[test]
fn a_licence_expression_is_met_as_spdx_says() {
    let allowed = ["MIT".to_owned(), "Unicode-3.0".to_owned()];
    for (expression, expected) in [
        ("MIT", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only AND MIT", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("(MIT OR Apache-2.0) AND GPL-3.0-only", false),
        ("GPL-3.0-only AND MIT OR MIT", true),
        ("Apache-2.0 WITH LLVM-exception OR MIT", true),
        ("MIT WITH something", false),
        ("(MIT", false),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
}
