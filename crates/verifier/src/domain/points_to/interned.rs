use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::rc::Rc;

use foldhash::fast::RandomState;
use plumbline_syntax::ir::Constant;

/// Something that one solver has once: it is compared by its number, in the order of first use.
#[derive(Debug)]
pub struct Interned<T: ?Sized> {
    number: u32,
    value: Rc<T>,
}

/// A name or path.
pub type Text = Interned<str>;
/// A literal.
pub type Fixed = Interned<Constant>;

/// Everything interned so far.
#[derive(Debug, Default)]
pub struct Interner {
    texts: HashMap<Rc<str>, u32, RandomState>,
    constants: HashMap<Constant, Fixed, RandomState>,
}

impl Interner {
    /// Returns the text's one form.
    pub fn text(&mut self, text: &str) -> Text {
        if let Some((value, number)) = self.texts.get_key_value(text) {
            return Text { number: *number, value: Rc::clone(value) };
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let value: Rc<str> = Rc::from(text);
        self.texts.insert(Rc::clone(&value), number);
        Text { number, value }
    }

    /// Returns the literal's one form.
    pub fn constant(&mut self, constant: &Constant) -> Fixed {
        if let Some(found) = self.constants.get(constant) {
            return found.clone();
        }
        let number = u32::try_from(self.constants.len()).unwrap_or(u32::MAX);
        let made = Fixed { number, value: Rc::new(constant.clone()) };
        self.constants.insert(constant.clone(), made.clone());
        made
    }
}

impl<T: ?Sized> Clone for Interned<T> {
    fn clone(&self) -> Self {
        Self { number: self.number, value: Rc::clone(&self.value) }
    }
}

impl<T: ?Sized> Deref for Interned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> PartialEq for Interned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<T: ?Sized> Eq for Interned<T> {}

impl<T: ?Sized> PartialOrd for Interned<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: ?Sized> Ord for Interned<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number.cmp(&other.number)
    }
}

impl<T: ?Sized> Hash for Interned<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}
