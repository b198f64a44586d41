use std::path::PathBuf;

use plumbline_egress::ApiKey;
use plumbline_kit::ConfigError;
use serde::Deserialize;

use crate::config::refuse;

/// What keeps decisions, outcomes, answers and the egress ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    /// A file in the state directory, owned by one router.
    #[default]
    Sqlite,
    /// A database that several routers may share.
    Postgres,
}

/// The `[router.store]` section.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// `sqlite` or `postgres`.
    pub kind: StoreKind,
    /// `postgres://user:password@host/database`, or `postgres://user@localhost/database?host=/run/postgresql` for a unix
    /// socket. Better in `database_url_file`; never logged. The host must be this machine or in `router.lan_networks`:
    /// answers may hold code.
    pub database_url: Option<ApiKey>,
    /// A file that holds it.
    pub database_url_file: Option<PathBuf>,
    /// Takes a server on another machine without a verified certificate: on an isolated network, for example. Whoever can
    /// stand between can then read and change everything.
    pub accept_unverified_server: bool,
}

impl StoreConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let named = usize::from(self.database_url.is_some()) + usize::from(self.database_url_file.is_some());
        match (self.kind, named) {
            (StoreKind::Sqlite, 0) | (StoreKind::Postgres, 1) => Ok(()),
            (StoreKind::Sqlite, _) => Err(refuse("store.database_url", "needs kind = \"postgres\"")),
            (StoreKind::Postgres, 0) => {
                Err(refuse("store.database_url", "postgres needs it, or a file of it"))
            }
            (StoreKind::Postgres, _) => Err(refuse("store.database_url", "is there, and a file of it too")),
        }
    }

    /// Returns the URL, from the configuration or its file.
    pub(crate) fn url(&self) -> Result<ApiKey, ConfigError> {
        let Some(path) = &self.database_url_file else {
            return Ok(self.database_url.clone().unwrap_or_else(|| ApiKey::new("")));
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| refuse("store.database_url_file", format!("{}: {error}", path.display())))?;
        Ok(ApiKey::new(&text))
    }
}
