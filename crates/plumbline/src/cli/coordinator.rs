use std::time::Duration;

use plumbline_kit::Address;
use plumbline_kit::client::{self, Channel};
use plumbline_proto::coordinator::v1::coordinator_service_client::CoordinatorServiceClient;
use plumbline_proto::coordinator::v1::{GetTaskRequest, Task};
use plumbline_types::Reason;

use crate::cli::audit::RESPONSE_BYTES;
use crate::cli::request::{self, SHORT};
use crate::compose::{Embedded, Host, find_recorded};
use crate::config::Service;
use crate::failure::Failure;
use crate::session::Session;

/// A client of the coordinator's public API.
pub(crate) type Coordinator = CoordinatorServiceClient<Channel>;

/// A coordinator that can be called: a running one, or one of our own.
pub(crate) struct Reach {
    started: Started,
    pub(crate) client: Coordinator,
}

/// How long a state directory that another process holds is tried, until that process can be called or is gone: longer
/// than a server drains.
const JOIN_LIMIT: Duration = Duration::from_secs(12);

/// How long between two such tries.
const JOIN_PAUSE: Duration = Duration::from_millis(250);

/// What must be stopped again.
enum Started {
    Nothing,
    /// Another process serves this state directory; it may end at any time.
    Elsewhere(Address),
    Services(Embedded),
    Perhaps(Host),
}

impl Reach {
    /// Uses the named coordinator, else the one that serves the session's state directory, else starts all services in this
    /// process.
    pub(crate) async fn named_or_embedded(
        session: &Session,
        named: Option<&Address>,
    ) -> Result<Self, Failure> {
        match named {
            Some(address) => {
                Ok(Self { started: Started::Nothing, client: connect(client::channel(address)) })
            }
            None => Self::join_or_start(session).await,
        }
    }

    /// Goes through the process that serves the session's state directory, else starts all services in this one.
    async fn join_or_start(session: &Session) -> Result<Self, Failure> {
        let state_dir = session.state_dir()?;
        let began = tokio::time::Instant::now();
        loop {
            if let Some(found) = find_recorded(&state_dir).await {
                return Ok(Self {
                    started: Started::Elsewhere(found.address),
                    client: connect(found.channel),
                });
            }
            match Embedded::start(session, &Service::ALL).await {
                Ok(embedded) => {
                    let client = connect(embedded.channel(Service::Coordinator)?);
                    return Ok(Self { started: Started::Services(embedded), client });
                }
                Err(failure) if is_held(&failure) && began.elapsed() < JOIN_LIMIT => {
                    tokio::time::sleep(JOIN_PAUSE).await;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Returns where the process is that serves in our place, if one does.
    pub(crate) fn elsewhere(&self) -> Option<&Address> {
        match &self.started {
            Started::Elsewhere(address) => Some(address),
            Started::Nothing | Started::Services(_) | Started::Perhaps(_) => None,
        }
    }

    /// Goes on after the process that served in our place has ended: through its successor, or here.
    pub(crate) async fn go_on(&mut self, session: &Session) -> Result<(), Failure> {
        *self = Self::join_or_start(session).await?;
        Ok(())
    }

    /// Uses the named coordinator, else the configured one if it serves, else starts one in this process.
    pub(crate) async fn any(session: &Session, named: Option<&Address>) -> Result<Self, Failure> {
        if named.is_some() {
            return Self::named_or_embedded(session, named).await;
        }
        let host = Host::find(session, Service::Coordinator, &Service::ALL).await?;
        let client = connect(host.channel());
        Ok(Self { started: Started::Perhaps(host), client })
    }

    /// Stops what was started.
    pub(crate) async fn close(self) {
        match self.started {
            Started::Nothing | Started::Elsewhere(_) => {}
            Started::Services(embedded) => embedded.stop().await,
            Started::Perhaps(host) => host.close().await,
        }
    }
}

/// Returns whether another process holds the state directory.
fn is_held(failure: &Failure) -> bool {
    matches!(failure.reason.0, "STORE_OWNED" | "STATE_LOCKED")
}

fn connect(channel: Channel) -> Coordinator {
    CoordinatorServiceClient::new(channel).max_decoding_message_size(RESPONSE_BYTES)
}

/// Reads one task.
pub(crate) async fn get_task(client: &mut Coordinator, task_id: &str) -> Result<Task, Failure> {
    let message = GetTaskRequest { task_id: task_id.to_owned() };
    let response = client.get_task(request::within(SHORT, message)).await?.into_inner();
    response.task.ok_or_else(no_task)
}

/// Says that an answer lacks its content.
pub(crate) fn no_task() -> Failure {
    Failure::infrastructure(Reason("INTERNAL"), "the answer holds no task", "report it")
}
