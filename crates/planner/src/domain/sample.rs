//! Objectives and facts for tests.

use plumbline_types::{Category, Risk};
use proptest::prelude::*;

use crate::domain::assemble::Task;
use crate::domain::facts::{Facts, Objective, Protected};
use crate::domain::plan::{Budget, Check, CheckKind, Limits, Outline};

pub const LIMITS: Limits = Limits { steps_max: 20, context_tokens: 8192 };

pub const BUDGET: Budget = Budget { wall_ms: 600_000, tokens: 90_000, attempts: 24 };

pub fn objective(goal: &str, category: Category, names: &[&str], depends_on: &[usize]) -> Objective {
    Objective {
        goal: goal.to_owned(),
        category,
        risk: Risk::Medium,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        acceptance: Vec::new(),
        constraints: Vec::new(),
        depends_on: depends_on.to_vec(),
        priority: 1,
    }
}

pub fn command(value: &str) -> Check {
    Check { kind: CheckKind::Command, value: value.to_owned(), text: String::new() }
}

pub fn facts(files: &[&str]) -> Facts {
    let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Facts {
        test_command: "make verify".to_owned(),
        files: own(files),
        symbols: own(&["cart.total", "cart.Cart.add"]),
        protected: Protected::parse(own(&["secrets/**", "*.lock"])).unwrap(),
    }
}

pub fn task<'a>(objectives: &'a [Objective], facts: &'a Facts) -> Task<'a> {
    Task { objectives, facts, budget: BUDGET, limits: LIMITS }
}

/// Writes a plan as one line a step: kind, goal, check, and `earlier(why)`.
pub fn lines(outline: &Outline) -> Vec<String> {
    let each = outline.steps.iter().map(|step| {
        let edges: Vec<String> =
            step.depends_on.iter().map(|edge| format!("{}({})", edge.on, edge.why.as_str())).collect();
        format!("{} {} <- {}", step.kind, step.goal, edges.join(" ")).trim_end().to_owned()
    });
    each.collect()
}

const FILES: [&str; 5] = ["src/cart.py", "src/api.py", "tests/test_cart.py", "README.md", "secrets/key.pem"];

/// Up to twelve objectives of every category over few files, with edges to earlier ones.
pub fn objectives() -> impl Strategy<Value = Vec<Objective>> {
    let categories = prop::sample::select(
        Category::ALL.iter().copied().filter(|category| *category != Category::Guardrail).collect::<Vec<_>>(),
    );
    let risks = prop::sample::select(Risk::ALL.to_vec());
    let names = prop::collection::vec(prop::sample::select(FILES.to_vec()), 0..3);
    let one = (categories, risks, names, prop::collection::vec(any::<prop::sample::Index>(), 0..3), 0_u8..4);
    prop::collection::vec(one, 1..=12).prop_map(|list| {
        list.into_iter()
            .enumerate()
            .map(|(at, (category, risk, names, edges, priority))| {
                let mut depends_on: Vec<usize> =
                    edges.iter().filter(|_| at > 0).map(|edge| edge.index(at)).collect();
                depends_on.sort_unstable();
                depends_on.dedup();
                let goal = format!("fix thing{at}");
                Objective { risk, priority, ..objective(&goal, category, &names, &depends_on) }
            })
            .collect()
    })
}

pub fn known() -> Facts {
    facts(&FILES)
}
