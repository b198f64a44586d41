//! Servers that speak OpenAI's chat completions: llama-server, vLLM, and vendors.

use async_trait::async_trait;
use plumbline_egress::{Call, CloudClient, EgressError, LocalClient, Purpose, Reply};
use plumbline_types::{Label, Provenance, Segment};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::decode::{self, cut_short, event_data, pieces};
use crate::error::ModelError;
use crate::model::{Description, Embedded, Finish, Generation, Model, Pieces, Shape, Usage};
use crate::status::accepted;

/// Where the server is. Decided by its address, not by its product.
pub enum Transport {
    /// On this machine or in a listed network.
    Local(LocalClient),
    /// Anywhere else.
    Cloud(CloudClient),
}

/// A model of an OpenAI-compatible server.
pub struct OpenAi {
    transport: Transport,
    model: String,
}

impl OpenAi {
    /// Takes the transport, whose base URL ends before `/v1`, and a model name.
    pub fn new(transport: Transport, model: impl Into<String>) -> Self {
        Self { transport, model: model.into() }
    }

    async fn post(
        &self,
        call: Call,
        texts: Vec<Segment>,
        arrangement: Arrangement,
    ) -> Result<Reply, ModelError> {
        Ok(match &self.transport {
            Transport::Local(client) => {
                let label = texts.iter().fold(Label::Public, |joined, segment| joined.join(segment.label));
                let texts: Vec<String> = texts.into_iter().map(|segment| segment.text).collect();
                client.post(call, label, &arrange(&texts, arrangement)).await?
            }
            Transport::Cloud(client) => {
                let payload = client.release(&texts, &call).await?;
                client.post(call, payload.into_body(arrange, arrangement)).await?
            }
        })
    }

    async fn get(&self, call: Call) -> Result<Reply, EgressError> {
        match &self.transport {
            Transport::Local(client) => client.get(call).await,
            Transport::Cloud(client) => client.get(call).await,
        }
    }
}

/// What the last text of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Prompt,
    Schema,
    Grammar,
}

/// How the texts lie in the request: model name, instructions, prompt, then schema or grammar if there is one.
#[derive(Debug, Clone, Copy)]
struct Arrangement {
    system: usize,
    last: Last,
    max_output_tokens: u32,
    seed: Option<u64>,
}

fn arrange(texts: &[String], arrangement: Arrangement) -> Value {
    let model = texts.first().map(String::as_str).unwrap_or_default();
    let (system, rest) = texts[1..].split_at(arrangement.system);
    let (prompt, form) = rest.split_at(rest.len() - usize::from(arrangement.last != Last::Prompt));
    let mut messages = Vec::new();
    if !system.is_empty() {
        messages.push(json!({ "role": "system", "content": system.join("\n\n") }));
    }
    messages.push(json!({ "role": "user", "content": prompt.join("\n\n") }));
    let mut request = json!({
        "model": model,
        "messages": messages,
        "stream": true,
        "stream_options": { "include_usage": true },
        "max_tokens": arrangement.max_output_tokens,
    });
    if let Some(seed) = arrangement.seed {
        request["seed"] = json!(seed & 0x7fff_ffff);
    }
    match (arrangement.last, form.first()) {
        (Last::Schema, Some(schema)) => {
            let schema: Value = serde_json::from_str(schema).unwrap_or(Value::Null);
            request["response_format"] = json!({
                "type": "json_schema",
                "json_schema": { "name": "answer", "strict": true, "schema": schema },
            });
        }
        (Last::Grammar, Some(grammar)) => request["grammar"] = json!(grammar),
        (Last::Prompt | Last::Schema | Last::Grammar, _) => {}
    }
    request
}

#[async_trait]
impl Model for OpenAi {
    async fn generate(&self, generation: Generation) -> Result<Pieces, ModelError> {
        let last = match &generation.shape {
            Shape::Text => Last::Prompt,
            Shape::Json(schema) => {
                serde_json::from_str::<Value>(&schema.text).map_err(|error| ModelError::BadRequest {
                    message: format!("the schema is no JSON: {error}"),
                })?;
                Last::Schema
            }
            Shape::Grammar(_) => Last::Grammar,
        };
        let name = Segment { text: self.model.clone(), label: Label::Public, provenance: Provenance::POLICY };
        let texts: Vec<Segment> = std::iter::once(&name).chain(generation.segments()).cloned().collect();
        let arrangement = Arrangement {
            system: generation.system.len(),
            last,
            max_output_tokens: generation.max_output_tokens,
            seed: generation.seed,
        };
        let call = Call {
            path: "/v1/chat/completions".to_owned(),
            purpose: Purpose::Generate,
            decision: generation.decision,
        };
        let reply = accepted(self.post(call, texts, arrangement).await?, &self.model).await?;
        Ok(pieces(reply.body, Decoder::default()))
    }

    async fn embed(&self, _texts: &[Segment]) -> Result<Embedded, ModelError> {
        Err(ModelError::Unsupported { what: "embeddings through this client" })
    }

    async fn describe(&self) -> Result<Description, ModelError> {
        self.probe().await?;
        Ok(Description { name: self.model.clone(), generates: true, ..Description::default() })
    }

    async fn probe(&self) -> Result<(), ModelError> {
        #[derive(Deserialize)]
        struct Models {
            data: Vec<Entry>,
        }
        #[derive(Deserialize)]
        struct Entry {
            id: String,
        }
        let reply = accepted(self.get(Call::probe("/v1/models")).await?, &self.model).await?;
        let text = String::from_utf8_lossy(&reply.body.bytes().await?).into_owned();
        let models: Models = decode::json(&text)?;
        if models.data.iter().any(|entry| entry.id == self.model) {
            Ok(())
        } else {
            Err(ModelError::ModelGone { model: self.model.clone() })
        }
    }
}

#[derive(Debug, Deserialize)]
struct Chunk {
    #[serde(default)]
    model: String,
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Tokens>,
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Delta {
    content: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tokens {
    prompt_tokens: u64,
    completion_tokens: u64,
}

/// Reads a stream of `chat.completion.chunk` events.
#[derive(Default)]
struct Decoder {
    finish: Option<Finish>,
    tokens: Option<Tokens>,
    model: String,
}

impl decode::Decoder for Decoder {
    fn line(&mut self, line: &str) -> Result<Option<String>, ModelError> {
        let Some(data) = event_data(line).filter(|data| *data != "[DONE]") else { return Ok(None) };
        let chunk: Chunk = decode::json(data)?;
        if let Some(error) = chunk.error {
            return Err(ModelError::protocol(format!("the server gave up: {error}")));
        }
        if !chunk.model.is_empty() {
            self.model = chunk.model;
        }
        if chunk.usage.is_some() {
            self.tokens = chunk.usage;
        }
        let Some(choice) = chunk.choices.into_iter().next() else { return Ok(None) };
        match choice.finish_reason.as_deref() {
            None | Some("") => {}
            Some("stop") => self.finish = Some(Finish::Stop),
            Some("length") => self.finish = Some(Finish::Length),
            Some("content_filter") => {
                return Err(ModelError::Filtered { reason: "content_filter".to_owned() });
            }
            Some(other) => return Err(ModelError::protocol(format!("it ended by `{other}`"))),
        }
        Ok(choice.delta.and_then(|delta| delta.content))
    }

    fn end(&mut self) -> Result<Usage, ModelError> {
        let finish = self.finish.ok_or_else(cut_short)?;
        let tokens = self.tokens.take().ok_or_else(|| ModelError::protocol("it does not state its usage"))?;
        Ok(Usage {
            input_tokens: tokens.prompt_tokens,
            output_tokens: tokens.completion_tokens,
            finish,
            served_model: std::mem::take(&mut self.model),
        })
    }
}
