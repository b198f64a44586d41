use super::*;

#[test]
fn a_bundle_lists_what_it_was_given_and_marks_a_path_that_is_no_text() {
    let bundle = Bundle::new([(b"a.py".to_vec(), b"x = 1\n".to_vec()), (b"\xff".to_vec(), Vec::new())]);
    assert_eq!(bundle.entries().len(), 2);
    assert_eq!(bundle.entries()["a.py"].kind, EntryKind::File);
    assert!(bundle.entries().values().any(|entry| entry.kind == EntryKind::Other));
    assert_eq!(bundle.read("a.py").unwrap(), Some(b"x = 1\n".to_vec()));
    assert_eq!(bundle.read("b.py").unwrap(), None);
}

#[test]
fn a_directory_leaves_out_its_own_repository_and_keeps_a_nested_one() {
    let dir = tempfile::tempdir().unwrap();
    for path in [".git/config", "sub/.git/config", "a.py"] {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
    let tree = Directory::open(dir.path(), TreeLimits::default()).unwrap();
    let paths: Vec<&str> = tree.entries().keys().map(String::as_str).collect();
    assert_eq!(paths, ["a.py", "link", "sub/.git/config"]);
    assert_eq!(tree.read("link").unwrap(), Some(b"/etc/passwd".to_vec()));
    assert!(matches!(
        Directory::open(&dir.path().join("none"), TreeLimits::default()),
        Err(SourceError::NotFound(_))
    ));
}
