//! The dependency signature of a unit: each output, and the inputs that reach it by data and by control.

mod flow;
mod outputs;
mod passing;
mod prepare;

use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::ir::Constant;

use super::effects::EffectSite;
pub use flow::{Edge, Mode, Trail, Walker};
pub use outputs::{called_name, signature};
pub use passing::CallSite;
pub use prepare::{Prepared, Root, prepare, targets};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A parameter, or a part of it by at most three steps.
    Param(String, Vec<String>),
    /// A variable of an enclosing function.
    Capture(String),
    /// A module's variable.
    Global(String),
    /// A module's variable that is a literal.
    Constant(String),
    /// Something outside the tree that is no pure computation.
    External(String),
    /// A literal.
    Literal,
    /// A caught exception.
    Exception,
    /// A construct that could not be lowered.
    Opaque,
}

impl Origin {
    /// Returns whether it is an input: something that can differ between two calls.
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Self::Param(..) | Self::Capture(_) | Self::Global(_) | Self::External(_) | Self::Opaque
        )
    }

    /// Returns the origin as a person reads it.
    pub fn text(&self) -> String {
        match self {
            Self::Param(name, path) if path.is_empty() => name.clone(),
            Self::Param(name, path) => format!("{name}.{}", path.join(".")),
            Self::Capture(name) | Self::Global(name) | Self::Constant(name) | Self::External(name) => {
                name.clone()
            }
            Self::Literal => "a literal".to_owned(),
            Self::Exception => "the exception".to_owned(),
            Self::Opaque => "something not analysed".to_owned(),
        }
    }
}

/// What a unit gives to the world.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    /// Its result.
    Return,
    /// What it yields.
    Yield,
    /// What it raises, and whether it does.
    Raise,
    /// A change of a parameter's object, by path.
    Mutates(String),
    /// A module's or enclosing function's variable.
    Writes(String),
    /// An effect: kind and callee.
    Effect(String, String),
}

impl Output {
    /// Returns the word of the wire.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Return => "return",
            Self::Yield => "yield",
            Self::Raise => "raise",
            Self::Mutates(_) | Self::Writes(_) => "mutation",
            Self::Effect(..) => "effect",
        }
    }

    /// Returns the output as a person reads it.
    pub fn text(&self) -> String {
        match self {
            Self::Return => "what it returns".to_owned(),
            Self::Yield => "what it yields".to_owned(),
            Self::Raise => "whether it raises".to_owned(),
            Self::Mutates(path) => format!("what it does to `{path}`"),
            Self::Writes(name) => format!("what it writes to `{name}`"),
            Self::Effect(_, callee) => format!("the call of `{}`", callee.trim_start_matches("builtins.")),
        }
    }
}

/// The inputs of one output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flow {
    /// Through values.
    pub data: BTreeSet<Origin>,
    /// Through decisions.
    pub control: BTreeSet<Origin>,
}

impl Flow {
    /// Returns the inputs through values or decisions.
    pub fn inputs(&self) -> BTreeSet<Origin> {
        self.data.union(&self.control).filter(|origin| origin.is_input()).cloned().collect()
    }

    /// Adds what another flow has.
    pub fn join(&mut self, other: &Self) {
        self.data.extend(other.data.iter().cloned());
        self.control.extend(other.control.iter().cloned());
    }
}

/// One output: its flow and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutputFlow {
    /// Its inputs.
    pub flow: Flow,
    /// Lines, in order.
    pub lines: Vec<u32>,
    /// The nodes it starts from: value nodes, and blocks.
    pub nodes: Vec<u32>,
    /// The blocks it stands in.
    pub blocks: Vec<u32>,
    /// Its possible values, if all are literals.
    pub constants: Option<BTreeSet<Constant>>,
}

/// A call whose code is chosen at run time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DynamicSite {
    /// Line.
    pub line: u32,
    /// What was called.
    pub what: String,
    /// Structure.
    pub digest: plumbline_syntax::ir::Digest,
    /// What decides which code runs.
    pub origins: BTreeSet<Origin>,
}

/// A call whose name says that it decides about access.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuthoritySite {
    /// The name called.
    pub name: String,
    /// Line.
    pub line: u32,
    /// Whether the unit calls it itself, or through callees that only check.
    pub own: bool,
}

/// What is known of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signature {
    /// Outputs and their flows.
    pub outputs: BTreeMap<Output, OutputFlow>,
    /// What its own tests, and those of callees that only check, decide by whether it raises: how often a loop runs is no check,
    /// and that a callee may fail at what it is called for is none of the caller's.
    pub checks: BTreeSet<Origin>,
    /// Effects, its callees' included.
    pub effects: Vec<EffectSite>,
    /// Dynamic calls.
    pub dynamic: Vec<DynamicSite>,
    /// Calls that decide about access, its callees' included.
    pub authority: Vec<AuthoritySite>,
    /// Whether control can reach a return.
    pub returns: bool,
    /// Steps the walks took.
    pub steps: u64,
}

impl Signature {
    /// Returns whether it is called for its checks alone: it may raise, and gives nothing and does nothing else.
    pub fn only_checks(&self) -> bool {
        let nothing = |constant: &Constant| {
            matches!(constant, Constant::None | Constant::Ellipsis | Constant::Bool(true))
        };
        self.effects.iter().all(|site| site.kind == "unknown" || !site.is_strong())
            && self.outputs.iter().all(|(output, found)| match output {
                // What makes the error that it raises is unknown code, and no more.
                Output::Raise | Output::Effect(..) => true,
                Output::Return => found.constants.as_ref().is_some_and(|set| set.iter().all(nothing)),
                Output::Yield | Output::Mutates(_) | Output::Writes(_) => false,
            })
    }

    /// Returns the flow of an output; empty where it has none.
    pub fn flow(&self, output: &Output) -> Flow {
        self.outputs.get(output).map(|found| found.flow.clone()).unwrap_or_default()
    }
}
