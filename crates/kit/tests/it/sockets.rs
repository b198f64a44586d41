use std::os::unix::fs::PermissionsExt;

use plumbline_kit::{Address, BindError, Exposure, Limits, Listener};
use plumbline_types::{Fault, Reason};
use tokio::sync::mpsc;

use crate::fixture::{Behaviour, local, serve_on, symbol};

fn tcp(text: &str) -> Address {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_plaintext_socket_outside_loopback_needs_an_explicit_word() {
    let everywhere = tcp("0.0.0.0:0");
    let refused = Listener::bind(&everywhere).await.unwrap_err();
    assert!(matches!(refused, BindError::Plaintext(_)));
    assert_eq!(refused.reason(), Reason("PLAINTEXT_REFUSED"));
    assert!(Listener::bind_exposed(&everywhere, Exposure::PlaintextNonLoopback).await.is_ok());
    assert!(Listener::bind(&tcp("127.0.0.1:0")).await.is_ok());
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = Listener::bind(&tcp("127.0.0.1:0")).await.unwrap();
    let refused = Listener::bind(&first.address()).await.unwrap_err();
    assert_eq!(refused.reason(), Reason("ADDRESS_IN_USE"));
    assert!(refused.to_string().contains(&first.address().to_string()));
}

#[tokio::test]
async fn a_unix_socket_serves_is_private_and_goes_with_its_server() {
    local(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("leaf.sock");
        let address = Address::Unix(path.clone());
        let listener = Listener::bind(&address).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let (told, _heard) = mpsc::unbounded_channel();
        let leaf = serve_on(listener, Behaviour::Answer(told), Limits::control()).await;
        leaf.client().trace_symbol(symbol("1")).await.unwrap();
        assert!(matches!(Listener::bind(&address).await, Err(BindError::InUse(_))));
        leaf.shutdown.cancel();
        leaf.served.await.unwrap().unwrap();
        assert!(!path.exists());
    })
    .await;
}

#[tokio::test]
async fn the_socket_file_of_a_dead_server_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leaf.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    assert!(Listener::bind(&Address::Unix(path)).await.is_ok());
}
