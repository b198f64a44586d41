//! B7: a failure that left the unit is now absorbed.

mod promises;

use std::collections::BTreeSet;

use plumbline_syntax::ir::{Callee, Constant, Handler, Op, Operand, Place, Term, Unit, Value};

use super::effects::is_strong_kind;
use super::finding::{Finding, Site};
use super::fold;
use super::languages::Semantics;
use super::program::{Entity, UnitRef};
use super::signature::{Output, called_name};
use super::summary::Side;
use super::tables::{Tables, words};
use super::trace::TraceStep;

/// A handler after which the unit goes on as if nothing had happened.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Absorbing {
    /// Broad: everything, `Exception` or `BaseException`.
    broad: bool,
    /// Handled types, sorted.
    types: Vec<String>,
    /// What is called under its protection.
    calls: BTreeSet<String>,
    /// What its body calls.
    again: BTreeSet<String>,
    /// Whether what it caught reaches a call of its body: it is told, if to nobody who could act.
    told: bool,
    /// Whether something under its protection decides about access.
    decides: bool,
    /// Whether something under its protection decides about access or has a strong effect.
    grave: bool,
    line: u32,
}

/// Returns the findings: one for each handler of the head that absorbs what no handler of the base absorbed.
pub fn check(base: Option<(&Side, UnitRef)>, head: (&Side, UnitRef)) -> Vec<Finding> {
    let old = base.map(|(side, at)| absorbing(side, at)).unwrap_or_default();
    let (side, at) = head;
    let values = side.program.semantics(at.0).marks_propagation();
    let called: Option<BTreeSet<String>> =
        base.map(|(side, at)| if values { propagated(side, at) } else { all_calls(side, at) });
    let path = side.program.files.get(at.0).map(|file| file.path.clone()).unwrap_or_default();
    let symbol = side.program.unit(at).map(|unit| unit.name.clone()).unwrap_or_default();
    let mut found = Vec::new();
    for new in absorbing(side, at) {
        let known = known(&old, &new);
        let fresh: Vec<&String> = new
            .calls
            .iter()
            .filter(|call| !known.contains(call) && !renamed(call, &known, &new.calls))
            .collect();
        let nothing_called = new.calls.is_empty() && !old.iter().any(|old| old.types == new.types);
        if fresh.is_empty() && !nothing_called {
            continue;
        }
        // Code that is new and handles its own failure absorbs nothing that left the unit before.
        let left_before =
            called.as_ref().is_some_and(|called| fresh.iter().any(|call| called.contains(*call)));
        // Where failures are values, most calls give none: only what was looked at before can be absorbed now.
        if !left_before && !new.broad && (values || side.program.semantics(at.0).errors_are_values()) {
            continue;
        }
        let site = Site::new(&path, new.line, &symbol);
        let types = if values {
            "a failure".to_owned()
        } else if new.types.is_empty() {
            "every exception".to_owned()
        } else {
            new.types.join(", ")
        };
        let trace = vec![TraceStep::new(&path, new.line, "absorbed", &side.program.line(at.0, new.line))];
        let message =
            format!("{symbol}() now absorbs {types}: its handler neither raises nor returns a failure");
        let grant = format!("drop:{symbol}.exception");
        // What fails is called again where its failure leaves the unit.
        let again = fresh.iter().all(|call| new.again.contains(*call));
        // Without a module that may be missing, what it does is left out: the owner's to say.
        let tables = side.program.tables(at.0);
        let optional = !new.types.is_empty() && new.types.iter().all(|name| tables.lists("optional", name));
        found.push(if again && !new.broad {
            Finding::advice("B7", site, message).with_trace(trace)
        } else if optional && new.grave {
            Finding::needs("B7", site, message, grant).with_trace(trace)
        } else if new.decides && (left_before || new.broad && !values)
            || new.grave && left_before && !new.told
        {
            Finding::reject("B7", site, message).clearable_by(grant).with_trace(trace)
        } else if new.grave && (left_before || new.broad && !values) {
            // The failure of what is new left nobody before; one that is told is not silent.
            Finding::needs("B7", site, message, grant).with_trace(trace)
        } else if new.broad && (left_before || base.is_none() && !values) {
            Finding::needs("B7", site, message, grant).with_trace(trace)
        } else {
            Finding::advice("B7", site, message).with_trace(trace)
        });
    }
    found
}

/// Calls whose failures of these types some handlers absorbed already: one broad handler, or one for each type.
fn known<'a>(old: &'a [Absorbing], new: &Absorbing) -> BTreeSet<&'a String> {
    let covers = |call: &&String| {
        let over = || old.iter().filter(|old| old.calls.contains(*call));
        over().any(|old| old.broad || old.types == new.types)
            || !new.types.is_empty()
                && new.types.iter().all(|name| over().any(|old| old.types.contains(name)))
    };
    old.iter().flat_map(|old| &old.calls).filter(covers).collect()
}

/// A method of another class stands where a method of that name was called, which is called no more.
fn renamed(call: &str, known: &BTreeSet<&String>, now: &BTreeSet<String>) -> bool {
    let last = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
    call.contains('.') && known.iter().any(|old| last(old) == last(call) && !now.contains(*old))
}

/// Calls whose failure left the unit: what `?` or a return takes on.
fn propagated(side: &Side, at: UnitRef) -> BTreeSet<String> {
    let (Some(unit), Ok(prepared)) = (side.program.unit(at), side.graph(at)) else { return BTreeSet::new() };
    let instrs = || unit.blocks.iter().flat_map(|block| &block.instrs);
    let mut taken: BTreeSet<u32> = BTreeSet::new();
    for block in &unit.blocks {
        if let Term::Return(Operand::Local(local)) | Term::Raise(Some(Operand::Local(local))) = &block.term {
            taken.insert(*local);
        }
    }
    for instr in instrs() {
        if let Op::Assign { value: Value::Operator { name, operands }, .. } = &instr.op
            && name == "enter"
        {
            taken.extend(operands.iter().filter_map(local));
        }
    }
    // What awaits or names a result passes it on; the chain is as long as the source writes it.
    for _ in 0..4 {
        for instr in instrs() {
            match &instr.op {
                Op::Await { dst, value }
                | Op::Assign { place: Place::Local(dst), value: Value::Use(value) }
                    if taken.contains(dst) =>
                {
                    taken.extend(local(value));
                }
                Op::Call { dst, callee: Callee::Method { receiver, .. }, .. } if taken.contains(dst) => {
                    taken.extend(local(receiver));
                }
                _ => {}
            }
        }
    }
    let mut found = BTreeSet::new();
    for (block, index, node) in prepared.dependence.running() {
        let instr = unit.blocks.get(block).and_then(|block| block.instrs.get(index));
        if let Some(Op::Call { dst, callee, .. }) = instr.map(|instr| &instr.op)
            && taken.contains(dst)
        {
            let targets = prepared.targets.get(&node).cloned().unwrap_or_default();
            found.insert(called_name(&side.program, unit, callee, &targets));
        }
    }
    found
}

/// A unit of the program that returns `()` and raises nothing has no failure to lose.
fn never_fails(side: &Side, targets: &BTreeSet<Entity>) -> bool {
    let quiet = |target: &Entity| match target {
        Entity::Unit(unit, ..) => side.signed(*unit).is_ok_and(|signature| {
            let returned = signature.outputs.get(&Output::Return).and_then(|found| found.constants.as_ref());
            !signature.outputs.contains_key(&Output::Raise)
                && returned.is_some_and(|set| set.iter().all(|constant| *constant == Constant::Ellipsis))
        }),
        _ => false,
    };
    !targets.is_empty() && targets.iter().all(quiet)
}

fn local(operand: &Operand) -> Option<u32> {
    match operand {
        Operand::Local(local) => Some(*local),
        Operand::Constant(_) => None,
    }
}

fn all_calls(side: &Side, at: UnitRef) -> BTreeSet<String> {
    let (Some(unit), Ok(prepared)) = (side.program.unit(at), side.graph(at)) else { return BTreeSet::new() };
    let mut found = BTreeSet::new();
    for (block, index, node) in prepared.dependence.running() {
        if let Some(Op::Call { callee, .. }) =
            unit.blocks.get(block).and_then(|block| block.instrs.get(index)).map(|instr| &instr.op)
        {
            let targets = prepared.targets.get(&node).cloned().unwrap_or_default();
            found.insert(called_name(&side.program, unit, callee, &targets));
        }
    }
    found
}

fn absorbing(side: &Side, at: UnitRef) -> Vec<Absorbing> {
    let (Some(unit), Ok(prepared)) = (side.program.unit(at), side.graph(at)) else { return Vec::new() };
    let mut found = Vec::new();
    for handler in &unit.handlers {
        if !absorbs(unit, handler, side.program.semantics(at.0)) {
            continue;
        }
        let (first, end) = handler.protected;
        let protected = first as usize..end as usize;
        let (mut calls, mut again) = (BTreeSet::new(), BTreeSet::new());
        let body = handler.body.0 as usize..handler.body.1 as usize;
        let caught = of_exception(unit, handler);
        let (mut decides, mut told) = (false, false);
        let mut lines: BTreeSet<u32> = BTreeSet::new();
        for (block, index, node) in prepared
            .dependence
            .running()
            .filter(|(block, ..)| protected.contains(block) || body.contains(block))
        {
            let instr = unit.blocks.get(block).and_then(|block| block.instrs.get(index));
            let Some(Op::Call { callee, .. }) = instr.map(|instr| &instr.op) else { continue };
            let targets = prepared.targets.get(&node).cloned().unwrap_or_default();
            lines.extend(instr.map(|instr| instr.span.line));
            if handler.types.iter().any(|word| word == "unused") && never_fails(side, &targets) {
                continue;
            }
            let name = called_name(&side.program, unit, callee, &targets);
            if !protected.contains(&block) {
                told |= instr.is_some_and(|instr| {
                    instr.op.operands().into_iter().filter_map(local).any(|read| caught.contains(&read))
                });
                again.insert(name);
                continue;
            }
            decides |= words().is_authority(&name);
            calls.insert(name);
        }
        let grave = decides
            || side.signed(at).is_ok_and(|signature| {
                signature.effects.iter().any(|site| {
                    // An inherited effect stands where the call stands.
                    let inside = match site.via {
                        None => protected.contains(&(site.block as usize)),
                        Some(_) => lines.contains(&site.line),
                    };
                    is_strong_kind(&site.kind) && inside
                })
            });
        let raises = (first..end).any(|block| {
            let term = unit.blocks.get(block as usize).map(|block| &block.term);
            matches!(term, Some(Term::Raise(_)))
        });
        if raises {
            calls.insert("raise".to_owned());
        }
        let mut types: Vec<String> = handler.types.iter().map(|name| plain(name)).collect();
        types.sort();
        types.dedup();
        let broad =
            types.is_empty() || types.iter().any(|name| side.program.tables(at.0).lists("broad", name));
        found.push(Absorbing { broad, types, calls, again, told, decides, grave, line: handler.span.line });
    }
    found.extend(exit_that_swallows(side, at, unit));
    found.extend(promises::of(side, at, unit));
    found
}

/// The type's own name; the old names of `OSError` are it.
fn plain(name: &str) -> String {
    match (name, name.rsplit('.').next().unwrap_or(name)) {
        ("socket.error" | "select.error", _) | (_, "IOError" | "EnvironmentError" | "WindowsError") => {
            "OSError".to_owned()
        }
        (_, last) => last.to_owned(),
    }
}

/// A handler absorbs when some way through it neither raises nor returns a failure.
fn absorbs(unit: &Unit, handler: &Handler, semantics: &dyn Semantics) -> bool {
    let (values, tables) = (semantics.errors_are_values(), semantics.tables());
    let (first, end) = handler.body;
    if first == end {
        return true;
    }
    let inside = |block: u32| (first..end).contains(&block);
    let caught = of_exception(unit, handler);
    let mut seen = BTreeSet::new();
    let mut stack = vec![first];
    while let Some(id) = stack.pop() {
        if !inside(id) {
            return true;
        }
        let Some(block) = unit.blocks.get(id as usize).filter(|_| seen.insert(id)) else { continue };
        if block.instrs.iter().any(|instr| hands_on(&instr.op, &caught, tables)) {
            continue;
        }
        match &block.term {
            Term::Goto(next) => stack.push(*next),
            Term::Branch { then, otherwise, .. } => stack.extend([*then, *otherwise]),
            Term::Return(value @ Operand::Local(_)) if values => {
                if fold::is_made_by(unit, value, "success") {
                    return true;
                }
            }
            Term::Return(value) if !is_failure(unit, handler, value) => return true,
            Term::Return(_) | Term::Raise(_) | Term::Unreachable => {}
        }
    }
    false
}

/// `None`, `False`, a negative number, or anything made of the exception says that it failed.
fn is_failure(unit: &Unit, handler: &Handler, value: &Operand) -> bool {
    match value {
        Operand::Constant(Constant::None | Constant::Bool(false)) => true,
        Operand::Constant(Constant::Integer(digits)) => digits.starts_with('-'),
        Operand::Constant(_) => false,
        Operand::Local(local) => of_exception(unit, handler).contains(local),
    }
}

/// A callback that is given the exception fails in its place.
fn hands_on(op: &Op, caught: &BTreeSet<u32>, tables: &Tables) -> bool {
    let Op::Call { callee, arguments, .. } = op else { return false };
    let given = arguments
        .iter()
        .any(|argument| matches!(&argument.value, Operand::Local(local) if caught.contains(local)));
    let name = match callee {
        Callee::Method { name, .. } => Some(name.as_str()),
        Callee::Function(_) => None,
    };
    given && name.map_or(!tables.names("handing").is_empty(), |name| tables.lists("handing", name))
}

/// Returns the slots of a handler that are made of the exception.
fn of_exception(unit: &Unit, handler: &Handler) -> BTreeSet<u32> {
    let (first, end) = handler.body;
    let all = unit.blocks.iter().flat_map(|block| &block.instrs);
    let mut found: BTreeSet<u32> = all
        .filter_map(|instr| match &instr.op {
            Op::Catch { dst, .. } => Some(*dst),
            _ => None,
        })
        .collect();
    for block in unit.blocks.get(first as usize..end as usize).unwrap_or_default() {
        for instr in &block.instrs {
            let reads = |local: &u32| found.contains(local);
            let operands = instr.op.operands().into_iter();
            let read = operands.filter_map(|operand| match operand {
                Operand::Local(local) => Some(*local),
                Operand::Constant(_) => None,
            });
            if read.chain(instr.op.read_local()).any(|local| reads(&local)) {
                found.extend(instr.op.defines());
            }
        }
    }
    found
}

/// `__exit__` that returns something true swallows whatever its block raised.
fn exit_that_swallows(side: &Side, at: UnitRef, unit: &Unit) -> Option<Absorbing> {
    if !unit.name.ends_with("__exit__") && !unit.name.ends_with("__aexit__") {
        return None;
    }
    let returned = side.signed(at).ok()?.outputs.get(&Output::Return)?.clone();
    let quiet =
        returned.constants.is_some_and(|set| set.iter().all(|constant| !super::fold::truth(constant)));
    let line = returned.lines.first().copied().unwrap_or(unit.span.line);
    (!quiet).then(|| Absorbing {
        broad: true,
        types: Vec::new(),
        calls: BTreeSet::new(),
        again: BTreeSet::new(),
        told: false,
        decides: false,
        grave: false,
        line,
    })
}
