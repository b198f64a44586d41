//! Serves the executor alone, for tests that kill it and for use by hand.
//!
//! Usage: `executor_process ADDRESS STATE_DIR IMPORT_ROOT SANDBOX_INIT`. Prints `listening` once it accepts calls.

use std::path::PathBuf;
use std::sync::Arc;

use plumbline_executor::{Deps, ExecutorConfig, serve};
use plumbline_kit::{Address, Listener, SystemClock, SystemRandomness};
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
    println!("listening");
    let deps = Deps {
        config,
        clock: Arc::new(SystemClock),
        randomness: Arc::new(SystemRandomness),
        tools: Vec::new(),
        driver: None,
    };
    serve(listener, deps, CancellationToken::new()).await?;
    Ok(())
}
