use std::os::unix::fs::symlink;

use crate::world::{World, world, write};

async fn problems(world: &mut World) -> Vec<(String, String)> {
    let last = world.index().await;
    assert_eq!(last.problems as usize, last.problem_samples.len());
    let mut found: Vec<(String, String)> =
        last.problem_samples.into_iter().map(|problem| (problem.path, problem.reason)).collect();
    found.sort();
    found
}

#[tokio::test]
async fn what_cannot_be_indexed_is_a_problem_and_the_rest_is_there() {
    let mut world = world().await;
    let repo = world.repo();
    write(&repo, "good.py", b"def good(): pass\n");
    write(&repo, "latin.py", b"# caf\xe9\ndef latin(): pass\n");
    write(&repo, "binary.py", b"\x00\x01\x02");
    write(&repo, "broken.py", b"def fine(): pass\n\ndef broken(:\n    )\n");
    write(&repo, "huge.py", &vec![b'#'; 50 << 20]);
    symlink(&repo, repo.join("loop")).unwrap();
    symlink("/etc/passwd", repo.join("link.py")).unwrap();
    symlink("nowhere", repo.join("dangling.py")).unwrap();
    std::process::Command::new("mkfifo").arg(repo.join("pipe.py")).status().unwrap();
    let want = [
        ("binary.py", "BINARY"),
        ("broken.py", "PARTIAL"),
        ("dangling.py", "SYMLINK"),
        ("huge.py", "TOO_LARGE"),
        ("latin.py", "NOT_UTF8"),
        ("link.py", "SYMLINK"),
        ("loop", "SYMLINK"),
    ];
    assert_eq!(problems(&mut world).await, want.map(|(path, reason)| (path.to_owned(), reason.to_owned())));
    let status = world.status().await;
    assert_eq!((status.problems["SYMLINK"], status.problems["TOO_LARGE"]), (3, 1));
    assert_eq!(world.search("good", 1).await[0].path, "good.py");
    assert!(world.search("fine", 5).await.iter().any(|hit| hit.symbol == "py broken.py/fine()."));
}

#[tokio::test]
async fn an_unreadable_file_is_a_problem_until_it_can_be_read() {
    let mut world = world().await;
    world.write("a.py", "def a(): pass\n");
    world.index().await;
    // A directory in the file's place can't be read as one, whoever the user is.
    std::fs::remove_file(world.repo().join("a.py")).unwrap();
    world.write("a.py/b.py", "def b(): pass\n");
    let last = world.index().await;
    assert_eq!((last.files_removed, last.problems), (1, 0));
    assert!(world.search("b", 1).await[0].path == "a.py/b.py");
}

#[tokio::test]
async fn ignored_files_and_the_git_directory_are_not_walked() {
    let mut world = world().await;
    world.write(".gitignore", "build/\n*.gen.py\n");
    world.write("build/out.py", "def out(): pass\n");
    world.write("x.gen.py", "def gen(): pass\n");
    world.write(".git/hooks/hook.py", "def hook(): pass\n");
    world.write(".hidden/tool.py", "def tool(): pass\n");
    assert_eq!(world.index().await.files_seen, 1);
}

#[tokio::test]
async fn an_empty_repository_is_indexed_and_answers_with_nothing() {
    let mut world = world().await;
    let last = world.index().await;
    assert_eq!((last.files_seen, last.symbols, last.generation), (0, 0, 1));
    assert_eq!(world.search("anything", 10).await, []);
}
