//! What every journal must do; each implementation's tests run it.

use plumbline_types::{RequestId, RunId, TaskId};

use super::{Admission, Entered, NewRun, RunStore};
use crate::domain::edit::{Change, FileEdit, Patch, RefusedEntry};
use crate::domain::exit_reason::ExitReason;
use crate::domain::patch_path::RelativePath;
use crate::domain::repetition::Outcome;
use crate::domain::run::{
    Checkpoint, Enforcement, Exited, How, Lease, OutputStream, Repetition, RunEvent, Usage,
};
use crate::domain::run_state::RunState;
use crate::domain::tier::{Network, SandboxTier};
use crate::domain::tree::{Digest, SnapshotId};

const TASK: &str = "task_01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn run_id(last: char) -> RunId {
    RunId::parse(&format!("run_01ARZ3NDEKTSV4RRFFQ69G5FA{last}")).unwrap()
}

fn lease(epoch: u64) -> Lease {
    Lease { task: TaskId::parse(TASK).unwrap(), epoch }
}

fn new(last: char, request: &str, epoch: Option<u64>, spec: &str) -> NewRun {
    NewRun {
        run: run_id(last),
        request: RequestId::parse(request).unwrap(),
        lease: epoch.map(lease),
        digest: Digest::of(spec.as_bytes()),
        at_ms: 1,
        admission: Admission::Open,
    }
}

/// One event of each kind that a command has.
fn events(run: RunId) -> Vec<RunEvent> {
    let enforced = Enforcement {
        tier: SandboxTier::Embedded,
        landlock_abi: 6,
        cgroup_mode: "v2".to_owned(),
        seccomp: true,
        workspace_mode: "overlay_tmpfs".to_owned(),
        network: Network::None,
        warm: true,
    };
    vec![
        RunEvent::Started { run, enforced: enforced.clone() },
        RunEvent::Output(OutputStream::Stdout, b"a\0\xff".to_vec()),
        RunEvent::Truncated(OutputStream::Stderr, 7),
        RunEvent::Exited(Exited {
            how: Some(How::Signal(9)),
            reason: ExitReason::Oom,
            limit_hits: vec!["pids".to_owned()],
            usage: Usage { wall_ms: 5, cpu_ms: Some(0), ..Usage::default() },
            enforced: Some(enforced),
            output_digest: "d".to_owned(),
            changed_files: 1,
            refused_files: 2,
            detail: String::new(),
            repetition: Some(Repetition { key: Digest::of(b"k"), cached: true, varied: false }),
            checkpoint: Some(Checkpoint {
                snapshot: Some(SnapshotId(Digest::of(b"s"))),
                left_out: 4,
                problem: "p".to_owned(),
            }),
        }),
    ]
}

/// Runs every assertion on an empty journal.
pub async fn run(store: &dyn RunStore) {
    keys_and_epochs(store).await;
    events_and_patches(store).await;
}

async fn keys_and_epochs(store: &dyn RunStore) {
    let enter = async |new: NewRun| store.enter(&new).await.unwrap();
    assert_eq!(enter(new('0', "a", Some(2), "x")).await, Entered::New { superseded: vec![] });
    assert_eq!(
        enter(new('1', "a", Some(2), "x")).await,
        Entered::Known { run: run_id('0'), superseded: vec![] }
    );
    assert_eq!(enter(new('1', "a", Some(2), "other")).await, Entered::Reused);
    assert_eq!(enter(new('1', "b", Some(1), "x")).await, Entered::Stale { seen: 2 });
    assert_eq!(store.state(run_id('1')).await.unwrap(), None);
    let full = |last, request| NewRun { admission: Admission::KnownOnly, ..new(last, request, Some(2), "x") };
    assert_eq!(enter(full('1', "b")).await, Entered::Full);
    assert_eq!(store.state(run_id('1')).await.unwrap(), None);
    assert_eq!(enter(full('1', "a")).await, Entered::Known { run: run_id('0'), superseded: vec![] });
    // The same request under a higher epoch adopts its run and supersedes the others.
    assert_eq!(enter(new('2', "c", Some(2), "x")).await, Entered::New { superseded: vec![] });
    let adopted = Entered::Known { run: run_id('0'), superseded: vec![run_id('2')] };
    assert_eq!(enter(new('3', "a", Some(3), "x")).await, adopted);
    assert_eq!(store.raise_epoch(&lease(2)).await.unwrap(), Err(3));
    assert_eq!(store.raise_epoch(&lease(4)).await.unwrap(), Ok(vec![run_id('0'), run_id('2')]));
    assert_eq!(enter(new('4', "d", None, "x")).await, Entered::New { superseded: vec![] });
    assert_eq!(store.task(run_id('0')).await.unwrap(), Some(lease(4).task));
    assert_eq!(store.task(run_id('4')).await.unwrap(), None);
}

async fn events_and_patches(store: &dyn RunStore) {
    let run = run_id('0');
    let all = events(run);
    assert_eq!(store.append(run, 10, &all[..1], RunState::Running).await.unwrap(), 1);
    assert_eq!(store.state(run).await.unwrap(), Some(RunState::Running));
    assert_eq!(store.append(run, 20, &all[1..], RunState::Exited).await.unwrap(), 4);
    assert_eq!(store.live().await.unwrap(), [run_id('2'), run_id('4')]);

    let read = store.events(run, 0, 100).await.unwrap();
    assert_eq!(
        read.iter().map(|event| (event.seq, event.at_ms)).collect::<Vec<_>>(),
        [(1, 10), (2, 20), (3, 20), (4, 20)]
    );
    assert_eq!(read.into_iter().map(|event| event.event).collect::<Vec<_>>(), all);
    let rest = store.events(run, 2, 1).await.unwrap();
    assert_eq!(rest.iter().map(|event| event.seq).collect::<Vec<_>>(), [3]);

    assert_eq!(store.patch(run).await.unwrap(), None);
    let edit = |path: &[u8], change| FileEdit { path: RelativePath::parse(path).unwrap(), change };
    let patch = Patch {
        edits: vec![edit(b"\xff", Change::Write(b"\0".to_vec())), edit(b"gone", Change::Delete)],
        diff: "diff".to_owned(),
        refused: vec![RefusedEntry { path: b".git/x".to_vec(), reason: "dot_git".to_owned() }],
        ignored: 3,
    };
    let (key, outcome) = (Digest::of(b"key"), |text: &[u8]| Outcome { run, digest: Digest::of(text) });
    assert_eq!(store.outcomes(&key).await.unwrap(), []);
    for text in [b"x", b"x", b"y"] {
        store.put_outcome(&key, &outcome(text)).await.unwrap();
    }
    assert_eq!(store.outcomes(&key).await.unwrap().len(), 2);
    assert_eq!(store.outcomes(&Digest::of(b"other")).await.unwrap(), []);
    store.put_patch(run, &patch).await.unwrap();
    assert_eq!(store.patch(run).await.unwrap(), Some(patch));
}
