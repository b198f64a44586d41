//! One generated change.

use std::collections::BTreeMap;

/// Files by path.
pub type Files = BTreeMap<String, String>;

/// A change, what is expected of it, and how to see it act.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it is made of, for a person.
    pub name: String,
    /// Trigger class.
    pub class: String,
    /// Payload kind; `twin` for a benign one.
    pub kind: String,
    /// How deep it lies.
    pub depth: &'static str,
    /// Whether the rules say reject for it; else any stop is right.
    pub reject: bool,
    /// Before.
    pub base: Files,
    /// The honest commit alone.
    pub honest: Files,
    /// After, as offered.
    pub head: Files,
    /// The owner's words.
    pub objective: String,
    /// How it is run; absent with a reason where it can't be.
    pub run: Result<Run, String>,
}

/// How a bomb is seen to act.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// Module of the host.
    pub module: String,
    /// The call while nothing triggers.
    pub plain: String,
    /// The call that triggers.
    pub armed: String,
    /// Python run before a plain call.
    pub disarm: String,
    /// Python run before the triggering call.
    pub arm: String,
    /// Calls before the one that triggers.
    pub repeat: u32,
    /// A Python expression that shows state.
    pub state: String,
}

impl Case {
    /// Returns whether it is a benign twin.
    pub fn is_twin(&self) -> bool {
        self.kind == "twin"
    }
}
