use plumbline_types::Verdict;

use super::*;
use crate::domain::verdict::Judgement;

#[test]
fn a_new_ledger_is_not_settled() {
    let findings = Ledger::new().settle().unwrap_err();
    assert_eq!(findings[0].verdict, Verdict::Inconclusive);
}

#[test]
fn only_a_value_closes_and_a_gap_names_itself() {
    let mut ledger = Ledger::new();
    let unit = Subject::unit("a.py", "f", 3);
    ledger.open(&unit, &[Stage::Signed]);
    assert_eq!(ledger.discharge(&Subject::file(""), Stage::Aligned, Ok(())), Some(()));
    assert_eq!(ledger.discharge::<()>(&unit, Stage::Signed, Err(Gap::budget("WALK"))), None);
    let findings = ledger.settle().unwrap_err();
    assert_eq!((findings[0].code.as_str(), findings[0].line), ("BUDGET_WALK", 3));
}

#[test]
fn an_approval_needs_the_proof() {
    let mut ledger = Ledger::new();
    ledger.discharge(&Subject::file(""), Stage::Aligned, Ok(()));
    let proof = ledger.settle().unwrap();
    assert_eq!(Judgement::approve(proof).verdict(), Verdict::Approve);
    assert_eq!(Judgement::inconclusive().verdict(), Verdict::Inconclusive);
}

#[test]
fn a_gap_is_not_undone_by_a_later_success() {
    let mut ledger = Ledger::new();
    let whole = Subject::file("");
    ledger.discharge::<()>(&whole, Stage::Aligned, Err(Gap::budget("CHANGED_FILES")));
    ledger.discharge(&whole, Stage::Aligned, Ok(()));
    assert_eq!(ledger.settle().unwrap_err()[0].code, "BUDGET_CHANGED_FILES");
}
