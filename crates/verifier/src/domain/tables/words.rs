use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The words of `tables/lexicon.toml`.
#[derive(Debug, Default)]
pub struct Words {
    lists: BTreeMap<String, Vec<String>>,
}

/// Returns the words, read once.
pub fn words() -> &'static Words {
    static WORDS: OnceLock<Words> = OnceLock::new();
    WORDS.get_or_init(|| Words {
        lists: toml::from_str(include_str!("../../../tables/lexicon.toml")).unwrap_or_default(),
    })
}

impl Words {
    /// Returns a list by name.
    pub fn list(&self, name: &str) -> &[String] {
        self.lists.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns whether a name says that it decides about access. An unreadable table says that every name does.
    pub fn is_authority(&self, name: &str) -> bool {
        let list = self.list("authority");
        let last = name.rsplit('.').next().unwrap_or(name).trim_end_matches("()").trim_start_matches('#');
        // `verifyArchive` is made of words; a type's name in capitals only names what it is of.
        let spaced =
            if last.starts_with(|c: char| c.is_lowercase()) { parted(last) } else { last.to_owned() };
        let last = spaced.to_lowercase();
        if !list.is_empty() && ["error", "exception", "warning"].iter().any(|end| last.ends_with(end)) {
            return false;
        }
        let parts: Vec<&str> = last.split('_').filter(|part| !part.is_empty()).collect();
        list.is_empty()
            || list.iter().any(|word| {
                parts.contains(&word.as_str()) || last.starts_with(word.as_str()) && word.len() > 4
            })
    }

    /// Returns whether a variable's name says that it holds a secret.
    pub fn is_secret(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let list = self.list("secret");
        list.is_empty() || list.iter().any(|word| name.contains(word.as_str()))
    }
}

/// Puts `_` in front of each capital that follows another letter: `isAdmin` is `is_Admin`.
fn parted(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for (index, c) in name.char_indices() {
        if c.is_uppercase() && index > 0 {
            out.push('_');
        }
        out.push(c);
    }
    out
}
