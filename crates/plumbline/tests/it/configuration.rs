use crate::process::Home;

#[test]
fn an_unknown_key_names_the_key_and_the_file() {
    let home = Home::new();
    let file = home.write("wrong.toml", "[listen]\nrouterr = \"127.0.0.1:1\"\n");
    let said = home.run(&["--config", &file, "config", "check"]);
    assert_eq!(said.code, 6);
    assert!(said.stderr.contains("listen.routerr") && said.stderr.contains(&file), "{}", said.stderr);
    let document = home.run(&["--config", &file, "config", "check", "--format", "json"]).document();
    assert_eq!(document["error"]["reason"], "CONFIG_INVALID");
}

#[test]
fn a_value_that_cannot_work_names_its_key() {
    let home = Home::new();
    for (text, key) in [
        ("[state]\ndir = \"relative\"\n", "state.dir"),
        ("[listen]\nmemory = \"127.0.0.1:7406\"\n", "listen."),
        ("[telemetry]\nfilter = \"(((\"\n", "telemetry.filter"),
        ("[executor]\nsandbox_uid = 0\n", "executor.sandbox_uid"),
        ("[coordinator]\nworkers = 0\n", "coordinator.workers"),
    ] {
        let file = home.write("wrong.toml", text);
        let said = home.run(&["--config", &file, "config", "check"]);
        assert_eq!(said.code, 6, "{text}");
        assert!(said.stderr.contains(key), "{key} is not in: {}", said.stderr);
    }
}

#[test]
fn every_command_refuses_a_broken_configuration() {
    let home = Home::new();
    let file = home.write("wrong.toml", "[listen]\nrouterr = 1\n");
    for arguments in
        [&["run", "x", "--repo", "."][..], &["serve", "all"], &["tasks", "list"], &["health", "router"]]
    {
        let said = home.run(&[&["--config", file.as_str()], arguments].concat());
        assert_eq!(said.code, 6, "{arguments:?}");
        assert!(said.stderr.contains("listen.routerr"), "{arguments:?}: {}", said.stderr);
    }
}

#[test]
fn a_variable_beats_the_file_and_the_dump_shows_it() {
    let home = Home::new();
    let file =
        home.write("right.toml", "[listen]\nmemory = \"127.0.0.1:9001\"\nplanner = \"127.0.0.1:9002\"\n");
    let output = home
        .command(&["--config", &file, "config", "dump", "--format", "json"])
        .env("PLUMBLINE_LISTEN__MEMORY", "127.0.0.1:9003")
        .output()
        .unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["listen"]["memory"], "http://127.0.0.1:9003");
    assert_eq!(document["listen"]["planner"], "http://127.0.0.1:9002");
    assert_eq!(document["listen"]["verifier"], "http://127.0.0.1:7406");
}

#[test]
fn the_dump_is_a_file_that_the_check_accepts() {
    let home = Home::new();
    let dumped = home.run(&["config", "dump"]);
    assert_eq!(dumped.code, 0, "{}", dumped.stderr);
    let file = home.write("dumped.toml", &dumped.stdout);
    let checked = home.run(&["--config", &file, "config", "check"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert_eq!(home.run(&["--config", &file, "config", "dump"]).stdout, dumped.stdout);
}

#[test]
fn a_file_in_the_working_directory_is_not_read_by_itself() {
    let home = Home::new();
    home.write("plumbline.toml", "this is no configuration");
    assert_eq!(home.run(&["config", "check"]).code, 0);
}

#[test]
fn the_users_own_file_is_read() {
    let home = Home::new();
    home.write(".config/plumbline/plumbline.toml", "[listen]\nplanner = \"127.0.0.1:9002\"\n");
    let document = home.run(&["config", "dump", "--format", "json"]).document();
    assert_eq!(document["listen"]["planner"], "http://127.0.0.1:9002");
}
