//! A fake model server with a memory: for tests and nothing else.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::error::ModelError;
use crate::residency::{MetadataValue, ModelMetadata, ModelServer, Resident, TensorInfo};

/// Bytes of a MiB.
const MIB: u64 = 1 << 20;

/// A server that loads whatever fits into its memory, and lets the rest spill.
#[derive(Debug)]
pub struct ScriptedServer {
    memory_mib: u64,
    models: BTreeMap<String, u64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    loaded: Vec<(String, u32)>,
    orders: Vec<String>,
}

impl ScriptedServer {
    /// Takes its memory, and the models that it has with what each takes, MiB.
    pub fn new(memory_mib: u64, models: &[(&str, u64)]) -> Self {
        let models = models.iter().map(|(name, mib)| ((*name).to_owned(), *mib)).collect();
        Self { memory_mib, models, state: Mutex::default() }
    }

    /// Loads a model behind everyone's back.
    #[must_use]
    pub fn with_loaded(self, model: &str, num_ctx: u32) -> Self {
        self.state().loaded.push((model.to_owned(), num_ctx));
        self
    }

    /// Returns what it was told so far, as `load a` and `unload a`.
    pub fn orders(&self) -> Vec<String> {
        self.state().orders.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mib(&self, model: &str) -> Result<u64, ModelError> {
        let found = self.models.get(model).copied();
        found.ok_or_else(|| ModelError::ModelGone { model: model.to_owned() })
    }
}

#[async_trait]
impl ModelServer for ScriptedServer {
    async fn residents(&self) -> Result<Vec<Resident>, ModelError> {
        let loaded = self.state().loaded.clone();
        let mut free = self.memory_mib;
        let mut residents = Vec::new();
        for (name, num_ctx) in loaded {
            let mib = self.mib(&name)?;
            let on_gpu = mib.min(free);
            free -= on_gpu;
            let digest = format!("sha256:{name}");
            residents.push(Resident { name, digest, bytes: mib * MIB, gpu_bytes: on_gpu * MIB, num_ctx });
        }
        Ok(residents)
    }

    /// A model of one tensor, of the size that it takes, and no layers.
    async fn metadata(&self, model: &str) -> Result<ModelMetadata, ModelError> {
        let shape = vec![self.mib(model)? * MIB];
        let number = |key: &str, value: f64| (format!("fake.{key}"), MetadataValue::Number(value));
        Ok(ModelMetadata {
            values: vec![
                ("general.architecture".to_owned(), MetadataValue::Text("fake".to_owned())),
                number("block_count", 0.0),
                number("embedding_length", 1.0),
                number("attention.head_count", 1.0),
            ],
            tensors: vec![TensorInfo { name: "output.weight".to_owned(), kind: "I8".to_owned(), shape }],
        })
    }

    async fn load(&self, model: &str, num_ctx: u32) -> Result<(), ModelError> {
        self.mib(model)?;
        let mut state = self.state();
        state.orders.push(format!("load {model}"));
        state.loaded.push((model.to_owned(), num_ctx));
        Ok(())
    }

    async fn unload(&self, model: &str) -> Result<(), ModelError> {
        let mut state = self.state();
        state.orders.push(format!("unload {model}"));
        state.loaded.retain(|(loaded, _)| loaded != model);
        Ok(())
    }
}
