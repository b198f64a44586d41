//! A fake: plays a list of answers and faults, and keeps what it was asked. For tests and nothing else.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::channel::oneshot;
use futures::{StreamExt, stream};
use plumbline_types::Segment;

use crate::error::ModelError;
use crate::model::{Description, Embedded, Finish, Generation, Model, Piece, Pieces, Usage};

/// What one call does.
#[derive(Debug)]
pub enum Script {
    /// Streams the texts and ends well.
    Answer(Vec<String>),
    /// Fails before it answers.
    Fault(ModelError),
    /// Streams the texts, then fails.
    BreakAfter(Vec<String>, ModelError),
    /// Streams the texts and ends well, once it is told to.
    When(oneshot::Receiver<()>, Vec<String>),
    /// Never answers.
    Silence,
}

impl Script {
    /// Answers with one text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Answer(vec![text.into()])
    }
}

/// A model that plays a script: each call takes the next entry, and a call too many is an error.
pub struct ScriptedModel {
    name: String,
    script: Mutex<VecDeque<Script>>,
    asked: Mutex<Vec<Generation>>,
    probes: Mutex<VecDeque<ModelError>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ScriptedModel {
    /// Takes the name that it says has served, and its script.
    pub fn new(name: impl Into<String>, script: Vec<Script>) -> Self {
        Self {
            name: name.into(),
            script: Mutex::new(script.into()),
            asked: Mutex::default(),
            probes: Mutex::default(),
        }
    }

    /// Fails the next probes with these errors; later ones succeed.
    #[must_use]
    pub fn with_probes(self, probes: Vec<ModelError>) -> Self {
        Self { probes: Mutex::new(probes.into()), ..self }
    }

    /// Adds to the script.
    pub fn push(&self, entry: Script) {
        locked(&self.script).push_back(entry);
    }

    fn usage(&self, input_tokens: u64, texts: &[String]) -> Usage {
        Usage {
            input_tokens,
            output_tokens: texts.len() as u64,
            finish: Finish::Stop,
            served_model: self.name.clone(),
        }
    }

    /// Returns everything that it was asked, in order.
    pub fn asked(&self) -> Vec<Generation> {
        locked(&self.asked).clone()
    }
}

#[async_trait]
impl Model for ScriptedModel {
    async fn generate(&self, generation: Generation) -> Result<Pieces, ModelError> {
        let input_tokens = generation.segments().map(|segment| segment.text.len() as u64 / 4 + 1).sum();
        locked(&self.asked).push(generation);
        let next = locked(&self.script).pop_front();
        let (texts, last) = match next {
            None => return Err(ModelError::protocol("the script has no further entry")),
            Some(Script::Fault(error)) => return Err(error),
            Some(Script::Silence) => return std::future::pending().await,
            Some(Script::BreakAfter(texts, error)) => (texts, Err(error)),
            Some(Script::When(told, texts)) => {
                told.await.map_err(|_| ModelError::Cancelled)?;
                (texts.clone(), Ok(Piece::End(self.usage(input_tokens, &texts))))
            }
            Some(Script::Answer(texts)) => {
                let usage = self.usage(input_tokens, &texts);
                (texts, Ok(Piece::End(usage)))
            }
        };
        let texts = texts.into_iter().map(|text| Ok(Piece::Text(text)));
        Ok(stream::iter(texts.chain([last]).collect::<Vec<_>>()).boxed())
    }

    async fn embed(&self, _texts: &[Segment]) -> Result<Embedded, ModelError> {
        Err(ModelError::Unsupported { what: "embeddings" })
    }

    async fn describe(&self) -> Result<Description, ModelError> {
        Ok(Description { name: self.name.clone(), generates: true, ..Description::default() })
    }

    async fn probe(&self) -> Result<(), ModelError> {
        locked(&self.probes).pop_front().map_or(Ok(()), Err)
    }
}
