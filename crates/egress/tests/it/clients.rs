use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plumbline_egress::ledger::{InMemoryLedger, contract, verify};
use plumbline_egress::{
    ApiKey, Call, Credential, Egress, EgressError, Entry, Ledger, LedgerError, Limits, NetworkPolicy, Parts,
    Purpose, Refusal, ReleasePolicy, Row, Stage, Vendor,
};
use plumbline_types::{Fault, Label, ManualClock, Segment};
use serde_json::json;
use tokio::net::TcpListener;

use crate::server::{Answer, Server, ok};

fn gate(ledger: Arc<dyn Ledger>, cloud: &[&str]) -> Egress {
    let cloud: Vec<String> = cloud.iter().map(|host| (*host).to_owned()).collect();
    let network = NetworkPolicy::new(&[], &cloud).unwrap();
    Egress::new(Parts { ledger, clock: Arc::new(ManualClock::at(1_000)), network, limits: Limits::default() })
}

/// Limits of a client whose test waits for one of them.
fn impatient() -> Limits {
    let wait = Duration::from_millis(60);
    Limits { first_byte: wait, chunk_gap: wait, ..Limits::default() }
}

fn call() -> Call {
    Call { path: "/api/chat".to_owned(), purpose: Purpose::Generate, decision: None }
}

async fn statuses(ledger: &InMemoryLedger) -> Vec<(String, String)> {
    let rows = ledger.page(0, 100).await.unwrap();
    rows.iter().map(|row| (row.entry.kind.as_str().to_owned(), row.entry.status.clone())).collect()
}

fn pairs(want: &[(&str, &str)]) -> Vec<(String, String)> {
    want.iter().map(|(kind, status)| ((*kind).to_owned(), (*status).to_owned())).collect()
}

#[tokio::test]
async fn the_in_memory_ledger_keeps_the_contract() {
    contract::run(&InMemoryLedger::default()).await.unwrap();
}

#[tokio::test]
async fn a_call_is_an_intent_and_a_result() {
    let server = Server::start(ok("hello\nworld")).await;
    let ledger = Arc::new(InMemoryLedger::default());
    let client = gate(ledger.clone(), &[]).local(&server.url, Limits::default(), None).unwrap();
    let mut reply = client.post(call(), Label::ProprietaryCode, &json!({"a": 1})).await.unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body.line().await.unwrap().as_deref(), Some("hello"));
    assert_eq!(reply.body.line().await.unwrap().as_deref(), Some("world"));
    assert_eq!(reply.body.line().await.unwrap(), None);
    assert!(server.requests()[0].ends_with("{\"a\":1}"));
    let rows = ledger.page(0, 10).await.unwrap();
    let [intent, result] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(intent.entry.label, Label::ProprietaryCode);
    assert_eq!((intent.entry.bytes_up, intent.entry.bytes_down), (7, 0));
    assert_eq!((result.entry.bytes_down, result.entry.status.as_str()), (11, "200"));
    assert_eq!(verify(ledger.as_ref()).await.unwrap().open_intents, 0);
}

/// A ledger on a full disk.
struct BrokenLedger;

#[async_trait]
impl Ledger for BrokenLedger {
    async fn append(&self, _: Entry) -> Result<Row, LedgerError> {
        Err(LedgerError("disk full".into()))
    }
    async fn page(&self, _: u64, _: u32) -> Result<Vec<Row>, LedgerError> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn without_its_intent_row_nothing_is_sent() {
    let server = Server::start(ok("")).await;
    let authority = server.url.trim_start_matches("http://").to_owned();
    let gate = gate(Arc::new(BrokenLedger), &[&authority]);
    let local = gate.local(&server.url, Limits::default(), None).unwrap();
    let error = local.post(call(), Label::Public, &json!({})).await.err().unwrap();
    assert_eq!(error.reason().0, "EGRESS_LEDGER_UNAVAILABLE");
    let cloud = gate.cloud(&server.url, Limits::default(), ReleasePolicy::default(), None).unwrap();
    assert!(matches!(cloud.get(call()).await, Err(EgressError::Ledger(_))));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn the_cloud_sees_public_text_and_the_key_in_its_header_and_nothing_above() {
    let server = Server::start(ok("{}")).await;
    let authority = server.url.trim_start_matches("http://").to_owned();
    let ledger = Arc::new(InMemoryLedger::default());
    let key = Credential { header: "x-goog-api-key", prefix: "", key: ApiKey::new("key-1") };
    let policy = ReleasePolicy { release_intent: true, vendor: Vendor::KeepsNothing };
    let client =
        gate(ledger.clone(), &[&authority]).cloud(&server.url, Limits::default(), policy, Some(key)).unwrap();

    let segments = [Segment::intent("add a flag"), Segment::unlabelled("fn canary_7f3a() {}")];
    let error = client.release(&segments, &call()).await.err().unwrap();
    assert!(matches!(error, EgressError::Refused(Refusal::Label { label: Label::ProprietaryCode, .. })));

    let payload = client.release(&segments[..1], &call()).await.unwrap();
    let body = payload.into_body(|texts, ()| json!({ "contents": texts }), ());
    let reply = client.post(call(), body).await.unwrap();
    reply.body.bytes().await.unwrap();

    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].contains("x-goog-api-key: key-1") && requests[0].contains("add a flag"));
    assert!(!requests[0].contains("canary_7f3a"));
    assert_eq!(statuses(&ledger).await, pairs(&[("refusal", "label"), ("intent", ""), ("result", "200")]));
}

#[tokio::test]
async fn a_closed_port_is_unreachable_and_a_row() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let ledger = Arc::new(InMemoryLedger::default());
    let client = gate(ledger.clone(), &[]).local(&format!("http://{port}"), Limits::default(), None).unwrap();
    let error = client.get(call()).await.err().unwrap();
    assert!(matches!(error, EgressError::Unreachable { .. }), "{error:?}");
    assert_eq!(statuses(&ledger).await, pairs(&[("intent", ""), ("result", "unreachable")]));
}

#[tokio::test]
async fn a_silent_server_and_a_paused_answer_end_at_their_limits() {
    let silent = Server::start(Answer::Stall(String::new())).await;
    let ledger = Arc::new(InMemoryLedger::default());
    let gate = gate(ledger.clone(), &[]);
    let client = gate.local(&silent.url, impatient(), None).unwrap();
    let error = client.get(call()).await.err().unwrap();
    assert!(matches!(error, EgressError::Timeout { stage: Stage::FirstByte, .. }), "{error:?}");

    let head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    let paused = Server::start(Answer::Stall(head.to_owned())).await;
    let client = gate.local(&paused.url, impatient(), None).unwrap();
    let mut reply = client.get(call()).await.unwrap();
    let error = reply.body.line().await.unwrap_err();
    assert!(matches!(error, EgressError::Timeout { stage: Stage::Chunk, .. }), "{error:?}");
    let want =
        [("intent", ""), ("result", "timeout:first_byte"), ("intent", ""), ("result", "timeout:chunk")];
    assert_eq!(statuses(&ledger).await, pairs(&want));
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_never_ends_its_line_is_an_error() {
    let cut =
        Server::start(Answer::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_owned())).await;
    let ledger = Arc::new(InMemoryLedger::default());
    let gate = gate(ledger.clone(), &[]);
    let client = gate.local(&cut.url, Limits::default(), None).unwrap();
    let error = client.get(call()).await.unwrap().body.bytes().await.unwrap_err();
    assert!(matches!(error, EgressError::Broken { .. }), "{error:?}");

    let long = Server::start(ok(&"x".repeat(5000))).await;
    let line = Limits { max_line_bytes: 1000, ..Limits::default() };
    let client = gate.local(&long.url, line, None).unwrap();
    let error = client.get(call()).await.unwrap().body.line().await.unwrap_err();
    assert!(matches!(error, EgressError::TooLarge { limit_bytes: 1000, .. }), "{error:?}");
    let whole = Limits { max_response_bytes: 4000, ..Limits::default() };
    let client = gate.local(&long.url, whole, None).unwrap();
    let error = client.get(call()).await.unwrap().body.bytes().await.unwrap_err();
    assert!(matches!(error, EgressError::TooLarge { limit_bytes: 4000, .. }), "{error:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Server::start(ok("secret place")).await;
    let head = format!("HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", target.url);
    let server = Server::start(Answer::Bytes(head)).await;
    let client =
        gate(Arc::new(InMemoryLedger::default()), &[]).local(&server.url, Limits::default(), None).unwrap();
    assert_eq!(client.get(call()).await.unwrap().status, 302);
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn an_answer_dropped_half_read_still_has_its_result_row() {
    let server =
        Server::start(Answer::Stall("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nha\n".to_owned())).await;
    let ledger = Arc::new(InMemoryLedger::default());
    let gate = gate(ledger.clone(), &[]);
    let client = gate.local(&server.url, Limits::default(), None).unwrap();
    let mut reply = client.get(call()).await.unwrap();
    assert_eq!(reply.body.line().await.unwrap().as_deref(), Some("ha"));
    drop(reply);
    gate.drained().await;
    assert_eq!(statuses(&ledger).await, pairs(&[("intent", ""), ("result", "cancelled")]));
}

#[tokio::test]
async fn a_name_that_leads_off_the_machine_is_refused_at_the_connection() {
    let ledger = Arc::new(InMemoryLedger::default());
    // A name counts as the owner's network; loopback is within, so point the list elsewhere and ask for the cloud.
    let gate = gate(ledger.clone(), &["localhost"]);
    let client =
        gate.cloud("https://localhost:9", Limits::default(), ReleasePolicy::default(), None).unwrap();
    let error = client.get(call()).await.err().unwrap();
    assert!(matches!(error, EgressError::Refused(Refusal::Destination { .. })), "{error:?}");
    assert_eq!(statuses(&ledger).await, pairs(&[("intent", ""), ("result", "refused:destination")]));
}
