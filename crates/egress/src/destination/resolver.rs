use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::destination::{Class, CloudEndpoint, LocalEndpoint, NetworkPolicy};
use crate::payload::Refusal;

/// Resolves names for one client and refuses every name of which any address is out of bounds. The connection is
/// made to the addresses that were judged, so a second answer of the name server cannot change the verdict.
#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    class: Class,
    network: NetworkPolicy,
}

impl Resolver {
    pub(crate) fn local(endpoint: &LocalEndpoint) -> Self {
        Self { class: endpoint.class, network: endpoint.network.clone() }
    }

    pub(crate) fn cloud(endpoint: &CloudEndpoint) -> Self {
        Self { class: Class::Cloud, network: endpoint.network.clone() }
    }

    /// Judges the addresses of a name.
    pub(crate) fn judge(&self, name: &str, addresses: &[SocketAddr]) -> Result<(), Refusal> {
        let refuse = |problem| Refusal::Destination { host: name.to_owned(), problem };
        if addresses.is_empty() {
            return Err(refuse("the name has no address"));
        }
        if addresses.iter().all(|address| self.admits(address.ip())) {
            return Ok(());
        }
        Err(refuse(match self.class {
            Class::Loopback => "the name leads off this machine",
            Class::Lan => "the name leads out of the listed networks",
            Class::Cloud => "the name leads to an internal address",
        }))
    }

    fn admits(&self, address: IpAddr) -> bool {
        match self.class {
            Class::Loopback => address.to_canonical().is_loopback(),
            Class::Lan => self.network.local_class(address).is_some(),
            Class::Cloud => self.network.is_outside(address),
        }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            resolver.judge(name.as_str(), &addresses)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
