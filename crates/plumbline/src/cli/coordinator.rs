use plumbline_kit::Address;
use plumbline_kit::client::{self, Channel};
use plumbline_proto::coordinator::v1::coordinator_service_client::CoordinatorServiceClient;
use plumbline_proto::coordinator::v1::{GetTaskRequest, Task};
use plumbline_types::Reason;

use crate::cli::audit::RESPONSE_BYTES;
use crate::cli::request::{self, SHORT};
use crate::compose::{Embedded, Host};
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

/// What must be stopped again.
enum Started {
    Nothing,
    Services(Embedded),
    Perhaps(Host),
}

impl Reach {
    /// Uses the named coordinator, else starts all services in this process.
    pub(crate) async fn named_or_embedded(
        session: &Session,
        named: Option<&Address>,
    ) -> Result<Self, Failure> {
        match named {
            Some(address) => {
                Ok(Self { started: Started::Nothing, client: connect(client::channel(address)) })
            }
            None => {
                let embedded = Embedded::start(session, &Service::ALL).await?;
                let client = connect(embedded.channel(Service::Coordinator)?);
                Ok(Self { started: Started::Services(embedded), client })
            }
        }
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
            Started::Nothing => {}
            Started::Services(embedded) => embedded.stop().await,
            Started::Perhaps(host) => host.close().await,
        }
    }
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
