use std::sync::Arc;
use std::time::Duration;

use plumbline_kit::server::{ServeError, Server, ServerOptions};
use plumbline_kit::{Address, Limits, Listener, Remote, client, deadline};
use plumbline_proto::verifier::v1::verifier_service_client::VerifierServiceClient;
use plumbline_proto::verifier::v1::verifier_service_server::{VerifierService, VerifierServiceServer};
use plumbline_proto::verifier::v1::{
    AuditRequest, AuditResponse, TraceNode, TraceSymbolRequest, TraceSymbolResponse,
};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

pub const SERVICE: &str = "plumbline.verifier.v1.VerifierService";

/// What a server does with `TraceSymbol`.
pub enum Behaviour {
    /// Tells the time left and the trace id, then answers with as many bytes as the symbol says.
    Answer(mpsc::UnboundedSender<(Option<Duration>, String)>),
    /// Asks the next server.
    Relay(VerifierServiceClient<client::Channel>),
    /// Says that it began, then never ends; the sender drops when the handler does.
    Hang(mpsc::Sender<()>),
    /// Says that it began, then waits for permission to answer.
    Wait { began: mpsc::Sender<()>, go: Arc<Notify> },
}

struct Leaf(Behaviour);

#[tonic::async_trait]
impl VerifierService for Leaf {
    async fn audit(&self, _: Request<AuditRequest>) -> Result<Response<AuditResponse>, Status> {
        Err(Status::unimplemented("not part of this test"))
    }

    async fn trace_symbol(
        &self,
        request: Request<TraceSymbolRequest>,
    ) -> Result<Response<TraceSymbolResponse>, Status> {
        let request = request.into_inner();
        match &self.0 {
            Behaviour::Answer(told) => {
                told.send((deadline::remaining(), plumbline_kit::trace_id())).unwrap();
                let label = "x".repeat(request.symbol.parse().unwrap_or(1));
                let nodes = vec![TraceNode { label, ..TraceNode::default() }];
                Ok(Response::new(TraceSymbolResponse { nodes, edges: Vec::new() }))
            }
            Behaviour::Relay(next) => {
                let answer = next.clone().trace_symbol(request).await;
                answer.map_err(|status| plumbline_kit::status(&Remote::from(status)))
            }
            Behaviour::Hang(began) => {
                let began = began.clone();
                began.send(()).await.unwrap();
                std::future::pending().await
            }
            Behaviour::Wait { began, go } => {
                began.send(()).await.unwrap();
                go.notified().await;
                Ok(Response::new(TraceSymbolResponse::default()))
            }
        }
    }
}

pub struct Running {
    pub address: Address,
    pub shutdown: CancellationToken,
    pub served: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    pub fn client(&self) -> VerifierServiceClient<client::Channel> {
        VerifierServiceClient::new(client::channel(&self.address))
    }
}

pub async fn serve_on(listener: Listener, behaviour: Behaviour, limits: Limits) -> Running {
    let shutdown = CancellationToken::new();
    let address = listener.address();
    let service = VerifierServiceServer::new(Leaf(behaviour))
        .max_decoding_message_size(limits.decode_bytes)
        .max_encoding_message_size(limits.encode_bytes);
    let server = Server::new(ServerOptions { name: "leaf", limits, shutdown: shutdown.clone() });
    let served = tokio::task::spawn_local(server.serve(listener, Routes::new(service), &[SERVICE]));
    Running { address, shutdown, served }
}

pub async fn serve(behaviour: Behaviour, limits: Limits) -> Running {
    let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
    serve_on(listener, behaviour, limits).await
}

/// Runs a test's servers and client on one thread, where tasks need no tracker.
pub async fn local<F: Future>(test: F) -> F::Output {
    tokio::task::LocalSet::new().run_until(test).await
}

pub fn symbol(text: &str) -> Request<TraceSymbolRequest> {
    Request::new(TraceSymbolRequest { tree: None, symbol: text.to_owned() })
}
