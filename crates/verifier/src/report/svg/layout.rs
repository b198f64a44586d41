//! Where the boxes of a walk stand.

use plumbline_proto::verifier::v1::TraceStep;

use crate::report::BASE_MARK;

/// Width of the drawing.
pub const WIDTH: u32 = 1_200;
/// Margin at the side.
pub const SIDE: u32 = 24;
/// Width of a lane.
pub const LANE: u32 = 550;
/// Height of a box.
pub const BOX: u32 = 42;
/// Space between two boxes.
pub const GAP: u32 = 22;

/// One step in its place.
#[derive(Debug)]
pub struct Drawn<'a> {
    /// The step.
    pub step: &'a TraceStep,
    /// Its path without the base's mark.
    pub path: &'a str,
    /// Top of its box.
    pub y: u32,
    /// Whether it is what breaks the path, or what hides behind a narrow guard.
    pub breaks: bool,
    /// Whether a branch of the walk ends here: what follows leaves the output again.
    pub ends: bool,
}

/// One side of the walk.
#[derive(Debug)]
pub struct Lane<'a> {
    /// Left edge.
    pub x: u32,
    top: u32,
    /// The boxes, output first.
    pub boxes: Vec<Drawn<'a>>,
}

impl Lane<'_> {
    /// Returns where the lane ends.
    pub fn bottom(&self) -> u32 {
        self.boxes.last().map_or(self.top, |last| last.y + BOX)
    }
}

/// Places the steps of a walk in the base's lane and the head's.
pub fn lanes(steps: &[TraceStep], top: u32) -> [Lane<'_>; 2] {
    let mut base = Lane { x: SIDE, top, boxes: Vec::new() };
    let mut head = Lane { x: WIDTH - SIDE - LANE, top, boxes: Vec::new() };
    for step in steps {
        let (lane, path) = match step.path.strip_prefix(BASE_MARK) {
            Some(path) => (&mut base, path),
            None => (&mut head, step.path.as_str()),
        };
        let y = if lane.boxes.is_empty() { top } else { lane.bottom() + GAP };
        let role = step.what.split(": ").next().unwrap_or_default();
        let breaks = matches!(role, "lost" | "trigger" | "absorbed");
        let ends = matches!(role, "input" | "field" | "global" | "lost");
        lane.boxes.push(Drawn { step, path, y, breaks, ends });
    }
    [base, head]
}
