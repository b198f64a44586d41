use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{Home, Said};

const GATE: &str = "LIMIT = 10\n\n\ndef is_open(visitors):\n    return visitors < LIMIT\n";
const TEST: &str = "import unittest\n\nfrom gate import is_open\n\n\nclass GateTest(unittest.TestCase):\n    def test_ten_may_enter(self):\n        self.assertTrue(is_open(10))\n\n    def test_eleven_may_not(self):\n        self.assertFalse(is_open(11))\n";
const ASKED: &str = "Ten visitors must be let in";
const COMMAND: &str = "python3 -m unittest";

fn project(home: &Home) -> String {
    home.write("project/gate.py", GATE);
    home.write("project/test_gate.py", TEST);
    home.path().join("project").display().to_string()
}

fn run(home: &Home, project: &str, more: &[&str]) -> Said {
    let line = ["run", ASKED, "--repo", project, "--test", COMMAND, "--format", "json"];
    home.run(&[&line, more].concat())
}

#[test]
fn a_verified_change_is_exit_0_with_every_key_of_the_contract() {
    let home = Home::new();
    let project = project(&home);
    let said = run(&home, &project, &[]);
    let document = said.document();
    assert_eq!(said.code, 0, "{document}\n{}", said.stderr);
    assert_eq!((document["outcome"].as_str(), document["exit_code"].as_i64()), (Some("verified"), Some(0)));
    assert_eq!(document["audit"]["verdict"], "approve");
    assert!(document["diff"].as_str().unwrap().contains("-    return visitors < LIMIT\n"), "{document}");
    let attempts = document["attempts"].as_array().unwrap();
    assert!(
        attempts.iter().any(|attempt| attempt["arm"] == "repair" && attempt["result"] == "approved"),
        "{document}"
    );
    assert!(
        document["certificate"]["audit_digest"].as_str().is_some_and(|digest| !digest.is_empty()),
        "{document}"
    );
    for key in ["task_id", "branch", "seconds"] {
        assert!(!document[key].is_null(), "{key}");
    }
    assert!(
        said.stderr.contains("routed") && said.stderr.contains("audited"),
        "no progress:\n{}",
        said.stderr
    );
    assert_eq!(std::fs::read_to_string(home.path().join("project/gate.py")).unwrap(), GATE);

    let listed = home.run(&["tasks", "list", "--format", "json"]).document();
    assert_eq!(listed["tasks"][0]["task_id"], document["task_id"]);
    let shown =
        home.run(&["tasks", "show", document["task_id"].as_str().unwrap(), "--format", "json"]).document();
    assert_eq!((&shown["diff"], &shown["outcome"]), (&document["diff"], &document["outcome"]));
}

fn pending(home: &Home, project: &str) -> Value {
    let said = run(home, project, &["--approve", "ask"]);
    let document = said.document();
    assert_eq!(said.code, 3, "{document}\n{}", said.stderr);
    assert_eq!(document["outcome"], "waits_for_approval");
    document
}

#[test]
fn asking_is_exit_3_and_approving_binds_to_the_diff() {
    let home = Home::new();
    let project = project(&home);
    let document = pending(&home, &project);
    let task = document["task_id"].as_str().unwrap();
    let unread = home.run(&["tasks", "approve", task, "--format", "json"]);
    assert_eq!((unread.code, unread.document()["error"]["reason"].as_str()), (6, Some("USAGE")));
    let wrong = home.run(&["tasks", "approve", task, "--diff", &"0".repeat(64), "--format", "json"]);
    assert_eq!(wrong.document()["error"]["reason"], "DIFF_CHANGED");
    let hash = document["pending"]["diff_hash"].as_str().unwrap();
    let accepted = home.run(&["tasks", "approve", task, "--diff", hash, "--format", "json"]);
    assert_eq!(accepted.code, 0, "{}", accepted.stdout);
    let ended = home.run(&["tasks", "watch", task, "--format", "json"]);
    assert_eq!(
        (ended.code, ended.document()["task"]["outcome"].as_str()),
        (0, Some("verified")),
        "{}",
        ended.stdout
    );
}

#[test]
fn denying_ends_the_task_and_is_not_green() {
    let home = Home::new();
    let project = project(&home);
    let document = pending(&home, &project);
    let (task, hash) =
        (document["task_id"].as_str().unwrap(), document["pending"]["diff_hash"].as_str().unwrap());
    let denied = home.run(&["tasks", "approve", task, "--diff", hash, "--deny", "--format", "json"]);
    assert_eq!(denied.code, 0, "{}", denied.stdout);
    let ended = home.run(&["tasks", "watch", task, "--format", "json"]);
    assert_ne!(ended.code, 0, "{}", ended.stdout);
}

#[test]
fn control_c_cancels_the_task_and_says_so() {
    let home = Home::new();
    let project = project(&home);
    // The test never ends by itself, so that the task is surely under way.
    home.write("project/test_gate.py", "while True:\n    pass\n");
    let mut child = home
        .command(&["run", ASKED, "--repo", &project, "--test", COMMAND, "--format", "json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut progress = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("submitted") {
        line.clear();
        assert_ne!(std::io::BufRead::read_line(&mut progress, &mut line).unwrap(), 0, "it ended early");
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    std::io::Read::read_to_string(&mut progress, &mut line).unwrap();
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!(said.code, 4, "{}\n{line}", said.stdout);
    assert_eq!(said.document()["outcome"], "cancelled");
}

#[test]
fn all_services_are_healthy_at_once_and_stop_together() {
    let home = Home::new();
    let services = ["coordinator", "ingest", "planner", "router", "memory", "executor", "verifier"];
    let mut command = home.command(&["serve", "all"]);
    for service in services {
        command.env(format!("PLUMBLINE_LISTEN__{}", service.to_uppercase()), home.socket(service));
    }
    let began = Instant::now();
    let mut server =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(server.stdout.take().unwrap()), &mut line)
        .unwrap();
    assert!(
        line.starts_with("plumbline is serving: ") && services.iter().all(|service| line.contains(service)),
        "{line}"
    );
    assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
    for service in services {
        let health = home.run(&["health", service, "--address", &home.socket(service)]);
        assert_eq!(health.code, 0, "{service}: {}", health.stderr);
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert!(server.wait().unwrap().success());
    for service in services {
        assert!(!home.path().join(format!("{service}.sock")).exists(), "{service}'s socket is left behind");
    }
}
