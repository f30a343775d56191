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

/// The part of the house that a crate of the workspace stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// A Lambda function.
    Function,
    /// What functions are built from.
    Shared,
    /// What people run; never deployed.
    Tool,
    /// What only tests are built from.
    Kit,
    /// The tests of the workspace.
    Tests,
}

fn part(package: &Package) -> Option<Part> {
    let folder = package.manifest_path.strip_prefix(root().to_str()?).ok()?.as_str();
    let parts = [
        ("functions/", Part::Function),
        ("shared/", Part::Shared),
        ("tools/", Part::Tool),
        ("tests/kit/", Part::Kit),
        ("tests/", Part::Tests),
    ];
    parts.into_iter().find(|(prefix, _)| folder.starts_with(prefix)).map(|(_, part)| part)
}

/// What each shared crate may be built with, of the shared ones: a tower, in which no arrow points up.
const SHARED: [(&str, &[&str]); 7] = [
    ("andon-domain", &[]),
    ("andon-clock", &[]),
    ("andon-ingest", &["andon-domain"]),
    ("andon-engine", &["andon-domain"]),
    ("andon-workflows", &["andon-domain", "andon-ingest", "andon-engine"]),
    ("andon-aws", &["andon-domain", "andon-clock", "andon-ingest", "andon-workflows"]),
    (
        "andon-runtime",
        &["andon-domain", "andon-clock", "andon-ingest", "andon-engine", "andon-workflows", "andon-aws"],
    ),
];

/// The tools that are built with other tools. `andon` is the command that binds them together.
const TOOLS_OVER_TOOLS: [(&str, &[&str]); 2] = [
    (
        "andon",
        &[
            "andon-import",
            "andon-lint",
            "andon-local",
            "andon-models",
            "andon-report",
            "andon-rule-files",
            "andon-simulator",
        ],
    ),
    ("andon-local", &["andon-models"]),
];

/// The direct dependencies of a member that are members too.
fn members_of(package: &Package) -> Vec<&'static Package> {
    let dependencies = dependencies(&package.id);
    dependencies
        .into_iter()
        .filter(|dependency| METADATA.workspace_members.contains(&dependency.id))
        .collect()
}

#[test]
fn domain_engine_and_ingest_know_no_runtime_no_clock_and_no_aws() {
    for name in ["andon-domain", "andon-engine", "andon-ingest"] {
        let all = all_dependencies(member(name));
        assert!(all.contains("serde"), "the dependencies of {name} were not found");
        let known = ["tokio", "hyper", "andon-clock"];
        let strangers: Vec<String> = all
            .into_iter()
            .filter(|dependency| known.contains(&dependency.as_str()) || dependency.starts_with("aws-"))
            .collect();
        none(&strangers, &format!("`{name}` decides and does no I/O, but is built with"));
    }
}

#[test]
fn only_aws_local_and_the_tests_of_the_workspace_name_the_aws_sdk() {
    let named_by = |package: &&&Package| {
        !["andon-aws", "andon-local", "andon-tests"].contains(&package.name.as_str())
            && package.dependencies.iter().any(|dependency| dependency.name.starts_with("aws-sdk-"))
    };
    let offenders: Vec<String> =
        members().iter().filter(named_by).map(|package| package.name.to_string()).collect();
    none(&offenders, "AWS is reached through the ports of `andon-aws`, but its SDK is named by");
}

#[test]
fn functions_are_built_from_shared_crates_alone() {
    let mut offenders = Vec::new();
    let mut functions = 0;
    for package in members().into_iter().filter(|package| part(package) == Some(Part::Function)) {
        functions += 1;
        for name in all_dependencies(package) {
            let Some(other) = members().into_iter().find(|member| member.name == name) else { continue };
            if other.id != package.id && part(other) != Some(Part::Shared) {
                offenders.push(format!("`{}` is built with `{name}`", package.name));
            }
        }
    }
    assert!(functions >= 4, "the functions were not found");
    none(&offenders, "a function is built from `shared/` alone, but");
}

#[test]
fn dependencies_point_one_way() {
    let mut offenders = Vec::new();
    for package in members() {
        let Some(own) = part(package) else {
            offenders.push(format!("`{}` stands in no part of the house", package.name));
            continue;
        };
        let name = package.name.as_str();
        for dependency in members_of(package) {
            let to = dependency.name.as_str();
            let allowed = |table: &[(&str, &[&str])]| {
                table.iter().any(|(from, list)| *from == name && list.contains(&to))
            };
            let is_allowed = match (own, part(dependency)) {
                (Part::Shared, Some(Part::Shared)) => allowed(&SHARED),
                (Part::Tool, Some(Part::Tool)) => allowed(&TOOLS_OVER_TOOLS),
                // The metered run sends the workload W1, over shards that hash as those in memory do.
                (Part::Tool, Some(Part::Kit)) => name == "andon-cost",
                (Part::Function | Part::Tool, Some(Part::Shared)) => true,
                (Part::Kit, Some(Part::Shared | Part::Kit)) | (Part::Tests, _) => true,
                _ => false,
            };
            if !is_allowed {
                offenders.push(format!("`{name}` depends on `{to}`"));
            }
        }
    }
    none(&offenders, "see the map in ARCHITECTURE.md, but");
}

#[test]
fn nothing_that_is_deployed_or_run_by_people_is_built_with_the_kit() {
    let is_kit = |name: &String| name.starts_with("andon-kit-");
    let offenders: Vec<String> = members()
        .into_iter()
        .filter(|package| matches!(part(package), Some(Part::Function | Part::Shared | Part::Tool)))
        .filter(|package| package.name != "andon-cost" && all_dependencies(package).iter().any(is_kit))
        .map(|package| package.name.to_string())
        .collect();
    none(&offenders, "`tests/kit` is for [dev-dependencies], but is built into");
}

/// The name by which sources speak of a package: that of its library.
fn library_name(package: &str) -> String {
    let known = METADATA.packages.iter().find(|known| known.name == package);
    let library =
        known.and_then(|known| known.targets.iter().find(|target| target.is_lib() || target.is_proc_macro()));
    library.map_or(package, |library| library.name.as_str()).replace('-', "_")
}

#[test]
fn no_crate_names_a_dependency_that_it_does_not_use() {
    let mut offenders = Vec::new();
    for package in members() {
        let folder = package.manifest_path.parent().unwrap();
        let mut sources = String::new();
        for file in super::with_extension("rs") {
            let path = root().join(&file);
            let is_own = path.starts_with(folder)
                && !members().iter().any(|other| {
                    let inner = other.manifest_path.parent().unwrap();
                    inner != folder && inner.starts_with(folder) && path.starts_with(inner)
                });
            // The checks of the fuzz targets are run by the tests of the workspace, too.
            if is_own || (package.name == "andon-tests" && file.starts_with("fuzz/src")) {
                sources.push_str(&text(&file));
            }
        }
        for dependency in &package.dependencies {
            let name = dependency.rename.clone().unwrap_or_else(|| library_name(&dependency.name));
            let is_named = sources.match_indices(name.as_str()).any(|(at, _)| {
                let before = sources.get(..at).and_then(|text| text.chars().next_back());
                let after = sources.get(at + name.len()..).and_then(|text| text.chars().next());
                let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
                !is_part(before) && !is_part(after)
            });
            if !is_named {
                offenders.push(format!("`{}` names `{}`", package.name, dependency.name));
            }
        }
    }
    none(&offenders, "a dependency that nothing uses: every build of the crate waits for it");
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

/// The AWS clients that each function uses, and no others: an SDK crate takes minutes to build. `aws-config` brings STS.
const CLIENTS: [(&str, &[&str]); 4] = [
    ("andon-evaluate", &["dynamodb", "kinesis", "s3", "secretsmanager", "sqs", "sts"]),
    ("andon-publish", &["dynamodb", "eventbridge", "s3", "sqs", "sts"]),
    ("andon-tick", &["dynamodb", "kinesis", "s3", "secretsmanager", "sts"]),
    ("andon-enrich", &["kinesis", "s3", "sagemakerruntime", "secretsmanager", "sqs", "sts"]),
];

#[test]
fn a_function_is_built_with_the_aws_clients_that_it_uses() {
    for (function, clients) in CLIENTS {
        // Unlike the metadata of the workspace, the tree of one crate leaves out features that others enable.
        let tree = std::process::Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--locked", "-p", function, "-e", "normal", "--prefix", "none"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
        let tree = String::from_utf8(tree.stdout).unwrap();
        let found: BTreeSet<&str> =
            tree.lines().filter_map(|line| line.strip_prefix("aws-sdk-")?.split(' ').next()).collect();
        assert_eq!(found, clients.iter().copied().collect::<BTreeSet<_>>(), "{function}");
    }
}
