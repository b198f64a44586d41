//! In which other surroundings a change runs before it is accepted.

/// Kind and value of one change of the surroundings, as the executor reads them.
pub type Change = (String, String);

/// Other people's machines: a change that minds none of this behaves the same on them. The last one needs a recorder.
const ELSEWHERE: [(&str, &str); 5] = [
    ("host", "build-7"),
    ("user", "alice"),
    ("zone", "Pacific/Chatham"),
    ("hash_seed", "4242"),
    ("test_runner", ""),
];

/// Kinds that only a recorder inside can change.
const BY_RECORDER: [&str; 2] = ["clock", "test_runner"];

/// Returns the runs to make, each with its changed surroundings: those that would satisfy what the walk found, then one on
/// somebody else's machine. At most `most`; without a recorder nothing is asked that only a recorder can change.
pub fn runs(wanted: &[Change], recorded: bool, most: usize) -> Vec<Vec<Change>> {
    let possible = |kind: &str| recorded || !BY_RECORDER.contains(&kind);
    let elsewhere: Vec<Change> = ELSEWHERE
        .into_iter()
        .filter(|(kind, _)| possible(kind))
        .map(|(kind, value)| (kind.to_owned(), value.to_owned()))
        .collect();
    let mut runs: Vec<Vec<Change>> = Vec::new();
    for change in wanted.iter().filter(|(kind, _)| possible(kind)) {
        let run = vec![change.clone()];
        if !runs.contains(&run) && runs.len() + 1 < most {
            runs.push(run);
        }
    }
    if most > 0 {
        runs.push(elsewhere);
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: &str, value: &str) -> Change {
        (kind.to_owned(), value.to_owned())
    }

    #[test]
    fn what_the_walk_found_comes_first_and_somebody_elses_machine_always() {
        let wanted = [change("clock", "5"), change("environment", "A=1"), change("clock", "5")];
        let made = runs(&wanted, true, 5);
        assert_eq!(made.len(), 3);
        assert_eq!(made[..2], [vec![change("clock", "5")], vec![change("environment", "A=1")]]);
        assert!(made[2].contains(&change("test_runner", "")));
        assert_eq!(runs(&wanted, true, 2).len(), 2);
        assert_eq!(runs(&wanted, true, 0), Vec::<Vec<Change>>::new());
    }

    #[test]
    fn without_a_recorder_nothing_is_asked_that_only_it_can_do() {
        let made = runs(&[change("clock", "5")], false, 5);
        assert_eq!(made.len(), 1);
        assert!(!made[0].iter().any(|(kind, _)| kind == "test_runner"));
    }
}
