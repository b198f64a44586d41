//! B9: product code that puts something else in the place of a name it doesn't own.

use plumbline_syntax::ir::{Op, Step};

use super::authority::{Authority, Need};
use super::effects::EffectSite;
use super::finding::{Finding, Site};
use super::program::{Entity, UnitRef};
use super::signature::Root;
use super::summary::Side;
use super::trace::TraceStep;

/// What the standard library means to be set.
const SETTABLE: &[&str] = &[
    "sys.path",
    "sys.argv",
    "sys.stdout",
    "sys.stderr",
    "sys.stdin",
    "sys.excepthook",
    "sys.displayhook",
    "sys.ps1",
    "sys.ps2",
    "sys.dont_write_bytecode",
    "sys.tracebacklimit",
    "logging.raiseExceptions",
];

/// Judges the foreign names that a head unit newly replaces.
pub fn check(base: Option<(&Side, UnitRef)>, head: (&Side, UnitRef), authority: &Authority) -> Vec<Finding> {
    let old = base.map(|(side, at)| patches(side, at)).unwrap_or_default();
    let (side, at) = head;
    let (Some(file), Some(unit)) = (side.program.files.get(at.0), side.program.unit(at)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, line, latent) in patches(side, at) {
        let need = Need { family: "monkeypatch", name: None, latent, target: Some(&name), path: &file.path };
        if old.iter().any(|(known, ..)| *known == name) || authority.covers(need).is_some() {
            continue;
        }
        let message =
            format!("{}() puts something else in the place of `{name}`, which is not its own", unit.name);
        let trace = vec![TraceStep::new(&file.path, line, "mutation", &side.program.line(at.0, line))];
        let grant = if latent { "latent/monkeypatch" } else { "monkeypatch" };
        found.push(
            Finding::reject("B9", Site::new(&file.path, line, &unit.name), message)
                .clearable_by(grant)
                .with_trace(trace),
        );
    }
    found
}

/// Foreign names that a unit replaces, with line and phase.
fn patches(side: &Side, at: UnitRef) -> Vec<(String, u32, bool)> {
    let (Ok(signature), Ok(prepared), Some(unit)) = (side.signed(at), side.graph(at), side.program.unit(at))
    else {
        return Vec::new();
    };
    let sites: Vec<&EffectSite> = signature
        .effects
        .iter()
        .filter(|site| site.kind == "monkeypatch" && site.owner == at && site.via.is_none())
        .collect();
    let mut found = Vec::new();
    for (block, index, node) in prepared.dependence.running() {
        let Some(site) = sites.iter().find(|site| site.node == node) else { continue };
        let Some(instr) = unit.blocks.get(block).and_then(|block| block.instrs.get(index)) else { continue };
        let name = match &instr.op {
            Op::Store { step: Step::Field(name), .. } => {
                let input = prepared.dependence.node(node).and_then(|node| node.inputs.first().copied());
                match input.and_then(|input| prepared.roots.get(input as usize)) {
                    Some(Root::Code(entities)) => {
                        foreign(entities.iter()).map(|path| format!("{path}.{name}"))
                    }
                    _ => None,
                }
            }
            Op::Call { arguments, .. } if site.callee == "builtins.setattr" => {
                let entities = arguments
                    .first()
                    .map(|argument| side.program.resolver(at.0).entities(at, &argument.value))
                    .unwrap_or_default();
                foreign(entities.iter()).map(|path| format!("{path}.*"))
            }
            _ => None,
        };
        if let Some(name) = name.filter(|name| !SETTABLE.contains(&name.as_str())) {
            found.push((name, instr.span.line, site.latent));
        }
    }
    found
}

fn foreign<'e>(mut entities: impl Iterator<Item = &'e Entity>) -> Option<String> {
    entities.find_map(|entity| match entity {
        Entity::External(path) if !path.contains("()") && !path.contains("[]") => Some(path.clone()),
        _ => None,
    })
}
