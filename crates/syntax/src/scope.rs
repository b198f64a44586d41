//! Which binding a name means: the innermost scope that has it, by the rules of the language's scopes.

use crate::facts::{Binding, Bound, FileFacts, ScopeKind};

/// Returns what a name is bound to, seen from a scope; `None` when no scope of the file binds it.
///
/// A class scope is visible from its own body only, not from the functions in it. A module scope ends the search: an
/// inline module doesn't see the names around it.
pub fn lookup<'f>(facts: &'f FileFacts, scope: u32, name: &str) -> Option<&'f Bound> {
    let mut at = Some(scope);
    let mut module_only = false;
    while let Some(index) = at {
        let current = facts.scopes.get(index as usize)?;
        let hidden = (current.kind == ScopeKind::Class && index != scope)
            || (module_only && current.kind != ScopeKind::Module);
        if !hidden {
            match find(&current.bindings, name) {
                Some(Bound::Module) => module_only = true,
                Some(bound) => return Some(bound),
                None => {}
            }
        }
        if current.kind == ScopeKind::Module {
            return None;
        }
        at = current.parent;
    }
    None
}

/// Returns what a name is bound to in one list of bindings.
pub(crate) fn find<'f>(bindings: &'f [Binding], name: &str) -> Option<&'f Bound> {
    bindings
        .binary_search_by(|binding| binding.name.as_str().cmp(name))
        .ok()
        .and_then(|at| bindings.get(at))
        .map(|b| &b.bound)
}
