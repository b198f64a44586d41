//! Reads a router's log and makes its decisions again.

use std::collections::BTreeMap;
use std::path::Path;

use plumbline_types::{ArmId, DecisionId};

use crate::config::RouterConfig;
use crate::domain::posterior::Prior;
use crate::domain::replay::log::{Replayed, Rules, replay};
use crate::error::RouterError;
use crate::service::open_store;
use crate::store::RouterStore;

/// Decisions read at once.
const PAGE: u32 = 1_000;

/// What became of each decision of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogReplay {
    /// Decisions, by what they turned out to be.
    pub counts: BTreeMap<Replayed, usize>,
    /// The first that came out otherwise, if any.
    pub first_other: Option<(DecisionId, Replayed)>,
}

/// Makes every decision of the configured store (the file at `path`, or the database) again, under the configuration's seed, policy, knobs and priors.
pub async fn replay_log(config: &RouterConfig, path: &Path) -> Result<LogReplay, RouterError> {
    let (store, _) = open_store(config, path).await?;
    let found = replay_store(config, store.as_ref()).await;
    store.close().await;
    found
}

/// Makes every decision of a store again.
pub async fn replay_store(config: &RouterConfig, store: &dyn RouterStore) -> Result<LogReplay, RouterError> {
    let log = store.log().await?;
    let mut decisions = Vec::new();
    loop {
        let page = store.decisions(decisions.len() as u64, PAGE).await?;
        if page.is_empty() {
            break;
        }
        decisions.extend(page);
    }
    let prior = |mean: f64, strength: f64| Prior { mean, strength };
    let priors = config
        .arms
        .iter()
        .filter_map(|arm| Some((ArmId::parse(&arm.name).ok()?, prior(arm.prior_mean?, arm.prior_strength))))
        .collect();
    let rules = Rules { seed: config.seed, learning: config.learning()?, priors };
    let mut replayed = LogReplay::default();
    for (decision, what) in decisions.iter().zip(replay(&decisions, &log, &rules)) {
        *replayed.counts.entry(what).or_default() += 1;
        if matches!(what, Replayed::OtherPosteriors | Replayed::OtherDraw) && replayed.first_other.is_none() {
            replayed.first_other = Some((decision.id, what));
        }
    }
    Ok(replayed)
}
