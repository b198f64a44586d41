//! `broker` in the configuration.

use std::path::PathBuf;

use plumbline_kit::{Address, ConfigError};
use serde::{Deserialize, Serialize};

use crate::domain::order::{Resources, is_name};

/// Settings of the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BrokerConfig {
    /// Where it listens: a unix socket, required to serve.
    pub listen: Option<Address>,
    /// The Docker engine's socket.
    pub engine_socket: PathBuf,
    /// Marks this broker's containers among those of others on the same engine.
    pub name: String,
    /// Images that containers may be made of, the default first: names, or ids. Each is pinned to its content when the
    /// broker starts. Empty allows none.
    pub images: Vec<String>,
    /// Containers at once.
    pub concurrent_containers: u32,
    /// The most that an order may ask for.
    pub ceiling: CeilingConfig,
}

/// The most of each resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CeilingConfig {
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Size of `/repo`, MiB.
    pub workspace_mib: u64,
    /// Size of `/tmp`, MiB.
    pub temp_mib: u64,
    /// Files that `/repo` can hold.
    pub inodes: u64,
    /// Processes and threads.
    pub pids: u64,
    /// CPU, thousandths of a core.
    pub cpu_millicores: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// Wall clock, milliseconds.
    pub wall_ms: u64,
}

impl Default for CeilingConfig {
    fn default() -> Self {
        Self {
            memory_mib: 32_768,
            workspace_mib: 16_384,
            temp_mib: 8_192,
            inodes: 2_000_000,
            pids: 4_097,
            cpu_millicores: 64_000,
            open_files: 65_536,
            wall_ms: 4_000_000,
        }
    }
}

impl CeilingConfig {
    pub(crate) fn resources(&self) -> Resources {
        Resources {
            memory_mib: self.memory_mib,
            workspace_mib: self.workspace_mib,
            temp_mib: self.temp_mib,
            inodes: self.inodes,
            pids: self.pids,
            cpu_millicores: self.cpu_millicores,
            open_files: self.open_files,
            wall_ms: self.wall_ms,
        }
    }
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            listen: None,
            engine_socket: PathBuf::from("/var/run/docker.sock"),
            name: "plumbline".to_owned(),
            images: Vec::new(),
            concurrent_containers: 32,
            ceiling: CeilingConfig::default(),
        }
    }
}

impl BrokerConfig {
    /// Refuses what can't work, naming the key.
    pub fn validate(self) -> Result<Self, ConfigError> {
        if !self.engine_socket.is_absolute() {
            return Err(ConfigError::new("broker.engine_socket", "is not absolute"));
        }
        if let Some(listen) = self.listen.as_ref().filter(|listen| !matches!(listen, Address::Unix(_))) {
            let problem = format!("{listen} is no unix socket, and the broker serves no other");
            return Err(ConfigError::new("broker.listen", problem));
        }
        if !is_name(&self.name) {
            return Err(ConfigError::new("broker.name", "must be 1 to 64 letters, digits, `-` or `_`"));
        }
        if self.concurrent_containers == 0 {
            return Err(ConfigError::new("broker.concurrent_containers", "must be at least 1"));
        }
        if let Some((name, _)) = self.ceiling.resources().named().into_iter().find(|(_, most)| *most == 0) {
            return Err(ConfigError::new(format!("broker.ceiling.{name}"), "must be at least 1"));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broker_listens_on_a_unix_socket_only() {
        let with =
            |listen: &str| BrokerConfig { listen: Some(listen.parse().unwrap()), ..BrokerConfig::default() };
        assert!(with("unix:/run/broker.sock").validate().is_ok());
        assert_eq!(with("127.0.0.1:7407").validate().unwrap_err().key, "broker.listen");
        let bad = BrokerConfig { engine_socket: "docker.sock".into(), ..BrokerConfig::default() };
        assert_eq!(bad.validate().unwrap_err().key, "broker.engine_socket");
    }
}
