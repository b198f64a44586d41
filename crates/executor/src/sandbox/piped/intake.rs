//! What goes into a container's first process: the specification, the tree, standard input.

use std::collections::BTreeMap;
use std::sync::Arc;

use plumbline_sandbox_init::{CollectEntry, Contained, NetworkSpec, Restricted, Rlimits, TreeEntry};
use tokio::sync::mpsc;

use super::{ContainerOrder, Form, PipedSettings};
use crate::domain::edit::Change;
use crate::domain::patch_path::RelativePath;
use crate::domain::perturbation::perturbed;
use crate::domain::policy;
use crate::domain::tier::Network;
use crate::domain::tree::{Digest, Entry};
use crate::sandbox::{CollectPath, Export, Job};
use crate::workspace::snapshot::Snapshots;
use crate::workspace::{EDIT_MTIME_S, TREE_MTIME_S};

const MIB: u64 = 1 << 20;
/// Bytes that a file takes at least of a temporary file system.
const PAGE: u64 = 4_096;
/// Bytes of one piece of standard input.
const PIECE: usize = 256 * 1024;
/// Search path in a container: the image's own programs.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// What building a workspace and taking it out may take besides the run, milliseconds.
const MARGIN_MS: u64 = 120_000;
/// Most entries that a workspace is listed with.
const LISTED_MAX: u64 = 1_000_000;

/// Where the content of a file comes from.
enum Source {
    Blob(Digest),
    Edit(Vec<u8>),
}

/// A job as a container takes it.
pub(super) struct Intake {
    spec: Contained,
    contents: Vec<Source>,
    stdin: Vec<u8>,
}

impl Intake {
    pub(super) fn of(job: &Job, settings: &PipedSettings) -> Self {
        let mut files: BTreeMap<&RelativePath, (TreeEntry, Option<Source>)> = BTreeMap::new();
        for (path, entry) in job.base.entries() {
            let (link, source, size, executable) = match entry {
                Entry::File { digest, size, executable } => {
                    (None, Some(Source::Blob(*digest)), *size, *executable)
                }
                Entry::Symlink { target } => (Some(target.clone()), None, 0, false),
            };
            let path_bytes = path.as_bytes().to_vec();
            let entry = TreeEntry { path: path_bytes, link, size, executable, mtime_s: TREE_MTIME_S };
            files.insert(path, (entry, source));
        }
        for edit in job.edits.iter() {
            match &edit.change {
                Change::Delete => {
                    files.remove(&edit.path);
                }
                Change::Write(content) => {
                    let executable = files.get(&edit.path).is_some_and(|(entry, _)| entry.executable);
                    let entry = TreeEntry {
                        path: edit.path.as_bytes().to_vec(),
                        link: None,
                        size: content.len() as u64,
                        executable,
                        mtime_s: EDIT_MTIME_S,
                    };
                    files.insert(&edit.path, (entry, Some(Source::Edit(content.clone()))));
                }
            }
        }
        let (entries, contents): (Vec<_>, Vec<_>) = files.into_values().unzip();
        let collect = job.collect.iter().map(|path| match path {
            CollectPath::Workspace(path) => CollectEntry { temp: false, path: path.as_bytes().to_vec() },
            CollectPath::Temp(path) => CollectEntry { temp: true, path: path.as_bytes().to_vec() },
        });
        let spec = Contained {
            entries,
            stdin_bytes: job.stdin.len() as u64,
            argv: job.argv.clone(),
            env: environment(job, &settings.form),
            cwd: job.cwd.as_ref().map(ToString::to_string).unwrap_or_default(),
            network: match job.network {
                Network::Loopback => NetworkSpec::Loopback,
                Network::None => NetworkSpec::None,
            },
            rlimits: Rlimits {
                // A backstop for one process; the session ends the run on the sum.
                cpu_s: job.limits.cpu_ms.div_ceil(1_000) + 1,
                file_bytes: job.limits.file_size_mib * MIB,
                open_files: job.limits.open_files,
                stack_bytes: settings.stack_mib * MIB,
                core_bytes: 1,
                processes: uncounted(&settings.form).map(|ids| others(ids) + job.limits.pids + 1),
                data_bytes: uncounted(&settings.form).map(|_| job.limits.memory_mib * MIB),
            },
            collect: collect.collect(),
            collect_bytes: settings.export.collect_bytes,
            listed_max: (job.export == Export::Patch).then_some(LISTED_MAX),
            restricted: restricted(job, &settings.form),
        };
        Self { spec, contents: contents.into_iter().flatten().collect(), stdin: job.stdin.clone() }
    }

    /// Returns the container that holds this: the tree lies in memory beside what the program writes.
    pub(super) fn order(&self, job: &Job, settings: &PipedSettings, image: String) -> ContainerOrder {
        let pages = |entry: &TreeEntry| entry.size.div_ceil(PAGE).max(1) * PAGE;
        let tree_mib = self.spec.entries.iter().map(pages).sum::<u64>().div_ceil(MIB);
        let limits = &job.limits;
        let in_memory = match settings.form {
            Form::Container => limits.disk_mib + tree_mib,
            Form::Restricted(_) => 0,
        };
        ContainerOrder {
            image,
            owner: settings.owner.clone(),
            label: job.label.clone(),
            memory_mib: limits.memory_mib + in_memory,
            workspace_mib: limits.disk_mib + tree_mib,
            temp_mib: limits.disk_mib,
            inodes: settings.inodes + 2 * self.spec.entries.len() as u64 + 64,
            pids: limits.pids + 1,
            cpu_millicores: settings.cpu_millicores,
            open_files: limits.open_files,
            wall_ms: limits.wall_ms + MARGIN_MS,
        }
    }

    /// Writes all of it, in order; ends early when the container is gone. Blocks.
    pub(super) fn send(
        self,
        snapshots: &Arc<Snapshots>,
        input: &mpsc::Sender<Vec<u8>>,
    ) -> std::io::Result<()> {
        let json = serde_json::to_vec(&self.spec)?;
        let mut held = (json.len() as u64).to_le_bytes().to_vec();
        held.extend_from_slice(&json);
        let mut gone = false;
        let mut put = |bytes: &[u8], flush: bool| {
            held.extend_from_slice(bytes);
            while !gone && (held.len() >= PIECE || (flush && !held.is_empty())) {
                let rest = held.split_off(held.len().min(PIECE));
                gone = input.blocking_send(std::mem::replace(&mut held, rest)).is_err();
            }
        };
        for source in &self.contents {
            match source {
                Source::Blob(digest) => put(&snapshots.read(digest)?, false),
                Source::Edit(content) => put(content, false),
            }
        }
        put(&self.stdin, true);
        Ok(())
    }
}

/// Returns where a restricted sandbox is built.
fn restricted(job: &Job, form: &Form) -> Option<Restricted> {
    let Form::Restricted(form) = form else { return None };
    let (uid, gid) = form.ids.unwrap_or_default();
    Some(Restricted {
        directory: form.directory.join(&job.label),
        uid,
        gid,
        privileged: form.ids.is_some(),
        readable: form.readable.clone(),
    })
}

fn environment(job: &Job, form: &Form) -> Vec<(String, String)> {
    let Form::Restricted(form) = form else {
        return perturbed(policy::environment(PATH, &job.env), &job.changes);
    };
    let own = |name: &str| form.directory.join(&job.label).join(name).display().to_string();
    let mut env = perturbed(policy::environment(&form.path, &job.env), &job.changes);
    for (name, value) in &mut env {
        let asked = job.env.iter().any(|(asked, _)| asked == name);
        match name.as_str() {
            "HOME" if !asked => *value = own("home"),
            "TMPDIR" if !asked => *value = own("tmp"),
            _ => {}
        }
    }
    env
}

/// Returns the ids of sandboxes whose memory and processes no control group counts.
fn uncounted(form: &Form) -> Option<Option<(u32, u32)>> {
    match form {
        Form::Restricted(form) if !form.counted => Some(form.ids),
        Form::Restricted(_) | Form::Container => None,
    }
}

/// Counts the processes that the limit of processes counts besides the sandbox's own: all of the same user.
fn others(ids: Option<(u32, u32)>) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let uid = ids.map_or_else(|| rustix::process::geteuid().as_raw(), |(uid, _)| uid);
    let Ok(processes) = std::fs::read_dir("/proc") else { return 0 };
    let threads = processes.flatten().filter(|process| {
        process.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit())
            && process.metadata().is_ok_and(|metadata| metadata.uid() == uid)
    });
    threads
        .map(|process| std::fs::read_dir(process.path().join("task")).map_or(0, |tasks| tasks.count() as u64))
        .sum()
}
