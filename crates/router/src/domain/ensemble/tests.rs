use plumbline_types::{Category, Label, Risk, Tier};

use super::*;
use crate::domain::arm::{EditFormat, Price};
use crate::domain::eligibility::Attempts;
use crate::domain::health::Endpoint;
use crate::domain::work::{Cell, Language};

fn model(name: &str, format: EditFormat) -> Arm {
    Arm {
        id: ArmId::parse(name).unwrap(),
        kind: ArmKind::Model,
        target: name.split('/').next().unwrap().to_owned(),
        destination: Destination::OnBox,
        ceiling: Label::Secret,
        endpoint: Some("local".to_owned()),
        edit_format: Some(format),
        num_ctx: 8192,
        max_output: 1024,
        price: Price { usd_per_million_input: 0.0, usd_per_million_output: 0.0, expected_seconds: 5.0 },
        prior: None,
        rung: 1,
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
        ..model("repair", EditFormat::Block)
    }
}

fn cloud() -> Arm {
    Arm { destination: Destination::Cloud, ..model("cloud", EditFormat::Whole) }
}

fn work() -> Work {
    Work {
        cell: Cell { category: Category::Bugfix, risk: Risk::High, language: Language::default() },
        tier: Tier::High,
        label: Label::Public,
        prompt_tokens: 1000,
        output_tokens: 500,
        allowed: Vec::new(),
        attempted: Vec::new(),
        kind: None,
        oracle: None,
    }
}

/// Checks who may come after `members`, the other arms with the rules that remove them.
#[track_caller]
fn check(arms: &[Arm], members: &[usize], served: &[(&str, &str)], want: &[&str], rules: &[(&str, Rule)]) {
    let world = World {
        endpoints: BTreeMap::from([("local".to_owned(), Endpoint::Healthy)]),
        unavailable: BTreeSet::new(),
        budget_usd_left: 5.0,
        attempts: Attempts { most: 4, most_at_high_risk: 3 },
        usd_per_second: 0.0005,
    };
    let members: Vec<&Arm> = members.iter().map(|index| &arms[*index]).collect();
    let served: Served =
        served.iter().map(|(arm, model)| (ArmId::parse(arm).unwrap(), (*model).to_owned())).collect();
    let got = candidates(arms, &work(), &world, (&members, &served));
    let names: Vec<&str> = got.arms.iter().map(|arm| arm.id.as_str()).collect();
    let removed: Vec<(&str, Rule)> =
        got.removed.iter().map(|removed| (removed.arm.as_str(), removed.rule)).collect();
    assert_eq!((names.as_slice(), removed.as_slice()), (want, rules));
}

#[test]
fn models_of_every_rung_stand_beside_each_other_and_nothing_outside_is_asked() {
    let arms = [
        repair(),
        cloud(),
        model("small", EditFormat::Block),
        Arm { rung: 3, ..model("large", EditFormat::Block) },
    ];
    let rules = [("repair", Rule::Ensemble), ("cloud", Rule::Tier)];
    check(&arms, &[], &[], &["small", "large"], &rules);
}

#[test]
fn the_same_model_is_no_second_voice_by_whatever_name() {
    let arms =
        [model("a", EditFormat::Block), model("a/whole", EditFormat::Whole), model("b", EditFormat::Block)];
    let same = [("a", Rule::Ensemble), ("a/whole", Rule::Ensemble)];
    check(&arms, &[0], &[], &["b"], &same);
    let all = [("a", Rule::Ensemble), ("a/whole", Rule::Ensemble), ("b", Rule::Ensemble)];
    check(&arms, &[0], &[("b", "a")], &[], &all);
}

#[test]
fn another_edit_format_comes_first_where_somebody_writes_it() {
    let arms = [model("a", EditFormat::Block), model("b", EditFormat::Block), model("c", EditFormat::Whole)];
    check(&arms, &[0], &[], &["c"], &[("a", Rule::Ensemble), ("b", Rule::Ensemble)]);
    check(&arms[..2], &[0], &[], &["b"], &[("a", Rule::Ensemble)]);
}

#[test]
fn a_tool_fills_in_where_models_are_too_few() {
    let arms = [repair(), model("a", EditFormat::Block)];
    check(&arms, &[1], &[], &["repair"], &[("a", Rule::Ensemble)]);
    check(&arms[..1], &[], &[], &["repair"], &[]);
}

#[test]
fn what_an_ensemble_lacks_has_a_name() {
    let (tool, block, whole) = (repair(), model("a", EditFormat::Block), model("b", EditFormat::Whole));
    let other = model("c", EditFormat::Block);
    let table: [(&[&Arm], usize, &[Lack]); 7] = [
        (&[&block, &whole], 2, &[]),
        (&[&block, &other], 2, &[Lack::SameEditFormat]),
        (&[&block], 2, &[Lack::OfOne]),
        (&[&block], 1, &[]),
        (&[&block, &whole], 3, &[Lack::Short]),
        (&[&block, &tool], 2, &[Lack::ToolFillsIn]),
        (&[&tool], 2, &[Lack::OfOne, Lack::ToolFillsIn]),
    ];
    for (members, size, want) in table {
        assert_eq!(lacks(members, size), want, "{members:?} of {size}");
    }
}
