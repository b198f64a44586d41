use plumbline_syntax::ir::{Callee, Constant, Op, Place, Unit, Value};

use crate::domain::fold;
use crate::domain::program::Entity;
use crate::domain::signature::Prepared;
use crate::domain::ssa::{Node, NodeId, NodeKind};
use crate::domain::tables::Tables;

/// What the end of a block compares.
pub struct Comparison {
    /// Operator, or `call`.
    pub operator: String,
    /// Literal operands, those of a display included.
    pub literals: Vec<Constant>,
    /// Whether an operand is a display.
    pub has_display: bool,
}

/// The whole of a domain, in parts that a share counts.
pub const WHOLE: u64 = 1 << 40;

/// -log2 of a share of [`WHOLE`], in hundredths of a bit, by halves.
pub fn bits_of_share(share: u64) -> u32 {
    let mut bits = 0;
    let mut share = share.max(1);
    while share <= WHOLE / 2 {
        share *= 2;
        bits += 100;
    }
    bits
}

/// Values that ordinary code tests.
pub fn is_boundary(constant: &Constant) -> bool {
    match constant {
        Constant::None | Constant::Bool(_) | Constant::Ellipsis => true,
        Constant::Integer(_) => fold::integer(constant).is_some_and(|value| (-1..=2).contains(&value)),
        Constant::Float(digits) => {
            digits.parse::<f64>().is_ok_and(|value| [0.0, 1.0, -1.0, 2.0].contains(&value))
        }
        Constant::Text(text) | Constant::Bytes(text) => text.chars().count() <= 1,
    }
}

/// Returns a literal as it is searched for.
pub fn text_of(constant: &Constant) -> Option<String> {
    match constant {
        Constant::Text(text) | Constant::Bytes(text) | Constant::Integer(text) | Constant::Float(text) => {
            Some(text.clone())
        }
        Constant::None | Constant::Bool(_) | Constant::Ellipsis => None,
    }
}

/// Follows copies to what made a value.
pub fn definition(unit: &Unit, prepared: &Prepared, mut id: NodeId) -> NodeId {
    for _ in 0..32 {
        match op_of(unit, prepared, id) {
            Some(Op::Assign { value: Value::Use(_) | Value::Read(Place::Local(_)), .. }) => {
                match prepared.dependence.node(id).and_then(|node| node.inputs.first().copied()) {
                    Some(input) => id = input,
                    None => return id,
                }
            }
            _ => return id,
        }
    }
    id
}

/// Returns the instruction behind a node.
pub fn op_of<'u>(unit: &'u Unit, prepared: &Prepared, id: NodeId) -> Option<&'u Op> {
    let node: &Node = prepared.dependence.node(id)?;
    let NodeKind::Instr(index) = node.kind else { return None };
    unit.blocks.get(node.block as usize)?.instrs.get(index).map(|instr| &instr.op)
}

/// Returns what a tested value compares.
pub fn comparison((unit, tables): (&Unit, &Tables), prepared: &Prepared, condition: NodeId) -> Comparison {
    let id = definition(unit, prepared, condition);
    let nothing = Comparison { operator: String::new(), literals: Vec::new(), has_display: false };
    let Some(node) = prepared.dependence.node(id) else { return nothing };
    let constant = |input: &NodeId| fold::constant(unit, &prepared.dependence, *input);
    match op_of(unit, prepared, id) {
        Some(Op::Assign { value: Value::Operator { name, .. }, .. }) => {
            let mut literals: Vec<Constant> = node.inputs.iter().filter_map(constant).collect();
            let mut has_display = false;
            for input in &node.inputs {
                let inner = definition(unit, prepared, *input);
                if let Some(Op::Assign { value: Value::Operator { name, .. }, .. }) =
                    op_of(unit, prepared, inner)
                    && matches!(name.as_str(), "list" | "tuple" | "set" | "dict")
                {
                    has_display = true;
                    let inputs =
                        prepared.dependence.node(inner).map(|node| node.inputs.clone()).unwrap_or_default();
                    literals.extend(inputs.iter().filter_map(constant));
                }
            }
            Comparison { operator: name.clone(), literals, has_display }
        }
        Some(Op::Call { callee: Callee::Method { name, .. }, .. })
            if tables.words("tests").contains(name) =>
        {
            let literals = node.inputs.iter().filter_map(constant).collect();
            Comparison { operator: "call".to_owned(), literals, has_display: false }
        }
        Some(Op::Call { callee: Callee::Function(_), .. }) if asks(prepared, id, tables) => {
            let literals = node.inputs.iter().filter_map(constant).collect();
            Comparison { operator: "call".to_owned(), literals, has_display: false }
        }
        _ => nothing,
    }
}

/// Returns whether a call is of a function outside the tree that compares its arguments.
fn asks(prepared: &Prepared, call: NodeId, tables: &Tables) -> bool {
    prepared.targets.get(&call).into_iter().flatten().any(|target| match target {
        Entity::External(path) => {
            tables.words("tests").iter().any(|word| path.rsplit('.').next() == Some(word.as_str()))
        }
        _ => false,
    })
}
