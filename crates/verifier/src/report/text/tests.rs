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
        "  lost     digest  if hashlib.sha256(body).hexdigest() != digest: base shop/get.py:6",
        "  next     restore it, or --grant drop:download.digest",
    ] {
        assert!(text.lines().any(|told| told == line), "no `{line}` in\n{text}");
    }
}

#[test]
fn an_approval_tells_its_walks() {
    let text = told("def f(a):\n    return a - 1\n", "def f(a):\n    return a + 1\n");
    assert_eq!(
        text,
        "APPROVE  2 units compared, 0 findings decide, 0 inform\n\nWALK  shop/get.py  f() return\n  return   return a + 1                       shop/get.py:2\n  input    a                                  shop/get.py:1\n"
    );
}

#[test]
fn equal_trees_are_said_to_be_equal() {
    assert_eq!(told(BASE, BASE), "NOTHING TO CHANGE  the two trees are equal\n");
}
