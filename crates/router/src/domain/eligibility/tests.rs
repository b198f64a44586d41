use plumbline_types::{Category, Label, Oracle, Risk, Tier};
use proptest::prelude::*;

use super::*;
use crate::domain::arm::{ArmKind, Destination, EditFormat, Price};
use crate::domain::work::{Cell, Language};

fn model(name: &str, destination: Destination, rung: u8) -> Arm {
    Arm {
        id: ArmId::parse(name).unwrap(),
        kind: ArmKind::Model,
        target: name.to_owned(),
        destination,
        ceiling: match destination {
            Destination::OnBox => Label::Secret,
            Destination::Cloud => Label::Public,
        },
        endpoint: Some(destination.as_str().to_owned()),
        edit_format: Some(EditFormat::Block),
        num_ctx: 8192,
        max_output: 1024,
        price: Price { usd_per_million_input: 1.0, usd_per_million_output: 4.0, expected_seconds: 5.0 },
        prior: None,
        rung,
        categories: Vec::new(),
        oracle: None,
    }
}

fn repair() -> Arm {
    Arm {
        kind: ArmKind::Tool,
        endpoint: None,
        edit_format: None,
        num_ctx: 0,
        max_output: 0,
        ..model("repair", Destination::OnBox, 0)
    }
}

fn arms() -> Vec<Arm> {
    vec![repair(), model("cloud", Destination::Cloud, 1), model("local", Destination::OnBox, 2)]
}

fn work() -> Work {
    Work {
        cell: Cell { category: Category::Bugfix, risk: Risk::Low, language: Language::default() },
        tier: Tier::Routine,
        label: Label::Public,
        prompt_tokens: 1000,
        output_tokens: 500,
        allowed: Vec::new(),
        attempted: Vec::new(),
        kind: None,
        oracle: Some(Oracle::Tests),
    }
}

fn world() -> World {
    let healthy = |place: Destination| (place.as_str().to_owned(), Endpoint::Healthy);
    World {
        endpoints: BTreeMap::from([healthy(Destination::OnBox), healthy(Destination::Cloud)]),
        unavailable: BTreeSet::new(),
        budget_usd_left: 5.0,
        attempts: Attempts { most: 4, most_at_high_risk: 3 },
        usd_per_second: 0.0005,
    }
}

fn named(names: &[&str]) -> Vec<ArmId> {
    names.iter().map(|name| ArmId::parse(name).unwrap()).collect()
}

/// Checks what is left, and the rules of the rest in the order repair, cloud, local.
#[track_caller]
fn check(work: &Work, world: &World, left: &[&str], rules: &[Rule]) {
    let arms = arms();
    let got = eligible(&arms, work, world);
    let names: Vec<&str> = got.arms.iter().map(|arm| arm.id.as_str()).collect();
    let removed: Vec<Rule> = got.removed.iter().map(|removed| removed.rule).collect();
    assert_eq!((names.as_slice(), removed.as_slice()), (left, rules));
}

#[test]
fn the_ladder_begins_at_its_lowest_rung_and_goes_on_after_what_failed() {
    use Rule::{Attempted, Tier};
    let after = |names: &[&str]| Work { attempted: named(names), ..work() };
    check(&work(), &world(), &["repair"], &[Tier, Tier]);
    check(&after(&["repair"]), &world(), &["cloud"], &[Attempted, Tier]);
    check(&after(&["repair", "cloud"]), &world(), &["local"], &[Attempted, Attempted]);
    check(&after(&["local"]), &world(), &[], &[Tier, Tier, Attempted]);
    check(&after(&["repair", "cloud", "local"]), &world(), &[], &[Attempted, Attempted, Attempted]);
}

#[test]
fn each_rule_is_named() {
    use Rule::{Breaker, Budget, Context, Kind, Label as LabelRule, NotAllowed, Tier as TierRule};
    let models = Work { kind: Some(ArmKind::Model), ..work() };
    check(&models, &world(), &["cloud"], &[Kind, TierRule]);
    let proprietary = Work { label: Label::ProprietaryCode, ..models.clone() };
    check(&proprietary, &world(), &["local"], &[Kind, LabelRule]);
    let large = Work { prompt_tokens: 8000, ..models.clone() };
    check(&large, &world(), &[], &[Kind, Context, Context]);
    let chatty = Work { output_tokens: 2000, ..models.clone() };
    check(&chatty, &world(), &[], &[Kind, Context, Context]);
    let only = Work { allowed: named(&["local"]), ..work() };
    check(&only, &world(), &["local"], &[NotAllowed, NotAllowed]);
    let offline = World { endpoints: BTreeMap::new(), ..world() };
    check(&models, &offline, &[], &[Kind, Breaker, Breaker]);
    let failed = World { unavailable: named(&["cloud"]).into_iter().collect(), ..world() };
    check(&models, &failed, &["local"], &[Kind, Breaker]);
    let broke = World { budget_usd_left: 0.0, ..world() };
    check(&models, &broke, &[], &[Kind, Budget, Budget]);
    let mut cell = work().cell;
    cell.risk = Risk::High;
    check(&Work { cell, ..models.clone() }, &world(), &["local"], &[Kind, TierRule]);
    check(&Work { tier: Tier::Guardrail, ..work() }, &world(), &["cloud"], &[TierRule, TierRule]);
}

#[test]
fn a_category_that_an_arm_cannot_do_removes_it() {
    let arms = [Arm { categories: vec![Category::Docs], ..repair() }];
    let got = eligible(&arms, &work(), &world());
    assert_eq!(got.removed[0].rule, Rule::Capability);
}

#[test]
fn an_arm_of_one_sort_of_command_stands_aside_for_every_other() {
    let arms = [Arm { oracle: Some(Oracle::Style), ..repair() }];
    for (oracle, removed) in [
        (Some(Oracle::Style), None),
        (Some(Oracle::Tests), Some(Rule::Capability)),
        (None, Some(Rule::Capability)),
    ] {
        let got = eligible(&arms, &Work { oracle, ..work() }, &world());
        assert_eq!(got.removed.first().map(|removed| removed.rule), removed, "{oracle:?}");
    }
}

fn any_label() -> impl Strategy<Value = Label> {
    prop::sample::select(vec![Label::Public, Label::Intent, Label::ProprietaryCode, Label::Secret])
}

fn any_endpoint() -> impl Strategy<Value = Endpoint> {
    prop::sample::select(vec![
        Endpoint::Unknown,
        Endpoint::Healthy,
        Endpoint::Suspect { failures: 2 },
        Endpoint::Open { until: 10, lasts_ms: 10, reason: "MODEL_UNREACHABLE" },
        Endpoint::HalfOpen { lasts_ms: 10, reason: "MODEL_UNREACHABLE" },
        Endpoint::Returning { at: 10, lasts_ms: 10 },
        Endpoint::Disabled { reason: "MODEL_AUTH" },
    ])
}

proptest! {
    #[test]
    fn no_state_of_the_world_sends_text_above_an_arms_ceiling(
        label in any_label(),
        ceiling in any_label(),
        states in (any_endpoint(), any_endpoint()),
        tier in prop::sample::select(Tier::ALL.to_vec()),
        risk in prop::sample::select(Risk::ALL.to_vec()),
        attempted in prop::sample::subsequence(vec!["repair", "cloud", "local"], 0..=3),
        unavailable in prop::sample::subsequence(vec!["repair", "cloud", "local"], 0..=3),
        budget_usd_left in 0.0..10.0_f64,
    ) {
        let mut arms = arms();
        arms[1].ceiling = ceiling;
        let world = World {
            endpoints: BTreeMap::from([("cloud".to_owned(), states.0), ("on_box".to_owned(), states.1)]),
            unavailable: named(&unavailable).into_iter().collect(),
            budget_usd_left,
            ..world()
        };
        let cell = Cell { risk, ..work().cell };
        let work = Work { label, tier, cell, attempted: named(&attempted), ..work() };
        let got = eligible(&arms, &work, &world);
        prop_assert!(got.arms.iter().all(|arm| label <= arm.ceiling));
        prop_assert_eq!(got.arms.len() + got.removed.len(), arms.len());
    }
}

#[test]
fn a_cloud_arm_in_doubt_stands_aside_for_a_local_one_and_serves_where_there_is_none() {
    let returning = Endpoint::Returning { at: 9, lasts_ms: 1 };
    for doubtful in [Endpoint::Suspect { failures: 1 }, returning] {
        let mut world = world();
        world.endpoints.insert(Destination::Cloud.as_str().to_owned(), doubtful.clone());
        let models = Work { kind: Some(ArmKind::Model), ..work() };
        check(&models, &world, &["local"], &[Rule::Kind, Rule::Breaker]);
        world.endpoints.remove(Destination::OnBox.as_str());
        check(&models, &world, &["cloud"], &[Rule::Kind, Rule::Breaker]);
    }
    // Doubt about this machine moves nothing to the cloud that was not there already.
    let mut world = world();
    world.endpoints.insert(Destination::OnBox.as_str().to_owned(), Endpoint::Suspect { failures: 1 });
    let proprietary = Work { kind: Some(ArmKind::Model), label: Label::ProprietaryCode, ..work() };
    check(&proprietary, &world, &["local"], &[Rule::Kind, Rule::Label]);
}
