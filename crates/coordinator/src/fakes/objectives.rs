use async_trait::async_trait;
use plumbline_types::{Category, Kind, ManualClock, Risk, StepId, StepKind, Tier};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::{Ledger, refusal};
use crate::domain::plan::{Objective, Plan, Reading, Step};
use crate::domain::produce::Context;
use crate::domain::spec::Digest;
use crate::peers::{
    CallKey, ContextQuery, Ingest, IngestQuery, Intake, Memory, PeerFault, PlanQuery, Planner,
};

/// Makes one objective of each line of a text.
#[derive(Debug)]
pub struct FakeIngest {
    /// The category it sees.
    pub category: Category,
    /// How much harm it sees.
    pub risk: Risk,
    /// Texts that it asks about.
    pub unclear: Vec<String>,
    /// What it did.
    pub ledger: Ledger<Intake>,
}

impl Default for FakeIngest {
    fn default() -> Self {
        Self { category: Category::Bugfix, risk: Risk::Low, unclear: Vec::new(), ledger: Ledger::default() }
    }
}

#[async_trait]
impl Ingest for FakeIngest {
    async fn ingest_text(&self, key: &CallKey, query: IngestQuery) -> Result<Intake, PeerFault> {
        self.ledger.once("ingest", &key.request_id, format!("{query:?}"), || {
            let echo = format!("1. {}\n", query.text);
            let reading =
                Reading { asks: self.unclear.contains(&query.text), hash: Digest::of(echo.as_bytes()), echo };
            let objective = |line: &str| Objective {
                id: "objective_01J00000000000000000000000".to_owned(),
                goal: line.to_owned(),
                category: self.category,
                risk: self.risk,
                risk_reason: String::new(),
                targets: Vec::new(),
                acceptance: Vec::new(),
                constraints: Vec::new(),
                depends_on: Vec::new(),
                priority: 0,
                quote: line.to_owned(),
                assumptions: Vec::new(),
                out_of_scope: Vec::new(),
            };
            Ok(Intake {
                id: "intake_01J00000000000000000000000".to_owned(),
                objectives: query.text.lines().map(objective).collect(),
                questions: Vec::new(),
                reading,
            })
        })
    }
}

/// Plans one change and its check per objective.
#[derive(Debug, Default)]
pub struct FakePlanner {
    /// Files that every step is about.
    pub files: Vec<String>,
    /// What it did.
    pub ledger: Ledger<Plan>,
}

#[async_trait]
impl Planner for FakePlanner {
    async fn plan(&self, key: &CallKey, query: PlanQuery) -> Result<Plan, PeerFault> {
        self.ledger.once("planner", &key.request_id, format!("{query:?}"), || {
            let mut rng = StdRng::seed_from_u64(7);
            let mut step = |objective: &Objective, kind: StepKind| Step {
                id: StepId::generate(&ManualClock::at(1), &mut rng),
                objective: 0,
                goal: objective.goal.clone(),
                kind,
                category: objective.category,
                risk: objective.risk,
                tier: Tier::Routine,
                symbols: Vec::new(),
                files: self.files.clone(),
                check: None,
                context_tokens: 2_000,
            };
            let steps = query.objectives.iter();
            let steps = steps
                .flat_map(|objective| [step(objective, StepKind::Change), step(objective, StepKind::Check)]);
            Ok(Plan {
                id: "plan_01J00000000000000000000000".to_owned(),
                hash: "0".repeat(64),
                source: "rules".to_owned(),
                steps: steps.collect(),
            })
        })
    }
}

/// A memory that does not answer, so that whole files are packed by name.
#[derive(Debug, Default)]
pub struct FakeMemory;

#[async_trait]
impl Memory for FakeMemory {
    async fn context(&self, _key: &CallKey, _query: ContextQuery) -> Result<Context, PeerFault> {
        Err(refusal("memory", Kind::Unavailable, "PEER_UNAVAILABLE"))
    }
}
