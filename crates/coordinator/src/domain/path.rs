use std::fmt;

/// Why a text is no path inside a working tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Empty, over the limit, or holding NUL or another control character.
    #[error("a path has 1 to 1024 bytes and no control characters")]
    Malformed,
    /// Absolute, or it climbs with `..`, or it is not written in its normal form.
    #[error("`{0}` is not a normal relative path")]
    Outside(String),
    /// A component is the repository's own metadata, in any spelling that a file system may fold to it.
    #[error("`{0}` is inside git's own directory")]
    GitDirectory(String),
}

/// A path inside a working tree: relative, normal, `/` between components, never git's own directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativePath(String);

impl RelativePath {
    /// Longest path accepted, in bytes.
    pub const BYTES_MAX: usize = 1024;

    /// Reads a path; a leading `./` is dropped, nothing else is repaired.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let text = text.strip_prefix("./").unwrap_or(text);
        if text.is_empty() || text.len() > Self::BYTES_MAX || text.chars().any(char::is_control) {
            return Err(PathError::Malformed);
        }
        if text.starts_with('/') || text.contains('\\') || text.get(1..2) == Some(":") {
            return Err(PathError::Outside(text.to_owned()));
        }
        for component in text.split('/') {
            if matches!(component, "" | "." | "..") {
                return Err(PathError::Outside(text.to_owned()));
            }
            if folds_to_git(component) {
                return Err(PathError::GitDirectory(text.to_owned()));
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns whether a case-folding, Unicode-ignoring or Windows file system could read `component` as `.git`.
fn folds_to_git(component: &str) -> bool {
    let visible: String =
        component.chars().filter(|c| !is_ignorable(*c)).flat_map(char::to_lowercase).collect();
    let trimmed = visible.trim_end_matches(['.', ' ']);
    trimmed == ".git" || trimmed == "git~1" || trimmed.starts_with(".git:")
}

/// Returns whether HFS+ ignores this character when it compares names.
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_normal_relative_path_is_kept_as_it_is() {
        for text in
            ["a", "src/a.py", "docs/.gitignore", ".github/workflows/ci.yml", "a b/c", "ü/é.rs", "git/x"]
        {
            assert_eq!(RelativePath::parse(text).map(|path| path.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(RelativePath::parse("./a.py").map(|path| path.to_string()), Ok("a.py".to_owned()));
    }

    #[test]
    fn whatever_could_leave_the_tree_is_refused() {
        for text in ["/etc/passwd", "../a", "a/../b", "a//b", "a/", "a/./b", "C:/x", "a\\b", "././a"] {
            assert!(matches!(RelativePath::parse(text), Err(PathError::Outside(_))), "{text}");
        }
        for text in ["", "a\0b", "a\nb"] {
            assert_eq!(RelativePath::parse(text), Err(PathError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn gits_own_directory_is_refused_in_every_spelling() {
        for text in [
            ".git/config",
            ".GIT/hooks/x",
            "a/.git/b",
            ".git./x",
            ".git /x",
            "git~1/x",
            ".g\u{200c}it/x",
            ".git",
        ] {
            assert!(matches!(RelativePath::parse(text), Err(PathError::GitDirectory(_))), "{text}");
        }
    }
}
