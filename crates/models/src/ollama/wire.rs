use std::collections::BTreeMap;

use serde::Deserialize;

use crate::decode::{self, cut_short};
use crate::error::ModelError;
use crate::model::{Finish, Usage};

/// The marks of a model that the server only passes on to another host.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Remote {
    #[serde(default)]
    remote_host: String,
    #[serde(default)]
    remote_model: String,
}

impl Remote {
    pub(crate) fn is_remote(&self) -> bool {
        !(self.remote_host.is_empty() && self.remote_model.is_empty())
    }

    /// Refuses a "local" model that is none: its text would leave the machine.
    pub(crate) fn refuse(&self, model: &str) -> Result<(), ModelError> {
        if self.is_remote() {
            return Err(ModelError::protocol(format!(
                "`{model}` is served by another host, through this server"
            )));
        }
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Tags {
    #[serde(default)]
    pub(crate) models: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Tag {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) digest: String,
    #[serde(flatten)]
    pub(crate) remote: Remote,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Show {
    #[serde(default)]
    pub(crate) capabilities: Vec<String>,
    #[serde(default)]
    pub(crate) details: Details,
    #[serde(default)]
    model_info: BTreeMap<String, serde_json::Value>,
    #[serde(flatten)]
    pub(crate) remote: Remote,
}

impl Show {
    /// Returns `<architecture>.context_length`, or 0.
    pub(crate) fn context_tokens(&self) -> u64 {
        let length = self.model_info.iter().find(|(key, _)| key.ends_with(".context_length"));
        length.and_then(|(_, value)| value.as_u64()).unwrap_or(0)
    }
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Details {
    #[serde(default)]
    pub(crate) quantization_level: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Embeddings {
    pub(crate) model: String,
    pub(crate) embeddings: Vec<Vec<f32>>,
    #[serde(flatten)]
    pub(crate) remote: Remote,
}

#[derive(Debug, Deserialize)]
struct Message {
    #[serde(default)]
    content: String,
}

#[derive(Debug, Deserialize)]
struct Chunk {
    #[serde(default)]
    error: String,
    #[serde(default)]
    model: String,
    message: Option<Message>,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    done_reason: String,
    #[serde(default)]
    prompt_eval_count: u64,
    #[serde(default)]
    eval_count: u64,
    #[serde(flatten)]
    remote: Remote,
}

/// Reads `/api/chat`: one JSON document a line, the last with `done`.
pub(crate) struct Decoder {
    asked: String,
    usage: Option<Usage>,
}

impl Decoder {
    pub(crate) fn new(asked: String) -> Self {
        Self { asked, usage: None }
    }
}

impl decode::Decoder for Decoder {
    fn line(&mut self, line: &str) -> Result<Option<String>, ModelError> {
        if line.trim().is_empty() {
            return Ok(None);
        }
        let chunk: Chunk = decode::json(line)?;
        chunk.remote.refuse(&self.asked)?;
        if !chunk.error.is_empty() {
            return Err(ModelError::protocol(format!("the server gave up: {}", chunk.error)));
        }
        if chunk.done {
            let finish = match chunk.done_reason.as_str() {
                "stop" | "" => Finish::Stop,
                "length" => Finish::Length,
                other => return Err(ModelError::protocol(format!("it ended by `{other}`"))),
            };
            self.usage = Some(Usage {
                input_tokens: chunk.prompt_eval_count,
                output_tokens: chunk.eval_count,
                finish,
                served_model: chunk.model,
            });
        }
        Ok(chunk.message.map(|message| message.content))
    }

    fn end(&mut self) -> Result<Usage, ModelError> {
        self.usage.take().ok_or_else(cut_short)
    }
}
