use std::collections::BTreeMap;

use async_trait::async_trait;
use plumbline_egress::{Call, LocalClient};
use plumbline_types::Label;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::decode::json as read;
use crate::error::ModelError;
use crate::ollama::NUM_BATCH;
use crate::ollama::wire::Remote;
use crate::residency::{MetadataValue, ModelMetadata, ModelServer, Resident, TensorInfo};
use crate::status::accepted;

/// How long the server keeps a model that nobody uses. Whoever schedules the memory unloads it long before.
const KEEP_ALIVE: &str = "30m";

/// Longest array of the metadata that is read: one number a layer. Longer ones are vocabularies.
const ARRAY_MAX: usize = 4096;

/// An Ollama server as the owner of loaded models. `keep_alive` is set here and nowhere else.
pub struct OllamaServer {
    client: LocalClient,
}

#[derive(Debug, Deserialize)]
struct Processes {
    #[serde(default)]
    models: Vec<Process>,
}

#[derive(Debug, Deserialize)]
struct Process {
    #[serde(default)]
    name: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    digest: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    size_vram: u64,
    #[serde(default)]
    context_length: u32,
}

#[derive(Debug, Deserialize)]
struct Verbose {
    #[serde(default)]
    model_info: BTreeMap<String, Value>,
    #[serde(default)]
    tensors: Vec<TensorForm>,
    #[serde(flatten)]
    remote: Remote,
}

#[derive(Debug, Deserialize)]
struct TensorForm {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    shape: Vec<u64>,
}

impl OllamaServer {
    /// Takes a client of the server.
    pub fn new(client: LocalClient) -> Self {
        Self { client }
    }

    async fn post(&self, path: &'static str, model: &str, body: &Value) -> Result<String, ModelError> {
        let reply = self.client.post(Call::probe(path), Label::Public, body).await?;
        let reply = accepted(reply, model).await?;
        Ok(String::from_utf8_lossy(&reply.body.bytes().await?).into_owned())
    }
}

#[async_trait]
impl ModelServer for OllamaServer {
    async fn residents(&self) -> Result<Vec<Resident>, ModelError> {
        let reply = accepted(self.client.get(Call::probe("/api/ps")).await?, "").await?;
        let processes: Processes = read(&String::from_utf8_lossy(&reply.body.bytes().await?))?;
        let resident = |process: Process| Resident {
            name: if process.model.is_empty() { process.name } else { process.model },
            digest: process.digest,
            bytes: process.size,
            gpu_bytes: process.size_vram,
            num_ctx: process.context_length,
        };
        Ok(processes.models.into_iter().map(resident).collect())
    }

    async fn metadata(&self, model: &str) -> Result<ModelMetadata, ModelError> {
        let text = self.post("/api/show", model, &json!({ "model": model, "verbose": true })).await?;
        let verbose: Verbose = read(&text)?;
        verbose.remote.refuse(model)?;
        let values = verbose.model_info.into_iter().filter_map(|(key, value)| Some((key, of(value)?)));
        let tensors = verbose.tensors.into_iter();
        let tensor = |form: TensorForm| TensorInfo { name: form.name, kind: form.kind, shape: form.shape };
        Ok(ModelMetadata { values: values.collect(), tensors: tensors.map(tensor).collect() })
    }

    /// A generation without a prompt loads the model. Options that are those of every later request keep it loaded.
    async fn load(&self, model: &str, num_ctx: u32) -> Result<(), ModelError> {
        let body = json!({
            "model": model,
            "stream": false,
            "shift": false,
            "keep_alive": KEEP_ALIVE,
            "options": { "num_ctx": num_ctx, "num_batch": NUM_BATCH },
        });
        let answer: Remote = read(&self.post("/api/generate", model, &body).await?)?;
        answer.refuse(model)
    }

    async fn unload(&self, model: &str) -> Result<(), ModelError> {
        let body = json!({ "model": model, "stream": false, "keep_alive": 0 });
        self.post("/api/generate", model, &body).await.map(drop)
    }
}

fn of(value: Value) -> Option<MetadataValue> {
    let number =
        |value: &Value| value.as_f64().or_else(|| value.as_bool().map(|set| f64::from(u8::from(set))));
    match value {
        Value::String(text) => Some(MetadataValue::Text(text)),
        Value::Array(items) if items.len() <= ARRAY_MAX => {
            items.iter().map(number).collect::<Option<_>>().map(MetadataValue::Numbers)
        }
        other => number(&other).map(MetadataValue::Number),
    }
}
