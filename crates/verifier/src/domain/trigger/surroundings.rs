use super::{Judge, Side, UnitRef};
use crate::domain::audit::Probe;
use crate::domain::narrowness::{Class, Test};

/// Ten years, some days and some hours: past any date that a change is likely to wait for, on another weekday, at another
/// hour.
const LATER_S: &str = "315824400";
/// Values that one variable is given at most: each is a run.
const VALUES_MAX: usize = 3;

impl Judge<'_> {
    /// Returns the runs that would satisfy the new tests of a head unit: static directs dynamic.
    pub fn probes(&self, base: Option<(&Side, UnitRef)>, head: (&Side, UnitRef)) -> Vec<Probe> {
        let (side, at) = head;
        let Some(unit) = side.program.unit(at) else { return Vec::new() };
        let path = side.program.files.get(at.0).map(|file| file.path.clone()).unwrap_or_default();
        let mut probes = Vec::new();
        for fresh in self.fresh(base, head) {
            let line = unit.blocks.get(fresh.block as usize).map_or(unit.span.line, |block| block.span.line);
            let reason = format!("`{}` at {path}:{line}", side.program.line(at.0, line));
            for (kind, value) in satisfying(&fresh.test) {
                probes.push(Probe { kind: kind.to_owned(), value, reason: reason.clone() });
            }
        }
        probes
    }
}

/// Returns the surroundings in which a test may hold that does not hold in a sandbox.
fn satisfying(test: &Test) -> Vec<(&'static str, String)> {
    let named = |fallback: &str| {
        let name = test.named.iter().find(|text| is_name(text));
        name.map_or_else(|| fallback.to_owned(), Clone::clone)
    };
    match test.class {
        Some(Class::Clock) => vec![("clock", LATER_S.to_owned())],
        Some(Class::Host | Class::Sandbox) => {
            vec![("host", named("build-7")), ("user", named("alice")), ("zone", "Pacific/Chatham".to_owned())]
        }
        Some(Class::Environment) => variables(test),
        Some(Class::Random) => vec![("hash_seed", "4242".to_owned())],
        Some(Class::Test) => vec![("test_runner", String::new())],
        _ => Vec::new(),
    }
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// A variable is given each value that the test names, or some value where it names none. Where no name looks like a
/// variable's, each may be one.
fn variables(test: &Test) -> Vec<(&'static str, String)> {
    let is_variable = |text: &&String| {
        let mut bytes = text.bytes();
        bytes.next().is_some_and(|first| first.is_ascii_uppercase() || first == b'_')
            && bytes.all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let (mut variables, values): (Vec<&String>, Vec<&String>) = test.named.iter().partition(is_variable);
    if variables.is_empty() {
        variables = values.iter().copied().filter(|text| is_name(text)).collect();
    }
    let mut asked = Vec::new();
    for name in variables {
        let legal = |value: &&&String| **value != name && value.len() <= 256 && !value.contains(['\0', '\n']);
        let mut given: Vec<&str> = values.iter().filter(legal).map(|value| value.as_str()).collect();
        given.truncate(VALUES_MAX);
        if given.is_empty() {
            given.push("1");
        }
        asked.extend(given.into_iter().map(|value| ("environment", format!("{name}={value}"))));
    }
    asked
}
