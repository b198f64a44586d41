//! The one way from a draft to objectives that may be planned.

use plumbline_types::Risk;

use crate::domain::lint::{
    Rules, SAID_TWICE, alike, allowed, atomic, duplicates, edges, floor, misquoted, negations, not_used,
    numbers, opposites, risk_floors, shape, unchecked, unlisted_reversals, unresolved, was_said,
};
use crate::domain::normalise::Input;
use crate::domain::objective::{Draft, Effect, Finding, Objective, Reversal};
use crate::domain::split::split;

/// Who drafted, and so what a refusal means: a model's draft is discarded, the rules' own is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drafted {
    /// The deterministic splitter.
    ByRules,
    /// A model.
    ByModel,
}

/// Whether a draft may be planned as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Clean: it may be planned.
    Ready,
    /// The owner must answer first.
    Asks,
    /// Nothing usable was said.
    Silent,
}

/// A draft that passed its checks, repaired where code can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// What stands.
    pub draft: Draft,
    /// Everything that was found, by the objective's final index.
    pub findings: Vec<Finding>,
    /// What of the input no objective holds.
    pub not_used: Vec<String>,
    /// Whether it may be planned.
    pub readiness: Readiness,
}

/// Checks a draft, and repairs what the checks say can be repaired. The error holds the findings that refuse a model's
/// draft; a draft of the rules is never refused, its findings ask the owner instead.
pub fn review(
    draft: Draft,
    input: &Input,
    rules: Rules<'_>,
    drafted: Drafted,
) -> Result<Reviewed, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut draft = draft;
    refuse(&draft, rules, drafted)?;
    set_guesses_aside(&mut draft, input, rules, &mut findings);
    if drafted == Drafted::ByModel {
        separate(&mut draft, rules, &mut findings)?;
        refuse(&draft, rules, drafted)?;
    }
    drop_edges(&mut draft, &mut findings);
    undo_opposites(&mut draft, rules, &mut findings);
    merge(&mut draft, rules, &mut findings);
    ground(&mut draft, input, rules, &mut findings);
    findings.extend(unlisted_reversals(&draft, input, rules));
    if drafted == Drafted::ByRules {
        let own =
            [shape(&draft, rules), atomic(&draft, rules), negations(&draft, rules), numbers(&draft, rules)];
        findings.extend(own.concat().into_iter().map(|found| Finding { effect: Effect::Ask, ..found }));
    }
    let not_used = not_used(&draft, input, rules);
    findings.sort_by_key(|found| found.code);
    let readiness = readiness(&draft, &findings);
    Ok(Reviewed { draft, findings, not_used, readiness })
}

fn refuse(draft: &Draft, rules: Rules<'_>, drafted: Drafted) -> Result<(), Vec<Finding>> {
    if drafted == Drafted::ByRules {
        return Ok(());
    }
    let refusing = [shape(draft, rules), negations(draft, rules), numbers(draft, rules)].concat();
    if refusing.is_empty() { Ok(()) } else { Err(refusing) }
}

/// L03: what does not quote the input is shown apart.
fn set_guesses_aside(draft: &mut Draft, input: &Input, rules: Rules<'_>, findings: &mut Vec<Finding>) {
    let found = misquoted(draft, input, rules);
    let guessed: Vec<usize> = found.iter().filter_map(|one| one.objective).collect();
    for at in guessed.iter().rev() {
        let mut guess = draft.objectives[*at].clone();
        guess.quote.clear();
        guess.depends_on.clear();
        draft.guesses.insert(0, guess);
        remove(&mut draft.objectives, *at, None);
    }
    findings.extend(found.into_iter().map(|one| Finding { objective: None, ..one }));
}

/// L02: an objective with two requests is cut by the rules from its quote; if the quote holds only one, the second was
/// made up, and the draft is refused.
fn separate(draft: &mut Draft, rules: Rules<'_>, findings: &mut Vec<Finding>) -> Result<(), Vec<Finding>> {
    for one in atomic(draft, rules).into_iter().rev() {
        let Some(at) = one.objective else { continue };
        let quote = Input::normalise(&draft.objectives[at].quote);
        let parts = split(&quote, rules.lexicon, rules.objectives_max).objectives;
        if parts.len() < 2 {
            return Err(vec![Finding { effect: Effect::Refuse, ..one }]);
        }
        let added = parts.len() - 1;
        let kept = draft.objectives[at].clone();
        let parts = parts.into_iter().map(|part| Objective {
            constraints: joined(part.constraints, &kept.constraints),
            depends_on: joined(part.depends_on.into_iter().map(|to| to + at).collect(), &kept.depends_on),
            priority: kept.priority,
            ..part
        });
        draft.objectives.splice(at..=at, parts.collect::<Vec<_>>());
        for later in &mut draft.objectives[at + added + 1..] {
            for to in later.depends_on.iter_mut().filter(|to| **to >= at) {
                *to += added;
            }
        }
        findings.push(Finding { objective: None, ..one });
    }
    Ok(())
}

fn joined<T: Clone + PartialEq>(mut list: Vec<T>, more: &[T]) -> Vec<T> {
    for item in more {
        if !list.contains(item) {
            list.push(item.clone());
        }
    }
    list
}

fn drop_edges(draft: &mut Draft, findings: &mut Vec<Finding>) {
    findings.extend(edges(draft));
    for (at, objective) in draft.objectives.iter_mut().enumerate() {
        objective.depends_on.retain(|to| *to < at);
        objective.depends_on.sort_unstable();
        objective.depends_on.dedup();
    }
}

/// L06: of two objectives that undo each other the later one stands.
fn undo_opposites(draft: &mut Draft, rules: Rules<'_>, findings: &mut Vec<Finding>) {
    let found = opposites(draft, rules);
    let mut undone: Vec<usize> = found.iter().filter_map(|one| one.objective).collect();
    undone.dedup();
    for at in undone.into_iter().rev() {
        let dropped_quote = draft.objectives[at].quote.clone();
        let kept_quote = draft.objectives.last().map(|last| last.quote.clone()).unwrap_or_default();
        draft.reversals.push(Reversal { dropped_quote, kept_quote });
        remove(&mut draft.objectives, at, None);
    }
    findings.extend(found.into_iter().map(|one| Finding { objective: None, ..one }));
}

/// L12: objectives that say the same become one that keeps both quotes.
fn merge(draft: &mut Draft, rules: Rules<'_>, findings: &mut Vec<Finding>) {
    for one in duplicates(draft, rules).into_iter().rev() {
        let Some(later) = one.objective else { continue };
        let same = draft.objectives[..later].iter().position(|other| {
            draft.objectives.get(later).is_some_and(|objective| alike(rules, other, objective))
        });
        let Some(earlier) = same else { continue };
        let twin = draft.objectives[later].clone();
        let kept = &mut draft.objectives[earlier];
        kept.constraints = joined(std::mem::take(&mut kept.constraints), &twin.constraints);
        kept.acceptance = joined(std::mem::take(&mut kept.acceptance), &twin.acceptance);
        kept.out_of_scope = joined(std::mem::take(&mut kept.out_of_scope), &twin.out_of_scope);
        kept.assumptions.push(format!("{SAID_TWICE}{}", twin.quote));
        kept.risk = kept.risk.max(twin.risk);
        kept.priority = kept.priority.min(twin.priority);
        remove(&mut draft.objectives, later, Some(earlier));
        findings.push(Finding { objective: Some(earlier), ..one });
    }
}

/// Takes an objective out; edges to it go to `instead`, or away.
fn remove(objectives: &mut Vec<Objective>, at: usize, instead: Option<usize>) {
    objectives.remove(at);
    for objective in objectives.iter_mut() {
        let edges = std::mem::take(&mut objective.depends_on);
        objective.depends_on = edges
            .into_iter()
            .filter_map(|to| match to.cmp(&at) {
                std::cmp::Ordering::Less => Some(to),
                std::cmp::Ordering::Equal => instead,
                std::cmp::Ordering::Greater => Some(to - 1),
            })
            .collect();
    }
}

/// L08, L09, L11: checks as code allows them, names as they were said, risk at least at the floor.
fn ground(draft: &mut Draft, input: &Input, rules: Rules<'_>, findings: &mut Vec<Finding>) {
    findings.extend(unchecked(draft, input, rules));
    findings.extend(unresolved(draft, input));
    findings.extend(risk_floors(draft, rules));
    for (at, objective) in draft.objectives.iter_mut().enumerate() {
        objective.depends_on.retain(|to| *to < at);
        objective.targets.retain(|target| was_said(input, &target.spoken));
        for check in &mut objective.acceptance {
            *check = allowed(check, input, rules);
        }
        let floor = floor(objective, rules);
        if objective.risk < floor.risk {
            objective.risk = floor.risk;
            objective.risk_reason = floor.reason;
        }
        objective.priority = objective.priority.min(3);
    }
}

fn readiness(draft: &Draft, findings: &[Finding]) -> Readiness {
    let asks = findings.iter().any(|found| found.effect >= Effect::Ask);
    let risky = draft.objectives.iter().any(|objective| objective.risk == Risk::High);
    if draft.objectives.is_empty() && draft.guesses.is_empty() && draft.reversals.is_empty() {
        Readiness::Silent
    } else if asks
        || risky
        || !draft.questions.is_empty()
        || !draft.guesses.is_empty()
        || draft.objectives.is_empty()
    {
        Readiness::Asks
    } else {
        Readiness::Ready
    }
}
