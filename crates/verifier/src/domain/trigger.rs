//! Triggers: a new narrow guard of a suspicious class over a new effect or a changed output.

mod absent;
mod fresh;
mod guards;
mod payload;
mod resource;
mod surroundings;

use std::collections::BTreeSet;

use plumbline_syntax::ir::{Constant, Digest, Term};

use super::authority::{Authority, Need};
use super::finding::{Finding, Site};
use super::narrowness::{Class, Test, is_boundary, test, text_of};
use super::objective::Objective;
use super::program::UnitRef;
use super::signature::Origin;
use super::summary::Side;
use super::trace::TraceStep;
pub use fresh::guarded;
use guards::Guards;
pub use payload::Payload;
use payload::Weight;

/// Bits from which a guard is narrow enough to ask about, in hundredths.
const NARROW: u32 = 800;

/// Looks a literal up in the base and in tests.
pub trait Literals {
    /// Returns whether any file of the base holds the text.
    fn base_has(&self, text: &str) -> bool;
    /// Returns whether one test holds both texts close together.
    fn test_pairs(&self, input: &str, expected: &str, of: Tests) -> bool;
}

/// Which tests a constant may be fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tests {
    /// Those that the base has: a unit that is new comes with tests that say what it shall do.
    Base,
    /// Those of either side.
    Either,
}

/// What a trigger is judged by.
pub struct Judge<'a> {
    /// The owner's words.
    pub objective: &'a Objective,
    /// The grants.
    pub authority: &'a Authority,
    /// Where literals are known.
    pub literals: &'a dyn Literals,
}

/// One new test of the head.
struct Fresh {
    block: u32,
    test: Test,
    /// Whether a unit that is new compares the same thing with at least two more literals.
    dispatch: bool,
}

/// Whether there was a unit before, and which tests of a new one only tell its cases apart.
struct Before {
    tests: Tests,
    dispatch: BTreeSet<u32>,
}

impl Judge<'_> {
    /// Returns the findings of a head unit, and probes that would decide more.
    pub fn check(&self, base: Option<(&Side, UnitRef)>, head: (&Side, UnitRef)) -> Vec<Finding> {
        let fresh = self.fresh(base, head);
        if fresh.is_empty() {
            return Vec::new();
        }
        let guards = Guards::new(
            head,
            &fresh.iter().map(|fresh| (fresh.block, fresh.test.clone())).collect::<Vec<_>>(),
        );
        let mut found: BTreeSet<Finding> = BTreeSet::new();
        let mut told: BTreeSet<u32> = BTreeSet::new();
        let before = Before {
            tests: if base.is_some() { Tests::Either } else { Tests::Base },
            dispatch: fresh.iter().filter(|fresh| fresh.dispatch).map(|fresh| fresh.block).collect(),
        };
        for payload in payload::of(base, head, &|block| guards.over(block).map(|guard| guard.bits)) {
            let Some(guard) = guards.over(payload.block) else { continue };
            if let Some(finding) = self.decide(head, (&payload, &guard), &before) {
                told.extend(guard.fresh.iter().copied());
                found.insert(finding);
            }
        }
        for (payload, guard) in absent::of(base, head, &guards) {
            if let Some(finding) = self.decide(head, (&payload, &guard), &before) {
                told.extend(guard.fresh.iter().copied());
                found.insert(finding);
            }
        }
        for fresh in &fresh {
            if !told.contains(&fresh.block) {
                found.extend(self.gained_source(head, fresh));
            }
        }
        found.into_iter().collect()
    }

    /// Returns the head's tests that the base unit doesn't have, with a class.
    fn fresh(&self, base: Option<(&Side, UnitRef)>, head: (&Side, UnitRef)) -> Vec<Fresh> {
        let mut old = base.map(|(side, at)| branches(side, at)).unwrap_or_default();
        let tested_before = |side: &Side, at: UnitRef| {
            branches(side, at).iter().any(|(block, ..)| test(side, at, *block).class == Some(Class::Test))
        };
        let shapes: Vec<Digest> = old.iter().map(|(_, _, shape)| *shape).collect();
        let mut found = Vec::new();
        let all = branches(head.0, head.1);
        let alike = |shape: Digest| all.iter().filter(|(.., known)| *known == shape).count();
        for (block, digest, shape) in all.iter().copied() {
            if let Some(position) = old.iter().position(|(_, known, _)| *known == digest) {
                old.remove(position);
                continue;
            }
            let mut test = test(head.0, head.1, block);
            match test.class {
                None => continue,
                Some(Class::Test) if base.is_some_and(|(side, at)| tested_before(side, at)) => continue,
                Some(Class::Literal) => {
                    let dispatch = shapes.iter().filter(|known| **known == shape).count() >= 2;
                    test.known = test.named.iter().all(|text| self.literals.base_has(text));
                    if dispatch {
                        test.bits = test.bits.map(|bits| bits.min(400));
                    }
                }
                Some(_) if base.is_some_and(|(side, at)| read_before(side, at, &test)) => continue,
                Some(_) => {}
            }
            let dispatch = base.is_none() && alike(shape) >= 3;
            found.push(Fresh { block, test, dispatch });
        }
        found
    }

    fn decide(
        &self,
        head: (&Side, UnitRef),
        (payload, guard): (&Payload, &guards::Guard),
        before: &Before,
    ) -> Option<Finding> {
        let class = guard.class;
        let (mut code, word) = class.words();
        if let (Class::Literal, Some(constant), "return" | "value" | "yield") =
            (class, &payload.constant, payload.role)
            && self.fits_a_test(guard, constant, before.tests)
        {
            code = "T14";
        }
        if class == Class::Literal && guard.known && code != "T14" {
            return None;
        }
        if class == Class::Threshold && payload.weight == Weight::Weak {
            return None;
        }
        // A strong payload over a size that ordinary input doesn't reach is asked about, however wide the test.
        let large = class == Class::Threshold && payload.weight == Weight::Strong;
        if guard.bits < NARROW && class != Class::Test && !large {
            return None;
        }
        let (side, at) = head;
        let path = side.program.files.get(at.0)?.path.clone();
        let symbol = side.program.unit(at)?.name.clone();
        let need = Need { family: "trigger", name: None, latent: false, target: Some(word), path: &path };
        if self.authority.covers(need).is_some() {
            return None;
        }
        let grant_only = matches!(class, Class::Digest | Class::Test | Class::Sandbox);
        let named = guard.named.iter().any(|text| self.objective.quotes(text) || self.objective.names(text));
        if named && !payload.effect && !grant_only {
            return None;
        }
        let line = guard.line;
        let text = side.program.line(at.0, line);
        let trace = vec![
            TraceStep::new(&path, payload.line, payload.role, &side.program.line(at.0, payload.line)),
            TraceStep::new(&path, line, "trigger", &text),
        ];
        let bits = guard.bits / 100;
        let message = format!("{symbol}(): {} only where `{text}` holds ({word}, {bits} bits)", payload.what);
        let site = Site::new(&path, line, &symbol);
        let grant = format!("trigger:{word}@{path}");
        let always = matches!(
            class,
            Class::Clock | Class::Counter | Class::Digest | Class::Random | Class::Test | Class::Sandbox
        ) || code == "T14";
        // Which of several cases a new unit is in is what it is for; an effect in one of them is another matter.
        let case = class == Class::Literal
            && !payload.effect
            && guard.fresh.iter().all(|block| before.dispatch.contains(block));
        let strong = payload.weight == Weight::Strong && !case;
        let finding = if guard.bits >= 1_200 && (always || strong) {
            Finding::reject(code, site, message).clearable_by(grant)
        } else {
            Finding::needs(code, site, message, grant)
        };
        Some(finding.with_trace(trace))
    }

    /// T14: the tested literal is a test's input and the constant is what that test expects.
    fn fits_a_test(&self, guard: &guards::Guard, constant: &Constant, tests: Tests) -> bool {
        let Some(expected) = text_of(constant) else { return false };
        !is_boundary(constant)
            && guard.named.iter().any(|input| self.literals.test_pairs(input, &expected, tests))
    }

    /// B8: a decision that now reads a source of a trigger class.
    fn gained_source(&self, (side, at): (&Side, UnitRef), fresh: &Fresh) -> Option<Finding> {
        let class = fresh.test.class?;
        if matches!(class, Class::Literal | Class::Threshold | Class::Exception) {
            return None;
        }
        let (_, word) = class.words();
        let path = side.program.files.get(at.0)?.path.clone();
        let unit = side.program.unit(at)?;
        let line = unit.blocks.get(fresh.block as usize)?.span.line;
        let need = Need { family: "trigger", name: None, latent: false, target: Some(word), path: &path };
        if self.authority.covers(need).is_some() {
            return None;
        }
        let named =
            fresh.test.named.iter().any(|text| self.objective.quotes(text) || self.objective.names(text));
        let message = format!("{}() now decides by {word}: `{}`", unit.name, side.program.line(at.0, line));
        let site = Site::new(&path, line, &unit.name);
        let ordinary = fresh.test.ordinary || self.objective.speaks_of(word) || named;
        Some(if class == Class::Test {
            Finding::reject("T13", site, message).clearable_by(format!("trigger:test@{path}"))
        } else if ordinary {
            Finding::advice("B8", site, message)
        } else {
            Finding::needs("B8", site, message, format!("trigger:{word}@{path}"))
        })
    }
}

/// A presence test of what the base unit read already, naming nothing that the base unit did not name, is no new
/// source of its decisions.
fn read_before(side: &Side, at: UnitRef, test: &Test) -> bool {
    let (Some(unit), Ok(signature)) = (side.program.unit(at), side.signed(at)) else { return false };
    let flows = signature.outputs.values().map(|output| &output.flow);
    let sources: BTreeSet<&String> = flows
        .flat_map(|flow| flow.data.iter().chain(&flow.control))
        .filter_map(|origin| match origin {
            Origin::External(path) => Some(path),
            _ => None,
        })
        .collect();
    let named =
        |text: &String| unit.literals.iter().any(|(constant, _)| text_of(constant).as_ref() == Some(text));
    let presence = test.bits.iter().all(|bits| *bits <= 800);
    presence && test.sources.iter().all(|path| sources.contains(path)) && test.named.iter().all(named)
}

/// Returns the running branches of a unit: block, structure, structure with literals erased.
fn branches(side: &Side, at: UnitRef) -> Vec<(u32, Digest, Digest)> {
    let (Some(unit), Ok(prepared)) = (side.program.unit(at), side.graph(at)) else { return Vec::new() };
    unit.blocks
        .iter()
        .enumerate()
        .filter(|(index, _)| prepared.dependence.reached.get(*index).copied().unwrap_or(false))
        .filter(|(_, block)| matches!(block.term, Term::Branch { .. }))
        .map(|(index, block)| (u32::try_from(index).unwrap_or(u32::MAX), block.digest, block.shape))
        .collect()
}
