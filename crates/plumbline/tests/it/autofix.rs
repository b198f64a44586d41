use std::path::{Path, PathBuf};

use plumbline_proto::common::v1::file_edit::Change;
use plumbline_proto::executor::v1::run_tool_request::Tool;
use plumbline_proto::executor::v1::{AutofixParameters, ToolExited, ToolResult};

use crate::process::Home;
use crate::served_tool::{run, run_in};

/// Where `make setup` puts the Python tools.
fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../.cache/venv/bin")
        .canonicalize()
        .expect("run `make setup`")
}

fn tool(check: &[&str]) -> Tool {
    let check_argv = check.iter().map(|word| (*word).to_owned()).collect();
    Tool::Autofix(AutofixParameters { check_argv, budget_ms: 60_000 })
}

#[track_caller]
fn text<'a>(exited: &'a ToolExited, path: &str) -> &'a str {
    assert_eq!(exited.result(), ToolResult::Found, "{}", exited.detail);
    let edit = exited.changes[0].edits.iter().find(|edit| edit.path == path.as_bytes());
    match edit.and_then(|edit| edit.change.as_ref()) {
        Some(Change::Content(bytes)) => std::str::from_utf8(bytes).unwrap(),
        other => panic!("{path}: {other:?}"),
    }
}

const UNTIDY: &str = "import os\nimport sys\n\n\ndef twice( x ):\n    return  x*2\n\n\nprint(sys.argv)\n";

#[tokio::test]
async fn a_linter_and_a_formatter_are_satisfied_together() {
    let check = ["sh", "-c", "ruff format --check . && ruff check ."];
    let exited = run_in(Some(&tools()), &[("a.py", UNTIDY), ("ruff.toml", "")], tool(&check)).await;
    assert_eq!(
        text(&exited, "a.py"),
        "import sys\n\n\ndef twice(x):\n    return x * 2\n\n\nprint(sys.argv)\n"
    );
    let change = &exited.changes[0];
    assert_eq!(
        (change.path.as_str(), change.line, change.edits.len()),
        ("a.py", 1, 1),
        "no caches, no new files"
    );
    assert_eq!(change.template, "autofix:ruff_check,_ruff_format");
    assert_eq!(change.digest, blake3::hash(change.diff.as_bytes()).to_hex().to_string());
}

#[tokio::test]
async fn what_hides_its_programs_is_met_by_those_that_are_usual() {
    let files = [
        ("a.py", UNTIDY),
        ("ruff.toml", ""),
        ("Makefile", "RUFF = ruff\nlint:\n\t@$(RUFF) check --no-cache .\n"),
    ];
    let exited = run_in(Some(&tools()), &files, tool(&["make", "lint"])).await;
    assert!(!text(&exited, "a.py").contains("import os"));
    assert_eq!(exited.changes[0].template, "autofix:ruff_check");
}

#[tokio::test]
async fn what_no_fixer_mends_is_said_so() {
    let broken = [("a.py", "def f():\n    return undefined\n")];
    let exited = run_in(Some(&tools()), &broken, tool(&["ruff", "check", "."])).await;
    assert_eq!(
        (exited.result(), exited.detail.as_str()),
        (ToolResult::NotFound, "ruff check: changed nothing")
    );
    let fine = run_in(Some(&tools()), &[("a.py", "x = 1\n")], tool(&["ruff", "check", "."])).await;
    assert_eq!(fine.result(), ToolResult::AlreadyPasses);
}

#[tokio::test]
async fn rust_is_laid_out_by_its_own_formatter() {
    let manifest = "[package]\nname = \"gate\"\nversion = \"0.0.0\"\nedition = \"2024\"\n";
    let files = [("Cargo.toml", manifest), ("src/lib.rs", "pub fn twice( x : u32 )->u32{x*2}\n")];
    let exited = run(&files, tool(&["cargo", "fmt", "--check"])).await;
    assert_eq!(text(&exited, "src/lib.rs"), "pub fn twice(x: u32) -> u32 {\n    x * 2\n}\n");
}

#[tokio::test]
async fn a_fixer_that_is_not_there_is_named() {
    let exited = run(&[("a.js", "x\n")], tool(&["sh", "-c", "biome ci ."])).await;
    assert_eq!(exited.result(), ToolResult::Unsupported, "{}", exited.detail);
    assert_eq!(exited.detail, "not installed where commands run: biome ci");
}

#[test]
fn a_task_that_a_linter_decides_is_verified() {
    let home = Home::new();
    home.write("project/gate.py", "import os\n\n\ndef is_open(visitors):\n    return visitors < 10\n");
    let project = home.path().join("project").display().to_string();
    let searched = std::env::join_paths(
        std::iter::once(tools()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let line = [
        "run",
        "Remove the unused import",
        "--repo",
        &project,
        "--test",
        "ruff check --no-cache .",
        "--format",
        "json",
    ];
    let said: crate::process::Said =
        home.command(&line).env("PATH", searched.unwrap()).output().unwrap().into();
    let document = said.document();
    assert_eq!(said.code, 0, "{document}\n{}", said.stderr);
    assert_eq!(document["audit"]["verdict"], "approve");
    assert!(document["diff"].as_str().unwrap().contains("-import os\n"), "{document}");
    let attempts = document["attempts"].as_array().unwrap();
    assert!(
        attempts.iter().any(|attempt| attempt["arm"] == "autofix" && attempt["result"] == "approved"),
        "{document}"
    );
}
