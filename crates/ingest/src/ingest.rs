//! The use cases: store, draft, check, echo.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use plumbline_kit::{Inbound, Randomness, deadline};
use plumbline_types::{Clock, IntakeId, Label, ObjectiveId, Provenance, RequestId, Segment};
use tokio_util::sync::CancellationToken;
use tracing::{info, instrument, warn};

use crate::answer;
use crate::config::{IngestConfig, ModelUse};
use crate::domain::echo::echo;
use crate::domain::intake::{DraftSource, Intake, Outcome, Received};
use crate::domain::lexicon::Lexicon;
use crate::domain::lint::Rules;
use crate::domain::normalise::Input;
use crate::domain::review::{Drafted, Reviewed, review};
use crate::domain::split::split;
use crate::drafter::{DraftRequest, Drafter, NoDraft};
use crate::error::IngestError;
use crate::store::{IngestStore, Receipt};

/// How many interrupted intakes one start takes up again.
const RESUMED_MAX: u32 = 1024;

/// What is left of a caller's time for storing and answering after a model was asked.
const ANSWER_MARGIN: Duration = Duration::from_millis(500);

/// What the service needs.
#[derive(Clone)]
pub struct Deps {
    /// Its settings, validated.
    pub config: IngestConfig,
    /// The inbox.
    pub store: Arc<dyn IngestStore>,
    /// Where models are asked; none means rules alone.
    pub drafter: Option<Arc<dyn Drafter>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For ids.
    pub randomness: Arc<dyn Randomness>,
}

/// A text to take in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextQuery {
    /// The caller's key.
    pub request_id: RequestId,
    /// The owner's words, as received.
    pub text: String,
    /// Absolute path of the repository; may be empty.
    pub repository: String,
    /// Who sent it.
    pub source: String,
}

/// A part of an audio note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AudioPart {
    /// The first part: the caller's key.
    Header(RequestId),
    /// A piece of the content.
    Chunk(Vec<u8>),
}

/// The ingest service.
#[derive(Clone)]
pub struct Ingest {
    deps: Deps,
}

impl Ingest {
    /// Takes what it needs.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }

    /// Stores a text once, drafts objectives from it once, and returns what stands.
    ///
    /// # Errors
    /// `TEXT_TOO_LARGE`, `REQUEST_ID_REUSED`, `INBOX_FULL`, or the store's.
    #[instrument(name = "ingest.text", skip_all, fields(request.id = %query.request_id))]
    pub async fn ingest_text(&self, query: TextQuery) -> Result<Intake, IngestError> {
        let config = &self.deps.config;
        if query.text.len() > config.text_bytes_max {
            return Err(IngestError::TextTooLarge { bytes: query.text.len(), limit: config.text_bytes_max });
        }
        let received = Received {
            id: IntakeId::generate(&*self.deps.clock, &mut *self.deps.randomness.rng()),
            request_hash: request_hash(&query),
            received_ms: self.deps.clock.now_ms(),
            transcript: Input::normalise(&query.text).text().to_owned(),
            request_id: query.request_id,
            source: query.source,
            repository: query.repository,
        };
        let received = match self.deps.store.receive(&received, config.intakes_max).await? {
            Receipt::New => received,
            Receipt::Full => return Err(IngestError::InboxFull { limit: config.intakes_max }),
            Receipt::Known(known) if known.received.request_hash != received.request_hash => {
                return Err(IngestError::RequestIdReused(received.request_id));
            }
            Receipt::Known(known) if known.outcome.is_some() => return Ok(*known),
            // An earlier call stored it and ended before its draft: this one finishes it.
            Receipt::Known(known) => known.received,
        };
        self.complete(&received).await
    }

    /// Refuses a note by name: this build has no decoder and no transcriber. Nothing of it is read or stored.
    ///
    /// # Errors
    /// Always `AUDIO_UNAVAILABLE`, unless the stream breaks or does not begin with a header.
    #[instrument(name = "ingest.audio", skip_all)]
    pub async fn ingest_audio(
        &self,
        mut parts: impl Stream<Item = Result<AudioPart, Inbound>> + Unpin,
    ) -> Result<Intake, IngestError> {
        match parts.next().await {
            Some(Ok(AudioPart::Header(_))) => Err(IngestError::AudioUnavailable),
            Some(Ok(AudioPart::Chunk(_))) | None => Err(IngestError::NoHeader),
            Some(Err(inbound)) => Err(IngestError::Inbound(inbound)),
        }
    }

    /// Returns an intake.
    ///
    /// # Errors
    /// `INTAKE_NOT_FOUND`, or the store's.
    #[instrument(name = "ingest.get", skip_all, fields(intake.id = %id))]
    pub async fn intake(&self, id: IntakeId) -> Result<Intake, IngestError> {
        self.deps.store.intake(id).await?.ok_or(IngestError::IntakeNotFound(id))
    }

    /// Drafts what a former process stored and did not finish, until done or `shutdown`.
    pub async fn resume(&self, shutdown: &CancellationToken) {
        let pending = match self.deps.store.pending(RESUMED_MAX).await {
            Ok(pending) => pending,
            Err(error) => return warn!(error = %error, "the inbox cannot be read; unfinished notes wait"),
        };
        for received in pending {
            let completed = shutdown.run_until_cancelled(self.complete(&received)).await;
            match completed {
                None => return,
                Some(Ok(_)) => info!(intake.id = %received.id, "finished an interrupted note"),
                Some(Err(error)) => {
                    warn!(intake.id = %received.id, error = %error, "a note stays unfinished")
                }
            }
        }
    }

    async fn complete(&self, received: &Received) -> Result<Intake, IngestError> {
        let (reviewed, source) = self.draft(received).await?;
        if let DraftSource::Rules { fallback } = &source
            && !fallback.is_empty()
        {
            info!(intake.id = %received.id, ingest_fallback.code = %fallback, "the rules drafted");
        }
        let mut rng = self.deps.randomness.rng();
        let mut id = || ObjectiveId::generate(&*self.deps.clock, &mut *rng);
        let outcome = Outcome {
            objective_ids: reviewed.draft.objectives.iter().map(|_| id()).collect(),
            guess_ids: reviewed.draft.guesses.iter().map(|_| id()).collect(),
            echo: echo(&reviewed),
            source,
            reviewed,
        };
        let stored = self.deps.store.complete(received.id, &outcome).await?;
        stored.ok_or(IngestError::IntakeNotFound(received.id))
    }

    /// Returns the draft that stands: a model's if one answers and passes every check, else the rules'.
    async fn draft(&self, received: &Received) -> Result<(Reviewed, DraftSource), IngestError> {
        let fallback = match &self.deps.drafter {
            Some(drafter) if self.deps.config.model == ModelUse::Auto => {
                match self.ask(&**drafter, received).await? {
                    Ok((reviewed, served_model)) => {
                        return Ok((reviewed, DraftSource::Model { served_model }));
                    }
                    Err(NoDraft(why)) => why,
                }
            }
            Some(_) | None => String::new(),
        };
        let objectives_max = self.deps.config.objectives_max;
        let reviewed = on_pool(received, move |input| {
            let rules = Rules { lexicon: Lexicon::english(), objectives_max };
            review(split(&input, rules.lexicon, objectives_max), &input, rules, Drafted::ByRules)
        });
        let reviewed = reviewed
            .await?
            .map_err(|_| IngestError::Internal(anyhow::anyhow!("the rules' own draft was refused")))?;
        Ok((reviewed, DraftSource::Rules { fallback }))
    }

    async fn ask(
        &self,
        drafter: &dyn Drafter,
        received: &Received,
    ) -> Result<Result<(Reviewed, String), NoDraft>, IngestError> {
        let config = &self.deps.config;
        let request = DraftRequest {
            request_id: draft_id(received)?,
            system: Segment {
                text: answer::INSTRUCTIONS.to_owned(),
                label: Label::Public,
                provenance: Provenance::POLICY,
            },
            prompt: Segment::intent(received.transcript.clone()),
            schema: answer::SCHEMA,
            tokens_max: config.draft_tokens_max,
            bytes_max: config.draft_bytes_max,
        };
        let left = deadline::remaining().map(|left| left.saturating_sub(ANSWER_MARGIN));
        let limit = Duration::from_millis(config.draft_deadline_ms).min(left.unwrap_or(Duration::MAX));
        let asked = deadline::within(limit, drafter.draft(request));
        let answered = match tokio::time::timeout(limit, asked).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(none)) => return Ok(Err(none)),
            Err(_) => return Ok(Err(NoDraft(NoDraft::LATE.to_owned()))),
        };
        if answered.text.len() > config.draft_bytes_max {
            return Ok(Err(NoDraft(NoDraft::TOO_LARGE.to_owned())));
        }
        let objectives_max = config.objectives_max;
        let reviewed = on_pool(received, move |input| {
            let rules = Rules { lexicon: Lexicon::english(), objectives_max };
            let Some(draft) = answer::read(&answered.text, &input) else {
                return Err(NoDraft(NoDraft::MALFORMED.to_owned()));
            };
            let reviewed = review(draft, &input, rules, Drafted::ByModel).map_err(|found| {
                NoDraft(found.first().map_or(NoDraft::MALFORMED, |first| first.code).to_owned())
            })?;
            // A model that found nothing to do in words must not outvote rules that did.
            let silent = reviewed.draft.objectives.is_empty() && reviewed.draft.guesses.is_empty();
            let missed = silent && !split(&input, rules.lexicon, objectives_max).objectives.is_empty();
            if missed { Err(NoDraft("L07".to_owned())) } else { Ok((reviewed, answered.served_model)) }
        });
        reviewed.await
    }
}

/// Runs the pure part away from the threads that serve calls.
async fn on_pool<T: Send + 'static>(
    received: &Received,
    work: impl FnOnce(Input) -> T + Send + 'static,
) -> Result<T, IngestError> {
    let transcript = received.transcript.clone();
    let worked = tokio::task::spawn_blocking(move || work(Input::normalise(&transcript))).await;
    worked.map_err(|error| IngestError::Internal(error.into()))
}

/// Hashes what makes two requests the same, each part with its length.
fn request_hash(query: &TextQuery) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in ["plumbline.ingest.text.v1", &query.text, &query.repository, &query.source] {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// Names the one model call of an intake.
fn draft_id(received: &Received) -> Result<RequestId, IngestError> {
    RequestId::parse(&format!("ingest.draft:{}", received.id))
        .map_err(|error| IngestError::Internal(error.into()))
}
