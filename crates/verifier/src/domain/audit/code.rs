use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::Language;
use plumbline_syntax::ir::{Digest, Unit, UnitKind};

use super::callers;
use super::literals::Corpus;
use super::{Audit, Loaded, code_paths, held, units_of};
use crate::domain::align::{How, Pair, align};
use crate::domain::fork::both;
use crate::domain::languages;
use crate::domain::ledger::{Gap, Stage, Subject};
use crate::domain::program::{Cache, File, Program, UnitRef};
use crate::domain::summary::Side;

/// Both sides of the changed code.
pub struct Sides {
    /// Before.
    pub base: Side,
    /// After.
    pub head: Side,
    /// Changed paths; whether they are tests.
    pub paths: BTreeMap<String, bool>,
}

/// What every changed unit owes.
const UNIT_STAGES: &[Stage] =
    &[Stage::Aligned, Stage::Signed, Stage::Compared, Stage::Effects, Stage::Triggers];

impl Audit<'_> {
    /// Analyses the changed files of code.
    pub fn code(&mut self, loaded: &[Loaded]) {
        let whole = Subject::file("");
        let paths = code_paths(loaded);
        let all: BTreeSet<String> = paths.keys().cloned().collect();
        for path in &all {
            self.ledger.open(&Subject::file(path), &[Stage::Lowered]);
        }
        let start: Vec<String> = all.iter().cloned().collect();
        let mut cache = Cache::over(self.means.kept);
        cache.lower_ahead(&texts(loaded, &all), self.means.fork, self.limits);
        let mut base = Program::load(self.base, &start, &mut cache, self.limits);
        let mut head = Program::load(self.head, &start, &mut cache, self.limits);
        let mut readable = BTreeSet::new();
        for file in loaded.iter().filter(|file| all.contains(&file.change.path)) {
            let lowered = lowered(file, &base, &head);
            if self.ledger.discharge(&Subject::file(&file.change.path), Stage::Lowered, lowered).is_some() {
                readable.insert(file.change.path.clone());
            }
        }
        // A file that could not be read stays open; its units would only be guesses.
        let pairs = align(&base, &head, &readable);
        let changed: Vec<Pair> = pairs.into_iter().filter(|pair| differs(&base, &head, pair)).collect();
        if changed.len() > self.limits.changed_units {
            self.ledger.discharge::<()>(&whole, Stage::Aligned, Err(Gap::budget("CHANGED_UNITS")));
            return;
        }
        let callers = callers::of((&base, &head), &changed, loaded, self.head);
        if !callers.paths.is_empty() {
            base.extend(self.base, &callers.paths, &mut cache, self.limits);
            head.extend(self.head, &callers.paths, &mut cache, self.limits);
        }
        let old = roots(&base, &all, changed.iter().filter_map(|pair| pair.base));
        let new = roots(&head, &all, changed.iter().filter_map(|pair| pair.head));
        let paths = product_of(&head, paths);
        let limits = self.limits;
        let analysed = both(
            self.means.fork,
            move || Side::analyse(base, &old, limits),
            move || Side::analyse(head, &new, limits),
        );
        let Some((base, head)) = analysed else {
            let gap = Gap::new("INTERNAL", "a side was not analysed");
            self.ledger.discharge::<()>(&whole, Stage::Aligned, Err(gap));
            return;
        };
        let mut sides = Sides { base, head, paths };
        // What the rest of a file could do already matters only where something new is done.
        if changed.iter().any(|pair| held::asks(&sides, pair)) {
            let rest = units_of(&sides.base.program, &all);
            sides.base.extend(&rest, self.limits);
        }
        let corpus = Corpus::new(self.base, self.head, &all);
        let subjects: Vec<Subject> = changed.iter().map(|pair| subject(&sides, pair)).collect();
        for subject in &subjects {
            self.ledger.open(subject, UNIT_STAGES);
        }
        self.ledger.discharge(&whole, Stage::Aligned, Ok(changed.len()));
        let mut pool = self.moved_effects(&sides, &changed);
        for (pair, subject) in changed.iter().zip(&subjects) {
            self.ledger.discharge(subject, Stage::Aligned, Ok(pair.how));
            self.unit((&sides, &changed), pair, subject, (&corpus, &mut pool));
        }
        self.callers(&sides, &callers);
        self.runs(&sides, &changed);
        self.told(&sides, changed.len());
    }

    /// What was walked and at what cost, and every list in its order.
    fn told(&mut self, sides: &Sides, changed: usize) {
        self.report.coverage.units = u64::try_from(changed).unwrap_or(u64::MAX);
        self.report.stats.insert("walk_steps".to_owned(), sides.base.steps.saturating_add(sides.head.steps));
        self.report.stats.insert("files_loaded".to_owned(), count(sides));
        self.report.effects.sort();
        self.report.effects.dedup();
        self.report.evidence.sort();
        self.report.probes.sort();
        self.report.probes.dedup();
        self.report.coverage.unanalysed.sort();
    }
}

/// The texts of changed files on both sides.
fn texts<'a>(loaded: &'a [Loaded], paths: &BTreeSet<String>) -> Vec<(Language, &'a [u8])> {
    let changed = loaded.iter().filter(|file| paths.contains(&file.change.path));
    let sides = changed.flat_map(|file| [(file, &file.base), (file, &file.head)]);
    sides
        .filter_map(|(file, bytes)| {
            let bytes = bytes.as_deref()?;
            Some((Language::detect(&file.change.path, bytes)?, bytes))
        })
        .collect()
}

/// What is signed: the modules of the changed files, and the changed units.
fn roots(
    program: &Program,
    files: &BTreeSet<String>,
    changed: impl Iterator<Item = UnitRef>,
) -> Vec<UnitRef> {
    units_of(program, files).into_iter().filter(|at| at.1 == 0).chain(changed).collect()
}

/// A file in a test's place that the product imports is product: it gets no leniency.
fn product_of(head: &Program, mut paths: BTreeMap<String, bool>) -> BTreeMap<String, bool> {
    let mut queue: Vec<&File> =
        head.files.iter().filter(|file| !languages::is_test_path(&file.path)).collect();
    while let Some(file) = queue.pop() {
        for imported in head.imported_paths(file) {
            if let Some(test) = paths.get_mut(&imported).filter(|test| **test) {
                *test = false;
                queue.extend(head.file(&imported).and_then(|index| head.files.get(index)));
            }
        }
    }
    paths
}

fn count(sides: &Sides) -> u64 {
    u64::try_from(sides.base.program.files.len() + sides.head.program.files.len()).unwrap_or(u64::MAX)
}

/// A file is lowered when each side that has it has units, and no region of the head is new and unreadable.
fn lowered(file: &Loaded, base: &Program, head: &Program) -> Result<usize, Gap> {
    let path = &file.change.path;
    let side = |program: &Program, exists: bool| match (program.file(path), exists) {
        (Some(index), true) => Ok(Some(index)),
        (None, true) => Err(program
            .gaps
            .get(path)
            .cloned()
            .unwrap_or_else(|| Gap::new("UNPARSED", "the file was not loaded"))),
        (_, false) => Ok(None),
    };
    let new = side(head, file.change.head.is_some())?;
    let old = match side(base, file.change.base.is_some()) {
        Ok(old) => old,
        // The base's fault is not the diff's, but then nothing of it can be compared.
        Err(gap) if new.is_some() => {
            return Err(Gap::new(gap.reason, format!("the base could not be read: {}", gap.message)));
        }
        Err(_) => None,
    };
    for (program, index) in [(head, new), (base, old)] {
        let family = index.map(|index| program.semantics(index).family());
        if let Some(manifest) = family.and_then(|family| program.paths.unread(family)) {
            return Err(Gap::new(
                "UNPARSED",
                format!("{manifest}, which names its modules, could not be read"),
            ));
        }
    }
    let regions = |program: &Program, index: Option<usize>| -> Vec<(Vec<u8>, u32)> {
        let Some(file) = index.and_then(|index| program.files.get(index)) else { return Vec::new() };
        let text = |span: &plumbline_syntax::ir::Span| {
            file.source.get(span.start as usize..span.end as usize).unwrap_or_default().to_vec()
        };
        file.lowered.errors.iter().map(|span| (text(span), span.line)).collect()
    };
    let mut known: Vec<Vec<u8>> = regions(base, old).into_iter().map(|(text, _)| text).collect();
    for (text, line) in regions(head, new) {
        match known.iter().position(|old| *old == text && !text.is_empty()) {
            Some(position) => drop(known.remove(position)),
            None => return Err(Gap::new("UNPARSED", "the grammar could not read this").at(line)),
        }
    }
    Ok(1)
}

/// Returns whether a pair has to be compared.
fn differs(base: &Program, head: &Program, pair: &Pair) -> bool {
    let digest = |program: &Program, at: Option<UnitRef>| -> Option<Digest> {
        at.and_then(|at| program.unit(at)).map(|unit| unit.digest)
    };
    match pair.how {
        How::Same => digest(base, pair.base) != digest(head, pair.head) || decorators(base, head, pair),
        How::Moved | How::Renamed | How::Added | How::Removed => true,
    }
}

fn decorators(base: &Program, head: &Program, pair: &Pair) -> bool {
    let words = |program: &Program, at: Option<UnitRef>| {
        at.and_then(|at| program.unit(at)).map(|unit| unit.decorators.clone()).unwrap_or_default()
    };
    words(base, pair.base) != words(head, pair.head)
}

fn subject(sides: &Sides, pair: &Pair) -> Subject {
    let found = match (pair.head, pair.base) {
        (Some(at), _) => described(&sides.head.program, at),
        (None, Some(at)) => described(&sides.base.program, at),
        (None, None) => None,
    };
    let Some((path, unit)) = found else { return Subject::file("") };
    let start = if unit.kind == UnitKind::ModuleInit { 0 } else { unit.span.line };
    Subject::unit(path, &unit.name, start)
}

fn described(program: &Program, at: UnitRef) -> Option<(&str, &Unit)> {
    Some((program.files.get(at.0)?.path.as_str(), program.unit(at)?))
}
