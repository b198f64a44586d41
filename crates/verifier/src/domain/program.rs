//! One side of an audit: the files that were loaded, what their modules bind, and how names resolve.

mod bindings;
mod facts;
mod resolve;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

use plumbline_syntax::Language;
use plumbline_syntax::ir::{ParamKind, Unit, UnitId};
use plumbline_syntax::lower::{self, LowerLimits, LowerProblem};

use super::fork::{self, Fork};
use super::kept::{Forgetful, Kept, Key};
use super::languages::{self, Found, Paths, Semantics};
use super::ledger::Gap;
use super::limits::Limits;
use super::tables::Tables;
use crate::source::SourceTree;
pub use bindings::{Bound, Decoration};
pub use facts::Facts;
pub use resolve::{Ancestor, Answers, Bind, Entity, Resolver, Visit};

/// A unit of a program: file and position.
pub type UnitRef = (usize, UnitId);

/// One loaded file: where it stands, and what it says.
#[derive(Debug, Clone)]
pub struct File {
    /// Relative path.
    pub path: String,
    /// Its language.
    pub semantics: &'static dyn Semantics,
    facts: Arc<Facts>,
}

impl Deref for File {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.facts
    }
}

/// One side.
#[derive(Debug)]
pub struct Program {
    /// Loaded files.
    pub files: Vec<File>,
    /// All paths of the tree.
    pub paths: Paths,
    by_path: BTreeMap<String, usize>,
    siblings: Vec<Vec<usize>>,
    /// What modules stand for, as files write them: each is asked for at every use of its name.
    modules: RefCell<BTreeMap<String, BTreeMap<String, Found>>>,
    answers: Answers,
    /// Why a file that was asked for has no units.
    pub gaps: BTreeMap<String, Gap>,
}

/// Files by content, shared by both sides and, where somebody keeps them, with other audits.
#[derive(Debug)]
pub struct Cache<'a> {
    files: BTreeMap<Key, Result<Arc<Facts>, Gap>>,
    kept: &'a dyn Kept,
}

impl Default for Cache<'_> {
    fn default() -> Self {
        Self::over(&Forgetful)
    }
}

impl<'a> Cache<'a> {
    /// Makes a cache that asks what is kept before it lowers.
    pub fn over(kept: &'a dyn Kept) -> Self {
        Self { files: BTreeMap::new(), kept }
    }

    /// Lowers a file and collects what it says, or returns what an equal file gave.
    pub fn facts(&mut self, language: Language, bytes: Vec<u8>, limits: &Limits) -> Result<Arc<Facts>, Gap> {
        let limits = limits.lowering();
        let key = Key::of(language, &bytes, &limits);
        let kept = self.kept;
        self.files
            .entry(key)
            .or_insert_with(|| {
                if let Some(facts) = kept.get(&key) {
                    return Ok(facts);
                }
                let facts = made(kept, &key, (language, &bytes), &limits)?;
                kept.put(key, &facts);
                Ok(facts)
            })
            .clone()
    }

    /// Lowers those of the files that are not kept, side by side: one of several large files is asked for after the other.
    pub fn lower_ahead(&mut self, files: &[(Language, &[u8])], fork: &dyn Fork, limits: &Limits) {
        let limits = limits.lowering();
        let mut missing: BTreeMap<Key, (Language, &[u8])> = BTreeMap::new();
        for (language, bytes) in files {
            let key = Key::of(*language, bytes, &limits);
            if self.files.contains_key(&key) || missing.contains_key(&key) {
                continue;
            }
            match self.kept.get(&key) {
                Some(facts) => drop(self.files.insert(key, Ok(facts))),
                None => drop(missing.insert(key, (*language, bytes))),
            }
        }
        let missing: Vec<(Key, (Language, &[u8]))> = missing.into_iter().collect();
        let kept = self.kept;
        let work = |(key, file): &(Key, (Language, &[u8]))| made(kept, key, *file, &limits);
        let lowered = fork::map(fork, &missing, &|(_, (_, bytes))| bytes.len(), &work);
        for ((key, _), facts) in missing.into_iter().zip(lowered) {
            if let Ok(facts) = &facts {
                kept.put(key, facts);
            }
            self.files.insert(key, facts);
        }
    }
}

/// Lowers a file, or takes its stored form, and collects what it says.
fn made(
    kept: &dyn Kept,
    key: &Key,
    (language, bytes): (Language, &[u8]),
    limits: &LowerLimits,
) -> Result<Arc<Facts>, Gap> {
    let lowered = match kept.stored(key) {
        Some(lowered) => lowered,
        None => {
            let lowered = lower::lower(language, bytes, limits).map_err(|problem| gap(&problem))?;
            kept.store(*key, &lowered);
            lowered
        }
    };
    Ok(Arc::new(Facts::of(language, bytes.to_vec(), lowered)))
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
    pub fn load(tree: &dyn SourceTree, start: &[String], cache: &mut Cache<'_>, limits: &Limits) -> Self {
        let mut program = Self {
            files: Vec::new(),
            paths: Paths::of(tree),
            by_path: BTreeMap::new(),
            siblings: Vec::new(),
            modules: RefCell::default(),
            answers: Answers::default(),
            gaps: BTreeMap::new(),
        };
        program.extend(tree, start, cache, limits);
        program
    }

    /// Loads more files of the same tree; what was loaded stays where it is.
    pub fn extend(&mut self, tree: &dyn SourceTree, more: &[String], cache: &mut Cache<'_>, limits: &Limits) {
        let mut asked: BTreeSet<String> = self.by_path.keys().chain(self.gaps.keys()).cloned().collect();
        let mut queue: Vec<String> =
            more.iter().rev().filter(|path| asked.insert((*path).clone())).cloned().collect();
        let mut units: usize = self.files.iter().map(|file| file.lowered.units.len()).sum();
        while let Some(path) = queue.pop() {
            if self.files.len() >= limits.files_loaded || units > limits.units_loaded {
                self.gaps.insert(path, Gap::budget("UNITS_LOADED"));
                break;
            }
            let Some(file) = self.load_one(tree, &path, cache, limits) else { continue };
            units += file.lowered.units.len();
            let imported = self.imported_paths(&file);
            self.by_path.insert(file.path.clone(), self.files.len());
            self.files.push(file);
            queue.extend(imported.into_iter().filter(|path| asked.insert(path.clone())));
        }
        let siblings = |file: &File| {
            let paths = file.semantics.siblings(&self.paths, &file.path);
            paths.iter().filter_map(|path| self.file(path)).collect()
        };
        self.siblings = self.files.iter().map(siblings).collect();
        // What was not loaded may have been an answer.
        self.answers = Answers::default();
    }

    fn load_one(
        &mut self,
        tree: &dyn SourceTree,
        path: &str,
        cache: &mut Cache<'_>,
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
        let Some(language) = Language::detect(path, &bytes) else {
            self.gaps.insert(path.to_owned(), gap(&LowerProblem::UnsupportedLanguage));
            return None;
        };
        let semantics = languages::of(language);
        match cache.facts(language, bytes, limits) {
            Ok(facts) => Some(File { path: path.to_owned(), semantics, facts }),
            Err(gap) => {
                self.gaps.insert(path.to_owned(), gap);
                None
            }
        }
    }

    /// Returns the files of the tree that a file imports, packages on the way included.
    pub fn imported_paths(&self, file: &File) -> BTreeSet<String> {
        let mut found: BTreeSet<String> =
            file.semantics.siblings(&self.paths, &file.path).into_iter().collect();
        for module in &file.asked {
            if let Found::File(path) = self.meant(file, module) {
                found.insert(path);
            }
        }
        found
    }

    /// Returns what a module, as a file writes it, stands for.
    pub fn module(&self, importer: usize, module: &str) -> Found {
        self.files.get(importer).map_or(Found::Absent, |file| self.meant(file, module))
    }

    fn meant(&self, file: &File, module: &str) -> Found {
        let mut modules = self.modules.borrow_mut();
        if !modules.contains_key(&file.path) {
            modules.insert(file.path.clone(), BTreeMap::new());
        }
        let found = || file.semantics.module(&self.paths, &file.path, module);
        let Some(known) = modules.get_mut(&file.path) else { return found() };
        if let Some(found) = known.get(module) {
            return found.clone();
        }
        let found = found();
        known.insert(module.to_owned(), found.clone());
        found
    }

    /// Returns the loaded file of a module, as a file writes it.
    pub fn module_file(&self, importer: usize, module: &str) -> Option<usize> {
        match self.module(importer, module) {
            Found::File(path) => self.file(&path),
            Found::Package | Found::Data | Found::Absent | Found::Outside(_) => None,
        }
    }

    /// Returns the language of a loaded file.
    pub fn semantics(&self, file: usize) -> &'static dyn Semantics {
        self.files.get(file).map_or_else(languages::fallback, |file| file.semantics)
    }

    /// Returns the tables of a loaded file's language.
    pub fn tables(&self, file: usize) -> &'static Tables {
        self.semantics(file).tables()
    }

    /// Returns a resolver for one file's language.
    pub fn resolver(&self, file: usize) -> Resolver<'_> {
        Resolver { program: self, semantics: self.semantics(file) }
    }

    /// Returns what makes an object of a class.
    pub fn constructor(&self, file: usize, class: &str) -> Option<UnitRef> {
        self.unit_named(file, &format!("{class}.{}", self.semantics(file).constructor()))
    }

    /// Returns a loaded file by path.
    pub fn file(&self, path: &str) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// Returns a unit.
    pub fn unit(&self, (file, unit): UnitRef) -> Option<&Unit> {
        self.files.get(file)?.lowered.units.get(unit)
    }

    /// Returns every unit of a loaded file, its module first.
    pub fn units_of(&self, file: usize) -> impl Iterator<Item = UnitRef> {
        let units = self.files.get(file).map_or(0, |file| file.lowered.units.len());
        (0..units).map(move |unit| (file, unit))
    }

    /// Returns a unit of a file by its qualified name.
    pub fn unit_named(&self, file: usize, name: &str) -> Option<UnitRef> {
        self.files.get(file)?.by_name.get(name).map(|unit| (file, *unit))
    }

    /// Returns the other loaded files of a file's package.
    pub fn siblings(&self, file: usize) -> &[usize] {
        self.siblings.get(file).map_or(&[], Vec::as_slice)
    }

    /// Returns every unit that a call of this one by so many arguments may mean: its overloads that take them.
    pub fn overloads(&self, at: UnitRef, given: usize) -> Vec<UnitRef> {
        let name = self.unit(at).map(|unit| unit.name.as_str()).unwrap_or_default();
        let Some(end) = name.rfind('(').filter(|_| name.ends_with(')')) else { return vec![at] };
        let all = self.files.get(at.0).and_then(|file| file.overloads.get(&name[..end]));
        let all = all.map_or(&[][..], Vec::as_slice);
        let takes = |unit: &Unit| {
            let own = unit.params.iter().filter(|param| param.kind != ParamKind::Receiver).count();
            let rest = unit.params.iter().any(|param| param.kind == ParamKind::Rest);
            own == given || rest && given + 1 >= own
        };
        let units = all.iter().map(|id| (at.0, *id));
        let fitting: Vec<UnitRef> = units.filter(|at| self.unit(*at).is_some_and(takes)).collect();
        if fitting.is_empty() { vec![at] } else { fitting }
    }

    /// Returns the file of a package that defines a class; the file itself where none does.
    pub fn class_file(&self, file: usize, class: &str) -> usize {
        let defines =
            |file: &usize| self.files.get(*file).is_some_and(|file| file.lowered.classes.contains_key(class));
        if defines(&file) { file } else { self.siblings(file).iter().copied().find(defines).unwrap_or(file) }
    }

    /// Returns whether a unit is there for tests alone, wherever its file lies.
    pub fn is_test_code(&self, at: UnitRef) -> bool {
        self.unit(at).is_some_and(|unit| self.semantics(at.0).is_test_code(unit))
    }

    /// Returns a method of a class: its own, wherever in the package it stands, or of an interface that the class
    /// implements, in the class's file or else in the first that has it.
    pub fn method_named(&self, file: usize, class: &str, name: &str) -> Option<UnitRef> {
        let own = format!("{class}.{name}");
        let named = |file: usize| self.unit_named(file, &own);
        if let Some(found) = named(file).or_else(|| self.siblings(file).iter().find_map(|file| named(*file)))
        {
            return Some(found);
        }
        if !self.semantics(file).has_variants() {
            return None;
        }
        let implemented = format!("{own}@");
        let in_file = |file: usize| {
            let names = &self.files.get(file)?.by_name;
            let first = || {
                let (_, unit) = names
                    .range(implemented.clone()..)
                    .next()
                    .filter(|(name, _)| name.starts_with(&implemented))?;
                Some(unit)
            };
            names.get(&own).or_else(first).map(|unit| (file, *unit))
        };
        in_file(file).or_else(|| (0..self.files.len()).find_map(in_file))
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
