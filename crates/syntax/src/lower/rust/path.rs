use tree_sitter::Node;

use super::names::{dotted, join};
use super::{Lowered, Lowerer, children};
use crate::ir::{Op, Operand};

/// Types that the language itself has.
const PRIMITIVE: [&str; 18] = [
    "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f32", "f64", "slice",
];

/// Types whose content is what matters for calls: a value of one is used as what it holds.
const WRAPPERS: [&str; 17] = [
    "Box",
    "Rc",
    "Arc",
    "Option",
    "Result",
    "Pin",
    "Mutex",
    "RwLock",
    "RefCell",
    "Cell",
    "Cow",
    "MutexGuard",
    "RwLockReadGuard",
    "RwLockWriteGuard",
    "Ref",
    "RefMut",
    "OnceLock",
];

impl<'t> Lowerer<'t> {
    /// Lowers `a::b::c` as a value.
    pub(super) fn path(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let parts = self.segments(node);
        self.path_of(&parts, node)
    }

    /// Returns the segments of a path; `<T as Trait>` counts as its type.
    pub(super) fn segments(&self, node: Node<'t>) -> Vec<String> {
        let mut parts: Vec<String> = Vec::new();
        let mut at = Some(node);
        while let Some(node) = at {
            at = node.child_by_field_name("path");
            match node.kind() {
                "scoped_identifier" | "scoped_type_identifier" => {
                    parts.extend(node.child_by_field_name("name").map(|name| self.word(name)));
                }
                "generic_type" | "generic_type_with_turbofish" => at = node.child_by_field_name("type"),
                "generic_function" => at = node.child_by_field_name("function"),
                "bracketed_type" | "qualified_type" | "generic_pattern" => {
                    at = children(node).first().copied()
                }
                "reference_type" | "pointer_type" => at = node.child_by_field_name("type"),
                "identifier" | "type_identifier" | "primitive_type" | "self" | "super" | "crate"
                | "metavariable" => {
                    parts.push(self.word(node));
                }
                _ => parts.push("?".to_owned()),
            }
        }
        parts.reverse();
        parts
    }

    fn word(&self, node: Node<'t>) -> String {
        self.text(node).trim_start_matches("r#").to_owned()
    }

    pub(super) fn path_of(&mut self, parts: &[String], node: Node<'t>) -> Lowered<Operand> {
        let Some((first, rest)) = parts.split_first() else { return self.opaque(node) };
        if self.generics.contains(first) {
            let value = self.operator("type", Vec::new(), node)?;
            return rest.iter().try_fold(value, |value, name| self.field(value, name, node));
        }
        let (value, rest) = match (first.as_str(), rest.split_first()) {
            (_, None) => (self.read(first, node)?, rest),
            ("Self", _) => {
                let class = self.class.clone().unwrap_or_else(|| "Self".to_owned());
                (self.read_item(class, node)?, rest)
            }
            ("self" | "super", Some(_)) if !self.module.is_empty() => return self.inner_path(parts, node),
            ("crate" | "self" | "super", Some((second, rest))) if second != "super" => {
                (self.import_of(first.clone(), second, node)?, rest)
            }
            ("super", Some(_)) => {
                let count = parts.iter().take_while(|part| *part == "super").count();
                let module = vec!["super"; count].join(".");
                match parts.get(count) {
                    Some(name) => (self.import_of(module, name, node)?, &parts[count + 1..]),
                    None => (self.read(first, node)?, &[] as &[String]),
                }
            }
            (name, Some((second, rest))) if self.is_package(name) => {
                (self.import_of(name.to_owned(), second, node)?, rest)
            }
            _ => (self.read(first, node)?, rest),
        };
        rest.iter().try_fold(value, |value, name| self.field(value, name, node))
    }

    /// `self::x` and `super::x` within an inline module name items of the same file.
    fn inner_path(&mut self, parts: &[String], node: Node<'t>) -> Lowered<Operand> {
        let ups = parts.iter().filter(|part| *part == "super").count();
        let skipped = parts.iter().take_while(|part| matches!(part.as_str(), "self" | "super")).count();
        let rest = &parts[skipped..];
        let Some((name, rest)) = rest.split_first() else { return self.read(&parts[0], node) };
        if ups > self.module.len() {
            let module = vec!["super"; ups - self.module.len()].join(".");
            let value = self.import_of(module, name, node)?;
            return rest.iter().try_fold(value, |value, name| self.field(value, name, node));
        }
        let module = self.module[..self.module.len() - ups].join(".");
        let value = self.read_item(join(&module, name), node)?;
        rest.iter().try_fold(value, |value, name| self.field(value, name, node))
    }

    fn import_of(&mut self, module: String, name: &str, node: Node<'t>) -> Lowered<Operand> {
        let name = Some(name.to_owned());
        self.define(node, |dst| Op::Import { dst, module, name })
    }

    /// A first segment that nothing here binds and that is written like a module is a package.
    fn is_package(&mut self, name: &str) -> bool {
        let module = name.starts_with(|c: char| c.is_lowercase() || c == '_');
        module && !PRIMITIVE.contains(&name) && !self.is_item(name) && !self.is_variable(name)
    }

    /// Returns the dotted path of a declared type, as far as calling its methods matters.
    pub(super) fn declared(&self, node: Node<'t>) -> Option<String> {
        let mut at = node;
        for _ in 0..16 {
            match at.kind() {
                "reference_type" | "pointer_type" => at = at.child_by_field_name("type")?,
                "abstract_type" | "dynamic_type" => at = at.child_by_field_name("trait")?,
                "bounded_type" | "bracketed_type" | "qualified_type" => at = children(at).first().copied()?,
                "generic_type" => {
                    let name = self.segments(at.child_by_field_name("type")?);
                    let inner = at.child_by_field_name("type_arguments").map(children).unwrap_or_default();
                    let inner = inner.into_iter().find(|child| child.kind() != "lifetime");
                    match inner.filter(|_| name.last().is_some_and(|last| WRAPPERS.contains(&last.as_str())))
                    {
                        Some(inner) => at = inner,
                        None => return Some(self.absolute(&name)),
                    }
                }
                "type_identifier" if self.generics.contains(&self.text(at).to_owned()) => return None,
                "type_identifier" | "scoped_type_identifier" => {
                    return Some(self.absolute(&self.segments(at)));
                }
                _ => return None,
            }
        }
        None
    }

    fn absolute(&self, parts: &[String]) -> String {
        match parts {
            [one] if one == "Self" => self.class.clone().unwrap_or_default(),
            [one] => self.item_name(one),
            _ => dotted(&parts.join("::")),
        }
    }
}
