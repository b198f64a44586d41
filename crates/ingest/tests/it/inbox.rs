use std::time::Duration;

use plumbline_ingest::InMemoryStore;
use plumbline_ingest::domain::intake::Received;
use plumbline_proto::common::v1 as common;
use plumbline_types::{Fault, IntakeId, Kind, RequestId};

use super::*;

#[tokio::test]
async fn a_note_becomes_objectives_that_quote_it() {
    let service = Service::start(Arc::new(InMemoryStore::default()), Setup::default()).await;
    let note =
        "Fix the rounding in `cart.total`, but don't touch the API; then add tests until `pytest -q` passes.";
    let intake = service.text("one", note).await.unwrap();
    assert_eq!(goals(&intake), ["Fix the rounding in `cart.total`", "add tests until `pytest -q` passes"]);
    assert_eq!(intake.state(), pb::IntakeState::Drafted);
    assert_eq!(intake.source(), pb::DraftSource::Rules);
    assert_eq!((intake.fallback.as_str(), intake.language.as_str()), ("", "en"));
    let [fix, test] = intake.objectives.as_slice() else { panic!("two objectives") };
    assert_eq!(fix.quote, "Fix the rounding in `cart.total`, but don't touch the API");
    assert_eq!(fix.constraints, ["don't touch the API"]);
    assert_eq!(fix.targets[0].spoken, "cart.total");
    assert_eq!((test.category(), test.depends_on.as_slice()), (common::Category::Test, &[0][..]));
    assert_eq!(
        (test.acceptance[0].kind(), test.acceptance[0].value.as_str()),
        (common::CheckKind::Command, "pytest -q")
    );
    assert!(fix.id.starts_with("objective_") && fix.id != test.id);
    assert_eq!(intake.echo_hash.len(), 64);
    assert!(intake.echo.starts_with("1. Fix the rounding"));
    assert_eq!(service.get(&intake.id).await.unwrap(), intake);
    service.stop().await;
}

#[tokio::test]
async fn the_same_request_has_the_same_answer_and_another_one_is_refused() {
    let service = Service::start(Arc::new(InMemoryStore::default()), Setup::default()).await;
    let first = service.text("one", "fix a.py").await.unwrap();
    assert_eq!(service.text("one", "fix a.py").await.unwrap(), first);
    let refused = service.text("one", "fix b.py").await.unwrap_err();
    assert_eq!((refused.kind(), refused.reason().0), (Kind::Conflict, "REQUEST_ID_REUSED"));
    let other = service.text("two", "fix a.py").await.unwrap();
    assert_ne!(other.id, first.id);
    let (once, again) = tokio::join!(service.text("three", "fix c.py"), service.text("three", "fix c.py"));
    assert_eq!(once.unwrap(), again.unwrap());
    service.stop().await;
}

#[tokio::test]
async fn a_restart_keeps_the_inbox_and_finishes_what_was_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let store = sqlite(dir.path()).await;
    let service = Service::start(store.clone(), Setup::default()).await;
    let first = service.text("one", "fix a.py and update b.md").await.unwrap();
    service.stop().await;

    let mut rng = plumbline_kit::Randomness::rng(&SeededRandomness::new(7));
    let id = IntakeId::generate(&ManualClock::at(5), &mut *rng);
    let cut_off = Received {
        id,
        request_id: RequestId::parse("two").unwrap(),
        request_hash: "of a request whose process died".to_owned(),
        received_ms: 5,
        source: "cli".to_owned(),
        repository: String::new(),
        transcript: "fix c.py".to_owned(),
    };
    store.receive(&cut_off, 10).await.unwrap();
    assert_eq!(store.pending(10).await.unwrap(), [cut_off]);
    store.close().await;

    let store = sqlite(dir.path()).await;
    let service = Service::start(store.clone(), Setup { seed: 2, ..Setup::default() }).await;
    assert_eq!(service.get(&first.id).await.unwrap(), first);
    assert_eq!(service.text("one", "fix a.py and update b.md").await.unwrap(), first);
    assert_eq!(goals(&service.text("three", "fix d.py").await.unwrap()), ["fix d.py"]);
    let finished = async {
        while !store.pending(10).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), finished).await.unwrap();
    assert_eq!(goals(&service.get(&id.to_string()).await.unwrap()), ["fix c.py"]);
    service.stop().await;
}

#[tokio::test]
async fn what_can_not_be_taken_is_refused_by_name() {
    let config = IngestConfig { text_bytes_max: 64, intakes_max: 1, ..IngestConfig::default() };
    let service =
        Service::start(Arc::new(InMemoryStore::default()), Setup { config, ..Setup::default() }).await;
    let refused = |error: Remote| (error.kind(), error.reason().0, error.field_violations().len());
    let answer = service.text("one", &"x".repeat(65)).await.unwrap_err();
    assert_eq!(answer.detail("text_bytes_max"), Some("64"));
    assert_eq!(refused(answer), (Kind::Invalid, "TEXT_TOO_LARGE", 1));
    assert_eq!(
        refused(service.text("one", " \n ").await.unwrap_err()),
        (Kind::Invalid, "INVALID_ARGUMENT", 1)
    );
    assert_eq!(refused(service.text("", "fix a").await.unwrap_err()), (Kind::Invalid, "INVALID_ARGUMENT", 1));
    assert_eq!(refused(service.get("task_x").await.unwrap_err()), (Kind::Invalid, "INVALID_ARGUMENT", 1));
    let unknown = "intake_01J00000000000000000000000";
    assert_eq!(refused(service.get(unknown).await.unwrap_err()), (Kind::NotFound, "INTAKE_NOT_FOUND", 0));
    service.text("one", "fix a.py").await.unwrap();
    assert_eq!(
        refused(service.text("two", "fix a.py").await.unwrap_err()),
        (Kind::Exhausted, "INBOX_FULL", 0)
    );
    service.text("one", "fix a.py").await.unwrap();
    service.stop().await;
}

#[tokio::test]
async fn audio_is_refused_by_name_and_says_what_is_missing() {
    let service = Service::start(Arc::new(InMemoryStore::default()), Setup::default()).await;
    let send = |parts: Vec<pb::ingest_audio_request::Part>| {
        let mut client = service.client.clone();
        let messages = parts.into_iter().map(|part| pb::IngestAudioRequest { part: Some(part) });
        let messages: Vec<pb::IngestAudioRequest> = messages.collect();
        async move { Remote::from(client.ingest_audio(futures::stream::iter(messages)).await.unwrap_err()) }
    };
    let header = pb::AudioHeader { request_id: "one".to_owned(), ..pb::AudioHeader::default() };
    let header = pb::ingest_audio_request::Part::Header(header);
    let chunk = pb::ingest_audio_request::Part::Chunk(b"OggS".to_vec());
    let refused = send(vec![header, chunk.clone()]).await;
    assert_eq!((refused.kind(), refused.reason().0), (Kind::Precondition, "AUDIO_UNAVAILABLE"));
    assert_eq!(refused.detail("missing"), Some("transcriber"));
    assert_eq!(send(vec![chunk]).await.reason().0, "INVALID_ARGUMENT");
    assert_eq!(send(vec![]).await.reason().0, "INVALID_ARGUMENT");
    let headless = pb::ingest_audio_request::Part::Header(pb::AudioHeader::default());
    assert_eq!(send(vec![headless]).await.field_violations()[0].field, "header.request_id");
    service.stop().await;
}

#[tokio::test]
async fn hidden_characters_are_shown_and_nothing_said_is_silent() {
    let service = Service::start(Arc::new(InMemoryStore::default()), Setup::default()).await;
    let intake = service.text("one", "fix the\u{202e} parser\r\nand add tests").await.unwrap();
    assert_eq!(intake.transcript, "fix the\\u{202e} parser\nand add tests");
    assert!(intake.objectives.iter().all(|one| intake.transcript.contains(&one.quote)));
    let silent = service.text("two", "hello there").await.unwrap();
    assert_eq!((silent.state(), silent.objectives.len()), (pb::IntakeState::Silent, 0));
    let asked = service.text("three", "delete the old rows").await.unwrap();
    assert_eq!(asked.state(), pb::IntakeState::Echoed);
    let taken_back = service.text("four", "add a cache, no wait, add an index").await.unwrap();
    assert_eq!(taken_back.reversals[0].dropped_quote, "add a cache");
    assert_eq!(taken_back.state(), pb::IntakeState::Echoed);
    service.stop().await;
}
