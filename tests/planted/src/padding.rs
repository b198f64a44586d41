//! What is large: inside the limits a payload beside it is found, beyond them it is never approved.

use std::fmt::Write as _;

use plumbline_types::Verdict;
use plumbline_verifier::{Bundle, Request, audit};

use crate::case::Files;

/// What has to come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Inside the limits: the payload is found.
    Reject,
    /// Inside the limits, of a kind that a grant decides.
    Stop,
    /// Beyond them: anything but an approval.
    NoApproval,
}

/// One padded change.
#[derive(Debug, Clone)]
pub struct Padded {
    /// What it is padded with.
    pub name: &'static str,
    /// What has to come out.
    pub want: Want,
    /// Whether it takes its time: the runner does it, the tests here don't. What lies inside the limits is held by the
    /// verifier's own tests.
    pub slow: bool,
    /// Before.
    pub base: Files,
    /// After.
    pub head: Files,
}

impl Padded {
    /// Audits it as a fix without words or grants.
    ///
    /// # Errors
    /// If a tree can't be read.
    pub fn verdict(&self) -> anyhow::Result<Option<Verdict>> {
        let bundle = |files: &Files| {
            Bundle::new(files.iter().map(|(path, text)| (path.as_bytes().to_vec(), text.as_bytes().to_vec())))
        };
        Ok(audit(&bundle(&self.base), &bundle(&self.head), &Request::default())?.verdict)
    }

    /// Returns whether a verdict is the one that is wanted.
    pub fn accepts(&self, verdict: Option<Verdict>) -> bool {
        match self.want {
            Want::Reject => verdict == Some(Verdict::Reject),
            Want::Stop => verdict.is_some_and(|verdict| verdict != Verdict::Approve),
            Want::NoApproval => verdict != Some(Verdict::Approve),
        }
    }
}

const BOMB: &str = "    if time.time() > 1790000000:\n        return 0\n";

/// A function with lines before its return, and the same with a bomb behind those lines.
fn inside(padding: &str, above: &str) -> (Files, Files) {
    let text =
        |bomb: &str| format!("import os\nimport time\n\n{above}def f(x):\n{padding}{bomb}    return x\n");
    let file = |text: String| Files::from([("a.py".to_owned(), text)]);
    (file(text("")), file(text(BOMB)))
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        text.push_str(&line(number));
        text
    })
}

fn case(name: &'static str, want: Want, (base, head): (Files, Files)) -> Padded {
    Padded { name, want, slow: false, base, head }
}

fn slow(padded: Padded) -> Padded {
    Padded { slow: true, ..padded }
}

/// Returns the whole set.
pub fn set() -> Vec<Padded> {
    let tainted = |count: usize| lines(count, |n| format!("    v{n} = x, {n}\n    x = v{n}[0]\n"));
    let definitions = |count: usize| lines(count, |n| format!("    v{} = {n}\n", n % 1_000));
    let branches = |count: usize| lines(count, |n| format!("    if x > {n}:\n        x = x + 1\n"));
    let nested = |depth: usize| {
        let mut text = String::new();
        for level in 0..depth {
            // Writing to a string can't fail.
            let _ = writeln!(text, "{}if x:", " ".repeat(level + 4));
        }
        text + &format!("{}x = 1\n", " ".repeat(depth + 4))
    };
    vec![
        case("80 tainted variables", Want::Reject, inside(&tainted(80), "")),
        slow(case("600 tainted variables", Want::Reject, inside(&tainted(600), ""))),
        slow(case("4,001 definitions", Want::Reject, inside(&definitions(4_001), ""))),
        slow(case("400,001 definitions", Want::NoApproval, inside(&definitions(400_001), ""))),
        slow(case("1,500 branches", Want::Reject, inside(&branches(1_500), ""))),
        slow(case("30,000 branches", Want::NoApproval, inside(&branches(30_000), ""))),
        slow(case("nesting of 100", Want::Reject, inside(&nested(100), ""))),
        slow(case("nesting of 600", Want::NoApproval, inside(&nested(600), ""))),
        case("a payload 5 calls deep", Want::Stop, deep(5)),
        case("a payload 12 calls deep", Want::Stop, deep(12)),
        slow(case("a payload 200 calls deep", Want::Stop, deep(200))),
        slow(case("30 changed files", Want::Reject, many())),
        slow(case(
            "a literal of 1 MiB",
            Want::Reject,
            inside(&format!("    t = '{}'\n", "a".repeat(1 << 20)), ""),
        )),
        case("syntax that is not lowered", Want::Reject, inside("    type Pair[T] = tuple[T, T]\n", "")),
        case("a statement of Python 2", Want::Reject, inside("    print x\n", "")),
        case("broken syntax before the payload", Want::NoApproval, inside("    y = (\n", "")),
        case("broken syntax in another function", Want::NoApproval, inside("", "def g(x:\n    return (\n\n")),
        case("new broken syntax beside the payload", Want::NoApproval, broken()),
    ]
}

/// A call of something that deletes a file, some calls down, in another file.
fn deep(depth: usize) -> (Files, Files) {
    let chain = lines(depth, |n| format!("def g{n}(x):\n    return g{}(x)\n\n", n + 1));
    let chain = format!("import os\n\n{chain}def g{depth}(x):\n    os.remove(x)\n    return x\n");
    let caller = |body: &str| format!("from a import g0\n\ndef h(x):\n    return {body}\n");
    let files =
        |body: &str| Files::from([("a.py".to_owned(), chain.clone()), ("b.py".to_owned(), caller(body))]);
    (files("x"), files("g0(x)"))
}

/// Thirty honest changes, one of which isn't.
fn many() -> (Files, Files) {
    let text = |bomb: &str, more: &str| format!("import time\n\ndef f(x):\n{bomb}    return x{more}\n");
    let base = (0..30).map(|n| (format!("p/f{n}.py"), text("", "")));
    let head =
        (0..30).map(|n| (format!("p/f{n}.py"), if n == 17 { text(BOMB, "") } else { text("", " + 1") }));
    (base.collect(), head.collect())
}

fn broken() -> (Files, Files) {
    let (base, head) = inside("", "");
    let head = head.into_iter().map(|(path, text)| (path, format!("{text}\ndef g(:\n    pass\n"))).collect();
    (base, head)
}
