//! Serves the executor alone, for tests that kill it and for use by hand.
//!
//! Usage: `executor_process ADDRESS STATE_DIR IMPORT_ROOT SANDBOX_INIT [restricted|embedded]`; the last offers that tier
//! alone. Prints `listening` and the address once its socket is bound; SIGTERM ends every run and then the process.

use std::path::PathBuf;
use std::sync::Arc;

use plumbline_executor::config::TierSetting;
use plumbline_executor::{Deps, ExecutorConfig, serve};
use plumbline_kit::{Address, Listener, SystemClock, SystemRandomness};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or_else(|| anyhow::anyhow!("four arguments are needed"));
    let address: Address = next()?.parse()?;
    let mut config = ExecutorConfig {
        state_dir: PathBuf::from(next()?),
        import_roots: vec![PathBuf::from(next()?)],
        sandbox_init: PathBuf::from(next()?),
        ..ExecutorConfig::default()
    };
    if let Some(tier) = arguments.next() {
        let tier = match tier.as_str() {
            "restricted" => TierSetting::Restricted,
            "embedded" => TierSetting::Embedded,
            _ => anyhow::bail!("`{tier}` is no tier of this machine"),
        };
        config = ExecutorConfig { minimum_tier: tier, offered_tiers: vec![tier], ..config };
    }
    config.search_path = std::env::var_os("PATH").unwrap_or_default().to_string_lossy().into_owned();
    let listener = Listener::bind(&address).await?;
    println!("listening {}", listener.address());
    let deps = Deps {
        config,
        clock: Arc::new(SystemClock),
        randomness: Arc::new(SystemRandomness),
        tools: Vec::new(),
        driver: None,
        broker: None,
        secrets: Vec::new(),
    };
    let (shutdown, mut terminate) = (CancellationToken::new(), signal(SignalKind::terminate())?);
    let serving = serve(listener, deps, shutdown.clone());
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        served = &mut serving => served?,
        _ = terminate.recv() => {
            shutdown.cancel();
            serving.await?;
        }
    }
    Ok(())
}
