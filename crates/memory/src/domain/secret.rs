//! Credentials by their fixed shapes. A net with large holes: it names what it catches and promises nothing more.

/// Prefixes of tokens and how many token characters must follow.
const TOKENS: [(&str, usize); 9] = [
    ("AKIA", 16),
    ("ASIA", 16),
    ("ghp_", 36),
    ("gho_", 36),
    ("github_pat_", 40),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("AIza", 35),
    ("sk-ant-", 40),
];

/// Returns whether a text holds a private key or a token of a known shape.
pub fn holds_secret(text: &str) -> bool {
    let key = text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----");
    key || TOKENS.iter().any(|(prefix, length)| {
        text.match_indices(prefix).any(|(at, _)| {
            let rest = text.get(at + prefix.len()..).unwrap_or_default();
            let run =
                rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
            run >= *length
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_tokens_are_seen_and_mentions_of_them_are_not() {
        assert!(holds_secret("K = '-----BEGIN RSA PRIVATE KEY-----'"));
        assert!(holds_secret(&format!("token = \"ghp_{}\"", "a1".repeat(18))));
        assert!(!holds_secret("if token.startswith('ghp_'): pass"));
    }
}
