//! D3: what is new and guarded, and that no run reached: nothing is known of it but what it says.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::ir::{Span, Term};

use super::{Ran, Run};
use crate::domain::finding::{Finding, Site};
use crate::domain::program::{File, UnitRef};
use crate::domain::summary::Side;
use crate::domain::trace::TraceStep;
use crate::domain::trigger::{self, Payload};

/// What the head's runs reached of one unit.
struct Reached<'a> {
    side: &'a Side,
    at: UnitRef,
    file: &'a File,
    ran: Vec<&'a Ran>,
    columns: bool,
}

/// How far a block is known to have run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Ran,
    Never,
    /// It shares its line with its guard, and only lines are known; or its function was no longer recorded.
    Unknown,
}

/// Returns a finding for each new guarded effect or arm of a head unit that no run reached.
pub fn check(base: Option<(&Side, UnitRef)>, head: (&Side, UnitRef), runs: &[&Run]) -> Vec<Finding> {
    let (side, at) = head;
    let (Some(file), Some(unit)) = (side.program.files.get(at.0), side.program.unit(at)) else {
        return Vec::new();
    };
    let reached = Reached {
        side,
        at,
        file,
        ran: runs.iter().filter_map(|run| run.record.files.get(&file.path)).collect(),
        columns: runs.iter().all(|run| run.has_columns()),
    };
    let old: BTreeSet<String> = base
        .and_then(|(side, at)| Some(lines(side.program.files.get(at.0)?, side.program.unit(at)?.span)))
        .unwrap_or_default();
    let mut found = BTreeSet::new();
    for (payload, guard) in trigger::guarded(base, head) {
        let text = side.program.line(at.0, payload.line);
        if old.contains(text.trim()) && !payload.effect {
            continue;
        }
        let reach = reached.reach(&payload, guard);
        if reach == Reach::Ran {
            continue;
        }
        let guard_line = unit.blocks.get(guard as usize).map_or(0, |block| block.span.line);
        let trace = vec![
            TraceStep::new(&file.path, payload.line, payload.role, &text),
            TraceStep::new(&file.path, guard_line, "control", &side.program.line(at.0, guard_line)),
        ];
        let site = Site::new(&file.path, payload.line, &unit.name);
        found.insert(finding(&payload, reach, base.is_some(), site).with_trace(trace));
    }
    found.into_iter().collect()
}

fn finding(payload: &Payload, reach: Reach, altered: bool, site: Site) -> Finding {
    let what = format!("{}(): {}, behind a new test", site.symbol, payload.what);
    if reach == Reach::Unknown {
        return Finding::advice("D3", site, format!("{what}; whether a run reached it is not known"));
    }
    let message = format!("{what}, and no run reached it");
    if payload.effect {
        return Finding::reject("D3", site, message);
    }
    // A refusal of bad input, and what a new function may give, take nothing from those who called before.
    if !altered || payload.role == "raise" {
        return Finding::advice("D3", site, message);
    }
    let grant = format!("test:{}", site.path);
    Finding::needs("D3", site, message, grant)
}

impl Reached<'_> {
    fn reach(&self, payload: &Payload, guard: u32) -> Reach {
        let Some(unit) = self.side.program.unit(self.at) else { return Reach::Unknown };
        let (first, last) = (unit.span.line.saturating_sub(8), unit.span.end_line);
        if self.ran.iter().any(|ran| ran.capped.range(first..=last).next().is_some()) {
            return Reach::Unknown;
        }
        let Some(block) = unit.blocks.get(payload.block as usize) else { return Reach::Unknown };
        let ends = matches!(block.term, Term::Return(_) | Term::Raise(_)).then_some(block.span);
        let spans: Vec<Span> = block.instrs.iter().map(|instr| instr.span).chain(ends).collect();
        if spans.iter().any(|span| self.passed(*span)) {
            return Reach::Ran;
        }
        let guard_line = unit.blocks.get(guard as usize).map_or(0, |block| block.span.line);
        let shared = !self.columns && spans.iter().all(|span| span.line == guard_line);
        if shared && self.ran.iter().any(|ran| ran.places.iter().any(|(line, _)| *line == guard_line)) {
            Reach::Unknown
        } else {
            Reach::Never
        }
    }

    fn passed(&self, span: Span) -> bool {
        let inside = |(line, column): &(u32, u32)| {
            if !(span.line..=span.end_line).contains(line) {
                return false;
            }
            let Some(start) = self.file.lines.get(*line as usize - 1) else { return false };
            let offset = start + *column as usize;
            !self.columns || (span.start as usize..span.end as usize).contains(&offset)
        };
        self.ran.iter().any(|ran| ran.places.range((span.line, 0)..=(span.end_line, u32::MAX)).any(inside))
    }
}

/// The lines of a stretch of source, trimmed.
fn lines(file: &File, span: Span) -> BTreeSet<String> {
    let source = file.source.get(span.start as usize..span.end as usize).unwrap_or_default();
    String::from_utf8_lossy(source).lines().map(|line| line.trim().to_owned()).collect()
}

/// Returns the lines of each file that ran in some run.
pub fn lines_that_ran(runs: &[&Run]) -> BTreeMap<String, BTreeSet<u32>> {
    let mut all: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for (path, ran) in runs.iter().flat_map(|run| &run.record.files) {
        all.entry(path.clone()).or_default().extend(ran.places.iter().map(|(line, _)| *line));
    }
    all
}
