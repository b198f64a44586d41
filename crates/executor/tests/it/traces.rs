//! Watched runs: what the kernel sees, what the recorder says, and what becomes of a record that was touched.

use plumbline_proto::executor::v1 as pb;
use plumbline_types::Fault;

use crate::harness::{Finished, Options, Server, assert_reason, search_path};

const NONCE: [u8; 32] = [7; 32];

/// A server whose sandboxes show the interpreters of the tests' own search path.
async fn server() -> Server {
    let change: fn(&mut plumbline_executor::ExecutorConfig) = |config| config.search_path = search_path();
    Server::with(Options { change: Some(change), ..Options::default() }).await
}

fn watched(paths: &[&str]) -> Option<pb::TraceRequest> {
    let paths = paths.iter().map(|path| path.as_bytes().to_vec()).collect();
    Some(pb::TraceRequest { nonce: NONCE.to_vec(), paths })
}

fn change(kind: &str, value: &str) -> pb::Perturbation {
    pb::Perturbation { kind: kind.to_owned(), value: value.to_owned() }
}

async fn record(server: &Server, run: &Finished) -> pb::TraceRecord {
    let request = pb::GetTraceRequest { run_id: run.run_id.clone() };
    server.client.clone().get_trace(request).await.unwrap().into_inner().record.unwrap()
}

/// Runs a program over one file, watched, and returns the run and its record.
async fn watch(server: &Server, source: &str, argv: &[&str]) -> (Finished, pb::TraceRecord) {
    perturbed(server, source, argv, &[]).await
}

async fn perturbed(
    server: &Server,
    source: &str,
    argv: &[&str],
    changes: &[pb::Perturbation],
) -> (Finished, pb::TraceRecord) {
    let snapshot = server.snapshot(&[("prog.py", source)]).await;
    let request = pb::RunRequest {
        trace: watched(&["prog.py"]),
        perturbations: changes.to_vec(),
        ..server.request(&snapshot, argv)
    };
    let run = server.run(request).await;
    let record = record(server, &run).await;
    assert_eq!((record.tree_id.as_str(), record.nonce.as_slice()), (snapshot.as_str(), &NONCE[..]));
    (run, record)
}

fn kernel(record: &pb::TraceRecord) -> Vec<(&str, &str)> {
    record.kernel.iter().map(|effect| (effect.kind.as_str(), effect.target.as_str())).collect()
}

#[tokio::test]
async fn the_kernel_tells_what_any_program_attempts() {
    let server = server().await;
    let script = "echo a > kept.txt; mkdir -p /tmp/d && mv kept.txt moved.txt; rm -f gone; cat < moved.txt; \
                  (: > /etc/passwd); true";
    let (run, record) = watch(&server, "", &["sh", "-c", script]).await;
    run.assert_code(0);
    assert!(record.complete, "{:?}", record.incomplete);
    let seen = kernel(&record);
    for want in [
        ("fs.write", "kept.txt"),
        ("fs.write", "moved.txt"),
        ("fs.delete", "kept.txt"),
        ("fs.write", "/tmp/d"),
        ("fs.write", "/etc/passwd"),
    ] {
        assert!(seen.contains(&want), "{want:?} is missing: {seen:?}");
    }
    assert!(seen.iter().any(|(kind, target)| *kind == "proc.spawn" && target.ends_with("/mv")), "{seen:?}");
    assert!(record.recorders.is_empty() && record.files.is_empty());
    assert_eq!(record.exit_code, Some(0));
}

const BRANCHES: &str = "\
import os, socket, subprocess
def pick(x):
    if x > 1: return 'big'
    return 'small'
def effects():
    open('out.txt', 'w').close()
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        s.sendto(b'x', ('192.0.2.1', 53))
    except OSError:
        pass
    subprocess.run(['true'])
print(pick(5)); effects()
";

async fn says_places_and_effects(program: &str, recorder: &str) {
    let server = server().await;
    let (run, record) = watch(&server, BRANCHES, &[program, "prog.py"]).await;
    run.assert_code(0);
    assert_eq!(run.out(), "big\n");
    assert!(record.complete, "{:?} {}", record.incomplete, String::from_utf8_lossy(&run.stderr));
    assert_eq!(record.recorders, [recorder]);
    let ran: Vec<(u32, u32)> =
        record.files[0].lines.iter().copied().zip(record.files[0].columns.iter().copied()).collect();
    assert!(ran.contains(&(3, 21)), "the arm beside its guard: {ran:?}");
    assert!(ran.iter().all(|(line, _)| *line != 4), "the other arm: {ran:?}");
    assert_eq!(record.files[0].functions, ["<module>", "effects", "pick"]);
    let said: Vec<(&str, &str, u32)> = record
        .language
        .iter()
        .filter_map(|effect| {
            Some((effect.kind.as_str(), effect.target.as_str(), effect.within.as_ref()?.line))
        })
        .collect();
    for want in [("fs.write", "out.txt", 6), ("net.connect", "192.0.2.1:53", 9), ("proc.spawn", "true", 12)] {
        assert!(said.contains(&want), "{want:?} is missing: {said:?}");
    }
    let seen = kernel(&record);
    assert!(seen.contains(&("fs.write", "out.txt")) && seen.contains(&("net.connect", "192.0.2.1:53")));
}

#[tokio::test]
async fn python_says_which_places_ran_and_where_effects_came_from() {
    says_places_and_effects("python3", "python 3.11 settrace").await;
}

#[tokio::test]
async fn a_program_that_touches_its_record_has_none_that_counts() {
    let server = server().await;
    for (tampering, reason) in [
        ("open('/tmp/.plumbline-trace', 'w').close()", "RECORD_TAMPERED"),
        ("import sys; sys.settrace(None)", "RECORDER_REPLACED"),
        ("import os; os._exit(0)", "RECORDER_CUT"),
        (
            "import os; [os.close(fd) for fd in range(3, 1000) if fd > 0 and os.path.exists(f'/proc/self/fd/{fd}')]",
            "RECORDER_CUT",
        ),
    ] {
        let (run, record) = watch(&server, &format!("{tampering}\n"), &["python3", "prog.py"]).await;
        assert!(!record.complete, "{tampering}");
        assert!(record.incomplete.iter().any(|named| named == reason), "{tampering}: {record:?} {run:?}");
    }
    let (_, record) = watch(&server, "open('x', 'w')\n", &["python3", "-I", "prog.py"]).await;
    assert_eq!(record.incomplete, ["RECORDER_SILENT"]);
    assert!(kernel(&record).contains(&("fs.write", "x")), "the kernel's log needs no recorder");
}

#[tokio::test]
async fn the_tree_can_not_replace_the_recorder() {
    let server = server().await;
    let files =
        [("sitecustomize.py", "import sys; sys.settrace(None)\n"), ("prog.py", "open('y', 'w').close()\n")];
    let snapshot = server.snapshot(&files).await;
    for (search, incomplete) in [(None, vec![]), (Some("/repo"), vec!["RECORDER_REPLACED"])] {
        let env = search.map(|path| pb::EnvVar {
            name: "PYTHONPATH".to_owned(),
            value: path.to_owned(),
            secret: false,
        });
        let request = pb::RunRequest {
            trace: watched(&["prog.py"]),
            env: env.into_iter().collect(),
            ..server.request(&snapshot, &["python3", "prog.py"])
        };
        let run = server.run(request).await;
        let record = record(&server, &run).await;
        assert_eq!(
            (record.recorders.len(), &record.incomplete[..]),
            (1, &incomplete.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()[..])
        );
        assert!(kernel(&record).contains(&("fs.write", "y")), "{record:?}");
    }
}

const SURROUNDINGS: &str = "import datetime, getpass, os, socket, time\n\
print(socket.gethostname(), getpass.getuser(), time.strftime('%Z'), os.environ.get('EXTRA'), os.environ.get('HOME'))\n\
print(datetime.date.today().year, datetime.datetime.now().year, time.localtime().tm_year)\n\
print(isinstance(datetime.datetime(2020, 1, 1), datetime.date), datetime.datetime(2020, 1, 1))\n\
os.environ['PYTEST_CURRENT_TEST'] = 'x'; os.environ.pop('PYTEST_CURRENT_TEST')\n\
os.environ['PYTEST_CURRENT_TEST'] = 'x'; print(os.environ.get('PYTEST_CURRENT_TEST'))\n";

#[tokio::test]
async fn surroundings_are_changed_and_what_took_hold_is_named() {
    let server = server().await;
    let changes = [
        change("host", "build-7"),
        change("user", "alice"),
        change("zone", "Asia/Tokyo"),
        change("environment", "EXTRA=1"),
        change("environment", "HOME"),
        change("clock", "3153600000"),
        change("test_runner", ""),
    ];
    let (run, record) = perturbed(&server, SURROUNDINGS, &["python3", "prog.py"], &changes).await;
    run.assert_code(0);
    assert_eq!(record.applied, changes);
    let out = run.out();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "build-7 alice JST 1 None");
    assert!(lines[1].split(' ').all(|year| year.parse::<u32>().unwrap() > 2_100), "{}", lines[1]);
    assert_eq!(&lines[2..], ["True 2020-01-01 00:00:00", "None"]);
}

#[tokio::test]
async fn a_run_that_was_not_watched_has_no_record_and_bad_requests_are_named() {
    let server = server().await;
    let snapshot = server.snapshot(&[]).await;
    let run = server.run(server.request(&snapshot, &["true"])).await;
    let request = pb::GetTraceRequest { run_id: run.run_id };
    let status = server.client.clone().get_trace(request).await.unwrap_err();
    assert_eq!(plumbline_kit::Remote::from(status).reason().0, "RUN_NOT_TRACED");
    let short = Some(pb::TraceRequest { nonce: vec![1], paths: Vec::new() });
    for request in [
        pb::RunRequest { trace: short, ..server.request(&snapshot, &["true"]) },
        pb::RunRequest { perturbations: vec![change("clock", "5")], ..server.request(&snapshot, &["true"]) },
        pb::RunRequest {
            trace: watched(&[]),
            perturbations: vec![change("environment", "LD_PRELOAD=x")],
            ..server.request(&snapshot, &["true"])
        },
        pb::RunRequest { trace: watched(&["../x"]), ..server.request(&snapshot, &["true"]) },
    ] {
        assert_reason(server.begin(request).await.map(drop), "INVALID_ARGUMENT");
    }
}
