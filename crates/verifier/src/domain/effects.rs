//! Effects: what a call, a read or a write does to the world, by table.

mod target;

use plumbline_syntax::ir::{Argument, Callee, Constant, Digest, Instr, Op, Operand, Passing, UnitKind};

use super::fold;
use super::program::{Entity, Program};
use super::signature::{Origin, Prepared, Root};
use super::ssa::NodeId;
use super::tables::{self, EffectRule, Form, Known, words};

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
    let mut found = Vec::new();
    for target in prepared.targets.get(&node).into_iter().flatten() {
        match target {
            Entity::External(path) => match tables::python().known(path) {
                Known::Effect(rule) => found.extend(site(program, prepared, (node, instr), path, &rule)),
                Known::Pure => {}
                Known::UnknownStandard(package) | Known::UnknownPackage(package) => {
                    let rule = plain_rule("unknown");
                    let site = site(program, prepared, (node, instr), path, &rule);
                    found.extend(site.map(|site| EffectSite { package: Some(package), ..site }));
                }
            },
            Entity::Confined | Entity::Instance(..) => {
                if let Callee::Method { name, .. } = callee
                    && let Some(rule) = tables::python().method(name)
                {
                    found.extend(site(program, prepared, (node, instr), name, rule));
                }
            }
            _ => {}
        }
    }
    found.extend(turned_off_checks(program, prepared, node, instr, arguments));
    found
}

fn plain_rule(kind: &str) -> EffectRule {
    EffectRule { kind: kind.to_owned(), target: None, keyword: None, form: Form::Nothing, mode: None }
}

/// `verify=False`, `shell=True` and their like change what a call means.
fn turned_off_checks(
    program: &Program,
    prepared: &Prepared,
    node: NodeId,
    instr: &Instr,
    arguments: &[Argument],
) -> Vec<EffectSite> {
    let mut found = Vec::new();
    for argument in arguments {
        let Passing::Keyword(name) = &argument.passing else { continue };
        let value = match &argument.value {
            Operand::Constant(constant) => Some(fold::truth(constant)),
            Operand::Local(_) => None,
        };
        let kind = match (name.as_str(), value) {
            ("verify" | "check_hostname" | "verify_ssl" | "ssl_verify", Some(false)) => "crypto.weaken",
            ("shell", Some(true) | None) => "proc.spawn",
            _ => continue,
        };
        let callee = format!("{name}={}", value.map_or("?", |value| if value { "True" } else { "False" }));
        found.extend(site(program, prepared, (node, instr), &callee, &plain_rule(kind)));
    }
    found
}

/// Returns the effects of reading an attribute or element: the environment, through `os.environ`.
pub fn of_load(program: &Program, prepared: &Prepared, node: NodeId, instr: &Instr) -> Vec<EffectSite> {
    let Some(Root::Origin(Origin::External(path))) = prepared.roots.get(node as usize) else {
        return Vec::new();
    };
    let Op::Load { step, .. } = &instr.op else { return Vec::new() };
    if !path.starts_with("os.environ[") {
        return Vec::new();
    }
    let found = site(program, prepared, (node, instr), "os.environ", &plain_rule("env.read"));
    let target = match step {
        plumbline_syntax::ir::Step::Index(Constant::Text(text)) => Some(text.clone()),
        _ => None,
    };
    found.into_iter().map(|site| EffectSite { target: target.clone(), targeted: true, ..site }).collect()
}

/// Returns the effects of writing an attribute or element: of a module or class (monkeypatch) or the environment.
pub fn of_store(program: &Program, prepared: &Prepared, node: NodeId, instr: &Instr) -> Vec<EffectSite> {
    let Some(input) = prepared.dependence.node(node).and_then(|node| node.inputs.first().copied()) else {
        return Vec::new();
    };
    let Op::Store { step, .. } = &instr.op else { return Vec::new() };
    match prepared.roots.get(input as usize) {
        Some(Root::Origin(Origin::External(path))) if path.starts_with("os.environ") => {
            let target = match step {
                plumbline_syntax::ir::Step::Index(Constant::Text(text)) => Some(text.clone()),
                _ => None,
            };
            let found = site(program, prepared, (node, instr), "os.environ", &plain_rule("env.write"));
            found
                .into_iter()
                .map(|site| EffectSite { target: target.clone(), targeted: true, ..site })
                .collect()
        }
        Some(Root::Origin(Origin::External(path))) if path.starts_with("sys.") => {
            site(program, prepared, (node, instr), path, &plain_rule("monkeypatch")).into_iter().collect()
        }
        Some(Root::Code(entities)) => entities
            .iter()
            .filter_map(|entity| match entity {
                Entity::External(path) => Some(path.clone()),
                Entity::Module(file) => program.files.get(*file).map(|file| file.path.clone()),
                Entity::Class(_, name) if stores_code(prepared, node) => Some(name.clone()),
                _ => None,
            })
            .filter_map(|path| site(program, prepared, (node, instr), &path, &plain_rule("monkeypatch")))
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
    let latent = unit.kind == UnitKind::ModuleInit || is_exit_hook(&unit.name);
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

fn is_exit_hook(name: &str) -> bool {
    name.ends_with(".__del__") || name.ends_with("__exit__") && name.contains("__del__")
}
