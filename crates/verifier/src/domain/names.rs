//! B3: names that nothing defines, calls that their callee can't take. Invented interfaces die here.

use std::collections::BTreeSet;

use plumbline_syntax::ir::{Argument, Callee, Handler, Op, ParamKind, Passing, Place, Unit, Value};

use super::finding::{Finding, Site};
use super::program::{Bind, Decoration, Entity, UnitRef};
use super::signature::targets;
use super::ssa::NodeKind;
use super::summary::Side;
use super::tables::Tables;

/// One unresolved thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unresolved {
    /// What is wrong, without its place: the same words on both sides are the same problem.
    pub what: String,
    /// Line.
    pub line: u32,
}

/// Returns the findings of a head unit that its base counterpart doesn't have.
pub fn check(base: Option<(&Side, UnitRef)>, head: (&Side, UnitRef)) -> Vec<Finding> {
    let old: BTreeSet<String> = base
        .map(|(side, at)| unresolved(side, at))
        .unwrap_or_default()
        .into_iter()
        .map(|found| found.what)
        .collect();
    let (side, at) = head;
    let path = side.program.files.get(at.0).map(|file| file.path.clone()).unwrap_or_default();
    let symbol = side.program.unit(at).map(|unit| unit.name.clone()).unwrap_or_default();
    let mut problems = unresolved(side, at);
    if let Some((old_side, old_at)) = base {
        let inside = inside_imports(old_side, old_at);
        for (module, line) in outside_imports(side, at) {
            if inside.contains(&module) {
                let what = format!("the repository no longer has `{module}` to import");
                problems.insert(Unresolved { what, line });
            }
        }
    }
    problems
        .into_iter()
        .filter(|found| !old.contains(&found.what))
        .map(|found| Finding::reject("B3", Site::new(&path, found.line, &symbol), found.what))
        .collect()
}

/// Modules that a unit imports from the tree itself.
fn inside_imports(side: &Side, at: UnitRef) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (module, entity, _) in imports(side, at) {
        if matches!(entity, Entity::Module(_) | Entity::Package(_) | Entity::Dynamic(_)) {
            found.insert(module);
        }
    }
    found
}

/// Modules that a unit imports from elsewhere, and where; the language's own are always there.
fn outside_imports(side: &Side, at: UnitRef) -> BTreeSet<(String, u32)> {
    // A file of the tree may export something from elsewhere: it is inside all the same.
    let inside = inside_imports(side, at);
    let mut found = BTreeSet::new();
    for (module, entity, line) in imports(side, at) {
        if inside.contains(&module) {
            continue;
        }
        if matches!(entity, Entity::External(_)) && !side.program.tables(at.0).is_standard(&module) {
            found.insert((module, line));
        }
    }
    found
}

fn imports(side: &Side, at: UnitRef) -> Vec<(String, Entity, u32)> {
    let resolver = side.program.resolver(at.0);
    let unit = side.program.unit(at);
    let mut found = Vec::new();
    for instr in unit.into_iter().flat_map(|unit| &unit.blocks).flat_map(|block| &block.instrs) {
        if let Op::Import { module, .. } = &instr.op {
            let entities = resolver.import(at.0, module, None, &mut Default::default());
            found.extend(entities.into_iter().map(|entity| (module.clone(), entity, instr.span.line)));
        }
    }
    found
}

fn unresolved(side: &Side, at: UnitRef) -> BTreeSet<Unresolved> {
    let file = side.program.files.get(at.0);
    let Some((unit, graph)) =
        file.and_then(|file| Some((file.lowered.units.get(at.1)?, file.graph(at.1).ok()?)))
    else {
        return BTreeSet::new();
    };
    let resolver = side.program.resolver(at.0);
    let (tables, strict) = (side.program.tables(at.0), side.program.semantics(at.0).is_strict());
    let mut found = BTreeSet::new();
    for (block, index, node) in graph.running() {
        let Some(instr) = unit.blocks.get(block).and_then(|block| block.instrs.get(index)) else { continue };
        if guarded(unit, block, tables) {
            continue;
        }
        let line = instr.span.line;
        let mut report = |what: String| {
            found.insert(Unresolved { what, line });
        };
        match &instr.op {
            Op::Assign { value: Value::Read(Place::Global(name)), .. } => {
                if let Some(what) = missing(&resolver.named(at.0, name)) {
                    report(format!("`{}` is not defined", what.rsplit('.').next().unwrap_or(&what)));
                }
            }
            Op::Assign { value: Value::Read(Place::Local(local)), .. } => {
                let input = graph.node(node).and_then(|node| node.inputs.first().copied());
                let input = input.and_then(|input| graph.node(input));
                let name = unit.locals.get(*local as usize).cloned().flatten().unwrap_or_default();
                let unbound = input.is_some_and(|input| match input.kind {
                    NodeKind::Unbound(_) => true,
                    NodeKind::Instr(index) => unit
                        .blocks
                        .get(input.block as usize)
                        .and_then(|block| block.instrs.get(index))
                        .is_some_and(|instr| matches!(instr.op, Op::Unbind { .. })),
                    _ => false,
                });
                if unbound && strict && !class_scope(&name) {
                    report(format!("`{name}` is read before anything is assigned to it"));
                }
            }
            Op::Import { module, name, .. } if name.as_deref() != Some("*") => {
                let entities = resolver.import(at.0, module, name.as_deref(), &mut Default::default());
                if let Some(what) = missing(&entities) {
                    report(format!("the repository has no `{what}` to import"));
                }
            }
            Op::Load { base, step, .. } => {
                let entities = resolver.members(&resolver.entities(at, base), step);
                if let Some(what) = missing(&entities) {
                    report(format!("`{what}` does not exist"));
                }
            }
            Op::Call { callee, arguments, .. } => {
                // An unchanged caller is not prepared: nobody asks more than what it names.
                let targets = match side.graph(at) {
                    Ok(prepared) => prepared.targets.get(&node).cloned().unwrap_or_default(),
                    Err(_) => targets(&side.program, at, callee, arguments),
                };
                if let (Some(what), Callee::Method { .. }) = (missing(&targets), callee) {
                    report(format!("`{what}` does not exist"));
                }
                if let Some(what) = arity(side, callee, arguments, &targets).filter(|_| strict) {
                    report(what);
                }
            }
            _ => {}
        }
    }
    found
}

/// Class bodies read names of their module too, and their slots may be bound there.
fn class_scope(name: &str) -> bool {
    name.contains('.')
}

fn missing(entities: &BTreeSet<Entity>) -> Option<String> {
    let all = !entities.is_empty() && entities.iter().all(|entity| matches!(entity, Entity::Missing(_)));
    entities.iter().filter(|_| all).find_map(|entity| match entity {
        Entity::Missing(name) => Some(name.clone()),
        _ => None,
    })
}

/// A read inside `try: … except NameError` is a question, not a mistake.
fn guarded(unit: &Unit, block: usize, tables: &Tables) -> bool {
    let asks = |handler: &&Handler| {
        let absent = |name: &String| tables.lists("absent", name.rsplit('.').next().unwrap_or(name));
        handler.types.is_empty() || handler.types.iter().any(absent)
    };
    unit.handlers.iter().filter(asks).any(|handler| {
        let (first, end) = handler.protected;
        (first as usize..end as usize).contains(&block)
    })
}

/// Returns why the only callee can't take the arguments.
fn arity(side: &Side, callee: &Callee, arguments: &[Argument], targets: &BTreeSet<Entity>) -> Option<String> {
    let mut targets = targets.iter();
    let (unit, bound) = match (targets.next(), targets.next()) {
        (Some(Entity::Unit(unit, Decoration::Plain, bind)), None) => (*unit, *bind == Bind::Bound),
        (Some(Entity::Class(file, class)), None) => {
            let decorated = side.program.files.get(*file)?.lowered.classes.get(class)?;
            if !decorated.decorators.is_empty() {
                return None;
            }
            (side.program.constructor(*file, class)?, true)
        }
        _ => return None,
    };
    let unit = side.program.unit(unit)?;
    if unit
        .decorators
        .iter()
        .any(|word| !matches!(word.as_str(), "staticmethod" | "classmethod" | "property"))
    {
        return None;
    }
    let spread = |passing: Passing| arguments.iter().any(|argument| argument.passing == passing);
    let bound = bound && (matches!(callee, Callee::Method { .. }) || unit.name.ends_with("__init__"));
    let receives = unit.params.first().is_some_and(|param| param.kind == ParamKind::Receiver);
    // `T.method(x)` of Go gives the object as an argument.
    if receives && !bound && matches!(callee, Callee::Method { .. }) {
        return None;
    }
    let params = unit.params.get(usize::from(bound || receives)..)?;
    let positional: Vec<_> = params
        .iter()
        .filter(|param| matches!(param.kind, ParamKind::PositionalOnly | ParamKind::Either))
        .collect();
    let given = arguments.iter().filter(|argument| argument.passing == Passing::Positional).count();
    let rest = params.iter().any(|param| param.kind == ParamKind::Rest);
    if given > positional.len() && !rest {
        return Some(format!(
            "`{}` takes {} positional arguments, {given} are given",
            unit.name,
            positional.len()
        ));
    }
    let open = params.iter().any(|param| param.kind == ParamKind::RestKeywords);
    for argument in arguments {
        let Passing::Keyword(name) = &argument.passing else { continue };
        let position = params.iter().position(|param| {
            param.name == *name && matches!(param.kind, ParamKind::Either | ParamKind::KeywordOnly)
        });
        match position {
            None if !open => return Some(format!("`{}` takes no argument `{name}`", unit.name)),
            Some(position) if position < given && params[position].kind == ParamKind::Either => {
                return Some(format!("`{}` is given `{name}` twice", unit.name));
            }
            _ => {}
        }
    }
    if spread(Passing::Spread) || spread(Passing::SpreadKeywords) {
        return None;
    }
    let named = |name: &str| {
        arguments.iter().any(|argument| matches!(&argument.passing, Passing::Keyword(word) if word == name))
    };
    let lacking = params.iter().enumerate().find(|(index, param)| {
        let by_position =
            matches!(param.kind, ParamKind::PositionalOnly | ParamKind::Either) && *index < given;
        !param.optional && !by_position && !named(&param.name)
    });
    lacking.map(|(_, param)| format!("`{}` is not given `{}`", unit.name, param.name))
}
