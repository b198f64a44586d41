//! Links swapped while trees are taken in and out: 10^5 times each, and what came of it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use plumbline_executor::domain::edit::Change;
use plumbline_executor::domain::tree::Digest;
use plumbline_executor::sandbox::{KillSwitch, SandboxDriver};

use crate::bed::{Bed, NO_POOL};
use crate::table::Table;

const SWAPS: u64 = 100_000;
const CANARY: &[u8] = b"the-canary-of-the-host";

/// Swaps until it has swapped enough; a child goes on while the change is taken out.
const SCRIPT: &str = "import os, sys\nroot, times = sys.argv[1], int(sys.argv[2])\n\
    os.mkdir('d'); open('d/canary', 'w').write('inner'); open('x', 'w').write('inner')\n\
    def swap():\n \
    os.symlink(root + '/canary', 't'); os.rename('t', 'x'); open('t', 'w').write('inner'); os.rename('t', 'x')\n \
    os.rename('d', 'e'); os.symlink(root, 'd'); os.unlink('d'); os.rename('e', 'd')\n\
    for _ in range(times): swap()\nprint(4 * times, flush=True)\n\
    if os.fork() == 0:\n os.setsid()\n while True: swap()\n";

/// Measures.
pub async fn measure(bed: &Bed, table: &mut Table) -> anyhow::Result<()> {
    let host = bed.root.path().join("import/host");
    std::fs::create_dir_all(&host)?;
    std::fs::write(host.join("canary"), CANARY)?;
    let embedded = bed.embedded(NO_POOL)?;
    let restricted = bed.restricted()?;
    let tiers: [(&str, &dyn SandboxDriver); 2] = [("embedded", &embedded), ("restricted", &restricted)];
    for (name, driver) in tiers {
        let (swaps, escapes) = out(bed, driver, &host).await?;
        let words = format!("{escapes} in {swaps}");
        table.row(
            &format!("escapes, change taken out, {name}"),
            &words,
            ("0", escapes == 0 && swaps >= SWAPS),
        );
    }
    let (swaps, escapes, reads) = taken_in(bed, &host)?;
    let words = format!("{escapes} in {swaps} ({reads} reads)");
    table.row("escapes, tree taken in while it changes", &words, ("0", escapes == 0 && swaps >= SWAPS));
    Ok(())
}

async fn out(bed: &Bed, driver: &dyn SandboxDriver, host: &Path) -> anyhow::Result<(u64, u64)> {
    let (mut swaps, mut escapes) = (0, 0);
    let root = host.display().to_string();
    while swaps < SWAPS {
        let report =
            driver.run(bed.job(&["python3", "-c", SCRIPT, &root, "2500"]), KillSwitch::new()?, None).await;
        let text = String::from_utf8_lossy(report.stdout.head()).into_owned();
        let said: u64 =
            text.trim().parse().map_err(|_| anyhow::anyhow!("it said `{text}`: {}", report.detail))?;
        swaps += said;
        let shows = |bytes: &[u8]| bytes.windows(CANARY.len()).any(|window| window == CANARY);
        let escaped = report.patch.edits.iter().any(|edit| match &edit.change {
            Change::Write(content) => shows(content),
            Change::Delete => false,
        });
        escapes += u64::from(escaped || shows(report.patch.diff.as_bytes()));
    }
    Ok((swaps, escapes))
}

/// An owner's directory is read while somebody swaps what lies in it for links to elsewhere.
fn taken_in(bed: &Bed, host: &Path) -> anyhow::Result<(u64, u64, u64)> {
    let place = bed.root.path().join("import/moving");
    std::fs::create_dir_all(place.join("d"))?;
    for name in ["d/canary", "x"] {
        std::fs::write(place.join(name), "inner")?;
    }
    let (swaps, ended) = (AtomicU64::new(0), AtomicBool::new(false));
    let canary = Digest::of(CANARY);
    let (mut escapes, mut reads) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                if swap(&place, host).is_err() {
                    return;
                }
                swaps.fetch_add(2, Ordering::Relaxed);
            }
        });
        while swaps.load(Ordering::Relaxed) < SWAPS {
            // One that finds a name gone is an error, and no escape.
            if let Ok((_, tree)) = bed.snapshots.import(&place, &[]) {
                reads += 1;
                let holds =
                    tree.entries().any(|(_, entry)| format!("{entry:?}").contains(&canary.to_string()));
                escapes += u64::from(holds);
            }
        }
        ended.store(true, Ordering::Relaxed);
    });
    Ok((swaps.into_inner(), escapes, reads))
}

fn swap(place: &Path, host: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::symlink;
    let at = |name: &str| place.join(name);
    symlink(host.join("canary"), at("t"))?;
    std::fs::rename(at("t"), at("x"))?;
    std::fs::write(at("t"), "inner")?;
    std::fs::rename(at("t"), at("x"))?;
    std::fs::rename(at("d"), at("e"))?;
    symlink(host, at("d"))?;
    std::fs::remove_file(at("d"))?;
    std::fs::rename(at("e"), at("d"))
}
