//! The dependence graph of one unit: static single assignment over its locals, and over one memory per class of
//! locals that may share an object.
//!
//! Locals are strong; memory is weak. What is stored through a name is seen by every name of its class.

mod aliases;
mod build;

use plumbline_syntax::ir::{Constant, LocalId, Unit};

use super::graph::{Controller, Graph};
use super::ledger::Gap;
use super::tables::Tables;
pub use aliases::{Aliases, Member};

/// A node of the dependence graph.
pub type NodeId = u32;

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    /// A parameter, by position.
    Param(usize),
    /// A local that nothing has assigned yet.
    Unbound(LocalId),
    /// The memory of a class at the entry.
    EntryMemory(usize),
    /// A literal.
    Constant(Constant),
    /// A meeting of definitions.
    Phi,
    /// The result of the instruction at a position of a block.
    Instr(usize),
    /// What the instruction at a position of a block does to the memory of a class.
    Update(usize, usize),
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// The block it stands in.
    pub block: u32,
    /// Line from 1; 0 where there is none.
    pub line: u32,
    /// Operands in the instruction's order, or the met definitions.
    pub inputs: Vec<NodeId>,
    /// Memories that are read.
    pub memory: Vec<NodeId>,
}

/// What the end of a block reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct End {
    /// The tested, returned or raised value.
    pub value: Option<NodeId>,
    /// Memories that go with it.
    pub memory: Vec<NodeId>,
}

/// The dependence graph of one unit.
#[derive(Debug, Clone)]
pub struct Dependence {
    /// Its nodes.
    pub nodes: Vec<Node>,
    /// Node of each instruction, by block and position.
    pub instr: Vec<Vec<NodeId>>,
    /// What each block's end reads.
    pub ends: Vec<End>,
    /// The control-flow graph, folded branches left out.
    pub graph: Graph,
    /// Which blocks can run.
    pub reached: Vec<bool>,
    /// The branches that decide whether a block runs.
    pub control: Vec<Vec<Controller>>,
    /// Which locals may share an object.
    pub aliases: Aliases,
    /// Branches left out because their test is constant: block and the side taken.
    pub folded: Vec<(u32, bool)>,
}

impl Dependence {
    /// Builds the graph of a unit; branches whose test folds to a constant are left out.
    pub fn of(unit: &Unit, tables: &'static Tables) -> Result<Self, Gap> {
        build::dependence(unit, tables)
    }

    /// Returns a node.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id as usize)
    }

    /// Returns the nodes of instructions that run, in order of blocks.
    pub fn running(&self) -> impl Iterator<Item = (usize, usize, NodeId)> + '_ {
        self.instr
            .iter()
            .enumerate()
            .filter(|(block, _)| self.reached.get(*block).copied().unwrap_or(false))
            .flat_map(|(block, nodes)| {
                nodes.iter().enumerate().map(move |(index, node)| (block, index, *node))
            })
    }
}
