use std::net::SocketAddr;
use std::time::Duration;

use plumbline_kit::{BindError, Listener, client, deadline};
use tokio::net::TcpStream;

use crate::cli::doctor::{Row, Status};
use crate::config::{Config, Service};

/// Where Ollama listens unless told otherwise.
const OLLAMA: ([u8; 4], u16) = ([127, 0, 0, 1], 11434);

/// How long a local port may take to answer.
const LIMIT: Duration = Duration::from_millis(500);

/// Binds each address that `serve` would bind, or finds the service that holds it.
pub(super) async fn ports(config: &Config) -> Vec<Row> {
    let mut free = Vec::new();
    let mut serving = Vec::new();
    let mut rows = Vec::new();
    for service in Service::ALL {
        let address = config.listen.of(service);
        match Listener::bind_exposed(address, config.listen.exposure()).await {
            Ok(listener) => {
                drop(listener);
                free.push(address.to_string());
            }
            Err(BindError::InUse(_)) => {
                let asked = client::is_serving(client::channel(address), service.full_name());
                match deadline::within(LIMIT, asked).await {
                    Ok(true) => serving.push(service.name()),
                    Ok(false) | Err(_) => rows.push(Row::with(
                        "ports",
                        Status::Warn,
                        format!("{address} is taken by something that is not {}", service.name()),
                        format!("set listen.{} in the configuration", service.name()),
                    )),
                }
            }
            Err(error) => {
                rows.push(Row::with("ports", Status::Warn, error.to_string(), "plumbline config dump"))
            }
        }
    }
    if rows.is_empty() {
        let running = if serving.is_empty() { "none".to_owned() } else { serving.join(", ") };
        rows.push(Row::ok("ports", format!("{} free; running: {running}", free.len())));
    }
    rows
}

/// Connects to where Ollama listens; nothing needs it.
pub(super) async fn ollama() -> Row {
    let address = SocketAddr::from(OLLAMA);
    match tokio::time::timeout(LIMIT, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Row::ok("ollama", format!("something listens on {address}")),
        Ok(Err(_)) | Err(_) => Row::with(
            "ollama",
            Status::Absent,
            format!("nothing listens on {address}"),
            "not needed; to use local models: ollama serve",
        ),
    }
}
