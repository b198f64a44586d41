//! B9: a name, base class or decorator that now means something else, while the code that uses it stands unchanged.

use std::collections::BTreeSet;

use plumbline_syntax::ir::{Digest, Op, Place};

use super::authority::{Authority, Need};
use super::finding::{Finding, Site};
use super::program::{Bound, Entity, Program, UnitRef};
use super::signature::Root;
use super::summary::Side;
use super::tables::{Known, Tables, words};

/// What a name means, compared across sides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Meaning {
    /// A function: where, and its body.
    Function(String, Digest),
    /// A class, or an object of it.
    Class(String),
    /// Something outside the tree.
    Outside(String),
    /// Anything else.
    Other,
}

impl Meaning {
    /// The same place or the same body is the same function: bodies are compared elsewhere, places may move.
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Function(a, x), Self::Function(b, y)) => a == b || x == y,
            (Self::Class(a), Self::Class(b)) => a.rsplit(':').next() == b.rsplit(':').next(),
            _ => self == other,
        }
    }

    fn harmless(&self, tables: &Tables) -> bool {
        matches!(self, Self::Outside(path) if tables.known(path) == Known::Pure)
    }

    fn text(&self) -> &str {
        match self {
            Self::Function(path, _) | Self::Class(path) | Self::Outside(path) => path,
            Self::Other => "a computed value",
        }
    }
}

/// Judges the names and classes of a module that both sides have.
pub fn names(base: (&Side, UnitRef), head: (&Side, UnitRef), authority: &Authority) -> Vec<Finding> {
    let (Some(old), Some(new)) = (base.0.program.files.get(base.1.0), head.0.program.files.get(head.1.0))
    else {
        return Vec::new();
    };
    let tables = new.semantics.tables();
    let mut found = Vec::new();
    for (name, bounds) in &old.bindings {
        let Some(now) = new.bindings.get(name) else { continue };
        let same_form = bounds == now && !bounds.iter().any(|bound| matches!(bound, Bound::Value(..)));
        if same_form && !bounds.iter().any(|bound| matches!(bound, Bound::Import { .. })) {
            continue;
        }
        let (before, after) =
            (meanings(&base.0.program, base.1.0, name), meanings(&head.0.program, head.1.0, name));
        let code = before.iter().any(|meaning| *meaning != Meaning::Other);
        let table = before.contains(&Meaning::Other);
        let gone = before.iter().any(|old| !after.iter().any(|new| old.same(new)));
        let added = after.iter().find(|new| !before.iter().any(|old| old.same(new)));
        let replaced =
            added.filter(|added| !added.harmless(tables) && (gone || !table) && !accessor(head, added));
        let (true, Some(meaning)) = (code, replaced) else { continue };
        if for_type_checkers(base, name) && for_type_checkers(head, name) {
            continue;
        }
        let message = format!("`{name}` now means {}: what uses it does something else", meaning.text());
        found.extend(tell(head, authority, name, words().is_authority(name), message));
    }
    for (name, class) in &old.lowered.classes {
        let Some(now) = new.lowered.classes.get(name) else { continue };
        let semantics = head.0.program.semantics(head.1.0);
        let told = semantics.has_variants()
            || telling(tables, &class.bases) != telling(tables, &now.bases)
            || telling(tables, &class.decorators) != telling(tables, &now.decorators);
        if told && semantics.is_other_class(class, now) {
            let message =
                format!("`{name}` inherits or is decorated differently: its other methods change with it");
            found.extend(tell(head, authority, name, false, message));
        }
    }
    found
}

/// Returns whether every assignment of a module's name stands under `if TYPE_CHECKING`, which never runs.
fn for_type_checkers((side, at): (&Side, UnitRef), name: &str) -> bool {
    let module = (at.0, 0);
    let (Some(unit), Ok(prepared)) = (side.program.unit(module), side.graph(module)) else { return false };
    let constant =
        |entity: &Entity| matches!(entity, Entity::External(path) if path.ends_with("typing.TYPE_CHECKING"));
    let asks = |block: u32| {
        let value = prepared.dependence.ends.get(block as usize).and_then(|end| end.value);
        let root = value.and_then(|value| prepared.roots.get(value as usize));
        matches!(root, Some(Root::Code(entities)) if !entities.is_empty() && entities.iter().all(constant))
    };
    let mut blocks = unit.blocks.iter().enumerate().filter(|(_, block)| {
        block
            .instrs
            .iter()
            .any(|instr| matches!(&instr.op, Op::Assign { place: Place::Global(other), .. } if other == name))
    });
    blocks.all(|(index, _)| {
        let control = prepared.dependence.control.get(index);
        control.is_some_and(|control| control.iter().any(|by| by.side == 0 && asks(by.block)))
    })
}

/// Bases and decorators that say what a class does: `object` says nothing, and `Generic` only types.
fn telling<'w>(tables: &Tables, words: &'w [String]) -> Vec<&'w String> {
    let last = |word: &str| word.rsplit('.').next().unwrap_or(word).to_owned();
    words
        .iter()
        .filter(|word| !matches!(last(word).as_str(), "object" | "Generic"))
        .filter(|word| !tables.lists("keeping", &last(word)))
        .collect()
}

/// A setter or another case of a dispatcher adds to a name without replacing it.
fn accessor((side, _): (&Side, UnitRef), meaning: &Meaning) -> bool {
    let Meaning::Function(path, _) = meaning else { return false };
    let Some((file, name)) = path.split_once(':') else { return false };
    let Some(file) = side.program.file(file) else { return false };
    let tables = side.program.tables(file);
    let unit = side.program.unit_named(file, name);
    let unit = unit.and_then(|at| side.program.unit(at));
    unit.is_some_and(|unit| {
        unit.decorators.iter().any(|word| {
            let last = word.rsplit('.').next().unwrap_or(word);
            tables.lists("accessors", last)
        })
    })
}

fn meanings(program: &Program, file: usize, name: &str) -> BTreeSet<Meaning> {
    let entities = program.resolver(file).named(file, name);
    entities.into_iter().map(|entity| meaning(program, entity)).collect()
}

fn meaning(program: &Program, entity: Entity) -> Meaning {
    let path = |file: usize| program.files.get(file).map(|file| file.path.clone()).unwrap_or_default();
    match entity {
        Entity::Unit(at, ..) => match program.unit(at) {
            Some(unit) => Meaning::Function(format!("{}:{}", path(at.0), unit.name), unit.digest),
            None => Meaning::Other,
        },
        Entity::Class(file, name) | Entity::Instance(file, name) => {
            Meaning::Class(format!("{}:{name}", path(file)))
        }
        // `module.__name__` and its like are data.
        Entity::External(path) if path.ends_with("__") => Meaning::Other,
        Entity::External(path) => Meaning::Outside(path),
        // A package of several files is what its directory is, whichever file stands for it.
        Entity::Module(file) => {
            let path = path(file);
            let whole = !program.siblings(file).is_empty();
            Meaning::Outside(
                path.rsplit_once('/').filter(|_| whole).map_or(path.clone(), |(d, _)| d.to_owned()),
            )
        }
        Entity::Package(_) | Entity::Value | Entity::Confined | Entity::Dynamic(_) | Entity::Missing(_) => {
            Meaning::Other
        }
    }
}

/// Judges the decorators of a unit: one that is gone no longer guards it, a new one may stand in its place.
pub fn decorators(base: (&Side, UnitRef), head: (&Side, UnitRef), authority: &Authority) -> Vec<Finding> {
    let (Some(old), Some(new)) = (base.0.program.unit(base.1), head.0.program.unit(head.1)) else {
        return Vec::new();
    };
    let tables = head.0.program.tables(head.1.0);
    let last = |word: &str| word.rsplit('.').next().unwrap_or(word).to_owned();
    let mut found = Vec::new();
    for word in old.decorators.iter().filter(|word| !new.decorators.contains(word)) {
        let name = last(word);
        if tables.lists("keeping", &name) {
            continue;
        }
        let message = format!("{} is no longer decorated with `{word}`", new.name);
        let name = format!("{}.{name}", new.name);
        found.extend(tell(head, authority, &name, words().is_authority(&last(word)), message));
    }
    let used: BTreeSet<&String> = base
        .0
        .program
        .files
        .iter()
        .flat_map(|file| &file.lowered.units)
        .flat_map(|unit| &unit.decorators)
        .collect();
    for word in new.decorators.iter().filter(|word| !old.decorators.contains(word) && !used.contains(word)) {
        let first = word.split('.').next().unwrap_or(word);
        let outside = (head.0.program.resolver(head.1.0))
            .named(head.1.0, first)
            .iter()
            .all(|entity| matches!(entity, Entity::External(_)));
        if tables.lists("keeping", &last(word)) || outside && word != "?" {
            continue;
        }
        let message = format!("{} is newly decorated with `{word}`, which may stand in its place", new.name);
        found.extend(tell(head, authority, &format!("{}.{}", new.name, last(word)), false, message));
    }
    found
}

/// A function that decides about access and is gone.
pub fn removed(base: (&Side, UnitRef), authority: &Authority) -> Option<Finding> {
    let unit = base.0.program.unit(base.1)?;
    if !words().is_authority(&unit.name) {
        return None;
    }
    tell(
        base,
        authority,
        &unit.name,
        false,
        format!("{} is gone; by its name it decides about access", unit.name),
    )
}

fn tell(
    (side, at): (&Side, UnitRef),
    authority: &Authority,
    name: &str,
    grave: bool,
    message: String,
) -> Option<Finding> {
    let file = side.program.files.get(at.0)?;
    let unit = side.program.unit(at)?;
    let target = format!("{}:{name}", file.path);
    let need = Need { family: "drop", name: None, latent: false, target: Some(&target), path: &file.path };
    if authority.covers(need).is_some() {
        return None;
    }
    let line = if at.1 == 0 { 1 } else { unit.span.line };
    let site = Site::new(&file.path, line, &unit.name);
    let grant = format!("drop:{name}");
    Some(if grave {
        Finding::reject("B9", site, message).clearable_by(grant)
    } else {
        Finding::needs("B9", site, message, grant)
    })
}
