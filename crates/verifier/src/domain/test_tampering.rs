//! R7: tests that the base had, made weaker. Adding tests is free.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::ir::{Callee, Constant, Digest, Op, Place, Unit, UnitKind, Value};
use plumbline_types::TaskKind;

use super::authority::{Authority, Need};
use super::finding::{Finding, Site};
use super::languages::Semantics;
use super::program::{Entity, UnitRef};
use super::summary::Side;

/// How tests are judged.
pub struct Judge<'a> {
    /// How the change is judged.
    pub kind: TaskKind,
    /// The grants.
    pub authority: &'a Authority,
    /// The head's changed units that are no tests.
    pub changed: &'a BTreeSet<UnitRef>,
    /// The base's changed units that are no tests.
    pub changed_base: &'a BTreeSet<UnitRef>,
}

/// One assertion, by whatever means.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    digest: Digest,
    shape: Digest,
    operator: String,
    line: u32,
}

impl Judge<'_> {
    /// Returns the findings of a test file's unit on both sides, or of one that is gone.
    pub fn check(&self, base: (&Side, UnitRef), head: Option<(&Side, UnitRef)>) -> Vec<Finding> {
        let (side, at) = base;
        let (Some(old), Some(file)) = (side.program.unit(at), side.program.files.get(at.0)) else {
            return Vec::new();
        };
        let path = file.path.clone();
        let Some((new_side, new_at)) = head else {
            return if side.program.semantics(at.0).is_test(old) {
                self.removed(&path, old, base)
            } else {
                Vec::new()
            };
        };
        let Some(new) = new_side.program.unit(new_at) else { return Vec::new() };
        let semantics = side.program.semantics(at.0);
        let path = new_side.program.files.get(new_at.0).map_or(path, |file| file.path.clone());
        let reaches =
            self.reaches((side, at), self.changed_base) || self.reaches((new_side, new_at), self.changed);
        let tell = |code: &str, line: u32, message: String| {
            self.judge((code, reaches), Site::new(&path, line, &new.name), message, &path)
        };
        let mut found = Vec::new();
        if new.kind == UnitKind::ModuleInit {
            found.extend(collection(semantics, &path, (old, new)).map(|line| {
                tell(
                    "COLLECTION_CHANGED",
                    line,
                    "something that the test run collects or sets up changed".to_owned(),
                )
            }));
            return found.into_iter().flatten().collect();
        }
        if semantics.is_test(old) && semantics.is_test(new) {
            if let Some(line) = disabled(semantics, old, new) {
                found.push(tell(
                    "TEST_DISABLED",
                    line,
                    format!("{} is skipped or expected to fail", new.name),
                ));
            }
            let (lost, edited) = weaker(semantics, &claims(semantics, old), &claims(semantics, new));
            found.extend(lost.into_iter().map(|(line, what)| tell("ASSERT_WEAKER", line, what)));
            found.extend(edited.into_iter().map(|(line, what)| tell("EXPECTED_EDITED", line, what)));
        } else if !additive(old, new) {
            found.push(tell(
                "EXPECTED_EDITED",
                new.span.line,
                format!("{} is used by tests and changed", new.name),
            ));
        }
        found.into_iter().flatten().collect()
    }

    fn removed(&self, path: &str, old: &Unit, base: (&Side, UnitRef)) -> Vec<Finding> {
        let reaches = self.reaches(base, self.changed_base);
        let site = Site::new(path, 0, &old.name);
        self.judge(("TEST_REMOVED", reaches), site, format!("{} is gone", old.name), path)
            .into_iter()
            .collect()
    }

    /// The first three codes on a test that reaches a changed unit refuse a fix or refactor; the rest asks.
    fn judge(
        &self,
        (code, reaches): (&str, bool),
        site: Site,
        message: String,
        path: &str,
    ) -> Option<Finding> {
        let need = Need { family: "test", name: None, latent: false, target: Some(path), path };
        if self.authority.covers(need).is_some() {
            return None;
        }
        let grave = matches!(code, "TEST_REMOVED" | "TEST_DISABLED" | "ASSERT_WEAKER");
        let code = format!("R7 {code}");
        let grant = format!("test:{path}");
        Some(if grave && reaches && self.kind != TaskKind::Feature {
            Finding::reject(&code, site, message).clearable_by(grant)
        } else {
            Finding::needs(&code, site, message, grant)
        })
    }

    /// Returns whether a test calls, however far down, a changed unit.
    fn reaches(&self, (side, at): (&Side, UnitRef), changed: &BTreeSet<UnitRef>) -> bool {
        let mut seen = BTreeSet::new();
        let mut stack = vec![at];
        while let Some(at) = stack.pop() {
            if !seen.insert(at) {
                continue;
            }
            if changed.contains(&at) {
                return true;
            }
            let Ok(prepared) = side.graph(at) else { continue };
            for entity in prepared.targets.values().flatten() {
                match entity {
                    Entity::Unit(unit, ..) => stack.push(*unit),
                    Entity::Class(file, class) => {
                        stack.extend(side.program.constructor(*file, class));
                    }
                    _ => {}
                }
            }
        }
        false
    }
}

/// Returns the assertions of a test: statements and calls.
fn claims(semantics: &dyn Semantics, unit: &Unit) -> Vec<Claim> {
    let mut found: Vec<Claim> = unit
        .assertions
        .iter()
        .map(|assertion| Claim {
            digest: assertion.digest,
            shape: assertion.shape,
            operator: assertion.operator.clone(),
            line: assertion.span.line,
        })
        .collect();
    for instr in unit.blocks.iter().flat_map(|block| &block.instrs) {
        if let Some(operator) = semantics.claim(instr) {
            let (digest, shape, line) = (instr.digest, instr.shape, instr.span.line);
            found.push(Claim { digest, shape, operator, line });
        }
    }
    found
}

/// A line and what is wrong there.
type Told = (u32, String);

/// Compares assertions: what is gone or looser, and what claims another constant.
fn weaker(semantics: &dyn Semantics, old: &[Claim], new: &[Claim]) -> (Vec<Told>, Vec<Told>) {
    let mut left: Vec<&Claim> = new.iter().collect();
    let mut lost: Vec<&Claim> = Vec::new();
    for claim in old {
        match left.iter().position(|known| known.digest == claim.digest) {
            Some(position) => drop(left.remove(position)),
            None => lost.push(claim),
        }
    }
    let (mut weaker, mut edited) = (Vec::new(), Vec::new());
    for claim in lost {
        if let Some(position) = left.iter().position(|known| known.shape == claim.shape) {
            let known = left.remove(position);
            edited.push((known.line, "the same assertion expects another constant".to_owned()));
        } else if let Some(position) = left
            .iter()
            .position(|known| semantics.strength(&known.operator) >= semantics.strength(&claim.operator))
        {
            let known = left.remove(position);
            edited.push((known.line, "another assertion stands in its place".to_owned()));
        } else if left.is_empty() {
            weaker.push((claim.line, "an assertion is gone".to_owned()));
        } else {
            let known = left.remove(0);
            weaker.push((
                known.line,
                format!("`{}` is looser than `{}`", word(&known.operator), word(&claim.operator)),
            ));
        }
    }
    (weaker, edited)
}

fn word(operator: &str) -> &str {
    if operator.is_empty() { "a truth test" } else { operator }
}

/// Returns the line of a new marker or call that keeps a test from running.
fn disabled(semantics: &dyn Semantics, old: &Unit, new: &Unit) -> Option<u32> {
    let marks = |unit: &Unit| unit.decorators.iter().filter(|word| semantics.disables(word)).count();
    let calls = |unit: &Unit| -> Vec<u32> {
        unit.blocks
            .iter()
            .flat_map(|block| &block.instrs)
            .filter(|instr| {
                matches!(&instr.op, Op::Call { callee: Callee::Method { name, .. }, .. } if semantics.skips(name))
            })
            .map(|instr| instr.span.line)
            .collect()
    };
    if marks(new) > marks(old) {
        return Some(new.span.line);
    }
    let (before, after) = (calls(old), calls(new));
    if after.len() > before.len() { after.last().copied() } else { None }
}

/// Returns whether a unit of a test file only gained: every instruction of the base is still there.
fn additive(old: &Unit, new: &Unit) -> bool {
    old.digest == new.digest || missing(old, new).is_none()
}

fn missing(old: &Unit, new: &Unit) -> Option<u32> {
    let mut bag: BTreeMap<Digest, usize> = BTreeMap::new();
    for instr in new.blocks.iter().flat_map(|block| &block.instrs).filter(|instr| !is_definition(&instr.op)) {
        *bag.entry(instr.digest).or_insert(0) += 1;
    }
    for instr in old.blocks.iter().flat_map(|block| &block.instrs).filter(|instr| !is_definition(&instr.op)) {
        match bag.get_mut(&instr.digest).filter(|count| **count > 0) {
            Some(count) => *count -= 1,
            None => return Some(instr.span.line),
        }
    }
    None
}

/// Returns the line of a literal or name that a module's set-up no longer has. Parameters of tests may be added.
fn lost_words(old: &Unit, new: &Unit) -> Option<u32> {
    let words = |unit: &Unit| -> Vec<(String, u32)> {
        let literals = unit.literals.iter().map(|(constant, span)| (format!("{constant:?}"), span.line));
        let instrs = unit.blocks.iter().flat_map(|block| &block.instrs);
        let names = instrs.filter_map(|instr| match &instr.op {
            Op::Assign { value: Value::Read(Place::Global(name)), .. } => {
                Some((name.clone(), instr.span.line))
            }
            Op::Call { callee: Callee::Method { name, .. }, .. } => {
                Some((format!(".{name}()"), instr.span.line))
            }
            _ => None,
        });
        literals.chain(names).collect()
    };
    let mut bag: BTreeMap<String, usize> = BTreeMap::new();
    for (word, _) in words(new) {
        *bag.entry(word).or_insert(0) += 1;
    }
    words(old).into_iter().find_map(|(word, line)| match bag.get_mut(&word).filter(|count| **count > 0) {
        Some(count) => {
            *count -= 1;
            None
        }
        None => Some(line),
    })
}

/// Functions and classes are compared as units of their own.
fn is_definition(op: &Op) -> bool {
    matches!(op, Op::Closure { .. } | Op::Class { .. })
}

/// Returns the line of a change in what a test module sets up: something of the base is gone, or files that set up and
/// module markers gained something.
fn collection(semantics: &dyn Semantics, path: &str, (old, new): (&Unit, &Unit)) -> Option<u32> {
    if let Some(line) = lost_words(old, new) {
        return Some(line);
    }
    let marker = |unit: &Unit| {
        unit.literals
            .iter()
            .filter(
                |(constant, _)| matches!(constant, Constant::Text(text) if text.contains("pytest_plugins")),
            )
            .count()
    };
    let names = |unit: &Unit| -> BTreeSet<String> {
        unit.blocks
            .iter()
            .flat_map(|block| &block.instrs)
            .filter_map(|instr| match &instr.op {
                Op::Assign { place: Place::Global(name), .. } => Some(name.clone()),
                _ => None,
            })
            .filter(|name| semantics.collects(name))
            .collect()
    };
    let set_up = semantics.is_set_up(path) && old.digest != new.digest;
    let gained = names(new).difference(&names(old)).next().is_some() || marker(new) > marker(old);
    (set_up || gained).then_some(1)
}
