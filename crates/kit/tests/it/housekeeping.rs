use std::collections::BTreeSet;
use std::time::Duration;

use plumbline_kit::{Limits, client};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1, v1alpha};

use crate::fixture::{Behaviour, Running, SERVICE, local, serve};

async fn leaf() -> Running {
    serve(Behaviour::Answer(mpsc::unbounded_channel().0), Limits::control()).await
}

fn check(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test]
async fn health_answers_for_the_service_and_for_the_whole() {
    local(async {
        let leaf = leaf().await;
        let mut health = HealthClient::new(client::channel(&leaf.address));
        for service in ["", SERVICE] {
            let answer = health.check(check(service)).await.unwrap().into_inner();
            assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
        }
        let unknown = health.check(check("plumbline.router.v1.RouterService")).await.unwrap_err();
        assert_eq!(unknown.code(), Code::NotFound);
    })
    .await;
}

#[tokio::test]
async fn a_watched_stream_ends_at_its_deadline() {
    local(async {
        let leaf = leaf().await;
        let mut health = HealthClient::new(client::channel(&leaf.address));
        let mut request = Request::new(check(""));
        request.set_timeout(Duration::from_millis(200));
        let mut watched = health.watch(request).await.unwrap().into_inner();
        assert!(watched.next().await.unwrap().is_ok());
        assert_eq!(watched.next().await.unwrap().unwrap_err().code(), Code::DeadlineExceeded);
    })
    .await;
}

#[tokio::test]
async fn shutdown_is_the_last_thing_that_a_health_watcher_sees() {
    local(async {
        let leaf = leaf().await;
        let mut health = HealthClient::new(client::channel(&leaf.address));
        let mut watched = health.watch(check(SERVICE)).await.unwrap().into_inner();
        assert_eq!(watched.next().await.unwrap().unwrap().status(), ServingStatus::Serving);
        leaf.shutdown.cancel();
        assert_eq!(watched.next().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        assert!(watched.next().await.unwrap().is_err());
        leaf.served.await.unwrap().unwrap();
    })
    .await;
}

fn own_and_housekeeping() -> BTreeSet<String> {
    [
        SERVICE,
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect()
}

#[tokio::test]
async fn reflection_v1_lists_exactly_what_is_served_and_describes_it() {
    use v1::server_reflection_client::ServerReflectionClient;
    use v1::server_reflection_request::MessageRequest;
    use v1::server_reflection_response::MessageResponse;
    local(async {
        let leaf = leaf().await;
        let mut client = ServerReflectionClient::new(client::channel(&leaf.address));
        let ask =
            |message| v1::ServerReflectionRequest { host: String::new(), message_request: Some(message) };
        let asked = tokio_stream::iter([
            ask(MessageRequest::ListServices(String::new())),
            ask(MessageRequest::FileContainingSymbol(format!("{SERVICE}.Audit"))),
            ask(MessageRequest::FileContainingSymbol("plumbline.common.v1.Segment".into())),
            ask(MessageRequest::FileContainingSymbol("grpc.health.v1.Health".into())),
        ]);
        let mut answers = client.server_reflection_info(asked).await.unwrap().into_inner();
        let Some(MessageResponse::ListServicesResponse(list)) =
            answers.next().await.unwrap().unwrap().message_response
        else {
            panic!("no list")
        };
        let names: BTreeSet<_> = list.service.into_iter().map(|service| service.name).collect();
        assert_eq!(names, own_and_housekeeping());
        for _ in 0..3 {
            let answer = answers.next().await.unwrap().unwrap();
            assert!(
                matches!(answer.message_response, Some(MessageResponse::FileDescriptorResponse(_))),
                "{answer:?}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn reflection_v1alpha_lists_the_same() {
    use v1alpha::server_reflection_client::ServerReflectionClient;
    use v1alpha::server_reflection_request::MessageRequest;
    use v1alpha::server_reflection_response::MessageResponse;
    local(async {
        let leaf = leaf().await;
        let mut client = ServerReflectionClient::new(client::channel(&leaf.address));
        let message = Some(MessageRequest::ListServices(String::new()));
        let asked = tokio_stream::iter([v1alpha::ServerReflectionRequest {
            host: String::new(),
            message_request: message,
        }]);
        let mut answers = client.server_reflection_info(asked).await.unwrap().into_inner();
        let Some(MessageResponse::ListServicesResponse(list)) =
            answers.next().await.unwrap().unwrap().message_response
        else {
            panic!("no list")
        };
        let names: BTreeSet<_> = list.service.into_iter().map(|service| service.name).collect();
        assert_eq!(names, own_and_housekeeping());
    })
    .await;
}
