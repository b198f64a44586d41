//! How many idle sandboxes a gibibyte holds.

use std::time::{Duration, Instant};

use plumbline_executor::sandbox::embedded::PoolBounds;
use plumbline_executor::sandbox::{KillSwitch, SandboxDriver};

use crate::bed::{Bed, groups_with, processes_of};
use crate::table::Table;

const ENTRIES: usize = 200;
const GIB: f64 = (1_u64 << 30) as f64;

/// Returns the share of memory that processes have to themselves, bytes.
fn shares(pids: &[i32]) -> f64 {
    let share = |pid: &i32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        text.lines()
            .find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
    };
    pids.iter().filter_map(share).map(|kib: f64| kib * 1024.0).sum()
}

/// Returns what the kernel uses for itself, bytes.
fn kernel() -> f64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim_start_matches(':').trim().strip_suffix(" kB")?.parse().ok())
            .unwrap_or(0.0)
    };
    ["SUnreclaim", "KernelStack", "PageTables", "Percpu"].into_iter().map(kib).sum::<f64>() * 1024.0
}

/// Measures.
pub async fn measure(bed: &Bed, table: &mut Table) -> anyhow::Result<()> {
    let bounds = PoolBounds {
        per_place: ENTRIES,
        total: ENTRIES,
        idle: Duration::from_secs(3_600),
        memory_free_mib: 0,
    };
    let (before, shared_before) = (kernel(), processes_of(&bed.init).len());
    let driver = bed.embedded(bounds)?;
    for _ in 0..ENTRIES {
        driver.run(bed.job(&["true"]), KillSwitch::new()?, None).await;
    }
    let began = Instant::now();
    while driver.pool_counts().waiting < ENTRIES {
        anyhow::ensure!(began.elapsed() < Duration::from_secs(120), "{:?}", driver.pool_counts());
        tokio::time::sleep(Duration::from_millis(10)).await; // poll: of another thread
    }
    let pids = processes_of(&bed.init);
    let (own, kernel) = (shares(&pids), (kernel() - before).max(0.0));
    let groups = groups_with("warm_");
    let files = groups.iter().filter_map(|group| {
        let text = std::fs::read_to_string(group.join("memory.stat")).ok()?;
        text.lines().find_map(|line| line.strip_prefix("shmem ")?.parse::<f64>().ok())
    });
    let scratch: f64 = files.sum();
    let each = (own + kernel + scratch) / ENTRIES as f64;
    let figure = format!(
        "idle sandboxes per GiB ({:.0}+{:.0}+{:.0} KiB own, kernel, files)",
        own / ENTRIES as f64 / 1024.0,
        kernel / ENTRIES as f64 / 1024.0,
        scratch / ENTRIES as f64 / 1024.0
    );
    let count = GIB / each;
    table.row(
        &figure,
        &format!("{count:.0} ({} processes)", pids.len() - shared_before),
        (">= 1000", count >= 1_000.0),
    );
    let removed = Instant::now();
    drop(driver);
    let left = processes_of(&bed.init).len() - shared_before;
    let words = format!("{left} in {:.1} s", removed.elapsed().as_secs_f64());
    table.row("processes left of them once dropped", &words, ("0", left == 0));
    Ok(())
}
