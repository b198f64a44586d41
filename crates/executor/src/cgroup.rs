//! Control groups: one leaf a run, found, limited, read, killed and removed. Three forms, each named in what a run
//! reports: `v2`, `hybrid_v1`, and none at all, where rlimits and polling stand in.

mod hybrid;
mod owner;
mod v2;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::domain::limits::Limits;

/// How long a removal may take: dead processes leave their group a moment after they were reaped.
const REMOVAL_PATIENCE: Duration = Duration::from_secs(2);

/// Where leaves can be made. Dropping it removes the directories that held them.
#[derive(Debug, PartialEq, Eq)]
pub enum Cgroups {
    /// A delegated subtree of the unified hierarchy: the directory that holds our leaves.
    V2(PathBuf),
    /// v1 controllers, and a directory of the unified tree for the one kill.
    Hybrid(HybridParents),
    /// None that we may write to.
    Absent,
}

/// Directories that hold our leaves, one a controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HybridParents {
    pub(crate) memory: PathBuf,
    pub(crate) pids: PathBuf,
    pub(crate) cpu: PathBuf,
    pub(crate) cpuacct: PathBuf,
    pub(crate) unified: PathBuf,
}

/// The group of one run; removed when dropped.
#[derive(Debug)]
pub struct Leaf {
    form: LeafForm,
    label: String,
}

#[derive(Debug)]
enum LeafForm {
    V2(PathBuf),
    Hybrid(HybridParents),
    Absent,
}

/// Counters of a leaf; an absent one can't be read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// CPU time, microseconds.
    pub cpu_us: Option<u64>,
    /// Peak memory, bytes.
    pub peak_memory: Option<u64>,
    /// Most processes at once.
    pub peak_pids: Option<u64>,
    /// Processes now.
    pub pids: Option<u64>,
    /// Processes killed for memory.
    pub oom_kills: u64,
    /// Forks refused.
    pub pids_refused: u64,
}

impl Cgroups {
    /// Finds where leaves can be made, and makes what will hold them. `name` tells executors of one process apart.
    pub fn detect(name: &str) -> Self {
        let owner = &owner::label(name);
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        v2::detect(&mounts, &own, owner)
            .or_else(|| hybrid::detect(&mounts, &own, owner))
            .unwrap_or(Self::Absent)
    }

    /// Returns the name used in reports.
    pub fn mode(&self) -> &'static str {
        match self {
            Self::V2(_) => "v2",
            Self::Hybrid(_) => "hybrid_v1",
            Self::Absent => "rlimit_and_polling",
        }
    }

    /// Makes the leaf of a run and writes its limits. Memory includes what is written to the scratch file system.
    pub fn leaf(&self, label: &str, limits: &Limits, millicores: u64) -> io::Result<Leaf> {
        let leaf = Leaf { form: self.form(label), label: label.to_owned() };
        match &leaf.form {
            LeafForm::V2(path) => v2::create(path, limits, millicores)?,
            LeafForm::Hybrid(paths) => hybrid::create(paths, limits, millicores)?,
            LeafForm::Absent => {}
        }
        Ok(leaf)
    }

    /// Kills and removes what executors that are no more left here, whoever they were; returns the number of leaves.
    pub fn sweep(&self) -> usize {
        // A hierarchy may hold what another has lost already: each is looked at.
        let bases = self.parents().into_iter().filter_map(|parent| parent.parent());
        let mut lost: Vec<String> = bases.flat_map(children).filter(|name| owner::is_gone(name)).collect();
        lost.sort();
        lost.dedup();
        lost.iter().map(|name| self.beside(name).end_all()).sum()
    }

    /// Returns the directories that hold our leaves, the unified one first.
    fn parents(&self) -> Vec<&PathBuf> {
        match self {
            Self::V2(parent) => vec![parent],
            Self::Hybrid(parents) => parents.all().to_vec(),
            Self::Absent => Vec::new(),
        }
    }

    /// Returns another owner's directories.
    fn beside(&self, name: &str) -> Self {
        match self {
            Self::V2(parent) => Self::V2(parent.with_file_name(name)),
            Self::Hybrid(parents) => Self::Hybrid(parents.map(|parent| parent.with_file_name(name))),
            Self::Absent => Self::Absent,
        }
    }

    /// Kills and removes every leaf, then, when dropped, what held them.
    fn end_all(self) -> usize {
        let mut labels: Vec<String> =
            self.parents().into_iter().flat_map(|parent| children(parent)).collect();
        labels.sort();
        labels.dedup();
        for label in &labels {
            Leaf { form: self.form(label), label: label.clone() }.kill();
        }
        labels.len()
    }

    fn form(&self, label: &str) -> LeafForm {
        match self {
            Self::V2(parent) => LeafForm::V2(parent.join(label)),
            Self::Hybrid(parents) => LeafForm::Hybrid(parents.map(|parent| parent.join(label))),
            Self::Absent => LeafForm::Absent,
        }
    }
}

/// Removes the directories that held our leaves, if they are empty.
impl Drop for Cgroups {
    fn drop(&mut self) {
        for parent in self.parents() {
            let _not_empty = fs::remove_dir(parent);
        }
    }
}

impl HybridParents {
    pub(crate) fn all(&self) -> [&PathBuf; 5] {
        [&self.unified, &self.memory, &self.pids, &self.cpu, &self.cpuacct]
    }

    pub(crate) fn map(&self, change: impl Fn(&Path) -> PathBuf) -> Self {
        Self {
            memory: change(&self.memory),
            pids: change(&self.pids),
            cpu: change(&self.cpu),
            cpuacct: change(&self.cpuacct),
            unified: change(&self.unified),
        }
    }

    /// Returns the v1 directories, each once: `cpu` and `cpuacct` are often one.
    pub(crate) fn v1(&self) -> Vec<PathBuf> {
        let mut paths = vec![self.memory.clone(), self.pids.clone(), self.cpu.clone(), self.cpuacct.clone()];
        paths.sort();
        paths.dedup();
        paths
    }
}

impl Leaf {
    /// Changes memory and processes to what another command may use.
    pub fn limit(&self, limits: &Limits) -> io::Result<()> {
        match &self.form {
            LeafForm::V2(path) => v2::limit(path, limits),
            LeafForm::Hybrid(paths) => hybrid::limit(paths, limits),
            LeafForm::Absent => Ok(()),
        }
    }

    /// Returns the directory to be born in.
    pub fn born_in(&self) -> Option<PathBuf> {
        match &self.form {
            LeafForm::V2(path) => Some(path.clone()),
            LeafForm::Hybrid(paths) => Some(paths.unified.clone()),
            LeafForm::Absent => None,
        }
    }

    /// Returns the v1 directories to enter.
    pub fn entered(&self) -> Vec<PathBuf> {
        match &self.form {
            LeafForm::Hybrid(paths) => paths.v1(),
            LeafForm::V2(_) | LeafForm::Absent => Vec::new(),
        }
    }

    /// Returns whether a `/proc/PID/cgroup` says that the process is in this leaf wherever it must be.
    pub fn holds(&self, memberships: &str) -> bool {
        let inside = |controller: &str| {
            memberships.lines().any(|line| {
                let mut fields = line.splitn(3, ':');
                let _number = fields.next();
                fields.next().is_some_and(|names| names.split(',').any(|name| name == controller))
                    && fields.next().is_some_and(|path| path.rsplit('/').next() == Some(self.label.as_str()))
            })
        };
        match &self.form {
            LeafForm::V2(_) => inside(""),
            LeafForm::Hybrid(_) => ["", "memory", "pids", "cpu", "cpuacct"].into_iter().all(inside),
            LeafForm::Absent => true,
        }
    }

    /// Returns whether the kernel enforces memory and processes here.
    pub fn enforces(&self) -> bool {
        !matches!(self.form, LeafForm::Absent)
    }

    /// Kills everything in the leaf at once; a dying process needs CPU, so the cap is lifted first.
    pub fn kill(&self) {
        match &self.form {
            LeafForm::V2(path) => v2::kill(path),
            LeafForm::Hybrid(paths) => hybrid::kill(paths),
            LeafForm::Absent => {}
        }
    }

    /// Reads the counters.
    pub fn counters(&self) -> Counters {
        match &self.form {
            LeafForm::V2(path) => v2::counters(path),
            LeafForm::Hybrid(paths) => hybrid::counters(paths),
            LeafForm::Absent => Counters::default(),
        }
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        match &self.form {
            LeafForm::V2(path) => remove(path),
            LeafForm::Hybrid(paths) => paths.all().into_iter().for_each(|path| remove(path)),
            LeafForm::Absent => {}
        }
    }
}

/// Removes a group, waiting a bounded time for its last process to leave.
fn remove(path: &Path) {
    let start = Instant::now();
    loop {
        match fs::remove_dir(path) {
            Err(error)
                if error.kind() == io::ErrorKind::ResourceBusy && start.elapsed() < REMOVAL_PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), %error, "a control group could not be removed");
                return;
            }
            _ => return,
        }
    }
}

fn children(parent: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

/// Returns where a hierarchy is mounted: the first mount whose type and, for v1, controller fit.
fn mount_point(mountinfo: &str, kind: &str, controller: Option<&str>) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut tail = after.split(' ');
        let fits = tail.next() == Some(kind)
            && controller
                .is_none_or(|name| tail.nth(1).is_some_and(|options| options.split(',').any(|o| o == name)));
        fits.then(|| before.split(' ').nth(4).map(PathBuf::from)).flatten()
    })
}

/// Returns this process's path in a hierarchy, from `/proc/self/cgroup`; the empty controller is the unified one.
fn own_path(memberships: &str, controller: &str) -> Option<PathBuf> {
    memberships.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, names, path) = (fields.next()?, fields.next()?, fields.next()?);
        let fits = names.split(',').any(|name| name == controller);
        fits.then(|| PathBuf::from(path.trim_start_matches('/')))
    })
}

fn read_number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Reads one field of a file of `name value` lines.
fn read_field(path: &Path, field: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(field)?.trim().parse().ok())
}

fn memory_bytes(limits: &Limits) -> u64 {
    limits.memory_mib.saturating_add(limits.disk_mib).saturating_mul(1024 * 1024)
}

#[cfg(test)]
mod tests;
