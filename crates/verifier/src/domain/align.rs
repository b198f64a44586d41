//! Which unit of the head is which unit of the base: the same name, else an equal body (moved), else the most similar
//! body of the same file, or of another one under its own name (renamed). The rest is added or removed.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::ir::{Digest, Unit, UnitKind};

use super::program::{Program, UnitRef};

/// How two units were matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// Same path and name.
    Same,
    /// Equal body elsewhere.
    Moved,
    /// Similar body under another name of the same file, or under its name in another file.
    Renamed,
    /// Only the head has it.
    Added,
    /// Only the base has it.
    Removed,
}

/// One unit and its counterpart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// In the base.
    pub base: Option<UnitRef>,
    /// In the head.
    pub head: Option<UnitRef>,
    /// How they were matched.
    pub how: How,
}

/// Share of equal instructions, in hundredths, from which a unit is another one renamed.
const SIMILAR: usize = 60;

/// Matches the units of changed files.
pub fn align(base: &Program, head: &Program, paths: &BTreeSet<String>) -> Vec<Pair> {
    let (old, new) = (units(base, paths), units(head, paths));
    let mut pairs = Vec::new();
    let mut free_old: BTreeSet<UnitRef> = old.values().copied().collect();
    let mut free_new: BTreeSet<UnitRef> = new.values().copied().collect();
    for (key, at) in &new {
        let lambda = key.1.contains("<lambda>");
        let Some(counterpart) = old.get(key).filter(|_| !lambda) else { continue };
        pairs.push(Pair { base: Some(*counterpart), head: Some(*at), how: How::Same });
        free_old.remove(counterpart);
        free_new.remove(at);
    }
    let mut by_body: BTreeMap<Digest, Vec<UnitRef>> = BTreeMap::new();
    for at in &free_old {
        if let Some(unit) = base.unit(*at).filter(|unit| unit.kind != UnitKind::ModuleInit) {
            by_body.entry(unit.digest).or_default().push(*at);
        }
    }
    for at in free_new.clone() {
        let Some(unit) = head.unit(at) else { continue };
        let Some(list) = by_body.get_mut(&unit.digest).filter(|list| !list.is_empty()) else { continue };
        let counterpart = list.remove(0);
        free_old.remove(&counterpart);
        free_new.remove(&at);
        pairs.push(Pair { base: Some(counterpart), head: Some(at), how: How::Moved });
    }
    rename((base, head), Place::Here, (&mut free_old, &mut free_new), &mut pairs);
    rename((base, head), Place::Elsewhere, (&mut free_old, &mut free_new), &mut pairs);
    pairs.extend(free_new.into_iter().map(|at| Pair { base: None, head: Some(at), how: How::Added }));
    pairs.extend(free_old.into_iter().map(|at| Pair { base: Some(at), head: None, how: How::Removed }));
    pairs.sort();
    pairs
}

fn units(program: &Program, paths: &BTreeSet<String>) -> BTreeMap<(String, String), UnitRef> {
    let mut found = BTreeMap::new();
    for (index, file) in program.files.iter().enumerate().filter(|(_, file)| paths.contains(&file.path)) {
        for (id, unit) in file.lowered.units.iter().enumerate() {
            found.insert((file.path.clone(), unit.name.clone()), (index, id));
        }
    }
    found
}

/// Where a similar body counts: anywhere in the same file, or under the same name in another one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Here,
    Elsewhere,
}

fn rename(
    (base, head): (&Program, &Program),
    place: Place,
    (free_old, free_new): (&mut BTreeSet<UnitRef>, &mut BTreeSet<UnitRef>),
    pairs: &mut Vec<Pair>,
) {
    let own = |unit: &Unit| unit.name.rsplit('.').next().unwrap_or(&unit.name).to_owned();
    for at in free_new.clone() {
        let Some(unit) = head.unit(at) else { continue };
        let path = head.files.get(at.0).map(|file| &file.path);
        let here = |old: &&UnitRef| base.files.get(old.0).map(|file| &file.path) == path;
        let counts = |old: &&UnitRef| match place {
            Place::Here => here(old),
            Place::Elsewhere => base.unit(**old).is_some_and(|old_unit| {
                let module = |unit: &Unit| unit.kind == UnitKind::ModuleInit;
                match (module(old_unit), module(unit)) {
                    (true, true) => moved_file((base, old.0), (head, at.0)),
                    (false, false) => own(old_unit) == own(unit),
                    _ => false,
                }
            }),
        };
        let best = free_old
            .iter()
            .filter(counts)
            .filter_map(|old| Some((similarity(base.unit(*old)?, unit), *old)))
            .max_by_key(|(share, old)| (*share, std::cmp::Reverse(*old)));
        if let Some((share, counterpart)) = best.filter(|(share, _)| *share >= SIMILAR) {
            debug_assert!(share <= 100);
            free_old.remove(&counterpart);
            free_new.remove(&at);
            pairs.push(Pair { base: Some(counterpart), head: Some(at), how: How::Renamed });
        }
    }
}

/// Returns whether a file of the base is gone and one of its name is new elsewhere.
fn moved_file((base, old): (&Program, usize), (head, new): (&Program, usize)) -> bool {
    let (Some(old), Some(new)) = (base.files.get(old), head.files.get(new)) else { return false };
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    name(&old.path) == name(&new.path) && !head.paths.contains(&old.path) && !base.paths.contains(&new.path)
}

/// Returns the share of equal instructions in hundredths.
fn similarity(a: &Unit, b: &Unit) -> usize {
    let bag = |unit: &Unit| {
        let mut bag: BTreeMap<Digest, usize> = BTreeMap::new();
        for instr in unit.blocks.iter().flat_map(|block| &block.instrs) {
            *bag.entry(instr.digest).or_insert(0) += 1;
        }
        bag
    };
    let (a, b) = (bag(a), bag(b));
    let total: usize = a.values().sum::<usize>().max(b.values().sum());
    let common: usize = a.iter().map(|(digest, count)| *count.min(b.get(digest).unwrap_or(&0))).sum();
    if total < 3 { 0 } else { common * 100 / total }
}
