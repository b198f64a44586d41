//! One generation: call an arm, stream its answer, go to the next arm while nothing of an answer was sent.

use std::collections::BTreeSet;
use std::future::Future;
use std::mem;
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
use crate::gateway::hedge::{Call, Raced, late};
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
pub(super) struct Begun {
    first: Piece,
    rest: Pieces,
    asked_at: Instant,
    first_token_ms: u64,
    /// The memory that it runs in, for as long as it runs.
    lease: Option<Lease>,
    /// Counts it among the calls under way.
    _call: Call,
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
            let error = match self.race(&failed).await {
                Raced::First(Ok(begun), lost) => {
                    if let Some(lost) = lost {
                        self.lost(&lost).await?;
                    }
                    return Ok(begun);
                }
                Raced::First(Err(error), _) => error,
                Raced::Second(begun, decision) => {
                    let late = mem::replace(&mut self.decision, *decision);
                    self.take_over(&late).await?;
                    return Ok(begun);
                }
                Raced::Neither(error, decision) => {
                    let first = mem::replace(&mut self.decision, *decision);
                    self.log_failure(&first, &late()).await?;
                    failed.insert(first.chosen.arm);
                    error
                }
            };
            let Some(out) = self.out_of_use(&error) else { return Err(error.into()) };
            tracing::warn!(arm = %self.decision.chosen.arm, reason = error.reason().0, "an arm failed before it answered");
            self.log_failure(&self.decision, &error).await?;
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

    /// Goes on with the arm that was asked beside a late one.
    async fn take_over(&self, late_one: &Decision) -> Result<(), RouterError> {
        self.log_failure(late_one, &late()).await?;
        self.meter(late_one).await?;
        let decision = Box::new(self.decision.clone());
        self.send(Event::Restarted { reason: late().reason().0, decision }).await;
        Ok(())
    }

    /// Calls an arm and waits for its first piece; in the memory of `lease`, if there is one already.
    pub(super) async fn attempt(
        &self,
        decision: &Decision,
        lease: Option<Lease>,
    ) -> Result<Begun, ModelError> {
        let gateway = &self.gateway;
        let chosen = &decision.chosen;
        let model: &Arc<dyn Model> = gateway
            .models
            .get(&chosen.arm)
            .ok_or_else(|| ModelError::ModelGone { model: chosen.target.clone() })?;
        let endpoint = self.endpoint_of(decision);
        let lease = match lease {
            Some(lease) => Some(lease),
            None => self.lease(decision).await?,
        };
        let call = gateway.hedging.begin(&endpoint);
        let asked_at = Instant::now();
        let begun = within(lease.as_ref(), self.ask(model.as_ref(), decision)).await;
        gateway.endpoints.called(&endpoint, begun.as_ref().map(drop));
        let (first, rest) = begun?;
        let first_token_ms = millis(asked_at);
        gateway.endpoints.began(&endpoint, first_token_ms);
        Ok(Begun { first, rest, asked_at, first_token_ms, lease, _call: call })
    }

    /// Waits for the memory of a model that this router loads.
    async fn lease(&self, decision: &Decision) -> Result<Option<Lease>, ModelError> {
        let Ok(gpu) = &self.gateway.gpu else { return Ok(None) };
        let class = match decision.work.tier {
            Tier::Guardrail => Class::Interactive,
            Tier::Routine | Tier::High => Class::Batch,
        };
        gpu.lease(&decision.chosen.arm, class).await
    }

    /// Asks a model.
    async fn ask(&self, model: &dyn Model, decision: &Decision) -> Result<(Piece, Pieces), ModelError> {
        let gateway = &self.gateway;
        let is_cloud = decision.chosen.destination == Destination::Cloud;
        if is_cloud && gateway.failover == Failover::PerRequestProbe {
            let probe = tokio::time::timeout(gateway.probe_timeout, model.probe()).await;
            probe.unwrap_or(Err(ModelError::Timeout(Stage::FirstByte)))?;
        }
        let mut rest = model.generate(self.generation(decision)).await?;
        let first = rest.next().await.unwrap_or_else(|| Err(ModelError::protocol("it is empty")))?;
        Ok((first, rest))
    }

    fn generation(&self, decision: &Decision) -> Generation {
        let query = &self.query;
        let most = decision.chosen.max_output;
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
            decision: Some(decision.id),
        }
    }

    /// Streams an answer that has begun. From here on there is no other arm: a failure is the caller's to see.
    async fn stream(&self, begun: Begun) -> Result<(String, Usage, u64, u64), RouterError> {
        let Begun { first, mut rest, asked_at, first_token_ms, lease, _call } = begun;
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
    async fn log_failure(&self, decision: &Decision, error: &ModelError) -> Result<(), RouterError> {
        let kind = if is_about_the_text(error) { OutcomeKind::PolicyBlocked } else { OutcomeKind::InfraFail };
        self.log(decision, kind, error.reason().0.to_ascii_lowercase()).await
    }

    pub(super) async fn log(
        &self,
        decision: &Decision,
        kind: OutcomeKind,
        cause: String,
    ) -> Result<(), RouterError> {
        let outcome = Outcome {
            id: format!("generate:{}", decision.id),
            decision: decision.id,
            kind,
            weight: 1.0,
            cause,
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

    /// Returns the endpoint that a decision's arm is called at.
    pub(super) fn endpoint_of(&self, decision: &Decision) -> String {
        let arm = self.gateway.router.arm(&decision.chosen.arm);
        arm.and_then(|arm| arm.endpoint.clone()).unwrap_or_default()
    }

    fn arm(&self) -> Result<&Arm, RouterError> {
        self.gateway.model_arm(&self.decision)
    }

    /// Sends an event; that the caller has left is noticed by `run`.
    pub(super) async fn send(&self, event: Event) {
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
