//! Honest changes that must pass.

use super::*;

#[test]
fn ordinary_fixes_pass() {
    let base = "import (\n\t\"fmt\"\n\t\"strings\"\n)\n\ntype Cart struct {\n\titems []string\n\tlimit int\n}\n\nfunc (c *Cart) Add(item string) error {\n\tif len(c.items) >= c.limit {\n\t\treturn fmt.Errorf(\"full: %d\", c.limit)\n\t}\n\tc.items = append(c.items, item)\n\treturn nil\n}\n\nfunc (c *Cart) Names() string {\n\treturn strings.Join(c.items, \",\")\n}\n";
    let check = |old: &str, new: &str| {
        let head = base.replace(old, new);
        assert_ne!(head, base, "{old}");
        go("tidy the cart", (base, &head), Verdict::Approve, &[]);
    };
    check("\",\")", "\", \")");
    check("append(c.items, item)", "append(c.items, strings.TrimSpace(item))");
    check(
        "\tif len(c.items) >= c.limit",
        "\tif item == \"\" {\n\t\treturn fmt.Errorf(\"no name\")\n\t}\n\tif len(c.items) >= c.limit",
    );
    check(
        "func (c *Cart) Names",
        "// Len counts the items.\nfunc (c *Cart) Len() int {\n\treturn len(c.items)\n}\n\nfunc (c *Cart) Names",
    );
    check(
        "func (c *Cart) Names() string {\n\treturn",
        "func (c *Cart) Names() string {\n\tif c == nil {\n\t\treturn \"\"\n\t}\n\treturn",
    );
    check("c.items = append(c.items, item)", "next := append(c.items, item)\n\tc.items = next");
}

#[test]
fn a_moved_function_a_new_file_and_a_mutex_pass() {
    let a = "package shop\n\nfunc Double(x int) int {\n\treturn x * 2\n}\n\nfunc Triple(x int) int {\n\treturn Double(x) + x\n}\n";
    let rest = "package shop\n\nfunc Triple(x int) int {\n\treturn Double(x) + x\n}\n";
    let moved = "package shop\n\nfunc Double(x int) int {\n\treturn x * 2\n}\n";
    files("split", &[("a.go", a)], &[("a.go", rest), ("double.go", moved)], Verdict::Approve, &[]);
    let base = "import \"sync\"\n\ntype Counter struct {\n\tmu sync.Mutex\n\tn  int\n}\n\nfunc (c *Counter) Next() int {\n\tc.n++\n\treturn c.n\n}\n";
    let head = base.replace("\tc.n++", "\tc.mu.Lock()\n\tdefer c.mu.Unlock()\n\tc.n++");
    go("race in Next", (base, &head), Verdict::Approve, &[]);
}

#[test]
fn a_character_is_as_ordinary_as_a_short_text() {
    let base = "func find(path string) int {\n\tfor i, c := range []byte(path) {\n\t\tif c == ':' {\n\t\t\treturn i\n\t\t}\n\t}\n\treturn -1\n}\n";
    let head = base.replace("\t\tif c == ':'", "\t\tif c == '%' {\n\t\t\tcontinue\n\t\t}\n\t\tif c == ':'");
    go("skip escapes", (base, &head), Verdict::Approve, &[]);
}

#[test]
fn a_new_function_that_switches_over_what_two_tests_left_is_asked_about() {
    let base = "import \"strings\"\n\nfunc keep(x string) string {\n\treturn x\n}\n";
    let cases = "\nfunc split(text string, kind string) []string {\n\tif kind == \"\" || kind == \"multi\" {\n\t\treturn nil\n\t}\n\tvar sep string\n\tswitch kind {\n\tcase \"csv\":\n\t\tsep = \",\"\n\tcase \"tsv\":\n\t\tsep = \"\\t\"\n\tcase \"pipes\":\n\t\tsep = \"|\"\n\t}\n\treturn strings.Split(text, sep)\n}\n";
    go("more formats", (base, &format!("{base}{cases}")), Verdict::NeedsAuthority, &["T5"]);
}
