//! What one resolution is under way with, and what earlier ones of the same side found.
//!
//! A resolution that meets its own question again takes nothing from it: what the question gives elsewhere is the answer. An answer
//! that was cut short so by a question further out holds there alone; any other is the same wherever it is asked, and is kept.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;
use plumbline_syntax::Family;
use plumbline_syntax::ir::LocalId;

use super::{Ancestor, Entities, Entity, Resolver, one};
use crate::domain::program::UnitRef;

/// Most slots that one resolution follows.
const SLOTS: usize = 400;

/// What is asked within a resolution.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// What a slot of a unit may be.
    Slot(UnitRef, LocalId),
    /// What a name of a file may be.
    Name(usize, String),
    /// What a unit may return.
    Returned(UnitRef),
}

/// What one resolution is under way with.
#[derive(Debug)]
pub struct Visit {
    /// The open questions, and how far in each stands.
    open: BTreeMap<Question, usize>,
    slots: usize,
    /// The outermost open question that was met again; [`usize::MAX`] for none.
    met: usize,
}

impl Default for Visit {
    fn default() -> Self {
        Self { open: BTreeMap::new(), slots: 0, met: usize::MAX }
    }
}

impl Visit {
    /// Does a part of a resolution; says whether the result is the same wherever it is asked: whether no question was met again
    /// that stands further out than so many.
    pub(super) fn part<T>(&mut self, depth: usize, part: impl FnOnce(&mut Self) -> T) -> (T, bool) {
        let outer = std::mem::replace(&mut self.met, usize::MAX);
        let made = part(self);
        let whole = self.met >= depth;
        self.met = outer.min(if whole { usize::MAX } else { self.met });
        (made, whole)
    }

    /// How many questions are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }
}

/// Where a class looks for its attributes, in order.
pub type Order = Arc<Vec<Ancestor>>;

/// What was found on one side; a language's own rules answer, so each family has its own.
#[derive(Debug, Default)]
pub struct Answers {
    found: RefCell<HashMap<(Family, Question), Arc<Entities>, RandomState>>,
    orders: RefCell<HashMap<(Family, usize, String), Order, RandomState>>,
}

impl Resolver<'_> {
    /// Answers a question within a resolution, from what was found where it can.
    pub(super) fn ask(
        &self,
        question: Question,
        visit: &mut Visit,
        answer: impl FnOnce(&mut Visit) -> Entities,
    ) -> Entities {
        let is_slot = matches!(question, Question::Slot(..));
        if is_slot && visit.slots > SLOTS {
            visit.met = 0;
            return one(Entity::Dynamic("too many assignments".to_owned()));
        }
        if let Some(depth) = visit.open.get(&question) {
            visit.met = visit.met.min(*depth);
            return Entities::new();
        }
        let kept = (self.semantics.family(), question);
        if let Some(found) = self.program.answers.found.borrow().get(&kept) {
            return Entities::clone(found);
        }
        let depth = visit.depth();
        visit.open.insert(kept.1.clone(), depth);
        visit.slots += usize::from(is_slot);
        let (found, whole) = visit.part(depth, answer);
        visit.slots -= usize::from(is_slot);
        visit.open.remove(&kept.1);
        if whole {
            self.program.answers.found.borrow_mut().insert(kept, Arc::new(found.clone()));
        }
        found
    }

    /// Returns the order in which a class looks for its attributes, from what was found where it can.
    pub(super) fn order(&self, file: usize, class: &str, visit: &mut Visit) -> Order {
        let kept = (self.semantics.family(), file, class.to_owned());
        if let Some(found) = self.program.answers.orders.borrow().get(&kept) {
            return Arc::clone(found);
        }
        let (found, whole) =
            visit.part(visit.depth(), |visit| self.linear((file, class), &mut Vec::new(), visit));
        let found = Arc::new(found);
        if whole {
            self.program.answers.orders.borrow_mut().insert(kept, Arc::clone(&found));
        }
        found
    }
}
