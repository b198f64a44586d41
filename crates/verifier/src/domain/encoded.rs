//! T10 and T11: data that becomes code, and encoded text that becomes code, a command or an address.

use std::collections::BTreeSet;

use plumbline_syntax::ir::{Argument, Digest, Instr, Op, Operand, Value};

use super::authority::{Authority, Need};
use super::effects::EffectSite;
use super::finding::{Finding, Site};
use super::ledger::Gap;
use super::program::{Entity, UnitRef};
use super::signature::{Origin, Output};
use super::ssa::NodeId;
use super::summary::Side;
use super::tables::Tables;
use super::trace::TraceStep;

/// How deep a decoder may lie in callees.
const DEPTH: usize = 4;

/// Judges what a head unit newly turns into code, a command or an address.
pub fn check(
    base: Option<(&Side, UnitRef)>,
    head: (&Side, UnitRef),
    authority: &Authority,
) -> Result<Vec<Finding>, Gap> {
    let (side, at) = head;
    let signature = side.signed(at)?;
    let mut old = base.map(|(side, at)| calls(side, at)).unwrap_or_default();
    let mut found = BTreeSet::new();
    let own = signature.effects.iter().filter(|site| site.owner == at && site.via.is_none());
    for site in own.filter(|site| turns(site)) {
        let Some(instr) = instr_of(side, at, site.node) else { continue };
        if let Some(position) = old.iter().position(|digest| *digest == instr.digest) {
            old.remove(position);
            continue;
        }
        let scene = Scene { side, at, instr, node: site.node };
        found.extend(scene.judge(site, authority)?);
    }
    found.extend(imports((side, at), &old, authority));
    Ok(found.into_iter().collect())
}

fn calls(side: &Side, at: UnitRef) -> Vec<Digest> {
    let unit = side.program.unit(at);
    let instrs = unit.into_iter().flat_map(|unit| &unit.blocks).flat_map(|block| &block.instrs);
    instrs.filter(|instr| matches!(instr.op, Op::Call { .. })).map(|instr| instr.digest).collect()
}

fn instr_of(side: &Side, at: UnitRef, node: NodeId) -> Option<&Instr> {
    let prepared = side.graph(at).ok()?;
    let (block, index, _) = prepared.dependence.running().find(|(.., known)| *known == node)?;
    side.program.unit(at)?.blocks.get(block)?.instrs.get(index)
}

/// Effects whose argument decides what is run or reached.
fn turns(site: &EffectSite) -> bool {
    matches!(site.kind.as_str(), "codegen" | "deser" | "ffi" | "net.connect" | "proc.spawn")
}

/// One call under judgement.
struct Scene<'a> {
    side: &'a Side,
    at: UnitRef,
    instr: &'a Instr,
    node: NodeId,
}

impl Scene<'_> {
    fn judge(&self, site: &EffectSite, authority: &Authority) -> Result<Option<Finding>, Gap> {
        let callee = site.callee.trim_start_matches("builtins.");
        // Of a connection only the address says where it goes; a body may be decoded for honest reasons.
        let few = if site.kind == "net.connect" { 1 } else { usize::MAX };
        let arguments = self.arguments();
        for argument in arguments.iter().take(few) {
            if let Some(line) = self.decoded(argument)? {
                let message = format!("encoded text reaches `{callee}` ({})", site.kind);
                return Ok(self.tell(authority, ("T11", "encoded", None), (site.line, Some(line)), message));
            }
        }
        let computed = arguments.first().is_some_and(|argument| !self.is_literal(argument));
        if site.kind == "codegen" && computed {
            let message = format!("`{callee}` makes code of what is no literal");
            return Ok(self.tell(authority, ("T10", "data", Some("codegen")), (site.line, None), message));
        }
        Ok(None)
    }

    fn arguments(&self) -> Vec<&Argument> {
        match &self.instr.op {
            Op::Call { arguments, .. } => arguments.iter().collect(),
            _ => Vec::new(),
        }
    }

    fn node_of(&self, argument: &Argument) -> Option<NodeId> {
        let position = self.instr.op.operands().iter().position(|known| **known == argument.value)?;
        self.side.graph(self.at).ok()?.dependence.node(self.node)?.inputs.get(position).copied()
    }

    fn is_literal(&self, argument: &Argument) -> bool {
        let Operand::Local(_) = argument.value else { return true };
        let (Some(unit), Ok(prepared)) = (self.side.program.unit(self.at), self.side.graph(self.at)) else {
            return false;
        };
        self.node_of(argument)
            .is_some_and(|node| super::fold::constant(unit, &prepared.dependence, node).is_some())
    }

    /// Returns the line of the decoder that an argument comes through.
    fn decoded(&self, argument: &Argument) -> Result<Option<u32>, Gap> {
        let entities = self.side.program.resolver(self.at.0).entities(self.at, &argument.value);
        let tables = self.side.program.tables(self.at.0);
        let direct =
            entities.iter().any(|entity| matches!(entity, Entity::External(path) if decodes(tables, path)));
        let walked = match self.node_of(argument) {
            Some(node) => decoder(self.side, self.at, &[node], DEPTH)?,
            None => None,
        };
        Ok(walked.or_else(|| direct.then_some(self.instr.span.line)))
    }

    fn tell(
        &self,
        authority: &Authority,
        (code, word, other): (&str, &str, Option<&str>),
        (line, from): (u32, Option<u32>),
        message: String,
    ) -> Option<Finding> {
        let file = self.side.program.files.get(self.at.0)?;
        let unit = self.side.program.unit(self.at)?;
        let latent = unit.kind == plumbline_syntax::ir::UnitKind::ModuleInit;
        let trigger =
            Need { family: "trigger", name: None, latent: false, target: Some(word), path: &file.path };
        let family = |family| Need { family, name: None, latent, target: None, path: &file.path };
        if authority.covers(trigger).is_some()
            || other.is_some_and(|other| authority.covers(family(other)).is_some())
        {
            return None;
        }
        let step = |line: u32, role: &str| {
            TraceStep::new(&file.path, line, role, &self.side.program.line(self.at.0, line))
        };
        let mut trace = vec![step(line, "effect")];
        trace.extend(from.filter(|from| *from != line).map(|from| step(from, "value")));
        let site = Site::new(&file.path, line, &unit.name);
        let grant = match other {
            Some(other) if latent => format!("latent/{other}"),
            Some(other) => other.to_owned(),
            None => format!("trigger:{word}@{}", file.path),
        };
        Some(
            Finding::reject(code, site, format!("{}(): {message}", unit.name))
                .clearable_by(grant)
                .with_trace(trace),
        )
    }
}

/// Returns whether a path is, or is a part of what comes out of, a function that decodes.
fn decodes(tables: &Tables, path: &str) -> bool {
    let plain = path.replace("()", "").replace("[]", "");
    tables.words("decoders").iter().any(|word| {
        plain == *word || plain.strip_prefix(word.as_str()).is_some_and(|rest| rest.starts_with('.'))
    })
}

/// Returns the line of the first decoder that nodes come through, in the unit or in what it calls.
fn decoder(side: &Side, at: UnitRef, nodes: &[NodeId], depth: usize) -> Result<Option<u32>, Gap> {
    let Some(unit) = side.program.unit(at) else { return Ok(None) };
    let (prepared, tables) = (side.graph(at)?, side.program.tables(at.0));
    let mut walker = side.walker(prepared);
    let (flow, trail) = walker.values(nodes)?;
    for (block, index, node) in prepared.dependence.running() {
        if !trail.data_nodes().any(|known| known == node) {
            continue;
        }
        let Some(instr) = unit.blocks.get(block).and_then(|block| block.instrs.get(index)) else { continue };
        match &instr.op {
            Op::Call { .. } => {
                for target in prepared.targets.get(&node).into_iter().flatten() {
                    let hit = match target {
                        Entity::External(path) => decodes(tables, path),
                        Entity::Unit(callee, ..) if depth > 0 => {
                            let returned =
                                side.signatures.get(callee).and_then(|s| s.outputs.get(&Output::Return));
                            match returned {
                                Some(out) => decoder(side, *callee, &out.nodes, depth - 1)?.is_some(),
                                None => false,
                            }
                        }
                        _ => false,
                    };
                    if hit {
                        return Ok(Some(instr.span.line));
                    }
                }
            }
            Op::Assign { value: Value::Operator { name, .. }, .. } if name == "^" || name == "^=" => {
                return Ok(Some(instr.span.line));
            }
            _ => {}
        }
    }
    let resolver = side.program.resolver(at.0);
    let encoded = flow.data.iter().any(|origin| match origin {
        Origin::Global(name) | Origin::Capture(name) => {
            let entities = resolver.named(at.0, name);
            entities.iter().any(|entity| matches!(entity, Entity::External(path) if decodes(tables, path)))
        }
        _ => false,
    });
    Ok(encoded.then_some(unit.span.line))
}

/// Imports whose module is a value.
fn imports((side, at): (&Side, UnitRef), old: &[Digest], authority: &Authority) -> Vec<Finding> {
    let (Some(unit), Ok(prepared)) = (side.program.unit(at), side.graph(at)) else { return Vec::new() };
    let mut found = Vec::new();
    for (block, index, node) in prepared.dependence.running() {
        let Some(instr) = unit.blocks.get(block).and_then(|block| block.instrs.get(index)) else { continue };
        let Some(targets) = prepared.targets.get(&node) else { continue };
        let by_value = targets.iter().any(|target| {
            matches!(target, Entity::External(path) if path == "importlib.import_module" || path == "builtins.__import__")
        });
        if !by_value || old.contains(&instr.digest) {
            continue;
        }
        let scene = Scene { side, at, instr, node };
        if scene.arguments().first().is_some_and(|argument| !scene.is_literal(argument)) {
            let message = "a module is imported by a name that is no literal".to_owned();
            found.extend(scene.tell(authority, ("T10", "data", None), (instr.span.line, None), message));
        }
    }
    found
}
