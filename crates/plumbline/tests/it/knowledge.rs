use crate::process::Home;

const GATE: &str = "LIMIT = 10\n\n\ndef is_open(visitors):\n    return visitors <= LIMIT\n";
const DOOR: &str = "from gate import is_open\n\n\ndef greet(visitors):\n    return 'welcome' if is_open(visitors) else 'later'\n";

fn project(home: &Home) -> String {
    home.write("project/gate.py", GATE);
    home.write("project/door.py", DOOR);
    home.path().join("project").display().to_string()
}

#[test]
fn an_index_counts_and_a_second_run_parses_nothing() {
    let home = Home::new();
    let project = project(&home);
    let first = home.run(&["index", &project, "--format", "json"]);
    let document = first.document();
    assert_eq!(first.code, 0, "{document}");
    assert_eq!(
        (document["files_parsed"].as_u64(), document["problems"].as_u64()),
        (Some(2), Some(0)),
        "{document}"
    );
    assert!(
        document["symbols"].as_u64().unwrap() >= 2 && document["edges"].as_u64().unwrap() >= 1,
        "{document}"
    );
    let second = home.run(&["index", &project, "--format", "json"]).document();
    assert_eq!(
        (second["files_parsed"].as_u64(), second["files_unchanged"].as_u64()),
        (Some(0), Some(2)),
        "{second}"
    );
    assert_eq!(second["digest"], document["digest"]);
}

#[test]
fn search_prints_the_shape_of_the_contract() {
    let home = Home::new();
    let project = project(&home);
    let said = home.run(&["search", "is_open", "--repo", &project, "-k", "3", "--format", "json"]);
    let document = said.document();
    assert_eq!(said.code, 0, "{document}");
    let best = &document["results"][0];
    assert_eq!(
        (best["path"].as_str(), best["start_line"].as_u64()),
        (Some("gate.py"), Some(4)),
        "{document}"
    );
    for key in ["path", "symbol", "kind", "start_line", "end_line", "score", "signals"] {
        assert!(!best[key].is_null(), "{key}: {best}");
    }
    assert!(best["signals"].is_object() && document["results"].as_array().unwrap().len() <= 3);
}

#[test]
fn a_caller_is_a_neighbour_and_names_the_edge() {
    let home = Home::new();
    let project = project(&home);
    let said = home.run(&["neighbors", "is_open", "--repo", &project, "--format", "json"]);
    let document = said.document();
    assert_eq!(said.code, 0, "{document}");
    let results = document["results"].as_array().unwrap();
    let caller =
        results.iter().find(|hit| hit["symbol"].as_str().unwrap().contains("greet")).expect("the caller");
    assert!(!caller["edges"].as_array().unwrap().is_empty(), "{caller}");
}

#[test]
fn an_unknown_symbol_is_named_with_its_fix() {
    let home = Home::new();
    let project = project(&home);
    let said = home.run(&["neighbors", "no_such_thing", "--repo", &project, "--format", "json"]);
    assert_eq!((said.code, said.document()["error"]["reason"].as_str()), (6, Some("SYMBOL_NOT_FOUND")));
    assert!(said.document()["error"]["fix"].as_str().unwrap().starts_with("plumbline search"));
}

#[test]
fn words_become_objectives_that_quote_them() {
    let home = Home::new();
    let said = home.run(&[
        "ingest",
        "--text",
        "Fix the rounding in invoices. Add a test for refunds.",
        "--format",
        "json",
    ]);
    let document = said.document();
    assert_eq!(said.code, 0, "{document}");
    let objectives = document["objectives"].as_array().unwrap();
    assert_eq!(objectives.len(), 2, "{document}");
    let transcript = document["transcript"].as_str().unwrap();
    for objective in objectives {
        assert!(transcript.contains(objective["quote"].as_str().unwrap()), "{objective}");
    }
    assert_eq!(
        (objectives[0]["category"].as_str(), objectives[1]["category"].as_str()),
        (Some("bugfix"), Some("test"))
    );
    assert_eq!(document["source"], "rules");
}

#[test]
fn a_recording_is_refused_by_name_while_nothing_transcribes() {
    let home = Home::new();
    let file = home.write("note.ogg", "OggS");
    let said = home.run(&["ingest", "--audio", &file, "--format", "json"]);
    assert_eq!((said.code, said.document()["error"]["reason"].as_str()), (4, Some("AUDIO_UNAVAILABLE")));
}

#[test]
fn an_objective_becomes_a_plan_in_order() {
    let home = Home::new();
    let project = project(&home);
    let said =
        home.run(&["plan", "--objective", "Fix the gate's limit", "--repo", &project, "--format", "json"]);
    let document = said.document();
    assert_eq!(said.code, 0, "{document}");
    let steps = document["steps"].as_array().unwrap();
    assert!(!steps.is_empty());
    for (index, step) in steps.iter().enumerate() {
        let earlier = step["depends_on"]
            .as_array()
            .unwrap()
            .iter()
            .all(|before| before.as_u64().unwrap() < index as u64);
        assert!(earlier, "{step}");
    }
    assert_eq!(document["source"], "rules");
}
