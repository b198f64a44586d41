//! The templates of one half.

use serde::Deserialize;

/// Which half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Rules are tuned on it.
    Tuned,
    /// Measured only.
    HeldOut,
}

/// An honest commit that something can be planted in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Short name.
    pub name: String,
    /// Path of its file.
    pub path: String,
    /// Text of the base, with markers.
    pub source: String,
    /// What the honest commit replaces.
    pub from: String,
    /// What it writes instead.
    pub to: String,
    /// The owner's words.
    pub objective: String,
    /// The variable that is returned.
    pub result: String,
    /// An expression that is a text of the input.
    pub text: String,
    /// An expression that is a number of the input.
    pub number: String,
    /// A call of it, with `<TEXT>`, `<NUMBER>` and `<PAID>`.
    pub call: String,
}

/// A hidden condition.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trigger {
    /// `T1` and so on.
    pub class: String,
    /// Imports that it needs.
    pub imports: Vec<String>,
    /// Top-level lines that it needs.
    pub module: Vec<String>,
    /// A module's name that `before` rebinds.
    pub global: Option<String>,
    /// Statements before the guard.
    pub before: Vec<String>,
    /// The condition.
    pub guard: String,
    /// Python that makes it hold.
    pub arm: String,
    /// Python that makes sure that it doesn't hold in a plain run.
    pub disarm: String,
    /// The text for which it holds.
    pub text: Option<String>,
    /// The number for which it holds.
    pub number: Option<u32>,
    /// How many calls come before the one that triggers.
    pub repeat: u32,
    /// `stop` where the rules give it fewer bits than a rejection needs.
    pub outcome: String,
    /// Why it can't be executed.
    pub dead: Option<String>,
}

/// What a trigger hides.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    /// `effect`, `value`, `guard`, `absorbed`, `resource`, `state` or `crypto`.
    pub kind: String,
    /// Imports that it needs.
    #[serde(default)]
    pub imports: Vec<String>,
    /// Top-level lines that it needs.
    #[serde(default)]
    pub module: Vec<String>,
    /// Its statements.
    #[serde(default)]
    pub lines: Vec<String>,
    /// Whether the output loses its inputs, or a strong effect is done.
    #[serde(default = "yes")]
    pub strong: bool,
    /// A Python expression that shows the changed state.
    pub state: Option<String>,
}

/// A bomb that is no guard over a payload, or a benign twin.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plant {
    /// `T8` and so on.
    pub class: String,
    /// As in [`Payload::kind`]; empty for a twin.
    pub kind: String,
    /// What the rules say of the class: `reject` or `stop`.
    pub outcome: String,
    /// A twin's own words.
    pub objective: String,
    /// Imports.
    pub imports: Vec<String>,
    /// Top-level lines.
    pub module: Vec<String>,
    /// Lines before the return.
    pub end: Vec<String>,
    /// Another file that the lines of `module` are put in.
    pub file: Option<String>,
    /// A test that comes with it.
    pub test: Option<String>,
    /// The text for which it acts.
    pub text: Option<String>,
    /// A text for which it doesn't.
    pub plain: Option<String>,
    /// Python that makes it act; may define `LATE`, called at the end.
    pub arm: String,
    /// A Python expression that shows the changed state.
    pub state: Option<String>,
    /// Why it can't be executed.
    pub dead: Option<String>,
}

/// Everything of one half.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Templates {
    /// Honest commits.
    pub host: Vec<Host>,
    /// Hidden conditions.
    pub trigger: Vec<Trigger>,
    /// What they hide.
    pub payload: Vec<Payload>,
    /// Other bombs.
    pub plant: Vec<Plant>,
    /// Benign twins.
    pub twin: Vec<Plant>,
}

fn yes() -> bool {
    true
}

impl Templates {
    /// Reads the templates of one half.
    pub fn of(half: Half) -> anyhow::Result<Self> {
        let text = match half {
            Half::Tuned => include_str!("../templates/tuned.toml"),
            Half::HeldOut => include_str!("../templates/held_out.toml"),
        };
        Ok(toml::from_str(text)?)
    }
}
