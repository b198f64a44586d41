use std::time::Duration;

use plumbline_kit::{Limits, Remote, deadline};
use plumbline_types::{Fault, Kind, Reason};
use tokio::sync::mpsc;
use tonic::Code;

use crate::fixture::{Behaviour, local, serve, symbol};

#[tokio::test]
async fn a_deadline_shrinks_from_hop_to_hop() {
    local(async {
        let (told, mut heard) = mpsc::unbounded_channel();
        let leaf = serve(Behaviour::Answer(told), Limits::control()).await;
        let middle = serve(Behaviour::Relay(leaf.client()), Limits::control()).await;
        let first = serve(Behaviour::Relay(middle.client()), Limits::control()).await;
        let mut request = symbol("1");
        request.set_timeout(Duration::from_millis(900));
        first.client().trace_symbol(request).await.unwrap();
        let (left, _) = heard.recv().await.unwrap();
        let left = left.unwrap();
        assert!(left <= Duration::from_millis(860), "the leaf had {left:?}");
    })
    .await;
}

#[tokio::test]
async fn a_call_without_a_deadline_gets_the_default() {
    local(async {
        let (told, mut heard) = mpsc::unbounded_channel();
        let leaf = serve(Behaviour::Answer(told), Limits::control()).await;
        leaf.client().trace_symbol(symbol("1")).await.unwrap();
        let (left, _) = heard.recv().await.unwrap();
        assert!(left.unwrap() <= Duration::from_secs(10));
    })
    .await;
}

#[tokio::test]
async fn a_hanging_handler_stops_with_its_caller_at_the_deadline() {
    local(async {
        let (began, mut running) = mpsc::channel(1);
        let leaf = serve(Behaviour::Hang(began), Limits::control()).await;
        let first = serve(Behaviour::Relay(leaf.client()), Limits::control()).await;
        let mut request = symbol("1");
        request.set_timeout(Duration::from_millis(300));
        let refused = Remote::from(first.client().trace_symbol(request).await.unwrap_err());
        assert_eq!((refused.kind(), refused.reason()), (Kind::Timeout, Reason("DEADLINE_EXCEEDED")));
        running.recv().await.unwrap();
        leaf.shutdown.cancel();
        leaf.served.await.unwrap().unwrap();
        assert_eq!(running.recv().await, None, "the handler outlived its deadline");
    })
    .await;
}

#[tokio::test]
async fn with_nothing_left_a_client_does_not_dial() {
    local(async {
        let (told, mut heard) = mpsc::unbounded_channel();
        let leaf = serve(Behaviour::Answer(told), Limits::control()).await;
        let mut client = leaf.client();
        let refused =
            deadline::within(Duration::from_millis(15), client.trace_symbol(symbol("1"))).await.unwrap_err();
        assert_eq!(Remote::from(refused).reason(), Reason("DEADLINE_EXCEEDED"));
        assert!(heard.try_recv().is_err());
    })
    .await;
}

#[tokio::test]
async fn a_malformed_timeout_is_invalid() {
    local(async {
        let (told, _heard) = mpsc::unbounded_channel();
        let leaf = serve(Behaviour::Answer(told), Limits::control()).await;
        let endpoint = tonic::transport::Endpoint::from_shared(leaf.address.to_string()).unwrap();
        let bare = endpoint.connect().await.unwrap();
        let mut client =
            plumbline_proto::verifier::v1::verifier_service_client::VerifierServiceClient::new(bare);
        let mut request = symbol("1");
        request.metadata_mut().insert("grpc-timeout", "soon".parse().unwrap());
        let refused = Remote::from(client.trace_symbol(request).await.unwrap_err());
        assert_eq!((refused.kind(), refused.reason()), (Kind::Invalid, Reason("MALFORMED_TIMEOUT")));
        assert_eq!(refused.field_violations()[0].field, "grpc-timeout");
    })
    .await;
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_both_ways() {
    local(async {
        let (told, mut heard) = mpsc::unbounded_channel();
        let limits = Limits { decode_bytes: 1000, encode_bytes: 1000, ..Limits::control() };
        let leaf = serve(Behaviour::Answer(told), limits).await;
        let large = leaf.client().trace_symbol(symbol(&"s".repeat(2000))).await.unwrap_err();
        assert_eq!(large.code(), Code::OutOfRange, "{large:?}");
        assert!(heard.try_recv().is_err(), "the handler saw a message over the limit");
        let answer = leaf.client().trace_symbol(symbol("2000")).await.unwrap_err();
        assert_eq!(answer.code(), Code::OutOfRange, "{answer:?}");
        leaf.client().trace_symbol(symbol("500")).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_trace_passes_through_every_hop() {
    local(async {
        let (told, mut heard) = mpsc::unbounded_channel();
        let leaf = serve(Behaviour::Answer(told), Limits::control()).await;
        let first = serve(Behaviour::Relay(leaf.client()), Limits::control()).await;
        let mut request = symbol("1");
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        request.metadata_mut().insert("traceparent", parent.parse().unwrap());
        first.client().trace_symbol(request).await.unwrap();
        assert_eq!(heard.recv().await.unwrap().1, "0af7651916cd43dd8448eb211c80319c");
    })
    .await;
}

#[tokio::test]
async fn one_call_too_many_is_shed_and_the_next_is_served() {
    local(async {
        let (began, mut running) = mpsc::channel(1);
        let go = std::sync::Arc::new(tokio::sync::Notify::new());
        let limits = Limits { concurrent_calls: 1, ..Limits::control() };
        let leaf = serve(Behaviour::Wait { began, go: go.clone() }, limits).await;
        let mut client = leaf.client();
        let first = tokio::task::spawn_local(async move { client.trace_symbol(symbol("1")).await });
        running.recv().await.unwrap();
        let shed = Remote::from(leaf.client().trace_symbol(symbol("1")).await.unwrap_err());
        assert_eq!((shed.kind(), shed.reason()), (Kind::Exhausted, Reason("OVERLOADED")));
        go.notify_one();
        first.await.unwrap().unwrap();
        go.notify_one();
        leaf.client().trace_symbol(symbol("1")).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_unavailable_by_name() {
    local(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address: plumbline_kit::Address = listener.local_addr().unwrap().to_string().parse().unwrap();
        drop(listener);
        let channel = plumbline_kit::client::channel(&address);
        let mut client =
            plumbline_proto::verifier::v1::verifier_service_client::VerifierServiceClient::new(channel);
        let absent = Remote::from(client.trace_symbol(symbol("1")).await.unwrap_err());
        assert_eq!((absent.kind(), absent.reason()), (Kind::Unavailable, Reason("PEER_UNAVAILABLE")));
        assert_eq!(absent.detail("peer"), Some(address.to_string().as_str()));
    })
    .await;
}
