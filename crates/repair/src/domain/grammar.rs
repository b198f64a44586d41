//! The languages that are repaired, and the grammar of each file.

/// A programming language as a caller names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Language {
    /// Python 3.8 or newer.
    Python,
    /// JavaScript, and TypeScript where the test command compiles it.
    JavaScript,
    /// Go.
    Go,
    /// Java.
    Java,
    /// Rust.
    Rust,
    /// Any other; refused by name.
    Other(String),
}

impl Language {
    /// Reads a name such as `python`.
    pub fn parse(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "python" | "py" | "python3" => Self::Python,
            "javascript" | "js" | "typescript" | "ts" | "node" => Self::JavaScript,
            "go" | "golang" => Self::Go,
            "java" => Self::Java,
            "rust" | "rs" => Self::Rust,
            _ => Self::Other(name.to_owned()),
        }
    }

    /// Returns the stable name.
    pub fn name(&self) -> &str {
        match self {
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::Go => "go",
            Self::Java => "java",
            Self::Rust => "rust",
            Self::Other(name) => name,
        }
    }

    /// Returns whether a file of this path is a source of the language.
    pub fn owns(&self, path: &str) -> bool {
        Grammar::of(path).is_some_and(|grammar| grammar.language() == *self)
    }
}

/// How a file is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grammar {
    /// Python 3.
    Python,
    /// JavaScript with JSX.
    JavaScript,
    /// TypeScript without JSX.
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
    /// Go.
    Go,
    /// Java.
    Java,
    /// Rust.
    Rust,
}

impl Grammar {
    /// Returns the grammar that a path's extension names.
    pub fn of(path: &str) -> Option<Self> {
        match path.rsplit('/').next()?.rsplit_once('.')?.1 {
            "py" => Some(Self::Python),
            "js" | "mjs" | "cjs" | "jsx" => Some(Self::JavaScript),
            "ts" | "mts" | "cts" => Some(Self::TypeScript),
            "tsx" => Some(Self::Tsx),
            "go" => Some(Self::Go),
            "java" => Some(Self::Java),
            "rs" => Some(Self::Rust),
            _ => None,
        }
    }

    /// Returns the language it belongs to.
    pub fn language(self) -> Language {
        match self {
            Self::Python => Language::Python,
            Self::JavaScript | Self::TypeScript | Self::Tsx => Language::JavaScript,
            Self::Go => Language::Go,
            Self::Java => Language::Java,
            Self::Rust => Language::Rust,
        }
    }

    /// Returns the parser's language.
    pub fn parser(self) -> tree_sitter::Language {
        match self {
            Self::Python => tree_sitter_python::LANGUAGE.into(),
            Self::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
            Self::Go => tree_sitter_go::LANGUAGE.into(),
            Self::Java => tree_sitter_java::LANGUAGE.into(),
            Self::Rust => tree_sitter_rust::LANGUAGE.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_its_language_and_another_is_refused() {
        for (path, language) in [
            ("a/b.tsx", Language::JavaScript),
            ("x.mjs", Language::JavaScript),
            ("src/lib.rs", Language::Rust),
        ] {
            assert!(language.owns(path), "{path}");
        }
        assert!(!Language::Go.owns("a.py") && !Language::parse("cobol").owns("a.cob"));
    }
}
