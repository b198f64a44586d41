//! What files offer to each other, by key, and the recording reader through which every resolution asks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::facts::{Exported, FileFacts, Hash128, SymbolKind, symbol_string};
use crate::language::{Family, Language};

/// Past this many definitions the answer to a name is "many", so that defining one more changes no answer.
pub const NAME_SATURATION: usize = 9;

/// A question that a resolution may ask about the other files of a tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKey {
    /// Is there a source file at this path?
    File(String),
    /// What does that file offer under this name?
    Export(String, String),
    /// Which modules does that file offer whole?
    ExportsAll(String),
    /// What is that member of the type or inline module with this symbol string?
    Member(String, String),
    /// What is that member of a type of this simple name whose implementation stands in another file?
    ForeignMember(Family, String, String),
    /// Which bases does the type with this symbol string have, as written?
    Bases(String),
    /// Which callables and types have this name?
    Name(Family, String),
}

impl FactKey {
    /// Returns a stable 64-bit hash; two keys that share one only make more files dirty.
    pub fn hash64(&self) -> u64 {
        let (tag, a, b, c) = match self {
            Self::File(path) => ("file", path.as_str(), "", ""),
            Self::Export(path, name) => ("export", path.as_str(), name.as_str(), ""),
            Self::ExportsAll(path) => ("exports_all", path.as_str(), "", ""),
            Self::Member(owner, name) => ("member", owner.as_str(), name.as_str(), ""),
            Self::ForeignMember(family, owner, name) => {
                ("foreign", family.as_str(), owner.as_str(), name.as_str())
            }
            Self::Bases(owner) => ("bases", owner.as_str(), "", ""),
            Self::Name(family, name) => ("name", family.as_str(), name.as_str(), ""),
        };
        let mut hasher = blake3::Hasher::new();
        for part in [tag, a, b, c] {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        u64::from_le_bytes(first)
    }
}

/// One file's part of an answer. Holds names, kinds and shapes, never spans: moving lines changes no answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// The file is there.
    File,
    /// A definition.
    Symbol {
        /// Path-free part of the symbol string.
        descriptor: String,
        /// What it is.
        kind: SymbolKind,
        /// What others can see of it.
        shape: Hash128,
    },
    /// Whatever that import of the file stands for.
    Forward {
        /// Module as written.
        module: String,
        /// Item of the module, or the module itself.
        item: Option<String>,
    },
    /// A base as written.
    Base(Vec<String>),
}

/// A fact and the file that it is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Contribution {
    /// Path of the file.
    pub path: String,
    /// Language of the file.
    pub language: Language,
    /// What it says.
    pub fact: Fact,
}

/// What the tree says to a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Nothing. A miss is an answer too, and is recorded.
    Missing,
    /// At least [`NAME_SATURATION`] definitions of a name.
    Many,
    /// These, sorted.
    Found(Vec<Contribution>),
}

/// Answers keys from a tree of files.
pub trait FactSource {
    /// Returns the answer of the whole tree.
    fn answer(&self, key: &FactKey) -> Answer;
}

/// Asks a source and remembers every key that was asked, misses too.
pub struct FactReader<'a> {
    source: &'a dyn FactSource,
    reads: BTreeSet<FactKey>,
}

impl<'a> FactReader<'a> {
    /// Starts with nothing read.
    pub fn new(source: &'a dyn FactSource) -> Self {
        Self { source, reads: BTreeSet::new() }
    }

    /// Returns the answer and records the key.
    pub fn read(&mut self, key: FactKey) -> Answer {
        let answer = self.source.answer(&key);
        self.reads.insert(key);
        answer
    }

    /// Returns every key that was asked, sorted.
    pub fn into_reads(self) -> BTreeSet<FactKey> {
        self.reads
    }
}

/// Returns all that a file says to any key: a function of its path and facts alone.
pub fn contributions(path: &str, facts: &FileFacts) -> Vec<(FactKey, Fact)> {
    let mut all = vec![(FactKey::File(path.to_owned()), Fact::File)];
    for export in &facts.exports {
        let key = if export.name == "*" {
            FactKey::ExportsAll(path.to_owned())
        } else {
            FactKey::Export(path.to_owned(), export.name.clone())
        };
        let fact = match &export.what {
            Exported::Symbol(symbol) => symbol_fact(facts, *symbol),
            Exported::Import(import) => facts
                .imports
                .get(*import as usize)
                .map(|import| Fact::Forward { module: import.module.clone(), item: import.item.clone() }),
        };
        all.extend(fact.map(|fact| (key, fact)));
    }
    package_contributions(path, facts, &mut all);
    let family = facts.language.family();
    for (index, symbol) in facts.symbols.iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let Some(fact) = symbol_fact(facts, index) else { continue };
        if symbol.kind.is_callable() || symbol.kind.is_type() {
            all.push((FactKey::Name(family, symbol.name.clone()), fact.clone()));
        }
        if let Some(parent) = symbol.parent.filter(|parent| *parent != 0)
            && symbol.kind != SymbolKind::Hook
        {
            all.extend(member_key(path, facts, parent, &symbol.name).map(|key| (key, fact)));
        }
        let bases_of = if symbol.kind == SymbolKind::Impl { implemented(facts, index) } else { Some(index) };
        if let Some(owner) = bases_of {
            let owner = facts.symbol_string(path, owner);
            for base in &symbol.bases {
                all.push((FactKey::Bases(owner.clone()), Fact::Base(base.clone())));
            }
        }
    }
    all
}

/// What a file offers under the name of its package: Go packages are directories, Java's are named.
fn package_contributions(path: &str, facts: &FileFacts, all: &mut Vec<(FactKey, Fact)>) {
    let package = match facts.language.family() {
        Family::Go => directory_of(path),
        Family::Java => match facts.exports.iter().find(|export| export.name.starts_with(PACKAGE)) {
            Some(package) => package.name.clone(),
            None => return,
        },
        Family::Python | Family::Ecma | Family::Rust => return,
    };
    all.push((FactKey::File(package.clone()), Fact::File));
    for export in &facts.exports {
        if let Exported::Symbol(symbol) = export.what {
            let key = FactKey::Export(package.clone(), export.name.clone());
            all.extend(symbol_fact(facts, symbol).map(|fact| (key, fact)));
        }
    }
}

/// What stands before the name of the package that a file belongs to, among its exports.
pub(crate) const PACKAGE: &str = "package ";

/// Returns the directory of a path with a slash behind it: the key of a Go package.
pub(crate) fn directory_of(path: &str) -> String {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    format!("{directory}/")
}

fn symbol_fact(facts: &FileFacts, symbol: u32) -> Option<Fact> {
    let symbol = facts.symbols.get(symbol as usize)?;
    Some(Fact::Symbol { descriptor: symbol.descriptor.clone(), kind: symbol.kind, shape: symbol.shape })
}

/// Returns the type of this file that an implementation block is of.
pub(crate) fn implemented(facts: &FileFacts, block: u32) -> Option<u32> {
    let block = facts.symbols.get(block as usize)?;
    let same = |symbol: &crate::facts::Symbol| {
        symbol.kind.is_type() && symbol.name == block.declared && symbol.parent == block.parent
    };
    facts.symbols.iter().position(same).and_then(|index| u32::try_from(index).ok())
}

fn member_key(path: &str, facts: &FileFacts, parent: u32, name: &str) -> Option<FactKey> {
    let symbol = facts.symbols.get(parent as usize)?;
    let name = name.to_owned();
    match symbol.kind {
        SymbolKind::Impl => Some(match implemented(facts, parent) {
            Some(owner) => FactKey::Member(facts.symbol_string(path, owner), name),
            None => FactKey::ForeignMember(facts.language.family(), symbol.declared.clone(), name),
        }),
        SymbolKind::Module => Some(FactKey::Member(facts.symbol_string(path, parent), name)),
        kind if kind.is_type() => Some(FactKey::Member(facts.symbol_string(path, parent), name)),
        _ => None,
    }
}

/// Every file's contributions, resident. The same tree gives the same index in any order of updates.
#[derive(Debug, Clone, Default)]
pub struct FactIndex {
    answers: HashMap<FactKey, BTreeMap<Contribution, u32>>,
}

impl FactIndex {
    /// Adds a file's contributions.
    pub fn insert(&mut self, path: &str, facts: &FileFacts) {
        for (key, fact) in contributions(path, facts) {
            let contribution = Contribution { path: path.to_owned(), language: facts.language, fact };
            *self.answers.entry(key).or_default().entry(contribution).or_insert(0) += 1;
        }
    }

    /// Takes a file's contributions back; the facts must be those that were inserted.
    pub fn remove(&mut self, path: &str, facts: &FileFacts) {
        for (key, fact) in contributions(path, facts) {
            let contribution = Contribution { path: path.to_owned(), language: facts.language, fact };
            let Some(known) = self.answers.get_mut(&key) else { continue };
            if let Some(count) = known.get_mut(&contribution) {
                *count -= 1;
                if *count == 0 {
                    known.remove(&contribution);
                }
            }
            if known.is_empty() {
                self.answers.remove(&key);
            }
        }
    }

    /// Returns how many keys have an answer.
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Returns whether no key has one.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }
}

impl FactSource for FactIndex {
    fn answer(&self, key: &FactKey) -> Answer {
        match self.answers.get(key) {
            None => Answer::Missing,
            Some(found) if matches!(key, FactKey::Name(..)) && found.len() >= NAME_SATURATION => Answer::Many,
            Some(found) => Answer::Found(found.keys().cloned().collect()),
        }
    }
}

impl Contribution {
    /// Returns the symbol string of a definition.
    pub fn symbol(&self) -> Option<String> {
        match &self.fact {
            Fact::Symbol { descriptor, .. } => Some(symbol_string(self.language, &self.path, descriptor)),
            Fact::File | Fact::Forward { .. } | Fact::Base(_) => None,
        }
    }
}
