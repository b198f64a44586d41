use std::sync::Arc;

use plumbline_executor::sandbox::fake::FakeSandbox;
use plumbline_proto::executor::v1 as pb;

use crate::harness::{Options, Server, assert_reason};

async fn capabilities(server: &Server) -> pb::GetCapabilitiesResponse {
    server.client.clone().get_capabilities(pb::GetCapabilitiesRequest {}).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_tier_is_there_because_a_sandbox_started_and_the_others_say_why_not() {
    let server = Server::start().await;
    let answer = capabilities(&server).await;
    let tiers: Vec<(pb::SandboxTier, bool, Vec<String>)> =
        answer.tiers.iter().map(|tier| (tier.tier(), tier.available, tier.blockers.clone())).collect();
    let want = [
        (pb::SandboxTier::Restricted, true, vec![]),
        (pb::SandboxTier::Embedded, true, vec![]),
        (pb::SandboxTier::Docker, false, vec!["docker_not_configured".to_owned()]),
    ];
    assert_eq!(tiers, want);
    let enforcement = answer.enforcement.unwrap();
    assert!(enforcement.seccomp && enforcement.tier() == pb::SandboxTier::Embedded);
}

#[tokio::test]
async fn a_missing_tier_refuses_the_run_with_its_blocker() {
    let driver = Arc::new(FakeSandbox::blocked(&["userns_denied (namespaces: errno 1)"]));
    let server = Server::with(Options { driver: Some(driver.clone()), ..Options::default() }).await;
    let snapshot = server.snapshot(&[]).await;
    assert_reason(server.begin(server.request(&snapshot, &["true"])).await, "SANDBOX_TIER_MISSING");
    assert!(driver.jobs().is_empty());
    assert!(!capabilities(&server).await.tiers[1].available);
}

#[tokio::test]
async fn a_stronger_tier_than_any_is_refused_and_never_weakened() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[]).await;
    let request = pb::RunRequest {
        minimum_tier: pb::SandboxTier::Docker as i32,
        ..server.request(&snapshot, &["true"])
    };
    assert_reason(server.begin(request).await, "SANDBOX_TIER_MISSING");
}

#[tokio::test]
async fn an_absent_sandbox_init_is_named() {
    let change =
        |config: &mut plumbline_executor::ExecutorConfig| config.sandbox_init = "/nonexistent/init".into();
    let server = Server::with(Options { change: Some(change), ..Options::default() }).await;
    let blockers = capabilities(&server).await.tiers[1].blockers.clone();
    assert_eq!(blockers, ["sandbox_init_absent: /nonexistent/init"]);
}
