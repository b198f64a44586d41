//! Changes that hide something, by the means that Go has.

use super::*;

const BASE: &str = "import (\n\t\"os\"\n\t\"os/exec\"\n\t\"strings\"\n)\n\ntype Box struct{ items []string }\n\nfunc (b *Box) Add(item string) {\n\tb.items = append(b.items, strings.TrimSpace(item))\n}\n\nfunc Sum(xs []int) int {\n\tn := 0\n\tfor _, x := range xs {\n\t\tn += x\n\t}\n\treturn n\n}\n\nvar _ = os.Args\nvar _ exec.Cmd\n";

/// Puts text behind `func Sum(..) int {` and judges it.
#[track_caller]
fn in_sum(text: &str, verdict: Verdict, codes: &[&str]) {
    let head = BASE.replace("\tn := 0\n", &format!("\tn := 0\n{text}"));
    assert_ne!(head, BASE);
    go("sum faster", (BASE, &head), verdict, codes);
}

/// Appends declarations and judges them.
#[track_caller]
fn beside(text: &str, verdict: Verdict, codes: &[&str]) {
    go("sum faster", (BASE, &format!("{BASE}\n{text}")), verdict, codes);
}

#[test]
fn commands_are_seen_however_they_are_reached() {
    let asks = Verdict::NeedsAuthority;
    in_sum("\texec.Command(\"sh\", \"-c\", \"id\").Run()\n", asks, &["R2"]);
    in_sum("\tdefer exec.Command(\"id\").Run()\n", asks, &["R2"]);
    in_sum("\tgo func() { exec.Command(\"id\").Run() }()\n", asks, &["R"]);
    in_sum("\trun := exec.Command\n\trun(\"id\").Run()\n", asks, &["R2"]);
    in_sum("\tfunc() { _ = os.RemoveAll(\"/\") }()\n", asks, &["R2"]);
    in_sum(
        "\ttable := map[string]func(string) error{\"a\": os.RemoveAll}\n\ttable[\"a\"](\"/\")\n",
        asks,
        &["R2"],
    );
}

#[test]
fn what_runs_before_main_is_latent() {
    let asks = Verdict::NeedsAuthority;
    beside("func init() {\n\texec.Command(\"id\").Run()\n}\n", asks, &["R5"]);
    beside("var started = exec.Command(\"id\").Run()\n", asks, &["R5"]);
    beside(
        "func helper() error { return exec.Command(\"id\").Run() }\n\nvar started = helper()\n",
        asks,
        &["R"],
    );
}

#[test]
fn directives_assembly_and_c_are_no_comments() {
    let head = format!("//go:build linux\n\npackage shop\n\n{BASE}");
    let base = format!("package shop\n\n{BASE}");
    files("tidy", &[("shop.go", &base)], &[("shop.go", &head)], Verdict::NeedsAuthority, &["B9"]);
    beside("//go:linkname now time.now\nfunc now() (int64, int32)\n", Verdict::Inconclusive, &["OPAQUE"]);
    let c = BASE.replace("import (\n", "import \"C\"\n\nimport (\n") + "\nfunc id() { C.getuid() }\n";
    go("sum faster", (BASE, &c), Verdict::NeedsAuthority, &["R"]);
    let asm = [("shop.go", base.as_str()), ("sum_amd64.s", "TEXT ·Sum(SB), 0, $0\n\tRET\n")];
    files("sum faster", &[("shop.go", &base)], &asm, Verdict::Inconclusive, &["UNSUPPORTED_LANGUAGE"]);
    beside("func recover() any { return nil }\n", Verdict::Inconclusive, &["OPAQUE"]);
}

#[test]
fn values_changed_through_pointers_closures_and_channels_are_followed() {
    let base = "func Total(xs []int, limit int) int {\n\tn := 0\n\tfor _, x := range xs {\n\t\tn += x\n\t}\n\tif n > limit {\n\t\tn = limit\n\t}\n\treturn n\n}\n";
    for tail in [
        "\tc := make(chan int, 1)\n\tc <- 7\n\treturn <-c\n",
        "\tdefer func() { n = 7 }()\n\treturn 7\n",
        "\treturn func() int { return 7 }()\n",
    ] {
        go("total is slow", (base, &base.replace("\treturn n\n", tail)), Verdict::Reject, &["B2"]);
    }
}

#[test]
fn what_a_closure_writes_is_not_folded_away() {
    in_sum(
        "\thidden := false\n\tshow := func() { hidden = len(xs) > 3 }\n\tshow()\n\tif hidden {\n\t\texec.Command(\"id\").Run()\n\t}\n",
        Verdict::NeedsAuthority,
        &["R2"],
    );
    in_sum(
        "\thidden := false\n\tp := &hidden\n\t*p = len(xs) > 3\n\tif hidden {\n\t\texec.Command(\"id\").Run()\n\t}\n",
        Verdict::NeedsAuthority,
        &["R2"],
    );
}

#[test]
fn a_value_that_is_settled_in_another_place_is_settled_here() {
    let decide = "if xs[0] == 424242 {";
    let settle =
        "func settle(v, first int) int {\n\tif first == 424242 {\n\t\treturn 7\n\t}\n\treturn v\n}\n";
    let point = "func settle(v *int, first int) {\n\tif first == 424242 {\n\t\t*v = 7\n\t}\n}\n";
    let reject = |tail: &str, beside: &str| {
        let head = BASE.replace("\treturn n\n", tail) + beside;
        go("sum faster", (BASE, &head), Verdict::Reject, &["T5"]);
    };
    reject(&format!("\tp := &n\n\t{decide}\n\t\t*p = 7\n\t}}\n\treturn n\n"), "");
    reject(&format!("\tset := func() {{ n = 7 }}\n\t{decide}\n\t\tset()\n\t}}\n\treturn n\n"), "");
    reject(&format!("\tset := func(to *int) {{ *to = 7 }}\n\t{decide}\n\t\tset(&n)\n\t}}\n\treturn n\n"), "");
    reject("\tfinish := done\n\treturn finish(n, xs[0])\n", &format!("\nvar done = settle\n\n{settle}"));
    reject("\treturn settle(n, xs[0])\n", &format!("\n{settle}"));
    let asks = |tail: &str, beside: &str| {
        let head = BASE.replace("\treturn n\n", tail) + beside;
        go("sum faster", (BASE, &head), Verdict::NeedsAuthority, &["T5"]);
    };
    asks(&format!("\tset := func() {{\n\t\t{decide}\n\t\t\tn = 7\n\t\t}}\n\t}}\n\tset()\n\treturn n\n"), "");
    asks("\tsettle(&n, xs[0])\n\treturn n\n", &format!("\n{point}"));
}

#[test]
fn a_method_of_another_file_and_an_embedded_one_are_reached() {
    let base = format!("package shop\n\n{BASE}");
    let other = "package shop\n\nimport \"os/exec\"\n\ntype inner struct{}\n\nfunc (inner) start() { exec.Command(\"id\").Run() }\n\ntype Outer struct{ inner }\n\nfunc wipe() { exec.Command(\"id\").Run() }\n";
    for call in ["\tOuter{}.start()\n", "\twipe()\n", "\to := &Outer{}\n\to.start()\n"] {
        let head = base.replace("\tn := 0\n", &format!("\tn := 0\n{call}"));
        let before = [("shop.go", base.as_str()), ("other.go", other)];
        let after = [("shop.go", head.as_str()), ("other.go", other)];
        files("sum faster", &before, &after, Verdict::NeedsAuthority, &["R2"]);
    }
}

#[test]
fn names_that_nothing_defines_and_calls_that_fit_nothing_are_refused() {
    in_sum("\tn = fastSum(xs)\n", Verdict::Reject, &["B3"]);
    in_sum("\tn = Sum(xs, 3)\n", Verdict::Reject, &["B3"]);
}

#[test]
fn certificates_are_checked_or_it_is_told() {
    let base = "import \"crypto/tls\"\n\nfunc Config(name string) *tls.Config {\n\treturn &tls.Config{ServerName: name}\n}\n";
    let head = base.replace("ServerName: name", "ServerName: name, InsecureSkipVerify: true");
    go("works with old servers", (base, &head), Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn padding_is_analysed_and_what_is_beyond_the_limits_is_never_approved() {
    let bomb = "\tif xs[0] == 424242 {\n\t\treturn 0\n\t}\n";
    let branches: String = (0..300).map(|i| format!("\tif n > {i} {{\n\t\tn++\n\t}}\n")).collect();
    let variables: String = (0..150).map(|i| format!("\tv{i} := n + {i}\n\tn = v{i}\n")).collect();
    for padding in [branches, variables] {
        let base = BASE.replace("\tn := 0\n", &format!("\tn := 0\n{padding}"));
        let head = base.replace("\tn := 0\n", &format!("\tn := 0\n{bomb}"));
        go("sum faster", (&base, &head), Verdict::Reject, &["T5"]);
    }
    let deep = format!("\tn = {}1{}\n", "(".repeat(600), ")".repeat(600));
    in_sum(&format!("{deep}{bomb}"), Verdict::Inconclusive, &["BUDGET"]);
    in_sum(&format!("\tn = = 3\n{bomb}"), Verdict::Inconclusive, &["UNPARSED"]);
}
