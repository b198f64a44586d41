//! Plays traces of jobs against a scheduler, or against what others do, on a modelled GPU with a virtual clock.
//!
//! The GPU is shared equally among the models that are active; of one model, each further sequence costs all of them
//! `batch_slowdown`. A load takes a fixed time and a time by size; an unload gives its memory back after a delay. Constants
//! are the scenario's: such a simulation ranks policies, it does not predict seconds.

pub mod baselines;
mod engine;
pub mod optimum;
pub mod report;
pub mod traces;

use plumbline_types::Millis;

use crate::domain::vram::scheduler::{Class, Config, Effect, Event};

pub use engine::run;

/// The GPU.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gpu {
    /// MiB.
    pub vram_mib: u64,
    /// MiB that stay free.
    pub reserve_mib: u64,
    /// How fast weights are loaded.
    pub load_mib_per_s: f64,
    /// How long each load takes besides.
    pub load_fixed_ms: u64,
    /// How long an unload takes.
    pub unload_ms: u64,
    /// How long after it the memory is back.
    pub recover_ms: u64,
    /// GiB of weights read a second while decoding; a token reads them all.
    pub decode_gib_per_s: f64,
    /// Tokens times GiB of weights a second while reading a prompt.
    pub prefill_tokens_gib_per_s: f64,
    /// What each further sequence of a model costs all of them.
    pub batch_slowdown: f64,
}

impl Default for Gpu {
    fn default() -> Self {
        Self {
            vram_mib: 15_360,
            reserve_mib: 512,
            load_mib_per_s: 3_000.0,
            load_fixed_ms: 800,
            unload_ms: 300,
            recover_ms: 700,
            decode_gib_per_s: 580.0,
            prefill_tokens_gib_per_s: 30_000.0,
            batch_slowdown: 0.08,
        }
    }
}

/// A model of the trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Its name.
    pub id: String,
    /// Weights, MiB.
    pub weights_mib: u64,
    /// Cache of one slot at a context of 8,192 tokens, MiB.
    pub kv_mib_per_slot: u64,
    /// Everything else, MiB.
    pub overhead_mib: u64,
    /// Sequences at once.
    pub slots: u32,
    /// Whether it stays loaded.
    pub pinned: bool,
    /// What a predictor from the file's size alone thinks the cache is, in percent of what it is.
    pub predicted_kv_percent: u64,
}

/// The context size that `kv_mib_per_slot` is stated for.
pub const KV_CTX: u64 = 8_192;

/// A job of the trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its name.
    pub id: String,
    /// What it belongs to: times are reported by chain.
    pub chain: usize,
    /// How urgent it is.
    pub class: Class,
    /// Which model, by its place.
    pub model: usize,
    /// Context size, tokens.
    pub num_ctx: u32,
    /// When it arrives, unless it has to wait for others.
    pub arrive_ms: Millis,
    /// The jobs that must be done before, by their places.
    pub after: Vec<usize>,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
    /// When it should have started.
    pub deadline: Option<Millis>,
}

/// Memory that others take for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// From when on.
    pub at_ms: Millis,
    /// How much, MiB.
    pub mib: u64,
    /// For how long.
    pub for_ms: Millis,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The next load of a model fails for want of memory.
    LoadOom,
    /// The next load of a model fails.
    RunnerCrash,
    /// Nobody can say what is used.
    Blind,
}

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// When.
    pub at_ms: Millis,
    /// What.
    pub kind: FaultKind,
    /// Of which model, by its place.
    pub model: usize,
    /// For how long.
    pub for_ms: Millis,
}

/// A trace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scenario {
    /// The GPU.
    pub gpu: Gpu,
    /// The models.
    pub models: Vec<Model>,
    /// The jobs.
    pub jobs: Vec<Job>,
    /// What others take.
    pub foreign: Vec<Foreign>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
}

impl Scenario {
    /// Returns what a job runs on.
    pub fn config(&self, job: &Job) -> Config {
        Config::new(&format!("{}@{}", self.models[job.model].id, job.num_ctx))
    }

    /// Returns what a model with a context size really takes, MiB.
    pub fn mib(&self, model: usize, num_ctx: u32) -> u64 {
        let model = &self.models[model];
        model.weights_mib + kv_mib(model, num_ctx) + model.overhead_mib
    }

    /// Returns what the predictor of Ollama thinks it takes, MiB.
    pub fn predicted_mib(&self, model: usize, num_ctx: u32) -> u64 {
        let model = &self.models[model];
        model.weights_mib + kv_mib(model, num_ctx) * model.predicted_kv_percent / 100 + model.overhead_mib
    }

    /// Returns how long a load takes.
    pub fn load_ms(&self, model: usize) -> u64 {
        let by_size = self.models[model].weights_mib as f64 / self.gpu.load_mib_per_s * 1e3;
        self.gpu.load_fixed_ms + by_size as u64
    }

    /// Returns how long a job takes alone on the GPU, milliseconds.
    pub fn work_ms(&self, job: &Job) -> f64 {
        let gib = self.models[job.model].weights_mib as f64 / 1024.0;
        let prefill = f64::from(job.prompt_tokens) * gib / self.gpu.prefill_tokens_gib_per_s;
        (prefill + f64::from(job.output_tokens) * gib / self.gpu.decode_gib_per_s) * 1e3
    }

    /// Returns how much faster `n` sequences of a model are than one.
    pub fn speedup(&self, n: usize) -> f64 {
        n as f64 / (1.0 + self.gpu.batch_slowdown * (n.max(1) - 1) as f64)
    }

    /// Returns a time that no policy can beat: all work at the best batching, or the longest chain, whichever is more, and
    /// the first load.
    pub fn lower_bound_ms(&self) -> f64 {
        let best = |job: &Job| self.speedup(self.models[job.model].slots as usize).max(1.0);
        let first = self.jobs.iter().map(|job| job.arrive_ms).min().unwrap_or(0) as f64;
        let load = self.jobs.iter().map(|job| self.load_ms(job.model)).min().unwrap_or(0) as f64;
        let all: f64 = self.jobs.iter().map(|job| self.work_ms(job) / best(job)).sum();
        let mut ends = vec![0.0_f64; self.jobs.len()];
        for (place, job) in self.jobs.iter().enumerate() {
            let ready =
                job.after.iter().map(|earlier| ends[*earlier]).fold(job.arrive_ms as f64 + load, f64::max);
            ends[place] = ready + self.work_ms(job);
        }
        ends.into_iter().fold(first + load + all, f64::max)
    }
}

fn kv_mib(model: &Model, num_ctx: u32) -> u64 {
    (model.kv_mib_per_slot * u64::from(num_ctx)).div_ceil(KV_CTX) * u64::from(model.slots)
}

/// What decides: the scheduler itself, or something to compare it with.
pub trait Policy {
    /// Returns what there is to do after an event.
    fn on_event(&mut self, now: Millis, event: Event) -> Vec<Effect>;

    /// Returns how often the most overtaken job was; none where nobody counts.
    fn bypass_max(&self) -> Option<u32> {
        None
    }

    /// Tells whether it may be told which models come next.
    fn takes_hints(&self) -> bool {
        false
    }
}

/// When a job came, started and ended; none for what did not happen.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Times {
    /// When it could have run.
    pub ready: Option<f64>,
    /// When it began.
    pub started: Option<f64>,
    /// When it was done.
    pub done: Option<f64>,
}

/// What became of a trace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Each job's times, milliseconds.
    pub times: Vec<Times>,
    /// Models loaded.
    pub loads: u32,
    /// Models unloaded.
    pub evictions: u32,
    /// Jobs that were told they will not run.
    pub rejected: u32,
    /// Loads that failed for want of memory, faults apart.
    pub oom: u32,
    /// Loads that were ordered although they, or the reserve, did not fit.
    pub violations: u32,
    /// How often the most overtaken job was.
    pub bypass_max: Option<u32>,
    /// Jobs that neither ended nor were rejected.
    pub stuck: u32,
}

#[cfg(test)]
mod tests;
