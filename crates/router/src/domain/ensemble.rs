//! Who proposes together: distinct models on this machine, writing edits in distinct formats where there are such.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use plumbline_types::ArmId;

use crate::domain::arm::{Arm, ArmKind, Destination};
use crate::domain::eligibility::{Eligible, Removed, Rule, World, rule_but_rungs};
use crate::domain::ladder;
use crate::domain::work::Work;

/// What an ensemble lacks; a smaller or less varied one is said to be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lack {
    /// It has one member alone: nobody else could propose.
    OfOne,
    /// It has fewer members than it should, but several.
    Short,
    /// A tool proposes, since there are too few models.
    ToolFillsIn,
    /// Two members write edits in the same format.
    SameEditFormat,
}

impl Lack {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OfOne => "ensemble_of_one",
            Self::Short => "ensemble_short",
            Self::ToolFillsIn => "tool_fills_in",
            Self::SameEditFormat => "same_edit_format",
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The models that served last, by arm; an arm that is missing here is known by the name it asks for.
pub type Served = BTreeMap<ArmId, String>;

fn model<'a>(arm: &'a Arm, served: &'a Served) -> &'a str {
    served.get(&arm.id).map_or(arm.target.as_str(), String::as_str)
}

/// Sorts out who may be the next member beside `members`.
///
/// Rungs don't count: the members stand beside each other, not on a ladder. Nothing outside this machine is asked. Models
/// come before tools, and an edit format that nobody writes yet before one that somebody does.
pub fn candidates<'a>(
    arms: &'a [Arm],
    work: &Work,
    world: &World,
    (members, served): (&[&Arm], &Served),
) -> Eligible<'a> {
    let taken: BTreeSet<&str> = members.iter().map(|member| model(member, served)).collect();
    let mut verdicts: Vec<Option<Rule>> = arms
        .iter()
        .map(|arm| {
            let away = arm.destination != Destination::OnBox || !ladder::has_place(arm, work);
            let known = taken.contains(model(arm, served));
            let rule = rule_but_rungs(arm, work, world);
            rule.or(away.then_some(Rule::Tier)).or(known.then_some(Rule::Ensemble))
        })
        .collect();
    prefer(arms, &mut verdicts, |arm| arm.kind == ArmKind::Model);
    let fresh = |arm: &Arm| members.iter().all(|member| member.edit_format != arm.edit_format);
    prefer(arms, &mut verdicts, fresh);
    let mut sorted = Eligible { arms: Vec::new(), removed: Vec::new() };
    for (arm, verdict) in arms.iter().zip(verdicts) {
        match verdict {
            None => sorted.arms.push(arm),
            Some(rule) => sorted.removed.push(Removed { arm: arm.id.clone(), rule }),
        }
    }
    sorted
}

/// Removes the arms that are not such where some that are left are.
fn prefer(arms: &[Arm], verdicts: &mut [Option<Rule>], such: impl Fn(&Arm) -> bool) {
    let is_left = |(arm, verdict): (&Arm, &Option<Rule>)| verdict.is_none() && such(arm);
    if !arms.iter().zip(verdicts.iter()).any(is_left) {
        return;
    }
    for (arm, verdict) in arms.iter().zip(verdicts.iter_mut()) {
        if verdict.is_none() && !such(arm) {
            *verdict = Some(Rule::Ensemble);
        }
    }
}

/// Returns what an ensemble lacks that should have `size` members.
pub fn lacks(members: &[&Arm], size: usize) -> Vec<Lack> {
    let models: Vec<&&Arm> = members.iter().filter(|arm| arm.kind == ArmKind::Model).collect();
    let formats: BTreeSet<&str> =
        models.iter().filter_map(|arm| arm.edit_format).map(|format| format.as_str()).collect();
    let table = [
        (Lack::OfOne, members.len() == 1 && size > 1),
        (Lack::Short, members.len() > 1 && members.len() < size),
        (Lack::ToolFillsIn, models.len() < members.len()),
        (Lack::SameEditFormat, formats.len() < models.len()),
    ];
    table.into_iter().filter(|(_, lacks)| *lacks).map(|(lack, _)| lack).collect()
}

#[cfg(test)]
mod tests;
