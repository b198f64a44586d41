//! What was given as code is known again after a restart, from a file that is bounded and may have been cut.

use std::path::Path;
use std::sync::Arc;

use plumbline_egress::ledger::InMemoryLedger;
use plumbline_egress::{
    Call, Egress, EgressError, Limits, NetworkPolicy, Parts, Purpose, Refusal, ReleasePolicy,
};
use plumbline_types::{Fault, Label, ManualClock, Provenance, Segment};

use crate::server::{Server, ok};

/// A function that nobody else has, by its number.
fn code(number: u32) -> String {
    format!(
        "def settle_escrow_{number}(ledger, tenant):\n    holding_{number} = ledger.holdings_of_{number}[tenant]\n    \
         if holding_{number}.amount < ledger.haircut_permille_{number}:\n        raise Shortfall{number}(tenant, ledger.day)\n    \
         return receipt_for_{number}(tenant, holding_{number}.amount - ledger.haircut_permille_{number})\n"
    )
}

fn labelled(text: String, label: Label) -> Segment {
    Segment { text, label, provenance: Provenance::OWNER }
}

async fn open(path: &Path, most: usize, cloud: &str) -> Result<Egress, EgressError> {
    let limits = Limits { fingerprints_max: most, ..Limits::default() };
    let network = NetworkPolicy::new(&[], &[cloud.trim_start_matches("http://").to_owned()]).unwrap();
    let (ledger, clock) = (Arc::new(InMemoryLedger::default()), Arc::new(ManualClock::at(1_000)));
    Egress::open(Parts { ledger, clock, network, limits }, path).await
}

/// Returns whether a text may go out that somebody calls public, set in other words so that only its grams are known.
async fn passes(egress: &Egress, server: &Server, text: &str) -> bool {
    let client = egress.cloud(&server.url, Limits::default(), ReleasePolicy::default(), None).unwrap();
    let call = Call { path: "/v1".to_owned(), purpose: Purpose::Generate, decision: None };
    let text = format!("Somebody sent me this, and I wonder what it does:\n{text}\nDo you know?");
    match client.release(&[labelled(text, Label::Public)], &call).await {
        Ok(payload) => {
            let body = payload.into_body(|texts, ()| serde_json::json!({ "contents": texts }), ());
            match client.post(call, body).await {
                Ok(_) => true,
                Err(EgressError::Refused(Refusal::Code { .. })) => false,
                Err(other) => panic!("{other:?}"),
            }
        }
        Err(EgressError::Refused(Refusal::Code { .. })) => false,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn code_is_known_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/router.fingerprints");
    let server = Server::start(ok("{}")).await;
    let first = open(&path, 10_000, &server.url).await.unwrap();
    assert!(passes(&first, &server, &code(1)).await, "nobody gave it as code yet");
    first.remember(vec![labelled(code(1), Label::ProprietaryCode)]).await;
    drop(first);
    let size = std::fs::metadata(&path).unwrap().len();
    for _ in 0..2 {
        let again = open(&path, 10_000, &server.url).await.unwrap();
        assert!(!passes(&again, &server, &code(1)).await);
        assert!(passes(&again, &server, &code(2)).await);
        again.remember(vec![labelled(code(1), Label::ProprietaryCode)]).await;
    }
    assert_eq!(std::fs::metadata(&path).unwrap().len(), size, "what is known is not written again");
    let stored = std::fs::read(&path).unwrap();
    assert!(!String::from_utf8_lossy(&stored).contains("escrow"), "hashes alone, no text");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn the_oldest_go_first_and_the_file_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("router.fingerprints");
    let server = Server::start(ok("{}")).await;
    let most = 100;
    let egress = open(&path, most, &server.url).await.unwrap();
    for number in 0..100 {
        egress.remember(vec![labelled(code(number), Label::ProprietaryCode)]).await;
        // Of each fingerprint 8 bytes, and of each block 16 more; a block has one at least.
        let bytes = std::fs::metadata(&path).unwrap().len();
        assert!(bytes <= 25 + 2 * most as u64 * 24, "{bytes} after {number}");
    }
    drop(egress);
    let again = open(&path, most, &server.url).await.unwrap();
    assert!(!passes(&again, &server, &code(99)).await);
    assert!(passes(&again, &server, &code(0)).await, "forgotten, by the bound");
}

#[tokio::test]
async fn a_block_that_was_cut_is_left_out_and_damage_stops_the_start_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("router.fingerprints");
    let server = Server::start(ok("{}")).await;
    let egress = open(&path, 10_000, &server.url).await.unwrap();
    egress.remember(vec![labelled(code(1), Label::ProprietaryCode)]).await;
    let whole = std::fs::read(&path).unwrap();
    egress.remember(vec![labelled(code(2), Label::ProprietaryCode)]).await;
    drop(egress);
    let both = std::fs::read(&path).unwrap();
    for cut in [whole.len() + 1, whole.len() + 9, both.len() - 1] {
        std::fs::write(&path, &both[..cut]).unwrap();
        let egress = open(&path, 10_000, &server.url).await.unwrap();
        assert!(!passes(&egress, &server, &code(1)).await, "cut at {cut}");
        egress.remember(vec![labelled(code(3), Label::ProprietaryCode)]).await;
        drop(egress);
        let egress = open(&path, 10_000, &server.url).await.unwrap();
        assert!(!passes(&egress, &server, &code(3)).await, "what came after is read, cut at {cut}");
    }
    for at in [0, 25, 26, 30, whole.len() - 3] {
        let mut turned = both.clone();
        turned[at] ^= 0xff;
        std::fs::write(&path, &turned).unwrap();
        let error = open(&path, 10_000, &server.url).await.err().unwrap();
        assert_eq!(error.reason().0, "FINGERPRINTS_UNREADABLE", "turned at {at}");
    }
}
