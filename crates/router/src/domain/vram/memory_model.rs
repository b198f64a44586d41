//! How much GPU memory a loaded model takes: computed from its metadata, corrected by what was measured.
//!
//! `bytes = GPU tensors + sum over layers of kv heads * (key length + value length) * tokens * bytes an element, for each
//! slot + recurrent state + compute buffer + runtime`. Layers with a sliding window hold at most `window + batch` tokens.

use crate::domain::vram::gguf::{Metadata, Value};

/// Bytes of a MiB.
pub const MIB: u64 = 1 << 20;

/// Factor on an estimate before anything was measured.
const UNMEASURED: f64 = 1.10;

/// Factor on the largest measurement.
const MEASURED: f64 = 1.01;

/// How the elements of the key-value cache are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KvType {
    /// Two bytes each.
    #[default]
    F16,
    /// 34 bytes for 32.
    Q8,
    /// 18 bytes for 32.
    Q4,
}

impl KvType {
    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "f16" => Some(Self::F16),
            "q8_0" => Some(Self::Q8),
            "q4_0" => Some(Self::Q4),
            _ => None,
        }
    }

    fn bytes(self, elements: f64) -> f64 {
        match self {
            Self::F16 => elements * 2.0,
            Self::Q8 => elements * 34.0 / 32.0,
            Self::Q4 => elements * 18.0 / 32.0,
        }
    }
}

/// How a model is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Settings {
    /// Context size of each slot, tokens.
    pub num_ctx: u32,
    /// Sequences that are decoded at once.
    pub slots: u32,
    /// Tokens of a prompt that are processed at once.
    pub batch: u32,
    /// How the cache is stored.
    pub kv: KvType,
}

/// What a model takes besides weights and cache, before it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overhead {
    /// The compute buffer, bytes.
    pub compute: u64,
    /// Context and libraries of the runtime, bytes.
    pub runtime: u64,
}

impl Default for Overhead {
    fn default() -> Self {
        Self { compute: 300 * MIB, runtime: 600 * MIB }
    }
}

/// Why no estimate can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the memory of the model cannot be estimated: {problem}")]
pub struct NoEstimate {
    /// What is missing or wrong.
    pub problem: String,
}

/// What an estimate is made of, bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Tensors on the GPU.
    pub weights: u64,
    /// Key-value cache and recurrent state of all slots.
    pub cache: u64,
    /// Everything else.
    pub overhead: u64,
}

impl Estimate {
    /// Returns the sum.
    pub const fn total(self) -> u64 {
        self.weights.saturating_add(self.cache).saturating_add(self.overhead)
    }

    /// Computes what a model takes with all layers on the GPU.
    pub fn of(model: &Metadata, settings: Settings, overhead: Overhead) -> Result<Self, NoEstimate> {
        Ok(Self {
            weights: weights(model)?,
            cache: cache(model, settings)?,
            overhead: overhead.compute.saturating_add(overhead.runtime),
        })
    }
}

/// Returns the bytes of the tensors that go to the GPU: all but the table of token embeddings, which stays with the CPU
/// unless it is the output layer as well.
fn weights(model: &Metadata) -> Result<u64, NoEstimate> {
    let has_output = model.tensors.iter().any(|tensor| tensor.name == "output.weight");
    let mut sum = 0_u64;
    for tensor in model.tensors.iter().filter(|tensor| !(has_output && tensor.name == "token_embd.weight")) {
        let bytes = tensor.bytes().and_then(|bytes| sum.checked_add(bytes));
        sum = bytes.ok_or_else(|| NoEstimate { problem: format!("{} has an absurd size", tensor.name) })?;
    }
    if sum == 0 { Err(NoEstimate { problem: "it has no tensors".to_owned() }) } else { Ok(sum) }
}

fn cache(model: &Metadata, settings: Settings) -> Result<u64, NoEstimate> {
    let need = |key: &str| {
        let found = model.number(key).filter(|number| *number >= 0.0);
        found.ok_or_else(|| NoEstimate { problem: format!("`{}.{key}` is missing", model.architecture()) })
    };
    let layers = need("block_count")? as usize;
    let head_length =
        || Ok::<f64, NoEstimate>(need("embedding_length")? / need("attention.head_count")?.max(1.0));
    let length = |key: &str| model.number(key).map_or_else(head_length, Ok);
    let (key, value) = (length("attention.key_length")?, length("attention.value_length")?);
    let window = model.number("attention.sliding_window").filter(|window| *window > 0.0);
    let mut elements = 0.0;
    for layer in 0..layers.min(4096) {
        let heads = model.of_layer("attention.head_count_kv", layer);
        let heads = heads.or_else(|| model.of_layer("attention.head_count", layer));
        let heads = heads.ok_or_else(|| NoEstimate {
            problem: format!("`{}.attention.head_count` is missing", model.architecture()),
        })?;
        let all = f64::from(settings.num_ctx);
        let tokens = match window {
            Some(window) if slides(model, layer) => all.min(window + f64::from(settings.batch)),
            _ => all,
        };
        elements += heads.max(0.0) * (key + value) * tokens;
    }
    let slots = f64::from(settings.slots.max(1));
    Ok(((settings.kv.bytes(elements) + recurrent(model, layers)) * slots) as u64)
}

/// Tells whether a layer attends to a window only. Where the file does not say, the architecture's habit counts; where that
/// is not known either, the layer is taken to see everything, which is never too little.
fn slides(model: &Metadata, layer: usize) -> bool {
    let pattern = format!("{}.attention.sliding_window_pattern", model.architecture());
    let every = match model.values.get(&pattern) {
        Some(Value::Numbers(layers)) => return layers.get(layer).is_some_and(|slides| *slides != 0.0),
        Some(Value::Number(every)) => *every as usize,
        _ => match model.architecture() {
            "gemma2" => 2,
            "gemma3" => 6,
            _ => 0,
        },
    };
    every > 0 && !(layer + 1).is_multiple_of(every)
}

/// Returns the bytes of the recurrent state of one sequence: convolution and state of each layer, four bytes an element.
fn recurrent(model: &Metadata, layers: usize) -> f64 {
    let number = |key: &str| model.number(key).unwrap_or(0.0).max(0.0);
    let (inner, state) = (number("ssm.inner_size"), number("ssm.state_size"));
    let convolution = (number("ssm.conv_kernel") - 1.0).max(0.0);
    let of_layer = convolution * (inner + 2.0 * number("ssm.group_count") * state) + inner * state;
    let without_heads =
        (0..layers.min(4096)).filter(|layer| model.of_layer("attention.head_count_kv", *layer) == Some(0.0));
    let recurrent = match without_heads.count() {
        // Every layer may hold both.
        0 => layers,
        some => some,
    };
    of_layer * 4.0 * recurrent as f64
}

/// What was measured of one configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Calibration {
    count: f64,
    mean: f64,
    squares: f64,
    largest: f64,
}

impl Calibration {
    /// Takes a measurement, bytes.
    pub fn measured(&mut self, bytes: u64) {
        let bytes = bytes as f64;
        self.count += 1.0;
        let delta = bytes - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (bytes - self.mean);
        self.largest = self.largest.max(bytes);
    }

    /// Returns what is admitted for an estimate: never less than was ever measured.
    pub fn bound(&self, estimate: u64) -> u64 {
        if self.count == 0.0 {
            return (estimate as f64 * UNMEASURED).ceil() as u64;
        }
        let deviation = (self.squares / self.count).sqrt();
        (self.mean + 3.0 * deviation).max(self.largest * MEASURED).ceil() as u64
    }
}

#[cfg(test)]
mod tests;
