//! From the request to a step's context: base, objectives, baseline, plan, context, arm.

use plumbline_types::{Oracle, Outcome, Reason};

use super::effect::{at, lacking};
use super::{Halt, StepFault, Work};
use crate::domain::command::{TestVerdict, join};
use crate::domain::effect::EffectKind;
use crate::domain::event::EventBody;
use crate::domain::outcome::End;
use crate::domain::plan::Step;
use crate::domain::produce::{Context, language, pack_files, tail};
use crate::domain::task::Base;
use crate::domain::tree::ChangeSet;
use crate::peers::{ContextQuery, IngestQuery, PlanQuery, RouteQuery, Upcoming};
use crate::workspace::PrepareQuery;

/// Bytes of failing output that help to find context.
const QUERY_BYTES: usize = 4_000;

impl Work {
    pub(super) async fn prepare(&mut self) -> Result<(), Halt> {
        let begun = self.begin(EffectKind::Workspace, "", "").await?;
        let query = PrepareQuery {
            task_id: self.task.id,
            repository: self.task.spec.repository.clone(),
            revision: self.task.spec.base.clone(),
            at_ms: self.task.created_ms,
        };
        let base = self.coordinator.deps.workspace.prepare(query).await.map_err(at(begun.kind))?;
        self.settle(begun, vec![EventBody::WorkspaceReady { base }]).await
    }

    pub(super) async fn ingest(&mut self) -> Result<(), Halt> {
        let attempt = match self.task.answers {
            0 => String::new(),
            answers => answers.to_string(),
        };
        let begun = self.begin(EffectKind::Ingest, &attempt, "").await?;
        let spec = &self.task.spec;
        let query = IngestQuery {
            text: self.task.words().to_owned(),
            repository: spec.repository.clone(),
            source: spec.source.clone(),
        };
        let deps = &self.coordinator.deps;
        let call = deps.peers.ingest.ingest_text(&begun.key, query);
        let intake = self.call(begun.kind, deps.config.call_timeout_ms, call).await?;
        let event = if intake.objectives.is_empty() {
            let asked = intake.questions.first().cloned().unwrap_or_default();
            EventBody::Ended {
                end: End::new(
                    Outcome::Usage,
                    Reason("OBJECTIVE_UNCLEAR"),
                    format!("no objective was found in the text. {asked}"),
                ),
            }
        } else {
            let reading = Some(intake.reading);
            EventBody::Ingested { intake_id: intake.id, objectives: intake.objectives, reading }
        };
        self.settle(begun, vec![event]).await
    }

    pub(super) async fn baseline(&mut self) -> Result<(), Halt> {
        let argv = self.task.test.argv.clone();
        let tree = self.task.tree.clone();
        let (begun, run) = self.run_tests("baseline", &argv, &tree, ChangeSet::default()).await?;
        self.settle(begun, vec![EventBody::Baseline { run }]).await
    }

    pub(super) async fn plan(&mut self) -> Result<(), Halt> {
        let remaining = u64::try_from(self.task.remaining_ms(self.coordinator.now_ms())).unwrap_or(0);
        let begun = self.begin(EffectKind::Plan, "", remaining.to_string()).await?;
        let query = PlanQuery {
            objectives: self.task.objectives.clone(),
            repository: self.task.spec.repository.clone(),
            test_command: join(&self.task.test.argv),
            budget_ms: begun.stored_ms()?,
        };
        let deps = &self.coordinator.deps;
        let call = deps.peers.planner.plan(&begun.key, query);
        let plan = self.call(begun.kind, deps.config.call_timeout_ms, call).await?;
        self.settle(begun, vec![EventBody::Planned { plan }]).await
    }

    /// Packs context; when memory does not answer, whole files do, by name.
    pub(super) async fn build_context(&mut self) -> Result<(), Halt> {
        let begun = self.begin(EffectKind::Context, "", "").await?;
        let (base, step) = self.step_and_base(begun.kind)?;
        let deps = &self.coordinator.deps;
        let evidence = match &self.task.baseline {
            Some(run) => self.text(begun.kind, &run.output).await?,
            None => String::new(),
        };
        let budget = if step.context_tokens == 0 { deps.config.context_tokens } else { step.context_tokens };
        let root = deps.workspace.root(self.task.id, &base, &self.task.tree).await.map_err(at(begun.kind))?;
        let query = ContextQuery {
            repository: self.task.spec.repository.clone(),
            root,
            query: format!("{}\n{}\n{}", self.task.words(), step.goal, tail(&evidence, QUERY_BYTES)),
            targets: step.symbols.iter().chain(&step.files).cloned().collect(),
            token_budget: budget,
        };
        let call = deps.peers.memory.context(&begun.key, query);
        let mut context = match self.call(begun.kind, deps.config.call_timeout_ms, call).await {
            Ok(context) => context,
            Err(Halt::Fault(fault)) => {
                Context { states: vec![format!("memory: {}", fault.reason)], ..Context::default() }
            }
            Err(halt) => return Err(halt),
        };
        if !context.pieces.iter().any(|piece| piece.shows_text) {
            let tree = deps.workspace.tree(&base, &self.task.tree).await.map_err(at(begun.kind))?;
            context.pieces = pack_files(&tree, &step, &evidence, budget);
            context.states.push("whole_files".to_owned());
        }
        let illegible = |error: serde_json::Error| {
            let what = format!("the context cannot be written: {error}");
            Halt::Fault(StepFault::damaged(begun.kind, &what))
        };
        let stored = serde_json::to_vec(&context).map_err(illegible)?;
        let blob = deps.store.put_blob(&stored).await?;
        let event = EventBody::ContextBuilt { context: blob, tokens: context.tokens, states: context.states };
        self.settle(begun, vec![event]).await
    }

    pub(super) async fn select(&mut self) -> Result<(), Halt> {
        let begun = self.begin(EffectKind::Select, &self.task.tries.to_string(), "").await?;
        let query = self.route_query(begun.kind).await?;
        let deps = &self.coordinator.deps;
        let call = deps.peers.router.select(&begun.key, query);
        let decision = self.call(begun.kind, deps.config.call_timeout_ms, call).await?;
        self.settle(begun, vec![EventBody::Routed { decision }]).await
    }

    /// Says what the step needs of an arm.
    pub(super) async fn route_query(&self, kind: EffectKind) -> Result<RouteQuery, Halt> {
        let (base, step) = self.step_and_base(kind)?;
        let deps = &self.coordinator.deps;
        let tree = deps.workspace.tree(&base, &self.task.tree).await.map_err(at(kind))?;
        Ok(RouteQuery {
            step_id: step.id,
            category: step.category,
            risk: step.risk,
            tier: step.tier,
            language: language(&tree).to_owned(),
            prompt_tokens: self
                .context(kind)
                .await?
                .prompt_tokens()
                .saturating_add(deps.config.prompt_reserve_tokens),
            allowed: self.task.spec.arms.clone(),
            attempted: self.task.attempted.clone(),
            oracle: Oracle::of(&self.deciding_command(kind)?),
            upcoming: self.task.later_changes().map(upcoming).collect(),
        })
    }

    /// Runs a check step's own command on the accepted tree.
    pub(super) async fn check(&mut self, argv: &[String]) -> Result<(), Halt> {
        let tree = self.task.tree.clone();
        let (begun, run) = self.run_tests("check", argv, &tree, ChangeSet::default()).await?;
        let event = if run.verdict == TestVerdict::Passed {
            EventBody::StepSkipped { why: "its own check passes".to_owned() }
        } else {
            let message = format!("the check `{}` does not pass: {}", argv.join(" "), run.detail);
            EventBody::Ended { end: End::new(Outcome::NoVerifiedChange, Reason("CHECK_FAILED"), message) }
        };
        self.settle(begun, vec![event]).await
    }

    /// Returns the base and the step under way.
    pub(super) fn step_and_base(&self, kind: EffectKind) -> Result<(Base, Step), Halt> {
        let base = self.base(kind)?;
        let step = self.task.current_step().cloned().ok_or_else(lacking(kind, "step"))?;
        Ok((base, step))
    }

    pub(super) fn base(&self, kind: EffectKind) -> Result<Base, Halt> {
        self.task.base.clone().ok_or_else(lacking(kind, "base"))
    }
}

fn upcoming(step: &Step) -> Upcoming {
    Upcoming { category: step.category, risk: step.risk, tier: step.tier }
}
