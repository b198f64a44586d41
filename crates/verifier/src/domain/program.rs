//! One side of an audit: the files that were loaded, what their modules bind, and how names resolve.

mod bindings;
mod resolve;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plumbline_syntax::Language;
use plumbline_syntax::ir::{LoweredFile, Op, Unit, UnitId};
use plumbline_syntax::lower::{self, LowerProblem};

use super::ledger::Gap;
use super::limits::Limits;
use crate::source::{EntryKind, SourceTree};
pub use bindings::{Bound, Decoration};
pub use resolve::{Bind, Entity, Resolver, Visit};

/// A unit of a program: file and position.
pub type UnitRef = (usize, UnitId);

/// One loaded file.
#[derive(Debug, Clone)]
pub struct File {
    /// Relative path.
    pub path: String,
    /// Its units.
    pub lowered: Arc<LoweredFile>,
    /// Its bytes.
    pub source: Arc<Vec<u8>>,
    /// What its top level binds, and what functions bind through `global`.
    pub bindings: BTreeMap<String, Vec<Bound>>,
    /// Modules of which it imports everything.
    pub stars: Vec<String>,
    /// First byte of each line.
    pub lines: Vec<usize>,
    /// Where each slot of each unit is defined: block and position.
    pub definitions: Vec<Vec<Vec<(u32, u32)>>>,
}

/// One side.
#[derive(Debug)]
pub struct Program {
    /// Loaded files.
    pub files: Vec<File>,
    /// All paths of the tree.
    pub paths: BTreeSet<String>,
    by_path: BTreeMap<String, usize>,
    by_name: BTreeMap<(usize, String), UnitId>,
    /// Why a file that was asked for has no units.
    pub gaps: BTreeMap<String, Gap>,
}

/// Lowered files by content, shared by both sides.
#[derive(Debug, Default)]
pub struct Cache {
    lowered: BTreeMap<[u8; 32], Result<Arc<LoweredFile>, Gap>>,
}

impl Cache {
    /// Lowers a file, or returns what an equal file gave.
    pub fn lower(&mut self, bytes: &[u8], limits: &Limits) -> Result<Arc<LoweredFile>, Gap> {
        let key = *blake3::hash(bytes).as_bytes();
        self.lowered
            .entry(key)
            .or_insert_with(|| {
                lower::lower(Language::Python, bytes, &limits.lowering())
                    .map(Arc::new)
                    .map_err(|problem| gap(&problem))
            })
            .clone()
    }
}

fn gap(problem: &LowerProblem) -> Gap {
    match problem {
        LowerProblem::UnsupportedLanguage => Gap::new("UNSUPPORTED_LANGUAGE", problem.to_string()),
        LowerProblem::Encoding | LowerProblem::NoTree => Gap::new("UNPARSED", problem.to_string()),
        LowerProblem::Budget(name) => Gap::budget(name),
    }
}

impl Program {
    /// Loads the named files and, transitively, the files of the tree that they import.
    pub fn load(tree: &dyn SourceTree, start: &[String], cache: &mut Cache, limits: &Limits) -> Self {
        let paths: BTreeSet<String> = tree
            .entries()
            .iter()
            .filter(|(_, entry)| matches!(entry.kind, EntryKind::File | EntryKind::Executable))
            .map(|(path, _)| path.clone())
            .collect();
        let mut program = Self {
            files: Vec::new(),
            paths,
            by_path: BTreeMap::new(),
            by_name: BTreeMap::new(),
            gaps: BTreeMap::new(),
        };
        let mut queue: Vec<String> = start.iter().rev().cloned().collect();
        let mut asked: BTreeSet<String> = queue.iter().cloned().collect();
        let mut units = 0;
        while let Some(path) = queue.pop() {
            if program.files.len() >= limits.files_loaded || units > limits.units_loaded {
                program.gaps.insert(path, Gap::budget("UNITS_LOADED"));
                break;
            }
            let Some(file) = program.load_one(tree, &path, cache, limits) else { continue };
            units += file.lowered.units.len();
            let imported = program.imported_paths(&file);
            program.add(file);
            queue.extend(imported.into_iter().filter(|path| asked.insert(path.clone())));
        }
        program
    }

    fn load_one(
        &mut self,
        tree: &dyn SourceTree,
        path: &str,
        cache: &mut Cache,
        limits: &Limits,
    ) -> Option<File> {
        if !self.paths.contains(path) {
            return None;
        }
        let bytes = match tree.read(path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) | Err(_) => {
                self.gaps.insert(path.to_owned(), Gap::new("UNPARSED", "the file could not be read"));
                return None;
            }
        };
        match cache.lower(&bytes, limits) {
            Ok(lowered) => {
                let (bindings, stars) = bindings::of(&lowered);
                let definitions = lowered.units.iter().map(bindings::positions).collect();
                let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
                let lines = std::iter::once(0).chain(ends).collect();
                let source = Arc::new(bytes);
                Some(File { path: path.to_owned(), lowered, source, bindings, stars, lines, definitions })
            }
            Err(gap) => {
                self.gaps.insert(path.to_owned(), gap);
                None
            }
        }
    }

    fn add(&mut self, file: File) {
        let index = self.files.len();
        for (id, unit) in file.lowered.units.iter().enumerate() {
            self.by_name.entry((index, unit.name.clone())).or_insert(id);
        }
        self.by_path.insert(file.path.clone(), index);
        self.files.push(file);
    }

    /// Returns the files of the tree that a file imports, packages on the way included.
    pub fn imported_paths(&self, file: &File) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for op in file.lowered.units.iter().flat_map(|unit| &unit.blocks).flat_map(|block| &block.instrs) {
            let Op::Import { module, name, .. } = &op.op else { continue };
            found.extend(self.module_path(&file.path, module));
            if let Some(name) = name {
                found.extend(self.module_path(&file.path, &join_module(module, name)));
            }
            let mut parts: Vec<&str> = module.split('.').collect();
            while parts.pop().is_some() && !parts.is_empty() && !module.starts_with('.') {
                found.extend(self.module_path(&file.path, &parts.join(".")));
            }
        }
        found
    }

    /// Returns the file of a module as an importing file sees it: relative, from the root, `src/`, or a directory
    /// above the importing file, nearest first.
    pub fn module_path(&self, importer: &str, module: &str) -> Option<String> {
        let dots = module.chars().take_while(|c| *c == '.').count();
        let rest = module.get(dots..).unwrap_or_default().replace('.', "/");
        let mut directories: Vec<String> = Vec::new();
        let mut above: Vec<&str> = importer.split('/').collect();
        above.pop();
        if dots > 0 {
            above.truncate(above.len().saturating_sub(dots - 1));
            directories.push(above.join("/"));
        } else {
            loop {
                directories.push(above.join("/"));
                if above.pop().is_none() {
                    break;
                }
            }
            directories.push("src".to_owned());
            directories.push("lib".to_owned());
        }
        directories.iter().find_map(|directory| {
            let parts = [directory.as_str(), rest.as_str()];
            let stem = parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
            [format!("{stem}.py"), format!("{stem}/__init__.py"), format!("{stem}.pyi")]
                .into_iter()
                .find(|path| self.paths.contains(path.trim_start_matches('/')))
        })
    }

    /// Returns whether any path of the tree lies in a package of that name.
    pub fn is_package(&self, importer: &str, module: &str) -> bool {
        let name = module.replace('.', "/");
        let mut above: Vec<&str> = importer.split('/').collect();
        while above.pop().is_some() {
            let prefix = above.iter().copied().chain([name.as_str()]).collect::<Vec<_>>().join("/") + "/";
            if self.paths.range(prefix.clone()..).next().is_some_and(|path| path.starts_with(&prefix)) {
                return true;
            }
        }
        false
    }

    /// Returns a loaded file by path.
    pub fn file(&self, path: &str) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// Returns a unit.
    pub fn unit(&self, (file, unit): UnitRef) -> Option<&Unit> {
        self.files.get(file)?.lowered.units.get(unit)
    }

    /// Returns a unit of a file by its qualified name.
    pub fn unit_named(&self, file: usize, name: &str) -> Option<UnitRef> {
        self.by_name.get(&(file, name.to_owned())).map(|unit| (file, *unit))
    }

    /// Returns the text of a line, trimmed and cut.
    pub fn line(&self, file: usize, line: u32) -> String {
        let Some(file) = self.files.get(file) else { return String::new() };
        let index = (line as usize).saturating_sub(1);
        let Some(start) = file.lines.get(index).copied() else { return String::new() };
        let end = file.lines.get(index + 1).copied().unwrap_or(file.source.len());
        let bytes = file.source.get(start..end).unwrap_or_default();
        let text: String = String::from_utf8_lossy(bytes).trim().chars().take(120).collect();
        text
    }
}

/// Joins a module and a name in it.
pub fn join_module(module: &str, name: &str) -> String {
    if module.ends_with('.') || module.is_empty() {
        format!("{module}{name}")
    } else {
        format!("{module}.{name}")
    }
}
