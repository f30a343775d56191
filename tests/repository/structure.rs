//! The structure of sources, read with a parser: lengths of functions, circles of modules, names of public types.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};

use super::{none, text, with_extension};

/// Longest function, in lines from its signature to its closing brace: a function fits on one screen.
const FUNCTION_LINES: usize = 70;

/// The crates that functions are built from: no name of a public type may stand for two things among them.
const SHARED: [&str; 7] = ["domain", "clock", "ingest", "engine", "workflows", "aws", "runtime"];

/// A parsed Rust file of the workspace.
struct Source {
    file: String,
    syntax: syn::File,
}

fn sources() -> Vec<Source> {
    let read = |file: String| {
        let syntax = syn::parse_file(&text(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        Source { file, syntax }
    };
    let sources: Vec<Source> = with_extension("rs").into_iter().map(read).collect();
    assert!(sources.len() > 200, "only {} sources were found", sources.len());
    sources
}

/// The line in which a span begins, from 1.
fn line(span: proc_macro2::Span) -> usize {
    span.start().line
}

#[test]
fn no_function_is_longer_than_a_screen() {
    struct Lengths<'f> {
        file: &'f str,
        offenders: Vec<String>,
    }
    impl Lengths<'_> {
        fn measure(&mut self, signature: &syn::Signature, block: &syn::Block) {
            let first = line(signature.fn_token.span);
            let lines = line(block.brace_token.span.close()) + 1 - first;
            if lines > FUNCTION_LINES {
                self.offenders.push(format!("{}:{first}: `{}` has {lines}", self.file, signature.ident));
            }
        }
    }
    impl<'ast> Visit<'ast> for Lengths<'_> {
        fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
            self.measure(&function.sig, &function.block);
            visit::visit_item_fn(self, function);
        }

        fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
            self.measure(&function.sig, &function.block);
            visit::visit_impl_item_fn(self, function);
        }
    }
    let sources = sources();
    let mut offenders = Vec::new();
    for source in &sources {
        let mut lengths = Lengths { file: &source.file, offenders: Vec::new() };
        lengths.visit_file(&source.syntax);
        offenders.append(&mut lengths.offenders);
    }
    none(&offenders, &format!("functions of more than {FUNCTION_LINES} lines"));
}

#[test]
fn no_two_public_types_of_the_shared_crates_have_one_name() {
    let sources = sources();
    let mut places: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for source in sources
        .iter()
        .filter(|source| SHARED.iter().any(|name| source.file.starts_with(&format!("shared/{name}/src/"))))
    {
        for item in &source.syntax.items {
            let (visibility, name) = match item {
                syn::Item::Struct(item) => (&item.vis, &item.ident),
                syn::Item::Enum(item) => (&item.vis, &item.ident),
                syn::Item::Union(item) => (&item.vis, &item.ident),
                syn::Item::Trait(item) => (&item.vis, &item.ident),
                syn::Item::Type(item) => (&item.vis, &item.ident),
                _ => continue,
            };
            if matches!(visibility, syn::Visibility::Public(_)) {
                places.entry(name.to_string()).or_default().push(&source.file);
            }
        }
    }
    assert!(places.len() > 100, "only {} public types were found", places.len());
    let offenders: Vec<String> = places
        .iter()
        .filter(|(_, files)| files.len() > 1)
        .map(|(name, files)| format!("`{name}`: {}", files.join(", ")))
        .collect();
    none(&offenders, "a name that stands for two things");
}

#[test]
fn modules_import_each_other_in_no_circle() {
    let sources = sources();
    let mut crates: BTreeMap<&str, Modules<'_>> = BTreeMap::new();
    for source in &sources {
        if let Some((root, module)) = module_of(&source.file) {
            crates.entry(root).or_default().files.insert(module, source);
        }
    }
    assert!(crates.len() > 20, "only {} crates were found", crates.len());
    let mut offenders = Vec::new();
    for (root, modules) in &crates {
        offenders.extend(modules.circles().into_iter().map(|circle| format!("{root}: {circle}")));
    }
    none(&offenders, "modules that import each other; only a parent and its child may");
}

/// The source folder of a file's crate, and the path of its module in the crate. `None` for tests and examples.
fn module_of(file: &str) -> Option<(&str, Vec<String>)> {
    let (root, path) = file.split_at(file.find("/src/")? + "/src/".len());
    let path = path.strip_suffix(".rs")?;
    let mut module: Vec<String> = path.split('/').map(str::to_owned).collect();
    if module.iter().any(|part| part == "tests" || part == "bin") {
        return None;
    }
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    Some((root, module))
}

/// The modules of a crate by their paths; the root is the empty path.
#[derive(Default)]
struct Modules<'s> {
    files: BTreeMap<Vec<String>, &'s Source>,
}

impl Modules<'_> {
    /// The circles, each as its modules in a line.
    fn circles(&self) -> Vec<String> {
        let arrows: BTreeMap<&Vec<String>, BTreeSet<&Vec<String>>> =
            self.files.keys().map(|module| (module, self.imports_of(module))).collect();
        let reach: BTreeMap<&Vec<String>, BTreeSet<&Vec<String>>> =
            arrows.keys().map(|from| (*from, reachable(from, &arrows))).collect();
        let mut circles = BTreeSet::new();
        for (from, reached) in &reach {
            let together: Vec<String> =
                reached.iter().filter(|to| reach[**to].contains(from)).map(|to| shown(to)).collect();
            if together.len() > 1 {
                circles.insert(together.join(" <-> "));
            }
        }
        circles.into_iter().collect()
    }

    /// The modules that a module names, but for its ancestors and descendants.
    fn imports_of(&self, module: &Vec<String>) -> BTreeSet<&Vec<String>> {
        let mut paths = Paths { own: module, found: Vec::new() };
        paths.visit_file(&self.files[module].syntax);
        let named = paths.found.iter().filter_map(|path| self.target(path, 0));
        named.filter(|other| !other.starts_with(module) && !module.starts_with(other)).collect()
    }

    /// The module that defines what a path names, through re-exports.
    fn target(&self, path: &[String], depth: usize) -> Option<&Vec<String>> {
        let length = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length]))?;
        let (module, source) = self.files.get_key_value(&path[..length])?;
        let Some(name) = path.get(length) else { return Some(module) };
        if depth < 8
            && let Some(mut exported) = re_exports(module, &source.syntax).remove(name)
        {
            exported.extend(path[length + 1..].iter().cloned());
            return self.target(&exported, depth + 1);
        }
        Some(module)
    }
}

fn shown(module: &[String]) -> String {
    if module.is_empty() { "the root".to_owned() } else { module.join("::") }
}

fn reachable<'m>(
    from: &'m Vec<String>,
    arrows: &BTreeMap<&'m Vec<String>, BTreeSet<&'m Vec<String>>>,
) -> BTreeSet<&'m Vec<String>> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        open.extend(arrows[module].iter().copied().filter(|next| reached.insert(*next)));
    }
    reached
}

/// The names that a module's `use` items bring in, each with its full path in the crate.
fn re_exports(module: &[String], syntax: &syn::File) -> BTreeMap<String, Vec<String>> {
    let mut names = BTreeMap::new();
    for item in &syntax.items {
        if let syn::Item::Use(item) = item
            && !matches!(item.vis, syn::Visibility::Inherited)
        {
            for path in leaves(&item.tree, Vec::new()) {
                if let (Some(full), Some(name)) = (absolute(module, &path, syntax), path.last()) {
                    names.insert(name.clone(), full);
                }
            }
        }
    }
    names
}

fn leaves(tree: &syn::UseTree, mut before: Vec<String>) -> Vec<Vec<String>> {
    match tree {
        syn::UseTree::Path(path) => {
            before.push(path.ident.to_string());
            leaves(&path.tree, before)
        }
        syn::UseTree::Name(name) if name.ident == "self" => vec![before],
        syn::UseTree::Name(name) => {
            before.push(name.ident.to_string());
            vec![before]
        }
        syn::UseTree::Rename(rename) => {
            before.push(rename.ident.to_string());
            vec![before]
        }
        syn::UseTree::Glob(_) => vec![before],
        syn::UseTree::Group(group) => {
            group.items.iter().flat_map(|tree| leaves(tree, before.clone())).collect()
        }
    }
}

/// A path as written in a module, from the root of its crate; `None` where it leads out of the crate.
fn absolute(module: &[String], path: &[String], syntax: &syn::File) -> Option<Vec<String>> {
    let mut base = module.to_vec();
    let mut rest = path.iter().peekable();
    let is_child = |name: &String| {
        syntax.items.iter().any(|item| matches!(item, syn::Item::Mod(item) if item.ident == *name))
    };
    match rest.peek()?.as_str() {
        "crate" => {
            base.clear();
            rest.next();
        }
        "self" => drop(rest.next()),
        "super" => {
            while rest.next_if(|part| *part == "super").is_some() {
                base.pop()?;
            }
        }
        _ if is_child(&path[0]) => {}
        _ => return None,
    }
    base.extend(rest.cloned());
    Some(base)
}

/// All paths of a module that lead into its own crate, outside of what is built for tests only.
struct Paths<'m> {
    own: &'m Vec<String>,
    found: Vec<Vec<String>>,
}

impl Paths<'_> {
    fn take(&mut self, path: &[String]) {
        let starts = path.first().is_some_and(|first| matches!(first.as_str(), "crate" | "super" | "self"));
        if starts
            && let Some(full) =
                absolute(self.own, path, &syn::File { shebang: None, attrs: Vec::new(), items: Vec::new() })
        {
            self.found.push(full);
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for path in leaves(&item.tree, Vec::new()) {
            self.take(&path);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.take(&segments);
        visit::visit_path(self, path);
    }

    /// A module in the file itself belongs to the file; those of tests may name what they like.
    fn visit_item_mod(&mut self, _: &'ast syn::ItemMod) {}
}

#[test]
fn a_circle_is_found_through_a_re_export() {
    let parse = |file: &str, text: &str| -> &'static Source {
        Box::leak(Box::new(Source { file: file.to_owned(), syntax: syn::parse_file(text).unwrap() }))
    };
    let module = |path: &str| path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let mut modules = Modules::default();
    for (path, text) in [
        ("", "mod a; mod b; mod c; pub use b::Shown;"),
        ("a", "use crate::Shown; fn f() { crate::c::g() }"),
        ("b", "pub struct Shown; fn f(a: crate::a::A) {}"),
        ("c", "pub fn g() {} #[cfg(test)] mod tests { use crate::a; }"),
    ] {
        modules.files.insert(module(path), parse(path, text));
    }
    assert_eq!(modules.circles(), ["a <-> b"]);
}
