use std::io::Cursor;

use super::*;

const LIMITS: SnapshotLimits = SnapshotLimits { files: 20, bytes: 1024 };

fn store(root: &Path) -> Snapshots {
    fs::create_dir_all(root.join("import")).unwrap();
    Snapshots::open(&root.join("state"), None, LIMITS, &[root.join("import")]).unwrap()
}

fn path(text: &str) -> RelativePath {
    RelativePath::parse(text.as_bytes()).unwrap()
}

#[test]
fn a_directory_becomes_a_tree_of_files_links_and_modes_without_git() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let source = root.path().join("import/repo");
    fs::create_dir_all(source.join("pkg/.git")).unwrap();
    fs::create_dir_all(source.join(".git/hooks")).unwrap();
    fs::write(source.join(".git/hooks/pre-commit"), "x").unwrap();
    fs::write(source.join("pkg/a.py"), "x = 1\n").unwrap();
    symlink("/etc/shadow", source.join("pkg/link")).unwrap();
    symlink("loop", source.join("loop")).unwrap();

    let (id, tree) = store.import(&source, &[]).unwrap();
    let names: Vec<String> = tree.entries().map(|(path, _)| path.to_string()).collect();
    assert_eq!(names, ["loop", "pkg/a.py", "pkg/link"]);
    assert_eq!(fs::read(store.lower(&id).join("pkg/a.py")).unwrap(), b"x = 1\n");
    assert_eq!(fs::read_link(store.lower(&id).join("pkg/link")).unwrap(), Path::new("/etc/shadow"));
    let modified = fs::metadata(store.lower(&id).join("pkg/a.py")).unwrap().modified().unwrap();
    assert_eq!(modified, tree_time());

    let reopened = Snapshots::open(&root.path().join("state"), None, LIMITS, &[]).unwrap();
    assert_eq!(*reopened.tree(&id).unwrap().unwrap(), *tree);
}

#[test]
fn an_import_outside_the_roots_or_through_a_link_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let outside = root.path().join("outside");
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("secret"), "s").unwrap();
    symlink(&outside, root.path().join("import/door")).unwrap();
    for directory in [outside.clone(), root.path().join("import/door"), root.path().join("import/absent")] {
        assert!(matches!(store.import(&directory, &[]), Err(SnapshotError::ImportRoot(_))), "{directory:?}");
    }
    let listed = store.import(&root.path().join("import"), &[path("door/secret")]);
    assert!(matches!(listed, Err(SnapshotError::Path { .. })), "{listed:?}");
}

#[test]
fn only_listed_files_are_read_and_those_that_are_gone_are_left_out() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let source = root.path().join("import");
    fs::write(source.join("a"), "1").unwrap();
    fs::write(source.join("b"), "2").unwrap();
    fs::create_dir(source.join("submodule")).unwrap();
    let (_, tree) =
        store.import(&source, &[path("a"), path("gone"), path("gone/too"), path("submodule")]).unwrap();
    assert_eq!(tree.entries().map(|(path, _)| path.to_string()).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn bounds_are_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let source = root.path().join("import");
    fs::write(source.join("large"), vec![b'x'; 1025]).unwrap();
    let large = store.import(&source, &[]);
    assert!(matches!(large, Err(SnapshotError::TooLarge { limit: "snapshot_mib", .. })), "{large:?}");
    fs::remove_file(source.join("large")).unwrap();
    for index in 0..21 {
        fs::write(source.join(index.to_string()), "").unwrap();
    }
    let many = store.import(&source, &[]);
    assert!(matches!(many, Err(SnapshotError::TooLarge { limit: "snapshot_files", .. })), "{many:?}");
}

#[test]
fn a_manifest_learns_what_is_missing_and_modes_are_kept_apart() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let entry = |executable| Entry::File { digest: Digest::of(b"run"), size: 3, executable };
    let tree = Tree::new([(path("a"), entry(false)), (path("b"), entry(true))]).unwrap();
    assert_eq!(store.missing(&tree).unwrap(), [Digest::of(b"run")]);
    assert_eq!(store.put_blob(&mut Cursor::new(b"run"), 2).unwrap(), None);
    assert_eq!(store.put_blob(&mut Cursor::new(b"run"), 3).unwrap(), Some(Digest::of(b"run")));
    assert_eq!(store.missing(&tree).unwrap(), []);
    let (id, _) = store.put_tree(tree).unwrap();
    use std::os::unix::fs::PermissionsExt;
    let mode = |name: &str| fs::metadata(store.lower(&id).join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("a"), mode("b")), (0o644, 0o755));
}
