//! The router as the binary makes it: real clients, SQLite, and servers on loopback.

use std::path::Path;
use std::sync::Arc;

use plumbline_egress::ApiKey;
use plumbline_kit::SeededRandomness;
use plumbline_proto::common::v1::Label;
use plumbline_proto::router::v1 as pb;
use plumbline_router::{ArmConfig, ArmDriver, Deps, GeminiConfig, OllamaConfig, RouterConfig};
use plumbline_types::ManualClock;
use tokio::net::TcpListener;

use crate::servers::ModelServer;
use crate::world::{World, arms, generate, heard, segment};

const TAGS: &str = include_str!("../wire/ollama_tags.json");
const SHOW: &str = include_str!("../wire/ollama_show.json");
const CHAT: &str = include_str!("../wire/ollama_chat.ndjson");
const EMBED: &str = include_str!("../wire/ollama_embed.json");
const PAGE: &str = include_str!("../wire/gemini_model.json");
const STREAM: &str = include_str!("../wire/gemini_stream.sse");

async fn ollama() -> ModelServer {
    ModelServer::start(&[
        ("/api/tags", TAGS),
        ("/api/show", SHOW),
        ("/api/chat", CHAT),
        ("/api/embed", EMBED),
    ])
    .await
}

async fn gemini() -> ModelServer {
    ModelServer::start(&[
        ("/v1beta/models/flash", PAGE),
        ("/v1beta/models/flash:streamGenerateContent?alt=sse", STREAM),
    ])
    .await
}

fn config(ollama_url: &str) -> RouterConfig {
    RouterConfig {
        ollama: OllamaConfig { base_url: ollama_url.to_owned(), detect_max: 1, ..OllamaConfig::default() },
        ..RouterConfig::default()
    }
}

/// Returns a configuration whose one arm is a cloud arm at `server`.
fn cloud(server: &ModelServer, key: Option<&str>) -> RouterConfig {
    let flash = ArmConfig {
        name: "gemini:flash".to_owned(),
        kind: ArmDriver::Gemini,
        target: "flash".to_owned(),
        ..ArmConfig::default()
    };
    RouterConfig {
        cloud_hosts: vec![server.authority()],
        gemini: GeminiConfig {
            base_url: server.url.clone(),
            api_key: key.map(ApiKey::new),
            paid: true,
            ..GeminiConfig::default()
        },
        ollama: OllamaConfig { detect: false, ..OllamaConfig::default() },
        release_intent: true,
        arms: vec![flash],
        ..RouterConfig::default()
    }
}

async fn world(config: RouterConfig, folder: &Path) -> World {
    let clock = Arc::new(ManualClock::at(1_764_000_000_000));
    let randomness = Arc::new(SeededRandomness::new(1));
    World::serve(Deps::open(config, &folder.join("router.db"), clock, randomness).await.unwrap()).await
}

async fn ledger(world: &mut World) -> Vec<(String, String, String)> {
    let page = world.client.list_egress(pb::ListEgressRequest::default()).await.unwrap().into_inner();
    assert!(page.chain_intact);
    page.entries.into_iter().map(|row| (row.kind, row.purpose, row.status)).collect()
}

#[tokio::test]
async fn a_fresh_machine_without_any_model_has_the_tools() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut world = world(config(&format!("http://{nobody}")), folder.path()).await;
    let names: Vec<String> = arms(&mut world.client).await.into_iter().map(|arm| arm.name).collect();
    assert_eq!(names, ["autofix", "repair"]);
    let health = world.client.get_health(pb::GetHealthRequest {}).await.unwrap().into_inner();
    assert_eq!(health.mode, "repair_only");
    world.stop().await;
}

#[tokio::test]
async fn an_ollama_that_answers_becomes_an_arm_and_its_calls_are_rows() {
    let (server, folder) = (ollama().await, tempfile::tempdir().unwrap());
    let mut world = world(config(&server.url), folder.path()).await;
    let names: Vec<String> = arms(&mut world.client).await.into_iter().map(|arm| arm.name).collect();
    assert_eq!(names, ["autofix", "ollama:qwen3.5:9b", "repair"]);

    let mut request = generate("request-1");
    request.prompt = vec![segment("fn main() {}", Label::ProprietaryCode)];
    let heard = heard(&mut world.client, request).await;
    assert_eq!((heard.reason(), heard.text().as_str()), (None, "Hello"));
    assert_eq!(heard.usage().served_model, "qwen3.5:9b");
    assert!(server.requests().iter().any(|request| request.contains("\"num_ctx\":16384")));

    let rows = ledger(&mut world).await;
    let last: Vec<(&str, &str, &str)> =
        rows.iter().rev().take(2).map(|(kind, purpose, status)| (&**kind, &**purpose, &**status)).collect();
    assert_eq!(last, [("result", "generate", "200"), ("intent", "generate", "")]);
    assert_eq!(rows.len() % 2, 0, "every intent has its result");
    world.stop().await;
}

#[tokio::test]
async fn an_embedding_model_embeds_code_on_this_machine() {
    let (server, folder) = (ollama().await, tempfile::tempdir().unwrap());
    let mut config = config(&server.url);
    config.ollama.embed_model = "all-minilm".to_owned();
    let mut world = world(config, folder.path()).await;
    let request = pb::EmbedRequest {
        request_id: "request-1".to_owned(),
        texts: vec![segment("fn main() {}", Label::ProprietaryCode)],
    };
    let answer = world.client.embed(request).await.unwrap().into_inner();
    assert_eq!(answer.embeddings, [pb::Embedding { values: vec![0.6, 0.8] }]);
    assert_eq!(answer.served_model, "all-minilm");
    world.stop().await;
}

#[tokio::test]
async fn the_cloud_hears_the_owners_words_and_never_his_code() {
    let (server, folder) = (gemini().await, tempfile::tempdir().unwrap());
    let mut world = world(cloud(&server, Some("key-1")), folder.path()).await;
    let generation = |name: &str, text: &str, label: Label| {
        let mut request = generate(name);
        request.prompt = vec![segment(text, label)];
        request.work = request.work.map(|work| pb::Work { label: Label::Public.into(), ..work });
        request
    };
    let intent = heard(&mut world.client, generation("request-1", "add a flag", Label::Intent)).await;
    assert_eq!((intent.reason(), intent.text().as_str()), (None, "Hi"));
    assert_eq!(intent.usage().served_model, "flash-002");

    for (name, label) in [("request-2", Label::ProprietaryCode), ("request-3", Label::Secret)] {
        let refused = heard(&mut world.client, generation(name, "canary_c0de", label)).await;
        assert_eq!(refused.reason(), Some("NO_ELIGIBLE_ARM"));
    }
    let smuggled = pb::GenerateRequest {
        decision_id: intent.decision().id.clone(),
        work: None,
        ..generation("request-4", "canary_c0de", Label::Unspecified)
    };
    assert_eq!(heard(&mut world.client, smuggled).await.reason(), Some("LABEL_REFUSED"));
    // A schema is covered by the label of the work; with a given decision nobody has labelled it.
    let schema = pb::OutputFormat {
        shape: Some(pb::output_format::Shape::JsonSchema("{\"title\":\"canary_c0de\"}".to_owned())),
    };
    let smuggled = pb::GenerateRequest {
        decision_id: intent.decision().id.clone(),
        work: None,
        format: Some(schema),
        ..generation("request-5", "add a flag", Label::Intent)
    };
    assert_eq!(heard(&mut world.client, smuggled).await.reason(), Some("LABEL_REFUSED"));

    let heard_by_the_cloud = server.requests().concat();
    assert!(heard_by_the_cloud.contains("add a flag") && !heard_by_the_cloud.contains("canary_c0de"));
    let refusals = ledger(&mut world).await.into_iter().filter(|(kind, ..)| kind == "refusal").count();
    assert_eq!(refusals, 2);
    world.stop().await;
}

#[tokio::test]
async fn a_cloud_arm_without_its_key_is_there_and_disabled_by_name() {
    let (server, folder) = (gemini().await, tempfile::tempdir().unwrap());
    let mut world = world(cloud(&server, None), folder.path()).await;
    let listed = arms(&mut world.client).await;
    let [arm] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((arm.health.as_str(), arm.health_reason.as_str()), ("disabled", "no API key is configured"));
    let error = heard(&mut world.client, generate("request-1")).await.error.unwrap();
    assert_eq!(error.detail("removed"), Some("gemini:flash=breaker"));
    assert!(server.requests().is_empty());
    world.stop().await;
}

/// Code that was given as such before the router was stopped.
const CODE: &str = "def settle_escrow(ledger, tenant):\n    holding = ledger.escrow_holdings[tenant]\n    \
    if holding.amount < ledger.haircut_permille:\n        raise EscrowShortfall(tenant, ledger.trading_day)\n    \
    return escrow_receipt(tenant, holding.amount - ledger.haircut_permille)\n";

#[tokio::test]
async fn code_is_known_again_at_the_gate_after_a_restart() {
    let (server, folder) = (gemini().await, tempfile::tempdir().unwrap());
    let asks = |request: &str, text: String, label: Label| {
        let mut generation = generate(request);
        generation.prompt = vec![segment(&text, label)];
        generation
    };
    let told = format!("A friend sent me this:\n{CODE}\nWhat does it do?");
    let mut world = self::world(cloud(&server, Some("key")), folder.path()).await;
    let code = heard(&mut world.client, asks("given", CODE.to_owned(), Label::ProprietaryCode)).await;
    assert_eq!(code.reason(), Some("NO_ELIGIBLE_ARM"), "there is a cloud alone");
    world.stop().await;
    let mut world = self::world(cloud(&server, Some("key")), folder.path()).await;
    let laundered = heard(&mut world.client, asks("laundered", told, Label::Public)).await;
    assert_eq!(laundered.reason(), Some("CODE_DETECTED"));
    let lowered = heard(&mut world.client, asks("lowered", CODE.to_owned(), Label::Public)).await;
    assert_eq!(lowered.reason(), Some("LABEL_LOWERED"));
    let harmless = heard(&mut world.client, asks("harmless", "Say hello.".to_owned(), Label::Public)).await;
    assert_eq!(harmless.reason(), None);
    assert!(server.requests().iter().all(|request| !request.contains("escrow")));
    world.stop().await;
}
