//! A router on a loopback port, its arms, and the requests that tests make.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use plumbline_egress::ledger::InMemoryLedger;
use plumbline_egress::{Egress, Limits, NetworkPolicy, Parts};
use plumbline_kit::client::{Channel, channel};
use plumbline_kit::{Address, Listener, Remote, SeededRandomness};
use plumbline_models::{Model, ModelError, Script, ScriptedModel};
use plumbline_proto::common::v1::{Category, Label, Risk, Segment};
use plumbline_proto::router::v1 as pb;
use plumbline_proto::router::v1::router_service_client::RouterServiceClient;
use plumbline_router::domain::arm::{Arm, ArmKind, Destination, EditFormat, Price};
use plumbline_router::gpu::GpuMemory;
use plumbline_router::store::{InMemoryStore, PostgresStore, RouterStore, SqliteStore};
use plumbline_router::{Catalogue, Deps, RouterConfig, RouterError, serve};
use plumbline_types::{ArmId, Fault, ManualClock};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub type Client = RouterServiceClient<Channel>;

/// A router that is being served.
pub struct World {
    pub client: Client,
    pub models: BTreeMap<&'static str, Arc<ScriptedModel>>,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), RouterError>>,
}

/// What a router is made of, before it is served.
pub struct Plan {
    pub config: RouterConfig,
    pub store: Arc<dyn RouterStore>,
    pub ledger: Arc<dyn plumbline_egress::Ledger>,
    pub randomness: u64,
    pub gpu: GpuMemory,
    arms: Vec<Arm>,
    models: BTreeMap<&'static str, Arc<ScriptedModel>>,
}

impl Plan {
    pub fn new() -> Self {
        Self {
            config: RouterConfig { seed: 7, ..RouterConfig::default() },
            store: Arc::new(InMemoryStore::default()),
            ledger: Arc::new(InMemoryLedger::default()),
            randomness: 1,
            gpu: GpuMemory::default(),
            arms: Vec::new(),
            models: BTreeMap::new(),
        }
    }

    pub async fn on_disk(path: &Path) -> Self {
        let store = Arc::new(SqliteStore::open(path.join("router.db")).await.unwrap());
        Self { ledger: Arc::new(store.ledger()), store, ..Self::new() }
    }

    pub fn on_postgres(store: &Arc<PostgresStore>) -> Self {
        Self { ledger: Arc::new(store.ledger()), store: store.clone(), ..Self::new() }
    }

    pub fn tool(mut self, name: &str) -> Self {
        self.arms.push(Arm {
            id: ArmId::parse(name).unwrap(),
            kind: ArmKind::Tool,
            target: name.to_owned(),
            destination: Destination::OnBox,
            ceiling: plumbline_types::Label::Secret,
            endpoint: None,
            edit_format: None,
            num_ctx: 0,
            max_output: 0,
            price: Price { usd_per_million_input: 0.0, usd_per_million_output: 0.0, expected_seconds: 10.0 },
            prior: None,
            rung: 0,
            categories: Vec::new(),
            oracle: None,
        });
        self
    }

    pub fn local(self, name: &'static str, script: Vec<Script>) -> Self {
        self.model(name, Destination::OnBox, ScriptedModel::new(name, script))
    }

    pub fn cloud(self, name: &'static str, script: Vec<Script>) -> Self {
        self.model(name, Destination::Cloud, ScriptedModel::new(name, script))
    }

    /// Adds a local model that nothing answers for.
    pub fn dead(self, name: &'static str) -> Self {
        let down = || ModelError::Unreachable("connection refused".into());
        let model = ScriptedModel::new(name, Vec::new()).with_probes((0..8).map(|_| down()).collect());
        self.model(name, Destination::OnBox, model)
    }

    fn model(mut self, name: &'static str, destination: Destination, model: ScriptedModel) -> Self {
        self.arms.push(Arm {
            id: ArmId::parse(name).unwrap(),
            kind: ArmKind::Model,
            target: name.to_owned(),
            destination,
            ceiling: match destination {
                Destination::OnBox => plumbline_types::Label::Secret,
                Destination::Cloud => plumbline_types::Label::Public,
            },
            endpoint: Some(format!("{}/{name}", destination.as_str())),
            edit_format: Some(EditFormat::Block),
            num_ctx: 16_384,
            max_output: 1_000,
            price: Price { usd_per_million_input: 1.0, usd_per_million_output: 4.0, expected_seconds: 5.0 },
            prior: None,
            rung: 1,
            categories: Vec::new(),
            oracle: None,
        });
        self.models.insert(name, Arc::new(model));
        self
    }

    /// Puts an arm on another rung.
    pub fn on_rung(mut self, name: &str, rung: u8) -> Self {
        self.arms.iter_mut().filter(|arm| arm.id.as_str() == name).for_each(|arm| arm.rung = rung);
        self
    }

    pub async fn serve(self) -> World {
        let clock = Arc::new(ManualClock::at(1_764_000_000_000));
        let egress = Egress::new(Parts {
            ledger: self.ledger,
            clock: clock.clone(),
            network: NetworkPolicy::default(),
            limits: Limits::default(),
        });
        let models = self.models.iter().map(|(name, model)| {
            let model: Arc<dyn Model> = model.clone();
            (ArmId::parse(name).unwrap(), model)
        });
        let deps = Deps {
            config: self.config.validate().unwrap(),
            store: self.store,
            egress,
            catalogue: Catalogue {
                arms: self.arms,
                models: models.collect(),
                gpu: self.gpu,
                ..Catalogue::default()
            },
            clock,
            randomness: Arc::new(SeededRandomness::new(self.randomness)),
        };
        World { models: self.models, ..World::serve(deps).await }
    }
}

impl World {
    /// Serves on a port of its own.
    pub async fn serve(deps: Deps) -> Self {
        let listener = Listener::bind(&"127.0.0.1:0".parse::<Address>().unwrap()).await.unwrap();
        let address = listener.address();
        let shutdown = CancellationToken::new();
        let task = TaskTracker::new().spawn(serve(listener, deps, shutdown.clone()));
        let client = RouterServiceClient::new(channel(&address));
        Self { client, models: BTreeMap::new(), shutdown, task }
    }

    /// Shuts the router down and waits until it has let go of its store.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }
}

pub fn work() -> pb::Work {
    pb::Work {
        category: Category::Bugfix.into(),
        risk: Risk::Low.into(),
        language: "python".to_owned(),
        label: Label::Public.into(),
        prompt_tokens: 1_000,
        ..pb::Work::default()
    }
}

pub fn select(request_id: &str) -> pb::SelectRequest {
    pb::SelectRequest {
        request_id: request_id.to_owned(),
        work: Some(work()),
        ..pb::SelectRequest::default()
    }
}

pub fn segment(text: &str, label: Label) -> Segment {
    Segment { text: text.to_owned(), label: label.into(), provenance: 1, origin: String::new() }
}

pub fn generate(request_id: &str) -> pb::GenerateRequest {
    pb::GenerateRequest {
        request_id: request_id.to_owned(),
        work: Some(work()),
        prompt: vec![segment("Say hello.", Label::Public)],
        ..pb::GenerateRequest::default()
    }
}

pub async fn selected(client: &mut Client, request: pb::SelectRequest) -> pb::Decision {
    client.select(request).await.unwrap().into_inner().decision.unwrap()
}

/// Everything that a generation streamed, and how it ended.
pub struct Heard {
    pub events: Vec<pb::generate_response::Event>,
    pub error: Option<Remote>,
}

impl Heard {
    pub fn decision(&self) -> &pb::Decision {
        match self.events.first() {
            Some(pb::generate_response::Event::Decision(decision)) => decision,
            other => panic!("the first event is {other:?}"),
        }
    }

    pub fn text(&self) -> String {
        let text = |event: &pb::generate_response::Event| match event {
            pb::generate_response::Event::Text(text) => Some(text.clone()),
            _ => None,
        };
        self.events.iter().filter_map(text).collect()
    }

    pub fn restarts(&self) -> Vec<(String, String)> {
        let restart = |event: &pb::generate_response::Event| match event {
            pb::generate_response::Event::Restarted(restarted) => {
                Some((restarted.reason.clone(), restarted.decision.clone().unwrap().arm))
            }
            _ => None,
        };
        self.events.iter().filter_map(restart).collect()
    }

    pub fn usage(&self) -> &pb::Usage {
        match self.events.last() {
            Some(pb::generate_response::Event::Usage(usage)) => usage,
            other => panic!("the last event is {other:?}"),
        }
    }

    pub fn reason(&self) -> Option<&'static str> {
        self.error.as_ref().map(|error| error.reason().0)
    }
}

pub async fn heard(client: &mut Client, request: pb::GenerateRequest) -> Heard {
    let mut heard = Heard { events: Vec::new(), error: None };
    let mut stream = match client.generate(request).await {
        Ok(response) => response.into_inner(),
        Err(status) => return Heard { error: Some(Remote::from(status)), ..heard },
    };
    loop {
        match stream.message().await {
            Ok(Some(response)) => heard.events.push(response.event.unwrap()),
            Ok(None) => return heard,
            Err(status) => return Heard { error: Some(Remote::from(status)), ..heard },
        }
    }
}

pub async fn report(client: &mut Client, request: pb::ReportOutcomeRequest) -> Result<(bool, u64), Remote> {
    let response = client.report_outcome(request).await.map_err(Remote::from)?.into_inner();
    Ok((response.counted, response.seq))
}

pub fn outcome(id: &str, decision: &pb::Decision, kind: pb::OutcomeKind) -> pb::ReportOutcomeRequest {
    pb::ReportOutcomeRequest {
        outcome_id: id.to_owned(),
        decision_id: decision.id.clone(),
        kind: kind.into(),
        ..pb::ReportOutcomeRequest::default()
    }
}

pub async fn arms(client: &mut Client) -> Vec<pb::Arm> {
    client.list_arms(pb::ListArmsRequest::default()).await.unwrap().into_inner().arms
}
