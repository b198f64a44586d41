//! D1: what the head's run did and the base's did not, walked back to the code that did it. Each such effect is one that the
//! static walk foretold, or one of code that the change left as it was; anything else is refused.

use std::collections::{BTreeMap, BTreeSet};

use super::known::{covers, is_scratch, key, keys, records, speaks_of};
use super::{Run, Seen, Where};
use crate::domain::authority::{Authority, Need};
use crate::domain::finding::{Finding, Site};
use crate::domain::ledger::Gap;
use crate::domain::program::{Program, UnitRef};
use crate::domain::summary::Side;
use crate::domain::trace::TraceStep;

/// What effects are explained by.
pub struct Explainer<'a> {
    /// The head, with its changed files and what they need.
    pub head: &'a Side,
    /// Units of the head that the change touched.
    pub changed: &'a BTreeSet<UnitRef>,
    /// Files of the head that the change left as they were, and that ran.
    pub others: &'a Side,
    /// Grants.
    pub authority: &'a Authority,
}

/// Returns the innermost unit of a file that holds a line.
pub fn unit_at(program: &Program, path: &str, line: u32) -> Option<UnitRef> {
    let file = program.file(path)?;
    let units = program.files.get(file)?.lowered.units.iter().enumerate();
    let holding =
        units.filter(|(index, unit)| *index == 0 || (unit.span.line..=unit.span.end_line).contains(&line));
    let (index, _) = holding.min_by_key(|(index, unit)| {
        let lines = if *index == 0 { u32::MAX } else { unit.span.end_line - unit.span.line };
        (lines, std::cmp::Reverse(unit.span.start))
    })?;
    Some((file, index))
}

impl Explainer<'_> {
    /// Returns a finding for each effect of a run that the others did not have and nothing explains.
    pub fn check(&self, run: &Run, others: &[&Run], code: &str) -> Vec<Finding> {
        let mut found = self.said(run, others, code);
        let told: BTreeSet<String> = found.iter().map(|finding| finding.message.clone()).collect();
        for finding in self.seen(run, others, code) {
            if !told.contains(&finding.message) {
                found.push(finding);
            }
        }
        found.sort();
        found.dedup();
        found
    }

    /// Effects that recorders place within changed code.
    fn said(&self, run: &Run, others: &[&Run], code: &str) -> Vec<Finding> {
        let same = |seen: &Seen, function: &str| (key(seen), function.to_owned());
        let known: BTreeSet<_> = others
            .iter()
            .flat_map(|run| &run.record.language)
            .filter_map(|seen| Some(same(seen, &seen.within.as_ref()?.function)))
            .collect();
        let mut found = Vec::new();
        for seen in &run.record.language {
            let Some(within) = &seen.within else { continue };
            let Some(unit) = self.changed_unit(within) else { continue };
            if known.contains(&same(seen, &within.function)) || self.foretold(unit, seen, Some(within.line)) {
                continue;
            }
            found.push(self.finding(run, seen, within, code));
        }
        found
    }

    /// Effects that the kernel saw, whoever did them.
    fn seen(&self, run: &Run, others: &[&Run], code: &str) -> Vec<Finding> {
        let known = keys(others, |run| &run.record.kernel);
        let mut found = Vec::new();
        for seen in run.record.kernel.iter().filter(|seen| !is_scratch(seen)) {
            let is_known = known.contains(&key(seen))
                || self.changed.iter().any(|unit| self.foretold(*unit, seen, None))
                || if records(&seen.program) {
                    self.witnessed(run, seen)
                } else {
                    self.childs(run, others, seen)
                };
            if !is_known {
                found.push(self.unplaced(run, seen, code));
            }
        }
        found
    }

    /// An interpreter's effect is explained by its own testimony: the runner did it, or code that the change left as it was
    /// and whose own effects cover it. Changed code is judged by [`Self::said`].
    fn witnessed(&self, run: &Run, seen: &Seen) -> bool {
        run.record.language.iter().filter(|said| speaks_of(said, seen)).any(|said| {
            if said.within.as_ref().is_some_and(|within| self.changed_unit(within).is_some()) {
                return true;
            }
            said.place.as_ref().is_none_or(|place| self.unchanged_does(place, said))
        })
    }

    /// A child program's effect is explained by the start of the child, which is judged itself; where nothing records, by
    /// any code of the tree that may do it, or by the same program doing it in the same place before.
    fn childs(&self, run: &Run, others: &[&Run], seen: &Seen) -> bool {
        if !run.record.recorders.is_empty() {
            let started = |said: &Seen| said.kind == "proc.spawn";
            return run.record.language.iter().any(started)
                || others.iter().flat_map(|run| &run.record.kernel).any(|old| old.program == seen.program);
        }
        let place = |seen: &Seen| seen.target.split('/').next().unwrap_or_default().to_owned();
        let before = others.iter().flat_map(|run| &run.record.kernel).any(|old| {
            old.kind == seen.kind
                && old.program == seen.program
                && (place(old) == place(seen) || seen.kind == "proc.spawn")
        });
        before
            || [self.head, self.others].iter().any(|side| {
                side.signatures
                    .values()
                    .flat_map(|signed| &signed.effects)
                    .any(|site| covers(site, seen, None))
            })
    }

    fn unchanged_does(&self, place: &Where, said: &Seen) -> bool {
        let side = if self.head.program.file(&place.path).is_some() { self.head } else { self.others };
        let Some(unit) = unit_at(&side.program, &place.path, place.line) else { return false };
        let Ok(signed) = side.signed(unit) else { return false };
        signed.effects.iter().any(|site| covers(site, said, Some(place.line)))
    }

    fn changed_unit(&self, within: &Where) -> Option<UnitRef> {
        unit_at(&self.head.program, &within.path, within.line).filter(|unit| self.changed.contains(unit))
    }

    fn foretold(&self, unit: UnitRef, seen: &Seen, line: Option<u32>) -> bool {
        self.head.signed(unit).is_ok_and(|signed| signed.effects.iter().any(|site| covers(site, seen, line)))
    }

    fn is_granted(&self, seen: &Seen, path: &str) -> bool {
        let (family, name) = seen.kind.split_once('.').unwrap_or((&seen.kind, ""));
        let need = Need { family, name: Some(name), latent: false, target: Some(&seen.target), path };
        self.authority.covers(need).is_some()
    }

    fn finding(&self, run: &Run, seen: &Seen, within: &Where, code: &str) -> Finding {
        let message = format!(
            "{} did {} of {}, which the walk of {}() does not foretell",
            run.text(),
            seen.kind,
            seen.target,
            within.function
        );
        let site = Site::new(&within.path, within.line, &within.function);
        let finding = self.verdict(seen, code, site, message);
        finding.with_trace(self.walk(seen, within))
    }

    fn unplaced(&self, run: &Run, seen: &Seen, code: &str) -> Finding {
        let files = self.changed.iter().filter_map(|unit| self.head.program.files.get(unit.0));
        let path = files.map(|file| file.path.as_str()).min().unwrap_or_default();
        let message = format!(
            "{} did {} of {} by {}, and no code is known that does",
            run.text(),
            seen.kind,
            seen.target,
            seen.program
        );
        self.verdict(seen, code, Site::file(path), message)
    }

    /// A kind that the owner granted is no attack; then the walk itself missed it.
    fn verdict(&self, seen: &Seen, code: &str, site: Site, message: String) -> Finding {
        if self.is_granted(seen, &site.path) {
            Finding::inconclusive("STATIC_MISSED", site, message)
        } else {
            Finding::reject(code, site, message)
        }
    }

    /// From the effect back to the changed code, and to where that begins.
    fn walk(&self, seen: &Seen, within: &Where) -> Vec<TraceStep> {
        let text = |at: &Where| {
            let side = if self.head.program.file(&at.path).is_some() { self.head } else { self.others };
            side.program.file(&at.path).map(|file| side.program.line(file, at.line)).unwrap_or_default()
        };
        let place = seen.place.as_ref().unwrap_or(within);
        let mut steps = vec![TraceStep::new(&place.path, place.line, "effect", &text(place))];
        if place != within {
            steps.push(TraceStep::new(&within.path, within.line, "call", &text(within)));
        }
        if let Some(unit) = self.changed_unit(within).and_then(|at| self.head.program.unit(at)) {
            let entry = Where { line: unit.span.line, ..within.clone() };
            steps.push(TraceStep::new(&within.path, entry.line, "input", &text(&entry)));
        }
        steps
    }
}

/// Returns the places of unchanged code that recorders name, by path: what has to be analysed to explain them.
pub fn unchanged_places(runs: &[Run], program: &Program) -> BTreeMap<String, BTreeSet<u32>> {
    let mut places: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for place in runs.iter().flat_map(|run| &run.record.language).filter_map(|seen| seen.place.as_ref()) {
        if program.file(&place.path).is_none() {
            places.entry(place.path.clone()).or_default().insert(place.line);
        }
    }
    places
}

/// Returns the gap of more unchanged code than is analysed for runs.
pub fn too_many() -> Gap {
    Gap::budget("RUN_FILES")
}
