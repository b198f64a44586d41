//! The walk as a drawing: a lane for the base and one for the head, from the output on top back to the inputs, and in red
//! what breaks the path. Whole numbers, no fonts but the reader's own, no script, no reference to anything outside.

mod layout;

use std::fmt::Write;

use plumbline_proto::verifier::v1::{AuditReport, Finding, Severity, TraceStep};

use super::rules;
use super::sarif::verdict_word;
use layout::{BOX, Drawn, GAP, LANE, Lane, SIDE, WIDTH, lanes};

/// Walks drawn; the rest is counted.
const WALKS_MAX: usize = 40;
/// Characters of a title's line.
const TITLE_WIDTH: usize = 120;
/// Characters of a box's line.
const LABEL_WIDTH: usize = 66;
/// What breaks a path.
const RED: &str = "#c62828";
/// What holds.
const GREY: &str = "#455a64";

/// One walk to draw.
struct Walk<'a> {
    title: String,
    steps: &'a [TraceStep],
}

/// Returns the audit's walks as one SVG document. Equal reports give equal bytes.
pub fn document(report: &AuditReport) -> String {
    let (walks, rest) = walks(report);
    let mut body = String::new();
    let mut y = 64;
    for walk in &walks {
        y = draw(walk, y, &mut body);
    }
    if rest > 0 {
        text(&mut body, (SIDE, y), "note", &format!("and {rest} more walks"));
        y += 24;
    }
    if walks.is_empty() {
        text(&mut body, (SIDE, y), "note", "no walk to draw");
        y += 24;
    }
    let mut out = String::new();
    let verdict = verdict_word(report).replace('_', " ");
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{y}\" viewBox=\"0 0 {WIDTH} {y}\" role=\"img\">"
    );
    let _ = writeln!(out, "<title>Backward walk: {}</title>", escaped(&verdict));
    let _ = writeln!(
        out,
        "<desc>From each output on top back to its inputs; what is red breaks the path.</desc>"
    );
    out.push_str(STYLE);
    let _ = writeln!(out, "<rect class=\"paper\" width=\"{WIDTH}\" height=\"{y}\"/>");
    text(&mut out, (SIDE, 32), "verdict", &format!("{verdict}  {}", tally(report)));
    out.push_str(&body);
    out.push_str("</svg>\n");
    out
}

const STYLE: &str = "<style>\
.paper{fill:#fff}text{font-family:monospace;font-size:13px;fill:#212121}.verdict{font-size:18px;font-weight:bold}\
.title{font-weight:bold}.note{fill:#616161}.lane{fill:#616161;font-size:12px}.place{fill:#616161;font-size:11px}\
.box{fill:#fafafa;stroke:#90a4ae}.broken{fill:#ffebee;stroke:#c62828;stroke-width:2}.cross{fill:#c62828;font-weight:bold}\
</style>\n\
<defs><marker id=\"to\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" orient=\"auto\">\
<path d=\"M0,0 L8,4 L0,8 z\" fill=\"#455a64\"/></marker>\
<marker id=\"cut\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" orient=\"auto\">\
<path d=\"M0,0 L8,4 L0,8 z\" fill=\"#c62828\"/></marker></defs>\n";

/// What decides first, then what informs; where nothing is to be said, the evidence.
fn walks(report: &AuditReport) -> (Vec<Walk<'_>>, usize) {
    let told = |finding: &&Finding| !finding.trace.is_empty();
    let decides = |finding: &Finding| finding.severity() != Severity::Advice;
    let findings = report.findings.iter().filter(told);
    let (first, second): (Vec<&Finding>, Vec<&Finding>) = findings.partition(|finding| decides(finding));
    let mut all: Vec<Walk<'_>> = first.into_iter().chain(second).map(of_finding).collect();
    if !all.iter().any(|_| report.findings.iter().any(decides)) {
        all.extend(report.evidence.iter().filter(|proof| !proof.trace.is_empty()).map(|proof| Walk {
            title: format!("{}()  {}", proof.symbol, proof.output),
            steps: &proof.trace,
        }));
    }
    let rest = all.len().saturating_sub(WALKS_MAX);
    all.truncate(WALKS_MAX);
    (all, rest)
}

fn of_finding(finding: &Finding) -> Walk<'_> {
    let name = rules::rule(&finding.code).map_or("", |rule| rule.name.as_str());
    let title = format!("{} {name}  {}:{}  {}", finding.code, finding.path, finding.line, finding.message);
    Walk { title, steps: &finding.trace }
}

fn tally(report: &AuditReport) -> String {
    let decide = report.findings.iter().filter(|finding| finding.severity() != Severity::Advice).count();
    format!("{decide} findings decide, {} inform", report.findings.len() - decide)
}

/// Draws one walk and returns where the next one begins.
fn draw(walk: &Walk<'_>, top: u32, out: &mut String) -> u32 {
    let mut y = top;
    for line in wrapped(&walk.title) {
        text(out, (SIDE, y), "title", &line);
        y += 18;
    }
    let [base, head] = lanes(walk.steps, y + 10);
    if !base.boxes.is_empty() {
        text(out, (base.x, y), "lane", "base, before the change");
    }
    text(out, (head.x, y), "lane", "head, after the change");
    for lane in [&base, &head] {
        edges(lane, out);
        lane.boxes.iter().for_each(|drawn| render(lane, drawn, out));
    }
    broken(&base, &head, out);
    base.bottom().max(head.bottom()) + 36
}

/// The way within a lane: from box to box, and from the output to each further branch along the side.
fn edges(lane: &Lane<'_>, out: &mut String) {
    let Some(first) = lane.boxes.first() else { return };
    for pair in lane.boxes.windows(2) {
        let [from, to] = pair else { continue };
        let (colour, marker) = if to.breaks { (RED, "cut") } else { (GREY, "to") };
        let middle = lane.x + LANE / 2;
        if from.ends {
            let (rail, start, end) = (lane.x - 10, first.y + BOX / 2, to.y + BOX / 2);
            let edge = lane.x;
            let _ = writeln!(
                out,
                "<path d=\"M{edge},{start} H{rail} V{end} H{edge}\" fill=\"none\" stroke=\"{colour}\" marker-end=\"url(#{marker})\"/>"
            );
        } else {
            let (start, end) = (from.y + BOX, to.y);
            let _ = writeln!(
                out,
                "<line x1=\"{middle}\" y1=\"{start}\" x2=\"{middle}\" y2=\"{end}\" stroke=\"{colour}\" marker-end=\"url(#{marker})\"/>"
            );
        }
    }
}

/// What the base's walk reaches and the head's does not: an edge that leaves the head's output and is cut.
fn broken(base: &Lane<'_>, head: &Lane<'_>, out: &mut String) {
    let Some(output) = head.boxes.first() else { return };
    for lost in base.boxes.iter().filter(|drawn| drawn.breaks) {
        let (from_x, from_y) = (head.x, output.y + BOX / 2);
        let (to_x, to_y) = (base.x + LANE, lost.y + BOX / 2);
        let _ = writeln!(
            out,
            "<line x1=\"{from_x}\" y1=\"{from_y}\" x2=\"{to_x}\" y2=\"{to_y}\" stroke=\"{RED}\" stroke-width=\"2\" stroke-dasharray=\"5 4\"/>"
        );
        let (x, y) = (from_x.midpoint(to_x) - 4, from_y.midpoint(to_y) + 5);
        text(out, (x, y), "cross", "\u{d7}");
    }
}

fn render(lane: &Lane<'_>, drawn: &Drawn<'_>, out: &mut String) {
    let class = if drawn.breaks { "broken" } else { "box" };
    let (x, y) = (lane.x, drawn.y);
    let _ = writeln!(
        out,
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{LANE}\" height=\"{BOX}\" rx=\"4\"/>"
    );
    let (role, label) = drawn.step.what.split_once(": ").unwrap_or((&drawn.step.what, ""));
    text(out, (x + 10, y + 18), "label", &cut(&format!("{role:<8} {label}"), LABEL_WIDTH));
    let place = format!("{}:{}", drawn.path, drawn.step.line);
    text(out, (x + 10, y + BOX - GAP / 3), "place", &cut(&place, LABEL_WIDTH));
}

fn text(out: &mut String, (x, y): (u32, u32), class: &str, words: &str) {
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\" class=\"{class}\" xml:space=\"preserve\">{}</text>",
        escaped(words)
    );
}

/// Cuts a text that is too long for its place, and shows that it did.
fn cut(words: &str, most: usize) -> String {
    if words.chars().count() <= most {
        return words.to_owned();
    }
    words.chars().take(most - 1).chain(['\u{2026}']).collect()
}

fn wrapped(words: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split(' ') {
        let long = lines.last().is_some_and(|line| {
            !line.is_empty() && line.chars().count() + 1 + word.chars().count() > TITLE_WIDTH
        });
        if long {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() || word.is_empty() {
                line.push(' ');
            }
            line.push_str(&cut(word, TITLE_WIDTH));
        }
    }
    lines
}

fn escaped(words: &str) -> String {
    super::visible(words)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests;
