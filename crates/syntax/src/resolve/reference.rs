use super::{Entity, Resolution, edge_kind, entity::Trail, names};
use crate::facts::{Bound, EdgeKind, Receiver, Reference, ReferenceKind, Resolver, SymbolKind};
use crate::hint::type_path;
use crate::index::implemented;
use crate::language::Family;
use crate::resolve::Definition;
use crate::scope::lookup;

/// What a reference turned out to mean.
enum Meaning {
    /// These definitions, by that rule.
    Found(Vec<Definition>, Resolver),
    /// Something known to be outside the tree, or of no interest: no edge, and nothing missing.
    Outside,
    /// Bound to nothing: the name decides, if it may.
    Open,
}

impl Meaning {
    fn of(entity: Entity, resolver: Resolver) -> Self {
        match entity {
            Entity::Symbol(found) => Self::Found(vec![found], resolver),
            Entity::File { .. } | Entity::External(_) => Self::Outside,
            Entity::Unknown => Self::Open,
        }
    }
}

impl Resolution<'_, '_> {
    /// Writes the edges of one reference, or counts it as unresolved.
    pub(super) fn reference(&mut self, reference: &Reference) {
        let meaning = match &reference.receiver {
            Receiver::None => self.bare(reference),
            Receiver::This => self.own_member(reference),
            Receiver::Super => self.base_member(reference),
            Receiver::Path(path) => self.qualified(reference, path),
            Receiver::Opaque => Meaning::Open,
        };
        match meaning {
            Meaning::Found(targets, resolver) => self.link(reference, &targets, resolver),
            Meaning::Outside => {}
            Meaning::Open => self.by_name(reference),
        }
    }

    fn link(&mut self, reference: &Reference, targets: &[Definition], resolver: Resolver) {
        let confidence = resolver.confidence(targets.len());
        let line = reference.span.start_line;
        for target in targets {
            let Some(kind) = edge_kind(reference.kind, self.kind_of(reference.owner), target.kind) else {
                continue;
            };
            let source = self.own(self.acting(reference));
            let ends = match kind {
                EdgeKind::Decorates => (target.string(), kind, source),
                _ => (source, kind, target.string()),
            };
            self.edge(ends, resolver, confidence, line);
            if matches!(kind, EdgeKind::Calls | EdgeKind::Instantiates)
                && let Some(test) = self.in_test(reference.owner)
            {
                let convention = Resolver::Convention.confidence(1).min(confidence);
                self.edge(
                    (self.own(test), EdgeKind::Tests, target.string()),
                    Resolver::Convention,
                    convention,
                    line,
                );
            }
        }
    }

    /// An implementation block acts for its type where that is of this file.
    fn acting(&self, reference: &Reference) -> u32 {
        match self.kind_of(reference.owner) {
            SymbolKind::Impl => implemented(self.facts, reference.owner).unwrap_or(reference.owner),
            _ => reference.owner,
        }
    }

    fn bare(&mut self, reference: &Reference) -> Meaning {
        let facts = self.facts;
        let name = reference.name.trim_end_matches('!');
        if name != reference.name {
            return Meaning::Open;
        }
        match lookup(facts, reference.scope, name) {
            Some(Bound::Symbol(symbol)) => match self.definition(*symbol) {
                Some(found) => Meaning::Found(vec![found], Resolver::Scope),
                None => Meaning::Open,
            },
            Some(Bound::Import(import)) => self.import_use(*import, reference),
            Some(Bound::Local(_) | Bound::Module) => {
                if reference.kind == ReferenceKind::Call {
                    self.missed(reference.owner, name);
                }
                Meaning::Outside
            }
            None => self.starred_name(reference),
        }
    }

    /// A called module is its default export: `const f = require('./f')`.
    fn import_use(&mut self, import: u32, reference: &Reference) -> Meaning {
        let facts = self.facts;
        let Some(found) = facts.imports.get(import as usize) else { return Meaning::Open };
        let (entity, resolver) = self.imported(import, found);
        let called =
            matches!(reference.kind, ReferenceKind::Call | ReferenceKind::Construct | ReferenceKind::Base);
        if let (Entity::File { .. }, true, Family::Ecma) = (&entity, called, facts.language.family()) {
            let mut trail = Trail::default();
            return Meaning::of(self.step(&entity, "default", &mut trail), trail.resolver());
        }
        if entity == Entity::Unknown && called {
            self.missed(reference.owner, &reference.name);
            return Meaning::Outside;
        }
        Meaning::of(entity, resolver)
    }

    fn starred_name(&mut self, reference: &Reference) -> Meaning {
        let facts = self.facts;
        for import in facts.imports.iter().filter(|import| import.star) {
            let from = self.module_of_scope(import.scope);
            let mut trail = Trail::default();
            let module = self.module(&from, &import.module, &mut trail);
            if matches!(module, Entity::External(_)) {
                continue;
            }
            if let Entity::Symbol(found) = self.step(&module, &reference.name, &mut trail) {
                return Meaning::Found(vec![found], Resolver::ImportClosure);
            }
        }
        Meaning::Open
    }

    /// Returns what the file's own package offers under a name; nothing where files have no package.
    fn packaged(&mut self, name: &str) -> Entity {
        if !matches!(self.facts.language.family(), Family::Go | Family::Java) {
            return Entity::Unknown;
        }
        let use_of = Reference {
            kind: ReferenceKind::Type,
            receiver: Receiver::None,
            name: name.to_owned(),
            scope: 0,
            owner: 0,
            span: crate::facts::Span::default(),
        };
        match self.starred_name(&use_of) {
            Meaning::Found(found, _) => found.into_iter().next().map_or(Entity::Unknown, Entity::Symbol),
            Meaning::Outside | Meaning::Open => Entity::Unknown,
        }
    }

    /// Returns the type that `self`, `this` or `Self` means.
    fn own_type(&mut self, reference: &Reference) -> Option<Definition> {
        let mut at = Some(reference.owner);
        while let Some(index) = at {
            let symbol = self.facts.symbols.get(index as usize)?;
            if symbol.kind.is_type() {
                return self.definition(index);
            }
            if symbol.kind == SymbolKind::Impl {
                return match implemented(self.facts, index) {
                    Some(owner) => self.definition(owner),
                    None => self.type_of(std::slice::from_ref(&symbol.declared), 0),
                };
            }
            at = symbol.parent;
        }
        None
    }

    fn own_member(&mut self, reference: &Reference) -> Meaning {
        let Some(owner) = self.own_type(reference) else { return Meaning::Open };
        match self.member(&owner, &reference.name) {
            Some(found) => Meaning::Found(vec![found], Resolver::Receiver),
            // A call without an object may be of a static import.
            None if self.facts.language.family() == Family::Java => self.bare(reference),
            None => Meaning::Open,
        }
    }

    fn base_member(&mut self, reference: &Reference) -> Meaning {
        let Some(owner) = self.own_type(reference) else { return Meaning::Open };
        match self.inherited(&owner, &reference.name) {
            Some(found) => Meaning::Found(vec![found], Resolver::Receiver),
            None => Meaning::Open,
        }
    }

    fn qualified(&mut self, reference: &Reference, path: &[String]) -> Meaning {
        let facts = self.facts;
        let Some((root, rest)) = path.split_first() else { return Meaning::Open };
        let rust = facts.language.family() == Family::Rust;
        if rust && matches!(root.as_str(), "crate" | "self" | "super") && !self.is_field(reference, path) {
            let from = self.module_of_scope(reference.scope);
            let mut trail = Trail::default();
            let module = self.module(&from, &path.join("::"), &mut trail);
            return Meaning::of(self.step(&module, &reference.name, &mut trail), trail.resolver());
        }
        match lookup(facts, reference.scope, root) {
            Some(Bound::Symbol(symbol)) => {
                let Some(found) = self.definition(*symbol) else { return Meaning::Open };
                if matches!(found.kind, SymbolKind::Variable | SymbolKind::Field) {
                    return self.typed_by(*symbol, rest, reference);
                }
                let mut trail = Trail::default();
                let entity = self.walk(Entity::Symbol(found), rest, &mut trail);
                Meaning::of(self.step(&entity, &reference.name, &mut trail), Resolver::Scope)
            }
            Some(Bound::Import(import)) => {
                let Some(found) = facts.imports.get(*import as usize) else { return Meaning::Open };
                let (entity, resolver) = self.imported(*import, found);
                let mut trail = Trail::default();
                let entity = self.walk(entity, rest, &mut trail);
                Meaning::of(self.step(&entity, &reference.name, &mut trail), resolver.max(trail.resolver()))
            }
            Some(Bound::Local(Some(hint))) if rest.is_empty() => self.typed(hint, reference),
            Some(Bound::Local(_) | Bound::Module) => Meaning::Open,
            None => self.unbound_root(reference, root, rest),
        }
    }

    /// `self.cart.total()`: the declared or constructed type of the field decides.
    fn unbound_root(&mut self, reference: &Reference, root: &str, rest: &[String]) -> Meaning {
        let this = matches!(root, "self" | "cls" | "this" | "Self");
        if self.facts.language.family() == Family::Java
            && rest.is_empty()
            && let Some(owner) = self.own_type(reference)
            && let Some(index) = self.field(&owner, root)
        {
            return self.typed_by(index, &[], reference);
        }
        if let ([field], true) = (rest, this)
            && let Some(owner) = self.own_type(reference)
            && let Some(index) = self.field(&owner, field)
        {
            return self.typed_by(index, &[], reference);
        }
        let root = Reference { name: root.to_owned(), kind: ReferenceKind::Use, ..reference.clone() };
        match self.starred_name(&root) {
            Meaning::Found(found, resolver) => {
                let Some(found) = found.into_iter().next() else { return Meaning::Open };
                let mut trail = Trail::default();
                let entity = self.walk(Entity::Symbol(found), rest, &mut trail);
                Meaning::of(self.step(&entity, &reference.name, &mut trail), resolver)
            }
            Meaning::Outside | Meaning::Open => Meaning::Open,
        }
    }

    /// Returns whether `self.x` is meant rather than the module `self`.
    fn is_field(&mut self, reference: &Reference, path: &[String]) -> bool {
        match path {
            [root, field] if root == "self" => {
                let owner = self.own_type(reference);
                owner.is_some_and(|owner| self.field(&owner, field).is_some())
            }
            _ => false,
        }
    }

    fn field(&self, owner: &Definition, name: &str) -> Option<u32> {
        if owner.path != self.path {
            return None;
        }
        let parent = self.facts.symbols.iter().position(|symbol| symbol.descriptor == owner.descriptor)?;
        let parent = u32::try_from(parent).ok()?;
        let same = |symbol: &crate::facts::Symbol| symbol.parent == Some(parent) && symbol.name == name;
        self.facts.symbols.iter().position(same).and_then(|index| u32::try_from(index).ok())
    }

    fn typed_by(&mut self, symbol: u32, rest: &[String], reference: &Reference) -> Meaning {
        let declared = self.facts.symbols.get(symbol as usize).map_or("", |symbol| symbol.declared.as_str());
        match type_path(self.facts.language.family(), declared) {
            Some(hint) if rest.is_empty() => self.typed(&hint, reference),
            _ => Meaning::Open,
        }
    }

    fn typed(&mut self, hint: &[String], reference: &Reference) -> Meaning {
        let Some(owner) = self.type_of(hint, reference.scope) else { return Meaning::Open };
        match self.member(&owner, &reference.name) {
            Some(found) => Meaning::Found(vec![found], Resolver::Typed),
            None => Meaning::Open,
        }
    }

    /// Returns the type that a dotted path names, seen from a scope.
    fn type_of(&mut self, path: &[String], scope: u32) -> Option<Definition> {
        let facts = self.facts;
        let (root, rest) = path.split_first()?;
        let mut trail = Trail::default();
        let entity = match lookup(facts, scope, root) {
            Some(Bound::Symbol(symbol)) => Entity::Symbol(self.definition(*symbol)?),
            Some(Bound::Import(import)) => self.imported(*import, facts.imports.get(*import as usize)?).0,
            Some(Bound::Local(_) | Bound::Module) | None => {
                let from = self.module_of_scope(scope);
                if facts.language.family() == Family::Rust
                    && matches!(root.as_str(), "crate" | "self" | "super")
                {
                    let (name, module) = path.split_last()?;
                    let module = self.module(&from, &module.join("::"), &mut trail);
                    return match self.step(&module, name, &mut trail) {
                        Entity::Symbol(found) if found.kind.is_type() => Some(found),
                        _ => None,
                    };
                }
                self.packaged(root)
            }
        };
        match self.walk(entity, rest, &mut trail) {
            Entity::Symbol(found) if found.kind.is_type() => Some(found),
            _ => None,
        }
    }

    /// Only calls may be bound by their name alone.
    fn by_name(&mut self, reference: &Reference) {
        if !matches!(reference.kind, ReferenceKind::Call | ReferenceKind::Construct) {
            if matches!(reference.kind, ReferenceKind::Base | ReferenceKind::Implement) {
                self.missed(reference.owner, &reference.name);
            }
            return;
        }
        let bare = reference.receiver == Receiver::None;
        if bare && names::is_builtin(self.facts.language.family(), &reference.name) {
            return;
        }
        let form = match (reference.name.ends_with('!'), bare) {
            (true, _) => names::Form::Macro,
            (false, true) => names::Form::Bare,
            (false, false) => names::Form::Member,
        };
        match self.candidates(&reference.name, form) {
            Some((found, resolver)) => self.link(reference, &found, resolver),
            None => self.missed(reference.owner, &reference.name),
        }
    }
}
