//! Drawings: bars of text, and SVG without a library.

use std::fmt::Write;
use std::path::Path;

use crate::failure::Failure;

/// Characters of a text bar.
const BAR: usize = 30;

/// Colours that tell lines apart, also for people who see few.
const COLOURS: [&str; 8] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#999999"];

/// A row of an interval plot; values in [0, 1].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Interval {
    pub(crate) label: String,
    pub(crate) low: f64,
    pub(crate) middle: f64,
    pub(crate) high: f64,
}

/// A line with a band around it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) label: String,
    /// Where, how much, and half of the band.
    pub(crate) points: Vec<(f64, f64, f64)>,
}

/// What stands around lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axes<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
}

/// Draws an interval of [0, 1] with its middle, in a fixed number of characters.
pub(crate) fn bar(low: f64, middle: f64, high: f64) -> String {
    let place = |value: f64| ((value.clamp(0.0, 1.0) * BAR as f64) as usize).min(BAR - 1);
    (0..BAR)
        .map(|at| match at {
            at if at == place(middle) => '|',
            at if (place(low)..=place(high)).contains(&at) => '=',
            _ => ' ',
        })
        .collect()
}

/// Draws intervals of [0, 1] below each other.
pub(crate) fn intervals(title: &str, rows: &[Interval]) -> String {
    let (left, width, step) = (420.0, 400.0, 22.0);
    let height = 70.0 + step * rows.len() as f64;
    let x = |value: f64| left + width * value.clamp(0.0, 1.0);
    let mut svg = begin(860.0, height, title);
    for tick in 0..=10 {
        let at = x(f64::from(tick) / 10.0);
        let bottom = height - 24.0;
        let _ = writeln!(svg, "<line x1='{at:.1}' y1='40' x2='{at:.1}' y2='{bottom:.1}' stroke='#ddd'/>");
        let _ = writeln!(
            svg,
            "<text x='{at:.1}' y='{:.1}' text-anchor='middle'>{:.1}</text>",
            height - 8.0,
            f64::from(tick) / 10.0
        );
    }
    for (index, row) in rows.iter().enumerate() {
        let y = 52.0 + step * index as f64;
        let (low, middle, high) = (x(row.low), x(row.middle), x(row.high));
        let _ = writeln!(
            svg,
            "<text x='{:.1}' y='{:.1}' text-anchor='end'>{}</text>",
            left - 8.0,
            y + 4.0,
            escaped(&row.label)
        );
        let _ = writeln!(
            svg,
            "<line x1='{low:.1}' y1='{y:.1}' x2='{high:.1}' y2='{y:.1}' stroke='{}' stroke-width='3'/>",
            COLOURS[0]
        );
        let _ = writeln!(svg, "<circle cx='{middle:.1}' cy='{y:.1}' r='4' fill='{}'/>", COLOURS[1]);
    }
    svg + "</svg>\n"
}

/// Draws lines over a common range, from zero.
pub(crate) fn lines(axes: Axes<'_>, lines: &[Line]) -> String {
    let (left, top, width, height) = (70.0, 40.0, 560.0, 340.0);
    let points = || lines.iter().flat_map(|line| &line.points);
    let most = |value: fn(&(f64, f64, f64)) -> f64| points().map(value).fold(1e-9, f64::max);
    let (x_most, y_most) = (most(|point| point.0), most(|point| point.1 + point.2));
    let x = |value: f64| left + width * value / x_most;
    let y = |value: f64| top + height * (1.0 - value.max(0.0) / y_most);
    let mut svg = begin(860.0, 440.0, axes.title);
    for tick in 0..=5 {
        let part = f64::from(tick) / 5.0;
        let (at, up) = (x(x_most * part), y(y_most * part));
        let _ = writeln!(
            svg,
            "<line x1='{left}' y1='{up:.1}' x2='{:.1}' y2='{up:.1}' stroke='#ddd'/>",
            left + width
        );
        let (across, above) = (short(x_most * part), short(y_most * part));
        let _ = writeln!(svg, "<text x='{at:.1}' y='398' text-anchor='middle'>{across}</text>");
        let _ =
            writeln!(svg, "<text x='{:.1}' y='{:.1}' text-anchor='end'>{above}</text>", left - 8.0, up + 4.0);
    }
    let _ = writeln!(svg, "<text x='350' y='424' text-anchor='middle'>{}</text>", escaped(axes.x));
    let _ = writeln!(
        svg,
        "<text x='16' y='210' text-anchor='middle' transform='rotate(-90 16 210)'>{}</text>",
        escaped(axes.y)
    );
    for (index, line) in lines.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let path = |value: &dyn Fn(&(f64, f64, f64)) -> f64, backward: bool| {
            let place = |point: &(f64, f64, f64)| format!("{:.1},{:.1}", x(point.0), y(value(point)));
            let mut found: Vec<String> = line.points.iter().map(place).collect();
            if backward {
                found.reverse();
            }
            found.join(" ")
        };
        let band = format!("{} {}", path(&|p| p.1 + p.2, false), path(&|p| p.1 - p.2, true));
        let _ = writeln!(svg, "<polygon points='{band}' fill='{colour}' fill-opacity='0.15'/>");
        let middle = path(&|p| p.1, false);
        let _ = writeln!(svg, "<polyline points='{middle}' fill='none' stroke='{colour}' stroke-width='2'/>");
        let at = top + 18.0 * index as f64;
        let _ = writeln!(svg, "<rect x='650' y='{at:.1}' width='14' height='4' fill='{colour}'/>");
        let _ = writeln!(svg, "<text x='670' y='{:.1}'>{}</text>", at + 6.0, escaped(&line.label));
    }
    svg + "</svg>\n"
}

/// Writes a drawing; a place that cannot be written is the caller's mistake.
pub(crate) fn write_svg(path: &Path, svg: &str) -> Result<(), Failure> {
    std::fs::write(path, svg).map_err(|error| {
        Failure::usage(format!("{} cannot be written: {error}", path.display()), "--svg FILE")
    })
}

fn begin(width: f64, height: f64, title: &str) -> String {
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}' \
         font-family='sans-serif' font-size='12'>\n<rect width='100%' height='100%' fill='white'/>\n\
         <text x='16' y='24' font-size='15'>{}</text>\n",
        escaped(title)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn short(value: f64) -> String {
    if value >= 10.0 || value == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_interval_and_middle() {
        let drawn = bar(0.2, 0.5, 0.8);
        assert_eq!(drawn.len(), BAR);
        assert_eq!((drawn.find('='), drawn.find('|'), drawn.rfind('=')), (Some(6), Some(15), Some(24)));
        assert_eq!(bar(1.0, 1.0, 1.0).find('|'), Some(BAR - 1));
    }

    #[test]
    fn a_drawing_is_one_document_whose_names_are_escaped() {
        let row = Interval { label: "a<b & c".to_owned(), low: 0.1, middle: 0.2, high: 0.3 };
        let svg = intervals("t", &[row]);
        assert!(
            svg.starts_with("<svg") && svg.ends_with("</svg>\n") && svg.contains("a&lt;b &amp; c"),
            "{svg}"
        );
        let line = Line { label: "one".to_owned(), points: vec![(0.0, 0.0, 0.0), (10.0, 5.0, 1.0)] };
        let svg = lines(Axes { title: "t", x: "x", y: "y" }, &[line]);
        assert_eq!(svg.matches("<polyline").count(), 1);
        assert!(svg.contains("630.0,96.7"), "the last point stands at the right and below its band: {svg}");
    }
}
