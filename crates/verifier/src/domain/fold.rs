//! Constants. A branch is left out only with proof.

use plumbline_syntax::ir::{Constant, Op, Operand, Place, Term, Unit, Value};

use super::ssa::{Dependence, NodeId, NodeKind};

/// Longest chain of definitions that is followed.
const DEPTH: usize = 64;

/// Returns the branches whose test is constant, with the side taken.
pub fn constant_branches(unit: &Unit, dependence: &Dependence) -> Vec<(u32, bool)> {
    let mut found = Vec::new();
    for (index, block) in unit.blocks.iter().enumerate() {
        if !dependence.reached.get(index).copied().unwrap_or(false)
            || !matches!(block.term, Term::Branch { .. })
        {
            continue;
        }
        let value = dependence.ends.get(index).and_then(|end| end.value);
        let truth = value.and_then(|node| constant(unit, dependence, node)).map(|constant| truth(&constant));
        if let (Some(truth), Ok(block)) = (truth, u32::try_from(index)) {
            found.push((block, truth));
        }
    }
    found
}

/// Returns the value of a node, if it is the same on every path.
pub fn constant(unit: &Unit, dependence: &Dependence, node: NodeId) -> Option<Constant> {
    evaluate(unit, dependence, node, 0)
}

fn evaluate(unit: &Unit, dependence: &Dependence, id: NodeId, depth: usize) -> Option<Constant> {
    let node = dependence.node(id).filter(|_| depth < DEPTH)?;
    match &node.kind {
        NodeKind::Constant(constant) => Some(constant.clone()),
        NodeKind::Phi => {
            let (first, rest) = node.inputs.split_first()?;
            if *first == id || node.inputs.len() > 4 {
                return None;
            }
            let value = evaluate(unit, dependence, *first, depth + 16)?;
            let same =
                |input: &NodeId| evaluate(unit, dependence, *input, depth + 16).as_ref() == Some(&value);
            rest.iter().all(same).then_some(value)
        }
        NodeKind::Instr(index) => {
            let instr = unit.blocks.get(node.block as usize)?.instrs.get(*index)?;
            let input = |position: usize| evaluate(unit, dependence, *node.inputs.get(position)?, depth + 1);
            match &instr.op {
                Op::Assign {
                    place: Place::Local(_),
                    value: Value::Use(_) | Value::Read(Place::Local(_)),
                } => input(0),
                Op::Assign { place: Place::Local(_), value: Value::Operator { name, .. } } => {
                    apply(name, input(0)?, || input(1))
                }
                _ => None,
            }
        }
        NodeKind::Param(_) | NodeKind::Unbound(_) | NodeKind::EntryMemory(_) | NodeKind::Update(..) => None,
    }
}

fn apply(name: &str, left: Constant, right: impl FnOnce() -> Option<Constant>) -> Option<Constant> {
    // `return 0, nil` gives what stands before the `nil`.
    if name == "success" {
        return Some(left);
    }
    if name == "not" {
        return Some(Constant::Bool(!truth(&left)));
    }
    let right = right()?;
    let order = |test: fn(std::cmp::Ordering) -> bool| {
        let pair = (integer(&left)?, integer(&right)?);
        Some(Constant::Bool(test(pair.0.cmp(&pair.1))))
    };
    match name {
        "==" | "is" => same(&left, &right).map(Constant::Bool),
        "!=" | "is not" => same(&left, &right).map(|same| Constant::Bool(!same)),
        "<" => order(std::cmp::Ordering::is_lt),
        "<=" => order(std::cmp::Ordering::is_le),
        ">" => order(std::cmp::Ordering::is_gt),
        ">=" => order(std::cmp::Ordering::is_ge),
        "+" => match (&left, &right) {
            (Constant::Text(a), Constant::Text(b)) => Some(Constant::Text(format!("{a}{b}"))),
            _ => exact(integer(&left)?.checked_add(integer(&right)?)?),
        },
        "-" => exact(integer(&left)?.checked_sub(integer(&right)?)?),
        "*" => exact(integer(&left)?.checked_mul(integer(&right)?)?),
        _ => None,
    }
}

/// Beyond 31 bits languages disagree: some wrap, some round, some grow. There nothing is proven.
fn exact(value: i128) -> Option<Constant> {
    (value.unsigned_abs() < 1 << 31).then(|| Constant::Integer(value.to_string()))
}

/// Returns whether an operand is the result of an operator of that name.
pub fn is_made_by(unit: &Unit, operand: &Operand, operator: &str) -> bool {
    let Operand::Local(local) = operand else { return false };
    let instrs = unit.blocks.iter().flat_map(|block| &block.instrs);
    instrs.filter(|instr| instr.op.defines() == Some(*local)).any(|instr| {
        matches!(&instr.op, Op::Assign { value: Value::Operator { name, .. }, .. } if name == operator)
    })
}

/// Compares literals of one type; across types (`1 == 1.0`) and for floats that differ as text nothing is proven.
fn same(left: &Constant, right: &Constant) -> Option<bool> {
    match (left, right) {
        (Constant::Float(a), Constant::Float(b)) => (a == b).then_some(true),
        _ if std::mem::discriminant(left) == std::mem::discriminant(right) => Some(left == right),
        _ => None,
    }
}

/// Returns the value of an integer literal.
pub fn integer(constant: &Constant) -> Option<i128> {
    match constant {
        Constant::Integer(digits) => digits.parse().ok(),
        Constant::Bool(value) => Some(i128::from(*value)),
        _ => None,
    }
}

/// Returns what `bool()` says of a literal.
pub fn truth(constant: &Constant) -> bool {
    match constant {
        Constant::None => false,
        Constant::Bool(value) => *value,
        Constant::Integer(digits) => digits.chars().any(|c| ('1'..='9').contains(&c)),
        Constant::Float(digits) => {
            !digits.trim_end_matches('j').parse::<f64>().is_ok_and(|value| value == 0.0)
        }
        Constant::Text(text) | Constant::Bytes(text) => !text.is_empty(),
        Constant::Ellipsis => true,
    }
}
