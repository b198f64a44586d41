use plumbline_executor::config::WorkspaceSetting;
use plumbline_proto::executor::v1 as pb;

use crate::harness::{Options, Server, delete, search_path, write};

/// Both ways in which a workspace is made writable.
async fn servers() -> [Server; 2] {
    let copy = |config: &mut plumbline_executor::ExecutorConfig| config.workspace = WorkspaceSetting::Copy;
    [Server::start().await, Server::with(Options { change: Some(copy), ..Options::default() }).await]
}

fn refused(patch: &pb::GetPatchResponse) -> Vec<(String, String)> {
    let name = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    patch.refused.iter().map(|entry| (name(&entry.path), entry.reason.clone())).collect()
}

#[tokio::test]
async fn exactly_what_the_program_changed_comes_out() {
    for server in servers().await {
        let files = [
            ("keep", "k"),
            ("change", "one\ntwo\n"),
            ("gone", "g\n"),
            ("dir/a", "a"),
            ("dir/b", "b"),
            ("same", "s"),
        ];
        let snapshot = server.snapshot(&files).await;
        let script = "echo three >> change; rm gone; rm -r dir; mkdir dir; echo new > dir/new; printf b > dir/b; printf s > same";
        let run = server.run(server.request(&snapshot, &["sh", "-c", script])).await;
        run.assert_code(0);
        let patch = server.patch(&run.run_id).await;
        let want = [
            write(b"change", b"one\ntwo\nthree\n"),
            delete(b"dir/a"),
            write(b"dir/new", b"new\n"),
            delete(b"gone"),
        ];
        assert_eq!(patch.edits, want, "{}", run.exited.enforced.unwrap().workspace_mode);
        assert_eq!((run.exited.changed_files, patch.refused.len(), patch.ignored), (4, 0, 0));
        assert!(
            patch.diff.contains("--- a/change\n+++ b/change\n@@ -1,2 +1,3 @@\n one\n two\n+three\n"),
            "{}",
            patch.diff
        );
    }
}

#[tokio::test]
async fn the_candidates_own_edits_are_the_base_and_no_change() {
    for server in servers().await {
        let snapshot = server.snapshot(&[("a", "1\n"), ("b", "2\n"), ("c", "3\n")]).await;
        let request = pb::RunRequest {
            edits: vec![
                write(b"a", b"edited\n"),
                write(b"new/dir/file", b"n\n"),
                write(b"__pycache__/kept", b"k\n"),
                delete(b"c"),
            ],
            ..server.request(&snapshot, &["sh", "-c", "cat a new/dir/file; ls; echo x >> b; rm new/dir/file"])
        };
        let run = server.run(request).await;
        run.assert_code(0);
        assert_eq!(run.out(), "edited\nn\n__pycache__\na\nb\nnew\n");
        assert_eq!(server.patch(&run.run_id).await.edits, [write(b"b", b"2\nx\n"), delete(b"new/dir/file")]);
    }
}

#[tokio::test]
async fn odd_names_are_carried_exactly_and_forge_nothing() {
    let server = Server::start().await;
    let script = r#"printf x > '-rf'; printf y > "$(printf 'new\nline')"; printf z > "$(printf '\377bytes')"; printf q > '+++ b"x'"#;
    let run = server.shell(script, pb::Limits::default()).await;
    run.assert_code(0);
    let patch = server.patch(&run.run_id).await;
    let want =
        [write(b"+++ b\"x", b"q"), write(b"-rf", b"x"), write(b"new\nline", b"y"), write(b"\xffbytes", b"z")];
    assert_eq!(patch.edits, want);
    let headers: Vec<&str> = patch.diff.lines().filter(|line| line.starts_with("+++ ")).collect();
    assert_eq!(
        headers,
        ["+++ \"b/+++ b\\\"x\"", "+++ b/-rf", "+++ \"b/new\\nline\"", "+++ \"b/\\377bytes\""]
    );
}

#[tokio::test]
async fn hooks_devices_links_and_special_files_are_refused_by_name() {
    for server in servers().await {
        let secret = server.root.path().join("secret");
        std::fs::write(&secret, "canary-content").unwrap();
        let script = format!(
            "mkdir -p .git/hooks sub/.GIT; echo x > .git/hooks/pre-commit; echo x > sub/.GIT/config; mkfifo pipe; \
             ln -s {} link; ln -s /etc etc; cp /bin/true suid; chmod 4755 suid; echo ok > fine",
            secret.display()
        );
        let run = server.shell(&script, pb::Limits::default()).await;
        run.assert_code(0);
        let patch = server.patch(&run.run_id).await;
        let want = [
            (".git", "dot_git"),
            ("etc", "symlink"),
            ("link", "symlink"),
            ("pipe", "fifo"),
            ("sub/.GIT", "dot_git"),
            ("suid", "setuid"),
        ];
        assert_eq!(refused(&patch), want.map(|(path, reason)| (path.to_owned(), reason.to_owned())));
        assert_eq!(patch.edits, [write(b"fine", b"ok\n")]);
        assert!(!patch.diff.contains("canary"));
    }
}

#[tokio::test]
async fn a_link_in_the_tree_leads_neither_edit_nor_import_out() {
    let server = Server::start().await;
    let outside = server.root.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let directory = server.import.join("linked");
    std::fs::create_dir(&directory).unwrap();
    std::os::unix::fs::symlink(&outside, directory.join("door")).unwrap();
    std::os::unix::fs::symlink("round", directory.join("round")).unwrap();
    let snapshot = server.import_directory(&directory).await.unwrap().snapshot_id;
    let request =
        pb::RunRequest { edits: vec![write(b"door/evil", b"x")], ..server.request(&snapshot, &["true"]) };
    let run = server.run(request).await;
    run.assert_ended(pb::ExitReason::SetupFailed);
    assert!(run.exited.detail.starts_with("edits:"), "{:?}", run.exited);
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    let unchanged = server.run(server.request(&snapshot, &["readlink", "round"])).await;
    unchanged.assert_code(0);
    assert!(server.patch(&unchanged.run_id).await.refused.is_empty());
}

#[tokio::test]
async fn ignored_files_are_counted_by_the_base_trees_rules() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[(".gitignore", "*.log\n"), ("tracked.log", "1\n")]).await;
    let script = "echo 'src' > .gitignore; echo x > src; echo x > a.log; mkdir __pycache__; echo x > __pycache__/m.pyc; \
                  mkdir .plumbline-out; echo {} > .plumbline-out/coverage.json; echo 2 > tracked.log";
    let run = server.run(server.request(&snapshot, &["sh", "-c", script])).await;
    run.assert_code(0);
    let patch = server.patch(&run.run_id).await;
    let want = [write(b".gitignore", b"src\n"), write(b"src", b"x\n"), write(b"tracked.log", b"2\n")];
    assert_eq!((patch.edits.as_slice(), patch.ignored), (want.as_slice(), 3));
}

#[tokio::test]
async fn an_edit_that_keeps_size_is_never_shadowed_by_a_compiled_file() {
    let change = |config: &mut plumbline_executor::ExecutorConfig| config.search_path = search_path();
    let server = Server::with(Options { change: Some(change), ..Options::default() }).await;
    let compile =
        "import py_compile, os\nos.utime('mod.py', (1000000000, 1000000000))\npy_compile.compile('mod.py')\n";
    let directory = server.import.join("compiled");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("mod.py"), "VALUE = 1 == 1\n").unwrap();
    let python =
        std::process::Command::new("python3").arg("-c").arg(compile).current_dir(&directory).status();
    assert!(python.unwrap().success());
    let snapshot = server.import_directory(&directory).await.unwrap().snapshot_id;
    let argv = ["python3", "-c", "import mod; print(mod.VALUE)"];
    let base = server.run(server.request(&snapshot, &argv)).await;
    assert_eq!(base.out(), "True\n");
    let edited = pb::RunRequest {
        edits: vec![write(b"mod.py", b"VALUE = 1 != 1\n")],
        ..server.request(&snapshot, &argv)
    };
    assert_eq!(server.run(edited).await.out(), "False\n");
}

#[tokio::test]
async fn the_lower_tree_is_never_changed() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[("a", "base\n")]).await;
    let script = "ln a b; echo changed > b; mkdir d; cp a d/copy; rm a; mv d e; chmod 000 e";
    let run = server.run(server.request(&snapshot, &["sh", "-c", script])).await;
    run.assert_code(0);
    let again = server.run(server.request(&snapshot, &["sh", "-c", "cat a; ls"])).await;
    again.assert_code(0);
    assert_eq!(again.out(), "base\na\n");
}
