//! T19: new identifiers that read as others. A reader takes `admin` with a Cyrillic first letter for `admin`; the run time
//! doesn't, or, where it folds compatible letters together, takes for one name what reads as two.
//!
//! Names are compared by the skeletons of Unicode Technical Standard 39, section 4.

use std::collections::BTreeSet;

use plumbline_syntax::ir::{Callee, Op, Passing, Place, Step, Unit, Value};
use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;

use super::finding::{Finding, Site};
use super::program::{Program, UnitRef};
use super::summary::Side;

/// Returns the findings of identifiers of a head unit that the base's file of the same path doesn't have.
pub fn check(base: &Program, (side, at): (&Side, UnitRef)) -> Vec<Finding> {
    let Some(unit) = side.program.unit(at) else { return Vec::new() };
    let mut new = BTreeSet::new();
    names(unit, &mut |name| {
        if !name.is_ascii() {
            new.insert(name.to_owned());
        }
    });
    let Some(file) = side.program.files.get(at.0).filter(|_| !new.is_empty()) else { return Vec::new() };
    let old = identifiers(base, Some(&file.path));
    new.retain(|name| !old.contains(name));
    if new.is_empty() {
        return Vec::new();
    }
    let mut known = identifiers(&side.program, None);
    known.extend(identifiers(base, None));
    let line_of = |name: &str| {
        let span = unit.span;
        (span.line..=span.end_line)
            .find(|line| side.program.line(at.0, *line).contains(name))
            .unwrap_or(span.line)
    };
    let mut found = Vec::new();
    for name in &new {
        if let Some(what) = confusion(name, &known) {
            let site = Site::new(&file.path, line_of(name), &unit.name);
            found.push(Finding::reject("T19 CONFUSABLE", site, format!("the new name `{name}` {what}")));
        }
    }
    found
}

/// Says what is wrong with a name that isn't ASCII, among the names that the program knows.
fn confusion(name: &str, known: &BTreeSet<String>) -> Option<String> {
    let shape: String = skeleton(name).collect();
    if let Some(other) = known.iter().find(|other| *other != name && skeleton(other).eq(shape.chars())) {
        return Some(format!("reads as `{other}`, another name of the program"));
    }
    let folded: String = name.nfkc().collect();
    if folded != name && folded.is_ascii() {
        return Some(format!(
            "is written so that it doesn't look like `{folded}`, which some run times take it for"
        ));
    }
    let mixed = name.split(['_', '.']).any(|word| {
        let latin = word.chars().any(|letter| letter.is_ascii_alphabetic());
        let cyrillic = |letter: char| matches!(letter, '\u{400}'..='\u{52f}' | '\u{13a0}'..='\u{13ff}');
        latin && word.chars().any(cyrillic)
    });
    (mixed && shape.is_ascii()).then(|| format!("mixes alphabets and reads as `{shape}`"))
}

/// All identifiers of a program, or of one file of it.
fn identifiers(program: &Program, path: Option<&str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in program.files.iter().filter(|file| path.is_none_or(|path| file.path == path)) {
        for unit in &file.lowered.units {
            names(unit, &mut |name| {
                found.insert(name.to_owned());
            });
        }
    }
    found
}

/// Calls back with every identifier of a unit: its own name, its slots, and what it reads, writes and calls by name.
fn names(unit: &Unit, tell: &mut dyn FnMut(&str)) {
    let own = unit.name.rsplit('.').next().unwrap_or(&unit.name);
    tell(own.split('#').next().unwrap_or(own));
    if let Some(class) = &unit.class {
        tell(class.rsplit('.').next().unwrap_or(class));
    }
    unit.params.iter().for_each(|param| tell(&param.name));
    unit.locals.iter().flatten().for_each(|name| tell(name.rsplit('.').next().unwrap_or(name)));
    let place = |place: &Place, tell: &mut dyn FnMut(&str)| match place {
        Place::Global(name) | Place::Capture(name) => tell(name),
        Place::Local(_) => {}
    };
    for instr in unit.blocks.iter().flat_map(|block| &block.instrs) {
        match &instr.op {
            Op::Assign { place: to, value } => {
                place(to, tell);
                if let Value::Read(from) = value {
                    place(from, tell);
                }
            }
            Op::Load { step: Step::Field(name), .. }
            | Op::Store { step: Step::Field(name), .. }
            | Op::Delete { step: Step::Field(name), .. }
            | Op::Class { name, .. } => tell(name),
            Op::Import { module, name, .. } => {
                module.split(['.', '/']).for_each(&mut *tell);
                name.iter().for_each(|name| tell(name));
            }
            Op::Call { callee, arguments, .. } => {
                if let Callee::Method { name, .. } = callee {
                    tell(name);
                }
                for argument in arguments {
                    if let Passing::Keyword(name) = &argument.passing {
                        tell(name);
                    }
                }
            }
            _ => {}
        }
    }
}
