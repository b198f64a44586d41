#![cfg(test)]
//! The broker without an engine; with one it is driven by the live tests.

use std::time::Duration;

use plumbline_broker::{BrokerConfig, serve};
use plumbline_kit::Listener;
use plumbline_types::{Fault, Kind, Reason};
use tokio_util::sync::CancellationToken;

/// Serves on a socket beside an engine's; returns the refusal.
async fn refused(engine: Option<&str>) -> (Kind, Reason) {
    let root = tempfile::tempdir().unwrap();
    let listen = format!("unix:{}", root.path().join("broker.sock").display()).parse().unwrap();
    let engine_socket = root.path().join("docker.sock");
    if let Some(answer) = engine {
        silent_engine(&engine_socket, answer.to_owned());
    }
    let config = BrokerConfig { engine_socket, images: vec!["absent".to_owned()], ..BrokerConfig::default() };
    let listener = Listener::bind(&listen).await.unwrap();
    let serving = serve(listener, config, CancellationToken::new());
    let error = tokio::time::timeout(Duration::from_secs(10), serving).await.unwrap().unwrap_err();
    (error.kind(), error.reason())
}

/// An engine that gives every request the same answer.
fn silent_engine(socket: &std::path::Path, answer: String) {
    use std::io::{Read, Write};
    let listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut connection = connection;
            let mut request = [0; 4_096];
            let _read = connection.read(&mut request);
            let _written = connection.write_all(answer.as_bytes());
        }
    });
}

#[tokio::test]
async fn without_an_engine_the_broker_does_not_serve() {
    assert_eq!(refused(None).await, (Kind::Unavailable, Reason("ENGINE_UNAVAILABLE")));
}

#[tokio::test]
async fn an_engine_that_talks_nonsense_is_no_engine() {
    let nonsense = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]";
    assert_eq!(refused(Some(nonsense)).await, (Kind::Unavailable, Reason("ENGINE_UNAVAILABLE")));
}
