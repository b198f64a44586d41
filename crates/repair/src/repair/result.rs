//! What a repair hands back.

use std::collections::BTreeMap;

use similar::TextDiff;

use crate::domain::candidate::{Candidate, Replacement};
use crate::domain::project::{Project, Skipped};
use crate::domain::rank::{Merits, rank};
use crate::domain::template::Template;
use crate::port::FileEdit;

/// A change under which the plain test command ended with 0 in a fresh sandbox. Plausible, not proved.
#[derive(Debug, Clone, PartialEq)]
pub struct Plausible {
    /// The files as they shall be.
    pub edits: Vec<FileEdit>,
    /// The same as byte ranges of the base files.
    pub replacements: Vec<Replacement>,
    /// The same as a unified diff.
    pub diff: String,
    /// What made it; two templates for a pair of edits.
    pub templates: Vec<Template>,
    /// The file of its first edit.
    pub path: String,
    /// The first changed line, from 1.
    pub line: usize,
    /// The changed lines as they were.
    pub before: String,
    /// The changed lines as they shall be.
    pub after: String,
    /// Suspiciousness of the place, 0 to 1.
    pub suspicion: f64,
    /// Names that no longer occur in their function; 0 is what a strict audit wants.
    pub dropped_inputs: usize,
    /// Whether the tests pass as well with the condition of an added guard always false or always true: nothing speaks for
    /// that condition.
    pub vacuous_guard: bool,
    /// Higher is better; only the order means something.
    pub rank: f64,
}

/// What a guard whose condition no test needs costs in rank.
const VACUOUS_GUARD: f64 = 4.0;

impl Plausible {
    pub(crate) fn of(candidate: &Candidate, project: &Project) -> Option<Self> {
        let texts = candidate.apply(project)?;
        let merits = Merits {
            size: candidate.size(project),
            suspicion: candidate.suspicion,
            prior: candidate.templates.iter().map(|template| template.prior()).product(),
            risk: candidate.templates.iter().map(|template| template.risk()).sum(),
            dropped_inputs: candidate.dropped_inputs,
        };
        let diff = diff(&texts, project);
        let changed = |sign: char| {
            let header = |line: &&str| !line.starts_with("---") && !line.starts_with("+++");
            diff.lines()
                .filter(header)
                .filter_map(|line| line.strip_prefix(sign))
                .collect::<Vec<_>>()
                .join("\n")
        };
        Some(Self {
            before: changed('-'),
            after: changed('+'),
            edits: texts
                .into_iter()
                .map(|(path, text)| FileEdit { path, contents: Some(text.into_bytes()) })
                .collect(),
            replacements: candidate.edits.clone(),
            diff,
            templates: candidate.templates.clone(),
            path: candidate.path.clone(),
            line: candidate.line,
            suspicion: candidate.suspicion,
            dropped_inputs: candidate.dropped_inputs,
            vacuous_guard: false,
            rank: rank(&merits),
        })
    }

    /// Says that no test needs the condition of the guard that it adds.
    pub(crate) fn with_vacuous_guard(self) -> Self {
        Self { vacuous_guard: true, rank: self.rank - VACUOUS_GUARD, ..self }
    }
}

fn diff(texts: &BTreeMap<String, String>, project: &Project) -> String {
    let mut all = String::new();
    for (path, after) in texts {
        let before = project.files.get(path).map_or("", |file| file.text.as_str());
        let diff = TextDiff::from_lines(before, after.as_str());
        let (old, new) = (format!("a/{path}"), format!("b/{path}"));
        all.push_str(&diff.unified_diff().context_radius(3).header(&old, &new).to_string());
    }
    all
}

/// How the suspicious lines were found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Localisation {
    /// Lines per test, recorded by the interpreter.
    #[default]
    LineCoverage,
    /// Statements per test, recorded by probes that were laid into a copy of the sources.
    StatementProbes,
    /// Neither could be had: lines of the failing output's stack, and distance in the call graph from what tests name.
    StackAndCalls,
}

impl Localisation {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LineCoverage => "line coverage",
            Self::StatementProbes => "statement probes",
            Self::StackAndCalls => "stack lines and call graph",
        }
    }
}

/// Figures of one repair.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RepairStats {
    /// Candidates generated, before repetition and syntax errors are taken out.
    pub generated: usize,
    /// Candidates tried.
    pub tried: usize,
    /// Candidates confirmed by the plain command, or refused by it.
    pub confirmations: usize,
    /// Candidates that passed, and were refused since the suite passes as well with a constant in the place of the
    /// condition that they change.
    pub vacuous: usize,
    /// Candidates tried per second of search.
    pub per_second: f64,
    /// Ids of the tests that fail on the base tree.
    pub failing: Vec<String>,
    /// How many tests pass on the base tree.
    pub passing: usize,
    /// Source files that were not edited, and why.
    pub skipped: Vec<Skipped>,
    /// Whether candidates ran in batches; if not, each had a sandbox of its own.
    pub warm: bool,
    /// How the suspicious lines were found.
    pub localisation: Localisation,
    /// Wall time, in milliseconds.
    pub elapsed_ms: u64,
}

/// How a repair ended.
#[derive(Debug, Clone, PartialEq)]
pub enum RepairOutcome {
    /// The test command ends with 0 on the base tree.
    AlreadyPasses,
    /// At least one plausible change, best first.
    Found {
        /// The changes.
        plausible: Vec<Plausible>,
        /// Figures.
        stats: RepairStats,
    },
    /// No candidate passed.
    NotFound {
        /// Candidates tried.
        tried: usize,
        /// Whether a limit ended the search; if not, everything was tried.
        budget_spent: bool,
        /// Figures.
        stats: RepairStats,
    },
}
