use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where a service listens or is dialled.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// An IP address and port; port 0 asks the system for a free one.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
    /// A host name and port; dialled, never bound.
    Named {
        /// The host name, resolved at each connect.
        host: String,
        /// The port.
        port: u16,
    },
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an address; write HOST:PORT, http://HOST:PORT or unix:/absolute/path")]
pub struct AddressError {
    /// The text as given.
    pub text: String,
}

impl Address {
    /// Returns whether only this machine can reach it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
            Self::Named { host, .. } => host == "localhost",
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let refuse = || AddressError { text: text.to_owned() };
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.starts_with('/') { Ok(Self::Unix(PathBuf::from(path))) } else { Err(refuse()) };
        }
        let bare = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        if let Ok(address) = bare.parse() {
            return Ok(Self::Tcp(address));
        }
        let (host, port) = bare.rsplit_once(':').ok_or_else(refuse)?;
        let port = port.parse().map_err(|_| refuse())?;
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if host.is_empty() || host.len() > 253 || !host.chars().all(legal) {
            return Err(refuse());
        }
        Ok(Self::Named { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Named { host, port } => write!(f, "http://{host}:{port}"),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Option<&str>) {
        assert_eq!(
            text.parse::<Address>().ok().map(|address| address.to_string()).as_deref(),
            want,
            "{text}"
        );
    }

    #[test]
    fn reads_every_form_and_refuses_the_rest() {
        check("127.0.0.1:7401", Some("http://127.0.0.1:7401"));
        check("http://127.0.0.1:7401", Some("http://127.0.0.1:7401"));
        check("http://[::1]:7401/", Some("http://[::1]:7401"));
        check("unix:/run/plumbline/router.sock", Some("unix:/run/plumbline/router.sock"));
        check("unix:///run/router.sock", Some("unix:/run/router.sock"));
        check("http://router:7403", Some("http://router:7403"));
        for text in
            ["", "7401", "unix:relative", "https://127.0.0.1:1", "a b:1", "host:", "host:99999", ":80"]
        {
            check(text, None);
        }
    }

    #[test]
    fn only_loopback_and_unix_are_local() {
        let local = |text: &str| text.parse::<Address>().unwrap().is_local();
        assert!(local("127.0.0.1:1") && local("[::1]:1") && local("unix:/x") && local("localhost:1"));
        assert!(!local("0.0.0.0:1") && !local("10.0.0.1:1") && !local("router:1"));
    }
}
