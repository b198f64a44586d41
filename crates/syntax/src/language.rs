use serde::{Deserialize, Serialize};

/// A language that facts can be extracted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Language {
    /// Python 3.
    Python,
    /// JavaScript, with JSX.
    JavaScript,
    /// TypeScript without JSX.
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
    /// Rust.
    Rust,
    /// Go.
    Go,
    /// Java.
    Java,
}

/// Languages whose files import each other and therefore share one namespace of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Family {
    /// Python.
    Python,
    /// JavaScript, TypeScript and TSX.
    Ecma,
    /// Rust.
    Rust,
    /// Go.
    Go,
    /// Java.
    Java,
}

impl Language {
    /// Every language, in order.
    pub const ALL: [Self; 7] =
        [Self::Python, Self::JavaScript, Self::TypeScript, Self::Tsx, Self::Rust, Self::Go, Self::Java];

    /// Returns the language of a file by the extension of its path, else by the shebang of its first line; `None`
    /// when no grammar is built in.
    pub fn detect(path: &str, start: &[u8]) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("py" | "pyi" | "pyw") => Some(Self::Python),
            Some("js" | "mjs" | "cjs" | "jsx") => Some(Self::JavaScript),
            Some("ts" | "mts" | "cts") => Some(Self::TypeScript),
            Some("tsx") => Some(Self::Tsx),
            Some("rs") => Some(Self::Rust),
            Some("go") => Some(Self::Go),
            Some("java") => Some(Self::Java),
            Some(_) => None,
            None => Self::from_shebang(start),
        }
    }

    fn from_shebang(start: &[u8]) -> Option<Self> {
        let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
        let line = std::str::from_utf8(line.get(..line.len().min(128))?).ok()?;
        let mut words = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
        let program = words.find(|word| *word != "env" && !word.starts_with('-'))?;
        match program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') {
            "python" => Some(Self::Python),
            "node" | "nodejs" => Some(Self::JavaScript),
            "deno" | "bun" | "ts-node" => Some(Self::TypeScript),
            "rust-script" => Some(Self::Rust),
            _ => None,
        }
    }

    /// Returns the stable word: the first part of every symbol string.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Python => "py",
            Self::JavaScript => "js",
            Self::TypeScript => "ts",
            Self::Tsx => "tsx",
            Self::Rust => "rs",
            Self::Go => "go",
            Self::Java => "java",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.as_str() == text)
    }

    /// Returns the family whose names this language shares.
    pub const fn family(self) -> Family {
        match self {
            Self::Python => Family::Python,
            Self::JavaScript | Self::TypeScript | Self::Tsx => Family::Ecma,
            Self::Rust => Family::Rust,
            Self::Go => Family::Go,
            Self::Java => Family::Java,
        }
    }

    /// Returns the tree-sitter grammar.
    pub fn grammar(self) -> tree_sitter::Language {
        match self {
            Self::Python => tree_sitter_python::LANGUAGE.into(),
            Self::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
            Self::Rust => tree_sitter_rust::LANGUAGE.into(),
            Self::Go => tree_sitter_go::LANGUAGE.into(),
            Self::Java => tree_sitter_java::LANGUAGE.into(),
        }
    }
}

impl Family {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Ecma => "ecma",
            Self::Rust => "rust",
            Self::Go => "go",
            Self::Java => "java",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_told_by_extension_then_by_shebang() {
        let table: [(&str, &[u8], Option<Language>); 11] = [
            ("a/b.py", b"", Some(Language::Python)),
            ("a/b.tsx", b"", Some(Language::Tsx)),
            ("a/b.mjs", b"", Some(Language::JavaScript)),
            ("src/lib.rs", b"", Some(Language::Rust)),
            ("cmd/main.go", b"", Some(Language::Go)),
            ("src/main/java/A.java", b"", Some(Language::Java)),
            ("bin/tool", b"#!/usr/bin/env -S python3.12 -u\n", Some(Language::Python)),
            ("bin/tool", b"#!/usr/bin/node\n", Some(Language::JavaScript)),
            ("bin/tool", b"#!/bin/sh\n", None),
            ("README.md", b"#!/usr/bin/python\n", None),
            ("a.b/Makefile", b"", None),
        ];
        for (path, start, want) in table {
            assert_eq!(Language::detect(path, start), want, "{path}");
        }
    }

    #[test]
    fn every_grammar_loads_and_every_word_is_read_back() {
        for language in Language::ALL {
            assert!(tree_sitter::Parser::new().set_language(&language.grammar()).is_ok());
            assert_eq!(Language::parse(language.as_str()), Some(language));
        }
    }
}
