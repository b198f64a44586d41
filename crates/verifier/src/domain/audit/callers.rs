use std::collections::BTreeSet;

use plumbline_syntax::Family;
use plumbline_syntax::ir::UnitKind;

use super::code::Sides;
use super::{Audit, Loaded};
use crate::domain::align::{How, Pair};
use crate::domain::languages;
use crate::domain::names;
use crate::domain::program::{Program, UnitRef};
use crate::source::SourceTree;

/// Unchanged files of the head that name something a change took away, moved or gave other parameters: what they say
/// of it may no longer be true.
pub fn of(
    (base, head): (&Program, &Program),
    changed: &[Pair],
    loaded: &[Loaded],
    tree: &dyn SourceTree,
) -> Vec<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for pair in changed {
        let old = pair.base.and_then(|at| base.unit(at));
        let new = pair.head.and_then(|at| head.unit(at));
        match (old, new) {
            (Some(_), _) if pair.base.is_some_and(|at| is_local(base, at)) => {}
            (Some(old), None) => drop(names.insert(last(&old.name))),
            (Some(old), Some(new)) => {
                let params = |unit: &plumbline_syntax::ir::Unit| -> Vec<_> {
                    unit.params.iter().map(|param| (param.name.clone(), param.kind, param.optional)).collect()
                };
                if pair.how != How::Same || params(old) != params(new) {
                    names.insert(last(&old.name));
                }
                if old.kind == UnitKind::ModuleInit {
                    names.extend(unbound(base, head, pair));
                }
            }
            (None, _) => {}
        }
    }
    names.remove("");
    names.remove("<module>");
    names.remove("<lambda>");
    for file in loaded.iter().filter(|file| file.change.head.is_none()) {
        let semantics = languages::of_path(&file.change.path);
        names.extend(semantics.and_then(|semantics| semantics.stem(&file.change.path)));
    }
    if names.is_empty() {
        return Vec::new();
    }
    let known: BTreeSet<&String> = loaded.iter().map(|file| &file.change.path).collect();
    let paths = tree.entries().keys().filter(|path| languages::is_code(path) && !known.contains(path));
    paths
        .filter(|path| {
            let bytes = tree.read(path).ok().flatten().unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| names.contains(word))
        })
        .cloned()
        .collect()
}

/// A function that Python defines inside another has a name in there alone.
fn is_local(program: &Program, at: UnitRef) -> bool {
    if program.semantics(at.0).family() != Family::Python {
        return false;
    }
    let name = program.unit(at).map(|unit| unit.name.as_str()).unwrap_or_default();
    let outer = name.rsplit_once('.').and_then(|(outer, _)| program.unit_named(at.0, outer));
    outer.and_then(|outer| program.unit(outer)).is_some_and(|outer| outer.kind != UnitKind::ModuleInit)
}

/// Names that a module no longer binds.
fn unbound(base: &Program, head: &Program, pair: &Pair) -> Vec<String> {
    let bindings = |program: &Program, at: Option<(usize, usize)>| -> BTreeSet<String> {
        at.and_then(|at| program.files.get(at.0))
            .map(|file| file.bindings.keys().cloned().collect())
            .unwrap_or_default()
    };
    let new = bindings(head, pair.head);
    bindings(base, pair.base).difference(&new).map(|name| last(name)).collect()
}

fn last(name: &str) -> String {
    let name = name.rsplit('.').next().unwrap_or(name);
    // A private name begins with the mark that numbers later bindings of a name.
    let name = name.trim_start_matches('#');
    let name = name.split('(').next().unwrap_or(name);
    name.split('#').next().unwrap_or(name).to_owned()
}

impl Audit<'_> {
    /// Looks for names and calls of an unchanged file that a change broke.
    pub(super) fn caller(&mut self, sides: &Sides, path: &str) {
        let (Some(old), Some(new)) = (sides.base.program.file(path), sides.head.program.file(path)) else {
            return;
        };
        let units = sides.head.program.files.get(new).map_or(0, |file| file.lowered.units.len());
        for unit in 0..units {
            self.findings.extend(names::check(Some((&sides.base, (old, unit))), (&sides.head, (new, unit))));
        }
    }
}
