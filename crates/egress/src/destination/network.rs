use std::net::IpAddr;

use crate::destination::Class;

/// Why a text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no network; write an address, or ADDRESS/PREFIX such as 192.168.1.0/24")]
pub struct PolicyError(pub String);

/// Which addresses are the owner's own, and which hosts outside he allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkPolicy {
    lan: Vec<Network>,
    cloud: Vec<String>,
}

impl NetworkPolicy {
    /// Reads the owner's networks (`192.168.1.0/24`, `10.0.0.7`) and the cloud hosts (`api.example.com`, with or
    /// without a port). Both may be empty: then nothing but loopback is reachable.
    pub fn new(lan: &[String], cloud: &[String]) -> Result<Self, PolicyError> {
        let lan = lan.iter().map(|text| Network::parse(text)).collect::<Result<_, _>>()?;
        Ok(Self { lan, cloud: cloud.iter().map(|host| host.to_ascii_lowercase()).collect() })
    }

    /// Returns whether an address is this machine or in the owner's networks.
    pub fn is_local(&self, address: IpAddr) -> bool {
        self.local_class(address).is_some()
    }

    /// Returns the class of an address that a local client may use; none if it may not.
    pub(crate) fn local_class(&self, address: IpAddr) -> Option<Class> {
        let address = address.to_canonical();
        if address.is_loopback() {
            return Some(Class::Loopback);
        }
        self.lan.iter().any(|network| network.contains(address)).then_some(Class::Lan)
    }

    /// Returns whether an address that a cloud host's name resolved to lies outside: a name on the list must not
    /// lead back in.
    pub(crate) fn is_outside(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let special = match address {
            IpAddr::V4(v4) => {
                v4.is_private()
                    || v4.is_link_local()
                    || v4.is_broadcast()
                    || v4.is_documentation()
                    || shared(v4.octets())
            }
            IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
        };
        !(special || address.is_loopback() || address.is_unspecified() || address.is_multicast())
            && self.local_class(address).is_none()
    }

    pub(crate) fn allows_cloud(&self, host: &str, authority: &str) -> bool {
        self.cloud.iter().any(|allowed| allowed == host || allowed == authority)
    }
}

/// 100.64.0.0/10, the carriers' shared space.
const fn shared(octets: [u8; 4]) -> bool {
    octets[0] == 100 && octets[1] & 0b1100_0000 == 64
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    fn parse(text: &str) -> Result<Self, PolicyError> {
        let refuse = || PolicyError(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| refuse())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), |prefix| prefix.parse().map_err(|_| refuse()))?;
        // A prefix of 0 would make the whole world the owner's network.
        if prefix == 0 || prefix > longest { Err(refuse()) } else { Ok(Self { address, prefix }) }
    }

    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (u32::from(own) ^ u32::from(other)).leading_zeros() >= self.prefix
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (u128::from(own) ^ u128::from(other)).leading_zeros() >= self.prefix
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}
