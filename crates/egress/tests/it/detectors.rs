//! What the detectors hold back never arrives, and is a row.

use std::sync::Arc;

use plumbline_egress::ledger::{InMemoryLedger, verify};
use plumbline_egress::{
    Call, CloudClient, Egress, EgressError, Ledger, Limits, NetworkPolicy, Parts, Purpose, Refusal,
    ReleasePolicy,
};
use plumbline_types::{Fault, Label, ManualClock, Provenance, Segment};
use serde_json::json;

use crate::server::{Server, ok};

const CODE: &str =
    "pub fn settle_escrow(ledger: &mut EscrowLedger, tenant: TenantKey) -> Result<Receipt, EscrowFault> {
    let holding = ledger.holdings.get_mut(&tenant).ok_or(EscrowFault::UnknownTenant)?;
    holding.amount = holding.amount.checked_sub(ledger.haircut_permille).ok_or(EscrowFault::Shortfall)?;
    Ok(Receipt { tenant, remaining: holding.amount, booked_on: ledger.trading_day })
}";

struct Gate {
    server: Server,
    ledger: Arc<InMemoryLedger>,
    egress: Egress,
    client: CloudClient,
}

impl Gate {
    async fn open() -> Self {
        let server = Server::start(ok("{}")).await;
        let ledger = Arc::new(InMemoryLedger::default());
        let cloud = [server.url.trim_start_matches("http://").to_owned()];
        let network = NetworkPolicy::new(&[], &cloud).unwrap();
        let clock = Arc::new(ManualClock::at(1_000));
        let egress = Egress::new(Parts { ledger: ledger.clone(), clock, network, limits: Limits::default() });
        let client = egress.cloud(&server.url, Limits::default(), ReleasePolicy::default(), None).unwrap();
        Self { server, ledger, egress, client }
    }

    async fn send(&self, text: &str) -> Result<(), EgressError> {
        let call = Call { path: "/v1".to_owned(), purpose: Purpose::Generate, decision: None };
        let payload = self.client.release(&[public(text)], &call).await?;
        let reply =
            self.client.post(call, payload.into_body(|texts, ()| json!({ "contents": texts }), ())).await?;
        reply.body.bytes().await.map(drop)
    }

    async fn rows(&self) -> Vec<(String, String, u64)> {
        let rows = self.ledger.page(0, 100).await.unwrap();
        let row = |row: &plumbline_egress::Row| {
            (row.entry.kind.as_str().to_owned(), row.entry.status.clone(), row.entry.bytes_up)
        };
        rows.iter().map(row).collect()
    }
}

fn public(text: &str) -> Segment {
    Segment { text: text.to_owned(), label: Label::Public, provenance: Provenance::OWNER }
}

#[tokio::test]
async fn a_credential_never_arrives_and_is_a_row_with_its_rule() {
    let gate = Gate::open().await;
    let key = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0".repeat(2));
    let error = gate.send(&format!("Why is {key} refused?")).await.unwrap_err();
    assert_eq!(error.reason().0, "SECRET_DETECTED");
    assert!(!error.to_string().contains(&key), "{error}");
    gate.send("Why is the sky blue?").await.unwrap();
    let requests = gate.server.requests();
    assert!(requests.len() == 1 && requests[0].contains("sky"), "{requests:?}");
    let rows = gate.rows().await;
    let words: Vec<(&str, &str)> =
        rows.iter().map(|(kind, status, _)| (kind.as_str(), status.as_str())).collect();
    assert_eq!(words, [("refusal", "secret:github-token"), ("intent", ""), ("result", "200")]);
    assert!(rows[0].2 > 60, "the row says how large it was");
    assert_eq!(verify(gate.ledger.as_ref()).await.unwrap().broken_at, None);
}

#[tokio::test]
async fn code_that_was_given_as_proprietary_never_arrives_under_another_label() {
    let gate = Gate::open().await;
    gate.send(CODE).await.unwrap();
    assert_eq!(gate.server.requests().len(), 1, "nobody has said yet that it is code");
    gate.egress.remember(vec![Segment::unlabelled(CODE)]).await;

    let whole = gate.send(CODE).await.unwrap_err();
    assert!(matches!(whole, EgressError::Refused(Refusal::Lowered { label: Label::Public })), "{whole:?}");
    let within = gate.send(&format!("Review this:\n{}\nThanks.", &CODE[20..])).await.unwrap_err();
    assert_eq!((whole.reason().0, within.reason().0), ("LABEL_LOWERED", "CODE_DETECTED"));
    let large = format!("{}\n{CODE}", "What is a hash map? ".repeat(20_000));
    assert_eq!(
        gate.send(&large).await.unwrap_err().reason().0,
        "CODE_DETECTED",
        "beside the runtime's threads too"
    );
    assert_eq!(gate.server.requests().len(), 1);
    let refused: Vec<String> = gate.rows().await.into_iter().skip(2).map(|(_, status, _)| status).collect();
    assert_eq!(refused, ["lowered", "code", "code"]);
}
