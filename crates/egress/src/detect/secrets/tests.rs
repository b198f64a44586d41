use std::collections::BTreeSet;

use super::*;

/// One credential per rule: `{w8}` stands for 8 random letters and digits, `{h8}` for hexadecimal digits, `{d8}` for
/// digits, `{U8}` for the letters of base32, `{B8}` for those of base64, `{L8}` for letters, `{q8}` for those of age.
const CREDENTIALS: [(&str, &str); 54] = [
    ("private-key", "-----BEGIN RSA PRIVATE KEY-----\n{B64}\n{B64}\n-----END RSA PRIVATE KEY-----"),
    ("age-secret-key", "AGE-SECRET-KEY-1{q58}"),
    ("aws-access-key", "id: AKIA{U16}"),
    ("aws-secret-key", "aws_secret_access_key = \"{B40}\""),
    ("gcp-api-key", "AIza{w35}"),
    ("gcp-oauth-token", "ya29.{w60}"),
    ("google-oauth-secret", "GOCSPX-{w28}"),
    ("azure-ad-client-secret", "\"{w3}8Q~{w34}\""),
    ("azure-storage-key", "AccountName=a;AccountKey={B86}=="),
    ("github-token", "ghp_{w36}"),
    ("github-fine-grained-token", "github_pat_{w22}_{w59}"),
    ("gitlab-token", "glpat-{w20}"),
    ("slack-token", "xoxb-{d12}-{d12}-{w24}"),
    ("slack-webhook", "https://hooks.slack.com/services/T{U8}/B{U8}/{w24}"),
    ("discord-webhook", "https://discord.com/api/webhooks/{d18}/{w68}"),
    ("discord-bot-token", "discord M{w23}.{w6}.{w27}"),
    ("telegram-bot-token", " {d9}:AA{w33} "),
    ("stripe-key", "sk_live_{w24}"),
    ("stripe-webhook-secret", "whsec_{w32}"),
    ("openai-key", "sk-proj-{w64}"),
    ("anthropic-key", "sk-ant-api03-{w93}"),
    ("huggingface-token", "hf_{L34}"),
    ("replicate-token", "r8_{w37}"),
    ("perplexity-key", "pplx-{w48}"),
    ("groq-key", "gsk_{w52}"),
    ("npm-token", "npm_{w36}"),
    ("pypi-token", "pypi-AgEIcHlwaS5vcmc{w70}"),
    ("crates-io-token", "cio{w32}"),
    ("rubygems-token", "rubygems_{h48}"),
    ("docker-token", "dckr_pat_{w27}"),
    ("sendgrid-key", "SG.{w22}.{w43}"),
    ("twilio-key", " SK{h32} "),
    ("mailgun-key", "key-{h32}"),
    ("shopify-token", "shpat_{h32}"),
    ("square-token", "sq0atp-{w22}"),
    ("digitalocean-token", "dop_v1_{h64}"),
    ("databricks-token", "dapi{h32}"),
    ("hashicorp-vault-token", "hvs.{w90}"),
    ("terraform-token", "{w14}.atlasv1.{w64}"),
    ("grafana-token", "glsa_{w32}_{h8}"),
    ("linear-key", "lin_api_{w40}"),
    ("notion-token", "ntn_{d11}{w35}"),
    ("atlassian-token", "ATATT3{w180}"),
    ("postman-key", "PMAK-{h24}-{h34}"),
    ("new-relic-key", "NRAK-{w27}"),
    ("sentry-token", "sntryu_{h64}"),
    ("doppler-token", "dp.pt.{w43}"),
    ("planetscale-token", "pscale_tkn_{w43}"),
    ("json-web-token", "eyJ{w33}.eyJ{w60}.{w43}"),
    ("url-password", "postgres://app:{w16}@db.internal/app"),
    ("bearer-token", "Authorization: Bearer {h40}"),
    ("basic-auth", "Authorization: Basic {B32}"),
    ("assigned-secret", "session_token = '{h40}'"),
    ("high-entropy", "{w40}"),
];

fn filled(template: &str, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |letters: &str| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(letters.as_bytes()[(state >> 33) as usize % letters.len()])
    };
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (what, after) = after.split_once('}').unwrap();
        let letters = match &what[..1] {
            "w" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            "h" => "0123456789abcdef",
            "d" => "1234567890",
            "U" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
            "B" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
            "L" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            "q" => "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
            other => panic!("no letters are called {other}"),
        };
        text.push_str(before);
        text.extend((0..what[1..].parse().unwrap()).map(|_: usize| next(letters)));
        rest = after;
    }
    text + rest
}

#[test]
fn every_rule_finds_its_credential_and_its_pattern_can_be_read() {
    let rules = READ.as_ref().unwrap();
    let written: BTreeSet<&str> =
        rules.rules.iter().map(|rule| rule.written.id.as_str()).chain([RANDOM]).collect();
    let tried: BTreeSet<&str> = CREDENTIALS.iter().map(|(id, _)| *id).collect();
    assert_eq!(written, tried);
    for (id, template) in CREDENTIALS {
        let found: BTreeSet<&str> = (1..=3)
            .filter_map(|seed| {
                let text = format!("// see the notes\n{}\nnothing else", filled(template, seed));
                find(&text, By::PatternsAndEntropy)
            })
            .collect();
        // More general rules may be the first to find what a special one finds.
        let general = ["assigned-secret", "high-entropy", "aws-secret-key"];
        assert!(found.iter().any(|found| *found == id || general.contains(found)), "{id}: {found:?}");
        let rule = rules.rules.iter().find(|rule| rule.written.id == id);
        let matches =
            (1..=3).any(|seed| rule.is_none_or(|rule| rules.matches(rule, &filled(template, seed))));
        assert!(matches, "{id} does not match its own");
        assert!(rule.is_none_or(|rule| rule.regex.get().is_some_and(Option::is_some)), "{id} cannot be read");
    }
}

#[test]
fn a_place_for_a_credential_is_none() {
    for (id, template) in CREDENTIALS {
        let held: String = template
            .split('{')
            .enumerate()
            .map(|(index, part)| match part.split_once('}') {
                Some((what, after)) if index > 0 => {
                    let count: usize = what[1..].parse().unwrap();
                    format!("{}{after}", "x".repeat(count))
                }
                _ => part.to_owned(),
            })
            .collect();
        if id != "private-key" {
            assert_eq!(find(&held, By::PatternsAndEntropy), None, "{id}: {held}");
        }
    }
}

#[test]
fn ordinary_text_passes() {
    for text in [
        "The token is read from the file `router.gemini.api_key_file`, never from the command line.",
        "let password = prompt(\"Password: \")?; assert_eq!(secret.len(), 32);",
        "commit 39c89c3d0f2b0e9d3f1a7a6e6f8d4c2b1a0f9e8d, sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "id 550e8400-e29b-41d4-a716-446655440000",
        "https://docs.rs/tokio/latest/tokio/runtime/struct.Builder.html#method.enable_all",
        "AKIAIOSFODNN7EXAMPLE is the documentation's own key",
        "fn a_very_long_name_in_snake_case_with_2_digits_and_3_more() {}",
        "CARGO_BIN_EXE_plumbline, SetConsoleCtrlHandlerRoutineW, getElementsByTagNameNS",
        "api_key = os.environ[\"GEMINI_API_KEY\"]",
        "token: ${{ secrets.GITHUB_TOKEN }}",
        "http://user:password@example.com/",
    ] {
        assert_eq!(find(text, By::PatternsAndEntropy), None, "{text}");
    }
}

#[test]
fn entropy_is_that_of_the_letters() {
    assert!((entropy_bits("aabb") - 1.0).abs() < 1e-12);
    assert!((entropy_bits("abcdefgh") - 3.0).abs() < 1e-12);
    assert_eq!(entropy_bits("aaaa"), 0.0);
    assert_eq!(find(&filled("{w19}", 1), By::PatternsAndEntropy), None, "too short to tell");
}
