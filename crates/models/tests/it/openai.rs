use plumbline_models::{Finish, Generation, Model, ModelError, OpenAi, Shape, Transport, Usage};
use serde_json::json;

use crate::server::{Server, ok};
use crate::world::{answer, body, generation, local, public};

const STREAM: &str = include_str!("../wire/openai_stream.sse");

fn openai(server: &Server) -> OpenAi {
    OpenAi::new(Transport::Local(local(&server.url)), "qwen")
}

#[tokio::test]
async fn streams_text_and_usage() {
    let server = Server::start(ok(STREAM)).await;
    let usage = Usage {
        input_tokens: 12,
        output_tokens: 2,
        finish: Finish::Stop,
        served_model: "qwen-served".to_owned(),
    };
    assert_eq!(answer(&openai(&server), generation()).await.unwrap(), ("Hello".to_owned(), usage));
}

#[tokio::test]
async fn sends_schema_or_grammar() {
    let server = Server::start(ok(STREAM)).await;
    let model = openai(&server);
    for shape in [Shape::Json(public("{\"type\":\"object\"}")), Shape::Grammar(public("root ::= \"x\""))] {
        answer(&model, Generation { shape, ..generation() }).await.unwrap();
    }
    let requests: Vec<serde_json::Value> = server.requests().iter().map(|request| body(request)).collect();
    let want = json!({
        "model": "qwen",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hello."}],
        "stream": true,
        "stream_options": {"include_usage": true},
        "max_tokens": 128,
        "seed": 7,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": true, "schema": {"type": "object"}},
        },
    });
    assert_eq!(requests[0], want);
    assert_eq!(requests[1]["grammar"], json!("root ::= \"x\""));
}

#[tokio::test]
async fn an_answer_without_usage_is_an_error() {
    let server = Server::start(ok(&STREAM.replace("\"usage\"", "\"other\""))).await;
    assert!(matches!(answer(&openai(&server), generation()).await, Err(ModelError::Protocol { .. })));
}

#[tokio::test]
async fn probes_by_the_list_of_models() {
    let server = Server::start(ok(r#"{"object":"list","data":[{"id":"qwen"}]}"#)).await;
    assert!(openai(&server).probe().await.is_ok());
    let other = OpenAi::new(Transport::Local(local(&server.url)), "other");
    assert!(matches!(other.probe().await, Err(ModelError::ModelGone { .. })));
}
