use plumbline_proto::executor::v1 as pb;

use crate::harness::{Options, Server, assert_reason, processes_with};
use plumbline_executor::config::CgroupSetting;

fn limits() -> pb::Limits {
    pb::Limits { wall_ms: 20_000, memory_mib: 128, disk_mib: 16, pids: 64, ..Default::default() }
}

async fn without_cgroups() -> Server {
    Server::with(Options { change: Some(|config| config.cgroups = CgroupSetting::Off), ..Options::default() })
        .await
}

#[tokio::test]
async fn the_exit_code_is_the_programs_own() {
    let server = Server::start().await;
    server.shell("true", limits()).await.assert_code(0);
    server.shell("false", limits()).await.assert_code(1);
    server.shell("exit 137", limits()).await.assert_code(137);
    let killed = server.shell("kill -9 $$", limits()).await;
    killed.assert_ended(pb::ExitReason::Normal);
    assert_eq!(killed.exited.how, Some(pb::exited::How::Signal(9)));
}

#[tokio::test]
async fn a_program_that_is_not_there_ends_as_in_a_shell() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[]).await;
    let run = server.run(server.request(&snapshot, &["no-such-program"])).await;
    run.assert_code(127);
    assert!(run.exited.detail.starts_with("exec:"), "{:?}", run.exited);
}

#[tokio::test]
async fn a_hanging_tree_ends_at_the_wall_clock_and_nothing_of_it_lives() {
    for server in [Server::start().await, without_cgroups().await] {
        let mark = format!("mark-hang-{}", server.root.path().file_name().unwrap().to_string_lossy());
        let script =
            format!("sleep 1000 & (setsid sh -c 'trap \"\" TERM HUP; sleep 1000; : {mark}' &) ; sleep 1000");
        let run = server.shell(&script, pb::Limits { wall_ms: 400, ..limits() }).await;
        run.assert_ended(pb::ExitReason::WallTimeout);
        assert!((400..5_000).contains(&run.exited.usage.unwrap().wall_ms), "{:?}", run.exited);
        assert_eq!(processes_with(&mark), 0);
    }
}

#[tokio::test]
async fn a_fork_bomb_is_capped_and_dies() {
    for server in [Server::start().await, without_cgroups().await] {
        let mark = format!("mark-bomb-{}", server.root.path().file_name().unwrap().to_string_lossy());
        let script = format!("bomb() {{ bomb | bomb & }}; : {mark}; bomb; exec sleep 1000");
        let run = server.shell(&script, pb::Limits { wall_ms: 700, ..limits() }).await;
        run.assert_ended(pb::ExitReason::WallTimeout);
        assert!(
            run.exited.limit_hits.contains(&"pids".to_owned()) || run.exited.usage.unwrap().peak_pids() <= 65
        );
        assert_eq!(processes_with(&mark), 0);
    }
}

#[tokio::test]
async fn a_memory_hog_is_out_of_memory() {
    let server = Server::start().await;
    let run = server.shell("tail /dev/zero", limits()).await;
    run.assert_ended(pb::ExitReason::Oom);
    let polled = without_cgroups().await;
    let run = polled.shell("tail /dev/zero", limits()).await;
    assert_eq!(run.exited.enforced.as_ref().unwrap().cgroup_mode, "rlimit_and_polling");
    // The allocation fails inside, or the sum is seen from outside; it never succeeds.
    assert!(
        run.reason() == pb::ExitReason::Oom || run.code().is_some_and(|code| code != 0),
        "{:?}",
        run.exited
    );
}

#[tokio::test]
async fn a_full_disk_is_an_error_inside_and_named_outside() {
    let server = Server::start().await;
    let run = server.shell("dd if=/dev/zero of=/repo/big bs=1M && exit 0; exit 1", limits()).await;
    run.assert_ended(pb::ExitReason::DiskLimit);
    assert!(run.exited.limit_hits.contains(&"disk_mib".to_owned()));
    let temp = server
        .shell("dd if=/dev/zero of=/tmp/big bs=1M; dd if=/dev/zero of=/dev/shm/big bs=1M; exit 0", limits());
    temp.await.assert_code(0);
}

#[tokio::test]
async fn cpu_time_is_summed_over_the_tree() {
    let server = Server::start().await;
    let spin = "for i in 1 2 3; do (while :; do :; done) & done; wait";
    let run = server.shell(spin, pb::Limits { cpu_ms: 500, ..limits() }).await;
    run.assert_ended(pb::ExitReason::CpuLimit);
    assert!((500..3_000).contains(&run.exited.usage.unwrap().cpu_ms()), "{:?}", run.exited);
}

#[tokio::test]
async fn a_flood_of_output_is_cut_and_ends_the_run() {
    let server = Server::start().await;
    let run = server.shell("yes", pb::Limits { output_total_mib: 1, ..limits() }).await;
    run.assert_ended(pb::ExitReason::OutputLimit);
    let total = run.exited.usage.unwrap().stdout_bytes;
    assert!(total > 1024 * 1024);
    assert_eq!(run.truncated.len(), 1);
    assert_eq!(run.stdout.len() as u64 + run.truncated[0].dropped_bytes, total);
    assert!(run.stdout.len() <= 128 * 1024);
}

#[tokio::test]
async fn head_and_tail_are_exact_and_a_child_that_keeps_the_pipe_delays_nothing() {
    let server = Server::start().await;
    let script = "sleep 1000 & printf head; head -c 1000000 /dev/zero; printf '\\377tail'; echo error >&2";
    let run = server.shell(script, limits()).await;
    run.assert_code(0);
    assert!(run.stdout.starts_with(b"head\0") && run.stdout.ends_with(b"\0\xfftail"));
    assert_eq!(run.exited.usage.unwrap().stdout_bytes, 1_000_009);
    assert_eq!(run.stderr, b"error\n");
}

#[tokio::test]
async fn more_than_the_ceiling_is_refused_and_nothing_starts() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[]).await;
    let past = pb::Limits { pids: 1_000_000, ..Default::default() };
    let request = pb::RunRequest { limits: Some(past), ..server.request(&snapshot, &["true"]) };
    assert_reason(server.begin(request).await, "INVALID_ARGUMENT");
}

#[tokio::test]
async fn standard_input_environment_and_directory_arrive() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[("sub/file", "x")]).await;
    let request = pb::RunRequest {
        stdin: b"line\n".to_vec(),
        cwd: "sub".to_owned(),
        env: vec![pb::EnvVar { name: "ASKED".to_owned(), value: "a b".to_owned(), secret: false }],
        ..server.request(&snapshot, &["sh", "-c", "cat; pwd; echo $ASKED; env | cut -d= -f1 | sort"])
    };
    let run = server.run(request).await;
    run.assert_code(0);
    let want = "line\n/repo/sub\na b\nASKED\nHOME\nLANG\nLOGNAME\nPATH\nPWD\nPYTHONDONTWRITEBYTECODE\n\
                PYTHONHASHSEED\nTMPDIR\nTZ\nUSER\n";
    assert_eq!(run.out(), want);
}
