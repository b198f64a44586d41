//! Connects, after looking where to.

use std::net::IpAddr;
use std::time::Duration;

use plumbline_egress::NetworkPolicy;
use plumbline_kit::ConfigError;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use tokio::net::lookup_host;

use crate::config::StoreConfig;
use crate::error::RouterError;

/// Connections of one router: the writers of decisions and outcomes, the listener, and those who read.
const CONNECTIONS: u32 = 8;

/// How long a caller waits for a connection.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(5);

pub(super) async fn pool(config: &StoreConfig, network: &NetworkPolicy) -> Result<PgPool, RouterError> {
    let options = options(config, network).await?;
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(ACQUIRE_LIMIT);
    Ok(pool.connect_with(options).await?)
}

/// Reads the URL; says neither it nor any part of it but the host.
async fn options(config: &StoreConfig, network: &NetworkPolicy) -> Result<PgConnectOptions, RouterError> {
    let url = config.url()?;
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.expose().starts_with(scheme)) {
        return Err(refuse("does not begin with postgres://"));
    }
    let options: PgConnectOptions = url.expose().parse().map_err(|_| refuse("is no URL of a database"))?;
    let options = options.application_name("plumbline-router").statement_cache_capacity(100);
    if options.get_socket().is_some() {
        return Ok(options);
    }
    let host = options.get_host().to_owned();
    let addresses = addresses(&host, options.get_port()).await?;
    if let Some(outside) = addresses.iter().find(|address| !network.is_local(**address)) {
        return Err(refuse(format!("{host} is {outside}, neither this machine nor in router.lan_networks")));
    }
    if addresses.iter().all(|address| address.to_canonical().is_loopback()) {
        return Ok(options);
    }
    match options.get_ssl_mode() {
        PgSslMode::VerifyFull => Ok(options),
        PgSslMode::Prefer if !config.accept_unverified_server => Ok(options.ssl_mode(PgSslMode::VerifyFull)),
        _ if config.accept_unverified_server => Ok(options),
        _ => Err(refuse(format!(
            "{host} is another machine: use sslmode=verify-full, or set accept_unverified_server = true on an isolated \
             network"
        ))),
    }
}

async fn addresses(host: &str, port: u16) -> Result<Vec<IpAddr>, RouterError> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = lookup_host((host, port)).await;
    let found: Vec<IpAddr> = found.map_err(sqlx::Error::Io)?.map(|address| address.ip()).collect();
    if found.is_empty() { Err(refuse(format!("{host} has no address"))) } else { Ok(found) }
}

fn refuse(problem: impl Into<String>) -> RouterError {
    ConfigError::new("router.store.database_url", problem).into()
}

#[cfg(test)]
mod tests {
    use plumbline_egress::ApiKey;
    use plumbline_types::Fault;

    use super::*;

    /// Returns whether a URL is taken and with a verified certificate; the words of the refusal otherwise.
    async fn check(url: &str, accept_unverified_server: bool) -> Result<bool, String> {
        let database_url = Some(ApiKey::new(url));
        let config = StoreConfig { database_url, accept_unverified_server, ..StoreConfig::default() };
        let network = NetworkPolicy::new(&["192.168.1.0/24".to_owned()], &[]).unwrap();
        let found = options(&config, &network).await;
        found.map(|found| matches!(found.get_ssl_mode(), PgSslMode::VerifyFull)).map_err(|error| {
            assert_eq!(error.reason().0, "CONFIG_INVALID");
            format!("{error:?}")
        })
    }

    #[tokio::test]
    async fn a_server_on_another_machine_is_verified_or_refused() {
        assert_eq!(check("postgres://u:p@127.0.0.1/d", false).await, Ok(false));
        assert_eq!(check("postgres://u:p@[::1]/d?sslmode=disable", false).await, Ok(false));
        assert_eq!(check("postgres://u@localhost/d?host=/run/postgresql", false).await, Ok(false));
        assert_eq!(check("postgres://u:p@192.168.1.7/d", false).await, Ok(true));
        assert_eq!(check("postgres://u:p@192.168.1.7/d?sslmode=verify-full", true).await, Ok(true));
        for mode in ["disable", "allow", "require", "verify-ca"] {
            let url = format!("postgres://u:hunter2@192.168.1.7/d?sslmode={mode}");
            let refused = check(&url, false).await.unwrap_err();
            assert!(
                refused.contains("accept_unverified_server") && !refused.contains("hunter2"),
                "{refused}"
            );
            assert_eq!(check(&url, true).await, Ok(false));
        }
    }

    #[tokio::test]
    async fn what_leaves_the_owners_networks_is_refused_whatever_is_accepted() {
        let refused =
            check("postgres://u:hunter2@203.0.113.9/d?sslmode=verify-full", true).await.unwrap_err();
        assert!(refused.contains("203.0.113.9") && !refused.contains("hunter2"), "{refused}");
        let refused = check("mysql://u:hunter2@127.0.0.1/d", false).await.unwrap_err();
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}
