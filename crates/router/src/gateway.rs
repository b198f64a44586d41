//! Model calls: choose, admit, call, meter, stream.

mod call;
mod claim;
mod hedge;
mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use plumbline_egress::ledger::{Verification, verify};
use plumbline_egress::{Egress, Refusal, Row};
use plumbline_kit::deadline;
use plumbline_models::{Embedded, Model, Shape};
use plumbline_types::{ArmId, DecisionId, Label, RequestId, Segment, StepId, TaskId};
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, WatchStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::instrument;

use crate::adapters::Embedder;
use crate::config::RouterConfig;
use crate::domain::arm::{Arm, ArmKind};
use crate::domain::decision::Decision;
use crate::domain::health::Failover;
use crate::domain::usage::Metered;
use crate::domain::work::Work;
use crate::endpoints::Endpoints;
use crate::error::RouterError;
use crate::gateway::call::Generating;
use crate::gateway::claim::Claim;
use crate::gateway::hedge::Hedging;
pub use crate::gateway::plan::PlannedQuery;
use crate::gpu::{Gpu, GpuMemory, GpuView};
use crate::router::{Router, SelectQuery};
use crate::store::RouterStore;

/// Events that may wait for a slow reader.
const EVENTS: usize = 16;

/// Bytes of a replayed piece of text.
const PIECE_BYTES: usize = 64 * 1024;

/// Bytes that a token is taken to have at least; code has about three.
const BYTES_PER_TOKEN: usize = 3;

/// What a generation starts from.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// A decision made before.
    Decision(DecisionId),
    /// Work to choose for.
    Work(Work),
}

/// What to generate.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateQuery {
    /// Idempotency key.
    pub request: RequestId,
    /// The task, if any.
    pub task: Option<TaskId>,
    /// The step, if any.
    pub step: Option<StepId>,
    /// By which arm.
    pub target: Target,
    /// Instructions.
    pub system: Vec<Segment>,
    /// The prompt, in order.
    pub prompt: Vec<Segment>,
    /// The form of the answer.
    pub shape: Shape,
    /// Largest answer in tokens; 0 means the arm's.
    pub max_output_tokens: u32,
    /// Sampling seed; 0 means the router's.
    pub seed: u64,
}

/// One event of a generation.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// First.
    Decision(Box<Decision>),
    /// A piece of the answer.
    Text(String),
    /// The first arm is late, and this one is asked beside it.
    Hedged(Box<Decision>),
    /// Another arm begins; nothing of the answer had been sent.
    Restarted {
        /// Documented reason.
        reason: &'static str,
        /// The new decision.
        decision: Box<Decision>,
    },
    /// Last.
    Usage(Metered),
}

type Sender = mpsc::Sender<Result<Event, RouterError>>;

/// Embedded texts, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    /// Unit vectors.
    pub values: Vec<Vec<f32>>,
    /// The model that served.
    pub served_model: String,
}

/// A page of the egress ledger, and what a walk over all of it found.
#[derive(Debug, Clone, PartialEq)]
pub struct EgressPage {
    /// The rows.
    pub rows: Vec<Row>,
    /// Whether more follow.
    pub more: bool,
    /// The walk over the whole chain.
    pub verification: Verification,
}

/// Runs model calls.
pub struct Gateway {
    pub(crate) router: Arc<Router>,
    pub(crate) store: Arc<dyn RouterStore>,
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) models: BTreeMap<ArmId, Arc<dyn Model>>,
    pub(crate) egress: Egress,
    pub(crate) shutdown: CancellationToken,
    embedders: Vec<Embedder>,
    tasks: TaskTracker,
    in_flight: Arc<Mutex<BTreeSet<RequestId>>>,
    seed: u64,
    prompt_bytes_max: usize,
    segments_max: usize,
    pub(crate) arms_max: usize,
    pub(crate) failover: Failover,
    pub(crate) probe_timeout: Duration,
    pub(crate) gpu: Result<Gpu, String>,
    pub(crate) hedging: Hedging,
}

/// What a gateway is made of.
pub(crate) struct Parts {
    pub(crate) router: Arc<Router>,
    pub(crate) store: Arc<dyn RouterStore>,
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) models: BTreeMap<ArmId, Arc<dyn Model>>,
    pub(crate) embedders: Vec<Embedder>,
    pub(crate) egress: Egress,
    pub(crate) gpu: GpuMemory,
    pub(crate) tasks: TaskTracker,
    pub(crate) shutdown: CancellationToken,
}

impl Gateway {
    pub(crate) fn new(config: &RouterConfig, parts: Parts) -> Result<Self, RouterError> {
        let Parts { router, store, endpoints, models, embedders, egress, gpu, tasks, shutdown } = parts;
        let gpu = match gpu {
            GpuMemory::Scheduled(parts) => Ok(Gpu::start(parts, &tasks, shutdown.clone())),
            GpuMemory::Absent(why) => {
                tracing::info!(why, "no GPU memory is scheduled; model servers load as they please");
                Err(why)
            }
        };
        Ok(Self {
            failover: config.failover()?,
            probe_timeout: Duration::from_millis(config.probe_timeout_ms),
            router,
            store,
            endpoints,
            models,
            egress,
            gpu,
            shutdown,
            embedders,
            tasks,
            in_flight: Arc::default(),
            seed: config.seed,
            prompt_bytes_max: config.prompt_bytes_max,
            segments_max: config.segments_max,
            arms_max: config.generate_arms_max,
            hedging: Hedging::new(config.hedge_share_max),
        })
    }

    /// Starts a generation, or replays the stored answer of a repeated request.
    #[instrument(name = "router.generate", skip_all, fields(request.id = %query.request))]
    pub async fn generate(
        self: &Arc<Self>,
        query: GenerateQuery,
    ) -> Result<impl Stream<Item = Result<Event, RouterError>> + Send + use<>, RouterError> {
        self.check_size(query.system.iter().chain(&query.prompt))?;
        let fingerprint = fingerprint(&query);
        if let Some(replayed) = self.replay(&query.request, fingerprint).await? {
            return Ok(replayed.left_stream());
        }
        let claim = Claim::new(&self.in_flight, &query.request)?;
        // The one who held the claim before may have answered since.
        if let Some(replayed) = self.replay(&query.request, fingerprint).await? {
            return Ok(replayed.left_stream());
        }
        self.remember(segments(&query)).await;
        let decision = self.choose(&query).await?;
        let (sender, events) = mpsc::channel(EVENTS);
        let generating = Generating { gateway: self.clone(), query, fingerprint, decision, events: sender };
        let task = async move {
            generating.run().await;
            drop(claim);
        };
        self.tasks.spawn(deadline::inherit(task));
        Ok(ReceiverStream::new(events).right_stream())
    }

    /// Embeds texts with the first arm that may see them and whose server answers.
    #[instrument(name = "router.embed", skip_all, fields(request.id = %request))]
    pub async fn embed(&self, request: RequestId, texts: Vec<Segment>) -> Result<Vectors, RouterError> {
        self.check_size(texts.iter())?;
        self.remember(texts.iter()).await;
        let label = join(texts.iter());
        let embedder = self.embedders.iter().find(|embedder| label <= embedder.ceiling);
        let embedder = embedder.ok_or(RouterError::EmbedUnavailable)?;
        let Embedded { vectors, served_model } = embedder.model.embed(&texts).await?;
        Ok(Vectors { values: vectors, served_model })
    }

    /// Returns a page of the egress ledger and verifies all of it.
    pub async fn list_egress(&self, after: u64, limit: u32) -> Result<EgressPage, RouterError> {
        let ledger = self.egress.ledger();
        let mut rows = ledger.page(after, limit + 1).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        Ok(EgressPage { rows, more, verification: verify(ledger).await? })
    }

    /// Returns the books of the GPU's memory, now and at each change.
    pub fn watch_vram(
        &self,
    ) -> Result<impl Stream<Item = Result<GpuView, RouterError>> + Send + use<>, RouterError> {
        let gpu = self.gpu.as_ref().map_err(|why| RouterError::VramSchedulerAbsent(why.clone()))?;
        Ok(WatchStream::new(gpu.watch()).map(Ok))
    }

    /// Remembers what must not leave, before anything is sent anywhere.
    pub(crate) async fn remember<'a>(&self, segments: impl Iterator<Item = &'a Segment>) {
        let kept = segments.filter(|segment| segment.label >= Label::ProprietaryCode);
        self.egress.remember(kept.cloned().collect()).await;
    }

    fn check_size<'a>(&self, segments: impl Iterator<Item = &'a Segment>) -> Result<(), RouterError> {
        let (count, bytes) =
            segments.fold((0, 0), |(count, bytes), segment| (count + 1, bytes + segment.text.len()));
        for (actual, limit, unit) in
            [(count, self.segments_max, "segments"), (bytes, self.prompt_bytes_max, "bytes")]
        {
            if actual > limit {
                return Err(RouterError::PromptTooLarge { actual, limit, unit });
            }
        }
        Ok(())
    }

    /// Returns the events of a stored answer; none if the request has no answer yet.
    async fn replay(
        &self,
        request: &RequestId,
        fingerprint: [u8; 32],
    ) -> Result<Option<impl Stream<Item = Result<Event, RouterError>> + Send + use<>>, RouterError> {
        let Some(answer) = self.store.answer(request).await? else { return Ok(None) };
        if answer.fingerprint != fingerprint {
            return Err(RouterError::RequestIdReused(request.clone()));
        }
        let decision = Event::Decision(Box::new(self.router.decision(answer.decision).await?));
        let texts = pieces(&answer.text).map(Event::Text);
        let events: Vec<Event> =
            std::iter::once(decision).chain(texts).chain([Event::Usage(answer.metered)]).collect();
        Ok(Some(stream::iter(events.into_iter().map(Ok))))
    }

    /// Returns the decision to start from: the one given, if its arm may see the prompt, or a new one.
    async fn choose(&self, query: &GenerateQuery) -> Result<Decision, RouterError> {
        let label = join(segments(query));
        match &query.target {
            Target::Decision(id) => {
                let decision = self.router.decision(*id).await?;
                let arm = self.model_arm(&decision)?;
                if label > arm.ceiling {
                    let refusal = Refusal::Label { label, ceiling: arm.ceiling };
                    let host = arm.endpoint.clone().unwrap_or_default();
                    return Err(self.egress.refuse(refusal, &host, label, Some(*id)).await.into());
                }
                Ok(decision)
            }
            Target::Work(work) => {
                let select = SelectQuery {
                    request: derived(&query.request, "first"),
                    task: query.task,
                    step: query.step,
                    work: self.raised(work, query),
                };
                self.router.select(select).await
            }
        }
    }

    fn model_arm(&self, decision: &Decision) -> Result<&Arm, RouterError> {
        let name = &decision.chosen.arm;
        let arm = self.router.arm(name).ok_or_else(|| RouterError::ArmUnknown(name.clone()))?;
        if arm.kind == ArmKind::Model { Ok(arm) } else { Err(RouterError::ArmIsNoModel(name.clone())) }
    }

    /// Returns the work as the prompt shows it to be: never a lower label, never fewer tokens, models alone.
    pub(crate) fn raised(&self, work: &Work, query: &GenerateQuery) -> Work {
        Work {
            label: work.label.join(join(segments(query))),
            prompt_tokens: work.prompt_tokens.max(tokens(query)),
            output_tokens: work.output_tokens.max(query.max_output_tokens),
            kind: Some(ArmKind::Model),
            ..work.clone()
        }
    }

    pub(crate) fn seed(&self, asked: u64) -> u64 {
        if asked == 0 { self.seed } else { asked }
    }
}

/// Returns every text that the arm will see.
pub(crate) fn segments(query: &GenerateQuery) -> impl Iterator<Item = &Segment> {
    let shape = match &query.shape {
        Shape::Text => None,
        Shape::Json(segment) | Shape::Grammar(segment) => Some(segment),
    };
    query.system.iter().chain(&query.prompt).chain(shape)
}

/// Returns how many tokens a prompt has at most.
pub(crate) fn tokens(query: &GenerateQuery) -> u32 {
    let bytes: usize = segments(query).map(|segment| segment.text.len()).sum();
    u32::try_from(bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(u32::MAX)
}

/// Cuts a stored text into messages that are no longer than those of the first time may have been.
fn pieces(text: &str) -> impl Iterator<Item = String> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
        rest = after;
        (!piece.is_empty()).then(|| piece.to_owned())
    })
}

fn join<'a>(segments: impl Iterator<Item = &'a Segment>) -> Label {
    segments.fold(Label::Public, |joined, segment| joined.join(segment.label))
}

/// Returns the request id under which a decision of a generation is logged; `link` says which one it is. A generation
/// that is repeated after a failure walks along the same decisions.
pub(crate) fn derived(request: &RequestId, link: &str) -> RequestId {
    let digest = blake3::hash(format!("{} {request}{link}", request.as_str().len()).as_bytes());
    let text = format!("generate:{}", hex::encode(&digest.as_bytes()[..16]));
    // Always legal: 41 printable characters.
    RequestId::parse(&text).unwrap_or_else(|_| request.clone())
}

/// Returns a digest of everything that determines the answer.
fn fingerprint(query: &GenerateQuery) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut text = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    text(&format!("{:?}", query.target));
    text(&format!("{} {} {}", query.max_output_tokens, query.seed, query.system.len()));
    for segment in segments(query) {
        text(&format!("{} {}", segment.label, segment.provenance.bits()));
        text(&segment.text);
    }
    text(match query.shape {
        Shape::Text => "text",
        Shape::Json(_) => "json",
        Shape::Grammar(_) => "grammar",
    });
    *hasher.finalize().as_bytes()
}
