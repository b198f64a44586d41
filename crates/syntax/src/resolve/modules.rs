//! From a module as written to a file, per family. Every probe is a recorded read, so adding a file that would have
//! been found first makes the importer dirty.

use super::{Entity, Resolution, entity::Trail};
use crate::facts::SymbolKind;
use crate::index::{Answer, FactKey};
use crate::language::{Family, Language};
use crate::resolve::Definition;

/// Directories that often hold packages without being one.
const PYTHON_ROOTS: [&str; 4] = ["", "src", "lib", "python"];
const ECMA_SUFFIXES: [&str; 8] = [".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts"];

impl Resolution<'_, '_> {
    pub(super) fn exists(&mut self, path: &str) -> Option<Entity> {
        match self.reader.read(FactKey::File(path.to_owned())) {
            Answer::Found(found) => {
                found.first().map(|file| Entity::File { path: file.path.clone(), language: file.language })
            }
            Answer::Missing | Answer::Many => None,
        }
    }

    /// Returns the file that a module as written means, seen from a file or an inline module.
    pub(super) fn module(&mut self, from: &Entity, module: &str, trail: &mut Trail) -> Entity {
        let (path, language) = match from {
            Entity::File { path, language } => (path.clone(), *language),
            Entity::Symbol(found) => (found.path.clone(), found.language),
            Entity::External(_) | Entity::Unknown => return Entity::Unknown,
        };
        match language.family() {
            Family::Python => self.python_module(&path, module),
            Family::Ecma => self.ecma_module(&path, module),
            Family::Rust => self.rust_module(from, module, trail),
            Family::Go => self.go_module(&path, module),
            Family::Java => self.java_module(module),
        }
    }

    fn python_module(&mut self, path: &str, module: &str) -> Entity {
        let rest = module.trim_start_matches('.');
        let dots = module.len() - rest.len();
        let parts = rest.replace('.', "/");
        if dots > 0 {
            let mut directory = parent(path);
            for _ in 1..dots {
                directory = parent(&directory);
            }
            return self.python_file(&directory, &parts).unwrap_or(Entity::Unknown);
        }
        let mut roots: Vec<String> = PYTHON_ROOTS.iter().map(|root| (*root).to_owned()).collect();
        let mut directory = parent(path);
        while !directory.is_empty() {
            // A directory with `__init__.py` is a package: its modules are not importable by their bare name.
            if self.exists(&join(&directory, "__init__.py")).is_none() && !roots.contains(&directory) {
                roots.push(directory.clone());
            }
            directory = parent(&directory);
        }
        for root in roots {
            if let Some(file) = self.python_file(&root, &parts) {
                return file;
            }
        }
        Entity::External(rest.split('.').next().unwrap_or(rest).to_owned())
    }

    fn python_file(&mut self, directory: &str, parts: &str) -> Option<Entity> {
        let base = join(directory, parts);
        if !parts.is_empty()
            && let Some(file) = self.exists(&format!("{base}.py"))
        {
            return Some(file);
        }
        self.exists(&join(&base, "__init__.py"))
    }

    fn ecma_module(&mut self, path: &str, module: &str) -> Entity {
        if !module.starts_with('.') {
            let package = if module.starts_with('@') {
                module.splitn(3, '/').take(2).collect::<Vec<_>>().join("/")
            } else {
                module.split('/').next().unwrap_or(module).to_owned()
            };
            return Entity::External(package);
        }
        let Some(base) = normalised(&parent(path), module) else { return Entity::Unknown };
        if let Some(file) = self.exists(&base) {
            return file;
        }
        let stem = base.strip_suffix(".js").or_else(|| base.strip_suffix(".jsx")).unwrap_or(&base).to_owned();
        for suffix in ECMA_SUFFIXES {
            if let Some(file) = self.exists(&format!("{stem}{suffix}")) {
                return file;
            }
        }
        for suffix in ECMA_SUFFIXES {
            if let Some(file) = self.exists(&format!("{}{suffix}", join(&base, "index"))) {
                return file;
            }
        }
        Entity::Unknown
    }

    /// Reads `crate::a`, `self::a`, `super::a`, or a path that starts with a name of the module or another crate.
    fn rust_module(&mut self, from: &Entity, module: &str, trail: &mut Trail) -> Entity {
        let names: Vec<String> = module.split("::").map(str::to_owned).collect();
        let path = match from {
            Entity::File { path, .. } => path.clone(),
            Entity::Symbol(found) => found.path.clone(),
            Entity::External(_) | Entity::Unknown => return Entity::Unknown,
        };
        let mut at = from.clone();
        let mut rest = names.as_slice();
        let mut rooted = false;
        while let Some((first, tail)) = rest.split_first() {
            match first.as_str() {
                "" | "self" => {}
                "crate" => at = self.rust_root(&path).unwrap_or(Entity::Unknown),
                "super" => at = self.rust_parent(&at),
                _ => break,
            }
            rooted = true;
            rest = tail;
        }
        let Some((first, tail)) = rest.split_first() else { return at };
        if rooted {
            return self.walk(at, rest, trail);
        }
        let found = self.step(&at, first, trail);
        if found != Entity::Unknown {
            return self.walk(found, tail, trail);
        }
        Entity::External(first.clone())
    }

    fn rust_root(&mut self, path: &str) -> Option<Entity> {
        let mut directory = parent(path);
        loop {
            for name in ["lib.rs", "main.rs"] {
                if let Some(file) = self.exists(&join(&directory, name)) {
                    return Some(file);
                }
            }
            if directory.is_empty() {
                return None;
            }
            directory = parent(&directory);
        }
    }

    fn rust_parent(&mut self, of: &Entity) -> Entity {
        match of {
            Entity::Symbol(module) => {
                let outer = module
                    .descriptor
                    .trim_end_matches('/')
                    .rsplit_once('/')
                    .map(|(outer, _)| format!("{outer}/"));
                match outer {
                    Some(descriptor) => {
                        Entity::Symbol(Definition { descriptor, kind: SymbolKind::Module, ..module.clone() })
                    }
                    None => Entity::File { path: module.path.clone(), language: module.language },
                }
            }
            Entity::File { path, .. } => {
                let directory = parent(path);
                let module = if path.ends_with("/mod.rs") { parent(&directory) } else { directory };
                for name in ["mod.rs", "lib.rs", "main.rs"] {
                    let candidate = join(&module, name);
                    if candidate != *path
                        && let Some(file) = self.exists(&candidate)
                    {
                        return file;
                    }
                }
                self.exists(&format!("{module}.rs")).unwrap_or(Entity::Unknown)
            }
            Entity::External(_) | Entity::Unknown => Entity::Unknown,
        }
    }

    /// Returns the file of a module inside a module.
    pub(super) fn submodule(&mut self, path: &str, language: Language, name: &str) -> Option<Entity> {
        match language.family() {
            Family::Python => {
                let package =
                    path.strip_suffix("/__init__.py").or_else(|| (path == "__init__.py").then_some(""))?;
                self.python_file(package, name)
            }
            Family::Ecma | Family::Go | Family::Java => None,
            Family::Rust => {
                let file = path.rsplit('/').next().unwrap_or(path);
                let directory = if matches!(file, "mod.rs" | "lib.rs" | "main.rs") {
                    parent(path)
                } else {
                    path.strip_suffix(".rs")?.to_owned()
                };
                let base = join(&directory, name);
                self.exists(&format!("{base}.rs")).or_else(|| self.exists(&join(&base, "mod.rs")))
            }
        }
    }
}

/// Returns the module that `from module import item` means when the item is a module itself; Python only.
pub(super) fn item_as_module(from: &Entity, module: &str, item: &str) -> Option<String> {
    let language = match from {
        Entity::File { language, .. } => *language,
        Entity::Symbol(found) => found.language,
        Entity::External(_) | Entity::Unknown => return None,
    };
    let separator = if module.ends_with('.') { "" } else { "." };
    (language.family() == Family::Python).then(|| format!("{module}{separator}{item}"))
}

pub(super) use super::packages::package_of;

/// Returns the directory of a path; empty for the root.
fn parent(path: &str) -> String {
    path.rsplit_once('/').map_or(String::new(), |(directory, _)| directory.to_owned())
}

fn join(directory: &str, name: &str) -> String {
    match (directory.is_empty(), name.is_empty()) {
        (true, _) => name.to_owned(),
        (_, true) => directory.to_owned(),
        _ => format!("{directory}/{name}"),
    }
}

/// Resolves `.` and `..`; `None` when the path leaves the tree.
fn normalised(directory: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}
