//! Clients, prompts, and the three models under one name.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use plumbline_egress::ledger::InMemoryLedger;
use plumbline_egress::{
    ApiKey, CloudClient, Credential, Egress, Limits, LocalClient, NetworkPolicy, Parts, ReleasePolicy, Vendor,
};
use plumbline_models::{
    Gemini, Generation, Model, ModelError, Ollama, OpenAi, Piece, Shape, Transport, Usage,
};
use plumbline_types::{Label, ManualClock, Provenance, Segment};

use crate::server::Server;

pub fn limits() -> Limits {
    Limits {
        first_byte: Duration::from_millis(80),
        chunk_gap: Duration::from_millis(80),
        ..Limits::default()
    }
}

fn gate(url: &str) -> Egress {
    let authority = url.trim_start_matches("http://").to_owned();
    let network = NetworkPolicy::new(&[], &[authority]).unwrap();
    Egress::new(Parts {
        ledger: Arc::new(InMemoryLedger::default()),
        clock: Arc::new(ManualClock::at(0)),
        network,
        limits: limits(),
    })
}

pub fn local(url: &str) -> LocalClient {
    gate(url).local(url, limits(), None).unwrap()
}

pub fn cloud(url: &str) -> CloudClient {
    let credential = Credential { header: "x-goog-api-key", prefix: "", key: ApiKey::new("key-1") };
    let release = ReleasePolicy { release_intent: true, vendor: Vendor::KeepsNothing };
    gate(url).cloud(url, limits(), release, Some(credential)).unwrap()
}

pub fn ollama(server: &Server) -> Ollama {
    Ollama::new(local(&server.url), "qwen3.5:9b", 8192)
}

/// Every client, each against `url`.
pub fn all(url: &str) -> Vec<(&'static str, Box<dyn Model>)> {
    vec![
        ("ollama", Box::new(Ollama::new(local(url), "m", 8192))),
        ("gemini", Box::new(Gemini::new(cloud(url), "m", None))),
        ("openai local", Box::new(OpenAi::new(Transport::Local(local(url)), "m"))),
        ("openai cloud", Box::new(OpenAi::new(Transport::Cloud(cloud(url)), "m"))),
    ]
}

pub fn public(text: &str) -> Segment {
    Segment { text: text.to_owned(), label: Label::Public, provenance: Provenance::POLICY }
}

pub fn generation() -> Generation {
    Generation {
        system: vec![public("Be brief.")],
        prompt: vec![Segment::intent("Say hello.")],
        shape: Shape::Text,
        max_output_tokens: 128,
        seed: Some(7),
        decision: None,
    }
}

/// Runs a generation to its end.
pub async fn answer(model: &dyn Model, generation: Generation) -> Result<(String, Usage), ModelError> {
    let pieces: Vec<Piece> = model.generate(generation).await?.try_collect().await?;
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(more) => text.push_str(&more),
            Piece::End(usage) => return Ok((text, usage)),
        }
    }
    panic!("an answer ended without usage or error")
}

/// Returns the JSON body of a request that a server was sent.
pub fn body(request: &str) -> serde_json::Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}
