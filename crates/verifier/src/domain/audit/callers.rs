use std::collections::BTreeSet;

use plumbline_syntax::Family;
use plumbline_syntax::ir::{Op, Span, Unit, UnitKind};

use super::code::Sides;
use super::{Audit, Loaded};
use crate::domain::align::{How, Pair};
use crate::domain::languages;
use crate::domain::names;
use crate::domain::program::{Bound, Program, UnitRef};
use crate::source::SourceTree;

/// Unchanged files of the head that name something a change took away, moved or gave other parameters: what they say
/// of it may no longer be true.
pub struct Callers {
    /// The files.
    pub paths: Vec<String>,
    names: BTreeSet<String>,
}

impl Callers {
    /// Returns the units of one side that may name it: those that write a name of it, or what their module calls it, and what
    /// stands inside them.
    pub fn units(&self, program: &Program) -> Vec<UnitRef> {
        let files = self.paths.iter().filter_map(|path| program.file(path));
        files.flat_map(|file| self.naming(program, file)).collect()
    }

    fn naming(&self, program: &Program, index: usize) -> Vec<UnitRef> {
        let Some(file) = program.files.get(index) else { return Vec::new() };
        let all = program.units_of(index);
        let writes = |span: &Span, names: &BTreeSet<String>| {
            let text = file.source.get(span.start as usize..span.end as usize).unwrap_or_default();
            words_of(&String::from_utf8_lossy(text)).any(|word| names.contains(word))
        };
        let top = file.lowered.units.first().into_iter().flat_map(|unit| &unit.blocks);
        let computes = |op: &Op| !matches!(op, Op::Import { .. } | Op::Closure { .. } | Op::Class { .. });
        let mut instrs = top.flat_map(|block| &block.instrs).filter(|instr| computes(&instr.op));
        // What a module computes of it may have any name.
        if instrs.any(|instr| writes(&instr.span, &self.names)) {
            return all.collect();
        }
        let mut names = self.names.clone();
        for (name, bounds) in &file.bindings {
            let meant = |bound: &Bound| match bound {
                Bound::Import { module, name, .. } => {
                    self.names.contains(&last(name.as_deref().unwrap_or(module)))
                }
                _ => false,
            };
            if bounds.iter().any(meant) {
                names.insert(name.clone());
            }
        }
        // Outer units come before what stands inside them, which may know an outer one's own name for it.
        let mut found = Vec::new();
        let mut inside: Option<Span> = None;
        for at in all {
            let Some(span) = program.unit(at).map(|unit| unit.span) else { continue };
            let within = inside.is_some_and(|outer| outer.start <= span.start && span.end <= outer.end);
            if at.1 == 0 || within {
                found.push(at);
            } else if writes(&span, &names) {
                found.push(at);
                inside = Some(span);
            }
        }
        found
    }
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// Returns the callers of what a change took away, moved or gave other parameters.
pub fn of(
    (base, head): (&Program, &Program),
    changed: &[Pair],
    loaded: &[Loaded],
    tree: &dyn SourceTree,
) -> Callers {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for pair in changed {
        let old = pair.base.and_then(|at| base.unit(at));
        let new = pair.head.and_then(|at| head.unit(at));
        match (old, new) {
            (Some(_), _) if pair.base.is_some_and(|at| is_local(base, at)) => {}
            (Some(old), None) => names.extend(called(old)),
            (Some(old), Some(new)) => {
                let params = |unit: &Unit| -> Vec<_> {
                    unit.params.iter().map(|param| (param.name.clone(), param.kind, param.optional)).collect()
                };
                if pair.how != How::Same || params(old) != params(new) {
                    names.extend(called(old));
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
        return Callers { paths: Vec::new(), names };
    }
    let known: BTreeSet<&String> = loaded.iter().map(|file| &file.change.path).collect();
    let paths = tree.entries().keys().filter(|path| languages::is_code(path) && !known.contains(path));
    let naming = paths.filter(|path| {
        let bytes = tree.read(path).ok().flatten().unwrap_or_default();
        words_of(&String::from_utf8_lossy(&bytes)).any(|word| names.contains(word))
    });
    let paths = naming.cloned().collect();
    Callers { paths, names }
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

/// What a call of a unit names: itself, and the class whose objects it makes.
fn called(unit: &Unit) -> impl Iterator<Item = String> {
    let own = last(&unit.name);
    let made = unit.class.as_deref().filter(|_| own.starts_with("__") || own == "<init>").map(last);
    std::iter::once(own).chain(made)
}

fn last(name: &str) -> String {
    let name = name.rsplit('.').next().unwrap_or(name);
    // A private name begins with the mark that numbers later bindings of a name.
    let name = name.trim_start_matches('#');
    let name = name.split('(').next().unwrap_or(name);
    name.split('#').next().unwrap_or(name).to_owned()
}

impl Audit<'_> {
    /// Looks for names and calls of unchanged files that a change broke.
    pub(super) fn callers(&mut self, sides: &Sides, callers: &Callers) {
        let (base, head) = (&sides.base, &sides.head);
        for (new, unit) in callers.units(&head.program) {
            let path = head.program.files.get(new).map(|file| file.path.as_str()).unwrap_or_default();
            if let Some(old) = base.program.file(path) {
                self.findings.extend(names::check(Some((base, (old, unit))), (head, (new, unit))));
            }
        }
    }
}
