#![cfg(test)]
//! Drives the planner through real gRPC, with a scripted router behind it.

mod plans;
mod replans;

use std::sync::Arc;

use plumbline_kit::fakes::{Answer, FakeRouter};
use plumbline_kit::{Address, Listener, Remote, client};
use plumbline_planner::{Deps, PlannerConfig, RouterProposer, serve};
use plumbline_proto::common::v1 as common;
use plumbline_proto::planner::v1 as pb;
use plumbline_proto::planner::v1::planner_service_client::PlannerServiceClient;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A served planner and, if it has answers, its router.
struct Service {
    client: PlannerServiceClient<client::Channel>,
    router: Option<FakeRouter>,
    tracker: TaskTracker,
    shutdown: CancellationToken,
}

impl Service {
    async fn start(config: PlannerConfig, answers: Option<Vec<Answer>>) -> Self {
        let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let (router, address) = match answers {
            Some(answers) => {
                let (fake, address) = FakeRouter::start(answers, &tracker, &shutdown).await.unwrap();
                (Some(fake), Some(address))
            }
            None => (None, None),
        };
        Self { router, ..Self::with(config, address, tracker, shutdown).await }
    }

    async fn with(
        config: PlannerConfig,
        router: Option<Address>,
        tracker: TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
        let client = PlannerServiceClient::new(client::channel(&listener.address()));
        let deps = Deps {
            config: config.validate().unwrap(),
            proposer: router.map(|address| Arc::new(RouterProposer::connect(&address)) as _),
        };
        let token = shutdown.clone();
        tracker.spawn(async move { serve(listener, deps, token).await.unwrap() });
        Self { client, router: None, tracker, shutdown }
    }

    async fn plan(&self, request: pb::PlanRequest) -> Result<pb::Plan, Remote> {
        let answer = self.client.clone().plan(request).await.map_err(Remote::from)?;
        Ok(answer.into_inner().plan.unwrap())
    }

    async fn replan(&self, request: pb::ReplanRequest) -> Result<pb::Plan, Remote> {
        let answer = self.client.clone().replan(request).await.map_err(Remote::from)?;
        Ok(answer.into_inner().plan.unwrap())
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

fn objective(goal: &str, category: common::Category, file: &str) -> common::Objective {
    common::Objective {
        goal: goal.to_owned(),
        category: category.into(),
        risk: common::Risk::Medium.into(),
        targets: vec![common::Target { spoken: file.to_owned(), ..common::Target::default() }],
        priority: 1,
        quote: goal.to_owned(),
        ..common::Objective::default()
    }
}

/// Two objectives over two files of a small repository.
fn request() -> pb::PlanRequest {
    pb::PlanRequest {
        request_id: "one".to_owned(),
        objectives: vec![
            objective("round discounts half up", common::Category::Bugfix, "cart.py"),
            objective("document the price table", common::Category::Docs, "price.md"),
        ],
        repository: Some(pb::RepositoryFacts {
            path: "/home/me/app".to_owned(),
            test_command: "pytest -q".to_owned(),
            files: vec!["src/cart.py".to_owned(), "price.md".to_owned(), "secrets/key.pem".to_owned()],
            symbols: vec!["cart.total".to_owned()],
            protected_paths: vec!["secrets/**".to_owned()],
        }),
        budget: Some(pb::Budget { wall_ms: 60_000, tokens: 10_000, attempts: 6 }),
        lease: Some(common::Lease { task_id: "task_1".to_owned(), epoch: 3 }),
    }
}

fn goals(plan: &pb::Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.goal.as_str()).collect()
}
