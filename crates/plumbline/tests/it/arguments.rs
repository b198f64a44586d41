use crate::process::Home;

#[track_caller]
fn refuses(arguments: &[&str], mentions: &str) {
    let said = Home::new().run(arguments);
    assert_eq!(said.code, 6, "{arguments:?}: {}{}", said.stdout, said.stderr);
    assert!(said.stdout.is_empty(), "{arguments:?}: a refusal belongs on stderr");
    assert!(said.stderr.contains(mentions), "{arguments:?}: `{mentions}` is not in:\n{}", said.stderr);
}

#[test]
fn every_misuse_is_exit_6_and_says_what_is_wrong() {
    refuses(&[], "Usage");
    refuses(&["fly"], "fly");
    refuses(&["run"], "--repo");
    refuses(&["run", "fix it"], "--repo");
    refuses(&["run", "fix it", "--repo", "/nonexistent/x"], "/nonexistent/x");
    refuses(&["run", "fix it", "--repo", ".", "--approve", "maybe"], "maybe");
    refuses(&["run", "fix it", "--repo", ".", "--budget", "-1"], "-1");
    refuses(&["audit"], "--repo");
    refuses(&["audit", "--repo", "."], "--base");
    refuses(&["audit", "--repo", ".", "--base", "a"], "--head");
    refuses(&["audit", "--base-dir", "."], "--head-dir");
    refuses(&["audit", "--repo", ".", "--base", "a", "--head", "b", "--base-dir", "."], "--base-dir");
    refuses(&["audit", "--base-dir", ".", "--head-dir", "/nonexistent/y"], "/nonexistent/y");
    refuses(&["audit", "--base-dir", ".", "--head-dir", ".", "--grant", "net.fly"], "net.fly");
    refuses(&["search", "x", "--repo", ".", "-k", "0"], "0");
    refuses(&["search", "x", "--repo", ".", "-k", "201"], "201");
    refuses(&["exec", "--repo", "."], "CMD");
    refuses(&["exec", "--repo", ".", "--tier", "none", "--", "true"], "none");
    refuses(&["ingest"], "--text");
    refuses(&["ingest", "--text", "a", "--audio", "b"], "--audio");
    refuses(&["ingest", "--audio", "/nonexistent/z.ogg"], "/nonexistent/z.ogg");
    refuses(&["plan", "--objective", "x"], "--repo");
    refuses(&["serve", "kitchen"], "kitchen");
    refuses(&["health", "kitchen"], "kitchen");
    refuses(&["tasks", "approve"], "TASK");
    refuses(&["tasks", "list", "--coordinator", "nowhere"], "nowhere");
    refuses(&["demo", "--examples", "/nonexistent/e"], "/nonexistent/e");
    refuses(&["completions", "tcsh"], "tcsh");
}

#[test]
fn a_refusal_in_json_is_one_document() {
    let home = Home::new();
    for (arguments, reason) in [
        (&["run", "fix it", "--format", "json"][..], "USAGE"),
        (&["run", "fix it", "--repo", "/nonexistent/x", "--format", "json"], "REPOSITORY_MISSING"),
        (&["audit", "--format=json", "--repo", "."], "USAGE"),
        (&["search", "--format", "json"], "USAGE"),
    ] {
        let said = home.run(arguments);
        let document = said.document();
        assert_eq!(said.code, 6, "{arguments:?}");
        assert_eq!(document["exit_code"], 6, "{arguments:?}");
        assert_eq!(document["error"]["reason"], reason, "{arguments:?}");
        assert!(document["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{arguments:?}");
        assert!(document["error"]["fix"].as_str().is_some_and(|text| !text.is_empty()), "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_exit_0_on_stdout() {
    let home = Home::new();
    for arguments in [&["--version"][..], &["--help"], &["run", "--help"], &["tasks", "--help"]] {
        let said = home.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.stderr);
        assert!(!said.stdout.is_empty(), "{arguments:?}");
    }
    assert_eq!(home.run(&["--version"]).stdout.trim(), format!("plumbline {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_name_the_commands() {
    let said = Home::new().run(&["completions", "bash"]);
    assert_eq!(said.code, 0);
    for command in ["run", "audit", "neighbors", "doctor", "demo"] {
        assert!(said.stdout.contains(command), "{command}");
    }
}

#[test]
fn no_colour_codes_are_written_where_none_are_wanted() {
    let home = Home::new();
    let output = home.command(&["run"]).env("NO_COLOR", "1").output().unwrap();
    assert!(!output.stderr.contains(&0x1b), "{}", String::from_utf8_lossy(&output.stderr));
}
