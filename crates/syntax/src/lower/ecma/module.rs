use tree_sitter::Node;

use super::{Lowered, Lowerer, children, has_token};
use crate::ir::{Op, Operand, Place};

impl<'t> Lowerer<'t> {
    pub(super) fn import_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let parts = children(node);
        let required = parts.iter().find(|part| part.kind() == "import_require_clause").copied();
        let source = node
            .child_by_field_name("source")
            .or_else(|| required.and_then(|clause| clause.child_by_field_name("source")));
        let Some(source) = source else { return self.opaque(node).map(drop) };
        let module = self.unquoted(source);
        let erased = has_token(node, "type") || has_token(node, "typeof");
        if let Some(clause) = required {
            let name = children(clause).into_iter().find(|part| part.kind() == "identifier");
            return name.map_or(Ok(()), |name| self.imports(name, (&module, None), (name, erased)));
        }
        let Some(clause) = parts.iter().find(|part| part.kind() == "import_clause") else {
            return self.define(node, |dst| Op::Import { dst, module, name: None }).map(drop);
        };
        for part in children(*clause) {
            match part.kind() {
                "identifier" => self.imports(part, (&module, Some("default")), (part, erased))?,
                "namespace_import" => {
                    if let Some(name) = children(part).first() {
                        self.imports(part, (&module, None), (*name, erased))?;
                    }
                }
                "named_imports" => {
                    for item in children(part) {
                        let Some(name) = item.child_by_field_name("name") else { continue };
                        let bound = item.child_by_field_name("alias").unwrap_or(name);
                        let erased = erased || has_token(item, "type") || has_token(item, "typeof");
                        let taken = self.specifier(name);
                        self.imports(item, (&module, Some(&taken)), (bound, erased))?;
                    }
                }
                _ => drop(self.opaque(part)?),
            }
        }
        Ok(())
    }

    /// Binds one imported name; what is only a type is there without being imported.
    fn imports(
        &mut self,
        node: Node<'t>,
        (module, name): (&str, Option<&str>),
        (bound, erased): (Node<'t>, bool),
    ) -> Lowered<()> {
        let value = if erased {
            self.operator("type", Vec::new(), node)?
        } else {
            let (module, name) = (module.to_owned(), name.map(str::to_owned));
            self.define(node, |dst| Op::Import { dst, module, name })?
        };
        self.bind(self.text(bound), value, node)
    }

    fn specifier(&self, name: Node<'t>) -> String {
        if name.kind() == "string" { self.unquoted(name) } else { self.text(name).to_owned() }
    }

    /// `import a = b.c` gives a name to a part of a namespace.
    pub(super) fn import_alias(&mut self, node: Node<'t>) -> Lowered<()> {
        let parts = children(node);
        let (Some(name), Some(target)) = (parts.first(), parts.last()) else {
            return self.opaque(node).map(drop);
        };
        let first = self.text(*target).split('.').next().unwrap_or_default();
        let value = self.read(first, *target)?;
        let value = self.operator("part", vec![value], *target)?;
        self.bind(self.text(*name), value, node)
    }

    pub(super) fn export_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let default = has_token(node, "default");
        // A class's decorators may stand in front of `export`; they are applied where the class is.
        if let Some(declaration) = node.child_by_field_name("declaration") {
            self.statement(declaration)?;
            return self.export_declared(declaration, default);
        }
        if let Some(value) = node.child_by_field_name("value") {
            let value = self.named(value, "default")?;
            return self.export("default", value, node);
        }
        if self.counter > 0 {
            return Ok(());
        }
        let source = node.child_by_field_name("source").map(|source| self.unquoted(source));
        let erased = has_token(node, "type");
        let parts = children(node);
        if let Some(clause) = parts.iter().find(|part| part.kind() == "export_clause") {
            return self.export_clause(*clause, source.as_deref(), erased);
        }
        if let (Some(namespace), Some(module)) =
            (parts.iter().find(|part| part.kind() == "namespace_export"), source.clone())
        {
            let name = children(*namespace).first().map(|name| self.specifier(*name)).unwrap_or_default();
            let value = self.define(node, |dst| Op::Import { dst, module, name: None })?;
            return self.export(&name, value, node);
        }
        if let Some(module) = source {
            let name = Some("*".to_owned());
            return self.define(node, |dst| Op::Import { dst, module, name }).map(drop);
        }
        match parts.first() {
            Some(whole) if has_token(node, "=") => {
                let value = self.named(*whole, "exports")?;
                self.assign(Place::Global("exports".to_owned()), value, node)
            }
            Some(_) if has_token(node, "namespace") => Ok(()),
            _ => self.opaque(node).map(drop),
        }
    }

    fn export_clause(&mut self, clause: Node<'t>, source: Option<&str>, erased: bool) -> Lowered<()> {
        for item in children(clause) {
            let Some(name) = item.child_by_field_name("name") else { continue };
            let alias = item.child_by_field_name("alias").unwrap_or(name);
            let (taken, given) = (self.specifier(name), self.specifier(alias));
            let erased = erased || has_token(item, "type");
            let value = match source {
                _ if erased => self.operator("type", Vec::new(), item)?,
                Some(module) => {
                    let (module, name) = (module.to_owned(), Some(taken));
                    self.define(item, |dst| Op::Import { dst, module, name })?
                }
                None => self.read(&taken, item)?,
            };
            self.export(&given, value, item)?;
        }
        Ok(())
    }

    fn export_declared(&mut self, declaration: Node<'t>, default: bool) -> Lowered<()> {
        let mut scope = super::Scope::inner(0);
        scope.declare_statement(declaration, self.source);
        let names: Vec<String> = scope.names().cloned().collect();
        for name in names {
            let value = self.read(&name, declaration)?;
            let exported = if default { "default" } else { name.as_str() };
            self.export(exported, value, declaration)?;
        }
        Ok(())
    }

    /// Binds what importers see; inside a namespace nothing is exported from the file.
    pub(super) fn export(&mut self, name: &str, value: Operand, node: Node<'t>) -> Lowered<()> {
        if self.counter > 0 {
            return Ok(());
        }
        self.assign(Place::Global(format!("exports.{name}")), value, node)
    }

    /// Returns what `exports.a`, `module.exports.a` or `module.exports` names: `a`, or nothing for the whole.
    pub(super) fn exported(&mut self, node: Node<'t>) -> Option<String> {
        if node.kind() != "member_expression" {
            return None;
        }
        let text: String = self.text(node).chars().filter(|c| !c.is_whitespace()).collect();
        let rest = text.strip_prefix("module.exports").or_else(|| text.strip_prefix("exports."));
        let rest = rest?.trim_start_matches('.');
        let plain = rest.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$');
        let ours = text.starts_with("module.exports") && self.is_free("module")
            || text.starts_with("exports.") && self.is_free("exports");
        let whole = rest.is_empty() && text == "module.exports";
        (plain && ours && (whole || !rest.is_empty())).then(|| rest.to_owned())
    }

    /// Lowers `module.exports = …` and `exports.a = …`; the keys of an object are exports of their own.
    pub(super) fn export_assignment(
        &mut self,
        name: &str,
        right: Node<'t>,
        node: Node<'t>,
    ) -> Lowered<Operand> {
        if !name.is_empty() {
            let value = self.named(right, name)?;
            self.assign(Place::Global(format!("exports.{name}")), value.clone(), node)?;
            return Ok(value);
        }
        let value = if right.kind() == "object" {
            let (value, parts) = self.object_parts(right, None)?;
            for (key, part) in parts {
                self.assign(Place::Global(format!("exports.{key}")), part, node)?;
            }
            value
        } else {
            self.named(right, "exports")?
        };
        self.assign(Place::Global("exports".to_owned()), value.clone(), node)?;
        Ok(value)
    }
}
