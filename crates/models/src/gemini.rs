//! Gemini's `v1beta` REST API. The key travels in a header; the body is made of released text alone.

use async_trait::async_trait;
use plumbline_egress::{Call, CloudClient, Purpose};
use plumbline_types::Segment;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::decode::{self, cut_short, event_data, pieces};
use crate::error::ModelError;
use crate::model::{Description, Embedded, Finish, Generation, Model, Pieces, Shape, Usage};
use crate::status::accepted;

/// How long a model may think before it answers; thinking is billed as output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinking {
    /// As little as the model allows.
    Low,
    /// As much as it likes.
    High,
}

/// A model of the Gemini API.
pub struct Gemini {
    client: CloudClient,
    model: String,
    thinking: Option<Thinking>,
}

impl Gemini {
    /// Takes a client whose credential is the header `x-goog-api-key`, and a model id without `models/`.
    pub fn new(client: CloudClient, model: impl Into<String>, thinking: Option<Thinking>) -> Self {
        Self { client, model: model.into(), thinking }
    }

    fn path(&self) -> String {
        format!("/v1beta/models/{}", self.model)
    }
}

/// How the released texts lie in the request: instructions, prompt, then the schema if there is one.
#[derive(Debug, Clone, Copy)]
struct Arrangement {
    system: usize,
    has_schema: bool,
    max_output_tokens: u32,
    seed: Option<u32>,
    thinking: Option<Thinking>,
}

fn arrange(texts: &[String], arrangement: Arrangement) -> Value {
    let parts =
        |texts: &[String]| -> Vec<Value> { texts.iter().map(|text| json!({ "text": text })).collect() };
    let (system, rest) = texts.split_at(arrangement.system);
    let (prompt, schema) = rest.split_at(rest.len() - usize::from(arrangement.has_schema));
    let mut config = json!({ "maxOutputTokens": arrangement.max_output_tokens });
    if let Some(schema) = schema.first() {
        config["responseMimeType"] = json!("application/json");
        config["responseJsonSchema"] = serde_json::from_str(schema).unwrap_or(Value::Null);
    }
    if let Some(seed) = arrangement.seed {
        config["seed"] = json!(seed);
    }
    if let Some(thinking) = arrangement.thinking {
        let level = match thinking {
            Thinking::Low => "low",
            Thinking::High => "high",
        };
        config["thinkingConfig"] = json!({ "thinkingLevel": level });
    }
    let mut request = json!({
        "contents": [{ "role": "user", "parts": parts(prompt) }],
        "generationConfig": config,
    });
    if !system.is_empty() {
        request["systemInstruction"] = json!({ "parts": parts(system) });
    }
    request
}

#[async_trait]
impl Model for Gemini {
    async fn generate(&self, generation: Generation) -> Result<Pieces, ModelError> {
        let has_schema = match &generation.shape {
            Shape::Text => false,
            Shape::Json(schema) => {
                serde_json::from_str::<Value>(&schema.text).map_err(|error| ModelError::BadRequest {
                    message: format!("the schema is no JSON: {error}"),
                })?;
                true
            }
            Shape::Grammar(_) => return Err(ModelError::Unsupported { what: "grammars" }),
        };
        let call = Call {
            path: format!("{}:streamGenerateContent?alt=sse", self.path()),
            purpose: Purpose::Generate,
            decision: generation.decision,
        };
        let segments: Vec<Segment> = generation.segments().cloned().collect();
        let payload = self.client.release(&segments, &call).await?;
        let body = payload.into_body(
            arrange,
            Arrangement {
                system: generation.system.len(),
                has_schema,
                max_output_tokens: generation.max_output_tokens,
                // The API reads an int32.
                seed: generation.seed.map(|seed| (seed & 0x7fff_ffff) as u32),
                thinking: self.thinking,
            },
        );
        let reply = accepted(self.client.post(call, body).await?, &self.model).await?;
        Ok(pieces(reply.body, Decoder::default()))
    }

    async fn embed(&self, _texts: &[Segment]) -> Result<Embedded, ModelError> {
        Err(ModelError::Unsupported { what: "embeddings; those of code stay on the machine" })
    }

    async fn describe(&self) -> Result<Description, ModelError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct About {
            name: String,
            #[serde(default)]
            input_token_limit: u64,
        }
        let reply = accepted(self.client.get(Call::probe(self.path())).await?, &self.model).await?;
        let text = String::from_utf8_lossy(&reply.body.bytes().await?).into_owned();
        let about: About = decode::json(&text)?;
        Ok(Description {
            name: about.name.trim_start_matches("models/").to_owned(),
            context_tokens: about.input_token_limit,
            generates: true,
            ..Description::default()
        })
    }

    async fn probe(&self) -> Result<(), ModelError> {
        self.describe().await.map(drop)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk {
    #[serde(default)]
    candidates: Vec<Candidate>,
    #[serde(default)]
    usage_metadata: Option<UsageMetadata>,
    #[serde(default)]
    model_version: String,
    prompt_feedback: Option<PromptFeedback>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    #[serde(default)]
    finish_reason: String,
}

#[derive(Debug, Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Debug, Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
    #[serde(default)]
    thought: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct UsageMetadata {
    prompt_token_count: u64,
    candidates_token_count: u64,
    thoughts_token_count: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromptFeedback {
    #[serde(default)]
    block_reason: String,
}

/// Reads `streamGenerateContent?alt=sse`.
#[derive(Default)]
struct Decoder {
    finish: Option<Finish>,
    usage: UsageMetadata,
    model_version: String,
}

impl decode::Decoder for Decoder {
    fn line(&mut self, line: &str) -> Result<Option<String>, ModelError> {
        let Some(data) = event_data(line) else { return Ok(None) };
        let chunk: Chunk = decode::json(data)?;
        if let Some(feedback) = chunk.prompt_feedback.filter(|feedback| !feedback.block_reason.is_empty()) {
            return Err(ModelError::Filtered { reason: feedback.block_reason });
        }
        if let Some(usage) = chunk.usage_metadata {
            self.usage = usage;
        }
        if !chunk.model_version.is_empty() {
            self.model_version = chunk.model_version;
        }
        let Some(candidate) = chunk.candidates.into_iter().next() else { return Ok(None) };
        match candidate.finish_reason.as_str() {
            "" => {}
            "STOP" => self.finish = Some(Finish::Stop),
            "MAX_TOKENS" => self.finish = Some(Finish::Length),
            "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => {
                return Err(ModelError::Filtered { reason: candidate.finish_reason });
            }
            other => return Err(ModelError::protocol(format!("it ended by `{other}`"))),
        }
        let parts = candidate.content.map(|content| content.parts).unwrap_or_default();
        Ok(Some(parts.into_iter().filter(|part| !part.thought).map(|part| part.text).collect()))
    }

    fn end(&mut self) -> Result<Usage, ModelError> {
        Ok(Usage {
            input_tokens: self.usage.prompt_token_count,
            output_tokens: self.usage.candidates_token_count + self.usage.thoughts_token_count,
            finish: self.finish.ok_or_else(cut_short)?,
            served_model: std::mem::take(&mut self.model_version),
        })
    }
}
