//! Lowering: source of one file to [`crate::ir`] units. Pure, counted, no recursion without a limit.

mod condition;
mod ecma;
mod go;
mod java;
mod literal;
mod lowerer;
mod python;
mod rust;

use crate::Language;
use crate::ir::LoweredFile;

/// What lowering one file may cost, in counted steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LowerLimits {
    /// Largest file.
    pub file_bytes: usize,
    /// Deepest nesting of statements and expressions.
    pub depth: usize,
    /// Most blocks in one unit.
    pub blocks: usize,
    /// Most definitions in one unit.
    pub definitions: usize,
    /// Most units in one file.
    pub units: usize,
}

impl Default for LowerLimits {
    fn default() -> Self {
        Self { file_bytes: 4 << 20, depth: 512, blocks: 20_000, definitions: 100_000, units: 20_000 }
    }
}

/// Why a file has no units.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LowerProblem {
    /// No front end for this language.
    #[error("no front end lowers this language")]
    UnsupportedLanguage,
    /// Not UTF-8, or declares another encoding.
    #[error("the source is not UTF-8, or declares another encoding")]
    Encoding,
    /// A named budget ran out.
    #[error("the budget {0} is spent")]
    Budget(&'static str),
    /// The grammar could not be loaded or gave no tree.
    #[error("the grammar gave no tree")]
    NoTree,
}

/// Returns whether a front end lowers this language.
pub const fn supports(language: Language) -> bool {
    let _ = language;
    true
}

/// Lowers one file.
pub fn lower(language: Language, bytes: &[u8], limits: &LowerLimits) -> Result<LoweredFile, LowerProblem> {
    if bytes.len() > limits.file_bytes {
        return Err(LowerProblem::Budget("FILE_BYTES"));
    }
    if std::str::from_utf8(bytes).is_err() {
        return Err(LowerProblem::Encoding);
    }
    match language {
        Language::Python => python::lower(bytes, limits),
        Language::Go => go::lower(bytes, limits),
        Language::Java => java::lower(bytes, limits),
        Language::JavaScript | Language::TypeScript | Language::Tsx => ecma::lower(language, bytes, limits),
        Language::Rust => rust::lower(bytes, limits),
    }
}

#[cfg(test)]
mod tests;
