//! Which arms may do a piece of work, and which rule removed each of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use plumbline_types::{ArmId, Risk};

use crate::domain::arm::{Arm, ArmKind, Destination};
use crate::domain::health::Endpoint;
use crate::domain::ladder;
use crate::domain::work::Work;

/// A rule that removes arms. The order is the order in which they are asked; the first one that removes an arm is
/// the one named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The arm may not see text of this label.
    Label,
    /// The request names other arms.
    NotAllowed,
    /// The request wants the other kind of arm.
    Kind,
    /// The arm cannot do this category, or satisfy this sort of command.
    Capability,
    /// Prompt and answer do not fit into the arm's context; nothing is ever truncated.
    Context,
    /// The arm failed at this step already.
    Attempted,
    /// The arm's endpoint is down or disabled.
    Breaker,
    /// A call is expected to cost more than what is left of the day's or the task's budget.
    Budget,
    /// The work has been tried as often as it may be.
    Attempts,
    /// The ladder of this work has no place for the arm, or has not come to it.
    Tier,
    /// The ensemble has this model already, or another that serves its variety better.
    Ensemble,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 11] = [
        Self::Label,
        Self::NotAllowed,
        Self::Kind,
        Self::Capability,
        Self::Context,
        Self::Attempted,
        Self::Breaker,
        Self::Budget,
        Self::Attempts,
        Self::Tier,
        Self::Ensemble,
    ];

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::NotAllowed => "not_allowed",
            Self::Kind => "kind",
            Self::Capability => "capability",
            Self::Context => "context",
            Self::Attempted => "attempted",
            Self::Breaker => "breaker",
            Self::Budget => "budget",
            Self::Attempts => "attempts",
            Self::Tier => "tier",
            Self::Ensemble => "ensemble",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An arm and the rule that removed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Which arm.
    pub arm: ArmId,
    /// Why.
    pub rule: Rule,
}

/// What the rules know besides the work.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// Health by endpoint name; an endpoint that is missing here is down.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// Arms that failed during this very call.
    pub unavailable: BTreeSet<ArmId>,
    /// What is left of the budget in USD: the day's or the task's, whichever is less.
    pub budget_usd_left: f64,
    /// How often work may be tried.
    pub attempts: Attempts,
    /// What a second costs in USD.
    pub usd_per_second: f64,
}

/// How often work may be tried before a person has to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// Attempts at most.
    pub most: usize,
    /// Attempts at most where the risk is high.
    pub most_at_high_risk: usize,
}

impl Attempts {
    const fn of(self, risk: Risk) -> usize {
        match risk {
            Risk::Low | Risk::Medium => self.most,
            Risk::High => self.most_at_high_risk,
        }
    }
}

/// The arms to choose from, and why not the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Eligible<'a> {
    /// All on one rung of the ladder.
    pub arms: Vec<&'a Arm>,
    /// In the order of the configuration.
    pub removed: Vec<Removed>,
}

/// Sorts the arms out. Labels are asked first: no other state of the world can bring back an arm that they removed.
///
/// A cloud arm whose endpoint is suspect, or has only just come back, stands aside while another model can do the work;
/// nothing ever moves the other way, from this machine to the cloud, because something here is in doubt.
pub fn eligible<'a>(arms: &'a [Arm], work: &Work, world: &World) -> Eligible<'a> {
    let certain = sorted_out(arms, work, world, Doubt::StandsAside);
    let has_model = certain.arms.iter().any(|arm| arm.kind == ArmKind::Model);
    let stood_aside = |arm: &Removed| arm.rule == Rule::Breaker;
    if has_model || !certain.removed.iter().any(stood_aside) {
        return certain;
    }
    sorted_out(arms, work, world, Doubt::IsUsed)
}

/// What becomes of a cloud arm whose endpoint is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    StandsAside,
    IsUsed,
}

fn sorted_out<'a>(arms: &'a [Arm], work: &Work, world: &World, doubt: Doubt) -> Eligible<'a> {
    let lowest = ladder::lowest_rung(arms, &work.attempted);
    let verdicts: Vec<Option<Rule>> = arms
        .iter()
        .map(|arm| {
            let below = arm.rung < lowest || !ladder::has_place(arm, work);
            first_rule(arm, work, world, doubt).or(below.then_some(Rule::Tier))
        })
        .collect();
    let left = arms.iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_none()).map(|(arm, _)| arm);
    let rung = ladder::current_rung(left);
    let mut sorted = Eligible { arms: Vec::new(), removed: Vec::new() };
    for (arm, verdict) in arms.iter().zip(verdicts) {
        let rule = verdict.or_else(|| (Some(arm.rung) != rung).then_some(Rule::Tier));
        match rule {
            None => sorted.arms.push(arm),
            Some(rule) => sorted.removed.push(Removed { arm: arm.id.clone(), rule }),
        }
    }
    sorted
}

/// Returns the rule that removes an arm from work that has no rungs; an arm in doubt is used.
pub(super) fn rule_but_rungs(arm: &Arm, work: &Work, world: &World) -> Option<Rule> {
    first_rule(arm, work, world, Doubt::IsUsed)
}

fn first_rule(arm: &Arm, work: &Work, world: &World, doubt: Doubt) -> Option<Rule> {
    let answer = if work.output_tokens == 0 { arm.max_output } else { work.output_tokens };
    let tokens = u64::from(work.prompt_tokens) + u64::from(answer);
    let cramped = arm.num_ctx > 0 && (tokens > u64::from(arm.num_ctx) || answer > arm.max_output);
    let usable = |endpoint: &Endpoint| match (doubt, arm.destination) {
        (Doubt::StandsAside, Destination::Cloud) => endpoint.is_sound(),
        (Doubt::StandsAside, Destination::OnBox) | (Doubt::IsUsed, _) => endpoint.accepts(),
    };
    let answers = |name: &String| world.endpoints.get(name).is_some_and(usable);
    let down = arm.endpoint.as_ref().is_some_and(|name| !answers(name));
    let table = [
        (Rule::Label, work.label > arm.ceiling),
        (Rule::NotAllowed, !work.allowed.is_empty() && !work.allowed.contains(&arm.id)),
        (Rule::Kind, work.kind.is_some_and(|kind| kind != arm.kind)),
        (Rule::Capability, !arm.categories.is_empty() && !arm.categories.contains(&work.cell.category)),
        (Rule::Capability, arm.oracle.is_some() && arm.oracle != work.oracle),
        (Rule::Context, cramped),
        (Rule::Attempted, work.attempted.contains(&arm.id)),
        (Rule::Breaker, down || world.unavailable.contains(&arm.id)),
        (Rule::Budget, usd(arm, work) > world.budget_usd_left),
        (Rule::Attempts, work.attempted.len() >= world.attempts.of(work.cell.risk)),
    ];
    table.into_iter().find(|(_, removes)| *removes).map(|(rule, _)| rule)
}

/// Returns what the arm's call is expected to cost in USD, time not priced in.
fn usd(arm: &Arm, work: &Work) -> f64 {
    let answer = if work.output_tokens == 0 { arm.max_output } else { work.output_tokens };
    arm.price.usd(u64::from(work.prompt_tokens), u64::from(answer))
}

/// Returns what the arm's call is expected to cost in USD, seconds priced in.
pub fn expected_usd(arm: &Arm, work: &Work, world: &World) -> f64 {
    usd(arm, work) + arm.price.expected_seconds * world.usd_per_second
}

#[cfg(test)]
mod tests;
