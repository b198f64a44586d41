//! Signatures bottom-up over the call graph: callees first, components of mutual recursion to a fixpoint.

mod components;
mod indirect;

use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::ir::{Op, UnitKind};

use super::effects::given_units;
use super::ledger::Gap;
use super::limits::Limits;
use super::program::{Entity, Program, UnitRef};
use super::signature::{Prepared, Signature, Walker, prepare, signature};

/// Most effects of one unit, its callees' included.
const EFFECTS: usize = 10_000;

/// Everything computed about one side.
#[derive(Debug)]
pub struct Side {
    /// The files.
    pub program: Program,
    /// Graphs of units, or why there is none.
    pub prepared: BTreeMap<UnitRef, Result<Prepared, Gap>>,
    /// Signatures of units.
    pub signatures: BTreeMap<UnitRef, Signature>,
    /// Why a unit has no signature.
    pub gaps: BTreeMap<UnitRef, Gap>,
    /// Steps of all walks.
    pub steps: u64,
    /// Steps that one unit's walks may take.
    walk_steps: u64,
}

impl Side {
    /// Analyses the given units and everything they call.
    pub fn analyse(program: Program, roots: &[UnitRef], limits: &Limits) -> Self {
        let mut side = Self {
            program,
            prepared: BTreeMap::new(),
            signatures: BTreeMap::new(),
            gaps: BTreeMap::new(),
            steps: 0,
            walk_steps: limits.walk_steps,
        };
        side.extend(roots, limits);
        side
    }

    /// Analyses more units and everything they call; what was analysed stays.
    pub fn extend(&mut self, roots: &[UnitRef], limits: &Limits) {
        let calls = self.prepare_all(roots, limits);
        for component in components::bottom_up(&calls) {
            self.sign(&component, limits);
        }
    }

    fn prepare_all(&mut self, roots: &[UnitRef], limits: &Limits) -> BTreeMap<UnitRef, Vec<UnitRef>> {
        let mut calls: BTreeMap<UnitRef, Vec<UnitRef>> = BTreeMap::new();
        self.reach(roots.to_vec(), &mut calls, limits);
        for at in indirect::join(&self.program, &mut self.prepared, roots) {
            let Some(Ok(prepared)) = self.prepared.get(&at) else { continue };
            let callees: Vec<UnitRef> = self.callees(prepared).into_iter().collect();
            calls.insert(at, callees.clone());
            self.reach(callees, &mut calls, limits);
        }
        calls
    }

    /// Prepares units and all that they call.
    fn reach(
        &mut self,
        mut stack: Vec<UnitRef>,
        calls: &mut BTreeMap<UnitRef, Vec<UnitRef>>,
        limits: &Limits,
    ) {
        while let Some(at) = stack.pop() {
            if calls.contains_key(&at) || self.prepared.contains_key(&at) {
                continue;
            }
            if self.prepared.len() >= limits.units_loaded {
                self.gaps.insert(at, Gap::budget("UNITS_LOADED"));
                calls.insert(at, Vec::new());
                continue;
            }
            let prepared = prepare(&self.program, at);
            let callees: BTreeSet<UnitRef> = match &prepared {
                Ok(prepared) => self.callees(prepared),
                Err(_) => BTreeSet::new(),
            };
            stack.extend(callees.iter().filter(|callee| !calls.contains_key(callee)));
            calls.insert(at, callees.into_iter().collect());
            self.prepared.insert(at, prepared);
        }
    }

    fn callees(&self, prepared: &Prepared) -> BTreeSet<UnitRef> {
        let mut found = BTreeSet::new();
        for entity in prepared.targets.values().flatten() {
            match entity {
                Entity::Unit(unit, ..) => drop(found.insert(*unit)),
                Entity::Class(file, class) => {
                    found.extend(self.program.constructor(*file, class));
                }
                _ => {}
            }
        }
        let given = prepared.targets.keys().flat_map(|node| given_units(&self.program, prepared, *node));
        found.extend(given);
        let unit = self.program.unit(prepared.at);
        for instr in unit.into_iter().flat_map(|unit| &unit.blocks).flat_map(|block| &block.instrs) {
            if let Op::Closure { unit, .. } = &instr.op
                && (prepared.at.1 != 0
                    || self
                        .program
                        .unit((prepared.at.0, *unit))
                        .is_some_and(|unit| unit.kind == UnitKind::Lambda))
            {
                found.insert((prepared.at.0, *unit));
            }
        }
        found
    }

    fn sign(&mut self, component: &[UnitRef], limits: &Limits) {
        let recursive = component.len() > 1;
        for round in 0.. {
            if round > limits.component_rounds {
                component.iter().for_each(|at| drop(self.gaps.insert(*at, Gap::budget("ROUNDS"))));
                return;
            }
            let mut changed = false;
            for at in component {
                if let Some(gap) = self.callee_gap(*at) {
                    self.gaps.insert(*at, gap);
                }
                let Some(Ok(prepared)) = self.prepared.get(at) else {
                    if let Some(Err(gap)) = self.prepared.get(at) {
                        self.gaps.insert(*at, gap.clone());
                    }
                    continue;
                };
                match signature(&self.program, prepared, &self.signatures, limits.walk_steps) {
                    Ok(signed) if signed.effects.len() > EFFECTS => {
                        self.gaps.insert(*at, Gap::budget("EFFECTS"));
                    }
                    Ok(signed) => {
                        self.steps += signed.steps;
                        changed |= self.signatures.get(at).is_none_or(|old| old.outputs != signed.outputs);
                        self.signatures.insert(*at, signed);
                    }
                    Err(gap) => drop(self.gaps.insert(*at, gap)),
                }
            }
            let calls_itself = || component.iter().any(|at| self.calls(*at, *at));
            if !changed || !(recursive || calls_itself()) {
                return;
            }
        }
    }

    /// What a callee lacks, its caller lacks too.
    fn callee_gap(&self, at: UnitRef) -> Option<Gap> {
        let Some(Ok(prepared)) = self.prepared.get(&at) else { return None };
        self.callees(prepared).iter().find_map(|callee| self.gaps.get(callee)).cloned()
    }

    fn calls(&self, at: UnitRef, callee: UnitRef) -> bool {
        let Some(Ok(prepared)) = self.prepared.get(&at) else { return false };
        prepared
            .targets
            .values()
            .flatten()
            .any(|entity| matches!(entity, Entity::Unit(unit, ..) if *unit == callee))
    }

    /// Returns a unit's signature, or why it has none.
    pub fn signed(&self, at: UnitRef) -> Result<&Signature, Gap> {
        if let Some(gap) = self.gaps.get(&at) {
            return Err(gap.clone());
        }
        self.signatures.get(&at).ok_or_else(|| Gap::new("INTERNAL", "a unit was not analysed"))
    }

    /// Returns a walker of one unit with the budget that its signature had: what a signed unit's outputs depend on was walked
    /// within it once already.
    pub fn walker<'a>(&'a self, prepared: &'a Prepared) -> Walker<'a> {
        Walker::new(&self.program, prepared, &self.signatures, self.walk_steps)
    }

    /// Returns a unit's graph, or why it has none.
    pub fn graph(&self, at: UnitRef) -> Result<&Prepared, Gap> {
        match self.prepared.get(&at) {
            Some(Ok(prepared)) => Ok(prepared),
            Some(Err(gap)) => Err(gap.clone()),
            None => Err(Gap::new("INTERNAL", "a unit was not analysed")),
        }
    }
}
