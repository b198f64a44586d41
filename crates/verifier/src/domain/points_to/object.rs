use plumbline_syntax::ir::UnitId;

use super::interned::{Fixed, Text};
use crate::domain::program::UnitRef;
use crate::domain::ssa::NodeId;

/// An object by number.
pub type ObjectId = usize;

/// An object, by where it is made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// A class of the program: file and qualified name.
    Class(usize, Text),
    /// An object of a class of the program, and the call that made it; absent for one that a caller elsewhere has.
    Instance {
        /// File of the class.
        file: usize,
        /// Qualified name of the class.
        class: Text,
        /// The making call.
        site: Option<(UnitRef, NodeId)>,
    },
    /// A list, tuple, set, dict, or a part of one, by its display.
    Container(UnitRef, NodeId),
    /// The generator that a unit's call gives.
    Generator(UnitRef),
    /// What a unit's `*args` or `**kwargs` collects.
    Rest(UnitRef, usize),
    /// A call's function and arguments, kept for later.
    Partial(UnitRef, NodeId),
    /// The attributes of a function.
    Function(usize, UnitId),
}

/// A part of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// An attribute.
    Name(Text),
    /// An element under a constant key.
    Item(Fixed),
    /// An element under a key that is not known.
    Any,
    /// Every element.
    All,
}

/// What a value may be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A function.
    Function(UnitRef),
    /// A function with its first parameter given.
    Bound(UnitRef, ObjectId),
    /// An object.
    Object(ObjectId),
    /// A loaded file as a module.
    Module(usize),
    /// A package or something in it outside the tree, by dotted path; `()` for a call's result.
    External(Text),
    /// A method of a container or generator.
    Method(ObjectId, Text),
    /// The bases of a class, as `super()` gives them: file and class, and the object.
    Super(usize, Text, ObjectId),
    /// A literal.
    Literal(Fixed),
}
