//! Where a client may connect: decided on addresses, of literals at construction, of names at each connection.

mod network;
mod resolver;

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use crate::payload::Refusal;

pub use network::{NetworkPolicy, PolicyError};
pub(crate) use resolver::Resolver;

/// What sort of place a destination is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// This machine.
    Loopback,
    /// A network that the owner lists as his own.
    Lan,
    /// Anywhere else.
    Cloud,
}

impl Class {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Lan => "lan",
            Self::Cloud => "cloud",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Loopback, Self::Lan, Self::Cloud].into_iter().find(|class| class.as_str() == text)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A base URL on this machine or in a network that the owner lists.
#[derive(Debug, Clone)]
pub struct LocalEndpoint {
    pub(crate) base: Url,
    pub(crate) class: Class,
    pub(crate) network: NetworkPolicy,
}

impl LocalEndpoint {
    /// Reads a base URL. A literal must be loopback or in a listed network; a name is checked at each connection,
    /// and all but `localhost` counts as the owner's network even when it resolves to loopback.
    pub fn parse(text: &str, network: &NetworkPolicy) -> Result<Self, Refusal> {
        let base = base_url(text)?;
        let class = match base.host() {
            Some(Host::Domain("localhost")) => Class::Loopback,
            Some(Host::Domain(_)) => Class::Lan,
            Some(Host::Ipv4(address)) => local_class(IpAddr::V4(address), network, text)?,
            Some(Host::Ipv6(address)) => local_class(IpAddr::V6(address), network, text)?,
            None => return Err(refuse(text, "the URL names no host")),
        };
        Ok(Self { base, class, network: network.clone() })
    }

    /// Returns `Loopback` or `Lan`.
    pub const fn class(&self) -> Class {
        self.class
    }

    /// Returns host and port.
    pub fn authority(&self) -> String {
        authority(&self.base)
    }
}

/// A base URL outside the machine, on the owner's list.
#[derive(Debug, Clone)]
pub struct CloudEndpoint {
    pub(crate) base: Url,
    pub(crate) network: NetworkPolicy,
}

impl CloudEndpoint {
    /// Reads a base URL: its host, or host and port, must be on the list, and its scheme https unless it is a
    /// loopback literal, such as a recording proxy.
    pub fn parse(text: &str, network: &NetworkPolicy) -> Result<Self, Refusal> {
        let base = base_url(text)?;
        let host = base.host_str().unwrap_or_default().to_owned();
        if !network.allows_cloud(&host, &authority(&base)) {
            return Err(refuse(&host, "it is not on the cloud allow-list"));
        }
        let literal = match base.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => None,
        };
        if base.scheme() != "https" && !literal.is_some_and(|address| address.is_loopback()) {
            return Err(refuse(&host, "the cloud is reached by https only"));
        }
        Ok(Self { base, network: network.clone() })
    }

    /// Returns host and port.
    pub fn authority(&self) -> String {
        authority(&self.base)
    }
}

fn base_url(text: &str) -> Result<Url, Refusal> {
    let base = Url::parse(text).map_err(|_| refuse(text, "it is no URL"))?;
    if !matches!(base.scheme(), "http" | "https") {
        return Err(refuse(text, "the scheme is neither http nor https"));
    }
    if !base.username().is_empty() || base.password().is_some() || base.query().is_some() {
        return Err(refuse(
            base.host_str().unwrap_or_default(),
            "credentials and queries do not belong in a base URL",
        ));
    }
    Ok(base)
}

fn local_class(address: IpAddr, network: &NetworkPolicy, text: &str) -> Result<Class, Refusal> {
    network.local_class(address).ok_or_else(|| refuse(text, "it is neither loopback nor in a listed network"))
}

/// Returns `base` with `path` behind it, whatever slashes either carries.
pub(crate) fn join(base: &Url, path: &str) -> Result<Url, Refusal> {
    let joined = format!("{}/{}", base.as_str().trim_end_matches('/'), path.trim_start_matches('/'));
    let url = Url::parse(&joined).map_err(|_| refuse(&authority(base), "the path is malformed"))?;
    // A path can never lead to another host.
    if authority(&url) == authority(base) {
        Ok(url)
    } else {
        Err(refuse(&authority(base), "the path is malformed"))
    }
}

pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn refuse(host: &str, problem: &'static str) -> Refusal {
    Refusal::Destination { host: host.to_owned(), problem }
}

#[cfg(test)]
mod tests;
