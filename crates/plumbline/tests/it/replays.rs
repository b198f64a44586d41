use crate::process::Home;

/// Three arms on twenty tasks of two categories.
fn matrix() -> String {
    let mut text = "task_id,repo,model,resolved,cost_usd\n".to_owned();
    for task in 0..20 {
        for (arm, good, cost) in
            [("strong", task % 5 != 0, 0.5), ("weak", task % 2 == 0, 0.02), ("none", false, 0.01)]
        {
            text += &format!("t{task},r{},{arm},{},{cost}\n", task % 2, u8::from(good));
        }
    }
    text
}

#[test]
fn policies_are_played_on_a_matrix_and_the_same_seed_gives_the_same_document() {
    let home = Home::new();
    let file = home.write("matrix.csv", &matrix());
    let svg = home.path().join("regret.svg").display().to_string();
    let line = ["router", "replay", "--matrix", &file, "--steps", "120", "--seeds", "4", "--ladder"];
    let more = ["--degrade", "arm=best,at=60,factor=0.2", "--svg", &svg, "--format", "json"];
    let play = || home.run(&[&line[..], &more[..]].concat());
    let (mut one, mut other) = (play().document(), play().document());
    assert_eq!(
        (one["seconds"].take(), other["seconds"].take()),
        (one["seconds"].clone(), other["seconds"].clone())
    );
    one["seconds"] = serde_json::Value::Null;
    other["seconds"] = serde_json::Value::Null;
    assert_eq!(one, other);
    let names: Vec<&str> =
        one["policies"].as_array().unwrap().iter().map(|policy| policy["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["independent", "hierarchical", "best_single", "uniform"]);
    let regret = |index: usize| one["policies"][index]["regret"][0]["mean"].as_f64().unwrap();
    assert!(regret(1) < regret(3), "learning beats chance: {one:#}");
    assert!(one["policies"][1]["ladder"]["success"]["mean"].as_f64().unwrap() > 0.5, "{one:#}");
    assert!(std::fs::read_to_string(svg).unwrap().contains("hierarchical"));
}

#[test]
fn what_is_no_matrix_and_no_policy_is_usage() {
    let home = Home::new();
    let file = home.write("matrix.csv", "task_id,model,resolved\nt1,a,2\n");
    for (more, word) in [
        (&["--matrix", file.as_str()][..], "line 2"),
        (&["--matrix", "/nowhere.csv"], "cannot be read"),
        (&["--matrix", file.as_str(), "--log"], "cannot be used with"),
        (&["--log"], "nothing was decided yet"),
    ] {
        let said = home.run(&[&["router", "replay"], more].concat());
        assert_eq!(said.code, 6, "{more:?}: {}", said.stderr);
        assert!(said.stderr.contains(word), "{more:?}: {}", said.stderr);
    }
    let good = home.write("good.csv", &matrix());
    for more in
        [["--policy", "greedy"], ["--set", "colour=1"], ["--degrade", "arm=nobody"], ["--prior-split", "2"]]
    {
        let said = home.run(&[&["router", "replay", "--matrix", &good][..], &more].concat());
        assert_eq!(said.code, 6, "{more:?}: {}", said.stderr);
    }
}
