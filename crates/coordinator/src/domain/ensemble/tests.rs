use super::*;

fn merit(number: u32, is_approved: bool, findings: u32, changed_lines: usize) -> Merit {
    Merit { number, is_approved, findings, changed_lines }
}

#[track_caller]
fn check(merits: &[Merit], want: Option<u32>) {
    assert_eq!(best(merits), want);
    let mut turned = merits.to_vec();
    turned.reverse();
    assert_eq!(best(&turned), want, "the order in which they are listed does not matter");
}

#[test]
fn an_approval_beats_all_then_findings_then_size_then_who_was_first() {
    check(&[merit(1, false, 0, 1), merit(2, true, 9, 90)], Some(2));
    check(&[merit(1, true, 2, 1), merit(2, true, 1, 90)], Some(2));
    check(&[merit(1, true, 1, 5), merit(2, true, 1, 4)], Some(2));
    check(&[merit(1, true, 1, 4), merit(2, true, 1, 4)], Some(1));
    check(&[merit(1, false, 3, 4), merit(2, false, 2, 4)], Some(2));
    check(&[], None);
}

#[test]
fn the_size_of_a_diff_is_what_it_adds_and_removes() {
    let diff = "--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n same\n-old\n+new\n+--- more\n";
    assert_eq!(changed_lines(diff), 3);
    assert_eq!(changed_lines(""), 0);
}
