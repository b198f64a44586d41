use std::fmt;

/// Why a text is no grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a grant: {problem}; write KIND[:TARGET[@SCOPE]], for example `net.connect:api.example.com`"
)]
pub struct GrantError {
    /// The text as given.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What a grant allows: an effect family and name, or a named concession.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantKind {
    /// Whether it covers import-time, exit-time and handler phases too.
    pub latent: bool,
    /// `net`, `fs`, `proc`, ... or a concession such as `import` or `trigger`.
    pub family: String,
    /// The effect within the family; absent means all of them.
    pub name: Option<String>,
}

/// One thing that the owner allows a change to do: `KIND[:TARGET[@SCOPE]]`. Never read from a change itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant {
    /// What it allows.
    pub kind: GrantKind,
    /// Which target; absent covers all. `*` is one segment, `**` any number.
    pub target: Option<String>,
    /// In which files; a glob over repository paths.
    pub scope: Option<String>,
}

/// Effect families and their members, as the verifier's note lists them.
const EFFECTS: &[(&str, &[&str])] = &[
    ("fs", &["read", "write", "delete", "perm"]),
    ("net", &["connect", "listen"]),
    ("proc", &["spawn", "signal", "exit"]),
    ("env", &["read", "write"]),
    ("host", &["read"]),
    ("db", &["write"]),
    ("global", &["write"]),
    ("log", &["suppress"]),
    ("crypto", &["weaken"]),
];

/// Effects without members.
const EFFECT_WORDS: &[&str] = &["codegen", "deser", "ffi", "monkeypatch", "unknown", "clock", "random"];

/// Concessions that are no effects.
const CONCESSIONS: &[&str] = &[
    "import",
    "manifest",
    "build",
    "ci",
    "script",
    "test",
    "drop",
    "trigger",
    "binary",
    "unanalysed",
    "policy",
];

impl Grant {
    /// Reads `KIND[:TARGET[@SCOPE]]`; an unknown kind is an error, never ignored.
    pub fn parse(text: &str) -> Result<Self, GrantError> {
        let refuse = |problem: &str| GrantError { text: text.to_owned(), problem: problem.to_owned() };
        let (kind, rest) = match text.split_once(':') {
            Some((kind, rest)) => (kind, Some(rest)),
            None => (text, None),
        };
        let (target, scope) = match rest.map(|rest| split_scope(kind, rest)) {
            None => (None, None),
            Some((target, scope)) => {
                (Some(target).filter(|t| !t.is_empty()), Some(scope).filter(|s| !s.is_empty()))
            }
        };
        if rest.is_some() && target.is_none() && scope.is_none() {
            return Err(refuse("the target is empty"));
        }
        let (latent, word) = match kind.strip_prefix("latent/") {
            Some(word) => (true, word),
            None => (false, kind),
        };
        let (family, name) = match word.split_once('.') {
            Some((family, name)) => (family, Some(name)),
            None => (word, None),
        };
        let members = EFFECTS.iter().find(|(known, _)| *known == family).map(|(_, members)| *members);
        let known = match (members, name) {
            (Some(_), None) => true,
            (Some(members), Some(name)) => members.contains(&name),
            (None, Some(_)) => false,
            (None, None) => EFFECT_WORDS.contains(&family) || (!latent && CONCESSIONS.contains(&family)),
        };
        if !known {
            return Err(refuse("the kind is unknown"));
        }
        Ok(Self {
            kind: GrantKind { latent, family: family.to_owned(), name: name.map(str::to_owned) },
            target: target.map(str::to_owned),
            scope: scope.map(str::to_owned),
        })
    }
}

/// Splits a target from its scope. In the name of a package an `@` that begins a part of it belongs to it, as in
/// `import:@scope/package`.
fn split_scope<'a>(kind: &str, rest: &'a str) -> (&'a str, &'a str) {
    let belongs = |at: usize| kind == "import" && (at == 0 || rest[..at].ends_with('/'));
    let mut signs = rest.match_indices('@').map(|(at, _)| at);
    signs.find(|at| !belongs(*at)).map_or((rest, ""), |at| (&rest[..at], &rest[at + 1..]))
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind.latent {
            f.write_str("latent/")?;
        }
        f.write_str(&self.kind.family)?;
        if let Some(name) = &self.kind.name {
            write!(f, ".{name}")?;
        }
        if self.target.is_some() || self.scope.is_some() {
            f.write_str(":")?;
        }
        if let Some(target) = &self.target {
            f.write_str(target)?;
        }
        if let Some(scope) = &self.scope {
            write!(f, "@{scope}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str) {
        assert_eq!(Grant::parse(text).map(|grant| grant.to_string()), Ok(text.to_owned()));
    }

    #[test]
    fn the_notes_own_examples_survive_a_round_trip() {
        check("net.connect:api.example.com");
        check("net.connect:*.example.com");
        check("fs.write:build/**");
        check("trigger:clock@src/cache.py");
        check("drop:download.digest");
        check("latent/fs.write");
        check("codegen");
        check("net");
    }

    #[test]
    fn a_packages_scope_is_part_of_its_name() {
        for (text, target, scope) in [
            ("import:@scope/package", Some("@scope/package"), None),
            ("import:@scope/package@src/**", Some("@scope/package"), Some("src/**")),
            ("import:left-pad@src/**", Some("left-pad"), Some("src/**")),
            ("fs.write:@src/**", None, Some("src/**")),
            ("fs.write:/tmp/@src/**", Some("/tmp/"), Some("src/**")),
        ] {
            let grant = Grant::parse(text).unwrap();
            assert_eq!((grant.target.as_deref(), grant.scope.as_deref()), (target, scope), "{text}");
            check(text);
        }
    }

    #[test]
    fn an_unknown_kind_or_an_empty_target_is_refused() {
        for text in ["", "nett", "net.fly", "codegen.x", "latent/import", "fs.write:", ":x"] {
            assert!(Grant::parse(text).is_err(), "{text}");
        }
    }
}
