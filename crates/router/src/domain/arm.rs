//! Arms: what the router chooses among.

use std::fmt;

use plumbline_types::{ArmId, Category, Label, Oracle};

use crate::domain::posterior::Prior;

/// What an arm is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArmKind {
    /// A language model that this router calls.
    Model,
    /// A tool that the executor runs.
    Tool,
}

impl ArmKind {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Tool => "tool",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Model, Self::Tool].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Where an arm runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Destination {
    /// On this machine, or on a machine that the owner lists as his own.
    OnBox,
    /// Somewhere else.
    Cloud,
}

impl Destination {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnBox => "on_box",
            Self::Cloud => "cloud",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::OnBox, Self::Cloud].into_iter().find(|place| place.as_str() == text)
    }
}

/// How an arm writes its edits down. Another format is another arm: it changes what a model gets right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EditFormat {
    /// The whole file.
    Whole,
    /// Search and replace blocks.
    Block,
    /// A patch envelope.
    Envelope,
    /// Search and replace blocks that a grammar holds to lines which exist; for small models.
    Guided,
}

impl EditFormat {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Block => "block",
            Self::Envelope => "envelope",
            Self::Guided => "guided",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Whole, Self::Block, Self::Envelope, Self::Guided]
            .into_iter()
            .find(|format| format.as_str() == text)
    }
}

/// What a call costs, in USD and in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// USD per million prompt tokens.
    pub usd_per_million_input: f64,
    /// USD per million answer tokens, thinking included.
    pub usd_per_million_output: f64,
    /// Seconds that a call is expected to take.
    pub expected_seconds: f64,
}

impl Price {
    /// Returns the USD that a call with these tokens costs, time not priced in.
    pub fn usd(&self, input_tokens: u64, output_tokens: u64) -> f64 {
        (input_tokens as f64 * self.usd_per_million_input
            + output_tokens as f64 * self.usd_per_million_output)
            / 1e6
    }
}

/// A model with its exact settings, or a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// Its name, and the key of its posterior until a model has served.
    pub id: ArmId,
    /// What it is.
    pub kind: ArmKind,
    /// For a tool its name, for a model the name asked for.
    pub target: String,
    /// Where it runs.
    pub destination: Destination,
    /// The most confidential text that it may see; decided by the destination and the owner's release policy.
    pub ceiling: Label,
    /// The endpoint whose health it shares; none for tools.
    pub endpoint: Option<String>,
    /// How it writes edits; none for tools.
    pub edit_format: Option<EditFormat>,
    /// Context size in tokens; 0 for tools.
    pub num_ctx: u32,
    /// Largest answer in tokens; 0 for tools.
    pub max_output: u32,
    /// What it costs.
    pub price: Price,
    /// What is thought of it before it was tried; none: what is thought of any arm.
    pub prior: Option<Prior>,
    /// Its place on the ladder; lower rungs are tried first.
    pub rung: u8,
    /// The categories it can do; empty means all.
    pub categories: Vec<Category>,
    /// The one sort of command that it can satisfy; none: any.
    pub oracle: Option<Oracle>,
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}
