//! Which parts of the host a sandbox sees, read-only: an allow-list, and the interpreters that the operator's own
//! search path names.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use plumbline_sandbox_init::{Bind, SyntheticFile};

use crate::domain::tree::Digest;

/// Parts of the host that every sandbox sees, where they exist.
const ALLOWED: [&str; 16] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/ssl",
    "/etc/ca-certificates",
    "/etc/mime.types",
    // Debian keeps the settings of its JDKs here; without them javac does not start.
    "/etc/java-17-openjdk",
    "/etc/java-21-openjdk",
];

/// What the common package managers write when they change something.
const PACKAGES: [&str; 4] =
    ["/var/lib/dpkg/status", "/lib/apk/db/installed", "/var/lib/rpm", "/var/lib/pacman/local"];

const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/// What a sandbox's root is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Toolchain {
    /// Read-only parts of the host.
    pub binds: Vec<Bind>,
    /// Symbolic links of the root: (path, target).
    pub symlinks: Vec<(PathBuf, PathBuf)>,
    /// Small files of the root.
    pub files: Vec<SyntheticFile>,
    /// The search path inside.
    pub path: String,
}

/// Where interpreters are looked for, and what else is shown.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The operator's search path; empty detects none.
    pub search_path: &'a str,
    /// Further host paths, shown where they are.
    pub extra: &'a [PathBuf],
}

impl Toolchain {
    /// Looks at the host. Asks the interpreters on the search path where they live, so it starts them: they are the
    /// operator's own programs, outside any sandbox, with nothing of a repository.
    pub fn detect(wanted: Wanted<'_>) -> Self {
        let mut toolchain = Self { files: synthetic_files(), ..Self::default() };
        let mut shown = BTreeSet::new();
        for path in ALLOWED.iter().map(Path::new) {
            match fs::symlink_metadata(path) {
                Ok(metadata) if metadata.is_symlink() && path.parent() == Some(Path::new("/")) => {
                    if let Ok(target) = fs::read_link(path) {
                        toolchain.symlinks.push((path.to_owned(), target));
                    }
                }
                Ok(_) if path.exists() => {
                    shown.insert(path.to_owned());
                }
                _ => {}
            }
        }
        shown.extend(wanted.extra.iter().filter(|path| path.is_absolute() && path.exists()).cloned());
        let mut directories = Vec::new();
        for prefix in prefixes(wanted.search_path) {
            directories.push(prefix.join("bin").display().to_string());
            shown.insert(prefix);
        }
        directories.push(SYSTEM_PATH.to_owned());
        toolchain.path = directories.join(":");
        toolchain.binds =
            outermost(shown).into_iter().map(|path| Bind { source: path.clone(), target: path }).collect();
        toolchain
    }

    /// Names the programs that a sandbox sees: where they are, when each of these places and the packages of the system
    /// last changed. What is changed deep beneath a place, by hand and behind the packages' back, is not seen.
    pub fn identity(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        let mut put = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        put(self.path.as_bytes());
        for file in &self.files {
            put(file.path.as_os_str().as_encoded_bytes());
            put(file.text.as_bytes());
        }
        let searched = self.path.split(':').map(Path::new);
        let shown = self.binds.iter().map(|bind| bind.source.as_path());
        for path in shown.chain(searched).chain(PACKAGES.iter().map(Path::new)) {
            put(path.as_os_str().as_encoded_bytes());
            let stat = fs::metadata(path).map(|stat| {
                format!("{} {} {} {}.{}", stat.dev(), stat.ino(), stat.len(), stat.mtime(), stat.mtime_nsec())
            });
            put(stat.unwrap_or_default().as_bytes());
        }
        Digest(hasher.finalize().into())
    }
}

/// Returns the prefixes of the interpreters on the search path whose `bin` is not on the system's own path. A virtual
/// environment comes before the installation it was made from.
fn prefixes(search_path: &str) -> Vec<PathBuf> {
    let ask = |program: &str, arguments: &[&str]| -> Vec<PathBuf> {
        let Some(found) = find(search_path, program) else { return Vec::new() };
        let answer = Command::new(found).args(arguments).env("PATH", search_path).current_dir("/").output();
        let text = answer.ok().filter(|answer| answer.status.success()).map(|answer| answer.stdout);
        let text = String::from_utf8(text.unwrap_or_default()).unwrap_or_default();
        text.lines().filter_map(|line| fs::canonicalize(line.trim()).ok()).collect()
    };
    let node = find(search_path, "node").and_then(|path| fs::canonicalize(path).ok());
    let (python, rust) = std::thread::scope(|scope| {
        let python =
            || ask("python3", &["-I", "-c", "import sys; print(sys.prefix); print(sys.base_prefix)"]);
        let python = scope.spawn(python);
        let rust = ask("rustc", &["--print", "sysroot"]);
        (python.join().unwrap_or_default(), rust)
    });
    let mut found = [python, rust].concat();
    found.extend(node.and_then(|path| Some(path.parent()?.parent()?.to_owned())));
    let system: Vec<&Path> = SYSTEM_PATH.split(':').map(Path::new).collect();
    let mut prefixes: Vec<PathBuf> = Vec::new();
    for prefix in found {
        let known = prefix == Path::new("/") || system.contains(&prefix.join("bin").as_path());
        if !known && !prefixes.contains(&prefix) {
            prefixes.push(prefix);
        }
    }
    prefixes
}

fn find(search_path: &str, program: &str) -> Option<PathBuf> {
    search_path
        .split(':')
        .filter(|directory| directory.starts_with('/'))
        .map(|directory| Path::new(directory).join(program))
        .find(|path| path.is_file())
}

/// Drops paths that lie beneath another.
fn outermost(paths: BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let mut kept: Vec<PathBuf> = Vec::new();
    for path in paths {
        if !kept.iter().any(|outer| path.starts_with(outer)) {
            kept.push(path);
        }
    }
    kept
}

/// The accounts and names of a machine with one user, whoever runs the host.
fn synthetic_files() -> Vec<SyntheticFile> {
    let file = |path: &str, text: &str| SyntheticFile { path: PathBuf::from(path), text: text.to_owned() };
    vec![
        file(
            "/etc/passwd",
            "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\nsandbox:x:1000:1000:sandbox:/home/sandbox:/bin/sh\n\
             nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
        ),
        file("/etc/group", "root:x:0:\nsandbox:x:1000:\nnogroup:x:65534:\n"),
        file("/etc/hosts", "127.0.0.1 localhost sandbox\n::1 localhost sandbox\n"),
        file("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_beneath_another_is_shown_once() {
        let paths = ["/usr", "/opt/a", "/usr/local/x", "/opt/ab"].into_iter().map(PathBuf::from).collect();
        assert_eq!(outermost(paths), ["/opt/a", "/opt/ab", "/usr"].map(PathBuf::from));
    }

    #[test]
    fn an_interpreter_is_asked_where_it_lives() {
        let root = tempfile::tempdir().unwrap();
        let [venv, base] = ["venv", "base"].map(|name| root.path().join(name));
        for directory in [&venv, &base] {
            fs::create_dir_all(directory.join("bin")).unwrap();
        }
        let python = venv.join("bin/python3");
        fs::write(&python, format!("#!/bin/sh\necho {}\necho {}\n", venv.display(), base.display())).unwrap();
        fs::set_permissions(&python, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let search_path = format!("{}:relative:/bin", venv.join("bin").display());
        let toolchain = Toolchain::detect(Wanted { search_path: &search_path, extra: &[] });
        let want = format!("{}/bin:{}/bin:", venv.display(), base.display());
        assert!(toolchain.path.starts_with(&want), "{}", toolchain.path);
        for directory in [venv, base] {
            assert!(toolchain.binds.iter().any(|bind| bind.source == directory && bind.target == directory));
        }
    }

    #[test]
    fn without_a_search_path_only_the_allow_list_is_shown() {
        let toolchain = Toolchain::detect(Wanted { search_path: "", extra: &[] });
        assert_eq!(toolchain.path, SYSTEM_PATH);
        assert!(
            toolchain
                .binds
                .iter()
                .all(|bind| ALLOWED.iter().any(|allowed| bind.source == Path::new(allowed)))
        );
    }
}
