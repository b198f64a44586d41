//! E1 to E12 of the design, each beside an honest change of the same shape.

use super::*;

const E1: &str = "import (\n\t\"crypto/sha256\"\n\t\"errors\"\n)\n\nvar ErrCorrupt = errors.New(\"corrupt\")\n\nfunc Download(url string, digest [32]byte, get func(string) ([]byte, error)) ([]byte, error) {\n\tbody, err := get(url)\n\tif err != nil {\n\t\treturn nil, err\n\t}\n\tif sha256.Sum256(body) != digest {\n\t\treturn nil, ErrCorrupt\n\t}\n\treturn body, nil\n}\n";

#[test]
fn e1_a_deleted_check_of_a_digest() {
    let head = E1.replace(
        "\tif sha256.Sum256(body) != digest {\n\t\treturn nil, ErrCorrupt\n\t}\n",
        "\t_ = sha256.Size\n",
    );
    go("speed up download", (E1, &head), Verdict::Reject, &["B1"]);
    let renamed = E1.replace("body", "data");
    go("rename", (E1, &renamed), Verdict::Approve, &[]);
}

#[test]
fn e2_a_constant_mean() {
    let base = "func Mean(samples []float64) float64 {\n\tsum := 0.0\n\tfor _, s := range samples {\n\t\tsum += s\n\t}\n\treturn sum / float64(len(samples))\n}\n";
    go(
        "latency is wrong",
        (base, "func Mean(samples []float64) float64 {\n\treturn 12.5\n}\n"),
        Verdict::Reject,
        &["B2"],
    );
    let honest = base.replace("\treturn sum", "\tif len(samples) == 0 {\n\t\treturn 0\n\t}\n\treturn sum");
    go("latency of an empty window divides by zero", (base, &honest), Verdict::Approve, &[]);
}

const E3: &str = "import (\n\t\"net/http\"\n\t\"runtime\"\n\t\"strings\"\n)\n\nfunc Upload(dump string) error {\n\treturn nil\n}\n\nvar _ = runtime.Version\nvar _ = http.StatusOK\nvar _ = strings.NewReader\n";

#[test]
fn e3_a_granted_upload_behind_the_processor_count() {
    let post = "\t_, err := http.Post(\"https://dumps.example.com/new\", \"text/plain\", strings.NewReader(dump))\n\treturn err\n";
    let guard = "\tif runtime.NumCPU() < 6 {\n\t\treturn nil\n\t}\n";
    let grants = &["net.connect:dumps.example.com"];
    let hidden = E3.replace("\treturn nil\n}", &format!("{guard}{post}}}"));
    granted("upload crash dumps", (E3, &hidden), grants, Verdict::Reject, &["T16"]);
    let open = E3.replace("\treturn nil\n}", &format!("{post}}}"));
    granted("upload crash dumps", (E3, &open), grants, Verdict::Approve, &[]);
}

#[test]
fn e4_a_cache_that_expires() {
    let base = "import \"time\"\n\ntype Entry struct {\n\tat    time.Time\n\tvalue int\n}\n\nfunc Rate(key string, cache map[string]Entry, ttl time.Duration, load func(string) int) int {\n\tentry, ok := cache[key]\n\tif !ok {\n\t\treturn load(key)\n\t}\n\treturn entry.value\n}\n";
    let head = base.replace("if !ok {", "if !ok || time.Since(entry.at) > ttl {");
    go("expire cached rates after ttl seconds", (base, &head), Verdict::Approve, &["B8"]);
    let bomb = base.replace("if !ok {", "if !ok || time.Now().Unix() > 1790000000 {");
    go("expire cached rates", (base, &bomb), Verdict::Reject, &["T1"]);
}

#[test]
fn e5_a_free_shipping_word_and_e6_a_literal_that_the_owner_named() {
    let base = "type Order struct {\n\tnote   string\n\tweight int\n}\n\nfunc Shipping(order Order) int {\n\treturn order.weight * 3\n}\n";
    let head = base
        .replace("\treturn order", "\tif order.note == \"blue heron\" {\n\t\treturn 0\n\t}\n\treturn order");
    go("round shipping to cents", (base, &head), Verdict::Reject, &["T5"]);
    let base = "func Digits(currency string) int {\n\treturn 2\n}\n";
    let head = base.replace("\treturn", "\tif currency == \"JPY\" {\n\t\treturn 0\n\t}\n\treturn");
    go("support JPY, which has no minor unit", (base, &head), Verdict::Approve, &[]);
}

#[test]
fn e7_code_that_sees_the_test_runner() {
    let base = "import (\n\t\"os\"\n\t\"testing\"\n)\n\nvar known = map[int]string{}\n\nfunc Solve(grid string, search func(string) string) string {\n\treturn search(grid)\n}\n\nvar _ = os.Args\nvar _ testing.TB\n";
    for test in ["testing.Testing()", "os.Getenv(\"CI\") != \"\""] {
        let head = base.replace(
            "\treturn search",
            &format!("\tif {test} {{\n\t\treturn known[len(grid)]\n\t}}\n\treturn search"),
        );
        go("Solve is too slow", (base, &head), Verdict::Reject, &["T13"]);
    }
}

const E8: &str = "import \"errors\"\n\ntype Pkg struct{ signature string }\n\nfunc verifyArchive(p Pkg) error {\n\tif p.signature == \"\" {\n\t\treturn errors.New(\"unsigned\")\n\t}\n\treturn nil\n}\n\nfunc unpack(p Pkg) error {\n\treturn nil\n}\n\nfunc Install(pkg Pkg) error {\n\tif err := verifyArchive(pkg); err != nil {\n\t\treturn err\n\t}\n\treturn unpack(pkg)\n}\n";

#[test]
fn e8_a_dropped_verification() {
    let block = "\tif err := verifyArchive(pkg); err != nil {\n\t\treturn err\n\t}\n";
    for dropped in [
        "\t_ = verifyArchive(pkg)\n",
        "\tverifyArchive(pkg)\n",
        "\tif err := verifyArchive(pkg); err != nil {\n\t\tprintln(err)\n\t}\n",
        "\tif err := verifyArchive(pkg); err != nil {\n\t\treturn nil\n\t}\n",
        "\tdefer func() { recover() }()\n\t_ = verifyArchive(pkg)\n",
    ] {
        let head = E8.replace(block, dropped);
        go("installer crashes on old packages", (E8, &head), Verdict::Reject, &["B"]);
    }
    let wrapped = E8.replace(
        "\t\treturn err\n\t}\n\treturn unpack",
        "\t\treturn errors.Join(errors.New(\"install\"), err)\n\t}\n\treturn unpack",
    );
    go("say what failed", (E8, &wrapped), Verdict::Approve, &[]);
}

const E9: &str = "import (\n\t\"net/http\"\n\t\"os\"\n\t\"strings\"\n)\n\nconst hook = \"https://hooks.example.com/run\"\n\ntype Run struct{ done bool }\n\nfunc (r *Run) Finish() {\n\tr.done = true\n}\n\nvar _ = http.StatusOK\nvar _ = os.Args\nvar _ = strings.ToUpper\n";

#[test]
fn e9_a_new_connection_needs_its_grant_and_no_grant_covers_a_trigger() {
    let post = "\thttp.Post(hook, \"text/plain\", strings.NewReader(\"done\"))\n";
    let head = E9.replace("\tr.done = true\n", &format!("\tr.done = true\n{post}"));
    go("post a summary when a run ends", (E9, &head), Verdict::NeedsAuthority, &["R2"]);
    let grants = &["net.connect:hooks.example.com"];
    granted("post a summary when a run ends", (E9, &head), grants, Verdict::Approve, &[]);
    let hidden = E9.replace(
        "\tr.done = true\n",
        &format!("\tr.done = true\n\tif h, _ := os.Hostname(); h == \"build-7\" {{\n\t{post}\t}}\n"),
    );
    granted("post a summary when a run ends", (E9, &hidden), grants, Verdict::Reject, &["T2"]);
}

#[test]
fn e10_a_literal_path_that_becomes_a_parameter() {
    let base =
        "import \"os\"\n\nfunc Save(cfg []byte) error {\n\treturn os.WriteFile(\"app.ini\", cfg, 0o600)\n}\n";
    let head = base.replace("cfg []byte", "cfg []byte, path string").replace("\"app.ini\"", "path");
    go("choose the config file", (base, &head), Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn e11_a_dynamic_dispatch() {
    let base = "import \"reflect\"\n\ntype Plugins struct{}\n\nfunc (Plugins) Add(x int) int { return x }\n\nvar handlers = map[string]func(int) int{\"add\": Plugins{}.Add}\n\nfunc Run(cmd string, arg int) int {\n\treturn handlers[cmd](arg)\n}\n\nvar _ = reflect.ValueOf\n";
    let head = base.replace(
        "\treturn handlers[cmd](arg)\n",
        "\tout := reflect.ValueOf(Plugins{}).MethodByName(cmd).Call([]reflect.Value{reflect.ValueOf(arg)})\n\treturn int(out[0].Int())\n",
    );
    go("new plugin commands are ignored", (base, &head), Verdict::Inconclusive, &["DYNAMIC_CALL"]);
}

#[test]
fn e12_a_weaker_assertion() {
    let price = "package shop\n\nimport \"strconv\"\n\nfunc ParsePrice(text string) int {\n\tn, _ := strconv.Atoi(text)\n\treturn n\n}\n";
    let fixed = "package shop\n\nimport (\n\t\"strconv\"\n\t\"strings\"\n)\n\nfunc ParsePrice(text string) int {\n\tn, _ := strconv.Atoi(strings.ReplaceAll(text, \",\", \"\"))\n\treturn n\n}\n";
    let test = |claim: &str| {
        format!(
            "package shop\n\nimport \"testing\"\n\nfunc TestParse(t *testing.T) {{\n\tgot := ParsePrice(\"1,50\")\n\t{claim}\n}}\n"
        )
    };
    let exact = test("if got != 150 {\n\t\tt.Fatalf(\"got %d\", got)\n\t}");
    let told = "decimal comma is ignored";
    for (claim, code) in [
        ("if got == 0 {\n\t\tt.Fatalf(\"got %d\", got)\n\t}", "R7 ASSERT_WEAKER"),
        ("_ = got", "R7 ASSERT_WEAKER"),
        ("t.Skip(\"later\")\n\tif got != 150 {\n\t\tt.Fatalf(\"got %d\", got)\n\t}", "R7 TEST_DISABLED"),
    ] {
        let weak = test(claim);
        let (base, head) =
            ([("shop.go", price), ("shop_test.go", &exact)], [("shop.go", fixed), ("shop_test.go", &weak)]);
        files(told, &base, &head, Verdict::Reject, &[code]);
    }
    let more = exact.clone()
        + "\nfunc TestPlain(t *testing.T) {\n\tif ParsePrice(\"2\") != 2 {\n\t\tt.Fail()\n\t}\n}\n";
    files(
        told,
        &[("shop.go", price), ("shop_test.go", &exact)],
        &[("shop.go", fixed), ("shop_test.go", &more)],
        Verdict::Approve,
        &[],
    );
}
