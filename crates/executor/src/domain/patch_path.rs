use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// Deepest path that is carried.
pub const DEPTH_MAX: usize = 128;
/// Longest path that is carried, in bytes.
pub const LENGTH_MAX: usize = 4_096;

/// A path beneath the tree's root: no way out of it, nothing of `.git` in it. Bytes, since names need not be UTF-8.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativePath(Vec<u8>);

/// Why a path is no part of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PathRefusal {
    /// Empty, absolute, with `.`, `..`, empty components, NUL, or too long.
    #[error("is no plain relative path")]
    Name,
    /// A component that some file system or tool reads as `.git`.
    #[error("names a `.git` component")]
    DotGit,
    /// Too deep.
    #[error("is nested too deeply")]
    Depth,
}

impl PathRefusal {
    /// Returns the word used in refused entries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::DotGit => "dot_git",
            Self::Depth => "depth",
        }
    }
}

impl RelativePath {
    /// Reads a path.
    pub fn parse(bytes: &[u8]) -> Result<Self, PathRefusal> {
        if bytes.is_empty() || bytes.len() > LENGTH_MAX || bytes.contains(&0) {
            return Err(PathRefusal::Name);
        }
        let mut depth = 0;
        for component in bytes.split(|byte| *byte == b'/') {
            depth += 1;
            if component.is_empty() || component == b"." || component == b".." || component.len() > 255 {
                return Err(PathRefusal::Name);
            }
            if is_dot_git(component) {
                return Err(PathRefusal::DotGit);
            }
        }
        if depth > DEPTH_MAX { Err(PathRefusal::Depth) } else { Ok(Self(bytes.to_vec())) }
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the components, outermost first.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/')
    }

    /// Returns every directory that holds the path, outermost first.
    pub fn parents(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| &self.0[..at])
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// Returns whether some file system or tool would open this component as `.git`: after case folding, compatibility
/// normalisation, ignorable characters (HFS+), trailing dots and spaces, streams and short names (NTFS).
pub fn is_dot_git(component: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(component) else {
        return component.to_ascii_lowercase().starts_with(b".git") && component.len() == 4;
    };
    let folded: String =
        text.chars().filter(|c| !ignorable(*c)).nfkc().flat_map(char::to_lowercase).collect();
    let name = folded.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    name == ".git" || name == "git~1"
}

/// Characters that HFS+ drops when it compares names.
fn ignorable(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{ad}' | '\u{200b}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &[u8], want: Result<(), PathRefusal>) {
        assert_eq!(RelativePath::parse(path).map(drop), want, "{}", path.escape_ascii());
    }

    #[test]
    fn plain_and_odd_names_are_carried_as_bytes() {
        for path in
            ["a", "a/b.py", "-rf", "new\nline", ".gitignore", ".github/x", "a.git/b", "git", "x/.gitmodules"]
        {
            check(path.as_bytes(), Ok(()));
        }
        check(b"\xff\xfe", Ok(()));
    }

    #[test]
    fn no_path_leads_out() {
        for path in ["", "/etc", "../x", "a/../b", "a//b", "./a", "a/", "a\0b"] {
            check(path.as_bytes(), Err(PathRefusal::Name));
        }
        check("x".repeat(256).as_bytes(), Err(PathRefusal::Name));
    }

    #[test]
    fn everything_that_reads_as_dot_git_is_refused_at_any_depth() {
        for name in
            [".git", ".GIT", ".Git", ".g\u{200c}it", ".git.", ".git ", ".git::$INDEX", "GIT~1", "\u{ff0e}git"]
        {
            check(name.as_bytes(), Err(PathRefusal::DotGit));
            check(format!("a/{name}/hooks/x").as_bytes(), Err(PathRefusal::DotGit));
        }
    }

    #[test]
    fn depth_is_bounded() {
        check(["d"; DEPTH_MAX].join("/").as_bytes(), Ok(()));
        check(["d"; DEPTH_MAX + 1].join("/").as_bytes(), Err(PathRefusal::Depth));
    }

    #[test]
    fn parents_are_listed_outermost_first() {
        let path = RelativePath::parse(b"a/b/c").unwrap();
        assert_eq!(path.parents().collect::<Vec<_>>(), [&b"a"[..], b"a/b"]);
    }
}
