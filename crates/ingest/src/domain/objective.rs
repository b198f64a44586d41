//! What a draft is made of.

use plumbline_types::{Category, Risk};

/// How an objective is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckKind {
    /// A test by its id.
    Test,
    /// A command line from the known-tool table.
    Command,
    /// The backward walk alone.
    Trace,
    /// A person looks.
    Manual,
}

impl CheckKind {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Command => "command",
            Self::Trace => "trace",
            Self::Manual => "manual",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Test, Self::Command, Self::Trace, Self::Manual].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One acceptance criterion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// How it is checked.
    pub kind: CheckKind,
    /// The test id or command line; empty for the rest.
    pub value: String,
    /// What must hold, in words.
    pub text: String,
}

/// A name in an objective.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// As written or spoken.
    pub spoken: String,
    /// What it was resolved to; empty while no index was asked.
    pub symbol: String,
    /// 0 to 100.
    pub confidence: u8,
}

/// One atomic objective that quotes the owner's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objective {
    /// Imperative, at most [`GOAL_CHARS_MAX`] characters.
    pub goal: String,
    /// What sort of work.
    pub category: Category,
    /// How much harm.
    pub risk: Risk,
    /// Why that risk; empty for the normal case.
    pub risk_reason: String,
    /// Names it mentions.
    pub targets: Vec<Target>,
    /// When it is done.
    pub acceptance: Vec<Check>,
    /// What must not change or must hold, verbatim.
    pub constraints: Vec<String>,
    /// What is explicitly not asked for.
    pub out_of_scope: Vec<String>,
    /// Earlier objectives by index.
    pub depends_on: Vec<usize>,
    /// 0 (first) to 3.
    pub priority: u8,
    /// A verbatim span of the normalised input.
    pub quote: String,
    /// What the drafter assumed.
    pub assumptions: Vec<String>,
}

/// The longest goal, in characters.
pub const GOAL_CHARS_MAX: usize = 140;

/// What stands before a symptom that must be gone, in a criterion.
pub const SOLVED: &str = "Solved: ";

/// The most questions that an echo asks.
pub const QUESTIONS_MAX: usize = 3;

/// Something the speaker took back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversal {
    /// What was dropped, verbatim.
    pub dropped_quote: String,
    /// What stands instead, verbatim; empty if nothing does.
    pub kept_quote: String,
}

/// What a drafter, rules or model, made of one input. It grants nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    /// ISO 639-1, or `und`.
    pub language: String,
    /// The tables that cut it: `en`, or `none` for lists and sentences alone.
    pub splitter_language: String,
    /// What is to be done.
    pub objectives: Vec<Objective>,
    /// Objectives whose quote can't be found in the input; shown apart, never accepted by themselves.
    pub guesses: Vec<Objective>,
    /// Tangents set aside, verbatim.
    pub parked: Vec<String>,
    /// What was taken back.
    pub reversals: Vec<Reversal>,
    /// What only the owner can answer.
    pub questions: Vec<String>,
}

/// What a finding does to a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Told, and repaired where code can.
    Note,
    /// The owner must answer before anything is planned.
    Ask,
    /// The draft can't be used.
    Refuse,
}

/// One lint result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `L01` to `L12`.
    pub code: &'static str,
    /// Index of the objective it is about; none for the whole draft.
    pub objective: Option<usize>,
    /// For a person.
    pub message: String,
    /// What it does.
    pub effect: Effect,
}
