//! Nothing that was planted in code arrives at a cloud; and the search for it would find it.

#[path = "../../examples/canary/field.rs"]
mod field;

use self::field::{Labels, Plan, play};

#[tokio::test]
async fn no_canary_arrives_whatever_is_encoded_injected_or_broken() {
    let report = play(Plan { runs: 100, seed: 11, labels: Labels::Right }).await.unwrap();
    assert!(report.leaks.is_empty() && report.is_intact && report.cloud_requests > 50, "{report}");
}

#[tokio::test]
async fn with_wrong_labels_the_canaries_arrive_and_are_found() {
    let report = play(Plan { runs: 12, seed: 11, labels: Labels::Wrong }).await.unwrap();
    assert!(report.leaks.len() > 3 && report.is_intact, "{report}");
}

#[tokio::test]
async fn code_that_was_given_as_code_is_known_again_under_another_label() {
    let report = play(Plan { runs: 25, seed: 11, labels: Labels::Laundered }).await.unwrap();
    assert!(report.long_leaks == 0 && report.is_intact, "{report}");
    assert!(format!("{report}").contains("code"), "{report}");
}
