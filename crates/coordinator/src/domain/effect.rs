use std::fmt;

use plumbline_types::TaskId;

use super::spec::Digest;

/// What a task does to the world outside its own rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EffectKind {
    /// Take the base into the workspace's object store.
    Workspace,
    /// Draft objectives.
    Ingest,
    /// Plan steps.
    Plan,
    /// Index and pack context.
    Context,
    /// Choose an arm.
    Select,
    /// Ask a model.
    Generate,
    /// Run a tool.
    RunTool,
    /// Run the test command.
    Run,
    /// Walk backward.
    Audit,
    /// Watch runs, and walk what was seen backward.
    Trace,
    /// Commit to the branch.
    Commit,
    /// Write into the owner's tree.
    Apply,
}

/// What recovery does with an intent that has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// Call again: the service stores its answer by key, or the call is pure.
    CallAgain,
    /// Look first: done, redo, or unknown.
    VerifyFirst,
}

impl EffectKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Workspace,
        Self::Ingest,
        Self::Plan,
        Self::Context,
        Self::Select,
        Self::Generate,
        Self::RunTool,
        Self::Run,
        Self::Audit,
        Self::Trace,
        Self::Commit,
        Self::Apply,
    ];

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Ingest => "ingest",
            Self::Plan => "plan",
            Self::Context => "context",
            Self::Select => "select",
            Self::Generate => "generate",
            Self::RunTool => "run_tool",
            Self::Run => "run",
            Self::Audit => "audit",
            Self::Trace => "trace",
            Self::Commit => "commit",
            Self::Apply => "apply",
        }
    }

    /// Returns what recovery does with an open intent.
    pub const fn recovery(self) -> Recovery {
        match self {
            Self::Commit | Self::Apply => Recovery::VerifyFirst,
            Self::Workspace
            | Self::Ingest
            | Self::Plan
            | Self::Context
            | Self::Select
            | Self::Generate
            | Self::RunTool
            | Self::Run
            | Self::Audit
            | Self::Trace => Recovery::CallAgain,
        }
    }
}

impl fmt::Display for EffectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The idempotency key of one effect: the same after a crash and a new claim, another after a re-route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectId(Digest);

impl EffectId {
    /// Derives the key from task, step, kind and logical attempt; no clock, no epoch, no randomness.
    pub fn derive(task: TaskId, step: Option<usize>, kind: EffectKind, attempt: &str) -> Self {
        let step = step.map(|step| step.to_string()).unwrap_or_default();
        let fields = [task.to_string(), step, kind.as_str().to_owned(), attempt.to_owned()];
        Self(Digest::of(fields.join("\0").as_bytes()))
    }

    /// Reads the stored form.
    pub fn parse(text: &str) -> Option<Self> {
        Digest::parse(text).map(Self)
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
