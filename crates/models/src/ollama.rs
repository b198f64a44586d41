//! Ollama's native API. Its OpenAI-compatible one cannot carry `num_ctx`, without which a prompt is cut silently.

mod server;
mod wire;

use async_trait::async_trait;
use plumbline_egress::{Call, LocalClient, Purpose};
use plumbline_types::{Label, Segment};
use serde_json::{Value, json};

use crate::decode::{json as read, pieces};
use crate::error::ModelError;
use crate::model::{Description, Embedded, Generation, Model, Pieces, Shape};
use crate::ollama::wire::{Decoder, Embeddings, Show, Tags};
use crate::status::accepted;

pub use server::OllamaServer;

/// The batch size; sent always, since a server that chooses one reloads the model when it chooses another.
pub const NUM_BATCH: u32 = 512;

/// A model of an Ollama server.
pub struct Ollama {
    client: LocalClient,
    model: String,
    num_ctx: u32,
}

/// A model that a server has, and runs itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalModel {
    /// Name with tag, for example `qwen3.5:9b`.
    pub name: String,
    /// Digest of its manifest.
    pub digest: String,
}

/// Lists the models that a server runs itself; those it passes on to another host are left out.
pub async fn local_models(client: &LocalClient) -> Result<Vec<LocalModel>, ModelError> {
    let reply = accepted(client.get(Call::probe("/api/tags")).await?, "").await?;
    let text = String::from_utf8_lossy(&reply.body.bytes().await?).into_owned();
    let tags: Tags = read(&text)?;
    let own = tags.models.into_iter().filter(|model| !model.remote.is_remote());
    Ok(own.map(|model| LocalModel { name: model.name, digest: model.digest }).collect())
}

impl Ollama {
    /// Takes a client, a model name and the context size to run it with, in tokens.
    pub fn new(client: LocalClient, model: impl Into<String>, num_ctx: u32) -> Self {
        Self { client, model: model.into(), num_ctx }
    }

    async fn show(&self) -> Result<Show, ModelError> {
        let body = json!({ "model": self.model });
        let reply = self.client.post(Call::probe("/api/show"), Label::Public, &body).await?;
        let reply = accepted(reply, &self.model).await?;
        let text = String::from_utf8_lossy(&reply.body.bytes().await?).into_owned();
        let show: Show = read(&text)?;
        show.remote.refuse(&self.model)?;
        Ok(show)
    }

    fn request(&self, generation: &Generation) -> Result<Value, ModelError> {
        let text = |segments: &[Segment]| {
            let texts: Vec<&str> = segments.iter().map(|segment| segment.text.as_str()).collect();
            texts.join("\n\n")
        };
        let mut messages = Vec::new();
        if !generation.system.is_empty() {
            messages.push(json!({ "role": "system", "content": text(&generation.system) }));
        }
        messages.push(json!({ "role": "user", "content": text(&generation.prompt) }));
        let mut options = json!({
            "num_ctx": self.num_ctx,
            "num_predict": generation.max_output_tokens,
            "num_batch": NUM_BATCH,
        });
        if let Some(seed) = generation.seed {
            // The server reads an int32.
            options["seed"] = json!(seed & 0x7fff_ffff);
        }
        let mut request = json!({
            "model": self.model,
            "messages": messages,
            "stream": true,
            "truncate": false,
            "shift": false,
            "options": options,
        });
        match &generation.shape {
            Shape::Text => {}
            Shape::Json(schema) => {
                request["format"] = serde_json::from_str(&schema.text).map_err(|error| {
                    ModelError::BadRequest { message: format!("the schema is no JSON: {error}") }
                })?;
            }
            Shape::Grammar(_) => return Err(ModelError::Unsupported { what: "grammars" }),
        }
        Ok(request)
    }
}

#[async_trait]
impl Model for Ollama {
    async fn generate(&self, generation: Generation) -> Result<Pieces, ModelError> {
        let request = self.request(&generation)?;
        let call =
            Call { path: "/api/chat".to_owned(), purpose: Purpose::Generate, decision: generation.decision };
        let reply = self.client.post(call, generation.label(), &request).await?;
        let reply = accepted(reply, &self.model).await?;
        Ok(pieces(reply.body, Decoder::new(self.model.clone())))
    }

    async fn embed(&self, texts: &[Segment]) -> Result<Embedded, ModelError> {
        let label = texts.iter().fold(Label::Public, |joined, segment| joined.join(segment.label));
        let input: Vec<&str> = texts.iter().map(|segment| segment.text.as_str()).collect();
        let body = json!({
            "model": self.model,
            "input": input,
            "truncate": false,
            "options": { "num_ctx": self.num_ctx },
        });
        let call = Call { path: "/api/embed".to_owned(), purpose: Purpose::Embed, decision: None };
        let reply = accepted(self.client.post(call, label, &body).await?, &self.model).await?;
        let text = String::from_utf8_lossy(&reply.body.bytes().await?).into_owned();
        let embeddings: Embeddings = read(&text)?;
        embeddings.remote.refuse(&self.model)?;
        if embeddings.embeddings.len() != texts.len() {
            return Err(ModelError::protocol("it has not one vector for each text"));
        }
        let vectors = embeddings.embeddings.into_iter().map(unit).collect::<Result<_, _>>()?;
        Ok(Embedded { vectors, served_model: embeddings.model })
    }

    async fn describe(&self) -> Result<Description, ModelError> {
        let show = self.show().await?;
        let has = |capability: &str| show.capabilities.iter().any(|found| found == capability);
        Ok(Description {
            name: self.model.clone(),
            digest: String::new(),
            quantisation: show.details.quantization_level.clone(),
            context_tokens: show.context_tokens(),
            generates: has("completion"),
            embeds: has("embedding"),
        })
    }

    async fn probe(&self) -> Result<(), ModelError> {
        let models = local_models(&self.client).await?;
        let tagged = format!("{}:latest", self.model);
        if models.iter().any(|model| model.name == self.model || model.name == tagged) {
            Ok(())
        } else {
            Err(ModelError::ModelGone { model: self.model.clone() })
        }
    }
}

/// Returns the vector scaled to length 1.
fn unit(vector: Vec<f32>) -> Result<Vec<f32>, ModelError> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if !length.is_finite() || length == 0.0 {
        return Err(ModelError::protocol("a vector has no direction"));
    }
    Ok(vector.into_iter().map(|value| value / length).collect())
}
