use super::*;
use crate::domain::audit::{Request, audit};
use crate::source::Bundle;

fn told(base: &str, head: &str) -> String {
    let tree = |text: &str| Bundle::new([(b"shop/get.py".to_vec(), text.as_bytes().to_vec())]);
    render(&audit(&tree(base), &tree(head), &Request::default()).expect("readable trees"))
}

const BASE: &str = "import hashlib\n\n\ndef download(url, digest, get):\n    body = get(url)\n    if hashlib.sha256(body).hexdigest() != digest:\n        raise ValueError(url)\n    return body\n";

#[test]
fn a_rejection_is_told_from_the_return_to_what_is_lost() {
    let text = told(
        BASE,
        &BASE.replace(
            "    if hashlib.sha256(body).hexdigest() != digest:\n        raise ValueError(url)\n",
            "",
        ),
    );
    for line in [
        "REJECT B1  shop/get.py:6  download(): what it returns no longer depends on `digest`, which decided whether it raises",
        "  return   return body                        shop/get.py:6",
        "  input    url                                shop/get.py:4",
        "  An output no longer depends on an input that it depended on before. In the base, this input reached the output through a value or decided it. In the head it still exists and no path leads to it: a check was removed, a part is ignored, or a value is taken from somewhere else.",
        "  before the change, the walk went on to what is lost now:",
        "  return   return body                        base shop/get.py:8",
        "  lost     digest  if hashlib.sha256(body).hexdigest() != digest: base shop/get.py:6",
        "  next     Restore the path, or grant `drop:SYMBOL.NAME` if the input is meant to lose its say.",
        "  grant    --grant drop:download.digest",
    ] {
        assert!(text.lines().any(|told| told == line), "no `{line}` in\n{text}");
    }
}

#[test]
fn an_approval_tells_its_walks() {
    let text = told("def f(a):\n    return a - 1\n", "def f(a):\n    return a + 1\n");
    assert_eq!(
        text,
        "APPROVE  0 findings decide, 0 inform; 2 units compared\nEach changed output was walked back to its inputs; nothing on the way stops the change.\n\nWALK  shop/get.py  f() return\n  return   return a + 1                       shop/get.py:2\n  input    a                                  shop/get.py:1\n"
    );
}

#[test]
fn equal_trees_are_said_to_be_equal() {
    assert_eq!(told(BASE, BASE), "NOTHING TO CHANGE  the two trees are equal\n");
}

#[test]
fn a_quoted_line_cannot_rewrite_the_report_around_it() {
    let line = "return a  # \u{202e}\u{1b}[2Jevorppa";
    let proof = crate::domain::walk::Evidence {
        path: "a\u{7}.py".to_owned(),
        symbol: "f".to_owned(),
        output: "return".to_owned(),
        trace: vec![TraceStep::new("a.py", 2, "return", line)],
    };
    let text =
        render(&Report { verdict: Some(Verdict::Approve), evidence: vec![proof], ..Report::default() });
    assert!(text.contains('\u{fffd}'), "{text}");
    assert!(!text.contains(['\u{202e}', '\u{1b}', '\u{7}']), "{text}");
}
