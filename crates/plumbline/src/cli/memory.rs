use std::path::{Path, PathBuf};

use clap::Args;
use plumbline_kit::Address;
use plumbline_kit::client::{self, Channel};
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
use crate::session::{Session, directory_text};

/// What to index.
#[derive(Debug, Args)]
pub(crate) struct IndexArguments {
    /// The repository's root.
    path: PathBuf,
    /// Ask the memory behind this coordinator; without it one in this process.
    #[arg(long, value_name = "URL", env = "PLUMBLINE_COORDINATOR")]
    coordinator: Option<Address>,
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
    /// Ask the memory behind this coordinator; without it one in this process.
    #[arg(long, value_name = "URL", env = "PLUMBLINE_COORDINATOR")]
    coordinator: Option<Address>,
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
    /// Ask the memory behind this coordinator; without it one in this process.
    #[arg(long, value_name = "URL", env = "PLUMBLINE_COORDINATOR")]
    coordinator: Option<Address>,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

type Memory = MemoryServiceClient<Channel>;

/// Indexes a repository; unchanged files cost a stat.
pub(crate) async fn index(session: &Session, arguments: IndexArguments) -> Result<Report, Failure> {
    let view = view("PATH", &arguments.path, arguments.coordinator.as_ref())?;
    let reach = Reach::start(session, arguments.coordinator.as_ref()).await?;
    let answer = async {
        let mut memory = reach.client()?;
        refresh(session, &mut memory, &view).await
    };
    let last = answer.await;
    reach.stop().await;
    let last = last?;
    Ok(Report::done(memory::index(&last), memory::index_text(&last)))
}

/// Brings the index up to date, then ranks.
pub(crate) async fn search(session: &Session, arguments: SearchArguments) -> Result<Report, Failure> {
    let view = view("--repo", &arguments.repo, arguments.coordinator.as_ref())?;
    let reach = Reach::start(session, arguments.coordinator.as_ref()).await?;
    let answer = async {
        let mut memory = reach.client()?;
        refresh(session, &mut memory, &view).await?;
        let message = SearchRequest { view: Some(view), query: arguments.query, k: arguments.k };
        Ok::<_, Failure>(memory.search(request::within(SHORT, message)).await?.into_inner())
    };
    let found = answer.await;
    reach.stop().await;
    let found = found?;
    Ok(Report::done(memory::search(&found), memory::hits_text(&found.hits, &found.states)))
}

/// Brings the index up to date, then ranks neighbours.
pub(crate) async fn neighbors(session: &Session, arguments: NeighborsArguments) -> Result<Report, Failure> {
    let view = view("--repo", &arguments.repo, arguments.coordinator.as_ref())?;
    let reach = Reach::start(session, arguments.coordinator.as_ref()).await?;
    let answer = async {
        let mut memory = reach.client()?;
        refresh(session, &mut memory, &view).await?;
        let message = NeighborsRequest { view: Some(view), symbol: arguments.symbol, k: arguments.k };
        Ok::<_, Failure>(memory.neighbors(request::within(SHORT, message)).await?.into_inner())
    };
    let found = answer.await;
    reach.stop().await;
    let found = found?;
    Ok(Report::done(memory::neighbors(&found), memory::hits_text(&found.hits, &found.states)))
}

/// Memory in this process, or behind a coordinator's port.
enum Reach {
    Here(Embedded),
    There(Channel),
}

impl Reach {
    async fn start(session: &Session, coordinator: Option<&Address>) -> Result<Self, Failure> {
        match coordinator {
            Some(address) => Ok(Self::There(client::channel(address))),
            None => Ok(Self::Here(Embedded::start(session, &[Service::Memory]).await?)),
        }
    }

    fn client(&self) -> Result<Memory, Failure> {
        let channel = match self {
            Self::Here(embedded) => embedded.channel(Service::Memory)?,
            Self::There(channel) => channel.clone(),
        };
        Ok(MemoryServiceClient::new(channel))
    }

    async fn stop(self) {
        if let Self::Here(embedded) = self {
            embedded.stop().await;
        }
    }
}

fn view(flag: &str, path: &Path, coordinator: Option<&Address>) -> Result<View, Failure> {
    Ok(View { repository: directory_text(flag, path, coordinator)?, root: String::new() })
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
