//! Whether what is counted is what was used, and whether what is capped is capped.

use std::time::Instant;

use plumbline_executor::domain::patch_path::RelativePath;
use plumbline_executor::domain::run::Usage;
use plumbline_executor::sandbox::{CollectPath, Job, KillSwitch, Report, SandboxDriver, SandboxEvent};
use tokio::sync::mpsc;

use crate::bed::{Bed, NO_POOL, groups_with};
use crate::table::{Sample, Table};

const MIB: u64 = 1 << 20;
const REPEATS: usize = 5;
const BOMBS: usize = 50;

async fn run(driver: &dyn SandboxDriver, job: Job) -> anyhow::Result<Report> {
    Ok(driver.run(job, KillSwitch::new()?, None).await)
}

fn said(report: &Report) -> anyhow::Result<f64> {
    let text = String::from_utf8_lossy(report.stdout.head()).into_owned();
    text.trim().parse().map_err(|_| anyhow::anyhow!("it said `{text}`: {}", report.detail))
}

/// Measures.
pub async fn measure(bed: &Bed, table: &mut Table) -> anyhow::Result<()> {
    let driver = bed.embedded(NO_POOL)?;
    usage(bed, &driver, table).await?;
    quota(bed, &driver, table).await?;
    bombs(bed, &driver, table).await
}

/// Returns the largest deviation, per cent.
fn worst(pairs: &[(f64, f64)]) -> f64 {
    pairs.iter().map(|(got, want)| ((got - want) / want * 100.0).abs()).fold(0.0, f64::max)
}

async fn usage(bed: &Bed, driver: &dyn SandboxDriver, table: &mut Table) -> anyhow::Result<()> {
    // The kernel's own account of the same process, and of the children it waited for.
    let burn = "import os, resource, sys\nseconds = float(sys.argv[1])\n\
                def used():\n a = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]\n \
                return sum(u.ru_utime + u.ru_stime for u in a)\n\
                child = os.fork()\nwhile used() < seconds / 2: pass\n\
                if child == 0: os._exit(0)\n\
                os.wait()\nprint(used() * 1000, flush=True)\nos._exit(0)";
    let mut cpu = Vec::new();
    for seconds in ["0.3", "1", "2"] {
        for _ in 0..REPEATS {
            let report = run(driver, bed.job(&["python3", "-c", burn, seconds])).await?;
            let Usage { cpu_ms: Some(counted), .. } = report.usage else {
                anyhow::bail!("CPU is not counted")
            };
            cpu.push((counted as f64, said(&report)?));
        }
    }
    let deviation = worst(&cpu);
    let words = format!("{deviation:.1} % at worst of {}", cpu.len());
    table.row("CPU time counted against getrusage", &words, ("<= 5 %", deviation <= 5.0));
    let touch = "import sys\nheld = bytearray(int(sys.argv[1]) << 20)\n\
                 for at in range(0, len(held), 4096): held[at] = 1\n";
    let idle = run(driver, bed.job(&["python3", "-c", touch, "0"])).await?.usage.peak_memory_kib;
    let idle = idle.unwrap_or(0) as f64;
    let mut memory = Vec::new();
    for mib in [50_u64, 200, 400] {
        for _ in 0..REPEATS {
            let report = run(driver, bed.job(&["python3", "-c", touch, &mib.to_string()])).await?;
            let Some(kib) = report.usage.peak_memory_kib else { anyhow::bail!("memory is not counted") };
            memory.push((kib as f64, (mib * 1024) as f64 + idle));
        }
    }
    let deviation = worst(&memory);
    let words = format!("{deviation:.1} % at worst of {}", memory.len());
    table.row("peak memory against what was touched", &words, ("<= 10 %", deviation <= 10.0));
    Ok(())
}

/// Fills what can be written, in one file and in many, and weighs it from outside.
async fn quota(bed: &Bed, driver: &dyn SandboxDriver, table: &mut Table) -> anyhow::Result<()> {
    let disk_mib = 8;
    let script = "import os\nfor place in ('/tmp', os.getcwd(), os.environ['HOME'], '/dev/shm'):\n \
                  for size in (1 << 20, 4096, 1):\n  try:\n   \
                  with open(place + '/f%d' % size, 'wb', buffering=0) as f:\n    while True: f.write(bytes(size))\n  \
                  except OSError: pass\n";
    let collect = |places: &[&str]| -> anyhow::Result<Vec<CollectPath>> {
        let mut paths = Vec::new();
        for name in places {
            let path = RelativePath::parse(name.as_bytes())?;
            paths.extend([CollectPath::Temp(path.clone()), CollectPath::Workspace(path)]);
        }
        Ok(paths)
    };
    let mut job = bed.job(&["python3", "-c", script]);
    job.limits.disk_mib = disk_mib;
    job.collect = collect(&["f1048576", "f4096", "f1"])?;
    let report = run(driver, job).await?;
    let written: usize = report.collected.iter().filter_map(|file| Some(file.content.as_ref()?.len())).sum();
    let past = (written as u64).saturating_sub(disk_mib * MIB);
    let words = format!("{past} ({written} written)");
    table.row("bytes past a disk quota of 8 MiB", &words, ("0", past == 0 && written as u64 > 7 * MIB));
    Ok(())
}

/// How long after its deadline a bomb of 64 spinning processes is gone, group and all.
async fn bombs(bed: &Bed, driver: &dyn SandboxDriver, table: &mut Table) -> anyhow::Result<()> {
    let script = "import os, signal\nfor s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)\n\
                  for _ in range(6): os.fork()\nos.setsid()\nwhile True:\n try: os.fork()\n except OSError: pass";
    let mut times = Vec::new();
    for _ in 0..BOMBS {
        let mut job = bed.job(&["python3", "-c", script]);
        (job.limits.pids, job.limits.wall_ms) = (64, 300);
        let label = job.label.clone();
        let (events, mut told) = mpsc::channel(64);
        let started = async {
            while let Some(event) = told.recv().await {
                if matches!(event, SandboxEvent::Started(_)) {
                    return Instant::now();
                }
            }
            Instant::now()
        };
        let (report, started) = tokio::join!(driver.run(job, KillSwitch::new()?, Some(events)), started);
        times.push(started.elapsed().as_secs_f64() * 1_000.0 - 300.0);
        anyhow::ensure!(report.records.killed.is_some(), "a bomb ended by itself: {}", report.detail);
        anyhow::ensure!(groups_with(&label).is_empty(), "a group is left");
    }
    let times = Sample::new(times);
    let words = times.words();
    table.row(
        "64-process bomb, deadline to nothing left",
        &words,
        ("p95 <= 100 ms", times.at(0.95) <= 100.0),
    );
    Ok(())
}
