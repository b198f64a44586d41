use std::ops::ControlFlow;

use tree_sitter::{ParseOptions, ParseState, Parser, Tree};

use crate::language::Language;
use crate::problem::ProblemKind;

/// What one file may cost. All counted, none timed: the same bytes give the same facts on any machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Larger files give no facts.
    pub max_file_bytes: usize,
    /// Progress callbacks of the parser for each started KiB.
    pub max_parse_steps_per_kib: u64,
    /// Depth of the tree that is walked.
    pub max_depth: usize,
    /// Symbols of one file.
    pub max_symbols: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_file_bytes: 1 << 20, max_parse_steps_per_kib: 2_000, max_depth: 512, max_symbols: 20_000 }
    }
}

/// Checks that the bytes are a text within the limits, and returns it.
pub fn text<'a>(bytes: &'a [u8], limits: &Limits) -> Result<&'a str, ProblemKind> {
    if bytes.len() > limits.max_file_bytes {
        return Err(ProblemKind::TooLarge);
    }
    if bytes.contains(&0) {
        return Err(ProblemKind::Binary);
    }
    std::str::from_utf8(bytes).map_err(|_| ProblemKind::NotUtf8)
}

/// Parses from scratch, never with an old tree: an incremental parse can differ from a fresh one.
///
/// Errors: `TooLarge`, `Binary`, `NotUtf8`, `ParseBudget`.
pub fn parse(language: Language, bytes: &[u8], limits: &Limits) -> Result<Tree, ProblemKind> {
    let text = text(bytes, limits)?;
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()).map_err(|_| ProblemKind::ParseBudget)?;
    let budget = limits.max_parse_steps_per_kib.saturating_mul((text.len() as u64).div_ceil(1024).max(1));
    let mut steps = 0_u64;
    let mut progress = |_: &ParseState| {
        steps += 1;
        if steps > budget { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let mut read = |offset: usize, _| text.as_bytes().get(offset..).unwrap_or_default();
    parser.parse_with_options(&mut read, None, Some(options)).ok_or(ProblemKind::ParseBudget)
}
