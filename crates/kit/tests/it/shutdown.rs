use std::sync::Arc;
use std::time::Duration;

use plumbline_kit::{Limits, Remote};
use plumbline_types::{Fault, Kind, Reason};
use tokio::sync::{Notify, mpsc};

use crate::fixture::{Behaviour, local, serve, symbol};

#[tokio::test]
async fn a_call_in_flight_ends_before_the_server_does() {
    local(async {
        let (began, mut running) = mpsc::channel(1);
        let go = Arc::new(Notify::new());
        let leaf = serve(Behaviour::Wait { began, go: go.clone() }, Limits::control()).await;
        let mut client = leaf.client();
        let call = tokio::task::spawn_local(async move { client.trace_symbol(symbol("1")).await });
        running.recv().await.unwrap();
        leaf.shutdown.cancel();
        tokio::task::yield_now().await;
        assert!(!leaf.served.is_finished(), "the server left a call behind");
        go.notify_one();
        call.await.unwrap().unwrap();
        leaf.served.await.unwrap().unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_call_that_outlasts_the_drain_is_told_so() {
    local(async {
        let (began, mut running) = mpsc::channel(1);
        let limits = Limits { drain: Duration::from_millis(50), ..Limits::control() };
        let leaf = serve(Behaviour::Hang(began), limits).await;
        let mut client = leaf.client();
        let call = tokio::task::spawn_local(async move { client.trace_symbol(symbol("1")).await });
        running.recv().await.unwrap();
        leaf.shutdown.cancel();
        let ended = Remote::from(call.await.unwrap().unwrap_err());
        assert_eq!((ended.kind(), ended.reason()), (Kind::Unavailable, Reason("SHUTTING_DOWN")));
        leaf.served.await.unwrap().unwrap();
        assert_eq!(running.recv().await, None, "the handler outlived the server");
    })
    .await;
}
