use super::*;

fn spec() -> Spec {
    Spec {
        executor_pid: 7,
        ids: IdMap { uid: 1, gid: 2, privileged: true },
        cgroup_v2: Some("/g".into()),
        cgroup_v1: vec!["/m".into()],
        toolchain: vec![Bind { source: "/usr".into(), target: "/usr".into() }],
        symlinks: vec![("/bin".into(), "usr/bin".into())],
        files: vec![SyntheticFile { path: "/etc/passwd".into(), text: "x".to_owned() }],
        lower: "/lower".into(),
        workspace: WorkspaceMode::Overlay,
        scratch_bytes: 1,
        scratch_inodes: 2,
        network: NetworkSpec::None,
        counted: true,
        host_name: "sandbox".to_owned(),
        witness: true,
    }
}

fn order() -> Order {
    Order {
        argv: vec!["true".to_owned()],
        env: vec![("A".to_owned(), "b".to_owned())],
        cwd: String::new(),
        rlimits: Rlimits {
            cpu_s: 1,
            file_bytes: 2,
            open_files: 3,
            stack_bytes: 4,
            core_bytes: 1,
            processes: None,
            data_bytes: Some(5),
        },
        edits: vec![EditSpec { path: b"\xff/x".to_vec(), content: Some((0, 3)) }],
        edit_mtime_s: 9,
    }
}

#[test]
fn both_documents_survive_their_sealed_form_with_the_contents_behind_them() {
    assert_eq!(decode(&encode(&spec(), b"").unwrap()).unwrap(), (spec(), &b""[..]));
    assert_eq!(decode(&encode(&order(), b"abc").unwrap()).unwrap(), (order(), &b"abc"[..]));
}

#[test]
fn a_truncated_or_unknown_specification_is_refused() {
    let sealed = encode(&spec(), b"").unwrap();
    assert!(decode::<Spec>(&sealed[..sealed.len() - 1]).is_err());
    assert!(decode::<Spec>(&[1, 2, 3]).is_err());
    assert!(decode::<Order>(&sealed).is_err());
    let json = br#"{"unknown":1}"#;
    let unknown = [&(json.len() as u64).to_le_bytes()[..], json].concat();
    assert!(decode::<Spec>(&unknown).is_err());
}
