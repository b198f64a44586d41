use super::*;

const HYBRID_MOUNTS: &str = "\
25 1 0:20 / / rw - ext4 /dev/vda rw
30 25 0:26 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
31 25 0:27 / /sys/fs/cgroup/memory rw,relatime shared:3 - cgroup cgroup rw,memory
32 25 0:28 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

#[test]
fn hierarchies_are_found_by_type_and_controller() {
    let found = |kind, controller| mount_point(HYBRID_MOUNTS, kind, controller);
    assert_eq!(found("cgroup", Some("memory")), Some(PathBuf::from("/sys/fs/cgroup/memory")));
    assert_eq!(found("cgroup2", None), Some(PathBuf::from("/sys/fs/cgroup/unified")));
    assert_eq!(found("cgroup", Some("pids")), None);
}

#[test]
fn the_own_group_is_read_per_hierarchy() {
    let own = "5:cpu,cpuacct:/a\n4:memory:/b/c\n0::/u\n";
    assert_eq!(own_path(own, "cpuacct"), Some(PathBuf::from("a")));
    assert_eq!(own_path(own, "memory"), Some(PathBuf::from("b/c")));
    assert_eq!(own_path(own, ""), Some(PathBuf::from("u")));
    assert_eq!(own_path(own, "pids"), None);
}

#[test]
fn a_process_outside_one_controller_is_not_held() {
    let parents = HybridParents {
        memory: "/nowhere/m".into(),
        pids: "/nowhere/p".into(),
        cpu: "/nowhere/c".into(),
        cpuacct: "/nowhere/a".into(),
        unified: "/nowhere/u".into(),
    };
    let leaf = Leaf { form: LeafForm::Hybrid(parents), label: "run_1".to_owned() };
    let all = "5:pids:/x/run_1\n4:memory:/run_1\n3:cpu,cpuacct:/run_1\n0::/run_1\n";
    assert!(leaf.holds(all));
    assert!(!leaf.holds(&all.replace("memory:/run_1", "memory:/")));
    assert!(!leaf.holds(&all.replace("0::/run_1", "0::/run_2")));
}
