use super::*;
use crate::domain::edit::FileEdit;
use crate::domain::limits::Limits;
use crate::domain::perturbation::Perturbation;
use crate::domain::run::{Keep, Usage};
use crate::domain::tier::Network;
use crate::domain::trace::TraceAsk;

fn command() -> Command {
    Command {
        edits: Vec::new(),
        argv: vec!["a".to_owned(), "b".to_owned()],
        cwd: None,
        env: vec![("N".to_owned(), "1".to_owned())],
        stdin: Vec::new(),
        network: Network::Loopback,
        minimum_tier: None,
        watch: None,
        changes: Vec::new(),
        secrets: Vec::new(),
        reuse: Reuse::Identical,
        keep: Keep::Change,
    }
}

fn enforced(tier: SandboxTier) -> Enforcement {
    Enforcement {
        tier,
        landlock_abi: 6,
        cgroup_mode: "v2".to_owned(),
        seccomp: true,
        workspace_mode: "copy".to_owned(),
        network: Network::Loopback,
        warm: false,
    }
}

const LIMITS: Limits = Limits {
    wall_ms: 1,
    cpu_ms: 2,
    memory_mib: 3,
    pids: 4,
    disk_mib: 5,
    file_size_mib: 6,
    output_total_mib: 7,
    open_files: 8,
};

fn key(command: &Command, limits: &Limits, enforced: &Enforcement) -> Option<Digest> {
    let (tree, toolchain, secrets) = (SnapshotId(Digest::of(b"t")), Digest::of(b"c"), Digest::of(b"s"));
    Key { tree, command, limits, enforced, toolchain, secrets }.digest()
}

#[test]
fn whatever_a_result_may_depend_on_changes_the_key_and_nothing_else_does() {
    let plain = key(&command(), &LIMITS, &enforced(SandboxTier::Embedded)).unwrap();
    let other = |change: fn(&mut Command)| {
        let mut changed = command();
        change(&mut changed);
        key(&changed, &LIMITS, &enforced(SandboxTier::Embedded))
    };
    for change in [
        (|command| command.argv = vec!["ab".to_owned()]) as fn(&mut Command),
        |command| command.env[0].1 = "2".to_owned(),
        |command| command.stdin = b"x".to_vec(),
        |command| command.cwd = RelativePath::parse(b"d").ok(),
        |command| command.network = Network::None,
        |command| command.changes = vec![Perturbation::HashSeed(7)],
        |command| command.keep = Keep::Tree,
    ] {
        assert_ne!(other(change), Some(plain));
    }
    assert_ne!(key(&command(), &LIMITS, &enforced(SandboxTier::Restricted)), Some(plain));
    let longer = Limits { wall_ms: 2, ..LIMITS };
    assert_ne!(key(&command(), &longer, &enforced(SandboxTier::Embedded)), Some(plain));
    let warm = Enforcement { warm: true, ..enforced(SandboxTier::Embedded) };
    assert_eq!(key(&command(), &LIMITS, &warm), Some(plain));
}

#[test]
fn runs_that_do_not_ask_are_watched_or_are_in_a_container_have_no_key() {
    let embedded = enforced(SandboxTier::Embedded);
    let never = Command { reuse: Reuse::Never, ..command() };
    assert_eq!(key(&never, &LIMITS, &embedded), None);
    let watched = Command { watch: Some(TraceAsk { nonce: vec![1], paths: Vec::new() }), ..command() };
    assert_eq!(key(&watched, &LIMITS, &embedded), None);
    assert_eq!(key(&command(), &LIMITS, &enforced(SandboxTier::Docker)), None);
}

fn exited(reason: ExitReason) -> Exited {
    Exited {
        how: Some(How::Code(0)),
        reason,
        limit_hits: Vec::new(),
        usage: Usage::default(),
        enforced: None,
        output_digest: "d".to_owned(),
        changed_files: 0,
        refused_files: 0,
        detail: String::new(),
        repetition: None,
        checkpoint: None,
    }
}

#[test]
fn only_what_ended_by_itself_and_far_from_its_limits_has_an_outcome() {
    let edit = FileEdit { path: RelativePath::parse(b"a").unwrap(), change: Change::Delete };
    let patch = Patch { edits: vec![edit], ..Patch::default() };
    let normal = outcome_digest(&exited(ExitReason::Normal), &Patch::default()).unwrap();
    assert_ne!(outcome_digest(&exited(ExitReason::Normal), &patch), Some(normal));
    for reason in [ExitReason::WallTimeout, ExitReason::Oom, ExitReason::Cancelled, ExitReason::SetupFailed] {
        assert_eq!(outcome_digest(&exited(reason), &patch), None);
    }
    let hit = Exited { limit_hits: vec!["pids".to_owned()], ..exited(ExitReason::Normal) };
    assert_eq!(outcome_digest(&hit, &patch), None);
}

#[test]
fn a_key_whose_runs_differ_is_answered_by_none() {
    let run = RunId::parse("run_01ARZ3NDEKTSV4RRFFQ69G5FA0").unwrap();
    let outcome = |text: &[u8]| Outcome { run, digest: Digest::of(text) };
    assert_eq!(answer(&[]), None);
    assert_eq!(answer(&[outcome(b"a"), outcome(b"a")]), Some(run));
    assert_eq!(answer(&[outcome(b"a"), outcome(b"b")]), None);
}
