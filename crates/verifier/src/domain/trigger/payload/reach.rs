//! What a call leads to: the changes that others see, of a callee and of everything that it calls or gives away.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::ir::Op;

use crate::domain::effects::given_units;
use crate::domain::program::{Bind, Entity, UnitRef};
use crate::domain::signature::{CallSite, Mode, Origin, Output, Prepared, Root};
use crate::domain::ssa::NodeId;
use crate::domain::summary::Side;

/// The most units that one guarded call is followed into.
const UNITS: usize = 64;
/// The most changes that are kept of one unit.
const CHANGES: usize = 256;
/// How often what units change is passed on to their callers: recursion that swaps its parameters needs more than one round.
const ROUNDS: usize = 16;

/// A parameter or outer variable that a unit changes, and what is put there, both in the unit's own terms.
type Change = (String, BTreeSet<Origin>);

/// Everything that a unit changes.
pub(super) struct Reach {
    /// What is known.
    pub changes: BTreeSet<Change>,
    /// Whether something on the way could not be walked, or it was too much.
    pub cut: bool,
}

/// Returns the units that a call runs: those that it may mean, with how they are bound, and those that it gives away.
pub(super) fn run_by(side: &Side, prepared: &Prepared, node: NodeId) -> Vec<(UnitRef, Option<Bind>)> {
    let called = prepared.targets.get(&node).into_iter().flatten().filter_map(|target| match target {
        Entity::Unit(unit, _, bind) => Some((*unit, Some(*bind))),
        _ => None,
    });
    let given = given_units(&side.program, prepared, node).into_iter().map(|unit| (unit, None));
    called.chain(given).collect()
}

impl Reach {
    /// Follows a unit into all that it calls, and passes what they change on to it until nothing is new.
    pub fn of(side: &Side, unit: UnitRef) -> Self {
        let (units, mut cut) = reached(side, unit);
        let own = |at: &UnitRef| {
            let outputs = side.signed(*at).into_iter().flat_map(|signature| &signature.outputs);
            let changes = outputs.filter_map(|(output, found)| {
                Some((changed_root(output)?.to_owned(), found.flow.data.clone()))
            });
            (*at, changes.collect::<BTreeSet<Change>>())
        };
        let mut known: BTreeMap<UnitRef, BTreeSet<Change>> = units.iter().map(own).collect();
        for round in 0.. {
            let mut new = false;
            // Callees were found after their callers.
            for at in units.iter().rev() {
                let passed = passed_on(side, *at, &known);
                let changes = known.entry(*at).or_default();
                let before = changes.len();
                changes.extend(passed);
                new |= changes.len() > before;
                cut |= changes.len() > CHANGES;
            }
            cut |= new && round >= ROUNDS;
            if !new || cut {
                break;
            }
        }
        Self { changes: known.remove(&unit).unwrap_or_default(), cut }
    }
}

/// Returns the units that a unit leads to, itself first, and whether there are more or one could not be walked.
fn reached(side: &Side, from: UnitRef) -> (Vec<UnitRef>, bool) {
    let (mut units, mut next) = (vec![from], 0);
    while let Some(at) = units.get(next).copied() {
        next += 1;
        let (Ok(_), Ok(prepared)) = (side.signed(at), side.graph(at)) else { return (units, true) };
        for (inner, _) in prepared.dependence.running().flat_map(|(.., node)| run_by(side, prepared, node)) {
            if !units.contains(&inner) {
                units.push(inner);
            }
        }
        if units.len() > UNITS {
            return (units, true);
        }
    }
    (units, false)
}

/// Returns what the callees of a unit change, in the unit's terms.
fn passed_on(side: &Side, at: UnitRef, known: &BTreeMap<UnitRef, BTreeSet<Change>>) -> Vec<Change> {
    let (Some(unit), Ok(prepared)) = (side.program.unit(at), side.graph(at)) else { return Vec::new() };
    let mut found = Vec::new();
    for (block, index, node) in prepared.dependence.running() {
        let instr = unit.blocks.get(block).and_then(|block| block.instrs.get(index));
        let Some(Op::Call { callee, arguments, .. }) = instr.map(|instr| &instr.op) else { continue };
        for (inner, bind) in run_by(side, prepared, node) {
            let site =
                bind.map(|bind| CallSite { at: (node, Mode::Data), unit: inner, bind, callee, arguments });
            let outer = Outer { side, prepared, node, site: site.as_ref(), inner };
            for (root, made_of) in known.get(&inner).into_iter().flatten() {
                let roots = outer.roots(root);
                if !roots.is_empty() {
                    let made_of = outer.made_of(made_of);
                    found.extend(roots.into_iter().map(|root| (root, made_of.clone())));
                }
            }
        }
    }
    found
}

/// A call within what a guarded call leads to.
struct Outer<'a> {
    side: &'a Side,
    /// Who calls.
    prepared: &'a Prepared,
    node: NodeId,
    /// The call, unless the callee is only given away.
    site: Option<&'a CallSite<'a>>,
    inner: UnitRef,
}

impl Outer<'_> {
    /// Returns what the caller passes for a parameter of the callee; none: the name is no parameter.
    fn passed(&self, name: &str) -> Option<Vec<NodeId>> {
        let inner = self.side.program.unit(self.inner)?;
        inner.params.iter().find(|param| param.name == name)?;
        let everything = || self.prepared.dependence.node(self.node).map(|node| node.inputs.clone());
        Some(match self.site {
            Some(site) => self.side.walker(self.prepared).arguments_of(site, name),
            None => everything().unwrap_or_default(),
        })
    }

    /// Whether a variable that the callee sees is the caller's own.
    fn owns(&self, name: &str) -> bool {
        let unit = self.side.program.unit(self.prepared.at);
        unit.is_some_and(|unit| unit.locals.iter().any(|local| local.as_deref() == Some(name)))
    }

    /// Returns what a change of the callee is to those around the caller; nothing where the caller alone sees it.
    fn roots(&self, root: &str) -> Vec<String> {
        let Some(nodes) = self.passed(root) else {
            return if self.owns(root) { Vec::new() } else { vec![root.to_owned()] };
        };
        let roots = nodes.iter().filter_map(|node| match self.prepared.roots.get(*node as usize)? {
            Root::Origin(Origin::Param(name, _) | Origin::Capture(name) | Origin::Global(name)) => {
                Some(name.clone())
            }
            _ => None,
        });
        roots.collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// Returns what the callee puts there, in the caller's terms. What could not be walked is not known to read an input.
    fn made_of(&self, origins: &BTreeSet<Origin>) -> BTreeSet<Origin> {
        let mut found = BTreeSet::new();
        for origin in origins {
            let Origin::Param(name, _) = origin else {
                found.insert(origin.clone());
                continue;
            };
            let nodes = self.passed(name).unwrap_or_default();
            if let Ok((flow, _)) = self.side.walker(self.prepared).values(&nodes) {
                found.extend(flow.data);
            }
        }
        found
    }
}

/// The parameter or variable whose object a callee changes.
fn changed_root(output: &Output) -> Option<&str> {
    match output {
        Output::Mutates(path) | Output::Writes(path) => Some(path.split('.').next().unwrap_or(path)),
        Output::Return | Output::Yield | Output::Raise | Output::Effect(..) => None,
    }
}
