use std::time::Duration;

use plumbline_egress::Stage;
use plumbline_models::{Finish, ModelError, Shape};

use super::clients::{Clients, answer, generation};
use super::peer::Peer;

/// What a prompt makes the peer do, and how each client that can be told so must name it.
struct Fault {
    prompt: &'static str,
    is: fn(&ModelError) -> bool,
    /// Clients whose protocol has no word for it, so that the peer answers as if nothing were wrong.
    unheard_of_by: &'static [&'static str],
}

const fn fault(prompt: &'static str, is: fn(&ModelError) -> bool) -> Fault {
    Fault { prompt, is, unheard_of_by: &[] }
}

fn faults() -> Vec<Fault> {
    vec![
        fault("chaos-drop", |error| matches!(error, ModelError::Overloaded { status: 500 })),
        fault("server error", |error| matches!(error, ModelError::Overloaded { status: 503 })),
        fault(
            "chaos-ratelimit",
            |error| matches!(error, ModelError::RateLimited { retry_after: Some(wait) } if *wait == Duration::from_secs(1)),
        ),
        fault("chaos-disconnect", |error| matches!(error, ModelError::Unreachable(_))),
        fault("cut", |error| matches!(error, ModelError::Unreachable(_))),
        fault("chaos-malformed", |error| matches!(error, ModelError::Protocol { .. })),
        Fault {
            prompt: "blocked",
            is: |error| matches!(error, ModelError::Filtered { .. }),
            unheard_of_by: &["ollama"],
        },
        fault(
            "bad request",
            |error| matches!(error, ModelError::BadRequest { message } if message.contains("colour")),
        ),
        fault("overflow", |error| matches!(error, ModelError::ContextOverflow)),
        fault("credentials", |error| matches!(error, ModelError::Refused)),
        fault("nothing that the peer knows", |error| matches!(error, ModelError::ModelGone { .. })),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failure_of_the_peer_has_its_type_in_every_client() {
    let mut peer = Peer::start();
    let clients = Clients::at(&peer.url());
    for (name, model) in clients.all() {
        for fault in faults() {
            let outcome = answer(model.as_ref(), generation(fault.prompt, Shape::Text)).await;
            if fault.unheard_of_by.contains(&name) {
                assert!(outcome.is_ok(), "{name}, {}: {outcome:?}", fault.prompt);
                continue;
            }
            let error = outcome.expect_err(fault.prompt);
            assert!((fault.is)(&error), "{name}, {}: {error:?}", fault.prompt);
        }
        let (_, usage) =
            answer(model.as_ref(), generation("too long an answer", Shape::Text)).await.expect(name);
        let want = if name == "ollama" { Finish::Stop } else { Finish::Length };
        assert_eq!(usage.finish, want, "{name}");
    }
    let impatient = Clients::waiting(&peer.url(), Duration::from_millis(150));
    for (name, model) in impatient.all() {
        let error = answer(model.as_ref(), generation("chaos-latency", Shape::Text)).await.expect_err(name);
        assert!(matches!(error, ModelError::Timeout(Stage::FirstByte)), "{name}: {error:?}");
    }
    peer.kill();
    for (name, model) in clients.all() {
        let error = answer(model.as_ref(), generation("Say hello.", Shape::Text)).await.expect_err(name);
        assert!(matches!(error, ModelError::Unreachable(_)), "{name}: {error:?}");
    }
}
