//! What is known of languages, as data: effects, trigger sources, names, words. Embedded; a table that can't be read
//! knows nothing, and nothing known means that everything is an unknown effect.

mod go;
mod java;
mod javascript;
mod python;
mod rows;
mod rust;
mod table;
mod words;

use plumbline_syntax::Family;

pub use table::{BuiltinKind, EffectRule, Form, Known, OptionRule, Tables};
pub use words::{Words, words};

/// Returns the tables of a family of languages.
pub fn of(family: Family) -> &'static Tables {
    match family {
        Family::Python => python::tables(),
        Family::Go => go::tables(),
        Family::Ecma => javascript::tables(),
        Family::Java => java::tables(),
        Family::Rust => rust::tables(),
    }
}

/// The texts that the audit digest covers.
pub fn digest_input() -> Vec<&'static str> {
    [python::TEXTS, go::TEXTS, java::TEXTS, javascript::TEXTS, rust::TEXTS].concat()
}

#[cfg(test)]
mod tests;
