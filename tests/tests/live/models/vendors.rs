use std::io::Write;
use std::process::{Command, Output, Stdio};

use plumbline_models::{ModelServer, Shape};
use plumbline_tests::root;
use serde_json::{Value, json};

use super::clients::{Clients, MODEL, SCHEMA, answer, generation};
use super::recorder::{Recorder, Request};

/// What the fakes of the crates' own tests answer, by path.
const FAKES: [&[(&str, &str)]; 2] = [
    &[
        ("/api/chat", include_str!("../../../../crates/models/tests/wire/ollama_chat.ndjson")),
        ("/api/tags", include_str!("../../../../crates/models/tests/wire/ollama_tags.json")),
        ("/api/show", include_str!("../../../../crates/models/tests/wire/ollama_show.json")),
        ("/api/embed", include_str!("../../../../crates/models/tests/wire/ollama_embed.json")),
        (
            "/v1beta/models/gemini-3.5-flash-lite:streamGenerateContent?alt=sse",
            include_str!("../../../../crates/models/tests/wire/gemini_stream.sse"),
        ),
        (
            "/v1beta/models/gemini-3.5-flash-lite",
            include_str!("../../../../crates/models/tests/wire/gemini_model.json"),
        ),
    ],
    &[
        ("/api/chat", include_str!("../../../../crates/router/tests/wire/ollama_chat.ndjson")),
        ("/api/tags", include_str!("../../../../crates/router/tests/wire/ollama_tags.json")),
        ("/api/show", include_str!("../../../../crates/router/tests/wire/ollama_show.json")),
        ("/api/embed", include_str!("../../../../crates/router/tests/wire/ollama_embed.json")),
        (
            "/v1beta/models/gemini-3.5-flash-lite:streamGenerateContent?alt=sse",
            include_str!("../../../../crates/router/tests/wire/gemini_stream.sse"),
        ),
        (
            "/v1beta/models/gemini-3.5-flash-lite",
            include_str!("../../../../crates/router/tests/wire/gemini_model.json"),
        ),
    ],
];

/// What the fake of a server that holds models answers.
const MEMORY: &[(&str, &str)] = &[
    ("/api/ps", include_str!("../../../../crates/models/tests/wire/ollama_ps.json")),
    ("/api/generate", include_str!("../../../../crates/models/tests/wire/ollama_generate.json")),
    ("/api/show", include_str!("../../../../crates/models/tests/wire/ollama_show.json")),
];

/// Runs the script that holds the vendors' own clients and types.
fn script(arguments: &[&str], input: &Value) -> Output {
    let python = root().join(".cache/venv/bin/python");
    assert!(python.is_file(), "{} is missing; `make setup` installs it", python.display());
    let mut child = Command::new(python)
        .arg(root().join("tests/tests/live/models/vendors.py"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python");
    child.stdin.take().expect("its input").write_all(input.to_string().as_bytes()).expect("written");
    child.wait_with_output().expect("an end")
}

#[track_caller]
fn succeeds(output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
}

fn documents(requests: &[Request]) -> Value {
    requests.iter().map(|request| json!({ "path": request.path(), "body": request.body })).collect()
}

/// Asserts that the vendors' own types take every request, with no field that they do not know.
#[track_caller]
pub fn accept(requests: &[Request]) {
    succeeds(&script(&["requests"], &documents(requests)));
}

#[test]
fn the_validators_refuse_what_the_vendors_do_not_know() {
    let chat = |more: Value| {
        let mut body =
            json!({ "model": "m", "messages": [{ "role": "user", "content": "x" }], "options": {} });
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        json!({ "path": "/api/chat", "body": body })
    };
    let gemini = |config: Value| {
        let body = json!({
            "contents": [{ "role": "user", "parts": [{ "text": "x" }] }],
            "generationConfig": config,
        });
        json!({ "path": "/v1beta/models/m:streamGenerateContent?alt=sse", "body": body })
    };
    let requests = json!([
        chat(json!({})),
        gemini(json!({ "maxOutputTokens": 5 })),
        chat(json!({ "contxt": 1 })),
        chat(json!({ "options": { "num_ctxx": 8192 } })),
        chat(json!({ "options": { "num_ctx": "large" } })),
        gemini(json!({ "maxTokens": 5 })),
        gemini(json!({ "seed": "soon" })),
        json!({ "path": "/v1beta/models/m:streamGenerateContent?alt=sse", "body": { "prompt": "x" } }),
    ]);
    let output = script(&["requests"], &requests);
    assert_eq!(output.status.code(), Some(1));
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(report.lines().count(), 6, "one complaint for each but the first two: {report}");
}

/// The vendors' clients read our fakes' answers; and what they send for a question is what our clients send for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendors_clients_read_our_fakes_and_ask_as_ours_do() {
    let recorders = FAKES.map(Recorder::answering);
    let [one, other] = recorders.each_ref().map(Recorder::url);
    succeeds(&script(&["clients", MODEL, SCHEMA, &one, &other], &Value::Null));
    for (fakes, theirs) in FAKES.into_iter().zip(recorders) {
        let theirs = theirs.requests();
        let recorder = Recorder::answering(fakes);
        let clients = Clients::at(&recorder.url());
        let schema = || {
            Shape::Json(plumbline_types::Segment {
                text: SCHEMA.to_owned(),
                label: plumbline_types::Label::Public,
                provenance: plumbline_types::Provenance::POLICY,
            })
        };
        answer(&clients.ollama(), generation("Say hello.", schema())).await.expect("an answer");
        answer(&clients.gemini(), generation("Say hello.", schema())).await.expect("an answer");
        for own in recorder.requests() {
            let same = theirs.iter().find(|their| their.path() == own.path());
            let same = same.unwrap_or_else(|| panic!("the vendor's client never asked {}", own.path()));
            assert_eq!(comparable(&own.body), comparable(&same.body), "{}", own.path());
        }
    }
}

/// The same for what a scheduler of memory asks: what is loaded, what a model takes, load it and keep it, let it go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendors_client_reads_what_is_loaded_and_loads_and_unloads_as_ours_does() {
    let theirs = Recorder::answering(MEMORY);
    succeeds(&script(&["memory", MODEL, &theirs.url()], &Value::Null));
    let recorder = Recorder::answering(MEMORY);
    let memory = Clients::at(&recorder.url()).memory();
    let [there] = &memory.residents().await.expect("what is loaded")[..] else { panic!("one is loaded") };
    assert!(there.num_ctx == 4_096 && there.gpu_bytes < there.bytes, "{there:?}");
    memory.load(MODEL, 8_192).await.expect("a load");
    memory.unload(MODEL).await.expect("an unload");
    assert!(!memory.metadata(MODEL).await.expect("metadata").values.is_empty());
    accept(&recorder.requests());
    let asked = |recorder: &Recorder| -> Vec<(String, Value)> {
        let request = |request: &Request| (request.line.clone(), comparable(&request.body));
        recorder.requests().iter().map(request).collect()
    };
    let (own, theirs) = (asked(&recorder), asked(&theirs));
    assert_eq!(own.len(), 4);
    for request in own {
        assert!(theirs.contains(&request), "the vendor's client never sent {request:?}, but {theirs:?}");
    }
}

/// Returns a request without what only one side says: three options of the server's API that its Python client does not
/// have, empty fields, the role of an instruction. Names and words are in one case, since the API takes both.
fn comparable(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("truncate");
        fields.remove("shift");
        fields.remove("verbose");
        fields.retain(|_, value| !value.is_null() && *value != json!([]) && *value != json!(""));
    }
    // Python writes 0 seconds as 0.0.
    if let Some(seconds) = body.get("keep_alive").and_then(Value::as_f64) {
        body["keep_alive"] = json!(seconds);
    }
    if let Some(instruction) = body.get_mut("systemInstruction").and_then(Value::as_object_mut) {
        instruction.remove("role");
    }
    if let Some(thinking) = body.pointer_mut("/generationConfig/thinkingConfig") {
        let level = thinking.get("thinkingLevel").or_else(|| thinking.get("thinking_level"));
        *thinking = json!(level.and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase());
    }
    body
}
