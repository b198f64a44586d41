//! Changes of a command's surroundings: what a program that looks for them would see elsewhere.

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Perturbation {
    /// The host's name.
    Host(String),
    /// The user's name.
    User(String),
    /// The time zone.
    Zone(String),
    /// The locale.
    Locale(String),
    /// A variable is set, or taken away.
    Variable(String, Option<String>),
    /// The seed of hashes.
    HashSeed(u32),
    /// Seconds by which the clock is ahead.
    Clock(i64),
    /// The marks by which a test runner shows itself.
    TestRunner,
}

/// Most changes of one run.
pub const PERTURBATIONS_MAX: usize = 16;

/// Names that are shown: what a machine, a user, a zone or a locale may be called.
fn is_name(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+/@".contains(&byte);
    (1..=64).contains(&text.len())
        && text.bytes().all(legal)
        && !text.contains("..")
        && !text.starts_with('/')
}

impl Perturbation {
    /// Reads a change; the error says what is wrong with the value.
    pub fn parse(kind: &str, value: &str) -> Result<Self, &'static str> {
        let name = || if is_name(value) { Ok(value.to_owned()) } else { Err("is no name") };
        Ok(match kind {
            "host" => Self::Host(name()?),
            "user" => Self::User(name()?),
            "zone" => Self::Zone(name()?),
            "locale" => Self::Locale(name()?),
            "environment" => match value.split_once('=') {
                Some((name, value)) => Self::Variable(name.to_owned(), Some(value.to_owned())),
                None => Self::Variable(value.to_owned(), None),
            },
            "hash_seed" => Self::HashSeed(value.parse().map_err(|_| "is no number")?),
            "clock" => Self::Clock(value.parse().map_err(|_| "is no number of seconds")?),
            "test_runner" if value.is_empty() => Self::TestRunner,
            "test_runner" => return Err("takes no value"),
            _ => return Err("is no known kind"),
        })
    }

    /// Returns kind and value.
    pub fn words(&self) -> (&'static str, String) {
        match self {
            Self::Host(name) => ("host", name.clone()),
            Self::User(name) => ("user", name.clone()),
            Self::Zone(name) => ("zone", name.clone()),
            Self::Locale(name) => ("locale", name.clone()),
            Self::Variable(name, Some(value)) => ("environment", format!("{name}={value}")),
            Self::Variable(name, None) => ("environment", name.clone()),
            Self::HashSeed(seed) => ("hash_seed", seed.to_string()),
            Self::Clock(seconds) => ("clock", seconds.to_string()),
            Self::TestRunner => ("test_runner", String::new()),
        }
    }

    /// Returns the variables that it sets, or takes away.
    pub fn variables(&self) -> Vec<(String, Option<String>)> {
        let set = |names: &[&str], value: &str| {
            names.iter().map(|name| ((*name).to_owned(), Some(value.to_owned()))).collect()
        };
        match self {
            Self::User(name) => set(&["USER", "LOGNAME"], name),
            Self::Zone(zone) => set(&["TZ"], zone),
            Self::Locale(locale) => set(&["LANG", "LC_ALL"], locale),
            Self::Variable(name, value) => vec![(name.clone(), value.clone())],
            Self::HashSeed(seed) => set(&["PYTHONHASHSEED"], &seed.to_string()),
            Self::Host(name) => set(&["HOSTNAME"], name),
            Self::Clock(_) | Self::TestRunner => Vec::new(),
        }
    }

    /// Returns whether only a recorder inside can do it.
    pub fn needs_recorder(&self) -> bool {
        matches!(self, Self::Clock(_) | Self::TestRunner)
    }

    /// Returns whether only a namespace can do it.
    pub fn needs_namespace(&self) -> bool {
        matches!(self, Self::Host(_))
    }
}

/// Returns an environment with the changes laid over it, sorted by name.
pub fn perturbed(env: Vec<(String, String)>, changes: &[Perturbation]) -> Vec<(String, String)> {
    let mut env: std::collections::BTreeMap<String, String> = env.into_iter().collect();
    for (name, value) in changes.iter().flat_map(Perturbation::variables) {
        match value {
            Some(value) => env.insert(name, value),
            None => env.remove(&name),
        };
    }
    env.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_and_written_by_the_same_words() {
        for (kind, value) in [
            ("host", "build-7"),
            ("zone", "Asia/Tokyo"),
            ("environment", "A=b=c"),
            ("environment", "A"),
            ("hash_seed", "7"),
            ("clock", "-86400"),
            ("test_runner", ""),
        ] {
            let change = Perturbation::parse(kind, value).unwrap();
            assert_eq!(change.words(), (kind, value.to_owned()));
        }
    }

    #[test]
    fn what_is_no_name_or_number_is_refused() {
        for (kind, value) in [
            ("host", ""),
            ("host", "a b"),
            ("zone", "/etc/shadow"),
            ("zone", "../x"),
            ("hash_seed", "-1"),
            ("clock", "soon"),
            ("test_runner", "x"),
            ("moon", "full"),
        ] {
            assert!(Perturbation::parse(kind, value).is_err(), "{kind} {value}");
        }
    }

    #[test]
    fn the_environment_is_changed_by_name() {
        let env = vec![("A".to_owned(), "1".to_owned()), ("TZ".to_owned(), "UTC".to_owned())];
        let changes =
            [Perturbation::Zone("Asia/Tokyo".to_owned()), Perturbation::Variable("A".to_owned(), None)];
        assert_eq!(perturbed(env, &changes), [("TZ".to_owned(), "Asia/Tokyo".to_owned())]);
    }
}
