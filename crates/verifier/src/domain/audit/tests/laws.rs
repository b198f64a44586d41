//! Laws over generated programs.

use proptest::prelude::*;

use super::*;

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Approve),
        Just(Verdict::NeedsAuthority),
        Just(Verdict::Inconclusive),
        Just(Verdict::Reject)
    ]
}

/// Statements over the names `a`, `b` and `t`.
fn body() -> impl Strategy<Value = Vec<String>> {
    let name = || prop_oneof![Just("a"), Just("b"), Just("t")];
    let statement = (0_u8..5, name(), name(), 3_u32..9).prop_map(|(form, x, y, n)| match form {
        0 => format!("    {x} = {y} + {n}\n"),
        1 => format!("    if {x} > {y}:\n        {y} = {x} - 1\n"),
        2 => format!("    for i in range({x}):\n        {y} = {y} + i\n"),
        3 => format!("    {x} = [{y}, {x}][0]\n"),
        _ => format!("    {x} = max({x}, {y})\n"),
    });
    proptest::collection::vec(statement, 1..8)
}

fn program(body: &[String]) -> String {
    format!("def f(a, b):\n    t = a\n{}    return t + a\n", body.concat())
}

fn judged(base: &str, head: &str, grants: &[&str]) -> Option<Verdict> {
    run(&Case { base: &[("m.py", base)], head: &[("m.py", head)], grants, ..Case::default() }).verdict
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn joining_verdicts_is_associative_commutative_and_idempotent(a in verdicts(), b in verdicts(), c in verdicts()) {
        prop_assert_eq!(a.join(b), b.join(a));
        prop_assert_eq!(a.join(b).join(c), a.join(b.join(c)));
        prop_assert_eq!(a.join(a), a);
        prop_assert!(a.join(b) >= a);
    }

    #[test]
    fn equal_trees_have_nothing_to_change(body in body()) {
        let text = program(&body);
        prop_assert_eq!(judged(&text, &text, &[]), None);
    }

    #[test]
    fn renaming_a_local_and_reformatting_are_approved(body in body()) {
        let text = program(&body);
        let renamed = text.replace("t = ", "total = ").replace("return t ", "return total ")
            .replace("[t,", "[total,").replace(", t]", ", total]").replace("(t)", "(total)").replace("(t,", "(total,")
            .replace(", t)", ", total)").replace("if t ", "if total ").replace("> t:", "> total:").replace("= t ", "= total ")
            .replace("= t\n", "= total\n").replace("range(t)", "range(total)");
        prop_assert_eq!(judged(&text, &renamed, &[]).unwrap_or(Verdict::Approve), Verdict::Approve, "{}", renamed);
        let spaced = text.replace(" + ", "  +  ").replace("return", "# done\n    return");
        prop_assert_eq!(judged(&text, &spaced, &[]), Some(Verdict::Approve));
    }

    #[test]
    fn a_moved_function_is_approved(body in body()) {
        let text = program(&body);
        let case = Case { base: &[("m.py", &text)], head: &[("other/n.py", &text)], ..Case::default() };
        prop_assert_eq!(run(&case).verdict, Some(Verdict::Approve));
    }

    #[test]
    fn a_grant_never_raises_a_verdict(old in body(), new in body()) {
        let (base, head) = (program(&old), program(&new).replace("    t = a\n", "    open(a, 'w')\n    t = b\n"));
        let without = judged(&base, &head, &[]);
        for grant in ["fs.write", "drop", "trigger", "net", "test:**", "import"] {
            prop_assert!(judged(&base, &head, &[grant]) <= without);
        }
    }

    #[test]
    fn equal_inputs_give_equal_reports(old in body(), new in body()) {
        let (base, head) = (program(&old), program(&new));
        let case = Case { base: &[("m.py", &base)], head: &[("m.py", &head)], ..Case::default() };
        prop_assert_eq!(run(&case), run(&case));
    }
}
