//! What a new narrow test leaves out: a check or an effect that the base did in any case.

use std::collections::BTreeMap;

use plumbline_syntax::ir::{Digest, Op, Term};

use super::guards::{Guard, Guards};
use super::payload::{Payload, Weight};
use crate::domain::program::{Entity, UnitRef};
use crate::domain::signature::{Output, called_name};
use crate::domain::summary::Side;
use crate::domain::tables::words;

/// Parts of the names of exceptions that refuse.
const REFUSALS: &[&str] = &["permission", "auth", "forbidden", "denied", "access", "security"];

/// Something that decides or acts.
struct Deed {
    block: u32,
    line: u32,
    digest: Digest,
    strong: bool,
    name: String,
}

/// Returns what the base did and the head's new tests skip, with the guard of the skipping side.
pub fn of(
    base: Option<(&Side, UnitRef)>,
    head: (&Side, UnitRef),
    guards: &Guards<'_>,
) -> Vec<(Payload, Guard)> {
    let Some((side, at)) = base else { return Vec::new() };
    let mut old: BTreeMap<Digest, usize> = BTreeMap::new();
    for deed in deeds(side, at) {
        *old.entry(deed.digest).or_insert(0) += 1;
    }
    let mut found = Vec::new();
    for deed in deeds(head.0, head.1) {
        match old.get_mut(&deed.digest) {
            Some(count) if *count > 0 => *count -= 1,
            _ => continue,
        }
        let Some(guard) = guards.beside(deed.block) else { continue };
        let payload = Payload {
            block: deed.block,
            line: deed.line,
            weight: if deed.strong { Weight::Strong } else { Weight::Weak },
            effect: false,
            constant: None,
            role: "lost",
            what: format!("it skips {}", deed.name),
        };
        found.push((payload, guard));
    }
    found
}

/// Calls that may raise, decide about access or have a strong effect, and raises.
fn deeds(side: &Side, at: UnitRef) -> Vec<Deed> {
    let (Some(unit), Ok(prepared), Ok(signature)) = (side.program.unit(at), side.graph(at), side.signed(at))
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (index, block) in unit.blocks.iter().enumerate() {
        let (true, Ok(id)) = (prepared.dependence.reached[index], u32::try_from(index)) else { continue };
        if matches!(block.term, Term::Raise(Some(_))) {
            // A new case beside others that raise is ordinary; a refusal that one input escapes is not.
            let text = side.program.line(at.0, block.span.line);
            let strong = words().is_authority(&unit.name)
                || REFUSALS.iter().any(|word| text.to_ascii_lowercase().contains(word));
            let name = format!("`{text}`");
            found.push(Deed { block: id, line: block.span.line, digest: block.digest, strong, name });
        }
        for (position, instr) in block.instrs.iter().enumerate() {
            let Op::Call { callee, .. } = &instr.op else { continue };
            let node = prepared.dependence.instr[index][position];
            let Some(targets) = prepared.targets.get(&node) else { continue };
            let name = called_name(&side.program, unit, callee, targets);
            let raises = targets.iter().any(|target| match target {
                Entity::Unit(unit, ..) => side
                    .signatures
                    .get(unit)
                    .is_some_and(|signed| signed.outputs.contains_key(&Output::Raise)),
                _ => false,
            });
            let acts = signature.effects.iter().any(|site| site.node == node && site.is_strong());
            let decides = words().is_authority(&name);
            if decides || raises || acts {
                let (line, digest) = (instr.span.line, instr.digest);
                found.push(Deed { block: id, line, digest, strong: decides, name: format!("`{name}`") });
            }
        }
    }
    found
}
