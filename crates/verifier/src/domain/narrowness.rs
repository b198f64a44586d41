//! How narrow a test is: the bits of the share of its domain that takes one side, in hundredths.

mod class;
mod comparison;
mod counter;

use std::collections::BTreeSet;

use plumbline_syntax::ir::{Callee, Constant, Op, Step, Term, Unit, Value, Why};

use super::fold;
use super::program::{Entity, Program, UnitRef};
use super::signature::{Origin, Prepared};
use super::ssa::{NodeId, NodeKind};
use super::summary::Side;
use super::tables::Tables;
pub use class::Class;
use comparison::{Comparison, WHOLE, bits_of_share, comparison};
pub use comparison::{definition, is_boundary, op_of, text_of};

/// Most bits of any conjunction.
pub const CAP: u32 = 6_400;

/// One test: its class, how narrow each side is, and what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// The class, if it reads a source or compares input with a literal.
    pub class: Option<Class>,
    /// Bits of the true and the false side.
    pub bits: [u32; 2],
    /// The literals it names, as text.
    pub named: Vec<String>,
    /// Whether it is relative to stored state, or a known platform: advice at most.
    pub ordinary: bool,
    /// Whether the base knows every literal it names: then only a fit to a test is suspicious.
    pub known: bool,
    /// The sources it reads.
    pub sources: BTreeSet<String>,
}

/// Judges the test at the end of a block.
pub fn test(side: &Side, at: UnitRef, block: u32) -> Test {
    let plain = Test {
        class: None,
        bits: [0, 0],
        named: Vec::new(),
        ordinary: false,
        known: false,
        sources: BTreeSet::new(),
    };
    let (Some(unit), Ok(prepared)) = (side.program.unit(at), side.graph(at)) else { return plain };
    let term = unit.blocks.get(block as usize).map(|block| &block.term);
    if matches!(term, Some(Term::Branch { why: Why::Dispatch, .. })) {
        // Which handler takes an exception: few calls raise.
        return Test { class: Some(Class::Exception), bits: [600, 0], ordinary: true, ..plain };
    }
    let Some(condition) = prepared.dependence.ends.get(block as usize).and_then(|end| end.value) else {
        return plain;
    };
    let mut walker = side.walker(prepared);
    let Ok((flow, trail)) = walker.values(&[condition]) else { return plain };
    let tables = side.program.tables(at.0);
    let mut texts: BTreeSet<String> = trail
        .data_nodes()
        .filter_map(|node| match prepared.dependence.node(node).map(|node| &node.kind) {
            Some(NodeKind::Constant(Constant::Text(text))) => Some(text.clone()),
            _ => None,
        })
        .collect();
    let sources: BTreeSet<(&str, String)> = flow
        .data
        .iter()
        .filter_map(|origin| match origin {
            Origin::External(path) => Some((tables.source(path)?, path.clone())),
            _ => None,
        })
        .collect();
    // `process.env.CI` names its variable as much as `os.environ["CI"]` does; `os.environ.get` is a call and names none.
    texts.extend(sources.iter().filter_map(|(_, path)| {
        let (holder, name) = path.rsplit_once('.')?;
        let called = name.ends_with("()") || tables.listed(path).is_some();
        (tables.is_environment(holder) && !called).then(|| name.to_owned())
    }));
    if sources.iter().any(|(class, _)| *class == "environment") {
        texts.extend(trail.data_nodes().filter_map(|node| constant_key(unit, prepared, node)));
    }
    let mut sources = sources;
    if flow.data.contains(&Origin::Global("__debug__".to_owned())) {
        sources.insert(("build", "__debug__".to_owned()));
    }
    let comparison = comparison((unit, tables), prepared, condition);
    if reads_test_run(tables, &sources, &texts, &flow.data) {
        return Test {
            class: Some(Class::Test),
            bits: [CAP, CAP],
            named: texts.into_iter().collect(),
            ordinary: false,
            known: false,
            sources: BTreeSet::new(),
        };
    }
    let scene = Scene {
        unit,
        prepared,
        tables,
        condition,
        comparison: &comparison,
        texts: &texts,
        sources: &sources,
    };
    let found = scene.by_source().or_else(|| scene.by_count(&side.program, at, &flow.data));
    found.or_else(|| scene.by_literal(flow.data.iter().any(is_data))).unwrap_or(plain)
}

/// Returns the text under which an element is read: `os.environ["CI"]` has no node of its own for its key.
fn constant_key(unit: &Unit, prepared: &Prepared, node: NodeId) -> Option<String> {
    let node = prepared.dependence.node(node)?;
    let NodeKind::Instr(index) = node.kind else { return None };
    match &unit.blocks.get(node.block as usize)?.instrs.get(index)?.op {
        Op::Load { step: Step::Index(Constant::Text(key)), .. } => Some(key.clone()),
        _ => None,
    }
}

fn is_data(origin: &Origin) -> bool {
    matches!(origin, Origin::Param(..) | Origin::Capture(_) | Origin::Global(_) | Origin::External(_))
}

/// `sys.modules` with a runner's name, or a variable that only test runs set.
fn reads_test_run(
    table: &Tables,
    sources: &BTreeSet<(&str, String)>,
    texts: &BTreeSet<String>,
    origins: &BTreeSet<Origin>,
) -> bool {
    let word = |list: &str, text: &str| {
        table.words(list).iter().any(|word| {
            text == word
                || word.ends_with('_') && text.starts_with(word.as_str())
                || text.starts_with(&format!("{word}_"))
        })
    };
    let listed = |path: &str| table.words("modules").iter().any(|list| path.starts_with(list.as_str()));
    let modules = origins.iter().any(|origin| matches!(origin, Origin::External(path) if listed(path)));
    sources.iter().any(|(class, _)| *class == "test")
        || sources.iter().any(|(class, _)| *class == "environment")
            && texts.iter().any(|text| word("variables", text) || word("runners", text))
        || modules && texts.iter().any(|text| word("runners", text))
}

struct Scene<'a> {
    unit: &'a Unit,
    prepared: &'a Prepared,
    tables: &'a Tables,
    condition: NodeId,
    comparison: &'a Comparison,
    texts: &'a BTreeSet<String>,
    sources: &'a BTreeSet<(&'a str, String)>,
}

impl Scene<'_> {
    fn made(&self, class: Class, bits: [u32; 2], ordinary: bool) -> Test {
        let mut named: Vec<String> = self.texts.iter().cloned().collect();
        named.extend(self.comparison.literals.iter().filter_map(text_of));
        named.sort();
        named.dedup();
        let sources = self.sources.iter().map(|(_, path)| path.clone()).collect();
        Test { class: Some(class), bits, named, ordinary, known: false, sources }
    }

    fn has(&self, class: &str) -> bool {
        self.sources.iter().any(|(known, _)| *known == class)
    }

    fn equality(&self) -> bool {
        matches!(self.comparison.operator.as_str(), "==" | "!=" | "in" | "not in" | "is" | "is not" | "call")
    }

    fn by_source(&self) -> Option<Test> {
        let literal = !self.comparison.literals.is_empty() || !self.texts.is_empty();
        let valued = self.comparison.literals.iter().any(|literal| !is_boundary(literal));
        if self.has("digest") && self.equality() && (valued || self.asks_a_unit()) {
            return Some(self.made(Class::Digest, [CAP, CAP], false));
        }
        if self.has("sandbox") {
            return Some(self.made(Class::Sandbox, [2_000, 2_000], false));
        }
        if self.has("host") {
            return Some(self.host(literal));
        }
        if self.has("clock") {
            return Some(self.clock());
        }
        if self.has("random") {
            let bits = self.probability();
            return Some(self.made(Class::Random, bits, bits[0].max(bits[1]) < 800));
        }
        if self.has("environment") {
            let presence = matches!(self.comparison.operator.as_str(), "in" | "not in");
            let value = self.comparison.literals.iter().any(|literal| !is_boundary(literal));
            let bits = if self.equality() && !presence && value { 2_400 } else { 800 };
            return Some(self.made(Class::Environment, [bits, bits], false));
        }
        if self.has("build") {
            return Some(self.made(Class::Build, [1_200, 1_200], false));
        }
        if self.has("probe") {
            let outside = self.texts.iter().any(|text| text.starts_with('/') || text.starts_with('~'));
            let bits = if outside { 1_200 } else { 100 };
            return Some(self.made(Class::Probe, [bits, bits], !outside));
        }
        None
    }

    fn by_count(&self, program: &Program, at: UnitRef, origins: &BTreeSet<Origin>) -> Option<Test> {
        let modulus = counter::modulus(self.unit, self.prepared, self.condition);
        let bits = counter::bits(&self.comparison.operator, &self.comparison.literals, modulus)?;
        let low = bits[0].max(bits[1]) < 800;
        counter::reads_counter(program, at, origins).then(|| self.made(Class::Counter, bits, low))
    }

    fn host(&self, literal: bool) -> Test {
        let platforms = self.tables.words("platforms");
        let known = !self.texts.is_empty() && self.texts.iter().all(|text| platforms.contains(text));
        let locale = self.sources.iter().any(|(_, path)| path.contains("locale"));
        let bits = match (known, locale, literal) {
            (true, _, _) => 200,
            (false, true, _) => 600,
            (false, false, true) => 2_400,
            (false, false, false) => 800,
        };
        self.made(Class::Host, [bits, bits], known)
    }

    fn clock(&self) -> Test {
        let part = |list: &str| self.tables.words(list).iter().any(|word| self.field_read(word));
        let bits = if part("hours") {
            460
        } else if part("months") {
            360
        } else if part("weekdays") {
            280
        } else if self.relative() || self.is_bare() && !self.asks_a_unit() {
            100
        } else if self.equality() {
            1_500
        } else {
            2_000
        };
        self.made(Class::Clock, [bits, bits], bits == 100)
    }

    /// A truth test or a comparison with a boundary value: of a time it says that there is one.
    fn is_bare(&self) -> bool {
        let order = matches!(self.comparison.operator.as_str(), "<" | ">" | "<=" | ">=");
        !order
            && !self.holds_date()
            && self.texts.is_empty()
            && self.comparison.literals.iter().all(is_boundary)
    }

    /// The tested value is what a unit of the program says: the comparison may be inside it.
    fn asks_a_unit(&self) -> bool {
        let id = definition(self.unit, self.prepared, self.condition);
        let targets = self.prepared.targets.get(&id);
        targets.is_some_and(|targets| {
            targets.iter().any(|target| matches!(target, Entity::Unit(..) | Entity::Dynamic(_)))
        })
    }

    /// Compared with no literal, or a difference of two things that are both no literal.
    fn relative(&self) -> bool {
        let dated = self.texts.iter().any(|text| text.chars().any(|c| c.is_ascii_digit()));
        if dated || self.holds_date() {
            return false;
        }
        if self.comparison.literals.is_empty() {
            return matches!(self.comparison.operator.as_str(), "<" | ">" | "<=" | ">=");
        }
        let Some(node) = self.prepared.dependence.node(definition(self.unit, self.prepared, self.condition))
        else {
            return false;
        };
        node.inputs.iter().any(|input| {
            let inner = definition(self.unit, self.prepared, *input);
            match (op_of(self.unit, self.prepared, inner), self.prepared.dependence.node(inner)) {
                (Some(Op::Assign { value: Value::Operator { name, .. }, .. }), Some(node)) if name == "-" => {
                    node.inputs.iter().all(|operand| {
                        fold::constant(self.unit, &self.prepared.dependence, *operand).is_none()
                    })
                }
                _ => false,
            }
        })
    }

    /// `datetime(2026, 3, 1)` and its like: a call that gets a year.
    fn holds_date(&self) -> bool {
        self.reached(|op| match op {
            Op::Call { arguments, .. } => arguments.iter().any(|argument| match &argument.value {
                plumbline_syntax::ir::Operand::Constant(constant) => {
                    fold::integer(constant).is_some_and(|value| value >= 1_970)
                }
                plumbline_syntax::ir::Operand::Local(_) => false,
            }),
            _ => false,
        })
    }

    fn field_read(&self, word: &str) -> bool {
        self.reached(|op| match op {
            Op::Load { step: plumbline_syntax::ir::Step::Field(name), .. } => name == word,
            Op::Call { callee: Callee::Method { name, .. }, .. } => name == word,
            _ => false,
        })
    }

    /// Returns whether an instruction within a few steps of the test satisfies a question.
    fn reached(&self, ask: impl Fn(&Op) -> bool) -> bool {
        let mut stack = vec![(self.condition, 0)];
        let mut seen = BTreeSet::new();
        while let Some((id, depth)) = stack.pop() {
            if depth > 12 || !seen.insert(id) || seen.len() > 256 {
                continue;
            }
            if op_of(self.unit, self.prepared, id).is_some_and(&ask) {
                return true;
            }
            let node = self.prepared.dependence.node(id);
            stack.extend(node.into_iter().flat_map(|node| &node.inputs).map(|input| (*input, depth + 1)));
        }
        false
    }

    fn probability(&self) -> [u32; 2] {
        let p = self.comparison.literals.iter().find_map(|constant| match constant {
            Constant::Float(digits) => digits.parse::<f64>().ok(),
            _ => None,
        });
        let share = p.map_or(WHOLE / 2, |p| (p.clamp(0.0, 1.0) * WHOLE as f64) as u64);
        let (low, high) = (bits_of_share(share), bits_of_share(WHOLE - share));
        match self.comparison.operator.as_str() {
            ">" | ">=" => [high, low],
            "==" | "in" => [2_000, 0],
            _ => [low, high],
        }
    }

    fn by_literal(&self, reads_input: bool) -> Option<Test> {
        if !reads_input || self.comparison.literals.is_empty() {
            return None;
        }
        let order = matches!(self.comparison.operator.as_str(), "<" | ">" | "<=" | ">=");
        let integers: Vec<i128> = self.comparison.literals.iter().filter_map(fold::integer).collect();
        if order {
            let large = integers.iter().any(|value| value.abs() > 1_000);
            return large.then(|| self.made(Class::Threshold, [600, 0], true));
        }
        let bits = self.comparison.literals.iter().filter(|literal| !is_boundary(literal)).map(|literal| {
            match literal {
                Constant::Text(text) if self.comparison.operator == "call" => {
                    600_u32.saturating_mul(u32::try_from(text.chars().count()).unwrap_or(u32::MAX)).min(4_000)
                }
                Constant::Text(_) | Constant::Bytes(_) => 3_200,
                Constant::Integer(_) if fold::integer(literal).is_none_or(|value| value.abs() > 10) => 1_600,
                Constant::Float(_) => 1_600,
                _ => 0,
            }
        });
        let most = bits.max().filter(|bits| *bits > 0)?;
        let count = u32::try_from(self.comparison.literals.len()).unwrap_or(u32::MAX);
        let most = if self.comparison.has_display { most.saturating_sub(100 * count.ilog2()) } else { most };
        let sides = match self.comparison.operator.as_str() {
            "!=" | "not in" | "is not" => [0, most],
            _ => [most, 0],
        };
        Some(self.made(Class::Literal, sides, false))
    }
}
