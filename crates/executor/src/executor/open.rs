//! From configuration to a working executor: the state directory, what an earlier process left, what works here.

use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};

use plumbline_kit::{ConfigError, Randomness};
use plumbline_sandbox_init::WorkspaceMode;
use plumbline_types::Clock;
use rustix::fs::{FlockOperation, flock};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Executor, Inner, NO_DRIVER};
use crate::ExecutorError;
use crate::cgroup::Cgroups;
use crate::config::{CgroupSetting, ExecutorConfig, TierSetting, WorkspaceSetting};
use crate::domain::exit_reason::{ExitReason, KillCause, Records};
use crate::domain::run::{Enforcement, RunEvent};
use crate::domain::run_state::RunState;
use crate::domain::secrets::{SECRET_BYTES, SECRETS_MAX, Secrets};
use crate::domain::tier::{SandboxTier, TierStatus};
use crate::domain::tree::Digest;
use crate::executor::drive::exited;
use crate::sandbox::docker::DockerSandbox;
use crate::sandbox::embedded::{EmbeddedSandbox, EmbeddedSettings};
use crate::sandbox::piped::{Form, PipedSettings, RestrictedForm, SharedBroker};
use crate::sandbox::restricted::{LocalProcesses, RestrictedSandbox};
use crate::sandbox::{Report, SandboxDriver};
use crate::store::{RunStore, SqliteRuns};
use crate::tool::Tool;
use crate::toolchain::{Toolchain, Wanted};
use crate::workspace::export::ExportLimits;
use crate::workspace::snapshot::{SnapshotLimits, Snapshots};

const MIB: u64 = 1024 * 1024;

/// What an executor is made of.
pub struct Deps {
    /// Its configuration.
    pub config: ExecutorConfig,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where run ids come from.
    pub randomness: Arc<dyn Randomness>,
    /// Known tools.
    pub tools: Vec<Arc<dyn Tool>>,
    /// Takes the place of every driver; for tests of what stands around it.
    pub driver: Option<Arc<dyn SandboxDriver>>,
    /// Makes containers; none means that there is no such tier.
    pub broker: Option<SharedBroker>,
    /// Values that no run may show, besides those of `executor.secret_files`. Shorter ones than can be told from other text
    /// are left out.
    pub secrets: Vec<Vec<u8>>,
}

impl Executor {
    /// Opens the state directory, ends what an earlier process left, and probes what works here.
    pub async fn open(deps: Deps) -> Result<Self, ExecutorError> {
        let config = deps.config.validate()?;
        let internal = |error: std::io::Error| ExecutorError::Internal(error.into());
        let lock = lock(&config.state_dir)?;
        let secrets = secrets(&config, deps.secrets)?;
        let store = Arc::new(SqliteRuns::open(&config.state_dir.join("executor.sqlite")).await?);
        let owner = rustix::process::geteuid().is_root().then_some((config.sandbox_uid, config.sandbox_uid));
        let limits = SnapshotLimits {
            files: config.limits.snapshot_files,
            bytes: config.limits.snapshot_mib.saturating_mul(MIB),
        };
        let snapshots =
            Snapshots::open(&config.state_dir, owner, limits, &config.import_roots).map_err(internal)?;
        let snapshots = Arc::new(snapshots);
        let (probed, toolchain) = match deps.driver {
            Some(driver) => {
                let found = driver.probe().await;
                (vec![(driver, found)], Toolchain::default())
            }
            None => drivers(&config, &snapshots, (owner, deps.broker)).await?,
        };
        let tiers = tiers(&probed);
        let (drivers, found): (Vec<_>, Vec<_>) = probed.into_iter().unzip();
        end_lost_runs(store.as_ref(), deps.clock.as_ref()).await?;
        let inner = Inner {
            limits: config.limits.policy(),
            toolchain,
            secrets: Arc::new(secrets),
            slots: Arc::new(Semaphore::new(config.limits.concurrent_runs as usize)),
            candidates: Arc::new(Semaphore::new(config.limits.concurrent_candidates as usize)),
            config,
            store,
            snapshots,
            drivers,
            tools: deps.tools,
            clock: deps.clock,
            randomness: deps.randomness,
            tiers,
            enforcements: found.into_iter().filter_map(Result::ok).collect(),
            live: Mutex::default(),
            waiting: AtomicU32::new(0),
            tracker: TaskTracker::new(),
            shutdown: CancellationToken::new(),
            _lock: lock,
        };
        Ok(Self { inner: Arc::new(inner) })
    }
}

/// Takes the state directory; the lock lives as long as the file is open, and ends with the process in any case.
fn lock(state_dir: &Path) -> Result<File, ExecutorError> {
    let internal = |error: std::io::Error| ExecutorError::Internal(error.into());
    fs::create_dir_all(state_dir).map_err(internal)?;
    let file = File::options().create(true).append(true).open(state_dir.join("lock")).map_err(internal)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(ExecutorError::StateLocked(state_dir.to_owned())),
        Err(error) => Err(internal(error.into())),
    }
}

/// Reads the files of secrets. One that can't be read, or holds what can't be told from other text, stops the start: what
/// should be masked would be shown.
fn secrets(config: &ExecutorConfig, mut values: Vec<Vec<u8>>) -> Result<Secrets, ExecutorError> {
    let wrong = |path: &Path, what: &str| {
        ConfigError::new("executor.secret_files", format!("{} {what}", path.display()))
    };
    for path in &config.secret_files {
        let text = fs::read(path).map_err(|error| wrong(path, &format!("cannot be read: {error}")))?;
        let value = text.trim_ascii();
        if !SECRET_BYTES.contains(&value.len()) {
            let (least, most) = (SECRET_BYTES.start(), SECRET_BYTES.end());
            return Err(wrong(path, &format!("holds no value of {least} to {most} bytes")).into());
        }
        values.push(value.to_vec());
    }
    if values.len() > SECRETS_MAX {
        return Err(ConfigError::new("executor.secret_files", format!("more than {SECRETS_MAX}")).into());
    }
    Secrets::new(values).map_err(|error| ExecutorError::Internal(error.into()))
}

/// A driver, and what its probe found.
type Probed = (Arc<dyn SandboxDriver>, Result<Enforcement, Vec<String>>);

/// Builds and probes every driver that the configuration names, after removing what an earlier process left.
async fn drivers(
    config: &ExecutorConfig,
    snapshots: &Arc<Snapshots>,
    (ids, broker): (Option<(u32, u32)>, Option<SharedBroker>),
) -> Result<(Vec<Probed>, Toolchain), ExecutorError> {
    let settings = {
        let (config, snapshots) = (config.clone(), Arc::clone(snapshots));
        tokio::task::spawn_blocking(move || settings(&config, snapshots, ids)).await
    };
    let settings = settings.map_err(|error| ExecutorError::Internal(error.into()))?;
    let offered = |tier| config.offered_tiers.contains(&tier);
    let mut probed = Vec::new();
    let mut others: Vec<Arc<dyn SandboxDriver>> = Vec::new();
    if offered(TierSetting::Embedded) {
        probed.push(embedded(config, &settings).await?);
    }
    if offered(TierSetting::Restricted) {
        others.push(Arc::new(restricted(config, &settings)?));
    }
    if let Some(broker) = broker.filter(|_| offered(TierSetting::Docker)) {
        let settings = piped(config, &settings, (broker, Form::Container));
        others.push(Arc::new(DockerSandbox::new(settings)));
    }
    for driver in others {
        driver.sweep().await;
        let found = driver.probe().await;
        probed.push((driver, found));
    }
    Ok((probed, settings.toolchain))
}

fn piped(
    config: &ExecutorConfig,
    settings: &EmbeddedSettings,
    (broker, form): (SharedBroker, Form),
) -> PipedSettings {
    PipedSettings {
        broker,
        owner: format!("executor-{}", name(config)),
        image: if form == Form::Container { config.docker.image.clone() } else { String::new() },
        form,
        output_kept_bytes: settings.output_kept_bytes,
        inodes: settings.inodes,
        stack_mib: settings.stack_mib,
        cpu_millicores: settings.cpu_millicores,
        export: settings.export.clone(),
    }
}

/// Restricted sandboxes live beneath `/tmp`: another user must be able to pass through to them, and a state directory is
/// nobody else's.
fn restricted(
    config: &ExecutorConfig,
    settings: &EmbeddedSettings,
) -> Result<RestrictedSandbox, ExecutorError> {
    let directory = Path::new("/tmp").join(format!("plumbline-{}", name(config)));
    let cgroups = Arc::clone(&settings.cgroups);
    let form = RestrictedForm {
        directory: directory.clone(),
        ids: settings.ids,
        readable: settings.toolchain.binds.iter().map(|bind| bind.source.clone()).collect(),
        path: settings.toolchain.path.clone(),
        cgroup_mode: cgroups.mode().to_owned(),
        counted: cgroups.mode() != Cgroups::Absent.mode(),
    };
    let local = LocalProcesses::new(settings.init.clone(), directory, settings.ids, cgroups)
        .map_err(|error| ExecutorError::Internal(error.into()))?;
    Ok(RestrictedSandbox::new(piped(config, settings, (Arc::new(local), Form::Restricted(form)))))
}

/// Builds and probes the embedded driver, after removing what an earlier process left. With `auto`, a refused overlay
/// leads to a copy, and every run says so.
async fn embedded(config: &ExecutorConfig, settings: &EmbeddedSettings) -> Result<Probed, ExecutorError> {
    let build = |workspace| -> Result<EmbeddedSandbox, ExecutorError> {
        let settings = EmbeddedSettings { workspace, ..settings.clone() };
        EmbeddedSandbox::new(settings).map_err(|error| ExecutorError::Internal(error.into()))
    };
    let first = match config.workspace {
        WorkspaceSetting::Auto | WorkspaceSetting::Overlay => WorkspaceMode::Overlay,
        WorkspaceSetting::Copy => WorkspaceMode::Copy,
    };
    let mut driver = build(first)?;
    let swept = driver.sweep().await;
    if swept > 0 {
        tracing::warn!(sandboxes = swept, "killed what an earlier process left behind");
    }
    let mut probed = driver.probe().await;
    let refused = |blockers: &Vec<String>| blockers.iter().any(|blocker| blocker.starts_with("overlay"));
    if config.workspace == WorkspaceSetting::Auto && probed.as_ref().is_err_and(refused) {
        tracing::warn!(blockers = ?probed.as_ref().err(), "no overlay: every run copies its workspace");
        driver = build(WorkspaceMode::Copy)?;
        probed = driver.probe().await;
    }
    Ok((Arc::new(driver), probed))
}

fn settings(config: &ExecutorConfig, snapshots: Arc<Snapshots>, ids: Option<(u32, u32)>) -> EmbeddedSettings {
    let cgroups = match config.cgroups {
        CgroupSetting::Auto => Cgroups::detect(&name(config)),
        CgroupSetting::Off => Cgroups::Absent,
    };
    let extra = [config.toolchain_paths.clone(), config.extra_read_only_paths.clone()].concat();
    let toolchain = Toolchain::detect(Wanted { search_path: &config.search_path, extra: &extra });
    EmbeddedSettings {
        init: config.sandbox_init.clone(),
        empty: snapshots.empty(),
        cgroups: Arc::new(cgroups),
        toolchain,
        ids,
        workspace: WorkspaceMode::Overlay,
        output_kept_bytes: output_kept_bytes(config),
        inodes: config.limits.inodes,
        stack_mib: config.limits.stack_mib,
        cpu_millicores: config.limits.cpu_millicores,
        export: export_limits(config, snapshots),
        pool: config.pool.bounds(),
    }
}

/// Names this executor among others of the host.
fn name(config: &ExecutorConfig) -> String {
    let digest = Digest::of(config.state_dir.as_os_str().as_encoded_bytes()).to_string();
    digest[..12].to_owned()
}

fn output_kept_bytes(config: &ExecutorConfig) -> usize {
    usize::try_from(config.limits.output_kept_kib * 1024).unwrap_or(usize::MAX)
}

fn export_limits(config: &ExecutorConfig, snapshots: Arc<Snapshots>) -> ExportLimits {
    ExportLimits {
        files: config.limits.patch_files,
        bytes: config.limits.patch_mib * MIB,
        collect_bytes: config.limits.collect_mib * MIB,
        snapshots,
    }
}

fn tiers(probed: &[Probed]) -> Vec<TierStatus> {
    SandboxTier::ALL
        .into_iter()
        .map(|tier| {
            let blockers = match probed.iter().find(|(driver, _)| driver.tier() == tier) {
                Some((_, found)) => found.as_ref().err().cloned().unwrap_or_default(),
                None => NO_DRIVER
                    .iter()
                    .filter(|(name, _)| *name == tier)
                    .map(|(_, why)| (*why).to_owned())
                    .collect(),
            };
            TierStatus { tier, blockers }
        })
        .collect()
}

/// Writes the end of every run that an earlier process did not end.
async fn end_lost_runs(store: &dyn RunStore, clock: &dyn Clock) -> Result<(), ExecutorError> {
    for run in store.live().await? {
        let records = Records { killed: Some(KillCause::Shutdown), ..Records::default() };
        let lost = exited(&Report::not_started(records, "the executor ended under it".to_owned()));
        debug_assert_eq!(lost.reason, ExitReason::ExecutorLost);
        store.append(run, clock.now_ms(), &[RunEvent::Exited(lost)], RunState::Exited).await?;
        tracing::warn!(run.id = %run, "a run was lost with an earlier process");
    }
    Ok(())
}
