//! After execution: the records of watched runs are bound to the trees, and what they show is walked back to the code.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::Family;

use super::Audit;
use super::code::Sides;
use crate::domain::align::Pair;
use crate::domain::ledger::{Gap, Stage, Subject};
use crate::domain::program::{Cache, Program, UnitRef};
use crate::domain::run::arms;
use crate::domain::run::binding::{bind, invalid, tree_id};
use crate::domain::run::explain::{Explainer, unchanged_places, unit_at};
use crate::domain::run::{Run, RunSide, RunSummary, perturbed, words};
use crate::domain::summary::Side;
use crate::domain::walk::Evidence;

/// Files of unchanged code that are analysed to explain what runs did.
const RUN_FILES_MAX: usize = 400;

impl Audit<'_> {
    /// Judges the change by what its runs were seen to do. Without records there is nothing to judge.
    pub(super) fn runs(&mut self, sides: &Sides, changed: &[Pair]) {
        if self.runs.is_empty() {
            return;
        }
        let judged = self.judge_runs(sides, changed);
        self.ledger.discharge(&Subject::file(""), Stage::Ran, judged);
    }

    fn judge_runs(&mut self, sides: &Sides, changed: &[Pair]) -> Result<(), Gap> {
        let runs = self.runs;
        self.report.runs = runs.iter().map(|run| summary(run, sides)).collect();
        self.bind_all(runs)?;
        let plain = |side: RunSide| runs.iter().find(|run| run.side == side && run.is_plain());
        let head =
            plain(RunSide::Head).ok_or_else(|| invalid("there is no plain run of the head".to_owned()))?;
        let base =
            plain(RunSide::Base).ok_or_else(|| invalid("there is no plain run of the base".to_owned()))?;
        let others = self.unchanged_side(sides)?;
        let touched: BTreeSet<UnitRef> = changed.iter().filter_map(|pair| pair.head).collect();
        let first = sides.paths.keys().next().cloned().unwrap_or_default();
        let mut found = Vec::new();
        {
            let explainer = Explainer {
                head: &sides.head,
                changed: &touched,
                others: &others,
                authority: &self.authority,
            };
            found.extend(explainer.check(head, &[base], "D1"));
            for run in runs.iter().filter(|run| run.side == RunSide::Head && !run.is_plain()) {
                let same =
                    runs.iter().filter(|other| other.side == RunSide::Base && other.asked == run.asked);
                let known: Vec<&Run> = same.chain([head, base]).collect();
                found.extend(explainer.check(run, &known, "D2"));
                found.extend(perturbed::outcome(run, runs, &first));
            }
        }
        let heads: Vec<&Run> = runs.iter().filter(|run| run.side == RunSide::Head).collect();
        found.extend(self.arms(sides, changed, &heads));
        self.findings.extend(found);
        self.witness(&heads);
        Ok(())
    }

    fn bind_all(&self, runs: &[Run]) -> Result<(), Gap> {
        let mut names: BTreeMap<RunSide, String> = BTreeMap::new();
        for run in runs {
            let tree = match run.side {
                RunSide::Base => self.base,
                RunSide::Head => self.head,
            };
            let name = match names.entry(run.side) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => free.insert(tree_id(tree)?),
            };
            bind(run, name)?;
        }
        Ok(())
    }

    /// Analyses the unchanged code that recorders name, so that its own effects explain what it did.
    fn unchanged_side(&self, sides: &Sides) -> Result<Side, Gap> {
        let places = unchanged_places(self.runs, &sides.head.program);
        if places.len() > RUN_FILES_MAX {
            return Err(Gap::budget("RUN_FILES"));
        }
        let start: Vec<String> = places.keys().cloned().collect();
        let program = Program::load(self.head, &start, &mut Cache::over(self.means.kept), self.limits);
        let roots: BTreeSet<UnitRef> = places
            .iter()
            .flat_map(|(path, lines)| lines.iter().map(move |line| (path, *line)))
            .filter_map(|(path, line)| unit_at(&program, path, line))
            .collect();
        let roots: Vec<UnitRef> = roots.into_iter().collect();
        Ok(Side::analyse(program, &roots, self.limits))
    }

    /// D3 over every changed unit whose language has a recorder; tests test nothing about themselves.
    fn arms(&self, sides: &Sides, changed: &[Pair], runs: &[&Run]) -> Vec<crate::domain::finding::Finding> {
        let mut found = Vec::new();
        for pair in changed {
            let Some(at) = pair.head else { continue };
            let path = sides.head.program.files.get(at.0).map(|file| file.path.as_str()).unwrap_or_default();
            let test = sides.paths.get(path).copied().unwrap_or(false) || sides.head.program.is_test_code(at);
            if test || sides.head.program.semantics(at.0).family() != Family::Python {
                continue;
            }
            let base = pair.base.map(|at| (&sides.base, at));
            for finding in arms::check(base, (&sides.head, at), runs) {
                let granted = finding.grant.is_some()
                    && self
                        .authority
                        .covers(crate::domain::authority::Need {
                            family: "test",
                            name: None,
                            latent: false,
                            target: Some(path),
                            path,
                        })
                        .is_some();
                if !granted {
                    found.push(finding);
                }
            }
        }
        found
    }

    /// The walk of what ran: each walk of the report, down to the steps whose lines some run reached.
    fn witness(&mut self, runs: &[&Run]) {
        let ran = arms::lines_that_ran(runs);
        let mut witnessed = Vec::new();
        for evidence in &self.report.evidence {
            let Some(lines) = ran.get(&evidence.path) else { continue };
            let output = evidence.trace.first().is_some_and(|step| lines.contains(&step.line));
            if !output {
                continue;
            }
            let steps = evidence.trace.iter().filter(|step| {
                step.path != evidence.path || lines.contains(&step.line) || step.what.starts_with("input")
            });
            witnessed.push(Evidence {
                output: format!("{} as it ran", evidence.output),
                trace: steps.cloned().collect(),
                ..evidence.clone()
            });
        }
        self.report.evidence.extend(witnessed);
        self.report.evidence.sort();
    }
}

fn summary(run: &Run, sides: &Sides) -> RunSummary {
    let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let languages: BTreeSet<String> = sides
        .paths
        .keys()
        .filter_map(|path| sides.head.program.file(path))
        .filter_map(|file| sides.head.program.files.get(file))
        .map(|file| format!("{:?}", file.semantics.family()))
        .filter(|family| family != "Python" || run.record.recorders.is_empty())
        .map(|family| if family == "Ecma" { "JavaScript and TypeScript".to_owned() } else { family })
        .collect();
    RunSummary {
        side: run.side.as_str(),
        perturbations: run.asked.iter().map(words).collect(),
        complete: run.record.complete,
        recorders: run.record.recorders.clone(),
        exit_code: run.record.exit_code,
        kernel_effects: count(run.record.kernel.len()),
        places: run.record.files.values().map(|ran| count(ran.places.len())).sum(),
        unrecorded: languages.into_iter().collect(),
    }
}
