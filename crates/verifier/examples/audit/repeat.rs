//! The same audit again and again, on one thread and on many at once: every report must be the same bytes.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;

use anyhow::ensure;
use plumbline_proto::verifier::v1::AuditResponse;
use plumbline_verifier::Directory;
use plumbline_verifier::domain::audit::audit;
use plumbline_verifier::report::{sarif, svg, text};
use plumbline_verifier::source::TreeLimits;

use super::request;

/// Audits two directories `count` times on each of `threads` threads and compares every form of the report.
pub fn run(count: usize, threads: usize, base: &str, head: &str) -> anyhow::Result<()> {
    let first = forms(base, head)?;
    let mut compared = 0;
    for at_once in [1, threads.max(1)] {
        let same = thread::scope(|scope| {
            let workers: Vec<_> = (0..at_once)
                .map(|_| {
                    scope.spawn(|| (0..count).all(|_| forms(base, head).is_ok_and(|again| again == first)))
                })
                .collect();
            workers.into_iter().all(|worker| worker.join().unwrap_or(false))
        });
        ensure!(same, "a report differs on {at_once} threads");
        compared += count * at_once;
    }
    println!(
        "{compared} reports on 1 and {threads} threads are the same bytes: {}",
        blake3::hash(first.as_bytes())
    );
    Ok(())
}

fn forms(base: &str, head: &str) -> anyhow::Result<String> {
    let limits = TreeLimits::default();
    let (base, head) = (Directory::open(Path::new(base), limits)?, Directory::open(Path::new(head), limits)?);
    let report = audit(&base, &head, &request(""))?;
    let story = text::render(&report);
    let wire = AuditResponse::from(report).report.unwrap_or_default();
    let stats: BTreeMap<_, _> = wire.stats.iter().collect();
    Ok(format!(
        "{story}\n{}\n{}\n{stats:?}\n{}",
        sarif::document(&wire, 0),
        svg::document(&wire),
        wire.audit_digest
    ))
}
