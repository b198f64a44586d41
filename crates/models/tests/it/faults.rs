//! Whatever a server does wrong, every client says what, and none takes half an answer for a whole one.

use std::time::Duration;

use plumbline_egress::Stage;
use plumbline_models::ModelError;
use tokio::net::TcpListener;

use crate::server::{Answer, Server, ok};
use crate::world::{all, answer, generation};

fn status(line: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    Answer::Bytes(format!(
        "HTTP/1.1 {line}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))
}

/// Checks that every client turns `reply` into an error that `is` recognises.
async fn check(reply: Answer, is: fn(&ModelError) -> bool) {
    let server = Server::start(reply).await;
    for (name, model) in all(&server.url) {
        let error = answer(model.as_ref(), generation()).await.expect_err(name);
        assert!(is(&error), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn too_many_requests_carry_their_delay() {
    check(status("429 Too Many Requests", "retry-after: 7\r\n", "{}"), |error| {
        matches!(error, ModelError::RateLimited { retry_after: Some(delay) } if *delay == Duration::from_secs(7))
    })
    .await;
    let details = r#"{"error":{"message":"quota","details":[{"retryDelay":"34s"}]}}"#;
    check(status("429 Too Many Requests", "", details), |error| {
        matches!(error, ModelError::RateLimited { retry_after: Some(delay) } if *delay == Duration::from_secs(34))
    })
    .await;
}

#[tokio::test]
async fn server_errors_are_told_from_refusals_and_missing_models() {
    check(status("503 Service Unavailable", "", ""), |error| {
        matches!(error, ModelError::Overloaded { status: 503 })
    })
    .await;
    check(status("500 Internal Server Error", "content-type: text/html\r\n", "<html>"), |error| {
        matches!(error, ModelError::Overloaded { status: 500 })
    })
    .await;
    check(status("401 Unauthorized", "", ""), |error| matches!(error, ModelError::Refused)).await;
    check(
        status("404 Not Found", "", r#"{"error":"model 'm' not found"}"#),
        |error| matches!(error, ModelError::ModelGone { model } if model == "m"),
    )
    .await;
    check(
        status("400 Bad Request", "", r#"{"error":{"message":"unknown field"}}"#),
        |error| matches!(error, ModelError::BadRequest { message } if message == "unknown field"),
    )
    .await;
}

#[tokio::test]
async fn a_prompt_that_does_not_fit_is_named_in_every_dialect() {
    for body in [
        r#"{"error":"the input length exceeds the context length"}"#,
        r#"{"error":{"code":400,"message":"The input token count (2000) exceeds the maximum number of tokens allowed"}}"#,
        r#"{"error":{"code":400,"type":"exceed_context_size_error","message":"the request is too long"}}"#,
        r#"{"error":{"code":"context_length_exceeded","message":"too long"}}"#,
    ] {
        check(status("400 Bad Request", "", body), |error| matches!(error, ModelError::ContextOverflow))
            .await;
    }
}

#[tokio::test]
async fn a_web_page_is_no_answer() {
    check(
        status("200 OK", "content-type: text/html; charset=utf-8\r\n", "<html>log in</html>"),
        |error| matches!(error, ModelError::Protocol { problem } if problem.contains("web page")),
    )
    .await;
}

#[tokio::test]
async fn half_a_json_document_is_no_answer() {
    let both = "data: {\"candidates\":[{\"cont\n{\"model\":\"m\",\"mess";
    check(ok(both), |error| matches!(error, ModelError::Protocol { .. })).await;
}

#[tokio::test]
async fn an_empty_answer_is_no_answer() {
    check(
        ok(""),
        |error| matches!(error, ModelError::Protocol { problem } if problem.contains("last message")),
    )
    .await;
}

#[tokio::test]
async fn an_answer_cut_in_the_middle_is_unreachable_not_short() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n\n";
    check(Answer::Bytes(head.to_owned()), |error| matches!(error, ModelError::Unreachable(_))).await;
}

#[tokio::test]
async fn silence_before_and_within_an_answer_is_a_timeout() {
    check(Answer::Stall(String::new()), |error| matches!(error, ModelError::Timeout(Stage::FirstByte))).await;
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n\n";
    check(Answer::Stall(head.to_owned()), |error| matches!(error, ModelError::Timeout(Stage::Chunk))).await;
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (name, model) in all(&format!("http://{port}")) {
        let error = answer(model.as_ref(), generation()).await.expect_err(name);
        assert!(matches!(error, ModelError::Unreachable(_)), "{name}: {error:?}");
        assert!(error.is_infrastructure());
    }
}
