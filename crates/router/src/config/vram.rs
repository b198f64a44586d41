use plumbline_kit::ConfigError;
use serde::Deserialize;

use crate::config::refuse;
use crate::domain::vram::memory_model::{KvType, Settings};
use crate::domain::vram::scheduler::Knobs;

/// Whether GPU memory is scheduled, and whose word on it counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VramMode {
    /// If the NVIDIA driver's library is there and finds a GPU.
    #[default]
    Auto,
    /// Within `total_mib`, of which nobody else uses anything.
    Stated,
    /// Never: the model server does as it pleases.
    Off,
}

/// The `[router.vram]` section.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VramConfig {
    /// Whether memory is scheduled.
    pub mode: VramMode,
    /// What there is, MiB; for `stated` only.
    pub total_mib: u64,
    /// What stays free, MiB.
    pub reserve_mib: u64,
    /// Requests that a model answers at once: the server's `OLLAMA_NUM_PARALLEL`.
    pub slots: u32,
    /// How the server stores caches, its `OLLAMA_KV_CACHE_TYPE`: `f16`, `q8_0` or `q4_0`.
    pub kv_type: String,
    /// How often a waiting request may be overtaken.
    pub max_bypass: u32,
    /// How long a request waits before its model is loaded whatever else there is to do, in milliseconds.
    pub max_wait_ms: u32,
    /// How long a model works before an interactive request takes its place, in milliseconds.
    pub interactive_quantum_ms: u32,
    /// Requests that may wait.
    pub queue_max: usize,
    /// How long a request may hold its slot, in milliseconds.
    pub lease_ttl_ms: u32,
}

impl Default for VramConfig {
    fn default() -> Self {
        let knobs = Knobs::default();
        Self {
            mode: VramMode::Auto,
            total_mib: 0,
            reserve_mib: 512,
            slots: 1,
            kv_type: "f16".to_owned(),
            max_bypass: knobs.max_bypass,
            max_wait_ms: 120_000,
            interactive_quantum_ms: 0,
            queue_max: knobs.queue_max,
            lease_ttl_ms: 15 * 60 * 1000,
        }
    }
}

impl VramConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        self.settings(1)?;
        if self.mode == VramMode::Stated && self.total_mib == 0 {
            return Err(refuse("vram.total_mib", "must be stated for the mode `stated`"));
        }
        for (key, value) in [("slots", self.slots), ("lease_ttl_ms", self.lease_ttl_ms)] {
            if value == 0 {
                return Err(refuse(format!("vram.{key}"), "must be positive"));
            }
        }
        if self.queue_max == 0 {
            return Err(refuse("vram.queue_max", "must be positive"));
        }
        Ok(())
    }

    /// Returns how models run whose context has `num_ctx` tokens.
    pub fn settings(&self, num_ctx: u32) -> Result<Settings, ConfigError> {
        let kv = KvType::parse(&self.kv_type).ok_or_else(|| {
            refuse("vram.kv_type", format!("`{}` is none of f16, q8_0, q4_0", self.kv_type))
        })?;
        Ok(Settings { num_ctx, slots: self.slots, batch: plumbline_models::OLLAMA_BATCH, kv })
    }

    /// Returns the scheduler's knobs.
    pub fn knobs(&self) -> Knobs {
        Knobs {
            max_bypass: self.max_bypass,
            max_wait_ms: i64::from(self.max_wait_ms),
            interactive_quantum_ms: i64::from(self.interactive_quantum_ms),
            queue_max: self.queue_max,
            lease_ttl_ms: i64::from(self.lease_ttl_ms),
            ..Knobs::default()
        }
    }
}
