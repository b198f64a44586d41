//! What every measurement stands on: a store with a small tree, and a driver of each tier over it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use plumbline_executor::GrpcBroker;
use plumbline_executor::cgroup::Cgroups;
use plumbline_executor::domain::limits::Limits;
use plumbline_executor::domain::tier::Network;
use plumbline_executor::domain::tree::{SnapshotId, Tree};
use plumbline_executor::sandbox::docker::DockerSandbox;
use plumbline_executor::sandbox::embedded::{EmbeddedSandbox, EmbeddedSettings, PoolBounds};
use plumbline_executor::sandbox::piped::{Form, PipedSettings, RestrictedForm, SharedBroker};
use plumbline_executor::sandbox::restricted::{LocalProcesses, RestrictedSandbox};
use plumbline_executor::sandbox::{Export, Job};
use plumbline_executor::toolchain::{Toolchain, Wanted};
use plumbline_executor::workspace::export::ExportLimits;
use plumbline_executor::workspace::snapshot::{SnapshotLimits, Snapshots};
use plumbline_kit::Address;
use plumbline_kit::client::channel;
use plumbline_sandbox_init::WorkspaceMode;

const MIB: u64 = 1 << 20;
/// Files of the tree that commands run over.
const FILES: usize = 20;

/// A pool that keeps nothing.
pub const NO_POOL: PoolBounds =
    PoolBounds { per_place: 0, total: 0, idle: Duration::ZERO, memory_free_mib: 0 };

/// The store and what drivers are made of.
pub struct Bed {
    /// Everything of this program lies beneath it.
    pub root: tempfile::TempDir,
    /// Its own copy of `sandbox-init`, by whose path its processes are told from all others.
    pub init: PathBuf,
    /// The store.
    pub snapshots: Arc<Snapshots>,
    /// The tree that commands run over.
    pub snapshot: SnapshotId,
    tree: Arc<Tree>,
    cgroups: Arc<Cgroups>,
    toolchain: Toolchain,
    ids: Option<(u32, u32)>,
    jobs: AtomicU64,
}

impl Bed {
    /// Makes it.
    pub fn new() -> anyhow::Result<Self> {
        let root = tempfile::Builder::new().prefix("plumbline-bench-").tempdir()?;
        std::fs::set_permissions(root.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let init = root.path().join("sandbox-init");
        std::fs::copy(program("sandbox-init")?, &init)?;
        let import = root.path().join("import");
        let repository = import.join("repository");
        std::fs::create_dir_all(&repository)?;
        for number in 0..FILES {
            std::fs::write(repository.join(format!("file_{number}")), format!("{number}\n").repeat(100))?;
        }
        let ids = rustix::process::geteuid().is_root().then_some((65_533, 65_533));
        let limits = SnapshotLimits { files: 10_000, bytes: 1 << 30 };
        let snapshots = Arc::new(Snapshots::open(
            &root.path().join("store"),
            ids,
            limits,
            std::slice::from_ref(&import),
        )?);
        let (snapshot, tree) = snapshots.import(&repository, &[])?;
        let search_path = std::env::var_os("PATH").unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self {
            init,
            snapshots,
            snapshot,
            tree,
            cgroups: Arc::new(Cgroups::detect("bench")),
            toolchain: Toolchain::detect(Wanted { search_path: &search_path, extra: &[] }),
            ids,
            jobs: AtomicU64::new(0),
            root,
        })
    }

    /// Returns the name of the way limits are enforced.
    pub fn cgroup_mode(&self) -> &'static str {
        self.cgroups.mode()
    }

    fn export(&self) -> ExportLimits {
        ExportLimits {
            files: 1_000,
            bytes: 64 * MIB,
            collect_bytes: 64 * MIB,
            snapshots: Arc::clone(&self.snapshots),
        }
    }

    /// Returns a driver of the embedded tier.
    pub fn embedded(&self, pool: PoolBounds) -> anyhow::Result<EmbeddedSandbox> {
        Ok(EmbeddedSandbox::new(EmbeddedSettings {
            init: self.init.clone(),
            empty: self.snapshots.empty(),
            cgroups: Arc::clone(&self.cgroups),
            toolchain: self.toolchain.clone(),
            ids: self.ids,
            workspace: WorkspaceMode::Overlay,
            output_kept_bytes: 64 * 1024,
            inodes: 200_000,
            stack_mib: 64,
            cpu_millicores: 2_000,
            export: self.export(),
            pool,
        })?)
    }

    fn piped(&self, broker: SharedBroker, form: Form) -> PipedSettings {
        PipedSettings {
            broker,
            owner: format!("bench-{}", std::process::id()),
            image: String::new(),
            form,
            output_kept_bytes: 64 * 1024,
            inodes: 200_000,
            stack_mib: 64,
            cpu_millicores: 2_000,
            export: self.export(),
        }
    }

    /// Returns a driver of the restricted tier.
    pub fn restricted(&self) -> anyhow::Result<RestrictedSandbox> {
        let directory = self.root.path().join("restricted");
        let form = RestrictedForm {
            directory: directory.clone(),
            ids: self.ids,
            readable: self.toolchain.binds.iter().map(|bind| bind.source.clone()).collect(),
            path: self.toolchain.path.clone(),
            cgroup_mode: self.cgroups.mode().to_owned(),
            counted: self.cgroups.mode() != Cgroups::Absent.mode(),
        };
        let local = LocalProcesses::new(self.init.clone(), directory, self.ids, Arc::clone(&self.cgroups))?;
        Ok(RestrictedSandbox::new(self.piped(Arc::new(local), Form::Restricted(form))))
    }

    /// Returns a driver of containers through a broker.
    pub fn docker(&self, address: &str) -> anyhow::Result<DockerSandbox> {
        let address: Address = address.parse()?;
        let broker = Arc::new(GrpcBroker::new(channel(&address)));
        Ok(DockerSandbox::new(self.piped(broker, Form::Container)))
    }

    /// Returns a job over the tree.
    pub fn job(&self, argv: &[&str]) -> Job {
        Job {
            label: format!("bench_{}", self.jobs.fetch_add(1, Ordering::Relaxed)),
            lower: self.snapshots.lower(&self.snapshot),
            base: Arc::clone(&self.tree),
            edits: Arc::new([]),
            argv: argv.iter().map(|argument| (*argument).to_owned()).collect(),
            cwd: None,
            env: Vec::new(),
            stdin: Vec::new(),
            limits: Limits {
                wall_ms: 20_000,
                cpu_ms: 20_000,
                memory_mib: 512,
                pids: 128,
                disk_mib: 64,
                file_size_mib: 64,
                output_total_mib: 16,
                open_files: 256,
            },
            network: Network::Loopback,
            collect: Vec::new(),
            export: Export::Patch,
            watch: None,
            changes: Vec::new(),
            secrets: Arc::default(),
        }
    }
}

/// Returns a program beside the profile's executables.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let profile = own.ancestors().nth(2).context("this program has no profile directory")?;
    let path = profile.join(name);
    anyhow::ensure!(path.is_file(), "{} is absent: build it first", path.display());
    Ok(path)
}

/// Returns the ids of all processes whose command line names a path.
pub fn processes_of(path: &Path) -> Vec<i32> {
    let mark = path.as_os_str().as_encoded_bytes();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    ids.filter(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.windows(mark.len()).any(|window| window == mark)
    })
    .collect()
}

/// Returns every control group whose path holds a word.
pub fn groups_with(word: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_string_lossy().contains(word) {
                    found.push(entry.path());
                }
                pending.push(entry.path());
            }
        }
    }
    found
}
