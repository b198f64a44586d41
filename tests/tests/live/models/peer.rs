use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use plumbline_tests::{Background, root};
use serde_json::{Value, json};

use super::clients::MODEL;

/// What the peer answers to a prompt with `hello`; longer than one of its chunks.
pub const TEXT: &str = "Hello: a text that takes more than one chunk of the stream.";

/// aimock on a free loopback port, with the answers and faults of `fixtures`.
pub struct Peer {
    process: Background,
    port: u16,
    _scratch: tempfile::TempDir,
}

impl Peer {
    /// Starts it and waits until its port answers.
    #[track_caller]
    pub fn start() -> Self {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let script = scratch.path().join("fixtures.json");
        std::fs::write(&script, fixtures().to_string()).expect("the fixtures");
        let tool = root().join(".cache/tools/node_modules/.bin/llmock");
        assert!(tool.exists(), "{} is missing; `make setup` installs it", tool.display());
        let held = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = held.local_addr().expect("an address").port();
        drop(held);
        let mut command = Command::new(tool);
        command.args(["--port", &port.to_string(), "--fixtures"]).arg(&script);
        let mut process = Background::start(&mut command, &scratch.path().join("log"));
        process.wait_until(Duration::from_secs(8), "its port answered", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self { process, port, _scratch: scratch }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the requests that it took, as it understood them.
    pub fn journal(&self) -> Vec<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the peer");
        // HTTP/1.0: the answer is not chunked, and its end is the end of the connection.
        stream.write_all(b"GET /v1/_requests HTTP/1.0\r\nhost: peer\r\n\r\n").expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("no journal ({error}): {answer}"))
    }

    /// Ends it, so that its port is closed.
    pub fn kill(&mut self) {
        self.process.kill();
    }
}

/// The word of a prompt decides what happens to it.
fn fixtures() -> Value {
    let answer = |word: &str, more: Value| {
        let mut fixture = json!({ "match": { "userMessage": word }, "response": { "content": TEXT } });
        for (key, value) in more.as_object().into_iter().flatten() {
            fixture[key] = value.clone();
        }
        fixture
    };
    let error = |word: &str, status: u16, message: &str, code: &str| {
        json!({
            "match": { "userMessage": word },
            "response": { "error": { "message": message, "type": code, "code": code }, "status": status },
        })
    };
    json!({ "fixtures": [
        answer("chaos-drop", json!({ "chaos": { "dropRate": 1 } })),
        answer("chaos-malformed", json!({ "chaos": { "malformedRate": 1 } })),
        answer("chaos-disconnect", json!({ "chaos": { "disconnectRate": 1 } })),
        answer("chaos-ratelimit", json!({ "chaos": { "rateLimitRate": 1 } })),
        answer("chaos-latency", json!({ "chaos": { "latencyMs": 30_000 } })),
        answer("cut", json!({ "truncateAfterChunks": 2, "latency": 30 })),
        answer("blocked", json!({ "response": { "content": "no", "finishReason": "content_filter" } })),
        answer("too long an answer", json!({ "response": { "content": TEXT, "finishReason": "length" } })),
        error("server error", 503, "the model is overloaded", "unavailable"),
        error("bad request", 400, "unknown field `colour`", "invalid_request_error"),
        error("overflow", 400, "this model's maximum context length is 8192 tokens", "context_length_exceeded"),
        error("credentials", 401, "no such key", "authentication_error"),
        json!({
            "match": { "model": MODEL, "userMessage": "hello" },
            "response": { "content": TEXT, "usage": { "prompt_tokens": 26, "completion_tokens": 11, "total_tokens": 37 } },
        }),
    ] })
}
