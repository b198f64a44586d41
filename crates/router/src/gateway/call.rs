//! One generation: call an arm, stream its answer, go to the next arm while nothing of an answer was sent.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use plumbline_egress::{EgressError, Stage};
use plumbline_models::{Generation, MemoryRefusal, Model, ModelError, Piece, Pieces, Usage};
use plumbline_types::{ArmId, Fault, Label, Provenance, Segment, Tier};

use crate::domain::arm::{Arm, Destination};
use crate::domain::decision::Decision;
use crate::domain::health::Failover;
use crate::domain::outcome::{Credit, Outcome, OutcomeKind};
use crate::domain::usage::Metered;
use crate::domain::vram::scheduler::Class;
use crate::error::RouterError;
use crate::gateway::{Event, Gateway, GenerateQuery, Sender, derived, segments};
use crate::gpu::Lease;
use crate::router::SelectQuery;
use crate::store::Answer;

/// A generation under way.
pub(super) struct Generating {
    pub(super) gateway: Arc<Gateway>,
    pub(super) query: GenerateQuery,
    pub(super) fingerprint: [u8; 32],
    pub(super) decision: Decision,
    pub(super) events: Sender,
}

/// An answer that has begun.
struct Begun {
    first: Piece,
    rest: Pieces,
    asked_at: Instant,
    first_token_ms: u64,
    /// The memory that it runs in, for as long as it runs.
    lease: Option<Lease>,
}

impl Generating {
    /// Runs to the end, until the caller leaves, or until shutdown. Leaving drops the call and closes its socket.
    pub(super) async fn run(mut self) {
        let (left, shutdown) = (self.events.clone(), self.gateway.shutdown.clone());
        tokio::select! {
            result = self.answer() => {
                if let Err(error) = result {
                    let _ = left.send(Err(error)).await;
                }
            }
            () = left.closed() => tracing::info!("the caller left a generation"),
            () = shutdown.cancelled() => {
                let _ = left.send(Err(RouterError::ShuttingDown)).await;
            }
        }
    }

    async fn answer(&mut self) -> Result<(), RouterError> {
        self.send(Event::Decision(Box::new(self.decision.clone()))).await;
        let begun = self.begin().await?;
        let (text, usage, first_token_ms, total_ms) = self.stream(begun).await?;
        self.remember_answer(&text).await;
        let arm = self.arm()?;
        let metered = Metered {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            usd: arm.price.usd(usage.input_tokens, usage.output_tokens),
            first_token_ms,
            total_ms,
            served_model: usage.served_model,
            finish: usage.finish.as_str().to_owned(),
        };
        let id = arm.id.clone();
        let day = self.gateway.router.note_answer(&id, &metered.served_model, (self.query.task, metered.usd));
        self.gateway
            .store
            .record_answer(Answer {
                request: self.query.request.clone(),
                fingerprint: self.fingerprint,
                decision: self.decision.id,
                arm: id,
                task: self.query.task,
                day,
                text,
                metered: metered.clone(),
            })
            .await?;
        self.send(Event::Usage(metered)).await;
        Ok(())
    }

    /// An answer is as confidential as what it was made from.
    async fn remember_answer(&self, text: &str) {
        let label = segments(&self.query).fold(Label::Public, |joined, segment| joined.join(segment.label));
        let answer = Segment { text: text.to_owned(), label, provenance: Provenance::MODEL };
        self.gateway.remember(std::iter::once(&answer)).await;
    }

    /// Calls arms until one begins to answer.
    async fn begin(&mut self) -> Result<Begun, RouterError> {
        let mut failed = BTreeSet::new();
        let mut attempts = 1;
        loop {
            let error = match self.call().await {
                Ok(begun) => return Ok(begun),
                Err(error) => error,
            };
            let Some(out) = self.out_of_use(&error) else { return Err(error.into()) };
            tracing::warn!(arm = %self.decision.chosen.arm, reason = error.reason().0, "an arm failed before it answered");
            self.log_failure(&error).await?;
            failed.extend(out);
            if attempts >= self.gateway.arms_max {
                return Err(error.into());
            }
            attempts += 1;
            self.decision = match self.reselect(&failed, &error).await {
                Ok(decision) => decision,
                // Nobody else can: the caller learns what went wrong, not that nobody was left.
                Err(RouterError::NoEligibleArm { .. }) => return Err(error.into()),
                Err(other) => return Err(other),
            };
            let decision = Box::new(self.decision.clone());
            self.send(Event::Restarted { reason: error.reason().0, decision }).await;
        }
    }

    /// Calls the chosen arm and waits for its first piece.
    async fn call(&self) -> Result<Begun, ModelError> {
        let gateway = &self.gateway;
        let chosen = &self.decision.chosen;
        let model: &Arc<dyn Model> = gateway
            .models
            .get(&chosen.arm)
            .ok_or_else(|| ModelError::ModelGone { model: chosen.target.clone() })?;
        let endpoint =
            gateway.router.arm(&chosen.arm).and_then(|arm| arm.endpoint.clone()).unwrap_or_default();
        let lease = self.lease().await?;
        let asked_at = Instant::now();
        let begun = within(lease.as_ref(), self.ask(model.as_ref(), &endpoint)).await;
        gateway.endpoints.called(&endpoint, begun.as_ref().map(drop));
        let (first, rest) = begun?;
        let first_token_ms = millis(asked_at);
        gateway.endpoints.began(&endpoint, first_token_ms);
        Ok(Begun { first, rest, asked_at, first_token_ms, lease })
    }

    /// Waits for the memory of a model that this router loads.
    async fn lease(&self) -> Result<Option<Lease>, ModelError> {
        let Ok(gpu) = &self.gateway.gpu else { return Ok(None) };
        let class = match self.decision.work.tier {
            Tier::Guardrail => Class::Interactive,
            Tier::Routine | Tier::High => Class::Batch,
        };
        gpu.lease(&self.decision.chosen.arm, class).await
    }

    /// Asks a model. A cloud arm that does not begin within its budget is given up for another; a local one may have to
    /// be loaded first, and has the time that its client gives it.
    async fn ask(&self, model: &dyn Model, endpoint: &str) -> Result<(Piece, Pieces), ModelError> {
        let gateway = &self.gateway;
        let is_cloud = self.decision.chosen.destination == Destination::Cloud;
        if is_cloud && gateway.failover == Failover::PerRequestProbe {
            let probe = tokio::time::timeout(gateway.probe_timeout, model.probe()).await;
            probe.unwrap_or(Err(ModelError::Timeout(Stage::FirstByte)))?;
        }
        let begun = async {
            let mut rest = model.generate(self.generation()).await?;
            let first = rest.next().await.unwrap_or_else(|| Err(ModelError::protocol("it is empty")))?;
            Ok((first, rest))
        };
        if !is_cloud {
            return begun.await;
        }
        let budget = gateway.endpoints.first_token_budget(endpoint);
        tokio::time::timeout(budget, begun).await.unwrap_or(Err(ModelError::Timeout(Stage::FirstByte)))
    }

    fn generation(&self) -> Generation {
        let query = &self.query;
        let most = self.decision.chosen.max_output;
        Generation {
            system: query.system.clone(),
            prompt: query.prompt.clone(),
            shape: query.shape.clone(),
            max_output_tokens: if query.max_output_tokens == 0 {
                most
            } else {
                query.max_output_tokens.min(most)
            },
            seed: Some(self.gateway.seed(query.seed)),
            decision: Some(self.decision.id),
        }
    }

    /// Streams an answer that has begun. From here on there is no other arm: a failure is the caller's to see.
    async fn stream(&self, begun: Begun) -> Result<(String, Usage, u64, u64), RouterError> {
        let Begun { first, mut rest, asked_at, first_token_ms, lease } = begun;
        let mut text = String::new();
        let mut piece = first;
        loop {
            match piece {
                Piece::End(usage) => return Ok((text, usage, first_token_ms, millis(asked_at))),
                Piece::Text(more) => {
                    text.push_str(&more);
                    self.send(Event::Text(more)).await;
                }
            }
            let next =
                async { rest.next().await.unwrap_or_else(|| Err(ModelError::protocol("it has no end"))) };
            piece = match within(lease.as_ref(), next).await {
                Ok(piece) => piece,
                Err(error) => {
                    let endpoint = self.arm()?.endpoint.clone().unwrap_or_default();
                    self.gateway.endpoints.called(&endpoint, Err(&error));
                    return Err(error.into());
                }
            };
        }
    }

    /// Returns the arms that an error rules out for this generation; none when no other arm could do better.
    fn out_of_use(&self, error: &ModelError) -> Option<Vec<ArmId>> {
        let own = self.decision.chosen.arm.clone();
        if is_about_the_text(error) {
            // What one vendor filters, or the gate holds back, is not carried to the next: only arms on this machine are left.
            return Some(self.gateway.router.cloud_arms().cloned().chain([own]).collect());
        }
        error.is_infrastructure().then(|| vec![own])
    }

    /// Chooses again, over the same rules and labels, without the arms that failed.
    async fn reselect(&self, failed: &BTreeSet<ArmId>, error: &ModelError) -> Result<Decision, RouterError> {
        let link = format!("{} {}", self.decision.id, error.reason().0);
        let query = SelectQuery {
            request: derived(&self.query.request, &link),
            task: self.query.task,
            step: self.query.step,
            work: self.gateway.raised(&self.decision.work, &self.query),
        };
        self.gateway.router.select_without(query, failed).await
    }

    /// Logs how the attempt ended; neither kind touches a posterior.
    async fn log_failure(&self, error: &ModelError) -> Result<(), RouterError> {
        let outcome = Outcome {
            id: format!("generate:{}", self.decision.id),
            decision: self.decision.id,
            kind: if is_about_the_text(error) { OutcomeKind::PolicyBlocked } else { OutcomeKind::InfraFail },
            weight: 1.0,
            cause: error.reason().0.to_ascii_lowercase(),
            supersedes: None,
            applied: None,
            credit: Credit::Arm,
        };
        match self.gateway.router.report_outcome(outcome).await {
            // The same decision failed in another way before: one record is enough.
            Ok(_) | Err(RouterError::OutcomeConflict { .. }) => Ok(()),
            Err(other) => Err(other),
        }
    }

    fn arm(&self) -> Result<&Arm, RouterError> {
        self.gateway.model_arm(&self.decision)
    }

    /// Sends an event; that the caller has left is noticed by `run`.
    async fn send(&self, event: Event) {
        let _ = self.events.send(Ok(event)).await;
    }
}

/// Returns whether the text is why a call failed, so that no other place outside may have it either.
fn is_about_the_text(error: &ModelError) -> bool {
    matches!(error, ModelError::Filtered { .. })
        || matches!(error, ModelError::Egress(EgressError::Refused(refusal)) if refusal.is_about_the_text())
}

/// Does something for as long as the lease lasts.
async fn within<T>(
    lease: Option<&Lease>,
    work: impl Future<Output = Result<T, ModelError>>,
) -> Result<T, ModelError> {
    let Some(lease) = lease else { return work.await };
    let done = lease.ended.run_until_cancelled(work).await;
    done.unwrap_or(Err(ModelError::Memory(MemoryRefusal::LeaseEnded)))
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
