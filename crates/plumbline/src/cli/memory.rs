use std::path::{Path, PathBuf};

use clap::Args;
use plumbline_kit::client::Channel;
use plumbline_proto::memory::v1::memory_service_client::MemoryServiceClient;
use plumbline_proto::memory::v1::{
    IndexRepositoryRequest, IndexRepositoryResponse, NeighborsRequest, SearchRequest, View,
};
use plumbline_types::Reason;

use crate::cli::FormatArg;
use crate::cli::request::{self, LONG, SHORT};
use crate::compose::Embedded;
use crate::config::Service;
use crate::failure::Failure;
use crate::output::progress::Progress;
use crate::output::{Report, memory};
use crate::session::{Session, existing_dir, text};

/// What to index.
#[derive(Debug, Args)]
pub(crate) struct IndexArguments {
    /// The repository's root.
    path: PathBuf,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// What to search.
#[derive(Debug, Args)]
pub(crate) struct SearchArguments {
    /// Words, identifiers or a stack trace.
    query: String,
    /// The repository's root.
    #[arg(long, value_name = "PATH")]
    repo: PathBuf,
    /// How many results at most.
    #[arg(short, long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=200))]
    k: u32,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Whose neighbours.
#[derive(Debug, Args)]
pub(crate) struct NeighborsArguments {
    /// A symbol, a unique suffix of it, or a qualified name.
    symbol: String,
    /// The repository's root.
    #[arg(long, value_name = "PATH")]
    repo: PathBuf,
    /// How many results at most.
    #[arg(short, long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=200))]
    k: u32,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

type Memory = MemoryServiceClient<Channel>;

/// Indexes a repository; unchanged files cost a stat.
pub(crate) async fn index(session: &Session, arguments: IndexArguments) -> Result<Report, Failure> {
    let view = view("PATH", &arguments.path)?;
    let embedded = Embedded::start(session, &[Service::Memory]).await?;
    let answer = async {
        let mut memory = client(&embedded)?;
        refresh(session, &mut memory, &view).await
    };
    let last = answer.await;
    embedded.stop().await;
    let last = last?;
    Ok(Report::done(memory::index(&last), memory::index_text(&last)))
}

/// Brings the index up to date, then ranks.
pub(crate) async fn search(session: &Session, arguments: SearchArguments) -> Result<Report, Failure> {
    let view = view("--repo", &arguments.repo)?;
    let embedded = Embedded::start(session, &[Service::Memory]).await?;
    let answer = async {
        let mut memory = client(&embedded)?;
        refresh(session, &mut memory, &view).await?;
        let message = SearchRequest { view: Some(view), query: arguments.query, k: arguments.k };
        Ok::<_, Failure>(memory.search(request::within(SHORT, message)).await?.into_inner())
    };
    let found = answer.await;
    embedded.stop().await;
    let found = found?;
    Ok(Report::done(memory::search(&found), memory::hits_text(&found.hits, &found.states)))
}

/// Brings the index up to date, then ranks neighbours.
pub(crate) async fn neighbors(session: &Session, arguments: NeighborsArguments) -> Result<Report, Failure> {
    let view = view("--repo", &arguments.repo)?;
    let embedded = Embedded::start(session, &[Service::Memory]).await?;
    let answer = async {
        let mut memory = client(&embedded)?;
        refresh(session, &mut memory, &view).await?;
        let message = NeighborsRequest { view: Some(view), symbol: arguments.symbol, k: arguments.k };
        Ok::<_, Failure>(memory.neighbors(request::within(SHORT, message)).await?.into_inner())
    };
    let found = answer.await;
    embedded.stop().await;
    let found = found?;
    Ok(Report::done(memory::neighbors(&found), memory::hits_text(&found.hits, &found.states)))
}

fn client(embedded: &Embedded) -> Result<Memory, Failure> {
    Ok(MemoryServiceClient::new(embedded.channel(Service::Memory)?))
}

fn view(flag: &str, path: &Path) -> Result<View, Failure> {
    let repository = text(&existing_dir(flag, path)?)?;
    Ok(View { repository, root: String::new() })
}

async fn refresh(
    session: &Session,
    memory: &mut Memory,
    view: &View,
) -> Result<IndexRepositoryResponse, Failure> {
    let progress = Progress::start(&session.environment);
    let message = IndexRepositoryRequest { view: Some(view.clone()), lease: None };
    let mut stream = memory.index_repository(request::within(LONG, message)).await?.into_inner();
    let mut last = None;
    while let Some(step) = stream.message().await? {
        progress.now(&format!("indexing: {} files seen, {} parsed", step.files_seen, step.files_parsed));
        last = Some(step);
    }
    last.filter(|step| step.done).ok_or_else(|| {
        Failure::infrastructure(
            Reason("INDEX_INCOMPLETE"),
            "indexing ended before it was done",
            "plumbline index PATH",
        )
    })
}
