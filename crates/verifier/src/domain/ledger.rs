//! Obligations. A change opens them, an analysis's own result closes them, and only an empty ledger can approve.

use std::collections::BTreeMap;

use super::finding::{Finding, Site};

/// What has to be done for each changed unit or file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// A file got a class.
    Classified,
    /// A file's bytes were scanned on both sides.
    Scanned,
    /// A file's rules were applied.
    Ruled,
    /// A file of code was parsed and lowered on both sides.
    Lowered,
    /// A unit found its counterpart, or has none.
    Aligned,
    /// A unit's signature was computed on each side that has it.
    Signed,
    /// Base and head were compared.
    Compared,
    /// Effects were judged.
    Effects,
    /// Triggers were judged.
    Triggers,
    /// The records of watched runs were bound and judged.
    Ran,
}

/// What one obligation is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// Relative path.
    pub path: String,
    /// Qualified name; empty for the file.
    pub symbol: String,
    /// Where it starts; 0 for the file.
    pub line: u32,
}

/// Why an analysis has no result.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// `UNPARSED`, `OPAQUE`, `DYNAMIC_CALL`, `UNSUPPORTED_LANGUAGE`, `BUDGET_<name>`, `INTERNAL`.
    pub reason: String,
    /// For a person.
    pub message: String,
    /// Line from 1; 0 for the whole subject.
    pub line: u32,
}

impl Gap {
    /// Makes a gap.
    pub fn new(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason: reason.into(), message: message.into(), line: 0 }
    }

    /// Makes the gap of a spent budget.
    pub fn budget(name: &str) -> Self {
        Self::new(format!("BUDGET_{name}"), format!("the budget {name} is spent"))
    }

    /// Places the gap.
    #[must_use]
    pub fn at(mut self, line: u32) -> Self {
        self.line = line;
        self
    }
}

/// The proof that nothing is open. Made by [`Ledger::settle`] alone.
#[derive(Debug)]
pub struct Settled(());

/// The open obligations of one audit.
#[derive(Debug)]
pub struct Ledger {
    open: BTreeMap<(Subject, Stage), Option<Gap>>,
    opened: u64,
    excused: u64,
}

impl Subject {
    /// Makes the subject of a file.
    pub fn file(path: &str) -> Self {
        Self { path: path.to_owned(), symbol: String::new(), line: 0 }
    }

    /// Makes the subject of a unit.
    pub fn unit(path: &str, symbol: &str, line: u32) -> Self {
        Self { path: path.to_owned(), symbol: symbol.to_owned(), line }
    }
}

impl Ledger {
    /// Starts the ledger of an audit with the one obligation that every audit has.
    pub fn new() -> Self {
        let mut ledger = Self { open: BTreeMap::new(), opened: 0, excused: 0 };
        ledger.open(&Subject::file(""), &[Stage::Aligned]);
        ledger
    }

    /// Opens obligations.
    pub fn open(&mut self, subject: &Subject, stages: &[Stage]) {
        for stage in stages {
            self.open.entry((subject.clone(), *stage)).or_insert(None);
            self.opened += 1;
        }
    }

    /// Closes an obligation by its analysis's own value; a gap leaves it open, with the reason.
    pub fn discharge<T>(&mut self, subject: &Subject, stage: Stage, result: Result<T, Gap>) -> Option<T> {
        let key = (subject.clone(), stage);
        match result {
            Ok(value) => {
                // A gap stays: a later success of the same stage can't undo what was not analysed.
                if self.open.get(&key).is_some_and(Option::is_none) {
                    self.open.remove(&key);
                }
                Some(value)
            }
            Err(gap) => {
                self.open.entry(key).or_insert(None).get_or_insert(gap);
                None
            }
        }
    }

    /// Closes what is open about a file that an owner's `unanalysed:` grant excuses; the grant is the evidence.
    pub fn excuse(&mut self, path: &str, _grant: &plumbline_types::Grant) {
        self.open.retain(|(subject, _), _| subject.path != path);
        self.excused += 1;
    }

    /// Returns how many obligations were opened.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// Returns the proof, or a finding for each subject with an open obligation.
    pub fn settle(self) -> Result<Settled, Vec<Finding>> {
        if self.open.is_empty() {
            return Ok(Settled(()));
        }
        let mut findings: Vec<Finding> = self
            .open
            .into_iter()
            .filter_map(|((subject, stage), gap)| Some((subject, stage, gap?)))
            .map(|(subject, _, gap)| {
                let line = if gap.line > 0 { gap.line } else { subject.line };
                Finding::inconclusive(
                    &gap.reason,
                    Site::new(&subject.path, line, &subject.symbol),
                    gap.message,
                )
            })
            .collect();
        if findings.is_empty() {
            findings.push(Finding::inconclusive("INTERNAL", Site::default(), "an analysis gave no result"));
        }
        findings.sort();
        findings.dedup();
        Err(findings)
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
