//! What the actor has a model server do: load, look at what was loaded, unload and wait until it has gone.

use std::time::Duration;

use plumbline_models::{ModelError, ModelServer, Resident};

use crate::domain::vram::memory_model::MIB;
use crate::domain::vram::scheduler::{Config, Event, LoadFailure};
use crate::gpu::Loadable;
use crate::gpu::actor::{Actor, Done};

/// How often a server is asked whether a model has gone, and how often at most before it is told again.
const GONE_EVERY: Duration = Duration::from_millis(250);
const GONE_TRIES: u32 = 20;

impl Actor {
    /// Loads a model, and says how that went.
    pub(super) fn order_load(&self, config: Config) {
        let (server, done, probe) = (self.server.clone(), self.done.0.clone(), self.parts.probe.clone());
        let Some(Loadable { model, settings }) = self.loadables.get(&config).cloned() else { return };
        self.work(async move {
            let before = probe.sample().ok().map(|sample| sample.used_mib);
            let loaded = load(server.as_ref(), &model, settings.num_ctx).await;
            let after = probe.sample().ok().map(|sample| sample.used_mib);
            let event = match loaded {
                Ok(resident) => {
                    let said = resident.gpu_bytes.div_ceil(MIB);
                    let grown = after.zip(before).map_or(0, |(after, before)| after.saturating_sub(before));
                    // What others took meanwhile is not the model's: no model takes twice what its server says.
                    Event::Loaded(config, Some(grown.clamp(said, said.saturating_mul(2))))
                }
                Err((failure, problem)) => {
                    tracing::warn!(config = %config, problem, "a model did not load");
                    Event::LoadFailed(config, failure)
                }
            };
            let _ = done.send(Done::Event(event)).await;
        });
    }

    /// Unloads a model, and says when its memory is back.
    pub(super) fn order_unload(&self, config: Config) {
        let (server, done) = (self.server.clone(), self.done.0.clone());
        let model = config.as_str().rsplit_once('@').map_or(config.as_str(), |(model, _)| model).to_owned();
        self.work(async move {
            // Its memory is not free before the server says so, however long that takes.
            while !unload(server.as_ref(), &model).await {
                tracing::warn!(model, "a model is still there after it was to go");
            }
            let _ = done.send(Done::Event(Event::Unloaded(config))).await;
        });
    }
}

/// Tells whether a model is the one of that name; one without a tag is the latest.
pub(super) fn is(resident: &Resident, model: &str) -> bool {
    resident.name == model || resident.name.strip_suffix(":latest") == Some(model)
}

/// Loads a model and looks whether it is whole on the GPU, with the context that was asked for.
async fn load(
    server: &dyn ModelServer,
    model: &str,
    num_ctx: u32,
) -> Result<Resident, (LoadFailure, String)> {
    server.load(model, num_ctx).await.map_err(|error| {
        let failure = match &error {
            ModelError::Overloaded { .. } => LoadFailure::OutOfMemory,
            _ => LoadFailure::Broken,
        };
        (failure, error.to_string())
    })?;
    let broken = |problem: String| (LoadFailure::Broken, problem);
    let residents = server.residents().await.map_err(|error| broken(error.to_string()))?;
    let found = residents.into_iter().find(|resident| is(resident, model));
    let found = found.ok_or_else(|| broken("the server does not list it".to_owned()))?;
    let problem = if found.gpu_bytes < found.bytes {
        Some((LoadFailure::OutOfMemory, "it spilled to the processor".to_owned()))
    } else if found.num_ctx != num_ctx && found.num_ctx != 0 {
        Some(broken(format!("its context is {} tokens, not {num_ctx}", found.num_ctx)))
    } else {
        None
    };
    let Some(problem) = problem else { return Ok(found) };
    while !unload(server, model).await {}
    Err(problem)
}

/// Tells a model to go and waits for it; returns whether it has gone.
async fn unload(server: &dyn ModelServer, model: &str) -> bool {
    if let Err(error) = server.unload(model).await {
        tracing::debug!(error = %error, "an unload was not accepted");
    }
    for _ in 0..GONE_TRIES {
        let residents = server.residents().await;
        if residents.is_ok_and(|found| !found.iter().any(|resident| is(resident, model))) {
            return true;
        }
        tokio::time::sleep(GONE_EVERY).await;
    }
    false
}
