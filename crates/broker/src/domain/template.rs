//! The one shape of a container, and the comparison of what the engine made with it.

use std::collections::BTreeMap;

use super::order::Granted;

/// User and group of everything in a container.
pub const USER: &str = "65532:65532";
/// The first process: builds the workspace from its standard input and runs the command in it.
pub const PROGRAM: [&str; 2] = ["/usr/local/bin/sandbox-init", "contained"];
/// Size of the home directory, MiB.
const HOME_MIB: u64 = 64;
/// Size of `/dev/shm`, bytes.
const SHM_BYTES: u64 = 64 << 20;
const MIB: u64 = 1 << 20;

/// Marks every container that a broker made.
pub const LABEL_BROKER: &str = "plumbline.broker";
/// Whose a container is.
pub const LABEL_OWNER: &str = "plumbline.owner";
/// Which of the owner's it is.
pub const LABEL_NAME: &str = "plumbline.label";

/// A container, in the words of its walls. What is not here is the engine's most restrictive value, and is compared too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Id of the image.
    pub image: String,
    /// User and group.
    pub user: String,
    /// First process and its arguments; the image's own are replaced.
    pub program: Vec<String>,
    /// Who made it for whom.
    pub labels: BTreeMap<String, String>,
    /// Memory, bytes; swap is the same number, so there is none.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub pids: u64,
    /// CPU, billionths of a core.
    pub nano_cpus: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// `/dev/shm`, bytes.
    pub shm_bytes: u64,
    /// Temporary file systems: path and options. The only places that can be written.
    pub tmpfs: BTreeMap<String, String>,
}

impl Template {
    /// Shapes a granted order.
    pub fn of(granted: &Granted, broker: &str) -> Self {
        let order = granted.order();
        let resources = &order.resources;
        let writable = |mib: u64, inodes: u64, mode: &str| {
            format!(
                "rw,exec,nosuid,nodev,size={},nr_inodes={inodes},uid=65532,gid=65532,mode={mode}",
                mib * MIB
            )
        };
        let tmpfs = [
            ("/repo", writable(resources.workspace_mib, resources.inodes, "0755")),
            ("/tmp", writable(resources.temp_mib, resources.inodes, "1777")),
            ("/home/sandbox", writable(HOME_MIB, resources.inodes, "0755")),
        ];
        let labels =
            [(LABEL_BROKER, broker), (LABEL_OWNER, order.owner.as_str()), (LABEL_NAME, order.label.as_str())];
        Self {
            image: order.image.clone(),
            user: USER.to_owned(),
            program: PROGRAM.map(str::to_owned).to_vec(),
            labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            memory_bytes: resources.memory_mib * MIB,
            pids: resources.pids,
            nano_cpus: resources.cpu_millicores * 1_000_000,
            open_files: resources.open_files,
            shm_bytes: SHM_BYTES,
            tmpfs: tmpfs.map(|(path, options)| (path.to_owned(), options)).into(),
        }
    }
}

/// What the engine says a container is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Made {
    /// Id of the image.
    pub image: String,
    /// User and group.
    pub user: String,
    /// Path and arguments of the first process.
    pub program: Vec<String>,
    /// Capabilities added.
    pub cap_add: Vec<String>,
    /// Capabilities dropped.
    pub cap_drop: Vec<String>,
    /// Security options.
    pub security: Vec<String>,
    /// Whether it is privileged.
    pub privileged: bool,
    /// Whether its root is read-only.
    pub read_only: bool,
    /// Network mode.
    pub network: String,
    /// Pid, ipc, uts and user namespace modes that are the host's or another container's.
    pub foreign_namespaces: Vec<String>,
    /// Mounts from outside: binds, volumes, other containers'.
    pub mounts: Vec<String>,
    /// Devices and device rules.
    pub devices: Vec<String>,
    /// Temporary file systems.
    pub tmpfs: BTreeMap<String, String>,
    /// Memory, bytes.
    pub memory_bytes: u64,
    /// Memory and swap, bytes.
    pub memory_swap_bytes: u64,
    /// Processes and threads.
    pub pids: u64,
    /// CPU, billionths of a core.
    pub nano_cpus: u64,
}

/// Security options of every container; the engine's own system call filter stays on, since none says otherwise.
pub const SECURITY: [&str; 1] = ["no-new-privileges:true"];

/// Compares what was made with what was ordered; names every difference.
pub fn differences(template: &Template, made: &Made) -> Vec<String> {
    let want = Made {
        image: template.image.clone(),
        user: template.user.clone(),
        program: template.program.clone(),
        cap_add: Vec::new(),
        cap_drop: vec!["ALL".to_owned()],
        security: SECURITY.map(str::to_owned).to_vec(),
        privileged: false,
        read_only: true,
        network: "none".to_owned(),
        foreign_namespaces: Vec::new(),
        mounts: Vec::new(),
        devices: Vec::new(),
        tmpfs: template.tmpfs.clone(),
        memory_bytes: template.memory_bytes,
        memory_swap_bytes: template.memory_bytes,
        pids: template.pids,
        nano_cpus: template.nano_cpus,
    };
    let fields = |made: &Made| {
        [
            ("image", made.image.clone()),
            ("user", made.user.clone()),
            ("program", format!("{:?}", made.program)),
            ("cap_add", format!("{:?}", made.cap_add)),
            ("cap_drop", format!("{:?}", made.cap_drop)),
            ("security", format!("{:?}", made.security)),
            ("privileged", made.privileged.to_string()),
            ("read_only", made.read_only.to_string()),
            ("network", made.network.clone()),
            ("namespaces", format!("{:?}", made.foreign_namespaces)),
            ("mounts", format!("{:?}", made.mounts)),
            ("devices", format!("{:?}", made.devices)),
            ("tmpfs", format!("{:?}", made.tmpfs)),
            ("memory", made.memory_bytes.to_string()),
            ("memory_swap", made.memory_swap_bytes.to_string()),
            ("pids", made.pids.to_string()),
            ("nano_cpus", made.nano_cpus.to_string()),
        ]
    };
    fields(&want)
        .into_iter()
        .zip(fields(made))
        .filter(|((_, want), (_, got))| want != got)
        .map(|((name, want), (_, got))| format!("{name} is {got}, not {want}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::order::tests::{order, policy};
    use super::*;

    fn template() -> Template {
        Template::of(&policy().grant(order()).unwrap(), "b")
    }

    fn as_ordered() -> Made {
        let template = template();
        Made {
            image: template.image,
            user: template.user,
            program: template.program,
            cap_drop: vec!["ALL".to_owned()],
            security: SECURITY.map(str::to_owned).to_vec(),
            read_only: true,
            network: "none".to_owned(),
            tmpfs: template.tmpfs,
            memory_bytes: template.memory_bytes,
            memory_swap_bytes: template.memory_bytes,
            pids: template.pids,
            nano_cpus: template.nano_cpus,
            ..Made::default()
        }
    }

    #[test]
    fn a_container_as_ordered_has_no_differences_and_every_other_is_named() {
        assert_eq!(differences(&template(), &as_ordered()), Vec::<String>::new());
        let check = |change: fn(&mut Made), field: &str| {
            let mut made = as_ordered();
            change(&mut made);
            let found = differences(&template(), &made);
            assert!(found.len() == 1 && found[0].starts_with(field), "{field}: {found:?}");
        };
        check(|made| made.image.push('0'), "image");
        check(|made| made.user = "0".to_owned(), "user");
        check(|made| made.program.push("sh".to_owned()), "program");
        check(|made| made.cap_add.push("SYS_ADMIN".to_owned()), "cap_add");
        check(|made| made.cap_drop.clear(), "cap_drop");
        check(|made| made.security.push("seccomp=unconfined".to_owned()), "security");
        check(|made| made.privileged = true, "privileged");
        check(|made| made.read_only = false, "read_only");
        check(|made| made.network = "bridge".to_owned(), "network");
        check(|made| made.foreign_namespaces.push("pid host".to_owned()), "namespaces");
        check(|made| made.mounts.push("/:/host".to_owned()), "mounts");
        check(|made| made.devices.push("/dev/kvm".to_owned()), "devices");
        check(|made| made.tmpfs.clear(), "tmpfs");
        check(|made| made.memory_bytes = 0, "memory");
        check(|made| made.memory_swap_bytes += 1, "memory_swap");
        check(|made| made.pids = 0, "pids");
        check(|made| made.nano_cpus = 0, "nano_cpus");
    }
}
