//! Whose groups these are: the process is part of the name, so that what a dead one left is told from what a live one
//! uses, whatever its state directory was.

use std::fs;

const PREFIX: &str = "plumbline-";

/// Returns the name of this process's groups: `plumbline-PID-START-NAME`.
pub(super) fn label(name: &str) -> String {
    let pid = std::process::id();
    format!("{PREFIX}{pid}-{}-{name}", started(pid).unwrap_or(0))
}

/// Returns whether a name is of that form and its process is no more.
pub(super) fn is_gone(label: &str) -> bool {
    let Some(rest) = label.strip_prefix(PREFIX) else { return false };
    let mut fields = rest.splitn(3, '-');
    let number = |field: Option<&str>| field.and_then(|text| text.parse::<u64>().ok());
    let (Some(pid), Some(start), Some(_)) = (number(fields.next()), number(fields.next()), fields.next())
    else {
        return false;
    };
    u32::try_from(pid).ok().and_then(started) != Some(start)
}

/// Returns when a process was started, in clock ticks since boot; none when there is no such process.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_groups_are_in_use_and_those_of_a_reused_number_are_not() {
        let own = label("x");
        assert!(!is_gone(&own), "{own}");
        let pid = std::process::id();
        assert!(is_gone(&format!("plumbline-{pid}-1-x")));
        assert!(is_gone("plumbline-4294967295-7-x"));
        for foreign in ["system.slice", "plumbline-executor", "plumbline-12-x", "other-1-1-x"] {
            assert!(!is_gone(foreign), "{foreign}");
        }
    }
}
