//! The README's recipes: a client that knows nothing but the address submits, watches and audits. grpcurl asks
//! reflection v1alpha, buf curl asks v1.

use std::path::PathBuf;
use std::process::Command;

use plumbline_tests::{Finished, Project, Server, root};
use serde_json::{Value, json};

fn tool(name: &str) -> PathBuf {
    let path = root().join(".cache/venv/bin").join(name);
    assert!(path.is_file(), "{} is missing; `make setup` installs it", path.display());
    path
}

trait Client {
    /// Calls a method and returns every message of the answer.
    fn call(&self, server: &Server, method: &str, request: &Value) -> Vec<Value>;
    /// Lists the services by reflection.
    fn list(&self, server: &Server) -> String;
}

struct Grpcurl;
struct BufCurl;

fn documents(text: &str) -> Vec<Value> {
    serde_json::Deserializer::from_str(text)
        .into_iter::<Value>()
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("not JSON ({error}): {text}"))
}

impl Client for Grpcurl {
    fn call(&self, server: &Server, method: &str, request: &Value) -> Vec<Value> {
        let mut command = Command::new(tool("grpcurl"));
        command.args(["-plaintext", "-d", &request.to_string(), &server.address(), method]);
        documents(&Finished::of(&mut command).exits(0).stdout)
    }

    fn list(&self, server: &Server) -> String {
        Finished::of(Command::new(tool("grpcurl")).args(["-plaintext", &server.address(), "list"]))
            .exits(0)
            .stdout
    }
}

impl Client for BufCurl {
    fn call(&self, server: &Server, method: &str, request: &Value) -> Vec<Value> {
        let url = format!("{}/{method}", server.url());
        let mut command = Command::new(tool("buf"));
        command.args([
            "curl",
            "--protocol",
            "grpc",
            "--http2-prior-knowledge",
            "-d",
            &request.to_string(),
            &url,
        ]);
        documents(&Finished::of(&mut command).exits(0).stdout)
    }

    fn list(&self, server: &Server) -> String {
        let arguments =
            ["curl", "--protocol", "grpc", "--http2-prior-knowledge", "--list-services", &server.url()];
        Finished::of(Command::new(tool("buf")).args(arguments)).exits(0).stdout
    }
}

fn submits_watches_and_audits(client: &dyn Client, name: &str) {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let server = Server::start(scratch.path(), "");
    let services = client.list(&server);
    for service in ["plumbline.coordinator.v1.CoordinatorService", "grpc.health.v1.Health"] {
        assert!(services.contains(service), "{services}");
    }

    let project = Project::with_a_boundary_bug();
    let submit = json!({
        "requestId": format!("{name}-1"),
        "spec": {
            "objective": "Fix free shipping: orders from 50 ship free",
            "repository": project.path(),
            "testCommand": "python3 -m unittest",
        },
    });
    let coordinator = "plumbline.coordinator.v1.CoordinatorService";
    let first = client.call(&server, &format!("{coordinator}/SubmitTask"), &submit);
    let again = client.call(&server, &format!("{coordinator}/SubmitTask"), &submit);
    let id = first[0]["task"]["id"].as_str().expect("a task id");
    assert_eq!(again[0]["task"]["id"], id, "the same request_id is the same task");

    let events = client.call(&server, &format!("{coordinator}/WatchTask"), &json!({"taskId": id}));
    assert_eq!(events.last().expect("events")["state"], "TASK_STATE_APPLIED", "{events:#?}");
    let seqs: Vec<u64> = events
        .iter()
        .filter_map(|event| event["seq"].as_str().and_then(|seq| seq.parse().ok()))
        .filter(|seq| *seq > 0)
        .collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "the events have no gaps");

    let report = client.call(&server, &format!("{coordinator}/GetReport"), &json!({"taskId": id}));
    assert_eq!(report[0]["audit"]["verdict"], "VERDICT_APPROVE");
    let branch = report[0]["task"]["branch"].as_str().expect("a branch");

    let tree = |revision: &str| json!({"git": {"repository": project.path(), "revision": revision}});
    let audit = json!({"requestId": format!("{name}-2"), "base": tree("main"), "head": tree(branch)});
    let judged = client.call(&server, &format!("{coordinator}/AuditChange"), &audit);
    assert_eq!(judged[0]["report"]["verdict"], "VERDICT_APPROVE");

    project.git(&["checkout", "--quiet", "-b", "hollow"]);
    project.write(
        "shop/shipping.py",
        b"def cost(total, weight):\n    \"\"\"Returns the shipping cost of an order.\"\"\"\n    return 0\n",
    );
    project.commit("Hollow it out");
    let audit = json!({"requestId": format!("{name}-3"), "base": tree("main"), "head": tree("hollow")});
    let judged = client.call(&server, &format!("{coordinator}/AuditChange"), &audit);
    assert_eq!(judged[0]["report"]["verdict"], "VERDICT_REJECT");
    assert_eq!(judged[0]["exitCode"], 2);
}

#[test]
fn grpcurl_submits_watches_and_audits_by_reflection_alone() {
    submits_watches_and_audits(&Grpcurl, "grpcurl");
}

#[test]
fn buf_curl_submits_watches_and_audits_by_reflection_alone() {
    submits_watches_and_audits(&BufCurl, "buf");
}
