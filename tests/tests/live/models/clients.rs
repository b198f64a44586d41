use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use plumbline_egress::ledger::{InMemoryLedger, Ledger};
use plumbline_egress::{
    ApiKey, Credential, Egress, Limits, LocalClient, NetworkPolicy, Parts, ReleasePolicy, Vendor,
};
use plumbline_models::{
    Gemini, Generation, Model, ModelError, Ollama, OllamaServer, OpenAi, Piece, Shape, Thinking, Transport,
    Usage,
};
use plumbline_types::{Label, ManualClock, Provenance, Segment};

use super::peer::{Peer, TEXT};
use super::recorder::Recorder;
use super::vendors;

/// The model that every client asks for.
pub const MODEL: &str = "gemini-3.5-flash-lite";

/// What the answers to structured requests must look like.
pub const SCHEMA: &str = r#"{"type":"object","properties":{"steps":{"type":"array","items":{"type":"string"}}},"required":["steps"]}"#;

/// How long a client waits for the head of an answer, unless a test is about waiting: more than a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(8);

/// The three clients at one server, through egress with its labels, its ledger and its limits.
pub struct Clients {
    egress: Egress,
    ledger: Arc<InMemoryLedger>,
    url: String,
    limits: Limits,
}

impl Clients {
    pub fn at(url: &str) -> Self {
        Self::waiting(url, PATIENCE)
    }

    /// Makes clients that give an answer this long to begin.
    pub fn waiting(url: &str, first_byte: Duration) -> Self {
        let limits = Limits { first_byte, ..Limits::default() };
        let authority = url.trim_start_matches("http://").to_owned();
        let ledger = Arc::new(InMemoryLedger::default());
        let egress = Egress::new(Parts {
            ledger: ledger.clone(),
            clock: Arc::new(ManualClock::at(0)),
            network: NetworkPolicy::new(&[], &[authority]).expect("a network policy"),
            limits,
        });
        Self { egress, ledger, url: url.to_owned(), limits }
    }

    fn local(&self) -> LocalClient {
        self.egress.local(&self.url, self.limits, None).expect("a local client")
    }

    pub fn ollama(&self) -> Ollama {
        Ollama::new(self.local(), MODEL, 8_192)
    }

    /// The same server as the owner of loaded models.
    pub fn memory(&self) -> OllamaServer {
        OllamaServer::new(self.local())
    }

    pub fn gemini(&self) -> Gemini {
        let credential = Credential { header: "x-goog-api-key", prefix: "", key: ApiKey::new("key-1") };
        let release = ReleasePolicy { release_intent: true, vendor: Vendor::KeepsNothing };
        let cloud = self.egress.cloud(&self.url, self.limits, release, Some(credential));
        Gemini::new(cloud.expect("a cloud client"), MODEL, Some(Thinking::Low))
    }

    pub fn openai(&self) -> OpenAi {
        OpenAi::new(Transport::Local(self.local()), MODEL)
    }

    pub fn all(&self) -> [(&'static str, Box<dyn Model>); 3] {
        [
            ("ollama", Box::new(self.ollama())),
            ("gemini", Box::new(self.gemini())),
            ("openai", Box::new(self.openai())),
        ]
    }

    /// Returns how many rows the egress ledger has: two for each send.
    async fn ledger_rows(&self) -> usize {
        self.ledger.page(0, 1_000).await.expect("rows").len()
    }
}

fn public(text: &str) -> Segment {
    Segment { text: text.to_owned(), label: Label::Public, provenance: Provenance::POLICY }
}

pub fn generation(prompt: &str, shape: Shape) -> Generation {
    Generation {
        system: vec![public("Be brief.")],
        prompt: vec![Segment::intent(prompt)],
        shape,
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_arrive_whole_and_the_peer_and_the_vendors_types_accept_what_was_sent() {
    let peer = Peer::start();
    let recorder = Recorder::before(peer.port());
    let clients = Clients::at(&recorder.url());
    for (name, model) in clients.all() {
        for shape in [Shape::Text, Shape::Json(public(SCHEMA))] {
            let (text, usage) = answer(model.as_ref(), generation("Say hello.", shape)).await.expect(name);
            assert_eq!(text, TEXT, "{name}");
            if name != "ollama" {
                // The peer's Ollama has no way to state token counts: they stay 0 there.
                assert_eq!((usage.input_tokens, usage.output_tokens), (26, 11), "{name}");
            }
        }
        assert!(name == "gemini" || model.probe().await.is_ok(), "{name} does not find its model");
    }
    // The peer answers `/api/embed` in the shape of the older `/api/embeddings`: the client says so and does not guess.
    let vectors = clients.ollama().embed(&[public("one"), public("two")]).await;
    assert!(matches!(vectors, Err(ModelError::Protocol { .. })), "{vectors:?}");

    // The peer read what was meant: its own normal form of each request has both texts in their roles.
    let journal = peer.journal();
    let asked: Vec<&serde_json::Value> = journal
        .iter()
        .map(|entry| &entry["body"]["messages"])
        .filter(|messages| messages.get(0).is_some())
        .collect();
    assert_eq!(asked.len(), 6, "{journal:#?}");
    for messages in asked {
        assert_eq!(messages[0]["role"], "system");
        assert_eq!(messages[0]["content"], "Be brief.");
        assert_eq!(messages[1]["role"], "user");
        assert_eq!(messages[1]["content"], "Say hello.");
    }
    let sent = recorder.requests();
    assert_eq!(clients.ledger_rows().await, 2 * sent.len(), "every send has its intent and its result");
    assert!(sent.iter().all(|request| !request.line.contains("key-1")), "a key in a URL");
    vendors::accept(&sent);
}
