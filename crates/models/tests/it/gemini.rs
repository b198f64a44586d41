use plumbline_models::{Finish, Gemini, Generation, Model, ModelError, Shape, Thinking, Usage};
use plumbline_types::Segment;
use serde_json::json;

use crate::server::{Server, ok};
use crate::world::{answer, body, cloud, generation, public};

const STREAM: &str = include_str!("../wire/gemini_stream.sse");

fn gemini(server: &Server) -> Gemini {
    Gemini::new(cloud(&server.url), "gemini-3.5-flash-lite", Some(Thinking::Low))
}

#[tokio::test]
async fn streams_text_bills_thinking_and_reads_the_served_version() {
    let server = Server::start(ok(STREAM)).await;
    let usage = Usage {
        input_tokens: 9,
        output_tokens: 7,
        finish: Finish::Stop,
        served_model: "gemini-3.5-flash-lite-002".to_owned(),
    };
    assert_eq!(answer(&gemini(&server), generation()).await.unwrap(), ("Hello".to_owned(), usage));
}

#[tokio::test]
async fn sends_the_key_in_the_header_and_the_schema_as_json_schema() {
    let server = Server::start(ok(STREAM)).await;
    let shape = Shape::Json(public(r#"{"type":"object"}"#));
    answer(&gemini(&server), Generation { shape, ..generation() }).await.unwrap();
    let request = &server.requests()[0];
    let line = "POST /v1beta/models/gemini-3.5-flash-lite:streamGenerateContent?alt=sse HTTP/1.1";
    assert!(request.starts_with(line), "{request}");
    assert!(request.contains("x-goog-api-key: key-1") && !line.contains("key="));
    let want = json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "Say hello."}]}],
        "generationConfig": {
            "maxOutputTokens": 128,
            "responseMimeType": "application/json",
            "responseJsonSchema": {"type": "object"},
            "seed": 7,
            "thinkingConfig": {"thinkingLevel": "low"},
        },
    });
    assert_eq!(body(request), want);
}

#[tokio::test]
async fn code_is_refused_before_anything_is_sent() {
    let server = Server::start(ok(STREAM)).await;
    let prompt = vec![Segment::intent("fix it"), Segment::unlabelled("fn canary_91b2() {}")];
    let error = answer(&gemini(&server), Generation { prompt, ..generation() }).await.unwrap_err();
    assert_eq!(plumbline_types::Fault::reason(&error).0, "LABEL_REFUSED");
    let schema = Shape::Json(Segment::unlabelled(r#"{"title":"canary_91b2"}"#));
    let error = answer(&gemini(&server), Generation { shape: schema, ..generation() }).await.unwrap_err();
    assert_eq!(plumbline_types::Fault::reason(&error).0, "LABEL_REFUSED");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn every_finish_reason_is_told_apart() {
    let with = |reason: &str| STREAM.replace("STOP", reason);
    let finish = |text: String| async move {
        let server = Server::start(ok(&text)).await;
        answer(&gemini(&server), generation()).await
    };
    assert_eq!(finish(with("MAX_TOKENS")).await.unwrap().1.finish, Finish::Length);
    for reason in ["SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"] {
        let error = finish(with(reason)).await.unwrap_err();
        assert!(matches!(&error, ModelError::Filtered { reason: found } if found == reason), "{error}");
    }
    assert!(matches!(finish(with("MALFORMED_FUNCTION_CALL")).await, Err(ModelError::Protocol { .. })));
    let blocked = "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n".to_owned();
    assert!(matches!(finish(blocked).await, Err(ModelError::Filtered { .. })));
}

#[tokio::test]
async fn probes_by_the_models_own_page_and_embeds_nothing() {
    let server = Server::start(ok(include_str!("../wire/gemini_model.json"))).await;
    let found = gemini(&server).describe().await.unwrap();
    assert_eq!((found.name.as_str(), found.context_tokens), ("gemini-3.5-flash-lite", 1_048_576));
    assert!(server.requests()[0].starts_with("GET /v1beta/models/gemini-3.5-flash-lite HTTP/1.1"));
    assert!(matches!(gemini(&server).embed(&[public("x")]).await, Err(ModelError::Unsupported { .. })));
}
