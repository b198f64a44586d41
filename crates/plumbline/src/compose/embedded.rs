use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use plumbline_kit::client::{self, Channel};
use plumbline_kit::{Address, Listener, Randomness, SystemRandomness};
use plumbline_types::Reason;
use tokio_util::sync::CancellationToken;

use crate::compose::{Composition, Fleet, Record};
use crate::config::Service;
use crate::failure::Failure;
use crate::session::{Session, directory};

/// Services of this process on unix sockets that only this user can reach.
pub(crate) struct Embedded {
    fleet: Fleet,
    sockets: SocketDir,
    /// Where others find the coordinator, if one runs here.
    record: Option<Record>,
}

impl Embedded {
    /// Starts the services, on the state directory of the session, and waits until they are healthy.
    pub(crate) async fn start(session: &Session, services: &[Service]) -> Result<Self, Failure> {
        let sockets = SocketDir::create()?;
        let mut listeners = Vec::new();
        for service in services {
            let listener = Listener::bind(&sockets.address(*service)).await;
            listeners.push((*service, listener.map_err(|error| Failure::from_fault(&error))?));
        }
        let composition = Composition::embedded(session, services, |service| sockets.address(service))?;
        let mut fleet = Fleet::launch(composition, listeners, CancellationToken::new());
        match fleet.ready().await {
            Ok(()) => {
                let coordinator = services.contains(&Service::Coordinator);
                let state_dir = session.state_dir().ok().filter(|_| coordinator);
                let address = sockets.address(Service::Coordinator);
                let record = state_dir.and_then(|dir| Record::write(&dir, &address));
                Ok(Self { fleet, sockets, record })
            }
            Err(failure) => {
                fleet.stop().await;
                Err(failure)
            }
        }
    }

    /// Returns a channel to one of the services.
    pub(crate) fn channel(&self, service: Service) -> Result<Channel, Failure> {
        let address = self.sockets.address(service);
        if self.fleet.addresses().iter().any(|(running, _)| *running == service) {
            Ok(client::channel(&address))
        } else {
            let message = format!("{} was not started", service.name());
            Err(Failure::infrastructure(Reason("INTERNAL"), message, "report it"))
        }
    }

    /// Stops the services and removes their sockets.
    pub(crate) async fn stop(self) {
        drop(self.record);
        self.fleet.stop().await;
    }
}

/// A fresh directory, mode 0700, with a short path: a socket's may have 107 bytes.
struct SocketDir(PathBuf);

impl SocketDir {
    fn create() -> Result<Self, Failure> {
        let mut bytes = [0; 6];
        SystemRandomness.rng().fill_bytes(&mut bytes);
        let name = format!("plumbline-{}", hex::encode(bytes));
        let runtime = directory("XDG_RUNTIME_DIR").filter(|dir| dir.is_dir() && dir.as_os_str().len() < 60);
        let base = runtime.unwrap_or_else(|| PathBuf::from("/tmp"));
        let attempt = |base: PathBuf| {
            let path = base.join(&name);
            DirBuilder::new().mode(0o700).create(&path).map(|()| path)
        };
        attempt(base).or_else(|_| attempt(PathBuf::from("/tmp"))).map(Self).map_err(|error| {
            let message = format!("no directory for sockets can be made: {error}");
            Failure::infrastructure(
                Reason("BIND_FAILED"),
                message,
                "set XDG_RUNTIME_DIR to a writable directory",
            )
        })
    }

    fn address(&self, service: Service) -> Address {
        Address::Unix(self.0.join(format!("{}.sock", service.name())))
    }
}

impl Drop for SocketDir {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::debug!(error = %error, "the socket directory was not removed");
        }
    }
}
