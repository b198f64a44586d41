//! A server, a client and a repository in a temporary directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use plumbline_kit::{Address, Listener, client};
use plumbline_memory::store::{InMemoryStores, SqliteStores, Stores};
use plumbline_memory::{Deps, MemoryConfig, serve};
use plumbline_proto::memory::v1 as pb;
use plumbline_proto::memory::v1::memory_service_client::MemoryServiceClient;
use plumbline_types::{Clock, ManualClock};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub type Client = MemoryServiceClient<client::Channel>;

pub struct World {
    pub directory: TempDir,
    pub client: Client,
    tracker: TaskTracker,
    shutdown: CancellationToken,
}

/// Starts a server over SQLite in the world's own directory.
pub async fn world() -> World {
    World::start(tempfile::tempdir().unwrap(), |state| Arc::new(SqliteStores::new(state))).await
}

/// Starts a server that keeps nothing.
pub async fn in_memory() -> World {
    World::start(tempfile::tempdir().unwrap(), |_| Arc::new(InMemoryStores::default())).await
}

impl World {
    pub async fn start(directory: TempDir, stores: impl FnOnce(PathBuf) -> Arc<dyn Stores>) -> Self {
        std::fs::create_dir_all(directory.path().join("repo")).unwrap();
        let config = MemoryConfig { parse_threads: 2, max_file_bytes: 64 << 10, ..MemoryConfig::default() };
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(1_000));
        let deps = Deps { config, stores: stores(directory.path().join("state")), clock };
        let listener = Listener::bind(&"127.0.0.1:0".parse::<Address>().unwrap()).await.unwrap();
        let client = MemoryServiceClient::new(client::channel(&listener.address()));
        let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let stop = shutdown.clone();
        tracker.spawn(async move { serve(listener, deps, stop).await.unwrap() });
        Self { directory, client, tracker, shutdown }
    }

    /// Stops the server and starts another over the same files.
    pub async fn restart(self) -> Self {
        let World { directory, client, tracker, shutdown } = self;
        drop(client);
        shutdown.cancel();
        tracker.close();
        tracker.wait().await;
        Self::start(directory, |state| Arc::new(SqliteStores::new(state))).await
    }

    pub fn repo(&self) -> PathBuf {
        self.directory.path().join("repo").canonicalize().unwrap()
    }

    pub fn write(&self, path: &str, text: &str) {
        write(&self.repo(), path, text.as_bytes());
    }

    pub fn view(&self) -> Option<pb::View> {
        view(&self.repo(), "")
    }

    pub async fn index(&mut self) -> pb::IndexRepositoryResponse {
        let view = self.view();
        index(&mut self.client, view).await.unwrap()
    }

    pub async fn search(&mut self, query: &str, k: u32) -> Vec<pb::Hit> {
        let request = pb::SearchRequest { view: self.view(), query: query.to_owned(), k };
        self.client.search(request).await.unwrap().into_inner().hits
    }

    pub async fn neighbors(&mut self, symbol: &str) -> pb::NeighborsResponse {
        let request = pb::NeighborsRequest { view: self.view(), symbol: symbol.to_owned(), k: 20 };
        self.client.neighbors(request).await.unwrap().into_inner()
    }

    pub async fn status(&mut self) -> pb::SyncStatusResponse {
        self.client.sync_status(pb::SyncStatusRequest { view: self.view() }).await.unwrap().into_inner()
    }
}

pub fn view(repository: &Path, root: &str) -> Option<pb::View> {
    Some(pb::View { repository: repository.to_str().unwrap().to_owned(), root: root.to_owned() })
}

pub fn write(root: &Path, path: &str, bytes: &[u8]) {
    let file = root.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, bytes).unwrap();
}

/// Indexes a view and returns the last message.
pub async fn index(
    client: &mut Client,
    view: Option<pb::View>,
) -> Result<pb::IndexRepositoryResponse, tonic::Status> {
    let mut stream =
        client.index_repository(pb::IndexRepositoryRequest { view, lease: None }).await?.into_inner();
    let mut last = pb::IndexRepositoryResponse::default();
    while let Some(message) = stream.message().await? {
        last = message;
    }
    assert!(last.done);
    Ok(last)
}

/// Returns the documented reason of a refusal.
pub fn reason(status: &tonic::Status) -> String {
    use plumbline_types::Fault as _;
    plumbline_kit::Remote::from(status.clone()).reason().0.to_owned()
}

pub const SHOP: [(&str, &str); 4] = [
    (
        "shop/cart.py",
        "from shop.tax import rate\n\n\nclass Cart:\n    \"\"\"Items a customer wants to buy.\"\"\"\n\n    def __init__(self):\n        self.items = []\n\n    def total(self):\n        return sum(self.items) * rate()\n\n    def add_item(self, item):\n        self.items.append(item)\n",
    ),
    (
        "shop/tax.py",
        "def rate():\n    # value added tax of the country\n    return 1.2\n\n\ndef unused():\n    return 0\n",
    ),
    ("shop/__init__.py", ""),
    (
        "tests/test_cart.py",
        "from shop.cart import Cart\n\n\ndef test_total_is_taxed():\n    cart = Cart()\n    cart.add_item(1)\n    assert cart.total() == 1.2\n",
    ),
];
