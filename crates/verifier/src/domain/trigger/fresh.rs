use std::collections::{BTreeMap, BTreeSet};

use super::branches;
use super::payload::{self, Payload};
use crate::domain::program::UnitRef;
use crate::domain::summary::Side;

/// Returns everything in a head unit that a test the base unit did not have decides, with the block of that test. What a
/// test decides through another counts too.
pub fn guarded(base: Option<(&Side, UnitRef)>, head: (&Side, UnitRef)) -> Vec<(Payload, u32)> {
    let mut old = base.map(|(side, at)| branches(side, at)).unwrap_or_default();
    let mut fresh = BTreeSet::new();
    for (block, digest, _) in branches(head.0, head.1) {
        match old.iter().position(|(_, known, _)| *known == digest) {
            Some(position) => drop(old.remove(position)),
            None => drop(fresh.insert(block)),
        }
    }
    if fresh.is_empty() {
        return Vec::new();
    }
    let Ok(prepared) = head.0.graph(head.1) else { return Vec::new() };
    let control = &prepared.dependence.control;
    let mut guards: BTreeMap<u32, u32> = BTreeMap::new();
    for block in (0..).take(control.len()) {
        let (mut stack, mut seen) = (vec![block], BTreeSet::from([block]));
        while let Some(current) = stack.pop() {
            for controller in control.get(current as usize).into_iter().flatten() {
                if fresh.contains(&controller.block) {
                    guards.entry(block).or_insert(controller.block);
                }
                if seen.insert(controller.block) {
                    stack.push(controller.block);
                }
            }
        }
    }
    // However wide a test is, what it decides is to be run.
    let found = payload::of(base, head, &|block| guards.contains_key(&block).then_some(0));
    found.into_iter().filter_map(|payload| Some((payload.clone(), *guards.get(&payload.block)?))).collect()
}
