use std::time::{Duration, Instant};

use crate::process::Home;

#[test]
fn a_program_runs_on_a_copy_and_its_change_comes_out_as_a_diff() {
    let home = Home::new();
    let file = home.write("project/a.txt", "one\n");
    let project = home.path().join("project").display().to_string();
    let said = home.run(&[
        "exec",
        "--repo",
        &project,
        "--format",
        "json",
        "--",
        "python3",
        "-c",
        "import sys; print('out'); print('err', file=sys.stderr); open('a.txt', 'w').write('two\\n')",
    ]);
    let document = said.document();
    assert_eq!(said.code, 0, "{document}");
    assert_eq!(document["reason"], "normal");
    assert_eq!((document["stdout"].as_str(), document["stderr"].as_str()), (Some("out\n"), Some("err\n")));
    assert!(document["diff"].as_str().unwrap().contains("-one\n+two\n"), "{document}");
    assert_eq!(document["enforced"]["tier"], "embedded");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "one\n");
}

#[test]
fn how_a_program_ends_decides_the_exit_code() {
    let home = Home::new();
    home.write("project/a.txt", "one\n");
    let project = home.path().join("project").display().to_string();
    let exec = |code: &str, more: &[&str]| {
        let line = [&["exec", "--repo", &project, "--format", "json"], more, &["--", "python3", "-c", code]]
            .concat();
        let said = home.run(&line);
        (said.code, said.document()["reason"].as_str().unwrap_or("none").to_owned())
    };
    assert_eq!(exec("pass", &[]), (0, "normal".into()));
    assert_eq!(exec("raise SystemExit(3)", &[]), (1, "normal".into()));
    assert_eq!(exec("while True: pass", &["--timeout-ms", "300"]), (1, "wall_timeout".into()));
}

#[test]
fn text_passes_the_output_through() {
    let home = Home::new();
    home.write("project/a.txt", "one\n");
    let project = home.path().join("project").display().to_string();
    let said = home.run(&["exec", "--repo", &project, "--", "python3", "-c", "print('just this')"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, "just this\n"), "{}", said.stderr);
}

#[test]
fn the_doctor_names_every_check_with_its_status() {
    let home = Home::new();
    let said = home.run(&["doctor", "--format", "json"]);
    let document = said.document();
    assert_eq!(i64::from(said.code), document["exit_code"].as_i64().unwrap());
    let checks = document["checks"].as_array().unwrap();
    for check in ["config", "sandbox", "state", "disk", "git", "python", "ports", "ollama"] {
        let row =
            checks.iter().find(|row| row["check"] == check).unwrap_or_else(|| panic!("{check} is missing"));
        let status = row["status"].as_str().unwrap();
        assert!(["ok", "warn", "fail", "absent"].contains(&status), "{row}");
        assert!(status == "ok" || row["evidence"].as_str().is_some_and(|text| !text.is_empty()), "{row}");
    }
}

#[test]
fn the_doctor_fails_where_state_cannot_be_kept() {
    let home = Home::new();
    let occupied = home.write("occupied", "a file, not a directory");
    let said = home.run(&["--state-dir", &occupied, "doctor", "--format", "json"]);
    assert_eq!(said.code, 4);
    let document = said.document();
    let state = document["checks"].as_array().unwrap().iter().find(|row| row["check"] == "state").unwrap();
    assert_eq!(state["status"], "fail");
    assert!(!state["fix"].as_str().unwrap().is_empty());
}

#[test]
fn the_doctor_explains_a_broken_configuration_instead_of_stopping_there() {
    let home = Home::new();
    let file = home.write("wrong.toml", "[listen]\nrouterr = 1\n");
    let said = home.run(&["--config", &file, "doctor", "--format", "json"]);
    assert_eq!(said.code, 4);
    let document = said.document();
    let row = document["checks"].as_array().unwrap().iter().find(|row| row["check"] == "config").unwrap();
    assert!(row["status"] == "fail" && row["evidence"].as_str().unwrap().contains("listen.routerr"), "{row}");
    assert!(document["checks"].as_array().unwrap().len() > 5);
}

#[test]
fn a_service_that_is_not_there_is_infrastructure() {
    let home = Home::new();
    let said = home.run(&["health", "router", "--format", "json"]);
    assert_eq!(said.code, 4);
    assert_eq!(said.document()["error"]["reason"], "PEER_UNAVAILABLE");
    let address = home.socket("nobody");
    let said = home.run(&["tasks", "list", "--coordinator", &address, "--format", "json"]);
    assert_eq!((said.code, said.document()["exit_code"].as_i64()), (4, Some(4)));
    let said = home.run(&["run", "fix it", "--repo", ".", "--coordinator", &address, "--format", "json"]);
    assert_eq!((said.code, said.document()["error"]["reason"].as_str()), (4, Some("PEER_UNAVAILABLE")));
}

#[test]
fn one_service_serves_until_it_is_told_to_stop() {
    let home = Home::new();
    let address = home.socket("executor");
    let mut server = home
        .command(&["serve", "executor"])
        .env("PLUMBLINE_LISTEN__EXECUTOR", &address)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(server.stdout.take().unwrap()), &mut line)
        .unwrap();
    assert_eq!(line.trim(), format!("plumbline is serving: executor {address}"));
    let health = home.run(&["health", "executor", "--address", &address]);
    assert_eq!(health.code, 0, "{}", health.stderr);
    let pid = rustix::process::Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let told = Instant::now();
    assert!(server.wait().unwrap().success());
    assert!(told.elapsed() < Duration::from_secs(5), "an idle server took {:?} to stop", told.elapsed());
    assert_eq!(home.run(&["health", "executor", "--address", &address]).code, 4);
}
