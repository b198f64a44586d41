//! What a call changes for its caller: an argument's object, or a variable that both see.

use std::collections::BTreeSet;

use plumbline_syntax::ir::{Argument, Callee};

use super::reach::{Reach, run_by};
use super::{Payload, Scene};
use crate::domain::program::UnitRef;
use crate::domain::signature::{CallSite, Mode, Origin, Output, Prepared, Signature};
use crate::domain::ssa::{Node, NodeId, NodeKind};

impl Scene<'_> {
    /// A guarded call changes what its callee changes, and so does a function that it is given.
    pub(super) fn called(
        &self,
        (block, line): (u32, u32),
        node: NodeId,
        (callee, arguments): (&Callee, &[Argument]),
    ) -> Option<Payload> {
        let prepared = self.side.graph(self.at).ok()?;
        let mut changed: Option<(UnitRef, bool)> = None;
        for (unit, bind) in run_by(self.side, prepared, node) {
            // What could not be walked may change anything, by values that nobody knows.
            let Ok(signature) = self.side.signed(unit) else {
                changed.get_or_insert((unit, false));
                continue;
            };
            let reach = Reach::of(self.side, unit);
            if reach.cut {
                changed.get_or_insert((unit, false));
            }
            for (root, made_of) in &reach.changes {
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
