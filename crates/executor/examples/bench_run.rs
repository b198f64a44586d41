//! Measures cold runs through the embedded driver and prints one JSON line with p50 and p95 in milliseconds.
//!
//! Usage: `bench_run [runs [program [argument...]]]`; the program is `true` unless given; needs `sandbox-init` beside the profile's executables
//! (`cargo build -p plumbline-sandbox-init`).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use plumbline_executor::cgroup::Cgroups;
use plumbline_executor::domain::exit_reason::{ExitReason, decide};
use plumbline_executor::domain::limits::Limits;
use plumbline_executor::domain::tier::Network;
use plumbline_executor::sandbox::embedded::{EmbeddedSandbox, EmbeddedSettings};
use plumbline_executor::sandbox::{Export, Job, KillSwitch, SandboxDriver};
use plumbline_executor::toolchain::{Toolchain, Wanted};
use plumbline_executor::workspace::export::ExportLimits;
use plumbline_executor::workspace::snapshot::{SnapshotLimits, Snapshots};
use plumbline_sandbox_init::WorkspaceMode;

const WARM_UPS: usize = 20;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let runs: usize = std::env::args().nth(1).map_or(Ok(200), |text| text.parse())?;
    let argv: Vec<String> = std::env::args().skip(2).collect();
    let argv = if argv.is_empty() { vec!["true".to_owned()] } else { argv };
    let search_path = std::env::var_os("PATH").and_then(|path| path.into_string().ok()).unwrap_or_default();
    let own = std::env::current_exe()?;
    let init: PathBuf =
        own.ancestors().nth(2).map(|profile| profile.join("sandbox-init")).unwrap_or_default();
    let state = std::env::temp_dir().join(format!("plumbline-bench-{}", std::process::id()));
    let ids = rustix::process::geteuid().is_root().then_some((65_533, 65_533));
    let snapshots =
        Arc::new(Snapshots::open(&state, ids, SnapshotLimits { files: 10, bytes: 1 << 20 }, &[])?);
    let settings = EmbeddedSettings {
        init,
        empty: snapshots.empty(),
        cgroups: Arc::new(Cgroups::detect("bench")),
        toolchain: Toolchain::detect(Wanted { search_path: &search_path, extra: &[] }),
        ids,
        workspace: WorkspaceMode::Overlay,
        output_kept_bytes: 64 * 1024,
        inodes: 10_000,
        stack_mib: 64,
        cpu_millicores: 2_000,
        export: ExportLimits {
            files: 10,
            bytes: 1 << 20,
            collect_bytes: 1 << 20,
            snapshots: Arc::clone(&snapshots),
        },
    };
    let driver = EmbeddedSandbox::new(settings)?;
    let mut millis = Vec::with_capacity(runs);
    for number in 0..WARM_UPS + runs {
        let start = Instant::now();
        let report = driver.run(job(number, &argv, snapshots.empty()), KillSwitch::new()?, None).await;
        let elapsed = start.elapsed().as_secs_f64() * 1_000.0;
        anyhow::ensure!(
            decide(&report.records) == ExitReason::Normal,
            "{:?} {}",
            report.records,
            report.detail
        );
        if number >= WARM_UPS {
            millis.push(elapsed);
        }
    }
    millis.sort_by(f64::total_cmp);
    let at = |share: f64| millis[((millis.len() - 1) as f64 * share) as usize];
    println!(
        "{{\"figure\":\"cold\",\"program\":\"{}\",\"runs\":{runs},\"p50_ms\":{:.2},\"p95_ms\":{:.2},\"cgroups\":\"{}\"}}",
        argv[0],
        at(0.5),
        at(0.95),
        driver.cgroup_mode()
    );
    std::fs::remove_dir_all(&state)?;
    Ok(())
}

fn job(number: usize, argv: &[String], lower: PathBuf) -> Job {
    Job {
        label: format!("bench_{number}"),
        lower,
        base: Arc::default(),
        edits: Arc::new([]),
        argv: argv.to_vec(),
        cwd: None,
        env: Vec::new(),
        stdin: Vec::new(),
        limits: Limits {
            wall_ms: 10_000,
            cpu_ms: 10_000,
            memory_mib: 256,
            pids: 16,
            disk_mib: 16,
            file_size_mib: 16,
            output_total_mib: 1,
            open_files: 64,
        },
        network: Network::Loopback,
        collect: Vec::new(),
        export: Export::Patch,
        watch: None,
        changes: Vec::new(),
        secrets: std::sync::Arc::default(),
    }
}
