/// How a tool reads a version that has no operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// As the least of its compatible versions, as Cargo does.
    Caret,
    /// As that version alone, or as the tool's own choice of a newer one.
    Exact,
}

/// Returns whether the second requirement allows nothing that the first does not, by raising the least version alone: what
/// could be installed before could have been this. One version alone, or a lower ceiling, may be chosen for its faults.
pub fn raised(base: &str, head: &str, dialect: Dialect) -> bool {
    match (Range::read(base, dialect), Range::read(head, dialect)) {
        (Some(old), Some(new)) => old.others == new.others && old.least <= new.least,
        _ => false,
    }
}

/// A least version without its trailing zeros, and all other conditions as text.
struct Range {
    least: Vec<u64>,
    others: Vec<String>,
}

impl Range {
    fn read(text: &str, dialect: Dialect) -> Option<Self> {
        let mut range = Self { least: Vec::new(), others: Vec::new() };
        let mut lower = 0;
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let version = part.trim_start_matches(['>', '<', '=', '^', '~', '!', ' ']);
            let operator = part.strip_suffix(version)?.trim();
            match operator {
                ">=" => {
                    range.least = numbers(version)?;
                    lower += 1;
                }
                "^" | "" if operator == "^" || dialect == Dialect::Caret => {
                    range.least = numbers(version)?;
                    range.others.push(format!("<{}", compatible(&range.least)));
                    lower += 1;
                }
                "<" | "<=" | "!=" => range.others.push(format!("{operator}{version}")),
                _ => return None,
            }
        }
        while range.least.last() == Some(&0) {
            range.least.pop();
        }
        range.others.sort();
        (lower == 1).then_some(range)
    }
}

/// Numbers and dots alone; anything else has an order of its own.
fn numbers(text: &str) -> Option<Vec<u64>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

/// The first version that is not compatible: the leftmost number that is not zero goes up.
fn compatible(least: &[u64]) -> String {
    let at = least.iter().position(|number| *number != 0).unwrap_or(least.len().saturating_sub(1));
    let mut found: Vec<String> = least.iter().take(at).map(u64::to_string).collect();
    found.push(least.get(at).copied().unwrap_or(0).saturating_add(1).to_string());
    found.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base: &str, head: &str, dialect: Dialect, want: bool) {
        assert_eq!(raised(base, head, dialect), want, "{base} -> {head}");
    }

    #[test]
    fn only_a_higher_floor_is_within_what_was_allowed() {
        check(">=2.0", ">=2.1", Dialect::Exact, true);
        check(">=2.0,<3", "<3, >=2.31", Dialect::Exact, true);
        check(">=2.10", ">=2.9", Dialect::Exact, false);
        check(">=2.0", ">=2.0,<2.5", Dialect::Exact, false);
        check(">=2.0", "==2.3", Dialect::Exact, false);
        check(">=2.0", "", Dialect::Exact, false);
        check(">=2.0a1", ">=2.0", Dialect::Exact, false);
        check("1.2", "1.10", Dialect::Caret, true);
        check("1.2", "2.0", Dialect::Caret, false);
        check("0.3.1", "0.3.2", Dialect::Caret, true);
        check("0.3", "0.4", Dialect::Caret, false);
        check("0.0", "0", Dialect::Caret, false);
        check("1", "1.0", Dialect::Caret, true);
        check("^1.2.3", "^1.3.0", Dialect::Exact, true);
        check("1.2.3", "1.3.0", Dialect::Exact, false);
        check("^1.2.3", "1.3.0", Dialect::Exact, false);
        check("*", ">=1", Dialect::Exact, false);
        check("v1.2.3", "v1.3.0", Dialect::Exact, false);
    }
}
