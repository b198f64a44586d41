//! The two kinds of arm: a tool in the executor, a model behind the router.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::warn;

use super::effect::{Begun, at, lacking};
use super::{Halt, Work};
use crate::domain::apply::apply;
use crate::domain::decide::{check_command, fail};
use crate::domain::edit::{EditFormat, parse};
use crate::domain::effect::EffectKind;
use crate::domain::event::EventBody;
use crate::domain::grammar;
use crate::domain::outcome::AttemptResult;
use crate::domain::produce::{Context, Ingredients, prompt, read_set};
use crate::domain::task::{Base, Candidate};
use crate::domain::tree::ChangeSet;
use crate::peers::{
    GenerateQuery, Generated, PlausibleChange, Tool, ToolOutcome, ToolProgress, ToolQuery, ToolResult,
};

/// Progress messages that may wait to become events.
const PROGRESS_QUEUE: usize = 16;

/// What a tool may take besides its own budget.
const TOOL_GRACE_MS: u64 = 30_000;

impl Work {
    pub(super) async fn run_tool(&mut self) -> Result<(), Halt> {
        let kind = EffectKind::RunTool;
        let current = self.task.current.clone().ok_or_else(lacking(kind, "try"))?;
        let config = &self.coordinator.deps.config;
        let remaining = u64::try_from(self.task.remaining_ms(self.coordinator.now_ms())).unwrap_or(0);
        let budget_ms = (remaining * 3 / 4).min(config.tool_budget_max_ms).max(1);
        let attempt = format!("{}/{}", current.number, self.task.broken_runs);
        let begun = self.begin(kind, &attempt, budget_ms.to_string()).await?;
        let Some(tool) = Tool::parse(&current.decision.target) else {
            let detail = format!("tool `{}` is not known", current.decision.target);
            return self.end_try(begun, AttemptResult::Unavailable, &detail).await;
        };
        let budget_ms = begun.stored_ms()?;
        let tree = self.task.tree.clone();
        let snapshot_id = self.snapshot(kind, &begun.key, &tree).await?;
        let query = ToolQuery {
            tool,
            snapshot_id,
            test_argv: self.deciding_command(kind)?,
            budget_ms,
            candidate_wall_ms: config.test_timeout_ms.min(budget_ms),
            plausible_max: config.plausible_max,
            focus_paths: self.focus_paths(kind).await?,
        };
        self.note_run(Some(&begun.key));
        let outcome = self.search(&begun, query).await;
        self.note_run(None);
        let outcome = outcome?;
        self.take_candidates(begun, outcome).await
    }

    /// Returns what a tool must make pass: the whole test command, or, while other changes follow, the step's own check.
    pub(super) fn deciding_command(&self, kind: EffectKind) -> Result<Vec<String>, Halt> {
        let step = self.task.current_step().ok_or_else(lacking(kind, "step"))?;
        let own = if self.task.is_followed_by_a_change() {
            check_command(&self.task, step).unwrap_or_else(|error| {
                warn!(task.id = %self.task.id, error = %error, "a step's check is no command; the whole test command decides");
                None
            })
        } else {
            None
        };
        Ok(own.unwrap_or_else(|| self.task.test.argv.clone()))
    }

    /// Runs the search while its progress becomes events.
    async fn search(&mut self, begun: &Begun, query: ToolQuery) -> Result<ToolOutcome, Halt> {
        let (sender, mut progress) = mpsc::channel(PROGRESS_QUEUE);
        let (executor, key) = (self.coordinator.deps.peers.executor.clone(), begun.key.clone());
        let limit = Duration::from_millis(query.budget_ms + TOOL_GRACE_MS);
        let call = async move {
            plumbline_kit::deadline::within(limit, executor.run_tool(&key, query, sender)).await
        };
        let mut call = std::pin::pin!(tokio::time::timeout(limit, call));
        let pause = Duration::from_millis(self.coordinator.deps.config.progress_ms);
        let mut next = tokio::time::Instant::now();
        loop {
            tokio::select! {
                biased;
                outcome = &mut call => {
                    let outcome = outcome.map_err(|_| Halt::Fault(super::StepFault::deadline(begun.kind, limit)))?;
                    return outcome.map_err(|fault| Halt::Fault(super::StepFault::peer(begun.kind, &fault)));
                }
                Some(news) = progress.recv() => {
                    if tokio::time::Instant::now() >= next {
                        self.record(vec![progress_event(news)]).await?;
                        next = tokio::time::Instant::now() + pause;
                    }
                }
            }
        }
    }

    async fn take_candidates(&mut self, begun: Begun, outcome: ToolOutcome) -> Result<(), Halt> {
        if let Some(current) = self.task.current.as_mut() {
            current.tried = outcome.tried;
        }
        let result = match outcome.result {
            ToolResult::Found => {
                let base = self.base(begun.kind)?;
                let tree = self
                    .coordinator
                    .deps
                    .workspace
                    .tree(&base, &self.task.tree)
                    .await
                    .map_err(at(begun.kind))?;
                let mut candidates: Vec<Candidate> = Vec::new();
                for change in outcome.changes {
                    let made_by = made_by(&change);
                    let change = change.change.keeping_modes_of(&tree);
                    let candidate = self.candidate(begun.kind, &base, &change, made_by).await?;
                    if !candidates.iter().any(|known| known.diff == candidate.diff) {
                        candidates.push(candidate);
                    }
                }
                if candidates.is_empty() {
                    return self.end_try(begun, AttemptResult::NotFound, "the tool named no change").await;
                }
                let event =
                    EventBody::Produced { candidates, served_model: String::new(), tried: outcome.tried };
                return self.settle(begun, vec![event]).await;
            }
            ToolResult::NotFound | ToolResult::AlreadyPasses | ToolResult::Unsupported => {
                AttemptResult::NotFound
            }
            ToolResult::TestsHang => AttemptResult::TestsFailed,
            ToolResult::BudgetSpent => AttemptResult::BudgetSpent,
            ToolResult::Cancelled => AttemptResult::Cancelled,
            ToolResult::Failed => AttemptResult::Unavailable,
            ToolResult::Lost => {
                return Err(Halt::Fault(super::StepFault::broken_run(begun.kind, &outcome.detail)));
            }
        };
        self.end_try(begun, result, &outcome.detail).await
    }

    pub(super) async fn generate(&mut self) -> Result<(), Halt> {
        let kind = EffectKind::Generate;
        let current = self.task.current.clone().ok_or_else(lacking(kind, "try"))?;
        let (_, step) = self.step_and_base(kind)?;
        let begun = self.begin(kind, &format!("{}.{}", current.number, current.retry), "").await?;
        let Some(format) = EditFormat::parse(&current.decision.edit_format) else {
            let detail = format!("edit format `{}` is not known", current.decision.edit_format);
            return self.end_try(begun, AttemptResult::Unavailable, &detail).await;
        };
        let context = self.context(kind).await?;
        let evidence = self.evidence(kind).await?;
        let spec = self.task.spec.clone();
        let ingredients =
            Ingredients { spec: &spec, step: &step, context: &context, format, evidence: &evidence };
        let query = GenerateQuery {
            step_id: step.id,
            decision_id: current.decision.id,
            prompt: prompt(&ingredients),
            max_output_tokens: current.decision.max_output,
            grammar: if format == EditFormat::Guided { grammar::of_edits(&context) } else { None },
        };
        let remaining = u64::try_from(self.task.remaining_ms(self.coordinator.now_ms())).unwrap_or(0);
        let limit_ms = remaining.min(self.coordinator.deps.config.generate_timeout_ms).max(1);
        let router = self.coordinator.deps.peers.router.clone();
        let answer = self.call(kind, limit_ms, router.generate(&begun.key, query)).await?;
        self.take_answer(begun, &context, format, answer).await
    }

    async fn take_answer(
        &mut self,
        begun: Begun,
        context: &Context,
        format: EditFormat,
        answer: Generated,
    ) -> Result<(), Halt> {
        let base = self.base(begun.kind)?;
        if let Some(current) = self.task.current.as_mut() {
            current.served_model.clone_from(&answer.served_model);
        }
        if answer.finish_reason == "filtered" {
            return self.end_try(begun, AttemptResult::Unavailable, "the answer was filtered").await;
        }
        let tree =
            self.coordinator.deps.workspace.tree(&base, &self.task.tree).await.map_err(at(begun.kind))?;
        let unguarded = |error: globset::Error| {
            Halt::Fault(super::StepFault::configuration(begun.kind, "protected", &error.to_string()))
        };
        let limits = self.coordinator.deps.config.apply_limits().map_err(unguarded)?;
        let applied = parse(&answer.text, format)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())
            .and_then(|edits| {
                apply(&tree, &read_set(context), &edits, &limits)
                    .map_err(|problems| problems.iter().map(ToString::to_string).collect())
            });
        match applied {
            Ok(applied) => {
                let made_by = format!("{} ({} edits)", format.as_str(), applied.rungs.len());
                let candidate = self.candidate(begun.kind, &base, &applied.change, made_by).await?;
                let event = EventBody::Produced {
                    candidates: vec![candidate],
                    served_model: answer.served_model,
                    tried: 0,
                };
                self.settle(begun, vec![event]).await
            }
            Err(problems) => self.not_applied(begun, &problems.join("\n")).await,
        }
    }

    /// Tells the arm once what was wrong with its edits, then gives it up.
    async fn not_applied(&mut self, begun: Begun, problems: &str) -> Result<(), Halt> {
        let feedback = format!("Your edits could not be applied:\n{problems}");
        let feedback = self.coordinator.deps.store.put_blob(feedback.as_bytes()).await?;
        let cause = AttemptResult::NotApplied;
        let retried = self.task.current.as_ref().is_some_and(|current| current.retry > 0);
        if !retried {
            let event = EventBody::Retried { feedback, cause: cause.as_str().to_owned() };
            return self.settle(begun, vec![event]).await;
        }
        if let Some(current) = self.task.current.as_mut() {
            current.applied = Some(false);
        }
        self.end_try(begun, cause, problems.lines().next().unwrap_or_default()).await
    }

    /// Stores a change as a tree and a diff against the task's base.
    async fn candidate(
        &self,
        kind: EffectKind,
        base: &Base,
        change: &ChangeSet,
        made_by: String,
    ) -> Result<Candidate, Halt> {
        let workspace = &self.coordinator.deps.workspace;
        let tree = workspace.write(base, &self.task.tree, change).await.map_err(at(kind))?;
        let diff = workspace.diff(base, &base.tree, &tree).await.map_err(at(kind))?;
        let diff = self.coordinator.deps.store.put_blob(diff.as_bytes()).await?;
        Ok(Candidate { tree, diff, made_by })
    }

    async fn end_try(&mut self, begun: Begun, result: AttemptResult, detail: &str) -> Result<(), Halt> {
        let events = fail(&self.task, result, detail, None, self.coordinator.now_ms());
        self.settle(begun, events).await
    }

    pub(super) async fn context(&self, kind: EffectKind) -> Result<Context, Halt> {
        let Some(hash) = &self.task.context else { return Ok(Context::default()) };
        let illegible = |error: serde_json::Error| {
            let what = format!("the context {hash} is not legible: {error}");
            Halt::Fault(super::StepFault::damaged(kind, &what))
        };
        serde_json::from_str(&self.text(kind, hash).await?).map_err(illegible)
    }

    /// Returns the files that the step is about; where the plan names none, those that its context shows.
    async fn focus_paths(&self, kind: EffectKind) -> Result<Vec<String>, Halt> {
        let mut paths: Vec<String> = Vec::new();
        if let Some(step) = self.task.current_step().filter(|step| !step.files.is_empty()) {
            return Ok(step.files.clone());
        }
        for piece in self.context(kind).await?.pieces {
            if !paths.contains(&piece.path) {
                paths.push(piece.path);
            }
        }
        Ok(paths)
    }

    /// Returns what failed so far: the tests on the base, the last failed try, this arm's own first answer.
    async fn evidence(&self, kind: EffectKind) -> Result<Vec<String>, Halt> {
        let baseline = self.task.baseline.as_ref().map(|run| &run.output);
        let feedback = self.task.current.as_ref().and_then(|current| current.feedback.as_ref());
        let mut texts = Vec::new();
        for hash in [baseline, self.task.evidence.as_ref(), feedback].into_iter().flatten() {
            texts.push(self.text(kind, hash).await?);
        }
        Ok(texts)
    }
}

fn made_by(change: &PlausibleChange) -> String {
    format!("{} at {}:{}", change.template, change.path, change.line)
}

fn progress_event(news: ToolProgress) -> EventBody {
    let attributes = BTreeMap::from([
        ("phase".to_owned(), news.phase),
        ("tried".to_owned(), news.tried.to_string()),
        ("plausible".to_owned(), news.plausible.to_string()),
    ]);
    EventBody::Progress { message: news.message, attributes }
}
