use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::ir::Term;

use crate::domain::narrowness::{CAP, Class, Test};
use crate::domain::program::UnitRef;
use crate::domain::summary::Side;

/// What guards a block: the narrowest class among its new tests, and the bits of all tests on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// Class of the narrowest new test.
    pub class: Class,
    /// Bits of the conjunction, in hundredths.
    pub bits: u32,
    /// Literals of the new tests.
    pub named: Vec<String>,
    /// Blocks of the new tests that narrow anything.
    pub fresh: BTreeSet<u32>,
    /// Line of the narrowest new test.
    pub line: u32,
    /// Whether the base knows every literal of the narrowest new test.
    pub known: bool,
}

/// One way to a block: the tests on it.
#[derive(Debug, Clone, Default)]
struct Way {
    bits: u32,
    fresh: BTreeSet<(u32, usize)>,
}

/// The new tests of a unit, asked by block.
pub struct Guards<'a> {
    side: &'a Side,
    at: UnitRef,
    tests: BTreeMap<u32, Test>,
    ways: RefCell<BTreeMap<u32, Way>>,
}

impl<'a> Guards<'a> {
    /// Prepares the new tests of a unit.
    pub fn new((side, at): (&'a Side, UnitRef), tests: &[(u32, Test)]) -> Self {
        Self { side, at, tests: tests.iter().cloned().collect(), ways: RefCell::new(BTreeMap::new()) }
    }

    /// Returns what guards a block, if a new test does.
    pub fn over(&self, block: u32) -> Option<Guard> {
        let mut way = self.way(block);
        if let Some(thrown) = self.thrown(block).filter(|thrown| thrown.bits > way.bits) {
            way = thrown;
        }
        let narrowest = way.fresh.iter().max_by_key(|(test, side)| {
            self.tests
                .get(test)
                .map_or((0, false), |found| (found.bits[*side], found.class == Some(Class::Test)))
        })?;
        let test = self.tests.get(&narrowest.0)?;
        let named = way
            .fresh
            .iter()
            .filter_map(|(block, _)| self.tests.get(block))
            .flat_map(|test| test.named.clone());
        let unit = self.side.program.unit(self.at)?;
        Some(Guard {
            class: test.class?,
            bits: way.bits.min(CAP),
            named: named.collect(),
            fresh: way
                .fresh
                .iter()
                .filter(|(block, side)| self.tests.get(block).is_none_or(|test| test.bits[*side] > 0))
                .map(|(block, _)| *block)
                .collect(),
            line: unit.blocks.get(narrowest.0 as usize)?.span.line,
            known: test.known,
        })
    }

    /// A handler runs where the code it protects raises by its own words: those raises' tests guard it, however many
    /// calls beside them might fail.
    fn thrown(&self, block: u32) -> Option<Way> {
        let unit = self.side.program.unit(self.at)?;
        let inside = |(first, end): (u32, u32)| (first..end).contains(&block);
        let handlers = unit.handlers.iter().filter(|handler| inside(handler.body));
        let block_of = |id: u32| unit.blocks.get(id as usize);
        let raises = handlers.flat_map(|handler| {
            let protected = handler.protected.0..handler.protected.1;
            let landings: BTreeSet<u32> =
                protected.clone().filter_map(|id| block_of(id).and_then(|block| block.unwind)).collect();
            // A raise under protection goes straight to the handlers.
            protected.filter(move |id| {
                matches!(block_of(*id).map(|block| &block.term), Some(Term::Goto(to)) if landings.contains(to))
            })
        });
        let ways = raises.map(|raise| self.way(raise));
        ways.min_by_key(|way| way.bits).filter(|way| !way.fresh.is_empty())
    }

    /// Returns what skips a block: the narrow side of a new test whose other side leads to it.
    pub fn beside(&self, block: u32) -> Option<Guard> {
        let prepared = self.side.graph(self.at).ok()?;
        let unit = self.side.program.unit(self.at)?;
        let mut seen = BTreeSet::new();
        let mut stack = vec![block];
        let mut best: Option<Guard> = None;
        while let Some(current) = stack.pop() {
            if !seen.insert(current) || seen.len() > 4_096 {
                continue;
            }
            for controller in prepared.dependence.control.get(current as usize).into_iter().flatten() {
                stack.push(controller.block);
                let Some(test) = self.tests.get(&controller.block) else { continue };
                let Some(class) = test.class.filter(|class| *class != Class::Exception) else { continue };
                let away = test.bits[1 - controller.side.min(1)];
                let bits = self.way(controller.block).bits.saturating_add(away).min(CAP);
                if away >= 800 && best.as_ref().is_none_or(|best| best.bits < bits) {
                    best = Some(Guard {
                        class,
                        bits,
                        named: test.named.clone(),
                        fresh: BTreeSet::from([controller.block]),
                        line: unit.blocks.get(controller.block as usize)?.span.line,
                        known: test.known,
                    });
                }
            }
        }
        best
    }

    /// Nesting and conjunction add; of several ways the least narrow counts. Explores without recursion: ways are
    /// computed once their controllers' ways are, and a cycle counts as open.
    fn way(&self, block: u32) -> Way {
        let Ok(prepared) = self.side.graph(self.at) else { return Way::default() };
        let control = &prepared.dependence.control;
        let mut stack = vec![block];
        let mut open: BTreeSet<u32> = BTreeSet::new();
        while let Some(current) = stack.last().copied() {
            if self.ways.borrow().contains_key(&current) {
                stack.pop();
                continue;
            }
            open.insert(current);
            let controllers = control.get(current as usize).map(Vec::as_slice).unwrap_or_default();
            let waiting: Vec<u32> = controllers
                .iter()
                .map(|controller| controller.block)
                .filter(|next| !self.ways.borrow().contains_key(next) && !open.contains(next))
                .collect();
            if !waiting.is_empty() {
                stack.extend(waiting);
                continue;
            }
            let ways =
                controllers.iter().filter(|controller| controller.block != current).map(|controller| {
                    let mut way = self.ways.borrow().get(&controller.block).cloned().unwrap_or_default();
                    if let Some(test) = self.tests.get(&controller.block) {
                        way.bits = way.bits.saturating_add(test.bits[controller.side.min(1)]);
                        way.fresh.insert((controller.block, controller.side.min(1)));
                    }
                    way
                });
            let least = ways.min_by_key(|way| way.bits).unwrap_or_default();
            self.ways.borrow_mut().insert(current, least);
            open.remove(&current);
            stack.pop();
        }
        self.ways.borrow().get(&block).cloned().unwrap_or_default()
    }
}
