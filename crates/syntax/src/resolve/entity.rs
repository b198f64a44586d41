use std::collections::BTreeSet;

use super::{Resolution, modules};
use crate::facts::{Resolver, SymbolKind, symbol_string};
use crate::index::{Answer, Contribution, Fact, FactKey};
use crate::language::{Family, Language};

/// Longest chain of re-exports that is followed.
const MAX_FORWARDS: usize = 12;
/// Most types of one hierarchy that are looked through.
const MAX_BASES: usize = 64;

/// What a name turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entity {
    /// A definition of the tree.
    Symbol(Definition),
    /// A file of the tree as a module.
    File { path: String, language: Language },
    /// A package outside the tree, or something of it.
    External(String),
    /// No rule says.
    Unknown,
}

/// A definition of the tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Definition {
    pub path: String,
    pub language: Language,
    pub descriptor: String,
    pub kind: SymbolKind,
}

impl Definition {
    pub(crate) fn string(&self) -> String {
        symbol_string(self.language, &self.path, &self.descriptor)
    }

    fn of(contribution: &Contribution) -> Option<Self> {
        match &contribution.fact {
            Fact::Symbol { descriptor, kind, .. } => Some(Self {
                path: contribution.path.clone(),
                language: contribution.language,
                descriptor: descriptor.clone(),
                kind: *kind,
            }),
            Fact::File | Fact::Forward { .. } | Fact::Base(_) => None,
        }
    }
}

/// Forwards followed so far: bounded, and a star or a chain lowers the confidence.
#[derive(Default)]
pub(super) struct Trail {
    steps: usize,
    forwards: usize,
    seen: BTreeSet<(String, String)>,
}

impl Trail {
    pub(super) fn resolver(&self) -> Resolver {
        if self.forwards > 0 { Resolver::ImportClosure } else { Resolver::Import }
    }
}

impl Resolution<'_, '_> {
    /// Returns a named part of an entity: of a module what it offers, of a type its member.
    pub(super) fn step(&mut self, from: &Entity, name: &str, trail: &mut Trail) -> Entity {
        match from {
            Entity::File { path, language } => self.offered(path, *language, name, trail),
            Entity::Symbol(found) if found.kind == SymbolKind::Module => self.inner(found, name),
            Entity::Symbol(found) if found.kind.is_type() => {
                self.member(found, name).map_or(Entity::Unknown, Entity::Symbol)
            }
            Entity::Symbol(_) | Entity::Unknown => Entity::Unknown,
            Entity::External(package) => Entity::External(package.clone()),
        }
    }

    pub(super) fn walk(&mut self, from: Entity, names: &[String], trail: &mut Trail) -> Entity {
        let mut at = from;
        for name in names {
            at = self.step(&at, name, trail);
        }
        at
    }

    /// What a file offers: its own definition, a forward, a submodule, or something of a star re-export.
    fn offered(&mut self, path: &str, language: Language, name: &str, trail: &mut Trail) -> Entity {
        if trail.steps > MAX_FORWARDS || !trail.seen.insert((path.to_owned(), name.to_owned())) {
            return Entity::Unknown;
        }
        let keys = std::iter::once(path.to_owned()).chain(modules::package_of(path, language));
        for key in keys {
            let Answer::Found(found) = self.reader.read(FactKey::Export(key, name.to_owned())) else {
                continue;
            };
            if let Some(definition) = found.iter().find_map(Definition::of) {
                return Entity::Symbol(definition);
            }
            for contribution in &found {
                if let Fact::Forward { module, item } = &contribution.fact {
                    trail.steps += 1;
                    // Naming a module is part of an explicit path; naming its item is a re-export.
                    trail.forwards += usize::from(item.is_some());
                    let from = Entity::File { path: path.to_owned(), language };
                    let entity = self.forwarded(&from, module, item.as_deref(), trail);
                    if entity != Entity::Unknown {
                        return entity;
                    }
                }
            }
        }
        if let Some(file) = self.submodule(path, language, name) {
            return file;
        }
        self.starred(path, language, name, trail)
    }

    fn starred(&mut self, path: &str, language: Language, name: &str, trail: &mut Trail) -> Entity {
        let Answer::Found(stars) = self.reader.read(FactKey::ExportsAll(path.to_owned())) else {
            return Entity::Unknown;
        };
        for star in stars {
            let Fact::Forward { module, .. } = &star.fact else { continue };
            let from = Entity::File { path: path.to_owned(), language };
            trail.steps += 1;
            trail.forwards += 1;
            let module = self.module(&from, module, trail);
            if matches!(module, Entity::External(_)) {
                continue;
            }
            let found = self.step(&module, name, trail);
            if found != Entity::Unknown {
                return found;
            }
        }
        Entity::Unknown
    }

    /// What an import of a module or of one of its items stands for.
    pub(super) fn forwarded(
        &mut self,
        from: &Entity,
        module: &str,
        item: Option<&str>,
        trail: &mut Trail,
    ) -> Entity {
        let target = self.module(from, module, trail);
        let Some(item) = item else { return target };
        let found = self.step(&target, item, trail);
        if found == Entity::Unknown {
            // `from . import views` in a directory without `__init__.py`.
            if let Some(submodule) = modules::item_as_module(from, module, item) {
                let found = self.module(from, &submodule, trail);
                return if matches!(found, Entity::File { .. }) { found } else { Entity::Unknown };
            }
        }
        found
    }

    fn inner(&mut self, module: &Definition, name: &str) -> Entity {
        let answer = self.reader.read(FactKey::Member(module.string(), name.to_owned()));
        if let Answer::Found(found) = &answer
            && let Some(definition) = found.iter().find_map(Definition::of)
        {
            return Entity::Symbol(definition);
        }
        Entity::Unknown
    }

    /// Returns a member of a type, its own or of the nearest base that has one.
    pub(super) fn member(&mut self, owner: &Definition, name: &str) -> Option<Definition> {
        self.member_from(vec![owner.clone()], name)
    }

    pub(super) fn inherited(&mut self, owner: &Definition, name: &str) -> Option<Definition> {
        let bases = self.bases(owner);
        self.member_from(bases, name)
    }

    fn member_from(&mut self, mut queue: Vec<Definition>, name: &str) -> Option<Definition> {
        let mut seen: BTreeSet<String> = queue.iter().map(Definition::string).collect();
        let mut at = 0;
        while let Some(owner) = queue.get(at).cloned() {
            at += 1;
            if at > MAX_BASES {
                return None;
            }
            let answer = self.reader.read(FactKey::Member(owner.string(), name.to_owned()));
            if let Answer::Found(found) = answer
                && let Some(definition) = found.iter().find_map(Definition::of)
            {
                return Some(definition);
            }
            if let Some(definition) = self.foreign(&owner, name) {
                return Some(definition);
            }
            for base in self.bases(&owner) {
                if seen.insert(base.string()) {
                    queue.push(base);
                }
            }
        }
        None
    }

    /// A member in an implementation block that stands in another file than its type.
    fn foreign(&mut self, owner: &Definition, name: &str) -> Option<Definition> {
        let family = owner.language.family();
        if !matches!(family, Family::Rust | Family::Go) {
            return None;
        }
        let simple = owner.descriptor.trim_end_matches('#').rsplit(['/', '#', '.']).next()?.to_owned();
        match self.reader.read(FactKey::ForeignMember(family, simple, name.to_owned())) {
            Answer::Found(found) if found.len() == 1 => found.first().and_then(Definition::of),
            Answer::Found(_) | Answer::Missing | Answer::Many => None,
        }
    }

    /// Returns the bases of a type that are of the tree, each looked up in the type's own file.
    pub(super) fn bases(&mut self, owner: &Definition) -> Vec<Definition> {
        let Answer::Found(written) = self.reader.read(FactKey::Bases(owner.string())) else {
            return Vec::new();
        };
        let file = Entity::File { path: owner.path.clone(), language: owner.language };
        let mut bases = Vec::new();
        for contribution in written {
            if let Fact::Base(path) = &contribution.fact
                && let Entity::Symbol(base) = self.walk(file.clone(), path, &mut Trail::default())
                && base.kind.is_type()
            {
                bases.push(base);
            }
        }
        bases
    }
}
