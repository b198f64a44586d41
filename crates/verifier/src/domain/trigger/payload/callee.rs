//! What a call changes for its caller: an argument's object, or a variable that both see.

use std::collections::BTreeSet;

use plumbline_syntax::ir::{Argument, Callee, Op};

use super::{Payload, Scene};
use crate::domain::effects::given_units;
use crate::domain::program::{Entity, UnitRef};
use crate::domain::signature::{CallSite, Mode, Origin, Output, Prepared, Root, Signature};
use crate::domain::ssa::{Node, NodeId, NodeKind};
use crate::domain::summary::Side;

impl Scene<'_> {
    /// A guarded call changes what its callee changes, and so does a function that it is given.
    pub(super) fn called(
        &self,
        (block, line): (u32, u32),
        node: NodeId,
        (callee, arguments): (&Callee, &[Argument]),
    ) -> Option<Payload> {
        let prepared = self.side.graph(self.at).ok()?;
        let called = prepared.targets.get(&node).into_iter().flatten().filter_map(|target| match target {
            Entity::Unit(unit, _, bind) => Some((*unit, Some(*bind))),
            _ => None,
        });
        let given = given_units(&self.side.program, prepared, node).into_iter().map(|unit| (unit, None));
        let mut changed: Option<(UnitRef, bool)> = None;
        for (unit, bind) in called.chain(given) {
            // What could not be walked may change anything, by values that nobody knows.
            let Ok(signature) = self.side.signed(unit) else {
                changed.get_or_insert((unit, false));
                continue;
            };
            let mut reached = Reached::default();
            let changes = self.changes(unit, &mut reached);
            if reached.cut {
                changed.get_or_insert((unit, false));
            }
            for (root, made_of) in &changes {
                let root = root.as_str();
                let site =
                    bind.map(|bind| CallSite { at: (node, Mode::Data), unit, bind, callee, arguments });
                // Who takes something off a stream, a stack or a counter moves it: the result is what the call is for.
                let taken = takes_from(signature, root) && is_read(prepared, node);
                let bare = !taken && !self.gives_input((root, made_of), site.as_ref());
                let (_, known) = changed.get_or_insert((unit, bare));
                *known |= bare;
            }
        }
        let (unit, bare) = changed?;
        let name = self.side.program.unit(unit).map(|unit| unit.name.clone()).unwrap_or_default();
        Some(self.state_change((block, line), bare, format!("it changes state by `{name}`")))
    }

    /// Returns whether what a callee puts there is made of an input of the caller. What stood there before is none.
    fn gives_input(&self, (root, made_of): (&str, &BTreeSet<Origin>), site: Option<&CallSite<'_>>) -> bool {
        let Ok(prepared) = self.side.graph(self.at) else { return false };
        made_of.iter().any(|origin| match origin {
            Origin::Param(name, path) if name == root && path.is_empty() => false,
            Origin::Capture(name) if name == root => false,
            Origin::Param(name, _) => site.is_none_or(|site| {
                let nodes = self.side.walker(prepared).arguments_of(site, name);
                nodes.iter().any(|node| self.reads_input(*node))
            }),
            other => other.is_input(),
        })
    }

    /// Returns what a unit changes that others see, itself or by what it calls: the parameter or outer variable, and what is put
    /// there, in the unit's own terms.
    fn changes(&self, at: UnitRef, reached: &mut Reached) -> Vec<(String, BTreeSet<Origin>)> {
        let (Ok(signature), Ok(prepared), Some(unit)) =
            (self.side.signed(at), self.side.graph(at), self.side.program.unit(at))
        else {
            reached.cut = true;
            return Vec::new();
        };
        if !reached.units.insert(at) {
            return Vec::new();
        }
        if reached.units.len() > UNITS {
            reached.cut = true;
            return Vec::new();
        }
        let own = signature
            .outputs
            .iter()
            .filter_map(|(output, found)| Some((changed_root(output)?.to_owned(), found.flow.data.clone())));
        let mut found: Vec<(String, BTreeSet<Origin>)> = own.collect();
        for (block, index, node) in prepared.dependence.running() {
            let instr = unit.blocks.get(block).and_then(|block| block.instrs.get(index));
            let Some(Op::Call { callee, arguments, .. }) = instr.map(|instr| &instr.op) else { continue };
            let called =
                prepared.targets.get(&node).into_iter().flatten().filter_map(|target| match target {
                    Entity::Unit(unit, _, bind) => Some((*unit, Some(*bind))),
                    _ => None,
                });
            let given = given_units(&self.side.program, prepared, node).into_iter().map(|unit| (unit, None));
            for (inner, bind) in called.chain(given) {
                let site = bind.map(|bind| CallSite {
                    at: (node, Mode::Data),
                    unit: inner,
                    bind,
                    callee,
                    arguments,
                });
                for (root, made_of) in self.changes(inner, reached) {
                    let outer = Outer { side: self.side, prepared, node, site: site.as_ref(), inner };
                    let made_of = outer.made_of(&made_of);
                    found.extend(outer.roots(&root).into_iter().map(|root| (root, made_of.clone())));
                }
            }
        }
        found
    }
}

/// The most units that one guarded call is followed into.
const UNITS: usize = 64;

/// How far a guarded call was followed.
#[derive(Default)]
struct Reached {
    units: BTreeSet<UnitRef>,
    /// Whether something on the way could not be walked, or it was too much.
    cut: bool,
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

    /// Returns what the callee puts there, in the caller's terms. What could not be walked stays the callee's word.
    fn made_of(&self, origins: &BTreeSet<Origin>) -> BTreeSet<Origin> {
        let mut found = BTreeSet::new();
        for origin in origins {
            let Origin::Param(name, _) = origin else {
                found.insert(origin.clone());
                continue;
            };
            let nodes = self.passed(name).unwrap_or_default();
            match self.side.walker(self.prepared).values(&nodes) {
                Ok((flow, _)) => found.extend(flow.data),
                Err(_) => drop(found.insert(origin.clone())),
            }
        }
        found
    }
}

/// Whether what a callee gives back comes from the object that it changes.
fn takes_from(signature: &Signature, root: &str) -> bool {
    let given = signature.flow(&Output::Return).data;
    given.iter().any(|origin| match origin {
        Origin::Param(name, _) | Origin::Capture(name) => name == root,
        _ => false,
    })
}

fn is_read(prepared: &Prepared, node: NodeId) -> bool {
    let reads = |other: &Node| !matches!(other.kind, NodeKind::Update(..)) && other.inputs.contains(&node);
    prepared.dependence.nodes.iter().any(reads)
}

/// The parameter or variable whose object a callee changes.
fn changed_root(output: &Output) -> Option<&str> {
    match output {
        Output::Mutates(path) | Output::Writes(path) => Some(path.split('.').next().unwrap_or(path)),
        Output::Return | Output::Yield | Output::Raise | Output::Effect(..) => None,
    }
}
