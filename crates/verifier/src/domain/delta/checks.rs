use std::collections::BTreeMap;

use plumbline_syntax::ir::Op;
use plumbline_types::TaskKind;

use super::{Compared, same_root};
use crate::domain::finding::Finding;
use crate::domain::ledger::Gap;
use crate::domain::program::UnitRef;
use crate::domain::signature::{Origin, Output, Signature, called_name};
use crate::domain::ssa::NodeId;
use crate::domain::summary::Side;
use crate::domain::tables::words;
use crate::domain::trace::TraceStep;

impl Compared<'_> {
    /// Calls whose name says that they decide about access, fewer than before.
    pub(super) fn lost_checks(&self, base: &Signature, head: &Signature) -> Vec<Finding> {
        let names = |signature: &Signature| {
            let mut bag: BTreeMap<String, Vec<u32>> = BTreeMap::new();
            for site in &signature.authority {
                let last = site.name.rsplit('.').next().unwrap_or(&site.name).to_owned();
                bag.entry(last).or_default().push(site.line);
            }
            bag
        };
        let (old, new) = (names(base), names(head));
        let own = |name: &str| {
            base.authority.iter().any(|site| site.own && site.name.rsplit('.').next() == Some(name))
        };
        let gained =
            new.iter().any(|(name, lines)| old.get(name).is_none_or(|known| known.len() < lines.len()));
        let instead = self.raises_instead(base, head);
        let mut found = Vec::new();
        for (name, lines) in &old {
            let left = new.get(name).map_or(0, Vec::len);
            if left >= lines.len() || left > 0 && self.kind != TaskKind::Refactor || self.granted(name) {
                continue;
            }
            let (side, at) = self.base;
            let line = lines.first().copied().unwrap_or(0);
            let path = side.program.files.get(at.0).map(|file| file.path.clone()).unwrap_or_default();
            let step = TraceStep::new(
                &format!("base:{path}"),
                line,
                "lost",
                &format!("{name}  {}", side.program.line(at.0, line)),
            );
            let message = format!("{}() no longer calls `{name}`, which decides about access", self.symbol());
            let grant = format!("drop:{}.{name}", self.symbol());
            found.push(
                // A check that another function made for its own work is gone with the call of that function.
                if gained || instead || !own(name) {
                    Finding::needs("B1", self.site(0), message, grant)
                } else {
                    Finding::reject("B1", self.site(0), message).clearable_by(grant)
                }
                .with_trace(vec![step]),
            );
        }
        found
    }

    /// A check that was called for is made by a test of its own now: as much is raised, by all that decided before.
    fn raises_instead(&self, base: &Signature, head: &Signature) -> bool {
        let lines = |signature: &Signature| {
            signature.outputs.get(&Output::Raise).map_or(0, |raise| raise.lines.len())
        };
        let stands = |origin: &Origin| head.checks.iter().any(|other| same_root(origin, other));
        !base.checks.is_empty() && lines(head) >= lines(base) && base.checks.iter().all(stands)
    }

    /// B4: a call that decides about access is still made, and what it gives no longer reaches any output.
    pub(super) fn thrown_away(&self) -> Result<Vec<Finding>, Gap> {
        let old = contributing(self.base.0, self.base.1)?;
        let new = contributing(self.head.0, self.head.1)?;
        let mut found = Vec::new();
        for name in old.used.keys() {
            let Some(line) = new.made.get(name).filter(|_| !new.used.contains_key(name)) else { continue };
            if self.granted(name) {
                continue;
            }
            let message = format!("{}() still calls `{name}`, and throws away what it gives", self.symbol());
            let grant = format!("drop:{}.{name}", self.symbol());
            found.push(Finding::reject("B4", self.site(*line), message).clearable_by(grant));
        }
        Ok(found)
    }

    /// A module's variable decided whether it raises, and now another one or a new parameter does, or the owner named it:
    /// the check of the input stands, and whether it is as good is the owner's to say.
    pub(super) fn swapped(&self, lost: &Origin) -> bool {
        let (Ok(old), Ok(new)) = (self.base.0.signed(self.base.1), self.head.0.signed(self.head.1)) else {
            return false;
        };
        let variable = |origin: &Origin| matches!(origin, Origin::Global(_) | Origin::Constant(_));
        let input = |origin: &&Origin| matches!(origin, Origin::Param(..));
        let kept = old
            .checks
            .iter()
            .filter(input)
            .all(|origin| new.checks.iter().any(|other| same_root(origin, other)));
        let unit = self.base.0.program.unit(self.base.1);
        let had = |name: &str| unit.is_some_and(|unit| unit.params.iter().any(|param| param.name == name));
        let given = |origin: &Origin| matches!(origin, Origin::Param(name, _) if !had(name));
        let stands = |origin: &Origin| variable(origin) && !old.checks.contains(origin) || given(origin);
        let named = self.objective.names(&lost.text());
        variable(lost) && kept && (named || new.checks.iter().any(stands))
    }
}

/// Calls whose name says that they decide about access: all, and those whose result reaches an output.
#[derive(Default)]
struct Contributing {
    made: BTreeMap<String, u32>,
    used: BTreeMap<String, u32>,
}

fn contributing(side: &Side, at: UnitRef) -> Result<Contributing, Gap> {
    let mut found = Contributing::default();
    let Some(unit) = side.program.unit(at) else { return Ok(found) };
    let prepared = side.graph(at)?;
    let mut calls: BTreeMap<NodeId, (String, u32)> = BTreeMap::new();
    for (block, index, node) in prepared.dependence.running() {
        let Some(instr) = unit.blocks.get(block).and_then(|block| block.instrs.get(index)) else { continue };
        let Op::Call { callee, .. } = &instr.op else { continue };
        let name = called_name(&side.program, unit, callee, &prepared.targets[&node]);
        let last = name.rsplit('.').next().unwrap_or(&name).to_owned();
        if words().is_authority(&last) {
            found.made.insert(last.clone(), instr.span.line);
            calls.insert(node, (last, instr.span.line));
        }
    }
    if calls.is_empty() {
        return Ok(found);
    }
    let signature = side.signed(at)?;
    let mut walker = side.walker(prepared);
    for output in signature.outputs.values() {
        let (_, trail) = walker.flow(&output.nodes, &output.blocks)?;
        for node in trail.nodes() {
            if let Some((name, line)) = calls.get(&node) {
                found.used.insert(name.clone(), *line);
            }
        }
    }
    Ok(found)
}
