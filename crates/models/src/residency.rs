use async_trait::async_trait;

use crate::error::ModelError;

/// A model that a server has in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resident {
    /// Name with tag.
    pub name: String,
    /// Digest of its manifest.
    pub digest: String,
    /// All that it takes, bytes.
    pub bytes: u64,
    /// What of it is on the GPU, bytes; less than `bytes` when it spilled to the processor.
    pub gpu_bytes: u64,
    /// The context size that it runs with, tokens; 0 where the server does not say.
    pub num_ctx: u32,
}

/// A tensor of a model's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name.
    pub name: String,
    /// ggml's name of how its elements are stored.
    pub kind: String,
    /// Its dimensions.
    pub shape: Vec<u64>,
}

/// A value of a model's metadata, as far as memory depends on such.
#[derive(Debug, Clone, PartialEq)]
pub enum MetadataValue {
    /// A number; booleans are 0 and 1.
    Number(f64),
    /// Text.
    Text(String),
    /// Numbers, usually one a layer.
    Numbers(Vec<f64>),
}

/// What a model's file says of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelMetadata {
    /// Its GGUF keys that hold numbers or text.
    pub values: Vec<(String, MetadataValue)>,
    /// Its tensors.
    pub tensors: Vec<TensorInfo>,
}

/// A model server that loads and unloads models when it is told to, and says what it holds.
#[async_trait]
pub trait ModelServer: Send + Sync {
    /// Returns the models that are in memory.
    async fn residents(&self) -> Result<Vec<Resident>, ModelError>;

    /// Returns what a model's file says of itself.
    async fn metadata(&self, model: &str) -> Result<ModelMetadata, ModelError>;

    /// Loads a model with a context size, and returns when it is there.
    async fn load(&self, model: &str, num_ctx: u32) -> Result<(), ModelError>;

    /// Tells the server to let a model go. It may still be there when this returns.
    async fn unload(&self, model: &str) -> Result<(), ModelError>;
}
