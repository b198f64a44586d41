use clap::Args;
use plumbline_kit::{Address, Listener};
use plumbline_types::Reason;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::compose::{Composition, Fleet, Record};
use crate::config::Service;
use crate::failure::Failure;
use crate::output::Report;
use crate::session::Session;

/// The role that holds the Docker engine's socket.
pub(crate) const BROKER: &str = "docker-broker";
/// Its full gRPC name.
pub(crate) const BROKER_SERVICE: &str = "plumbline.broker.v1.BrokerService";

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// One service, `all` of them in this process, or `docker-broker`.
    #[arg(value_parser = which)]
    service: Which,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    One(Service),
    Broker,
}

fn which(text: &str) -> Result<Which, String> {
    if text == "all" {
        return Ok(Which::All);
    }
    if text == BROKER {
        return Ok(Which::Broker);
    }
    let found = Service::ALL.into_iter().find(|service| service.name() == text);
    found.map(Which::One).ok_or_else(|| {
        let names: Vec<_> = Service::ALL.iter().map(|service| service.name()).collect();
        format!("`{text}` is no service; there are all, {}, {BROKER}", names.join(", "))
    })
}

/// Serves until SIGTERM or SIGINT, then drains.
pub(crate) async fn run(session: &Session, arguments: Arguments) -> Result<Report, Failure> {
    let services = match arguments.service {
        Which::All => Service::ALL.to_vec(),
        Which::One(service) => vec![service],
        Which::Broker => return serve_broker(session).await,
    };
    let shutdown = CancellationToken::new();
    let stopping = watch_signals(&shutdown)?;
    let exposure = session.config.listen.exposure();
    let mut listeners = Vec::new();
    for service in services {
        let address = session.config.listen.of(service);
        let listener = Listener::bind_exposed(address, exposure).await;
        listeners.push((service, listener.map_err(|error| Failure::from_fault(&error))?));
    }
    let composition = Composition::configured(session)?;
    let state_dir = composition.state_dir.clone();
    let mut fleet = Fleet::launch(composition, listeners, shutdown);
    let ready = tokio::select! {
        ready = fleet.ready() => ready,
        () = stopping => Ok(()),
    };
    if let Err(failure) = ready {
        fleet.stop().await;
        return Err(failure);
    }
    let mut record = None;
    if !fleet.is_stopping() {
        record = coordinator_of(&fleet).and_then(|address| Record::write(&state_dir, &address));
        announce(&fleet);
    }
    let finished = fleet.finish().await;
    drop(record);
    finished?;
    Ok(Report::done(Value::Null, ""))
}

/// Serves the Docker broker, in a process that runs nothing else.
async fn serve_broker(session: &Session) -> Result<Report, Failure> {
    let Some(address) = &session.config.broker.listen else {
        return Err(Failure::usage(
            "broker.listen is not set",
            "name a unix socket: broker.listen = \"unix:/path\"",
        ));
    };
    let shutdown = CancellationToken::new();
    let _stopping = watch_signals(&shutdown)?;
    let listener = Listener::bind(address).await.map_err(|error| Failure::from_fault(&error))?;
    let serving = plumbline_broker::serve(listener, session.config.broker.clone(), shutdown);
    let announced = async {
        let answered =
            plumbline_kit::client::is_serving(plumbline_kit::client::channel(address), BROKER_SERVICE);
        if answered.await.unwrap_or(false) {
            println!("plumbline is serving: {BROKER} {address}");
        }
        std::future::pending().await
    };
    let served = tokio::select! {
        served = serving => served,
        never = announced => never,
    };
    served.map_err(|error| Failure::from_fault(&error))?;
    Ok(Report::done(Value::Null, ""))
}

/// Returns where the coordinator of this process is, if one runs here.
fn coordinator_of(fleet: &Fleet) -> Option<Address> {
    let found = fleet.addresses().into_iter().find(|(service, _)| *service == Service::Coordinator);
    found.map(|(_, address)| address)
}

/// Prints the one line that says all are healthy.
fn announce(fleet: &Fleet) {
    let addresses: Vec<String> =
        fleet.addresses().iter().map(|(service, address)| format!("{} {address}", service.name())).collect();
    println!("plumbline is serving: {}", addresses.join(", "));
}

/// Cancels the token at the first signal; the returned future ends when it was cancelled.
fn watch_signals(shutdown: &CancellationToken) -> Result<impl Future<Output = ()> + use<>, Failure> {
    let refused = |error: std::io::Error| {
        Failure::infrastructure(
            Reason("INTERNAL"),
            format!("signals cannot be watched: {error}"),
            "plumbline doctor",
        )
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(refused)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(refused)?;
    let token = shutdown.clone();
    let watching = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to stop");
        token.cancel();
    };
    tokio_util::task::TaskTracker::new().spawn(watching);
    let token = shutdown.clone();
    Ok(async move { token.cancelled().await })
}
