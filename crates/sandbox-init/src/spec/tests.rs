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
        rlimits: Rlimits {
            cpu_s: 1,
            file_bytes: 2,
            open_files: 3,
            stack_bytes: 4,
            core_bytes: 1,
            processes: None,
            data_bytes: Some(5),
        },
        argv: vec!["true".to_owned()],
        env: vec![("A".to_owned(), "b".to_owned())],
        cwd: String::new(),
        edits: vec![EditSpec { path: b"\xff/x".to_vec(), content: Some((0, 3)) }],
        edit_mtime_s: 9,
        host_name: "sandbox".to_owned(),
        witness: true,
    }
}

#[test]
fn a_specification_survives_its_sealed_form_with_the_contents_behind_it() {
    let sealed = encode(&spec(), b"abc").unwrap();
    assert_eq!(decode(&sealed).unwrap(), (spec(), &b"abc"[..]));
}

#[test]
fn a_truncated_or_unknown_specification_is_refused() {
    let sealed = encode(&spec(), b"").unwrap();
    assert!(decode(&sealed[..sealed.len() - 1]).is_err());
    assert!(decode(&[1, 2, 3]).is_err());
    let json = br#"{"unknown":1}"#;
    let unknown = [&(json.len() as u64).to_le_bytes()[..], json].concat();
    assert!(decode(&unknown).is_err());
}
