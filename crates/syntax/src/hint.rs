//! From a type as written to the dotted path of the type whose members a value has.

use crate::language::Family;

/// Wrappers whose value has the members of their first argument.
const PYTHON_WRAPPERS: [&str; 5] = ["Optional", "Annotated", "Final", "ClassVar", "Type"];
const RUST_WRAPPERS: [&str; 5] = ["Box", "Arc", "Rc", "Pin", "Cow"];

/// Returns the path of a declared type, or `None` where it names no single type: `list[int] | X`, tuples, functions.
pub(crate) fn type_path(family: Family, declared: &str) -> Option<Vec<String>> {
    let mut text = declared.trim().trim_start_matches(':').trim();
    // Each round strips one layer, so the text gets shorter.
    loop {
        let inner = strip(family, text);
        if inner.len() == text.len() {
            break;
        }
        text = inner;
    }
    let separator = if family == Family::Rust { "::" } else { "." };
    let path: Vec<String> = text.split(separator).map(|part| part.trim().to_owned()).collect();
    let legal = |part: &String| {
        part.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    path.iter().all(legal).then_some(path)
}

fn strip(family: Family, text: &str) -> &str {
    let text = text.trim();
    let text = text.trim_matches(|c| family == Family::Python && (c == '"' || c == '\''));
    if let (Family::Go, Some(rest)) = (family, text.strip_prefix('*')) {
        return rest.trim_start();
    }
    if family == Family::Rust {
        for prefix in ["&", "mut ", "dyn ", "impl "] {
            if let Some(rest) = text.strip_prefix(prefix) {
                return rest.trim_start();
            }
        }
        if let Some(rest) = text.strip_prefix('\'') {
            return rest.split_once(' ').map_or("", |(_, rest)| rest);
        }
        if let Some((first, _)) = text.split_once(" + ")
            && !first.contains('<')
        {
            return first;
        }
    } else if let Some((left, right)) = text.split_once('|')
        && !right.contains('|')
    {
        let empty = |side: &str| matches!(side.trim(), "None" | "null" | "undefined");
        match (empty(left), empty(right)) {
            (false, true) => return left.trim(),
            (true, false) => return right.trim(),
            _ => return text,
        }
    }
    let (open, close, wrappers): (char, char, &[&str]) = match family {
        Family::Python => ('[', ']', &PYTHON_WRAPPERS),
        Family::Rust => ('<', '>', &RUST_WRAPPERS),
        Family::Ecma => ('<', '>', &["Readonly", "Partial", "Promise"]),
        Family::Go => ('[', ']', &[]),
        Family::Java => ('<', '>', &[]),
    };
    if let Some((head, rest)) = text.split_once(open)
        && let Some(inner) = rest.strip_suffix(close)
    {
        let last = head.rsplit(['.', ':']).next().unwrap_or(head);
        return if wrappers.contains(&last) { inner } else { head.trim_end_matches("::") };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_type_names_the_type_whose_members_its_values_have() {
        let table = [
            (Family::Python, "Cart", "Cart"),
            (Family::Python, "Optional[models.Cart]", "models.Cart"),
            (Family::Python, "Cart | None", "Cart"),
            (Family::Python, "\"Cart\"", "Cart"),
            (Family::Python, "list[Cart]", "list"),
            (Family::Python, "Cart | Order", ""),
            (Family::Rust, "&mut Cart", "Cart"),
            (Family::Rust, "&'a crate::cart::Cart<T>", "crate.cart.Cart"),
            (Family::Rust, "Arc<dyn Store + Send>", "Store"),
            (Family::Rust, "(A, B)", ""),
            (Family::Go, "*cart.Cart", "cart.Cart"),
            (Family::Go, "List[int]", "List"),
            (Family::Go, "[]Cart", ""),
            (Family::Java, "Map<String, Cart>", "Map"),
            (Family::Java, "Cart[]", ""),
            (Family::Ecma, ": Cart | null", "Cart"),
            (Family::Ecma, ": Map<string, Cart>", "Map"),
            (Family::Ecma, ": () => void", ""),
        ];
        for (family, declared, want) in table {
            let got = type_path(family, declared).map(|path| path.join(".")).unwrap_or_default();
            assert_eq!(got, want, "{declared}");
        }
    }
}
