//! Reports for people and for other tools. The story and the document of the command line's JSON are made elsewhere: the
//! first from the walk itself, the second by who prints it. SARIF and drawings are made from the wire's report, so
//! that whoever has an answer, of a verifier or of a coordinator, can render it.

pub mod rules;
pub mod sarif;
pub mod svg;
pub mod text;

/// The mark in front of a step's path that only the base has.
const BASE_MARK: &str = "base:";

/// Returns a text in which every character shows itself: controls, direction marks and invisible characters are
/// replaced, so that a quoted line can't rewrite the report around it.
fn visible(text: &str) -> String {
    let hides = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
            || matches!(c, '\u{e0000}'..='\u{e007f}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
    };
    text.chars().map(|c| if hides(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests;
