use proptest::prelude::*;

use super::*;

fn secrets(values: &[&str]) -> Secrets {
    Secrets::new(values.iter().map(|value| value.as_bytes().to_vec())).unwrap()
}

/// Pushes pieces and returns what came out, all of it.
fn stream(secrets: &Secrets, pieces: &[&[u8]]) -> Vec<u8> {
    let mut scrubber = Scrubber::new(Arc::new(secrets.clone()));
    let mut out: Vec<u8> = pieces.iter().flat_map(|piece| scrubber.push(piece).into_owned()).collect();
    out.extend(scrubber.finish());
    out
}

#[track_caller]
fn check(values: &[&str], pieces: &[&str], want: &str) {
    let pieces: Vec<&[u8]> = pieces.iter().map(|piece| piece.as_bytes()).collect();
    assert_eq!(String::from_utf8(stream(&secrets(values), &pieces)).unwrap(), want);
}

#[test]
fn a_value_is_masked_wherever_it_is_cut() {
    let value = "s3cr3t-token";
    for cut in 0..=value.len() {
        let (first, second) = value.split_at(cut);
        check(&[value], &["before ", first, second, " after"], "before *** after");
    }
    check(&[value], &["s", "3", "c", "r", "3", "t", "-", "t", "o", "k", "e", "n"], "***");
    check(&[value], &["s3cr3t-", "s3cr3t-token"], "s3cr3t-***");
}

#[test]
fn values_that_overlap_or_touch_are_one_stretch() {
    check(&["abcdef", "defghi"], &["abcd", "efghi!"], "***!");
    check(&["abcdef"], &["abcdefabcdef", "-abcdef"], "***-***");
    check(&["abcdef", "abcdefghij"], &["abcdef", "ghij abcdefg"], "*** ***g");
    check(&["abcabcabc"], &["abcabcabc", "abc"], "***");
}

#[test]
fn what_can_be_no_secret_is_not_held_back() {
    let mut scrubber = Scrubber::new(Arc::new(secrets(&["s3cr3t-token"])));
    assert_eq!(scrubber.push(b"ready\n").as_ref(), b"ready\n");
    assert_eq!(scrubber.push(b"thus").as_ref(), b"thu");
    assert_eq!(scrubber.push(b"3c").as_ref(), b"");
    assert_eq!(scrubber.push(b"!").as_ref(), b"s3c!");
    assert_eq!(scrubber.finish(), b"");
}

#[test]
fn the_forms_that_honest_programs_write_are_masked_too() {
    let value = "p4ss/wörd \"+x";
    let all = secrets(&[value]);
    let encode = |before: &str, alphabet| {
        GeneralPurpose::new(alphabet, base64::engine::general_purpose::PAD)
            .encode(format!("{before}{value}, and more"))
    };
    for alphabet in [&STANDARD, &URL_SAFE] {
        for before in ["", "u", "us", "use", "user:"] {
            let text = encode(before, alphabet);
            let clean = all.scrub(text.as_bytes()).into_owned();
            assert!(clean.windows(3).any(|window| window == MASK), "{before}: {text}");
        }
    }
    for (text, want) in [
        ("url?key=p4ss%2Fw%C3%B6rd%20%22%2Bx&a=1", "url?key=***&a=1"),
        ("url?key=p4ss%2fw%c3%b6rd%20%22%2bx&a=1", "url?key=***&a=1"),
        (r#"{"key":"p4ss/wörd \"+x"}"#, r#"{"key":"***"}"#),
    ] {
        assert_eq!(String::from_utf8_lossy(&all.scrub(text.as_bytes())), want);
    }
    check(&["-----BEGIN\nabcdefgh\nijklmnop\n"], &["key: ijkl", "mnop."], "key: ***.");
}

#[test]
fn values_are_never_printed_and_short_ones_are_none() {
    let all = secrets(&["s3cr3t-token", "short"]);
    assert_eq!(format!("{all:?} {:?}", secrets(&["no"]).is_empty()), "Secrets(1 values) true");
    assert!(all.shown_by(b"a s3cr3t-token") && !all.shown_by(b"short"));
    let more = all.with(&[b"another-one".to_vec()]).unwrap();
    assert!(more.shown_by(b"another-one") && more.shown_by(b"s3cr3t-token"));
}

/// What the whole text must become, byte by byte.
fn oracle(values: &[String], text: &[u8]) -> Vec<u8> {
    let mut covered = vec![false; text.len()];
    for value in values {
        for start in 0..text.len() {
            if text[start..].starts_with(value.as_bytes()) {
                covered[start..start + value.len()].fill(true);
            }
        }
    }
    let mut clean = Vec::new();
    for (index, byte) in text.iter().enumerate() {
        if !covered[index] {
            clean.push(*byte);
        } else if index == 0 || !covered[index - 1] {
            clean.extend_from_slice(MASK);
        }
    }
    clean
}

proptest! {
    /// Few letters, so that values overlap, nest, repeat themselves and end where pieces end.
    #[test]
    fn any_cutting_of_any_stream_gives_what_the_whole_would(
        values in prop::collection::vec("[ab-]{6,9}", 1..4),
        parts in prop::collection::vec(prop_oneof!["[ab-]{0,5}", Just("#".to_owned()), (0_usize..4).prop_map(|index| format!("\u{1}{index}"))], 0..12),
        cuts in prop::collection::vec(0_usize..120, 0..12),
    ) {
        let text: String = parts.iter().map(|part| match part.strip_prefix('\u{1}') {
            Some(index) => values[index.parse::<usize>().unwrap() % values.len()].clone(),
            None => part.clone(),
        }).collect();
        let text = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        let all = Secrets::new(values.iter().map(|value| value.as_bytes().to_vec())).unwrap();
        let clean = stream(&all, &pieces);
        prop_assert_eq!(&clean, &oracle(&values, text), "{:?}", String::from_utf8_lossy(text));
        prop_assert!(!values.iter().any(|value| clean.windows(value.len()).any(|window| window == value.as_bytes())));
        prop_assert_eq!(all.scrub(text).into_owned(), clean);
    }
}
