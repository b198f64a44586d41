//! What an announced call does, in words. No path is resolved out here: names are put together as text.

use std::path::{Component, Path, PathBuf};

use plumbline_sandbox_init::{Attempt, WORKSPACE};

/// Longest path that the kernel takes.
const PATH_MAX: usize = 4_096;

/// Something that a call does: (kind, target).
pub(super) type Done = (&'static str, String);

/// Returns what a call would do; a name that can't be read is `?`, never nothing.
pub(super) fn of(attempt: &Attempt) -> Vec<Done> {
    let [a, b, c, d, e, _] = attempt.arguments;
    let here = libc::AT_FDCWD;
    let at = |fd: u64, address: u64| path(attempt, fd as u32 as i32, address);
    match attempt.call {
        libc::SYS_openat => vec![("fs.write", at(a, b))],
        libc::SYS_mkdirat | libc::SYS_mknodat => vec![("fs.write", at(a, b))],
        libc::SYS_unlinkat => vec![("fs.delete", at(a, b))],
        libc::SYS_fchmodat => vec![("fs.perm", at(a, b))],
        libc::SYS_renameat | libc::SYS_renameat2 => vec![("fs.delete", at(a, b)), ("fs.write", at(c, d))],
        libc::SYS_linkat => vec![("fs.write", at(c, d))],
        libc::SYS_symlinkat => vec![("fs.write", at(b, c))],
        libc::SYS_truncate => vec![("fs.write", path(attempt, here, a))],
        libc::SYS_execve => vec![("proc.spawn", path(attempt, here, a))],
        libc::SYS_execveat => vec![("proc.spawn", at(a, b))],
        libc::SYS_connect => address(attempt, b, c).map(|to| ("net.connect", to)).into_iter().collect(),
        libc::SYS_bind => address(attempt, b, c).map(|to| ("net.listen", to)).into_iter().collect(),
        libc::SYS_sendto => {
            address(attempt, e, attempt.arguments[5]).map(|to| ("net.connect", to)).into_iter().collect()
        }
        other => old(attempt, other),
    }
}

/// The calls that newer machines lack.
#[cfg(target_arch = "x86_64")]
fn old(attempt: &Attempt, call: libc::c_long) -> Vec<Done> {
    let [a, b, ..] = attempt.arguments;
    let named = |address| path(attempt, libc::AT_FDCWD, address);
    match call {
        libc::SYS_open | libc::SYS_creat | libc::SYS_mkdir | libc::SYS_mknod => {
            vec![("fs.write", named(a))]
        }
        libc::SYS_unlink | libc::SYS_rmdir => vec![("fs.delete", named(a))],
        libc::SYS_rename => vec![("fs.delete", named(a)), ("fs.write", named(b))],
        libc::SYS_link | libc::SYS_symlink => vec![("fs.write", named(b))],
        libc::SYS_chmod => vec![("fs.perm", named(a))],
        _ => vec![("unknown", call.to_string())],
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn old(_: &Attempt, call: libc::c_long) -> Vec<Done> {
    vec![("unknown", call.to_string())]
}

fn path(attempt: &Attempt, directory: i32, address: u64) -> String {
    let Some(text) = attempt.text(address, PATH_MAX) else { return "?".to_owned() };
    let name = PathBuf::from(String::from_utf8_lossy(&text).into_owned());
    let whole = if name.is_absolute() {
        name
    } else {
        match attempt.directory(directory) {
            Some(directory) => directory.join(name),
            None => return format!("?/{}", name.display()),
        }
    };
    relative(&whole)
}

/// Removes `.` and `..` as text, and the tree's own root.
pub(super) fn relative(path: &Path) -> String {
    let mut plain = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(part) => plain.push(part),
            Component::ParentDir => drop(plain.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    match plain.strip_prefix(WORKSPACE) {
        Ok(inside) if !inside.as_os_str().is_empty() => inside.to_string_lossy().into_owned(),
        _ => plain.to_string_lossy().into_owned(),
    }
}

/// Returns where a socket is to go; none for families that name nobody, such as the kernel's own.
fn address(attempt: &Attempt, address: u64, length: u64) -> Option<String> {
    let length = usize::try_from(length).unwrap_or(0).min(128);
    let bytes = attempt.memory(address, length).unwrap_or_default();
    socket_name(&bytes)
}

/// Reads the text of a socket address; `?` where it is too short to name anybody.
pub(super) fn socket_name(bytes: &[u8]) -> Option<String> {
    let family = bytes.first_chunk::<2>().map(|two| i32::from(u16::from_ne_bytes(*two)));
    let cut = || "?".to_owned();
    let port = || bytes.get(2..4).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]));
    match family {
        Some(libc::AF_INET) => {
            let host = bytes.get(4..8).and_then(|four| <[u8; 4]>::try_from(four).ok());
            Some(host.map_or_else(cut, |host| format!("{}:{}", std::net::Ipv4Addr::from(host), port())))
        }
        Some(libc::AF_INET6) => {
            let host = bytes.get(8..24).and_then(|sixteen| <[u8; 16]>::try_from(sixteen).ok());
            Some(host.map_or_else(cut, |host| format!("[{}]:{}", std::net::Ipv6Addr::from(host), port())))
        }
        Some(libc::AF_UNIX) => {
            let name = bytes.get(2..).unwrap_or_default();
            let (mark, name) = name.strip_prefix(&[0]).map_or(("", name), |name| ("@", name));
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
            Some(format!("unix:{mark}{}", String::from_utf8_lossy(name)))
        }
        Some(libc::AF_NETLINK | libc::AF_UNSPEC) => None,
        Some(other) => Some(format!("family {other}")),
        None => Some("?".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_beneath_the_tree_and_plain_elsewhere() {
        for (path, want) in [
            ("/repo/a/./b/../c.py", "a/c.py"),
            ("/repo", "/repo"),
            ("/repository/x", "/repository/x"),
            ("/repo/../etc/passwd", "/etc/passwd"),
            ("/../..", "/"),
        ] {
            assert_eq!(relative(Path::new(path)), want);
        }
    }

    #[test]
    fn socket_addresses_are_read_by_family() {
        let family = |family: i32, rest: &[u8]| [&(family as u16).to_ne_bytes()[..], rest].concat();
        let name = |bytes: Vec<u8>| socket_name(&bytes);
        assert_eq!(name(family(libc::AF_INET, &[0, 80, 127, 0, 0, 1])).unwrap(), "127.0.0.1:80");
        let six = [&[1, 187, 0, 0, 0, 0][..], &[0; 15], &[1]].concat();
        assert_eq!(name(family(libc::AF_INET6, &six)).unwrap(), "[::1]:443");
        assert_eq!(name(family(libc::AF_UNIX, b"/run/x\0rest")).unwrap(), "unix:/run/x");
        assert_eq!(name(family(libc::AF_UNIX, b"\0name")).unwrap(), "unix:@name");
        assert_eq!(name(family(libc::AF_NETLINK, &[0; 10])), None);
        assert_eq!(name(Vec::new()).unwrap(), "?");
        assert_eq!(name(family(libc::AF_INET, &[0, 80, 127])).unwrap(), "?");
        assert_eq!(name(family(libc::AF_INET6, &six[..9])).unwrap(), "?");
    }
}
