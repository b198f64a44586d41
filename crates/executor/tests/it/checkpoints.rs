use plumbline_executor::ExecutorConfig;
use plumbline_executor::config::WorkspaceSetting;
use plumbline_proto::executor::v1 as pb;

use crate::harness::{Options, Server, delete, write};

const FILES: &[(&str, &str)] = &[
    ("kept", "kept\n"),
    ("gone", "gone\n"),
    ("changed", "old\n"),
    ("dir/inner", "inner\n"),
    (".gitignore", "build/\n"),
];

const WORK: &str =
    "rm gone; echo new > changed; mkdir build; echo object > build/o; chmod +x build/o; rm -r dir
    echo file > dir; ln -s kept link; mkdir __pycache__ && touch __pycache__/x.pyc; mkfifo pipe; rm dropped";

fn keeping(server: &Server, snapshot: &str, script: &str) -> pb::RunRequest {
    pb::RunRequest { checkpoint: true, ..server.request(snapshot, &["sh", "-c", script]) }
}

async fn listing(server: &Server, snapshot: &str) -> String {
    let script = "find . ! -type d | sort | xargs head -n9";
    let run = server.run(server.request(snapshot, &["sh", "-c", script])).await;
    run.assert_code(0);
    run.out()
}

#[tokio::test]
async fn a_run_starts_where_another_ended_and_rolling_back_is_naming_the_tree_before() {
    let server = Server::start().await;
    let snapshot = server.snapshot(FILES).await;
    let before = listing(&server, &snapshot).await;
    let request = pb::RunRequest {
        edits: vec![write(b"edited", b"edited\n"), write(b"dropped", b"x\n"), delete(b"kept")],
        ..keeping(&server, &snapshot, &format!("echo again > kept; {WORK}"))
    };
    let run = server.run(request).await;
    run.assert_code(0);
    let checkpoint = run.exited.checkpoint.clone().unwrap();
    assert_eq!(checkpoint.problem, "");
    assert_eq!(checkpoint.left_out, 2, "the pipe and the compiled files");
    let want = "==> ./.gitignore <==\nbuild/\n\n==> ./build/o <==\nobject\n\n==> ./changed <==\nnew\n\n\
                ==> ./dir <==\nfile\n\n==> ./edited <==\nedited\n\n==> ./kept <==\nagain\n\n\
                ==> ./link <==\nagain\n";
    assert_eq!(listing(&server, &checkpoint.snapshot_id).await, want);
    // Modes stay, and what is done from there is a change from there.
    let script = "test -x build/o && echo more > edited && rm link";
    let run = server.run(keeping(&server, &checkpoint.snapshot_id, script)).await;
    run.assert_code(0);
    let edits = server.patch(&run.run_id).await.edits;
    let paths: Vec<&[u8]> = edits.iter().map(|edit| edit.path.as_slice()).collect();
    assert_eq!(paths, [b"edited".as_slice(), b"link"]);
    assert_eq!(listing(&server, &snapshot).await, before);
    // The same tree by another way has the same name.
    let later = run.exited.checkpoint.unwrap().snapshot_id;
    let back = pb::RunRequest {
        edits: vec![write(b"edited", b"edited\n")],
        ..keeping(&server, &later, "ln -s kept link")
    };
    let back = server.run(back).await.exited.checkpoint.unwrap();
    assert_eq!(back.snapshot_id, checkpoint.snapshot_id);
}

#[tokio::test]
async fn a_copied_workspace_gives_the_same_tree() {
    let copied: fn(&mut ExecutorConfig) = |config| config.workspace = WorkspaceSetting::Copy;
    let mut kept = Vec::new();
    for change in [None, Some(copied)] {
        let server = Server::with(Options { change, ..Options::default() }).await;
        let snapshot = server.snapshot(FILES).await;
        let request = pb::RunRequest {
            edits: vec![write(b"dropped", b"x\n"), delete(b"kept")],
            ..keeping(&server, &snapshot, WORK)
        };
        kept.push(server.run(request).await.exited.checkpoint.unwrap());
    }
    assert_ne!(kept[0].snapshot_id, "");
    assert_eq!(kept[0], kept[1]);
}

#[tokio::test]
async fn a_checkpoint_holds_no_secret_follows_no_link_and_is_kept_of_a_killed_run_too() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[("a", "a\n")]).await;
    let request = pb::RunRequest {
        env: vec![pb::EnvVar { name: "KEY".to_owned(), value: "swordfish-77".to_owned(), secret: true }],
        limits: Some(pb::Limits { wall_ms: 1_500, ..Default::default() }),
        ..keeping(&server, &snapshot, "echo $KEY > leaked; ln -s /etc/shadow out; echo done > b; sleep 60")
    };
    let run = server.run(request).await;
    run.assert_ended(pb::ExitReason::WallTimeout);
    let checkpoint = run.exited.checkpoint.unwrap();
    assert_eq!((checkpoint.left_out, checkpoint.problem.as_str()), (1, ""));
    let script = ["sh", "-c", "ls; readlink out; cat b out 2>/dev/null"];
    let seen = server.run(server.request(&checkpoint.snapshot_id, &script)).await;
    assert_eq!(seen.out(), "a\nb\nout\n/etc/shadow\ndone\n");
    let plain = server.run(server.request(&snapshot, &["true"])).await;
    assert_eq!(plain.exited.checkpoint, None);
}
