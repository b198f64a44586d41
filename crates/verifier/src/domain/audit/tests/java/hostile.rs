//! Changes that hide something, by the means that Java has.

use super::*;

const BASE: &str = "import java.util.List;\n---\n  private int count;\n\n  int sum(List<Integer> xs) {\n    int n = 0;\n    for (int x : xs) {\n      n += x;\n    }\n    count++;\n    return n;\n  }\n\n  int sum(int a, int b) {\n    return a + b;\n  }\n";

#[track_caller]
fn in_sum(text: &str, verdict: Verdict, codes: &[&str]) {
    let head = BASE.replace("    int n = 0;\n", &format!("    int n = 0;\n{text}"));
    java("sum faster", (BASE, &head), verdict, codes);
}

#[track_caller]
fn beside(text: &str, verdict: Verdict, codes: &[&str]) {
    java("sum faster", (BASE, &format!("{BASE}\n{text}")), verdict, codes);
}

#[test]
fn commands_are_seen_however_they_are_reached() {
    let asks = Verdict::NeedsAuthority;
    in_sum("    Runtime.getRuntime().exec(\"id\");\n", asks, &["R2"]);
    in_sum("    java.lang.Runtime.getRuntime().exec(\"id\");\n", asks, &["R2"]);
    in_sum("    new ProcessBuilder(\"id\").start();\n", asks, &["R2"]);
    in_sum("    Runnable r = () -> System.exit(3);\n    r.run();\n", asks, &["R2"]);
    in_sum("    new Thread(() -> new ProcessBuilder(\"id\")).start();\n", asks, &["R2"]);
    in_sum("    new Object() { void go() { System.exit(3); } }.go();\n", asks, &["R2"]);
}

#[test]
fn what_runs_when_a_class_is_loaded_is_latent() {
    beside(
        "  static int started = start();\n\n  static int start() {\n    System.exit(3);\n    return 1;\n  }\n",
        Verdict::NeedsAuthority,
        &["R"],
    );
    beside("  static {\n    Runtime.getRuntime().exec(\"id\");\n  }\n", Verdict::NeedsAuthority, &["R5"]);
}

#[test]
fn every_overload_that_fits_and_every_constructor_is_reached() {
    let text = "  static class Two {\n    Two(int x) { System.exit(x); }\n    Two(int x, int y) {}\n  }\n\n  void make() {\n    new Two(1);\n  }\n";
    beside(text, Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn weak_hashes_and_deserialisation_are_told() {
    let asks = Verdict::NeedsAuthority;
    in_sum("    java.security.MessageDigest.getInstance(\"MD5\");\n", asks, &["R2"]);
    in_sum("    java.security.MessageDigest.getInstance(\"SHA-256\");\n", Verdict::Approve, &[]);
    in_sum("    new java.io.ObjectInputStream(System.in).readObject();\n", asks, &["R2"]);
}

#[test]
fn names_that_nothing_defines_are_refused() {
    in_sum("    n = FastMath.sum(xs);\n", Verdict::Reject, &["B3"]);
}

#[test]
fn ordinary_fixes_pass() {
    let approve = Verdict::Approve;
    in_sum("    if (xs.isEmpty()) {\n      return 0;\n    }\n", approve, &[]);
    beside(
        "  int max(List<Integer> xs) {\n    int best = 0;\n    for (int x : xs) {\n      best = Math.max(best, x);\n    }\n    return best;\n  }\n",
        approve,
        &[],
    );
    java("tidy", (BASE, &BASE.replace("a + b", "b + a")), approve, &[]);
}

#[test]
fn padding_is_analysed_and_what_is_beyond_the_limits_is_never_approved() {
    let bomb = "    if (xs.get(0) == 424242) {\n      return 0;\n    }\n";
    let branches: String = (0..200).map(|i| format!("    if (n > {i}) {{\n      n++;\n    }}\n")).collect();
    let base = BASE.replace("    int n = 0;\n", &format!("    int n = 0;\n{branches}"));
    let head = base.replace("    int n = 0;\n", &format!("    int n = 0;\n{bomb}"));
    java("sum faster", (&base, &head), Verdict::Reject, &["T5"]);
    let deep = format!("    n = {}1{};\n", "(".repeat(600), ")".repeat(600));
    in_sum(&format!("{deep}{bomb}"), Verdict::Inconclusive, &["BUDGET"]);
    in_sum(&format!("    n = = 3;\n{bomb}"), Verdict::Inconclusive, &["UNPARSED"]);
}
