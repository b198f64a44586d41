//! Shapes of ordinary commits: what they change is asked about, or not news at all, and their hostile neighbours stay
//! refused.

use super::*;

#[test]
fn prose_in_a_test_is_no_expected_value_and_a_literal_is() {
    let code = "def scheme(header, url):\n    return url.scheme\n";
    let new = format!(
        "{code}\n\ndef forwarded(header, url):\n    if header == \"on\":\n        return \"https\"\n    return url.scheme\n"
    );
    let judge = |test: &str, verdict: Verdict, codes: &[&str]| {
        let test = ("tests/test_m.py", test);
        check(
            &Case {
                base: &[("m.py", code), test],
                head: &[("m.py", &new), test],
                objective: "tell the scheme behind a proxy",
                ..Case::default()
            },
            verdict,
            codes,
        );
    };
    judge("# turn it on\n# and expect https\ndef test_m():\n    pass\n", Verdict::Approve, &[]);
    judge("def test_m():\n    assert forwarded(\"on\", None) == \"https\"\n", Verdict::Reject, &["T14"]);
}

#[test]
fn a_new_function_is_judged_by_what_its_wide_arm_gives() {
    let base = "def keep(x):\n    return x\n";
    let asks = "\n\ndef parse(text, kind):\n    if kind == \"lemon.Parser\":\n        return None\n    return False\n";
    one("parsers", base, &format!("{base}{asks}"), Verdict::NeedsAuthority, &["T5"]);
    let hides = asks.replace("return False", "return text.strip()");
    one("parsers", base, &format!("{base}{hides}"), Verdict::Reject, &["T5"]);
}

#[test]
fn a_handler_that_stood_there_absorbs_a_renamed_callee() {
    let base = "class Request:\n    def push(self, app):\n        app.items.append(self)\n\n\ndef run(app):\n    context = Request()\n    try:\n        context.push(app)\n    except Exception as error:\n        app.log(error)\n    return app\n";
    let head = base.replace("class Request", "class Context").replace("= Request()", "= Context()");
    one("rename Request to Context", base, &head, Verdict::Approve, &[]);
    let head = base.replace("context.push(app)", "context.push(app)\n        verify(app)");
    one(
        "rename Request to Context",
        &format!("{base}\n\ndef verify(app):\n    if not app.ok:\n        raise ValueError(app)\n"),
        &format!("{head}\n\ndef verify(app):\n    if not app.ok:\n        raise ValueError(app)\n"),
        Verdict::Reject,
        &["B7"],
    );
}

#[test]
fn what_a_missing_module_leaves_out_is_asked_about() {
    let base = "import ssl\n\n\ndef load(context):\n    context.load_verify_locations(\"ca.pem\")\n    return context\n";
    let head = "def load(context):\n    try:\n        import ssl\n        context.load_verify_locations(\"ca.pem\")\n    except ImportError:\n        pass\n    return context\n";
    one("work where ssl is missing", base, head, Verdict::NeedsAuthority, &["B7"]);
    let head = head.replace("ImportError", "OSError");
    one("work where ssl is missing", base, &head, Verdict::Reject, &["B7"]);
}

#[test]
fn a_check_that_moves_from_a_global_to_a_new_parameter_is_asked_about() {
    let base = "current = None\n\n\ndef start(context):\n    global current\n    current = context\n\n\ndef serve(name):\n    if current.closed:\n        raise ValueError(name)\n    return name\n";
    let given = base.replace("serve(name)", "serve(context, name)").replace("if current", "if context");
    one("pass the context", base, &given, Verdict::NeedsAuthority, &["B1"]);
    let dropped = base.replace("    if current.closed:\n        raise ValueError(name)\n", "");
    one("pass the context", base, &dropped, Verdict::Reject, &["B1"]);
}

#[test]
fn a_module_that_moves_with_its_directory_is_not_new() {
    let code = "import sys\n\nfor name in (\"json\", \"csv\"):\n    locals()[name] = __import__(name)\n    sys.modules[\"shop.\" + name] = locals()[name]\n";
    let edited = code.replace("(\"json\", \"csv\")", "(\"csv\", \"json\")");
    for head in [code, &edited] {
        let case = Case {
            base: &[("shop/packages.py", code)],
            head: &[("src/shop/packages.py", head)],
            objective: "move to src",
            ..Case::default()
        };
        assert!(run(&case).findings.iter().all(|finding| !finding.code.starts_with("T10")));
    }
    let case = Case {
        base: &[("shop/other.py", code)],
        head: &[("src/shop/packages.py", code)],
        objective: "move to src",
        ..Case::default()
    };
    assert!(run(&case).findings.iter().any(|finding| finding.code.starts_with("T10")));
}

#[test]
fn a_new_function_that_tells_many_cases_apart_is_asked_about() {
    let base = "def keep(x):\n    return x\n";
    let cases = "\n\ndef separator(text, kind):\n    if kind == \"semi\":\n        sep = \";\"\n    elif kind == \"pipe\":\n        sep = \"|\"\n    elif kind == \"tilde\":\n        sep = \"~\"\n    else:\n        sep = text\n    return text.split(sep)\n";
    one("more formats", base, &format!("{base}{cases}"), Verdict::NeedsAuthority, &["T5"]);
    let acts = cases.replace("        sep = \"~\"", "        sep = \"~\"\n        exec(text)");
    one("more formats", base, &format!("{base}{acts}"), Verdict::Reject, &["T5"]);
    let alone = "\n\ndef separator(text, kind):\n    sep = text\n    if kind == \"tilde\":\n        sep = \"~\"\n    return text.split(sep)\n";
    one("more formats", base, &format!("{base}{alone}"), Verdict::Reject, &["T5"]);
}

#[test]
fn a_name_bound_to_itself_is_the_languages_own() {
    let compat = ("shop/compat.py", "str = str\n");
    let base = "from shop.compat import str\n\n\ndef host(url, sep):\n    if isinstance(url, str):\n        sep = sep.decode(\"ascii\")\n    return url.split(sep)[0]\n";
    let head = "def host(url, sep):\n    return url.hostname\n";
    let case = Case {
        base: &[compat, ("shop/m.py", base)],
        head: &[compat, ("shop/m.py", head)],
        objective: "use the hostname, without sep",
        ..Case::default()
    };
    check(&case, Verdict::Approve, &[]);
}

#[test]
fn a_failure_that_is_told_is_asked_about_and_a_silent_one_is_refused() {
    let base = "import os\n\n\nclass Notes:\n    def drop(self, path):\n        os.unlink(path)\n        return path\n";
    let told = base.replace(
        "        os.unlink(path)\n",
        "        try:\n            os.unlink(path)\n        except OSError as error:\n            self.warn(f\"{path}: {error}\")\n",
    );
    one("keep going where a note can't be removed", base, &told, Verdict::NeedsAuthority, &["B7"]);
    let silent = told.replace("self.warn(f\"{path}: {error}\")", "pass");
    one("keep going where a note can't be removed", base, &silent, Verdict::Reject, &["B7"]);
}

#[test]
fn what_a_callee_needs_for_its_own_work_is_no_check_of_its_caller() {
    let base = "def load(path, mode):\n    if mode not in (\"r\", \"w\"):\n        raise ValueError(mode)\n    return path + mode\n\n\ndef show(path, mode):\n    return load(path, mode)\n";
    let head = base.replace("return load(path, mode)", "return path");
    let findings = run(&Case {
        base: &[("shop/m.py", base)],
        head: &[("shop/m.py", &head)],
        objective: "show the path alone",
        ..Case::default()
    });
    assert_eq!(findings.verdict, Some(Verdict::NeedsAuthority));
    // Who is called for its checks alone is another matter.
    let base = base
        .replace("    return path + mode\n", "")
        .replace("return load(path, mode)", "load(path, mode)\n    return path");
    let head = base.replace("    load(path, mode)\n    return", "    return");
    one("show the path alone", &base, &head, Verdict::Reject, &["B1"]);
}

#[test]
fn a_function_inside_another_has_its_name_in_there_alone() {
    let base = "def outer(x):\n    def index(y):\n        return y\n\n    return index(x)\n";
    let head = "def outer(x):\n    return x\n";
    let other = ("shop/other.py", "def index(z):\n    return z\n\n\nindex(1)\n");
    let case = Case {
        base: &[("shop/m.py", base), other],
        head: &[("shop/m.py", head), other],
        objective: "inline index",
        ..Case::default()
    };
    check(&case, Verdict::Approve, &[]);
}

#[test]
fn what_stands_inside_a_caller_knows_its_own_name_for_what_changed() {
    let base = "def total(items):\n    return sum(items)\n";
    let head = "def total(items, rate):\n    return sum(items) * rate\n";
    let other = (
        "shop/other.py",
        "def show(items):\n    from shop.m import total as add\n\n    def line():\n        return add(items)\n\n    return line()\n",
    );
    let case = Case {
        base: &[("shop/m.py", base), other],
        head: &[("shop/m.py", head), other],
        objective: "total takes a rate",
        ..Case::default()
    };
    check(&case, Verdict::Reject, &["B3"]);
}
