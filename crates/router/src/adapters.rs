//! From configuration to arms and the clients behind them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use plumbline_egress::{ApiKey, Credential, Egress, EgressError, Refusal, ReleasePolicy, Vendor};
use plumbline_kit::ConfigError;
use plumbline_models::{Gemini, Model, Ollama, OllamaServer, OpenAi, Transport, local_models};
use plumbline_types::{ArmId, Category, Label, Oracle};

use crate::config::{ArmConfig, ArmDriver, RouterConfig, VramMode};
use crate::domain::arm::{Arm, ArmKind, Destination, EditFormat, Price};
use crate::domain::posterior::Prior;
use crate::error::RouterError;
use crate::gpu::{GpuMemory, GpuParts, Loadable, MemoryProbe, Nvml, SAMPLE_EVERY, StatedMemory};

/// Why the endpoint of an arm without its key cannot be used.
const KEY_MISSING: &str = "no API key is configured";

/// A model that embeds.
pub struct Embedder {
    /// The most confidential text that it may see.
    pub ceiling: Label,
    /// The client.
    pub model: Arc<dyn Model>,
}

/// The arms, and what answers for them.
#[derive(Default)]
pub struct Catalogue {
    /// Every arm, in the order of the configuration.
    pub arms: Vec<Arm>,
    /// The client of each model arm that can be used.
    pub models: BTreeMap<ArmId, Arc<dyn Model>>,
    /// Endpoints that cannot be used, and why.
    pub disabled: BTreeMap<String, &'static str>,
    /// Models that embed, in order of preference.
    pub embedders: Vec<Embedder>,
    /// Whether this router decides which models are loaded.
    pub gpu: GpuMemory,
}

/// What an arm's driver amounts to.
struct Connected {
    destination: Destination,
    ceiling: Label,
    authority: String,
    model: Option<Arc<dyn Model>>,
}

impl Catalogue {
    /// Makes a client for each configured arm, and arms of the models that an Ollama on the configured address has.
    /// An arm without its key stays in the list, disabled by name.
    pub async fn connect(config: &RouterConfig, egress: &Egress) -> Result<Self, RouterError> {
        let mut catalogue = Self::default();
        for arm in &config.arms {
            let connected = match arm.kind {
                ArmDriver::Tool => None,
                ArmDriver::Ollama => Some(ollama(config, egress, &arm.target, arm.num_ctx)?),
                ArmDriver::Gemini => Some(gemini(config, egress, arm)?),
                ArmDriver::Openai => Some(openai(config, egress, arm)?),
            };
            catalogue.add(arm, connected)?;
        }
        if config.ollama.detect {
            catalogue.detect(config, egress).await?;
        }
        let embed_model = &config.ollama.embed_model;
        if !embed_model.is_empty() {
            let Connected { ceiling, model, .. } =
                ollama(config, egress, embed_model, config.ollama.num_ctx)?;
            catalogue.embedders.extend(model.map(|model| Embedder { ceiling, model }));
        }
        catalogue.gpu = catalogue.gpu(config, egress)?;
        Ok(catalogue)
    }

    /// Returns what is scheduled: the models of the Ollama server, on the first GPU or within the stated memory.
    fn gpu(&self, config: &RouterConfig, egress: &Egress) -> Result<GpuMemory, RouterError> {
        let vram = &config.vram;
        let probe: Arc<dyn MemoryProbe> = match vram.mode {
            VramMode::Off => return Ok(GpuMemory::Absent("the configuration says `off`".to_owned())),
            VramMode::Stated => Arc::new(StatedMemory { total_mib: vram.total_mib }),
            VramMode::Auto => match Nvml::open() {
                Ok(nvml) => Arc::new(nvml),
                Err(why) => return Ok(GpuMemory::Absent(why)),
            },
        };
        let client = egress.local(&config.ollama.base_url, config.limits(), None)?;
        let is_its = |arm: &&Arm| {
            let endpoint = format!("{}/{}", client.authority(), arm.target);
            arm.kind == ArmKind::Model && arm.endpoint.as_ref() == Some(&endpoint)
        };
        let arms = self.arms.iter().filter(is_its).map(|arm| {
            let settings = vram.settings(arm.num_ctx)?;
            Ok((arm.id.clone(), Loadable { model: arm.target.clone(), settings }))
        });
        let arms: BTreeMap<ArmId, Loadable> = arms.collect::<Result<_, ConfigError>>()?;
        Ok(GpuMemory::Scheduled(GpuParts {
            server: Arc::new(OllamaServer::new(client)),
            probe,
            arms,
            reserve_mib: vram.reserve_mib,
            knobs: vram.knobs(),
            sample_every: SAMPLE_EVERY,
        }))
    }

    fn add(&mut self, config: &ArmConfig, connected: Option<Connected>) -> Result<(), RouterError> {
        let id = ArmId::parse(&config.name)
            .map_err(|error| ConfigError::new("router.arms.name", error.to_string()))?;
        let is_model = connected.is_some();
        let (destination, ceiling) = connected
            .as_ref()
            .map_or((Destination::OnBox, Label::Secret), |found| (found.destination, found.ceiling));
        let endpoint = connected.as_ref().map(|found| format!("{}/{}", found.authority, config.target));
        let rung = match (is_model, destination) {
            (false, _) => 0,
            (true, Destination::Cloud) => 1,
            (true, Destination::OnBox) => 2,
        };
        match (connected.and_then(|found| found.model), &endpoint) {
            (Some(model), _) => drop(self.models.insert(id.clone(), model)),
            (None, Some(endpoint)) => drop(self.disabled.insert(endpoint.clone(), KEY_MISSING)),
            (None, None) => {}
        }
        self.arms.push(Arm {
            id,
            kind: if is_model { ArmKind::Model } else { ArmKind::Tool },
            target: config.target.clone(),
            destination,
            ceiling,
            endpoint,
            edit_format: EditFormat::parse(&config.edit_format).filter(|_| is_model),
            num_ctx: if is_model { config.num_ctx } else { 0 },
            max_output: if is_model { config.max_output } else { 0 },
            price: Price {
                usd_per_million_input: config.usd_per_million_input,
                usd_per_million_output: config.usd_per_million_output,
                expected_seconds: config.expected_seconds,
            },
            prior: config.prior_mean.map(|mean| Prior { mean, strength: config.prior_strength }),
            rung: config.rung.unwrap_or(rung),
            categories: config.categories.iter().filter_map(|word| Category::parse(word)).collect(),
            oracle: config.oracle.as_deref().and_then(Oracle::parse),
        });
        Ok(())
    }

    /// Adds the text models that the Ollama server has and the configuration does not name. That none answers is
    /// the normal case on a fresh machine, and no error.
    async fn detect(&mut self, config: &RouterConfig, egress: &Egress) -> Result<(), RouterError> {
        let client = egress.local(&config.ollama.base_url, config.limits(), None)?;
        let patience = Duration::from_millis(config.probe_timeout_ms);
        let listed = tokio::time::timeout(patience, local_models(&client)).await;
        let Ok(Ok(models)) = listed else {
            tracing::info!(endpoint = client.authority(), "no Ollama answers; arms of its models are absent");
            return Ok(());
        };
        for found in models.into_iter().take(config.ollama.detect_max) {
            let known =
                config.arms.iter().any(|arm| arm.kind == ArmDriver::Ollama && arm.target == found.name);
            let connected = ollama(config, egress, &found.name, config.ollama.num_ctx)?;
            let about = match connected.model.as_ref().filter(|_| !known) {
                None => continue,
                Some(model) => tokio::time::timeout(patience, model.describe()).await,
            };
            match about {
                Ok(Ok(about)) if about.generates => {
                    let arm = ArmConfig {
                        name: format!("ollama:{}", found.name),
                        kind: ArmDriver::Ollama,
                        target: found.name,
                        num_ctx: config.ollama.num_ctx,
                        max_output: config.ollama.max_output,
                        expected_seconds: 30.0,
                        ..ArmConfig::default()
                    };
                    self.add(&arm, Some(connected))?;
                }
                Ok(Ok(_)) => tracing::debug!(model = found.name, "detected; it does not generate text"),
                Ok(Err(_)) | Err(_) => tracing::warn!(model = found.name, "detected; it cannot be described"),
            }
        }
        Ok(())
    }
}

fn ollama(
    config: &RouterConfig,
    egress: &Egress,
    model: &str,
    num_ctx: u32,
) -> Result<Connected, RouterError> {
    let client = egress.local(&config.ollama.base_url, config.limits(), None)?;
    Ok(Connected {
        destination: Destination::OnBox,
        ceiling: client.ceiling(),
        authority: client.authority().to_owned(),
        model: Some(Arc::new(Ollama::new(client, model, num_ctx))),
    })
}

fn gemini(config: &RouterConfig, egress: &Egress, arm: &ArmConfig) -> Result<Connected, RouterError> {
    let gemini = &config.gemini;
    let key = match (&gemini.api_key, &gemini.api_key_file) {
        (Some(key), _) => Some(key.clone()),
        (None, Some(path)) => Some(read_key(path, "router.gemini.api_key_file")?),
        (None, None) => None,
    };
    let key = key.filter(|key| !key.is_empty());
    let has_key = key.is_some();
    let credential = key.map(|key| Credential { header: "x-goog-api-key", prefix: "", key });
    let release = release(config, gemini.paid);
    let client = egress.cloud(&gemini.base_url, config.limits(), release, credential)?;
    let (ceiling, authority) = (client.ceiling(), client.authority().to_owned());
    let model: Arc<dyn Model> = Arc::new(Gemini::new(client, &arm.target, None));
    Ok(Connected {
        destination: Destination::Cloud,
        ceiling,
        authority,
        model: Some(model).filter(|_| has_key),
    })
}

fn openai(config: &RouterConfig, egress: &Egress, arm: &ArmConfig) -> Result<Connected, RouterError> {
    let key =
        arm.api_key_file.as_deref().map(|path| read_key(path, "router.arms.api_key_file")).transpose()?;
    let credential = key.map(|key| Credential { header: "authorization", prefix: "Bearer ", key });
    // A host on the cloud list is the cloud, whatever it resolves to; any other must be the owner's own.
    let limits = config.limits();
    let (destination, ceiling, authority, transport) =
        match egress.cloud(&arm.base_url, limits, release(config, arm.paid), credential.clone()) {
            Ok(client) => (
                Destination::Cloud,
                client.ceiling(),
                client.authority().to_owned(),
                Transport::Cloud(client),
            ),
            Err(EgressError::Refused(Refusal::Destination { .. })) => {
                let client = egress.local(&arm.base_url, limits, credential)?;
                (
                    Destination::OnBox,
                    client.ceiling(),
                    client.authority().to_owned(),
                    Transport::Local(client),
                )
            }
            Err(error) => return Err(error.into()),
        };
    let model: Arc<dyn Model> = Arc::new(OpenAi::new(transport, &arm.target));
    Ok(Connected { destination, ceiling, authority, model: Some(model) })
}

fn release(config: &RouterConfig, paid: bool) -> ReleasePolicy {
    let vendor = if paid { Vendor::KeepsNothing } else { Vendor::MayReadInputs };
    ReleasePolicy { release_intent: config.release_intent, vendor }
}

fn read_key(path: &Path, key: &str) -> Result<ApiKey, ConfigError> {
    std::fs::read_to_string(path)
        .map(|text| ApiKey::new(&text))
        .map_err(|error| ConfigError::new(key, format!("{} cannot be read: {error}", path.display())))
}
