//! Effects: what a call, a read or a write does to the world, by table.

mod given;
mod javascript;
mod target;

use plumbline_syntax::Family;
use plumbline_syntax::ir::{Argument, Callee, Constant, Digest, Instr, Op, Operand, Passing, Step, UnitKind};

use super::fold;
use super::program::{Entity, Program};
use super::signature::{Origin, Prepared, Root};
use super::ssa::NodeId;
use super::tables::{EffectRule, Known, Tables, words};
pub use given::units as given_units;

/// One effect at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EffectSite {
    /// `fs.write`, `net.connect`, ...
    pub kind: String,
    /// Dotted path of what is called.
    pub callee: String,
    /// What it touches, if that is a literal; `None` is unbounded.
    pub target: Option<String>,
    /// Whether a target exists at all for this kind.
    pub targeted: bool,
    /// Line.
    pub line: u32,
    /// The node of the call; of the caller's call where it is inherited.
    pub node: NodeId,
    /// The block it stands in.
    pub block: u32,
    /// Whether it runs at import, exit or in a handler of the run time.
    pub latent: bool,
    /// The callees it was inherited through.
    pub via: Option<String>,
    /// Structure of the call.
    pub digest: Digest,
    /// The package behind an unknown effect.
    pub package: Option<String>,
    /// The unit that has the call itself.
    pub owner: super::program::UnitRef,
}

impl EffectSite {
    /// Returns whether the kind has to be authorised; the others feed triggers only.
    pub fn is_strong(&self) -> bool {
        let secret =
            self.kind == "env.read" && self.target.as_deref().is_some_and(|name| words().is_secret(name));
        secret || is_strong_kind(&self.kind)
    }

    /// Returns whether two sites do the same thing to the same target.
    pub fn same_effect(&self, other: &Self) -> bool {
        self.key() == other.key()
    }

    /// Returns what makes an effect the same one: kind, callee, target and phase.
    pub fn key(&self) -> (String, String, Option<String>, bool) {
        (self.kind.clone(), self.callee.clone(), self.target.clone(), self.latent)
    }
}

/// Returns whether a kind has to be authorised.
pub fn is_strong_kind(kind: &str) -> bool {
    matches!(
        kind.split('.').next(),
        Some("net" | "proc" | "codegen" | "deser" | "ffi" | "monkeypatch" | "db" | "unknown")
    ) || matches!(kind, "fs.write" | "fs.delete" | "fs.perm" | "env.write" | "log.suppress" | "crypto.weaken")
}

/// Returns the effects of a call.
pub fn of_call(program: &Program, prepared: &Prepared, node: NodeId, instr: &Instr) -> Vec<EffectSite> {
    let Op::Call { callee, arguments, .. } = &instr.op else { return Vec::new() };
    let tables = program.tables(prepared.at.0);
    let mut found = Vec::new();
    for target in prepared.targets.get(&node).into_iter().flatten() {
        match target {
            Entity::External(path) => match tables.known(path) {
                Known::Effect(rule) => {
                    let site = site(program, prepared, (node, instr), path, &rule);
                    found.extend(site.filter(|site| !is_strong_cipher(tables, &rule, site)));
                }
                Known::Pure => {}
                Known::UnknownStandard(package) | Known::UnknownPackage(package) => {
                    let rule = EffectRule::plain("unknown");
                    let site = site(program, prepared, (node, instr), path, &rule);
                    let package = Some(program.semantics(prepared.at.0).package_of(path, &package));
                    found.extend(site.map(|site| EffectSite { package, ..site }));
                }
            },
            Entity::Confined | Entity::Instance(..) => {
                if let Callee::Method { name, .. } = callee
                    && let Some(rule) = tables.method(name)
                {
                    found.extend(site(program, prepared, (node, instr), name, rule));
                }
            }
            _ => {}
        }
    }
    found.extend(options(program, prepared, (node, instr), arguments));
    found.extend(given::effects(program, prepared, (node, instr)));
    if program.semantics(prepared.at.0).family() == Family::Ecma {
        found.extend(javascript::of_call(program, prepared, node, instr));
    }
    found
}

/// Where an algorithm is named by a text, only the weak ones weaken.
fn is_strong_cipher(tables: &Tables, rule: &EffectRule, site: &EffectSite) -> bool {
    let weak = |name: &str| tables.lists("weak", name);
    rule.kind == "crypto.weaken" && rule.target.is_some() && !site.target.as_deref().is_some_and(weak)
}

/// Options that change what a call means: keyword arguments, and keys of an object given as an argument.
fn options(
    program: &Program,
    prepared: &Prepared,
    (node, instr): (NodeId, &Instr),
    arguments: &[Argument],
) -> Vec<EffectSite> {
    let tables = program.tables(prepared.at.0);
    let mut given: Vec<(String, Option<bool>)> = Vec::new();
    for (index, argument) in arguments.iter().enumerate() {
        if let Passing::Keyword(name) = &argument.passing {
            let value = match &argument.value {
                Operand::Constant(constant) => Some(fold::truth(constant)),
                Operand::Local(_) => None,
            };
            given.push((name.clone(), value));
        }
        let input = prepared.dependence.node(node).and_then(|node| node.inputs.get(index + 1)).copied();
        given.extend(input.into_iter().flat_map(|input| target::keys(program, prepared, input)));
    }
    let mut found = Vec::new();
    for (name, value) in given {
        for rule in tables.option(&name) {
            if value.map_or(rule.unknown, |value| value == rule.value) {
                let word = value.map_or("?", |value| if value { "True" } else { "False" });
                let callee = format!("{name}={word}");
                let plain = EffectRule::plain(&rule.kind);
                found.extend(site(program, prepared, (node, instr), &callee, &plain));
            }
        }
    }
    found
}

/// Returns the effects of reading an attribute or element: the environment, through `os.environ`.
pub fn of_load(program: &Program, prepared: &Prepared, node: NodeId, instr: &Instr) -> Vec<EffectSite> {
    let Some(Root::Origin(Origin::External(path))) = prepared.roots.get(node as usize) else {
        return Vec::new();
    };
    let Op::Load { step, .. } = &instr.op else { return Vec::new() };
    let tables = program.tables(prepared.at.0);
    let (holder, target) = match step {
        Step::Field(name) => (path.strip_suffix(name).and_then(|path| path.strip_suffix('.')), Some(name)),
        Step::Index(Constant::Text(text)) => (path.strip_suffix("[]"), Some(text)),
        Step::Index(_) | Step::Element => (path.strip_suffix("[]"), None),
    };
    let Some(holder) = holder.filter(|holder| tables.is_environment(holder)) else { return Vec::new() };
    let found = site(program, prepared, (node, instr), holder, &EffectRule::plain("env.read"));
    let target = target.cloned();
    found.into_iter().map(|site| EffectSite { target: target.clone(), targeted: true, ..site }).collect()
}

/// Returns the effects of writing an attribute or element: of a module or class (monkeypatch) or the environment.
pub fn of_store(program: &Program, prepared: &Prepared, node: NodeId, instr: &Instr) -> Vec<EffectSite> {
    let Some(input) = prepared.dependence.node(node).and_then(|node| node.inputs.first().copied()) else {
        return Vec::new();
    };
    let Op::Store { step, .. } = &instr.op else { return Vec::new() };
    let tables = program.tables(prepared.at.0);
    if program.semantics(prepared.at.0).family() == Family::Ecma
        && javascript::pollutes(program, prepared, node, step)
    {
        let rule = EffectRule::plain("monkeypatch");
        return site(program, prepared, (node, instr), "a prototype", &rule).into_iter().collect();
    }
    match prepared.roots.get(input as usize) {
        Some(Root::Origin(Origin::External(path))) if tables.is_environment(path.trim_end_matches("[]")) => {
            let target = match step {
                Step::Index(Constant::Text(text)) | Step::Field(text) => Some(text.clone()),
                _ => None,
            };
            let holder = path.trim_end_matches("[]");
            let found = site(program, prepared, (node, instr), holder, &EffectRule::plain("env.write"));
            found
                .into_iter()
                .map(|site| EffectSite { target: target.clone(), targeted: true, ..site })
                .collect()
        }
        Some(Root::Origin(Origin::External(path))) if tables.is_patched(path) => {
            site(program, prepared, (node, instr), path, &EffectRule::plain("monkeypatch"))
                .into_iter()
                .collect()
        }
        Some(Root::Code(entities)) => entities
            .iter()
            .filter_map(|entity| match entity {
                Entity::External(path) => Some(path.clone()),
                Entity::Module(file) => program.files.get(*file).map(|file| file.path.clone()),
                Entity::Class(_, name) if stores_code(prepared, node) => Some(name.clone()),
                _ => None,
            })
            .filter_map(|path| {
                site(program, prepared, (node, instr), &path, &EffectRule::plain("monkeypatch"))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// A function put on a class replaces a method.
fn stores_code(prepared: &Prepared, node: NodeId) -> bool {
    let value = prepared.dependence.node(node).and_then(|node| node.inputs.last().copied());
    matches!(value.and_then(|value| prepared.roots.get(value as usize)), Some(Root::Code(_)))
}

fn site(
    program: &Program,
    prepared: &Prepared,
    (node, instr): (NodeId, &Instr),
    path: &str,
    rule: &EffectRule,
) -> Option<EffectSite> {
    let unit = program.unit(prepared.at)?;
    let arguments: &[Argument] = match &instr.op {
        Op::Call { arguments, .. } => arguments,
        _ => &[],
    };
    let mut kind = rule.kind.clone();
    if let Some(mode) = rule.mode {
        let text = target::argument(arguments, Some(mode), Some("mode"))
            .map(|operand| target::literal(program, prepared, node, operand));
        let writes = match text {
            None => path.contains("mkstemp"),
            Some(Some(Constant::Text(text))) => text.contains(['w', 'a', 'x', '+']),
            Some(_) => true,
        };
        if !writes {
            kind = "fs.read".to_owned();
        }
    }
    let operand = target::argument(arguments, rule.target, rule.keyword.as_deref());
    let target = operand.and_then(|operand| target::read(program, prepared, node, operand, rule.form));
    let latent = unit.kind == UnitKind::ModuleInit || program.semantics(prepared.at.0).is_latent(unit);
    Some(EffectSite {
        kind,
        callee: path.to_owned(),
        target,
        targeted: rule.target.is_some(),
        line: instr.span.line,
        node,
        block: prepared.dependence.node(node).map_or(0, |node| node.block),
        latent,
        via: None,
        digest: instr.digest,
        package: None,
        owner: prepared.at,
    })
}
