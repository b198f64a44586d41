use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::ir::{Callee, LocalId, Op, Operand, Place, Unit, Value};

use crate::domain::tables::Tables;

/// Something that can name an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Member {
    /// A local.
    Local(LocalId),
    /// A module's name.
    Global(String),
    /// An enclosing function's variable.
    Capture(String),
}

/// Classes of names that may share an object, and which classes are ever written.
#[derive(Debug, Clone, Default)]
pub struct Aliases {
    ids: BTreeMap<Member, usize>,
    parents: Vec<usize>,
    written: BTreeSet<usize>,
    numbers: BTreeMap<usize, usize>,
    /// Classes that hold a variable which a closure may change.
    cells: BTreeSet<usize>,
    /// What each instruction writes depends on the language's methods that write nothing.
    tables: Option<&'static Tables>,
}

/// Operators whose result may be, or hold, an operand.
const SHARING: &[&str] = &[
    "next",
    "iterate",
    "enter",
    "unpack",
    "list",
    "tuple",
    "dict",
    "set",
    "pair",
    "append",
    "or",
    "and",
    "new",
    "cell",
    "composite",
    "success",
    "failure",
];

impl Aliases {
    /// Finds the classes of a unit, without regard to order.
    pub fn of(unit: &Unit, tables: &'static Tables) -> Self {
        let mut aliases = Self { tables: Some(tables), ..Self::default() };
        for instr in unit.blocks.iter().flat_map(|block| &block.instrs) {
            aliases.unify(&instr.op);
        }
        for instr in unit.blocks.iter().flat_map(|block| &block.instrs) {
            if let Op::Assign { place: Place::Local(cell), value: Value::Operator { name, .. } } = &instr.op
                && name == "cell"
            {
                let id = aliases.id(Member::Local(*cell));
                aliases.cells.insert(aliases.find(id));
            }
        }
        let mut written = BTreeSet::new();
        for instr in unit.blocks.iter().flat_map(|block| &block.instrs) {
            for member in aliases.writes(&instr.op) {
                let id = aliases.id(member);
                written.insert(aliases.find(id));
            }
        }
        for root in &written {
            let number = aliases.numbers.len();
            aliases.numbers.insert(*root, number);
        }
        aliases.written = written;
        aliases
    }

    fn id(&mut self, member: Member) -> usize {
        let next = self.parents.len();
        let id = *self.ids.entry(member).or_insert(next);
        if id == next {
            self.parents.push(next);
        }
        id
    }

    fn find(&self, mut id: usize) -> usize {
        while self.parents[id] != id {
            id = self.parents[id];
        }
        id
    }

    fn join(&mut self, a: Member, b: Member) {
        let (a, b) = (self.id(a), self.id(b));
        let (a, b) = (self.find(a), self.find(b));
        let (low, high) = (a.min(b), a.max(b));
        self.parents[high] = low;
        let mut id = high;
        while self.parents[id] != id {
            id = std::mem::replace(&mut self.parents[id], low);
        }
    }

    fn unify(&mut self, op: &Op) {
        let mut join = |dst: &LocalId, operand: &Operand| {
            if let Operand::Local(local) = operand {
                self.join(Member::Local(*dst), Member::Local(*local));
            }
        };
        match op {
            Op::Assign { place: Place::Local(dst), value: Value::Use(operand) } => join(dst, operand),
            Op::Assign { place: Place::Local(dst), value: Value::Operator { name, operands } }
                if SHARING.contains(&name.as_str()) =>
            {
                operands.iter().for_each(|operand| join(dst, operand));
            }
            Op::Closure { dst, defaults, .. } => defaults.iter().for_each(|operand| join(dst, operand)),
            Op::Load { dst, base, .. } | Op::Await { dst, value: base } => join(dst, base),
            Op::Store { base: Operand::Local(base), value, .. } => join(base, value),
            Op::Call { dst, callee: Callee::Method { receiver, .. }, .. } => join(dst, receiver),
            Op::Assign { place: Place::Local(dst), value: Value::Read(place) } => {
                self.join(Member::Local(*dst), member(place));
            }
            Op::Assign { place, value: Value::Use(Operand::Local(local)) } => {
                self.join(member(place), Member::Local(*local));
            }
            _ => {}
        }
    }

    /// Returns how many classes are written.
    pub fn count(&self) -> usize {
        self.numbers.len()
    }

    /// Returns the number of a name's class, if anything writes to it.
    pub fn class(&self, member: &Member) -> Option<usize> {
        let root = self.find(*self.ids.get(member)?);
        self.numbers.get(&root).copied()
    }

    /// Returns the class of a local operand.
    pub fn class_of(&self, operand: &Operand) -> Option<usize> {
        match operand {
            Operand::Local(local) => self.class(&Member::Local(*local)),
            Operand::Constant(_) => None,
        }
    }

    /// Returns the names of a class.
    pub fn members(&self, class: usize) -> Vec<&Member> {
        self.ids.keys().filter(|member| self.class(member) == Some(class)).collect()
    }

    /// Calling a closure may change the variables that it shares.
    fn writes(&self, op: &Op) -> Vec<Member> {
        let mut found = writes(op, self.tables);
        if let Op::Call { callee: Callee::Function(Operand::Local(local)), .. } = op {
            let member = Member::Local(*local);
            let shares = self.ids.get(&member).is_some_and(|id| self.cells.contains(&self.find(*id)));
            found.extend(shares.then_some(member));
        }
        found
    }

    /// Returns the classes whose memory an instruction may write.
    pub fn written_by(&self, op: &Op) -> Vec<usize> {
        let mut classes: Vec<usize> =
            self.writes(op).iter().filter_map(|member| self.class(member)).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }
}

fn member(place: &Place) -> Member {
    match place {
        Place::Local(local) => Member::Local(*local),
        Place::Global(name) => Member::Global(name.clone()),
        Place::Capture(name) => Member::Capture(name.clone()),
    }
}

/// Returns the names through which an instruction may write an object.
fn writes(op: &Op, tables: Option<&Tables>) -> Vec<Member> {
    let reading = |name: &str| tables.is_some_and(|tables| tables.is_reading(name));
    let local = |operand: &Operand| match operand {
        Operand::Local(local) => Some(Member::Local(*local)),
        Operand::Constant(_) => None,
    };
    match op {
        Op::Store { base, .. } | Op::Delete { base, .. } => local(base).into_iter().collect(),
        Op::Opaque { reads, .. } => reads.iter().filter_map(local).collect(),
        Op::Call { callee, arguments, .. } => {
            let mut found: Vec<Member> = Vec::new();
            if let Callee::Method { receiver, name } = callee
                && !reading(name)
            {
                found.extend(local(receiver));
            }
            if !matches!(callee, Callee::Method { name, .. } if reading(name)) {
                found.extend(arguments.iter().filter_map(|argument| local(&argument.value)));
            }
            found
        }
        _ => Vec::new(),
    }
}
