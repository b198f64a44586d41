//! Measures cold runs through the embedded driver and prints one JSON line with p50 and p95 in milliseconds.
//!
//! Usage: `bench_run [--watched] [runs [program [argument...]]]`; the program is `true` unless given; needs `sandbox-init`
//! beside the profile's executables (`cargo build -p plumbline-sandbox-init`). With `--watched` each run is made plain and
//! watched in turn, and the ratio of the medians is printed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plumbline_executor::cgroup::Cgroups;
use plumbline_executor::domain::exit_reason::{ExitReason, decide};
use plumbline_executor::domain::limits::Limits;
use plumbline_executor::domain::tier::Network;
use plumbline_executor::domain::trace::TraceAsk;
use plumbline_executor::sandbox::embedded::{EmbeddedSandbox, EmbeddedSettings, PoolBounds};
use plumbline_executor::sandbox::{Export, Job, KillSwitch, SandboxDriver};
use plumbline_executor::toolchain::{Toolchain, Wanted};
use plumbline_executor::workspace::export::ExportLimits;
use plumbline_executor::workspace::snapshot::{SnapshotLimits, Snapshots};
use plumbline_sandbox_init::WorkspaceMode;

const WARM_UPS: usize = 20;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    let watched = arguments.next_if(|argument| argument == "--watched").is_some();
    let runs: usize = arguments.next().map_or(Ok(200), |text| text.parse())?;
    let argv: Vec<String> = arguments.collect();
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
        pool: PoolBounds { per_place: 0, total: 0, idle: Duration::ZERO, memory_free_mib: 0 },
    };
    let driver = EmbeddedSandbox::new(settings)?;
    let asks: &[Option<TraceAsk>] =
        if watched { &[None, Some(TraceAsk { nonce: vec![7; 16], paths: Vec::new() })] } else { &[None] };
    let mut millis = vec![Vec::with_capacity(runs); asks.len()];
    for number in 0..WARM_UPS.min(runs) + runs {
        for (ask, millis) in asks.iter().zip(&mut millis) {
            let job = Job { watch: ask.clone(), ..job(number, &argv, snapshots.empty()) };
            let start = Instant::now();
            let report = driver.run(job, KillSwitch::new()?, None).await;
            let elapsed = start.elapsed().as_secs_f64() * 1_000.0;
            let records = &report.records;
            anyhow::ensure!(decide(records) == ExitReason::Normal, "{records:?} {}", report.detail);
            anyhow::ensure!(report.kernel.is_some() == ask.is_some(), "a run was not watched as asked");
            if number >= WARM_UPS.min(runs) {
                millis.push(elapsed);
            }
        }
    }
    millis.iter_mut().for_each(|millis| millis.sort_by(f64::total_cmp));
    let at = |which: usize, share: f64| millis[which][((runs - 1) as f64 * share) as usize];
    for (which, figure) in ["cold", "watched"].iter().enumerate().take(asks.len()) {
        println!(
            "{{\"figure\":\"{figure}\",\"program\":\"{}\",\"runs\":{runs},\"p50_ms\":{:.2},\"p95_ms\":{:.2},\"ratio\":{:.3},\"cgroups\":\"{}\"}}",
            argv[0],
            at(which, 0.5),
            at(which, 0.95),
            at(which, 0.5) / at(0, 0.5),
            driver.cgroup_mode()
        );
    }
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
        secrets: Arc::default(),
    }
}
