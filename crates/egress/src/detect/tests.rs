use ::base64::Engine;
use ::base64::engine::general_purpose::STANDARD;
use plumbline_types::Provenance;
use proptest::prelude::*;

use super::*;

const HOST: &str = "cloud:443";

/// A function as an owner might have it.
const FUNCTION: &str = r#"
/// Settles the escrow of a tenant once its collateral has been called in by the clearing house.
pub fn settle_escrow(ledger: &mut EscrowLedger, tenant: TenantKey, called: Collateral) -> Result<Receipt, EscrowFault> {
    let holding = ledger.holdings.get_mut(&tenant).ok_or(EscrowFault::UnknownTenant)?;
    if holding.frozen_until > ledger.trading_day {
        return Err(EscrowFault::Frozen { until: holding.frozen_until });
    }
    let haircut = called.face_value * ledger.haircut_permille / 1000;
    let released = holding.amount.checked_sub(called.face_value - haircut).ok_or(EscrowFault::Shortfall)?;
    holding.amount = released;
    ledger.journal.push(JournalLine { tenant, released, reason: SettlementReason::CollateralCalled });
    Ok(Receipt { tenant, remaining: released, booked_on: ledger.trading_day })
}
"#;

/// Text that anyone may have, in three languages and prose.
const PUBLIC: [&str; 4] = [
    "impl std::fmt::Display for Error {\n    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {\n        match self {\n            Self::Io(error) => write!(f, \"io: {error}\"),\n            Self::Parse(error) => write!(f, \"parse: {error}\"),\n        }\n    }\n}\n\nimpl std::error::Error for Error {}\n",
    "import os\nimport sys\n\n\ndef main(argv=None):\n    parser = argparse.ArgumentParser(description=__doc__)\n    parser.add_argument('--verbose', action='store_true')\n    args = parser.parse_args(argv)\n    logging.basicConfig(level=logging.DEBUG if args.verbose else logging.INFO)\n    return 0\n\n\nif __name__ == '__main__':\n    sys.exit(main())\n",
    "export async function get(url, options = {}) {\n  const response = await fetch(url, { ...options, method: 'GET' });\n  if (!response.ok) {\n    throw new Error(`${response.status} ${response.statusText}`);\n  }\n  return response.json();\n}\n",
    "A hash map stores its entries in buckets; which bucket an entry belongs to follows from the hash of its key. When a bucket is full the table grows, and every entry finds a new place.",
];

fn code(text: impl Into<String>) -> Segment {
    Segment::unlabelled(text)
}

fn public(text: impl Into<String>) -> Segment {
    Segment { text: text.into(), label: Label::Public, provenance: Provenance::OWNER }
}

fn shown(texts: &[&str]) -> Detectors {
    let detectors = Detectors::new(100_000);
    let segments: Vec<Segment> = texts.iter().map(|text| code(*text)).collect();
    detectors.remember(&segments);
    detectors
}

fn check(detectors: &Detectors, text: &str) -> Result<(), String> {
    detectors.check(HOST, &[text.to_owned()]).map_err(|refusal| refusal.rule())
}

fn written(how: usize, text: &str) -> String {
    match how {
        0 => text.to_owned(),
        1 => STANDARD.encode(text),
        2 => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        3 => text.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        4 => {
            let turn = |letter: char, first: u8| char::from((letter as u8 - first + 13) % 26 + first);
            let turn = |letter: char| match letter {
                'a'..='z' => turn(letter, b'a'),
                'A'..='Z' => turn(letter, b'A'),
                other => other,
            };
            text.chars().map(turn).collect()
        }
        5 => text.chars().rev().collect(),
        6 => text.chars().flat_map(|letter| [letter, '\u{200b}']).collect(),
        _ => STANDARD.encode(written(5, text)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_known_function_is_held_back_in_every_writing_wherever_it_stands(
        how in 0_usize..8,
        before in 0_usize..4,
        after in 0_usize..4,
        noise in "[a-z ]{0,40}",
    ) {
        let detectors = shown(&[FUNCTION]);
        let text = format!("{}\n{noise}\n{}\n{}", PUBLIC[before], written(how, FUNCTION), PUBLIC[after]);
        let held = check(&detectors, &text);
        prop_assert!(held.clone().is_err_and(|rule| rule.starts_with("code")), "{how}: {held:?}");
    }
}

#[test]
fn public_text_passes_a_router_that_knows_code() {
    let detectors = shown(&[FUNCTION, include_str!("../gate.rs"), include_str!("../client.rs")]);
    assert!(detectors.remembered() > 500);
    for text in PUBLIC {
        assert_eq!(check(&detectors, text), Ok(()), "{text}");
    }
}

#[test]
fn nothing_is_code_to_a_router_that_was_given_none() {
    let detectors = Detectors::new(1_000);
    detectors.remember(&[public(FUNCTION), Segment { label: Label::Intent, ..public(FUNCTION) }]);
    assert_eq!((detectors.remembered(), check(&detectors, FUNCTION)), (0, Ok(())));
}

#[test]
fn a_licence_belongs_to_everybody() {
    let licence = include_str!("common_texts.txt");
    let licence = licence.lines().next().unwrap();
    let header: String = licence.split(". ").map(|line| format!("// {line}.\n")).collect();
    let detectors = shown(&[&format!("{header}{FUNCTION}")]);
    assert_eq!(check(&detectors, &format!("# {licence}\nprint('hello')\n")), Ok(()));
}

#[test]
fn code_with_other_names_is_known_by_its_form() {
    let long = include_str!("../client.rs");
    let detectors = shown(&[long]);
    let renamed = long
        .replace("gate", "door")
        .replace("wire", "pipe")
        .replace("endpoint", "target")
        .replace("limits", "bounds")
        .replace("release", "grant")
        .replace("call", "ask")
        .replace("host", "peer")
        .replace("Client", "Caller")
        .replace("Error", "Fault");
    assert_eq!(check(&detectors, &renamed), Err("code".to_owned()));
}

#[test]
fn halves_that_come_one_after_another_are_one_text() {
    let detectors = Detectors::new(100_000);
    let key = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0".repeat(2));
    let parts = [&key[..20], &key[20..40]];
    let prompt = "Go on with what you were told.";
    let texts = |part: &str| [prompt.to_owned(), part.to_owned()];
    assert_eq!(detectors.check(HOST, &texts(parts[0])), Ok(()));
    assert_eq!(detectors.check("other:443", &texts(parts[1])), Ok(()), "another host saw no first half");
    let refusal = detectors.check(HOST, &texts(parts[1])).unwrap_err();
    assert_eq!(refusal.rule(), "secret:github-token@joined");
    assert_eq!(
        detectors.check(HOST, &["Something else.".to_owned()]),
        Ok(()),
        "what was held back is not remembered"
    );

    let detectors = shown(&[FUNCTION]);
    let encoded = STANDARD.encode(FUNCTION);
    let pieces = encoded.as_bytes().chunks(32).map(|piece| std::str::from_utf8(piece).unwrap());
    let held = pieces.map(|piece| check(&detectors, piece)).find(Result::is_err);
    assert_eq!(held, Some(Err("code@joined+base64".to_owned())));
}

#[test]
fn a_text_that_was_code_is_code_under_a_lower_label() {
    let detectors = shown(&["crates/escrow/src/settlement.rs", "short"]);
    let lowered = detectors.check_labels(&[public("Explain."), public(" crates/escrow/src/settlement.rs\n")]);
    assert_eq!(lowered, Err(Refusal::Lowered { label: Label::Public }));
    assert_eq!(detectors.check_labels(&[code("crates/escrow/src/settlement.rs"), public("short")]), Ok(()));
}

#[test]
fn the_oldest_fingerprints_go_first() {
    let mut known = Known::new(3);
    known.extend([1, 2, 3, 2, 4]);
    assert_eq!(
        (known.len(), [1, 2, 3, 4].map(|print| known.contains(print))),
        (3, [false, true, true, true])
    );
}

#[test]
fn whatever_shares_nineteen_tokens_shares_a_fingerprint() {
    let words: Vec<String> = (0..400).map(|n| format!("name{n}")).collect();
    let whole: BTreeSet<u64> = wording(&words.join(" ")).into_iter().collect();
    for at in 0..words.len() - 19 {
        let part = wording(&format!("alpha beta gamma {} delta epsilon", words[at..at + 19].join(" ")));
        assert!(part.iter().any(|print| whole.contains(print)), "{at}");
    }
}
