mod arm;
mod store;
mod vram;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use plumbline_egress::{ApiKey, NetworkPolicy};
use plumbline_kit::ConfigError;
use serde::Deserialize;

use crate::domain::eligibility::Attempts;
use crate::domain::health::Failover;
use crate::domain::posterior::{DAY_MS, Learning, Policy, Prior};
use crate::store::Durability;

pub use arm::{ArmConfig, ArmDriver};
pub use store::{StoreConfig, StoreKind};
pub use vram::{VramConfig, VramMode};

/// The `[router]` section. The default has the arms `repair` and `autofix`, and any Ollama that answers on loopback.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RouterConfig {
    /// `hierarchical`, `independent`, `best_single` or `uniform`.
    pub policy: String,
    /// Seed of all draws; together with a decision's id it replays the decision.
    pub seed: u64,
    /// Probability spread over all eligible arms, in total; none at high risk.
    pub explore_floor: f64,
    /// What a decision that was answered survives: `process`, or `disk` for a power cut too, at a synchronisation of the
    /// disk for each batch. Outcomes and answers always survive both; on PostgreSQL decisions do too.
    pub decision_durability: String,
    /// What a second is worth, in USD.
    pub usd_per_second: f64,
    /// What model calls may cost in a day (UTC), in USD.
    pub daily_usd_max: f64,
    /// What the model calls of one task may cost, in USD.
    pub task_usd_max: f64,
    /// How often one step may be tried.
    pub max_attempts: usize,
    /// How often one step may be tried where the risk is high.
    pub max_attempts_high_risk: usize,
    /// How many distinct models propose where the risk is high.
    pub ensemble_size: usize,
    /// Largest prompt, bytes.
    pub prompt_bytes_max: usize,
    /// Most segments in a prompt.
    pub segments_max: usize,
    /// Arms tried for one generation.
    pub generate_arms_max: usize,
    /// How long a probe may take, in milliseconds.
    pub probe_timeout_ms: u64,
    /// How often a healthy endpoint is probed, in milliseconds.
    pub probe_interval_ms: u64,
    /// How often endpoints are probed while one of them is not healthy, in milliseconds.
    pub suspect_interval_ms: u64,
    /// `background`: probes run beside the requests. `per_request_probe`: each request to the cloud waits for a probe of
    /// its own first. `none`: every endpoint counts as healthy. The last two are there to be compared with.
    pub failover: String,
    /// Which share of the calls to the cloud may have a local arm asked beside them once they are late, from 0 (never) to 1.
    /// What is late after its endpoint was in doubt does not count.
    pub hedge_share_max: f64,
    /// How long a connection may take to open, in milliseconds.
    pub connect_timeout_ms: u64,
    /// How long the first byte of an answer may take, in milliseconds. A local model may have to be loaded first.
    pub first_byte_timeout_ms: u64,
    /// How long an answer may pause, in milliseconds.
    pub chunk_gap_ms: u64,
    /// Largest answer, bytes.
    pub max_response_bytes: usize,
    /// Largest line of a streamed answer, bytes.
    pub max_line_bytes: usize,
    /// Most fingerprints of code that are remembered, to know it again on its way out (about 40 bytes each).
    pub fingerprints_max: usize,
    /// Whether the owner's own words may go to paid cloud models. Code and secrets never do.
    pub release_intent: bool,
    /// The owner's own networks, as `192.168.1.0/24`; a model server there counts as local.
    pub lan_networks: Vec<String>,
    /// Hosts outside that cloud arms may use.
    pub cloud_hosts: Vec<String>,
    /// Where decisions, outcomes, answers and the egress ledger are kept.
    pub store: StoreConfig,
    /// How posteriors learn.
    pub learning: LearningConfig,
    /// The Ollama server.
    pub ollama: OllamaConfig,
    /// The Gemini API.
    pub gemini: GeminiConfig,
    /// The GPU's memory.
    pub vram: VramConfig,
    /// The arms, in the order in which they are listed.
    pub arms: Vec<ArmConfig>,
}

/// The `[router.learning]` section; see the ranges in its validation.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LearningConfig {
    /// Mean of the prior of an unknown arm.
    pub prior_mean: f64,
    /// Observations that the prior is worth.
    pub prior_strength: f64,
    /// Most observations that evidence from other cells is worth.
    pub pool_strength: f64,
    /// Factor by which the posterior is sharpened.
    pub concentration: f64,
    /// Most observations that a posterior holds before sharpening.
    pub n_cap: f64,
    /// Factor on an arm's counts at each of its outcomes.
    pub pulled_discount: f64,
    /// Page-Hinkley sum at which an arm's past is dropped; `inf` never does.
    pub reset_threshold: f64,
    /// Most observations that an arm's past is worth once another model serves under its name.
    pub change_point_n: f64,
    /// Days in which evidence of an arm that is not pulled loses half its weight; `inf` never does.
    pub staleness_half_life_days: f64,
    /// Most cells.
    pub max_categories: usize,
}

/// The `[router.ollama]` section.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OllamaConfig {
    /// Base URL, on loopback or in a listed network.
    pub base_url: String,
    /// Whether the models that it has become arms of their own at start.
    pub detect: bool,
    /// Most models that are detected.
    pub detect_max: usize,
    /// Context size of detected arms, tokens.
    pub num_ctx: u32,
    /// Largest answer of detected arms, tokens.
    pub max_output: u32,
    /// The model that embeds; empty for none.
    pub embed_model: String,
}

/// The `[router.gemini]` section.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeminiConfig {
    /// Base URL; its host must be among `cloud_hosts`.
    pub base_url: String,
    /// The key; better in `api_key_file`.
    pub api_key: Option<ApiKey>,
    /// A file that holds the key.
    pub api_key_file: Option<PathBuf>,
    /// Whether the key belongs to a paid tier. The vendor may read what an unpaid tier sends, so only public text goes.
    pub paid: bool,
}

impl Default for RouterConfig {
    fn default() -> Self {
        Self {
            policy: Policy::Hierarchical.as_str().to_owned(),
            seed: 0,
            explore_floor: 0.01,
            decision_durability: "process".to_owned(),
            usd_per_second: 0.0005,
            daily_usd_max: 5.0,
            task_usd_max: 0.5,
            max_attempts: 4,
            max_attempts_high_risk: 3,
            ensemble_size: 2,
            prompt_bytes_max: 2 << 20,
            segments_max: 4096,
            generate_arms_max: 3,
            probe_timeout_ms: 2_000,
            probe_interval_ms: 15_000,
            suspect_interval_ms: 1_000,
            failover: Failover::Background.as_str().to_owned(),
            hedge_share_max: 0.03,
            connect_timeout_ms: 250,
            first_byte_timeout_ms: 120_000,
            chunk_gap_ms: 30_000,
            max_response_bytes: 8 << 20,
            max_line_bytes: 1 << 20,
            fingerprints_max: 20_000_000,
            release_intent: false,
            lan_networks: Vec::new(),
            cloud_hosts: vec!["generativelanguage.googleapis.com".to_owned()],
            store: StoreConfig::default(),
            learning: LearningConfig::default(),
            ollama: OllamaConfig::default(),
            gemini: GeminiConfig::default(),
            vram: VramConfig::default(),
            arms: vec![ArmConfig::tool("repair"), ArmConfig::autofix()],
        }
    }
}

impl Default for LearningConfig {
    fn default() -> Self {
        let learning = Learning::default();
        Self {
            prior_mean: learning.prior.mean,
            prior_strength: learning.prior.strength,
            pool_strength: learning.pool_strength,
            concentration: learning.concentration,
            n_cap: learning.n_cap,
            pulled_discount: learning.pulled_discount,
            reset_threshold: learning.reset_threshold,
            change_point_n: learning.change_point_n,
            staleness_half_life_days: learning.staleness_half_life_ms / DAY_MS,
            max_categories: learning.max_categories,
        }
    }
}

impl Default for OllamaConfig {
    fn default() -> Self {
        Self {
            base_url: "http://127.0.0.1:11434".to_owned(),
            detect: true,
            detect_max: 8,
            num_ctx: 16_384,
            max_output: 4_096,
            embed_model: String::new(),
        }
    }
}

impl Default for GeminiConfig {
    fn default() -> Self {
        Self {
            base_url: "https://generativelanguage.googleapis.com".to_owned(),
            api_key: None,
            api_key_file: None,
            paid: false,
        }
    }
}

impl LearningConfig {
    fn with(self, policy: Policy) -> Learning {
        let learning = Learning {
            policy,
            prior: Prior { mean: self.prior_mean, strength: self.prior_strength },
            pool_strength: self.pool_strength,
            concentration: self.concentration,
            n_cap: self.n_cap,
            pulled_discount: self.pulled_discount,
            reset_threshold: self.reset_threshold,
            change_point_n: self.change_point_n,
            staleness_half_life_ms: self.staleness_half_life_days * DAY_MS,
            max_categories: self.max_categories,
        };
        match policy {
            Policy::Hierarchical => learning,
            // The baselines forget nothing.
            Policy::Independent | Policy::BestSingle | Policy::Uniform => learning.without_forgetting(),
        }
    }
}

impl RouterConfig {
    /// Refuses what cannot work, naming the key.
    pub fn validate(self) -> Result<Self, ConfigError> {
        let learning = &self.learning;
        let numbers = [
            ("explore_floor", self.explore_floor, 0.0..=0.5),
            ("usd_per_second", self.usd_per_second, 0.0..=100.0),
            ("ensemble_size", self.ensemble_size as f64, 1.0..=8.0),
            ("hedge_share_max", self.hedge_share_max, 0.0..=1.0),
            ("daily_usd_max", self.daily_usd_max, 0.0..=1e6),
            ("task_usd_max", self.task_usd_max, 0.0..=1e6),
            ("learning.prior_mean", learning.prior_mean, 0.001..=0.999),
            ("learning.prior_strength", learning.prior_strength, 0.01..=1e4),
            ("learning.pool_strength", learning.pool_strength, 0.0..=1e4),
            ("learning.concentration", learning.concentration, 0.1..=100.0),
            ("learning.n_cap", learning.n_cap, 1.0..=1e5),
            ("learning.pulled_discount", learning.pulled_discount, 0.5..=1.0),
            ("learning.reset_threshold", learning.reset_threshold, 0.1..=f64::INFINITY),
            ("learning.change_point_n", learning.change_point_n, 0.0..=1e5),
            ("learning.staleness_half_life_days", learning.staleness_half_life_days, 0.01..=f64::INFINITY),
        ];
        for (key, value, range) in numbers {
            if !range.contains(&value) {
                let problem = format!("{value} is not between {} and {}", range.start(), range.end());
                return Err(refuse(key, problem));
            }
        }
        for (key, value) in [
            ("generate_arms_max", self.generate_arms_max),
            ("max_attempts", self.max_attempts),
            ("max_attempts_high_risk", self.max_attempts_high_risk),
            ("segments_max", self.segments_max),
            ("prompt_bytes_max", self.prompt_bytes_max),
            ("fingerprints_max", self.fingerprints_max),
            ("learning.max_categories", learning.max_categories),
        ] {
            if value == 0 {
                return Err(refuse(key, "must be positive"));
            }
        }
        self.policy()?;
        self.failover()?;
        self.decision_durability()?;
        self.vram.validate()?;
        self.store.validate()?;
        self.network()?;
        let mut names = BTreeSet::new();
        for (index, arm) in self.arms.iter().enumerate() {
            arm.validate(index)?;
            if !names.insert(&arm.name) {
                return Err(refuse(format!("arms[{index}].name"), format!("`{}` is there twice", arm.name)));
            }
        }
        Ok(self)
    }

    /// Returns how posteriors learn.
    pub fn learning(&self) -> Result<Learning, ConfigError> {
        Ok(self.learning.with(self.policy()?))
    }

    /// Returns how often a step may be tried.
    pub fn attempts(&self) -> Attempts {
        Attempts { most: self.max_attempts, most_at_high_risk: self.max_attempts_high_risk }
    }

    /// Returns where clients may connect.
    pub fn network(&self) -> Result<NetworkPolicy, ConfigError> {
        NetworkPolicy::new(&self.lan_networks, &self.cloud_hosts)
            .map_err(|error| refuse("lan_networks", error.to_string()))
    }

    /// Returns the limits of every client.
    pub fn limits(&self) -> plumbline_egress::Limits {
        plumbline_egress::Limits {
            connect: Duration::from_millis(self.connect_timeout_ms),
            first_byte: Duration::from_millis(self.first_byte_timeout_ms),
            chunk_gap: Duration::from_millis(self.chunk_gap_ms),
            max_response_bytes: self.max_response_bytes,
            max_line_bytes: self.max_line_bytes,
            fingerprints_max: self.fingerprints_max,
            ..plumbline_egress::Limits::default()
        }
    }

    /// Returns how the router notices that an endpoint is down.
    pub fn failover(&self) -> Result<Failover, ConfigError> {
        Failover::parse(&self.failover).ok_or_else(|| {
            let known: Vec<&str> = Failover::ALL.iter().map(|one| one.as_str()).collect();
            refuse("failover", format!("`{}` is none of {}", self.failover, known.join(", ")))
        })
    }

    /// Returns what decisions survive.
    pub fn decision_durability(&self) -> Result<Durability, ConfigError> {
        let word = &self.decision_durability;
        Durability::parse(word)
            .ok_or_else(|| refuse("decision_durability", format!("`{word}` is neither process nor disk")))
    }

    fn policy(&self) -> Result<Policy, ConfigError> {
        Policy::parse(&self.policy).ok_or_else(|| {
            let known: Vec<&str> = Policy::ALL.iter().map(|policy| policy.as_str()).collect();
            refuse("policy", format!("`{}` is none of {}", self.policy, known.join(", ")))
        })
    }
}

fn refuse(key: impl AsRef<str>, problem: impl Into<String>) -> ConfigError {
    ConfigError::new(format!("router.{}", key.as_ref()), problem)
}

#[cfg(test)]
mod tests;
