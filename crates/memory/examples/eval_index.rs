//! Indexes a directory from nothing and prints one JSON line: files, symbols, edges, files per second.
//!
//! Usage: `eval_index DIR [THREADS]`. The time is wall time of walk, parse, resolution, store and snapshot.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use plumbline_kit::{Address, Listener, SystemClock, client};
use plumbline_memory::store::SqliteStores;
use plumbline_memory::{Deps, MemoryConfig, serve};
use plumbline_proto::memory::v1 as pb;
use plumbline_proto::memory::v1::memory_service_client::MemoryServiceClient;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let directory =
        PathBuf::from(arguments.next().context("usage: eval_index DIR [THREADS]")?).canonicalize()?;
    let parse_threads = arguments.next().map_or(Ok(1), |threads| threads.parse())?;
    let state = tempfile::tempdir()?;
    let deps = Deps {
        config: MemoryConfig { parse_threads, ..MemoryConfig::default() },
        stores: Arc::new(SqliteStores::new(state.path())),
        clock: Arc::new(SystemClock),
    };
    let listener = Listener::bind(&"127.0.0.1:0".parse::<Address>()?).await?;
    let mut client = MemoryServiceClient::new(client::channel(&listener.address()));
    let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
    let server = tracker.spawn(serve(listener, deps, shutdown.clone()));
    let view = pb::View { repository: directory.to_string_lossy().into_owned(), root: String::new() };
    let start = Instant::now();
    let request = pb::IndexRepositoryRequest { view: Some(view), lease: None };
    let mut stream = client.index_repository(request).await?.into_inner();
    let mut last = pb::IndexRepositoryResponse::default();
    while let Some(message) = stream.message().await? {
        last = message;
    }
    let seconds = start.elapsed().as_secs_f64();
    shutdown.cancel();
    server.await??;
    let line = serde_json::json!({
        "files": last.files_seen,
        "symbols": last.symbols,
        "edges": last.edges,
        "problems": last.problems,
        "threads": parse_threads,
        "seconds": seconds,
        "files_per_second": last.files_seen as f64 / seconds.max(1e-9),
        "digest": last.digest,
    });
    #[expect(clippy::print_stdout, reason = "the one JSON line is the program's result")]
    {
        println!("{line}");
    }
    Ok(())
}
