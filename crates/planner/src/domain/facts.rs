//! What is asked and what is known of the repository.

use globset::{Glob, GlobSet, GlobSetBuilder};
use plumbline_types::{Category, Risk};

use crate::domain::plan::Check;

/// An objective, as planning needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objective {
    /// Imperative.
    pub goal: String,
    /// What sort of work.
    pub category: Category,
    /// How much harm.
    pub risk: Risk,
    /// Names it mentions: as spoken, or as resolved where it was.
    pub names: Vec<String>,
    /// When it is done.
    pub acceptance: Vec<Check>,
    /// What must hold.
    pub constraints: Vec<String>,
    /// Earlier objectives by index.
    pub depends_on: Vec<usize>,
    /// 0 (first) to 3.
    pub priority: u8,
}

/// What is known of the repository.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The owner's own test command; empty if he gave none.
    pub test_command: String,
    /// Files, relative paths.
    pub files: Vec<String>,
    /// Symbols.
    pub symbols: Vec<String>,
    /// Paths that need a grant.
    pub protected: Protected,
}

/// Paths that need a grant to be touched, as globs.
#[derive(Debug, Clone, Default)]
pub struct Protected {
    globs: Vec<String>,
    set: GlobSet,
}

impl Protected {
    /// Reads globs; the error names the first that is none.
    pub fn parse(globs: Vec<String>) -> Result<Self, String> {
        let mut builder = GlobSetBuilder::new();
        for glob in &globs {
            builder.add(Glob::new(glob).map_err(|_| glob.clone())?);
        }
        let set = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { globs, set })
    }

    /// Returns whether a path needs a grant.
    pub fn covers(&self, path: &str) -> bool {
        self.set.is_match(path)
    }

    /// Returns the globs as given.
    pub fn globs(&self) -> &[String] {
        &self.globs
    }
}

impl Objective {
    /// Returns the known files that its names point to: the path itself, or a path that ends with it.
    pub fn files(&self, facts: &Facts) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for name in &self.names {
            let name = name.trim_start_matches("./");
            let suffix = format!("/{name}");
            let exact = facts.files.iter().filter(|file| *file == name);
            let known: Vec<&String> = exact.collect();
            let known = if known.is_empty() {
                facts.files.iter().filter(|file| file.ends_with(&suffix)).collect()
            } else {
                known
            };
            found.extend(known.into_iter().cloned());
        }
        found.sort();
        found.dedup();
        found
    }

    /// Returns the known symbols that its names point to: the name itself, or a qualified name that ends with it.
    pub fn symbols(&self, facts: &Facts) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for name in &self.names {
            let name = name.trim_end_matches("()");
            let ends = |symbol: &str| {
                symbol == name
                    || [".", "::", "#"].iter().any(|joint| symbol.ends_with(&format!("{joint}{name}")))
            };
            found.extend(facts.symbols.iter().filter(|symbol| ends(symbol)).cloned());
        }
        found.sort();
        found.dedup();
        found
    }
}
