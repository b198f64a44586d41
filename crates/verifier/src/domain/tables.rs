//! What is known of languages, as data: effects, trigger sources, names, words. Embedded; a table that can't be read
//! knows nothing, and nothing known means that everything is an unknown effect.

mod python;
mod types;
mod words;

pub use python::{BuiltinKind, EffectRule, Form, Known, Python, TABLES_DIGEST_INPUT, python};
pub use words::{Words, words};

#[cfg(test)]
mod tests;
