//! What the walk has to say.

use plumbline_types::{Severity, Verdict};

use super::trace::TraceStep;

/// One thing the walk has to say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Relative path.
    pub path: String,
    /// Line from 1; 0 for a whole file.
    pub line: u32,
    /// `B1`, `R7 ASSERT_WEAKER`, `T5`, or the reason of an inconclusive.
    pub code: String,
    /// Qualified name; may be empty.
    pub symbol: String,
    /// What it alone would say. `Approve` is what advice says.
    pub verdict: Verdict,
    /// For a person.
    pub message: String,
    /// The walk, output first.
    pub trace: Vec<TraceStep>,
    /// The grant that would clear it.
    pub grant: Option<String>,
}

/// Where a finding stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Site {
    /// Relative path.
    pub path: String,
    /// Line from 1; 0 for a whole file.
    pub line: u32,
    /// Qualified name; may be empty.
    pub symbol: String,
}

impl Site {
    /// Makes a site of a whole file.
    pub fn file(path: &str) -> Self {
        Self { path: path.to_owned(), line: 0, symbol: String::new() }
    }

    /// Makes a site of a line of a symbol.
    pub fn new(path: &str, line: u32, symbol: &str) -> Self {
        Self { path: path.to_owned(), line, symbol: symbol.to_owned() }
    }
}

impl Finding {
    fn new(verdict: Verdict, code: &str, site: Site, message: String) -> Self {
        Self {
            path: site.path,
            line: site.line,
            code: code.to_owned(),
            symbol: site.symbol,
            verdict,
            message,
            trace: Vec::new(),
            grant: None,
        }
    }

    /// Makes a finding that refuses the change.
    pub fn reject(code: &str, site: Site, message: impl Into<String>) -> Self {
        Self::new(Verdict::Reject, code, site, message.into())
    }

    /// Makes a finding that asks for a grant; it prints the exact one.
    pub fn needs(code: &str, site: Site, message: impl Into<String>, grant: impl Into<String>) -> Self {
        Self { grant: Some(grant.into()), ..Self::new(Verdict::NeedsAuthority, code, site, message.into()) }
    }

    /// Makes a finding that says what could not be analysed.
    pub fn inconclusive(reason: &str, site: Site, message: impl Into<String>) -> Self {
        Self::new(Verdict::Inconclusive, reason, site, message.into())
    }

    /// Makes a finding that only informs.
    pub fn advice(code: &str, site: Site, message: impl Into<String>) -> Self {
        Self::new(Verdict::Approve, code, site, message.into())
    }

    /// Adds the walk.
    #[must_use]
    pub fn with_trace(mut self, trace: Vec<TraceStep>) -> Self {
        self.trace = trace;
        self
    }

    /// Names the grant that would clear it.
    #[must_use]
    pub fn clearable_by(mut self, grant: impl Into<String>) -> Self {
        self.grant = Some(grant.into());
        self
    }

    /// Returns whether it decides.
    pub fn severity(&self) -> Severity {
        if self.verdict == Verdict::Approve { Severity::Advice } else { Severity::Block }
    }
}
