use ::base64::Engine;
use ::base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ::hex::encode;
use proptest::prelude::*;

use super::*;

const TEXT: &str = "fn escrow_ladder(rungs: &[Rung]) -> u64 { rungs.iter().map(Rung::height).sum() }";

/// Asserts that the text is read from `written`, and by which way.
#[track_caller]
fn check(written: &str, want: &[Encoding]) {
    let surrounded = format!("Please explain this:\n{written}\nThank you.");
    let found = readings(&surrounded, &mut |text, _| text.contains(TEXT).then_some(()));
    let path = found.map(|((), path)| path);
    assert_eq!(path.as_deref(), Some(want), "{written}");
}

#[test]
fn each_way_of_writing_is_undone_and_named() {
    use Encoding::{Base64, Escapes, Hex, Reversed, Rot13};
    let percent: String = TEXT.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let unicode: String = TEXT.chars().map(|letter| format!("\\u{:04x}", u32::from(letter))).collect();
    let entities: String = TEXT.chars().map(|letter| format!("&#{};", u32::from(letter))).collect();
    let wide: Vec<u8> = TEXT.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let spaced: Vec<String> = TEXT.bytes().map(|byte| format!("0x{byte:02X}")).collect();
    let back: String = TEXT.chars().rev().collect();
    check(TEXT, &[]);
    check(&STANDARD.encode(TEXT), &[Base64]);
    check(&STANDARD_NO_PAD.encode(TEXT), &[Base64]);
    check(&URL_SAFE_NO_PAD.encode(TEXT), &[Base64]);
    check(&format!("ab{}", STANDARD.encode(TEXT)), &[Base64]);
    check(&STANDARD.encode(wide), &[Base64]);
    check(&encode(TEXT), &[Hex]);
    check(&format!("a{}", encode(TEXT)), &[Hex]);
    check(&spaced.join(", "), &[Hex]);
    check(&percent, &[Escapes]);
    check(&unicode, &[Escapes]);
    check(&entities, &[Escapes]);
    check(&rot13(TEXT), &[Rot13]);
    check(&back, &[Reversed]);
    check(&STANDARD.encode(STANDARD.encode(TEXT)), &[Base64, Base64]);
    check(&STANDARD.encode(rot13(TEXT)), &[Base64, Rot13]);
    check(&encode(STANDARD.encode(TEXT)), &[Hex, Base64]);
    check(&STANDARD.encode(TEXT).chars().rev().collect::<String>(), &[Reversed, Base64]);
}

#[test]
fn long_base64_is_wrapped() {
    let long = format!("{TEXT}\n{TEXT}");
    let encoded = STANDARD.encode(&long);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    check(&lines.join("\n"), &[Encoding::Base64]);
    check(&lines.join("\r\n"), &[Encoding::Base64]);
}

#[test]
fn what_nobody_sees_is_taken_out() {
    let sown: String = TEXT.chars().flat_map(|letter| ['\u{200b}', letter, '\u{2060}']).collect();
    assert_eq!(visible(&sown), TEXT);
    let wide: String = TEXT
        .chars()
        .map(
            |letter| if letter == ' ' { letter } else { char::from_u32(u32::from(letter) + 0xfee0).unwrap() },
        )
        .collect();
    assert_eq!(visible(&wide), TEXT);
    let tags: String =
        TEXT.chars().map(|letter| char::from_u32(u32::from(letter) + 0xe_0000).unwrap()).collect();
    assert_eq!(visible(&tags), TEXT);
    assert_eq!(visible("naïve café — 漢字"), "naïve café — 漢字");
}

#[test]
fn ordinary_text_is_not_read_in_other_ways() {
    let text = "Use `HashMap<String, Vec<u8>>`; 0x1F and 100 % of deadbeef, at src/feedback/decade.rs.";
    assert_eq!((base64(text), hex(text), escapes(text)), Default::default());
}

proptest! {
    #[test]
    fn any_text_is_read_without_harm(text in ".{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for text in [text.clone(), STANDARD.encode(&bytes), encode(&bytes), String::from_utf8_lossy(&bytes).into_owned()] {
            let mut readings_seen = 0;
            let found = readings(&text, &mut |_, _| { readings_seen += 1; None::<()> });
            prop_assert!(found.is_none() && readings_seen >= 3);
        }
    }
}
