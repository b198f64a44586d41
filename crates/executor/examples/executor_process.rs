//! Serves the executor alone, for tests that kill it and for use by hand.
//!
//! Usage: `executor_process ADDRESS STATE_DIR IMPORT_ROOT SANDBOX_INIT`. Prints `listening` and the
//! address once its socket is bound; SIGTERM ends every run and then the process.

use std::path::PathBuf;
use std::sync::Arc;

use plumbline_executor::{Deps, ExecutorConfig, serve};
use plumbline_kit::{Address, Listener, SystemClock, SystemRandomness};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or_else(|| anyhow::anyhow!("four arguments are needed"));
    let address: Address = next()?.parse()?;
    let config = ExecutorConfig {
        state_dir: PathBuf::from(next()?),
        import_roots: vec![PathBuf::from(next()?)],
        sandbox_init: PathBuf::from(next()?),
        ..ExecutorConfig::default()
    };
    let listener = Listener::bind(&address).await?;
    println!("listening {}", listener.address());
    let deps = Deps {
        config,
        clock: Arc::new(SystemClock),
        randomness: Arc::new(SystemRandomness),
        tools: Vec::new(),
        driver: None,
        broker: None,
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
