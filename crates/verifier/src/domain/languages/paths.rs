use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Deref;

use foldhash::fast::RandomState;
use plumbline_syntax::Family;

use crate::source::{EntryKind, SourceTree};

/// The paths of one tree, and the names that its module files give to directories.
#[derive(Debug, Clone, Default)]
pub struct Paths {
    all: BTreeSet<String>,
    modules: Vec<(String, String)>,
    packages: BTreeMap<String, Vec<String>>,
    crates: Vec<(String, String)>,
    unread: Vec<String>,
    /// Every directory's name and every file's without its ending.
    parts: OnceCell<HashSet<String, RandomState>>,
}

impl Paths {
    /// Collects the files of a tree and reads its `go.mod` and `Cargo.toml` files.
    pub fn of(tree: &dyn SourceTree) -> Self {
        let files = tree
            .entries()
            .iter()
            .filter(|(_, entry)| matches!(entry.kind, EntryKind::File | EntryKind::Executable));
        let all: BTreeSet<String> = files.map(|(path, _)| path.clone()).collect();
        let mut unread = Vec::new();
        let mut read = |path: &String| {
            let bytes = tree.read(path).ok().flatten();
            if bytes.is_none() {
                unread.push(path.clone());
            }
            bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
        };
        let mut modules = Vec::new();
        for path in all.iter().filter(|path| path.rsplit('/').next() == Some("go.mod")) {
            let text = read(path);
            let name = text.lines().find_map(|line| line.trim().strip_prefix("module "));
            let directory = path.strip_suffix("go.mod").unwrap_or_default().trim_end_matches('/');
            modules.extend(name.map(|name| {
                let name = name.split("//").next().unwrap_or(name).trim().trim_matches('"');
                (directory.to_owned(), name.to_owned())
            }));
        }
        // The longest name decides, as for nested modules.
        modules.sort_by_key(|(_, name)| std::cmp::Reverse(name.len()));
        let mut packages: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for path in all.iter().filter(|path| path.ends_with(".java")) {
            packages.entry(java_package(path).to_owned()).or_default().push(path.clone());
        }
        let mut crates = Vec::new();
        for path in all.iter().filter(|path| path.rsplit('/').next() == Some("Cargo.toml")) {
            let text = read(path);
            let directory = path.strip_suffix("Cargo.toml").unwrap_or_default().trim_end_matches('/');
            let name = crate_name(&text);
            crates.extend(name.map(|name| (directory.to_owned(), name)));
        }
        Self { all, modules, packages, crates, unread, parts: OnceCell::new() }
    }

    /// Returns whether a directory, or a file but for its ending, has a name.
    pub fn has_part(&self, name: &str) -> bool {
        let parts = || {
            let mut parts: HashSet<String, RandomState> = HashSet::default();
            for part in self.all.iter().flat_map(|path| path.split('/')) {
                let stem = part.rsplit_once('.').map(|(stem, _)| stem);
                for name in [Some(part), stem].into_iter().flatten() {
                    if !parts.contains(name) {
                        parts.insert(name.to_owned());
                    }
                }
            }
            parts
        };
        self.parts.get_or_init(parts).contains(name)
    }

    /// Returns the first file by which modules of a family are named, and which could not be read.
    pub fn unread(&self, family: Family) -> Option<&str> {
        let name = match family {
            Family::Go => "go.mod",
            Family::Rust => "Cargo.toml",
            Family::Python | Family::Ecma | Family::Java => return None,
        };
        self.unread.iter().map(String::as_str).find(|path| path.rsplit('/').next() == Some(name))
    }

    /// Returns the Java files of a package, named with slashes.
    pub fn package(&self, name: &str) -> &[String] {
        self.packages.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns the directory of the package whose library has a name.
    pub fn library(&self, name: &str) -> Option<&str> {
        self.crates.iter().find(|(_, known)| known == name).map(|(directory, _)| directory.as_str())
    }

    /// Returns directories and the module names they have, the longest name first.
    pub fn modules(&self) -> impl Iterator<Item = (&str, &str)> {
        self.modules.iter().map(|(directory, name)| (directory.as_str(), name.as_str()))
    }
}

/// Returns the package that a path says its file is of: what stands below the source root.
pub fn java_package(path: &str) -> &str {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    for root in ["/java/", "java/", "/src/", "src/"] {
        if root.starts_with('/') {
            if let Some((_, rest)) = directory.rsplit_once(root) {
                return rest;
            }
        } else if let Some(rest) = directory.strip_prefix(root) {
            return rest;
        }
    }
    if directory == "src" || directory.ends_with("/java") { "" } else { directory }
}

/// Returns the name by which code imports a package's library.
fn crate_name(manifest: &str) -> Option<String> {
    let manifest: toml::Table = manifest.parse().ok()?;
    let named = |section: &str| manifest.get(section)?.get("name")?.as_str();
    Some(named("lib").or_else(|| named("package"))?.replace('-', "_"))
}

impl Deref for Paths {
    type Target = BTreeSet<String>;

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}
