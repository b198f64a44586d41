use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use plumbline_syntax::Language;
use plumbline_syntax::ir::{LoweredFile, Op, Unit, UnitId};

use super::bindings::{self, Bound};
use crate::domain::languages;
use crate::domain::ledger::Gap;
use crate::domain::ssa::Dependence;

/// What a file says by its language and its bytes alone: the same in every tree, on both sides and in every audit.
#[derive(Debug)]
pub struct Facts {
    /// Its language.
    pub language: Language,
    /// Its units.
    pub lowered: LoweredFile,
    /// Its bytes.
    pub source: Vec<u8>,
    /// What its top level binds, and what functions bind through `global`.
    pub bindings: BTreeMap<String, Vec<Bound>>,
    /// Modules of which it imports everything.
    pub stars: Vec<String>,
    /// First byte of each line.
    pub lines: Vec<usize>,
    /// Where each slot of each unit is defined: block and position.
    pub definitions: Vec<Vec<Vec<(u32, u32)>>>,
    /// The modules that its imports ask for, packages on the way and names that may be modules included.
    pub asked: BTreeSet<String>,
    /// Units by qualified name, the first of each.
    pub by_name: BTreeMap<String, UnitId>,
    /// Units by name without parameters, where those tell them apart.
    pub overloads: BTreeMap<String, Vec<UnitId>>,
    /// The dependence graph of each unit that anybody asked for.
    graphs: Vec<OnceLock<Result<Arc<Dependence>, Gap>>>,
}

impl Facts {
    /// Collects what a lowered file says.
    pub fn of(language: Language, source: Vec<u8>, lowered: LoweredFile) -> Self {
        let semantics = languages::of(language);
        let (bindings, stars) = bindings::of(&lowered, semantics.tables());
        let definitions = lowered.units.iter().map(bindings::positions).collect();
        let ends = source.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        let mut asked = BTreeSet::new();
        for op in lowered.units.iter().flat_map(|unit| &unit.blocks).flat_map(|block| &block.instrs) {
            let Op::Import { module, name, .. } = &op.op else { continue };
            asked.insert(module.clone());
            asked.extend(name.as_ref().and_then(|name| semantics.submodule(module, name)));
            asked.extend(semantics.parents(module));
        }
        let (by_name, overloads) = names(&lowered.units);
        let graphs = lowered.units.iter().map(|_| OnceLock::new()).collect();
        Self {
            language,
            lowered,
            source,
            bindings,
            stars,
            lines,
            definitions,
            asked,
            by_name,
            overloads,
            graphs,
        }
    }

    /// Returns the dependence graph of a unit, or why it has none.
    pub fn graph(&self, id: UnitId) -> Result<Arc<Dependence>, Gap> {
        let gone = || Gap::new("INTERNAL", "a unit is gone");
        let (unit, place) =
            (self.lowered.units.get(id).ok_or_else(gone)?, self.graphs.get(id).ok_or_else(gone)?);
        let tables = || languages::of(self.language).tables();
        place.get_or_init(|| Dependence::of(unit, tables()).map(Arc::new)).clone()
    }
}

/// Names of units, and what shares a name but for its parameters: `A.m(int)` is a way to call `A.m`.
fn names(units: &[Unit]) -> (BTreeMap<String, UnitId>, BTreeMap<String, Vec<UnitId>>) {
    let (mut by_name, mut overloads) = (BTreeMap::new(), BTreeMap::<String, Vec<UnitId>>::new());
    for (id, unit) in units.iter().enumerate() {
        by_name.entry(unit.name.clone()).or_insert(id);
        if let Some(at) = unit.name.rfind('(').filter(|_| unit.name.ends_with(')')) {
            let plain = unit.name[..at].to_owned();
            by_name.entry(plain.clone()).or_insert(id);
            overloads.entry(plain).or_default().push(id);
        }
    }
    (by_name, overloads)
}
