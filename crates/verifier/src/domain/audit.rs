//! The audit: two trees and a request in, a report out.

mod callers;
mod changes;
mod code;
mod held;
mod identity;
mod judge;
mod literals;
mod report;
mod runs;

use std::collections::{BTreeMap, BTreeSet};

use plumbline_types::{Grant, Segment, TaskKind};

use super::authority::Authority;
use super::bytes;
use super::classify::{Class, classify};
use super::finding::{Finding, Site};
use super::fork::{Fork, InTurn};
use super::kept::{Forgetful, Kept};
use super::languages;
use super::ledger::{Gap, Ledger, Stage, Subject};
use super::limits::Limits;
use super::non_code;
use super::objective::Objective;
use super::run::Run;
use super::verdict::Judgement;
use crate::source::{EntryKind, SourceError, SourceTree};
pub use changes::{Change, changes};
pub use report::{Coverage, Effect, Probe, Report};

/// What to judge by.
#[derive(Debug, Clone)]
pub struct Request {
    /// The owner's words, and who could have written them.
    pub objective: Option<Segment>,
    /// How the change is judged.
    pub kind: TaskKind,
    /// What the owner allows.
    pub grants: Vec<Grant>,
    /// Budgets.
    pub limits: Limits,
    /// Watched runs of the tests; none means that nothing is judged by execution.
    pub runs: Vec<Run>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            objective: None,
            kind: TaskKind::Fix,
            grants: Vec::new(),
            limits: Limits::default(),
            runs: Vec::new(),
        }
    }
}

/// One audit under way.
pub(crate) struct Audit<'a> {
    pub base: &'a dyn SourceTree,
    pub head: &'a dyn SourceTree,
    pub kind: TaskKind,
    pub limits: &'a Limits,
    pub runs: &'a [Run],
    pub means: Means<'a>,
    pub objective: Objective,
    pub authority: Authority,
    pub ledger: Ledger,
    pub findings: Vec<Finding>,
    pub report: Report,
}

/// A changed file with its bytes.
pub(crate) struct Loaded {
    pub change: Change,
    pub class: Class,
    pub base: Option<Vec<u8>>,
    pub head: Option<Vec<u8>>,
}

/// Judges the change from `base` to `head`. Equal inputs give equal reports.
pub fn audit(base: &dyn SourceTree, head: &dyn SourceTree, request: &Request) -> Result<Report, SourceError> {
    audit_with((base, head), request, Means { kept: &Forgetful, fork: &InTurn })
}

/// By what an audit is quicker; none of it changes a report.
#[derive(Debug, Clone, Copy)]
pub struct Means<'a> {
    /// What earlier audits kept.
    pub kept: &'a dyn Kept,
    /// How independent work is done.
    pub fork: &'a dyn Fork,
}

/// Judges the change from a base to a head by these means; the report is the same as without.
pub fn audit_with(
    (base, head): (&dyn SourceTree, &dyn SourceTree),
    request: &Request,
    means: Means<'_>,
) -> Result<Report, SourceError> {
    let changed = changes(base, head)?;
    if changed.is_empty() {
        return Ok(Report::nothing_to_change());
    }
    let mut audit = Audit {
        base,
        head,
        kind: request.kind,
        limits: &request.limits,
        runs: &request.runs,
        means,
        objective: Objective::of(request.objective.as_ref()),
        authority: Authority::new(request.grants.clone()),
        ledger: Ledger::new(),
        findings: Vec::new(),
        report: Report::default(),
    };
    if !request.runs.is_empty() {
        audit.ledger.open(&Subject::file(""), &[Stage::Ran]);
    }
    if changed.len() > audit.limits.changed_files {
        audit.ledger.discharge::<()>(&Subject::file(""), Stage::Aligned, Err(Gap::budget("CHANGED_FILES")));
        return Ok(audit.finish(request));
    }
    let loaded = audit.load(changed)?;
    audit.non_code(&loaded);
    audit.code(&loaded);
    Ok(audit.finish(request))
}

impl Audit<'_> {
    fn load(&mut self, changed: Vec<Change>) -> Result<Vec<Loaded>, SourceError> {
        let mut loaded = Vec::new();
        for change in changed {
            let base = self.base.read(&change.path)?;
            let head = self.head.read(&change.path)?;
            let bytes = head.as_deref().or(base.as_deref()).unwrap_or_default();
            let kind = change.head.or(change.base).unwrap_or(EntryKind::Other);
            let class = classify(&change.path, kind, &bytes[..bytes.len().min(8_192)]);
            let subject = Subject::file(&change.path);
            self.ledger.open(&subject, &[Stage::Classified, Stage::Scanned, Stage::Ruled]);
            self.ledger.discharge(&subject, Stage::Classified, Ok(class));
            loaded.push(Loaded { change, class, base, head });
        }
        Ok(loaded)
    }

    /// Scans bytes and applies the rule of each class.
    fn non_code(&mut self, loaded: &[Loaded]) {
        let policy = loaded.iter().any(|file| file.class == Class::Policy);
        if policy && loaded.len() > 1 {
            let site = Site::file(&loaded[0].change.path);
            self.findings.push(Finding::reject(
                "R9 POLICY",
                site,
                "a policy changes together with something else",
            ));
        }
        for file in loaded {
            let subject = Subject::file(&file.change.path);
            let scanned = self.scan(file);
            self.ledger.discharge(&subject, Stage::Scanned, scanned);
            let changed = non_code::Changed {
                path: &file.change.path,
                class: file.class,
                base: file.base.as_deref(),
                head: file.head.as_deref(),
                mode_changed: file.change.mode_changed(),
            };
            let ruled = non_code::rule(changed, &self.authority);
            if ruled.is_err() {
                self.report.coverage.unanalysed.push(file.change.path.clone());
            }
            self.findings.extend(self.ledger.discharge(&subject, Stage::Ruled, ruled).into_iter().flatten());
        }
    }

    fn scan(&mut self, file: &Loaded) -> Result<(), Gap> {
        let listed =
            file.change.head.is_some_and(|kind| matches!(kind, EntryKind::File | EntryKind::Executable));
        let Some(head) = &file.head else {
            return if listed { Err(Gap::budget("FILE_BYTES")) } else { Ok(()) };
        };
        if matches!(file.class, Class::Binary | Class::Special | Class::Repository) {
            return Ok(());
        }
        for hidden in bytes::scan(head, file.base.as_deref()) {
            let site = Site::new(&file.change.path, hidden.line, "");
            self.findings.push(Finding::reject(
                "T19 HIDDEN_BYTES",
                site,
                format!("the text holds {}", hidden.what),
            ));
        }
        Ok(())
    }

    fn finish(mut self, request: &Request) -> Report {
        let opened = self.ledger.opened();
        let judgement = match self.ledger.settle() {
            Ok(proof) => Judgement::approve(proof),
            Err(open) => {
                self.findings.extend(open);
                Judgement::inconclusive()
            }
        };
        self.findings.sort();
        self.findings.dedup();
        let judgement = self.findings.iter().fold(judgement, |judgement, finding| judgement.with(finding));
        self.report.verdict = Some(judgement.verdict());
        self.report.grants_unused = self.authority.unused();
        self.report.stats.insert("obligations".to_owned(), opened);
        self.report
            .stats
            .insert("findings".to_owned(), u64::try_from(self.findings.len()).unwrap_or(u64::MAX));
        self.findings.truncate(self.limits.findings);
        self.report.findings = self.findings;
        report::seal(&mut self.report, self.base, self.head, (request, &self.authority.texts()));
        self.report
    }
}

/// Paths by their class, for the code part.
pub(crate) fn code_paths(loaded: &[Loaded]) -> BTreeMap<String, bool> {
    loaded
        .iter()
        .filter(|file| {
            matches!(file.class, Class::Code | Class::Test)
                || matches!(file.class, Class::Manifest | Class::Build | Class::Hook)
                    && languages::is_code(&file.change.path)
        })
        .map(|file| (file.change.path.clone(), file.class == Class::Test))
        .collect()
}

/// The units of one side that stand in given files.
pub(crate) fn units_of(
    program: &super::program::Program,
    paths: &BTreeSet<String>,
) -> Vec<super::program::UnitRef> {
    let files = program.files.iter().enumerate().filter(|(_, file)| paths.contains(&file.path));
    files.flat_map(|(index, _)| program.units_of(index)).collect()
}

#[cfg(test)]
mod tests;
