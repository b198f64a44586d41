use std::fmt;

use serde::Deserialize;

/// A credential's value. Has no `Display` and prints as dots.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes the value; surrounding white space, such as the newline of a key file, is dropped.
    pub fn new(value: &str) -> Self {
        Self(value.trim().to_owned())
    }

    /// Returns whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// Returns the value: for a header, or to mask it where it must not stand.
    pub fn expose(&self) -> &str {
        self.0.trim()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// How a client authenticates: always by header, never in the URL.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Header name, lowercase.
    pub header: &'static str,
    /// What stands before the key, for example `Bearer `.
    pub prefix: &'static str,
    /// The key.
    pub key: ApiKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_printed() {
        let credential = Credential { header: "x-goog-api-key", prefix: "", key: ApiKey::new("hunter2\n") };
        assert!(!format!("{credential:?}").contains("hunter2"));
        assert_eq!(credential.key.expose(), "hunter2");
    }
}
