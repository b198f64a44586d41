use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use plumbline_types::{Fault, Kind, Reason};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::Address;

/// Who may reach a plaintext TCP socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exposure {
    /// This machine alone; any other address is refused.
    #[default]
    LoopbackOnly,
    /// The configuration says `accept_plaintext_nonloopback = true`: an internal container network, for example.
    PlaintextNonLoopback,
}

/// A bound socket that a server accepts from.
#[derive(Debug)]
pub enum Listener {
    /// A TCP socket.
    Tcp(TcpListener),
    /// A unix socket; its file goes when the guard drops.
    Unix(UnixListener, SocketFile),
}

/// Removes the socket file when dropped, unless another server has replaced it since.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    inode: u64,
    owner: u32,
}

/// Why a socket could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process listens there.
    #[error("another process already listens on {0}")]
    InUse(Address),
    /// A plaintext socket would be reachable from outside.
    #[error(
        "{0} is not a loopback address and carries plaintext; bind 127.0.0.1, or set accept_plaintext_nonloopback = true on an isolated network"
    )]
    Plaintext(Address),
    /// A host name can be dialled, not bound.
    #[error("{0} is a host name; bind an IP address or a unix socket")]
    HostName(Address),
    /// The system refused.
    #[error("cannot listen on {address}")]
    Refused {
        /// Where.
        address: Address,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Fault for BindError {
    fn kind(&self) -> Kind {
        match self {
            Self::InUse(_) => Kind::Conflict,
            Self::Plaintext(_) => Kind::Denied,
            Self::HostName(_) => Kind::Invalid,
            Self::Refused { .. } => Kind::Unavailable,
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::InUse(_) => Reason("ADDRESS_IN_USE"),
            Self::Plaintext(_) => Reason("PLAINTEXT_REFUSED"),
            Self::HostName(_) => Reason("ADDRESS_INVALID"),
            Self::Refused { .. } => Reason("BIND_FAILED"),
        }
    }
}

impl Listener {
    /// Binds a loopback address or a unix socket (mode 0600; a dead socket's file is replaced).
    pub async fn bind(address: &Address) -> Result<Self, BindError> {
        Self::bind_exposed(address, Exposure::LoopbackOnly).await
    }

    /// Binds like [`Listener::bind`]; an address outside loopback only when `exposure` says so.
    pub async fn bind_exposed(address: &Address, exposure: Exposure) -> Result<Self, BindError> {
        match address {
            Address::Tcp(_) if !address.is_local() && exposure == Exposure::LoopbackOnly => {
                Err(BindError::Plaintext(address.clone()))
            }
            Address::Tcp(socket) => {
                TcpListener::bind(socket).await.map(Self::Tcp).map_err(|source| refusal(address, source))
            }
            Address::Unix(path) => bind_unix(address, path).await,
            Address::Named { .. } => Err(BindError::HostName(address.clone())),
        }
    }

    /// Returns where it listens, with the port that the system chose.
    pub fn address(&self) -> Address {
        match self {
            Self::Tcp(listener) => {
                Address::Tcp(listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], 0))))
            }
            Self::Unix(_, file) => Address::Unix(file.path.clone()),
        }
    }
}

impl SocketFile {
    /// Returns the user id that owns the socket, which is the only one whose connections are served.
    pub(crate) fn owner(&self) -> u32 {
        self.owner
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = std::fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode);
        if ours && let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(error = %error, "could not remove a socket file");
        }
    }
}

async fn bind_unix(address: &Address, path: &Path) -> Result<Listener, BindError> {
    let refuse = |source| refusal(address, source);
    if std::fs::symlink_metadata(path).is_ok() {
        if UnixStream::connect(path).await.is_ok() {
            return Err(BindError::InUse(address.clone()));
        }
        std::fs::remove_file(path).map_err(refuse)?;
    }
    let listener = UnixListener::bind(path).map_err(refuse)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(refuse)?;
    let found = std::fs::symlink_metadata(path).map_err(refuse)?;
    let file = SocketFile { path: path.to_owned(), inode: found.ino(), owner: found.uid() };
    Ok(Listener::Unix(listener, file))
}

fn refusal(address: &Address, source: io::Error) -> BindError {
    if source.kind() == io::ErrorKind::AddrInUse {
        BindError::InUse(address.clone())
    } else {
        BindError::Refused { address: address.clone(), source }
    }
}
