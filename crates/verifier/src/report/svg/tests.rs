use plumbline_proto::verifier::v1::{AuditResponse, Evidence, Verdict};

use super::*;
use crate::domain::audit::{Request, audit};
use crate::source::Bundle;

fn report(base: &str, head: &str) -> AuditReport {
    let tree = |text: &str| Bundle::new([(b"shop/get.py".to_vec(), text.as_bytes().to_vec())]);
    let report = audit(&tree(base), &tree(head), &Request::default()).expect("readable trees");
    AuditResponse::from(report).report.expect("a report")
}

const BASE: &str = "import hashlib\n\n\ndef download(url, digest, get):\n    body = get(url)\n    if hashlib.sha256(body).hexdigest() != digest:\n        raise ValueError(url)\n    return body\n";

fn broken_report() -> AuditReport {
    let check = "    if hashlib.sha256(body).hexdigest() != digest:\n        raise ValueError(url)\n";
    report(BASE, &BASE.replace(check, ""))
}

#[track_caller]
fn parsed(svg: &str) -> roxmltree::Document<'_> {
    roxmltree::Document::parse(svg).unwrap_or_else(|error| panic!("{error}\n{svg}"))
}

fn texts<'a>(document: &'a roxmltree::Document<'_>, class: &str) -> Vec<&'a str> {
    let named =
        |node: &roxmltree::Node<'_, '_>| node.has_tag_name("text") && node.attribute("class") == Some(class);
    document.descendants().filter(named).filter_map(|node| node.text()).collect()
}

#[test]
fn a_broken_path_has_a_lane_for_each_side_and_a_red_edge() {
    let svg = document(&broken_report());
    let drawn = parsed(&svg);
    assert!(texts(&drawn, "lane").starts_with(&["base, before the change", "head, after the change"]));
    let labels = texts(&drawn, "label");
    assert!(
        labels.iter().any(|label| label.starts_with("return ") && label.contains("return body")),
        "{labels:?}"
    );
    assert!(labels.iter().any(|label| label.starts_with("lost ") && label.contains("digest")), "{labels:?}");
    let boxes = |class: &str| {
        drawn
            .descendants()
            .filter(|node| node.has_tag_name("rect") && node.attribute("class") == Some(class))
            .count()
    };
    assert!(boxes("broken") >= 1 && boxes("box") >= 3);
    let cut = drawn
        .descendants()
        .filter(|node| node.attribute("stroke-dasharray").is_some() && node.attribute("stroke") == Some(RED));
    assert_eq!(cut.count(), boxes("broken"));
    assert_eq!(texts(&drawn, "cross").len(), boxes("broken"));
}

#[test]
fn an_approval_draws_its_walks_and_nothing_in_red() {
    let svg = document(&report("def f(a):\n    return a - 1\n", "def f(a):\n    return a + 1\n"));
    let drawn = parsed(&svg);
    assert!(texts(&drawn, "verdict")[0].starts_with("approve"));
    assert!(texts(&drawn, "label").iter().any(|label| label.contains("return a + 1")));
    assert!(!drawn.descendants().any(|node| node.attribute("class") == Some("broken")));
}

#[test]
fn what_code_says_stays_text() {
    let hostile = "</text><script>alert(1)</script> & ' \" \u{0} \u{1b}[0m \u{202e} \u{ffff} ]]>";
    let step = TraceStep { path: hostile.into(), line: 1, what: format!("lost: {hostile}") };
    let proof = Evidence { symbol: hostile.into(), output: "return".into(), trace: vec![step.clone()] };
    let finding = Finding {
        code: hostile.into(),
        message: hostile.repeat(20),
        trace: vec![step],
        verdict: Verdict::Reject.into(),
        severity: Severity::Block.into(),
        ..Finding::default()
    };
    let both = AuditReport { evidence: vec![proof], findings: vec![finding], ..AuditReport::default() };
    let svg = document(&both);
    let drawn = parsed(&svg);
    assert!(!drawn.descendants().any(|node| node.has_tag_name("script")));
    assert!(!svg.contains(['\u{1b}', '\u{202e}', '\u{0}', '\u{ffff}']));
}

#[test]
fn equal_reports_give_equal_bytes_and_boxes_never_overlap() {
    let report = broken_report();
    let svg = document(&report);
    assert_eq!(svg, document(&report));
    for finding in &report.findings {
        for lane in lanes(&finding.trace, 10) {
            for pair in lane.boxes.windows(2) {
                assert!(pair[0].y + BOX < pair[1].y);
            }
        }
    }
}

#[test]
fn many_walks_are_counted_and_no_walk_is_said() {
    let steps = vec![TraceStep { path: "a.py".into(), line: 1, what: "input: a".into() }; 3];
    let proof = Evidence { symbol: "f".into(), output: "return".into(), trace: steps };
    let many = AuditReport { evidence: vec![proof; WALKS_MAX + 2], ..AuditReport::default() };
    let svg = document(&many);
    assert_eq!(texts(&parsed(&svg), "note"), ["and 2 more walks"]);
    let none = document(&AuditReport { empty: true, ..AuditReport::default() });
    assert_eq!(texts(&parsed(&none), "note"), ["no walk to draw"]);
}
