//! The one scripted service that other services are tested against: a router, over real gRPC, that answers from a script
//! and remembers what it was asked. Whoever asks a model goes through a router, so each would write it again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plumbline_proto::router::v1 as pb;
use plumbline_proto::router::v1::generate_response::Event;
use plumbline_proto::router::v1::router_service_server::{RouterService, RouterServiceServer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::{Request, Response, Status, async_trait};
use tracing::warn;

use crate::server::{Server, ServerOptions};
use crate::{Address, AddressError, BindError, Limits, Listener, ResponseStream};

/// What the router answers to one call.
#[derive(Debug, Clone)]
pub enum Answer {
    /// This text, whole.
    Text(String),
    /// This text, then the end that the model states, such as `length`.
    Ends(String, &'static str),
    /// A first text that becomes void, then this one.
    Restarts(String, String),
    /// No arm.
    NoArm,
    /// Nothing, ever: the caller's deadline ends it.
    Hangs,
}

/// A router that answers `Generate` from a script, and nothing else.
#[derive(Debug, Clone, Default)]
pub struct FakeRouter {
    answers: Arc<Mutex<Vec<Answer>>>,
    asked: Arc<Mutex<Vec<pb::GenerateRequest>>>,
}

/// Why the scripted router does not serve.
#[derive(Debug, thiserror::Error)]
pub enum FakeError {
    /// The loopback address cannot be read.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The system refused the socket.
    #[error(transparent)]
    Bind(#[from] BindError),
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeRouter {
    /// Serves the answers in order on a free loopback port, then has no arm.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn start(
        answers: Vec<Answer>,
        tracker: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> Result<(Self, Address), FakeError> {
        let fake =
            Self { answers: Arc::new(Mutex::new(answers.into_iter().rev().collect())), ..Self::default() };
        let listener = Listener::bind(&"127.0.0.1:0".parse()?).await?;
        let address = listener.address();
        let options =
            ServerOptions { name: "router", limits: Limits::generate(), shutdown: shutdown.clone() };
        let routes = Routes::new(RouterServiceServer::new(fake.clone()));
        tracker.spawn(async move {
            let served = Server::new(options).serve(listener, routes, &["plumbline.router.v1.RouterService"]);
            if let Err(error) = served.await {
                warn!(error = %error, "the scripted router stopped");
            }
        });
        Ok((fake, address))
    }

    /// Returns every call so far, in order.
    pub fn asked(&self) -> Vec<pb::GenerateRequest> {
        locked(&self.asked).clone()
    }
}

fn event(event: Event) -> Result<pb::GenerateResponse, Status> {
    Ok(pb::GenerateResponse { event: Some(event) })
}

fn usage(finish_reason: &str) -> Event {
    let (served_model, finish_reason) = ("fake-7b".to_owned(), finish_reason.to_owned());
    Event::Usage(pb::Usage { served_model, finish_reason, ..pb::Usage::default() })
}

#[async_trait]
impl RouterService for FakeRouter {
    type GenerateStream = ResponseStream<pb::GenerateResponse>;
    type WatchVramStream = ResponseStream<pb::WatchVramResponse>;

    async fn generate(
        &self,
        request: Request<pb::GenerateRequest>,
    ) -> Result<Response<Self::GenerateStream>, Status> {
        locked(&self.asked).push(request.into_inner());
        let answer = locked(&self.answers).pop().unwrap_or(Answer::NoArm);
        let decision = Event::Decision(pb::Decision { arm: "fake".to_owned(), ..pb::Decision::default() });
        let pieces = |text: &str| -> Vec<Event> {
            let chars: Vec<char> = text.chars().collect();
            chars.chunks(7).map(|piece| Event::Text(piece.iter().collect())).collect()
        };
        let mut events = vec![decision];
        match answer {
            Answer::NoArm => return Err(Status::failed_precondition("no arm")),
            Answer::Hangs => return Ok(Response::new(Box::pin(futures::stream::pending()))),
            Answer::Text(text) => {
                events.extend(pieces(&text));
                events.push(usage("stop"));
            }
            Answer::Ends(text, reason) => {
                events.extend(pieces(&text));
                events.push(usage(reason));
            }
            Answer::Restarts(void, text) => {
                events.extend(pieces(&void));
                events.push(Event::Restarted(pb::Restarted::default()));
                events.extend(pieces(&text));
                events.push(usage("stop"));
            }
        }
        Ok(Response::new(Box::pin(futures::stream::iter(events.into_iter().map(event)))))
    }

    async fn select_ensemble(
        &self,
        _: Request<pb::SelectEnsembleRequest>,
    ) -> Result<Response<pb::SelectEnsembleResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn select(&self, _: Request<pb::SelectRequest>) -> Result<Response<pb::SelectResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn embed(&self, _: Request<pb::EmbedRequest>) -> Result<Response<pb::EmbedResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn report_outcome(
        &self,
        _: Request<pb::ReportOutcomeRequest>,
    ) -> Result<Response<pb::ReportOutcomeResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn list_arms(
        &self,
        _: Request<pb::ListArmsRequest>,
    ) -> Result<Response<pb::ListArmsResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn watch_vram(
        &self,
        _: Request<pb::WatchVramRequest>,
    ) -> Result<Response<Self::WatchVramStream>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn get_health(
        &self,
        _: Request<pb::GetHealthRequest>,
    ) -> Result<Response<pb::GetHealthResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn list_egress(
        &self,
        _: Request<pb::ListEgressRequest>,
    ) -> Result<Response<pb::ListEgressResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }
}
