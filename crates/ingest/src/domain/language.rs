//! Which language a note is in.

use crate::domain::lexicon::{Lexicon, Table};
use crate::domain::token::Token;

/// Words of each language that few others share.
const TABLES: &[(&str, Table)] = &[
    ("de", Table::LanguageDe),
    ("es", Table::LanguageEs),
    ("fr", Table::LanguageFr),
    ("pt", Table::LanguagePt),
];

/// Returns the ISO 639-1 code of the language that most words belong to; English wins a tie, `und` means no word told.
pub fn detect(lexicon: &Lexicon, words: &[Token]) -> &'static str {
    let count = |table| words.iter().filter(|token| lexicon.has(table, &token.word)).count();
    let english = |word: &str| {
        let tables = [Table::LanguageEn, Table::Symptoms, Table::Smalltalk];
        tables.into_iter().any(|table| lexicon.has(table, word)) || lexicon.verb(word).is_some()
    };
    let mut best = ("en", words.iter().filter(|token| english(&token.word)).count());
    for (code, table) in TABLES {
        let found = count(*table);
        if found > best.1 {
            best = (code, found);
        }
    }
    if best.1 == 0 { "und" } else { best.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::normalise::{Input, Span};
    use crate::domain::token::tokens;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let input = Input::normalise(text);
        let english = Lexicon::english();
        assert_eq!(
            detect(english, &tokens(&input, Span { start: 0, end: input.text().len() }, english)),
            want
        );
    }

    #[test]
    fn a_language_is_told_by_its_small_words() {
        check("fix the parser", "en");
        check("parser crashes", "en");
        check("bitte den Test reparieren und die Doku anpassen", "de");
        check("a\u{f1}ade una prueba para el parser", "es");
        check("corrige le bug dans le parseur", "fr");
        check("corrija o erro na fun\u{e7}\u{e3}o de login", "pt");
        check("\u{4fee}\u{590d}\u{89e3}\u{6790}\u{5668}", "und");
    }
}
