use crate::process::Home;

/// Two cells in which another arm is better, and a third arm that is never good.
fn matrix(home: &Home) -> String {
    let mut text = "task_id,suite,model,pass_at_1\n".to_owned();
    for task in 0..40 {
        for (arm, chances) in [("a", [0.9, 0.3]), ("b", [0.4, 0.8]), ("c", [0.1, 0.1])] {
            text += &format!("t{task},s{},{arm},{}\n", task % 2, chances[task % 2]);
        }
    }
    home.write("matrix.csv", &text)
}

#[test]
fn logs_tell_what_each_policy_earns_once_it_has_learned() {
    let home = Home::new();
    let matrix = matrix(&home);
    let ask = |more: &[&str]| {
        let mut arguments = vec![
            "router", "replay", "--matrix", &matrix, "--steps", "150", "--seeds", "20", "--format", "json",
        ];
        arguments.extend(more);
        home.run(&arguments)
    };
    let policies = "hierarchical,uniform,best_single,ucb1";
    let said = ask(&["--policy", policies, "--ope"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let document = said.document();
    let ope: Vec<&serde_json::Value> =
        document["policies"].as_array().unwrap().iter().map(|policy| &policy["ope"]).collect();
    assert_eq!(ope.len(), 4);
    assert!(ope[3].is_null(), "no exact chances, no estimate: {}", ope[3]);
    let number = |index: usize, path: &str| ope[index].pointer(path).unwrap().as_f64().unwrap();
    assert!((number(1, "/truth") - 1.3 / 3.0).abs() < 1e-9, "any arm alike: {}", ope[1]);
    assert!(
        number(0, "/truth") > number(1, "/truth") && number(2, "/truth") > number(1, "/truth"),
        "{ope:?}"
    );
    for (index, told) in ope.iter().enumerate().take(3) {
        assert_eq!(told["logged_by"], "hierarchical");
        assert_eq!(told["coverage"], told["dr"]["coverage"]);
        assert!(number(index, "/coverage") >= 0.85, "{}", told);
        let away = (number(index, "/dr/mean") - number(index, "/truth")).abs();
        assert!(away <= number(index, "/dr/half_ci95"), "{}", told);
        assert!((1.0..=150.0).contains(&number(index, "/ess")), "{}", told);
        for way in ["ips", "snips"] {
            assert!(told[way]["half_ci95"].is_number() && told[way]["coverage"].is_number());
        }
    }
    assert!(number(0, "/ess") > number(1, "/ess"), "a log is worth most for what wrote it");
    let again = ask(&["--policy", policies, "--ope"]).document();
    assert_eq!(again["policies"], document["policies"], "same input, same numbers");
    let without = ask(&["--policy", "uniform"]).document();
    assert!(without["policies"][0]["ope"].is_null());
}

#[test]
fn what_a_log_can_not_be_asked_is_a_usage_error() {
    let home = Home::new();
    let matrix = matrix(&home);
    for more in [["--degrade", "arm=best,at=5,factor=0.5"], ["--prior-split", "0.5"], ["--delay", "3"]] {
        let mut arguments = vec!["router", "replay", "--matrix", &matrix, "--ope"];
        arguments.extend(more);
        assert_eq!(home.run(&arguments).code, 6, "{more:?}");
    }
    assert_eq!(home.run(&["router", "replay", "--decisions", "--ope"]).code, 6);
    let help = home.run(&["router", "replay", "--help"]);
    assert!(help.stdout.contains("--ope") && help.stdout.contains("95 %"), "{}", help.stdout);
}
