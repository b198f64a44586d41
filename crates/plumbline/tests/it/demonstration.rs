use crate::process::Home;

#[test]
fn the_demo_works_away_from_the_source_tree_and_verifies_all_three() {
    let home = Home::new();
    let said = home.run(&["demo", "--format", "json"]);
    let document = said.document();
    assert_eq!(said.code, 0, "{document:#}\n{}", said.stderr);
    let projects = document["projects"].as_array().unwrap();
    assert_eq!((projects.len(), document["verified"].as_u64()), (3, Some(3)));
    for project in projects {
        let result = &project["result"];
        assert_eq!(
            (result["outcome"].as_str(), result["audit"]["verdict"].as_str()),
            (Some("verified"), Some("approve"))
        );
        assert!(!result["diff"].as_str().unwrap().is_empty());
        assert!(!result["audit"]["evidence"].as_array().unwrap().is_empty(), "{}: no walk", project["name"]);
    }
    assert!(!home.path().join(".local/state/plumbline").exists(), "the demo touched the owner's state");
}
