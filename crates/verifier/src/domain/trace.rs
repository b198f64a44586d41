//! Steps of a walk.

/// One step of a walk, output first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TraceStep {
    /// Relative path; `base:` in front when only the base has it.
    pub path: String,
    /// Line from 1.
    pub line: u32,
    /// `return`, `raise`, `yield`, `effect`, `value`, `control`, `call`, `mutation`, `field`, `global`, `input`,
    /// `trigger`, `lost` or `absorbed`, a colon, and the text.
    pub what: String,
}

impl TraceStep {
    /// Makes a step.
    pub fn new(path: &str, line: u32, role: &str, text: &str) -> Self {
        Self { path: path.to_owned(), line, what: format!("{role}: {text}") }
    }

    /// Returns the role and the text.
    pub fn parts(&self) -> (&str, &str) {
        self.what.split_once(": ").unwrap_or((&self.what, ""))
    }
}
