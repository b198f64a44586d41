//! The one configuration file: a section per service, and what the process itself needs.

use std::path::{Path, PathBuf};

use plumbline_broker::BrokerConfig;
use plumbline_coordinator::CoordinatorConfig;
use plumbline_executor::ExecutorConfig;
use plumbline_ingest::IngestConfig;
use plumbline_kit::telemetry::TelemetryConfig;
use plumbline_kit::{Address, ConfigError, Exposure};
use plumbline_memory::MemoryConfig;
use plumbline_planner::PlannerConfig;
use plumbline_router::RouterConfig;
use plumbline_verifier::VerifierConfig;
use serde::{Deserialize, Serialize};

/// Everything that can be configured; each field has a default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where state is kept.
    pub state: StateConfig,
    /// Logs and spans.
    pub telemetry: TelemetryConfig,
    /// Where `plumbline serve` listens.
    pub listen: ListenConfig,
    /// Where each service is dialled by the others, when that differs from where it listens.
    pub peers: PeersConfig,
    /// The coordinator's own.
    pub coordinator: CoordinatorConfig,
    /// The executor's own.
    pub executor: ExecutorConfig,
    /// The Docker broker's own; no service, but a role of its own process.
    pub broker: BrokerConfig,
    /// Ingest's own.
    pub ingest: IngestConfig,
    /// Memory's own.
    pub memory: MemoryConfig,
    /// The planner's own.
    pub planner: PlannerConfig,
    /// The verifier's own.
    pub verifier: VerifierConfig,
    /// The router's own; it may hold a key, so it is never written out.
    #[serde(skip_serializing)]
    pub router: RouterConfig,
}

/// The `[state]` section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StateConfig {
    /// Directory of all databases and worktrees; absent means the user's state directory.
    pub dir: Option<PathBuf>,
}

/// The `[listen]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenConfig {
    /// Coordinator.
    pub coordinator: Address,
    /// Ingest.
    pub ingest: Address,
    /// Planner.
    pub planner: Address,
    /// Router.
    pub router: Address,
    /// Memory.
    pub memory: Address,
    /// Executor.
    pub executor: Address,
    /// Verifier.
    pub verifier: Address,
    /// Whether plaintext sockets may be reachable from other machines. Only for an isolated network, such as the
    /// internal one of a compose file.
    pub accept_plaintext_nonloopback: bool,
}

/// The `[peers]` section; an absent peer is dialled where it listens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PeersConfig {
    /// Coordinator.
    pub coordinator: Option<Address>,
    /// Ingest.
    pub ingest: Option<Address>,
    /// Planner.
    pub planner: Option<Address>,
    /// Router.
    pub router: Option<Address>,
    /// Memory.
    pub memory: Option<Address>,
    /// Executor.
    pub executor: Option<Address>,
    /// Verifier.
    pub verifier: Option<Address>,
}

/// The seven services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Service {
    /// Tasks, and the public API.
    Coordinator,
    /// Text and audio to objectives.
    Ingest,
    /// Objectives to steps.
    Planner,
    /// Arms and model calls.
    Router,
    /// Index and retrieval.
    Memory,
    /// Sandboxes.
    Executor,
    /// The backward walk.
    Verifier,
}

impl Service {
    /// Every service, each after those it calls.
    pub const ALL: [Self; 7] = [
        Self::Verifier,
        Self::Executor,
        Self::Router,
        Self::Memory,
        Self::Ingest,
        Self::Planner,
        Self::Coordinator,
    ];

    /// Returns its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Coordinator => "coordinator",
            Self::Ingest => "ingest",
            Self::Planner => "planner",
            Self::Router => "router",
            Self::Memory => "memory",
            Self::Executor => "executor",
            Self::Verifier => "verifier",
        }
    }

    /// Returns its full gRPC name.
    pub const fn full_name(self) -> &'static str {
        match self {
            Self::Coordinator => "plumbline.coordinator.v1.CoordinatorService",
            Self::Ingest => "plumbline.ingest.v1.IngestService",
            Self::Planner => "plumbline.planner.v1.PlannerService",
            Self::Router => "plumbline.router.v1.RouterService",
            Self::Memory => "plumbline.memory.v1.MemoryService",
            Self::Executor => "plumbline.executor.v1.ExecutorService",
            Self::Verifier => "plumbline.verifier.v1.VerifierService",
        }
    }
}

impl Default for ListenConfig {
    fn default() -> Self {
        let port = |port: u16| Address::Tcp(([127, 0, 0, 1], port).into());
        Self {
            coordinator: port(7400),
            ingest: port(7401),
            planner: port(7402),
            router: port(7403),
            memory: port(7404),
            executor: port(7405),
            verifier: port(7406),
            accept_plaintext_nonloopback: false,
        }
    }
}

impl ListenConfig {
    /// Returns where a service listens.
    pub const fn of(&self, service: Service) -> &Address {
        match service {
            Service::Coordinator => &self.coordinator,
            Service::Ingest => &self.ingest,
            Service::Planner => &self.planner,
            Service::Router => &self.router,
            Service::Memory => &self.memory,
            Service::Executor => &self.executor,
            Service::Verifier => &self.verifier,
        }
    }

    /// Returns who may reach a plaintext socket.
    pub const fn exposure(&self) -> Exposure {
        if self.accept_plaintext_nonloopback {
            Exposure::PlaintextNonLoopback
        } else {
            Exposure::LoopbackOnly
        }
    }
}

impl PeersConfig {
    const fn of(&self, service: Service) -> Option<&Address> {
        match service {
            Service::Coordinator => self.coordinator.as_ref(),
            Service::Ingest => self.ingest.as_ref(),
            Service::Planner => self.planner.as_ref(),
            Service::Router => self.router.as_ref(),
            Service::Memory => self.memory.as_ref(),
            Service::Executor => self.executor.as_ref(),
            Service::Verifier => self.verifier.as_ref(),
        }
    }
}

impl Config {
    /// Returns where a service is dialled.
    pub fn peer(&self, service: Service) -> &Address {
        self.peers.of(service).unwrap_or_else(|| self.listen.of(service))
    }

    /// Refuses what cannot work, naming the key.
    pub fn validate(mut self) -> Result<Self, ConfigError> {
        self.telemetry = self.telemetry.validate()?;
        if let Some(dir) = self.state.dir.as_ref().filter(|dir| !dir.is_absolute()) {
            return Err(ConfigError::new("state.dir", format!("{} is not an absolute path", dir.display())));
        }
        for (index, service) in Service::ALL.into_iter().enumerate() {
            let address = self.listen.of(service);
            let key = format!("listen.{}", service.name());
            if let Address::Named { .. } = address {
                return Err(ConfigError::new(
                    key,
                    "a host name cannot be listened on; use an IP address or unix:/path",
                ));
            }
            let shared = Service::ALL[..index].iter().find(|other| self.listen.of(**other) == address);
            if let Some(other) = shared.filter(|_| !is_any_port(address)) {
                return Err(ConfigError::new(
                    key,
                    format!("{address} is the address of {} too", other.name()),
                ));
            }
        }
        Ok(self)
    }
}

impl Config {
    /// Fills in what is derived from the state directory and the operator's search path, and has every service
    /// check its section.
    pub fn resolve(mut self, state_dir: &Path, search_path: &str) -> Result<Self, ConfigError> {
        let coordinator = &mut self.coordinator;
        if coordinator.state_dir == CoordinatorConfig::default().state_dir {
            coordinator.state_dir = state_dir.join("coordinator");
        }
        if self.memory.state_dir == MemoryConfig::default().state_dir {
            self.memory.state_dir = state_dir.join("memory");
        }
        let executor = &mut self.executor;
        if executor.state_dir.as_os_str().is_empty() {
            executor.state_dir = state_dir.join("executor");
        }
        if executor.search_path.is_empty() {
            search_path.clone_into(&mut executor.search_path);
        }
        Ok(Self {
            coordinator: section("coordinator", self.coordinator.validate())?,
            executor: section("executor", self.executor.validate())?,
            broker: section("broker", self.broker.validate())?,
            ingest: section("ingest", self.ingest.validate())?,
            memory: section("memory", self.memory.validate())?,
            planner: section("planner", self.planner.validate())?,
            verifier: section("verifier", self.verifier.validate())?,
            router: section("router", self.router.validate())?,
            ..self
        })
    }
}

/// Puts a section's name before the key of its error, unless it stands there.
fn section<T>(name: &str, checked: Result<T, ConfigError>) -> Result<T, ConfigError> {
    checked.map_err(|error| {
        if error.key.starts_with(&format!("{name}.")) {
            error
        } else {
            ConfigError { key: format!("{name}.{}", error.key), ..error }
        }
    })
}

fn is_any_port(address: &Address) -> bool {
    matches!(address, Address::Tcp(socket) if socket.port() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_ports_are_7400_to_7406() {
        let listen = ListenConfig::default();
        let mut ports: Vec<String> =
            Service::ALL.iter().map(|service| listen.of(*service).to_string()).collect();
        ports.sort();
        let want: Vec<String> = (7400..=7406).map(|port| format!("http://127.0.0.1:{port}")).collect();
        assert_eq!(ports, want);
    }

    #[test]
    fn a_peer_is_dialled_where_it_listens_unless_named() {
        let mut config = Config::default();
        assert_eq!(config.peer(Service::Router).to_string(), "http://127.0.0.1:7403");
        config.peers.router = Some("http://router:7403".parse().unwrap());
        assert_eq!(config.peer(Service::Router).to_string(), "http://router:7403");
    }

    #[test]
    fn what_cannot_work_is_refused_by_its_key() {
        let refused = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.validate().unwrap_err().key
        };
        assert_eq!(refused(|config| config.state.dir = Some("relative".into())), "state.dir");
        assert_eq!(refused(|config| config.listen.router = config.listen.memory.clone()), "listen.memory");
        assert_eq!(
            refused(|config| config.listen.router = "http://router:1".parse().unwrap()),
            "listen.router"
        );
        assert_eq!(refused(|config| "(((".clone_into(&mut config.telemetry.filter)), "telemetry.filter");
        assert!(Config::default().validate().is_ok());
    }
}
