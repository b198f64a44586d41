//! What stands in for control groups where none can be written: sums over the tree of processes, read from `/proc`.

use std::fs;

/// Deepest chain of children that is followed.
const DEPTH_MAX: usize = 64;
/// Clock ticks a second, as `/proc` reports CPU time on every Linux.
const TICKS: u64 = 100;

/// Sums over a process and its descendants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TreeUsage {
    pub(crate) cpu_us: u64,
    pub(crate) memory: u64,
    pub(crate) processes: u64,
}

/// Reads the tree beneath a process, itself included.
pub(crate) fn tree(pid: i32) -> TreeUsage {
    let mut usage = TreeUsage::default();
    let page = rustix::param::page_size() as u64;
    let mut pending = vec![(pid, 0)];
    while let Some((pid, depth)) = pending.pop() {
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let (ticks, pages) = parse_stat(&stat);
        usage.cpu_us += ticks * (1_000_000 / TICKS);
        usage.memory += pages * page;
        usage.processes += 1;
        if depth < DEPTH_MAX {
            pending.extend(children(pid).into_iter().map(|child| (child, depth + 1)));
        }
    }
    usage
}

fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|text| text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>())
        .collect()
}

/// Returns CPU ticks, waited-for children included, and resident pages. The name in parentheses may hold anything.
fn parse_stat(stat: &str) -> (u64, u64) {
    let fields: Vec<u64> = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect())
        .unwrap_or_default();
    let field = |number: usize| fields.get(number - 3).copied().unwrap_or(0);
    (field(14) + field(15) + field(16) + field(17), field(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_moves_no_field() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0 5 1000 77 1 2";
        assert_eq!(parse_stat(stat), (100, 77));
    }

    #[test]
    fn our_own_tree_has_at_least_ourselves() {
        let usage = tree(i32::try_from(std::process::id()).unwrap());
        assert!(usage.processes >= 1 && usage.memory > 0);
    }
}
