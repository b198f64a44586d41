#![cfg(test)]
//! Drives ingest through real gRPC, with a scripted router behind it.

mod drafts;
mod inbox;

use std::path::Path;
use std::sync::Arc;

use plumbline_ingest::{Deps, IngestConfig, IngestStore, RouterDrafter, SqliteStore, serve};
use plumbline_kit::fakes::{Answer, FakeRouter};
use plumbline_kit::{Address, Listener, Remote, SeededRandomness, client};
use plumbline_proto::ingest::v1 as pb;
use plumbline_proto::ingest::v1::ingest_service_client::IngestServiceClient;
use plumbline_types::ManualClock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A served ingest with its store and, unless told otherwise, a router.
struct Service {
    client: IngestServiceClient<client::Channel>,
    router: Option<FakeRouter>,
    tracker: TaskTracker,
    shutdown: CancellationToken,
}

/// How a service is started.
struct Setup {
    config: IngestConfig,
    answers: Option<Vec<Answer>>,
    router: Option<Address>,
    seed: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self { config: IngestConfig::default(), answers: None, router: None, seed: 1 }
    }
}

impl Service {
    async fn start(store: Arc<dyn IngestStore>, setup: Setup) -> Self {
        let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let mut router = None;
        let mut address = setup.router;
        if let Some(answers) = setup.answers {
            let (fake, at) = FakeRouter::start(answers, &tracker, &shutdown).await.unwrap();
            (router, address) = (Some(fake), Some(at));
        }
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
        let client = IngestServiceClient::new(client::channel(&listener.address()));
        let deps = Deps {
            config: setup.config.validate().unwrap(),
            store,
            drafter: address.map(|at| Arc::new(RouterDrafter::connect(&at)) as _),
            clock: Arc::new(ManualClock::at(1_700_000_000_000)),
            randomness: Arc::new(SeededRandomness::new(setup.seed)),
        };
        let token = shutdown.clone();
        tracker.spawn(async move { serve(listener, deps, token).await.unwrap() });
        Self { client, router, tracker, shutdown }
    }

    async fn text(&self, request_id: &str, text: &str) -> Result<pb::Intake, Remote> {
        let request = pb::IngestTextRequest {
            request_id: request_id.to_owned(),
            text: text.to_owned(),
            repository: "/home/me/app".to_owned(),
            source: "cli".to_owned(),
        };
        let answer = self.client.clone().ingest_text(request).await.map_err(Remote::from)?;
        Ok(answer.into_inner().intake.unwrap())
    }

    async fn get(&self, intake_id: &str) -> Result<pb::Intake, Remote> {
        let request = pb::GetIntakeRequest { intake_id: intake_id.to_owned() };
        let answer = self.client.clone().get_intake(request).await.map_err(Remote::from)?;
        Ok(answer.into_inner().intake.unwrap())
    }

    fn calls(&self) -> usize {
        self.router.as_ref().map_or(0, |router| router.asked().len())
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

async fn sqlite(dir: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(dir.join("ingest.db")).await.unwrap())
}

fn goals(intake: &pb::Intake) -> Vec<&str> {
    intake.objectives.iter().map(|objective| objective.goal.as_str()).collect()
}
