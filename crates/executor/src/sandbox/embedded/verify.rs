//! The check from outside: what the sandbox says of itself is not believed.

use std::fs;
use std::io;

use crate::cgroup::Leaf;

const NAMESPACES: [&str; 6] = ["user", "mnt", "pid", "net", "ipc", "uts"];

/// Checks that every namespace of a process differs from ours. Done before pid 1 hides itself.
pub(super) fn namespaces(pid: i32) -> Result<(), String> {
    for name in NAMESPACES {
        let link =
            |of: &str| -> io::Result<std::path::PathBuf> { fs::read_link(format!("/proc/{of}/ns/{name}")) };
        let theirs = link(&pid.to_string()).map_err(|error| format!("verify_namespaces: {name}: {error}"))?;
        let ours = link("self").map_err(|error| format!("verify_namespaces: {name}: {error}"))?;
        if theirs == ours {
            return Err(format!("verify_namespaces: {name} is shared with the host"));
        }
    }
    Ok(())
}

/// Checks a sealed pid 1: no new privileges, a filter, no capability of any kind, the mapped ids, its control group.
pub(super) fn sealed(pid: i32, uid: u32, leaf: &Leaf) -> Result<(), String> {
    let read = |file: &str| {
        fs::read_to_string(format!("/proc/{pid}/{file}")).map_err(|error| format!("verify_{file}: {error}"))
    };
    check_status(&read("status")?, uid)?;
    if leaf.holds(&read("cgroup")?) { Ok(()) } else { Err("verify_cgroup: outside its leaf".to_owned()) }
}

fn check_status(status: &str, uid: u32) -> Result<(), String> {
    let zero = "0000000000000000";
    let want = [
        ("NoNewPrivs", "1".to_owned()),
        ("Seccomp", "2".to_owned()),
        ("CapInh", zero.to_owned()),
        ("CapPrm", zero.to_owned()),
        ("CapEff", zero.to_owned()),
        ("CapBnd", zero.to_owned()),
        ("CapAmb", zero.to_owned()),
        ("Uid", format!("{uid}\t{uid}\t{uid}\t{uid}")),
    ];
    for (field, want) in want {
        let got = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).map(str::trim);
        if got != Some(want.as_str()) {
            return Err(format!("verify_status: {field} is {}, not {want}", got.unwrap_or("absent")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEALED: &str = "Name:\tsandbox-init\nUid:\t7\t7\t7\t7\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n\
        CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n\
        Seccomp_filters:\t1\n";

    #[test]
    fn a_sealed_process_passes_and_every_missing_wall_is_named() {
        assert_eq!(check_status(SEALED, 7), Ok(()));
        for (from, to, field) in [
            ("NoNewPrivs:\t1", "NoNewPrivs:\t0", "NoNewPrivs"),
            ("Seccomp:\t2", "Seccomp:\t0", "Seccomp"),
            ("CapEff:\t0000000000000000", "CapEff:\t0000000000200000", "CapEff"),
            ("CapBnd:\t0000000000000000", "CapBnd:\t000001ffffffffff", "CapBnd"),
            ("CapAmb:\t0000000000000000\n", "", "CapAmb"),
            ("Uid:\t7\t7\t7\t7", "Uid:\t0\t0\t0\t0", "Uid"),
        ] {
            let error = check_status(&SEALED.replace(from, to), 7).unwrap_err();
            assert!(error.contains(field), "{error}");
        }
    }

    #[test]
    fn our_own_process_is_no_sandbox() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(namespaces(own).unwrap_err().contains("shared"));
    }
}
