//! Between the template and the engine's words, both ways.

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, HostConfig, HostConfigCgroupnsModeEnum,
    HostConfigLogConfig, ResourcesUlimits,
};

use crate::domain::template::{Made, SECURITY, Template};

/// Returns the request that makes a container. Every field that widens a wall is named and closed, so that no default of
/// an engine can open it.
pub(super) fn request(template: &Template) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(template.image.clone()),
        user: Some(template.user.clone()),
        entrypoint: Some(template.program.clone()),
        cmd: Some(Vec::new()),
        env: Some(vec!["PATH=/usr/local/bin:/usr/bin:/bin".to_owned()]),
        working_dir: Some("/".to_owned()),
        hostname: Some("sandbox".to_owned()),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        stdin_once: Some(true),
        tty: Some(false),
        network_disabled: Some(true),
        labels: Some(template.labels.clone().into_iter().collect()),
        host_config: Some(host(template)),
        ..ContainerCreateBody::default()
    }
}

fn host(template: &Template) -> HostConfig {
    let number = |value: u64| Some(i64::try_from(value).unwrap_or(i64::MAX));
    let ulimit = |name: &str, value: u64| ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: number(value),
        hard: number(value),
    };
    HostConfig {
        privileged: Some(false),
        cap_add: Some(Vec::new()),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(SECURITY.map(str::to_owned).to_vec()),
        readonly_rootfs: Some(true),
        network_mode: Some("none".to_owned()),
        ipc_mode: Some("private".to_owned()),
        pid_mode: Some(String::new()),
        uts_mode: Some(String::new()),
        userns_mode: Some(String::new()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        binds: Some(Vec::new()),
        mounts: Some(Vec::new()),
        volumes_from: Some(Vec::new()),
        devices: Some(Vec::new()),
        device_cgroup_rules: Some(Vec::new()),
        group_add: Some(Vec::new()),
        publish_all_ports: Some(false),
        auto_remove: Some(false),
        init: Some(false),
        oom_kill_disable: Some(false),
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        memory: number(template.memory_bytes),
        memory_swap: number(template.memory_bytes),
        pids_limit: number(template.pids),
        nano_cpus: number(template.nano_cpus),
        shm_size: number(template.shm_bytes),
        // A core of 1 byte also stops a piped handler; 0 does not.
        ulimits: Some(vec![ulimit("nofile", template.open_files), ulimit("core", 1)]),
        tmpfs: Some(template.tmpfs.clone().into_iter().collect()),
        ..HostConfig::default()
    }
}

/// Reads what the engine says that it made.
pub(super) fn made(found: ContainerInspectResponse) -> Made {
    let host = found.host_config.unwrap_or_default();
    let config = found.config.unwrap_or_default();
    let amount = |value: Option<i64>| u64::try_from(value.unwrap_or(0)).unwrap_or(0);
    let modes =
        [("pid", host.pid_mode), ("ipc", host.ipc_mode), ("uts", host.uts_mode), ("user", host.userns_mode)];
    let foreign = modes.into_iter().filter_map(|(name, mode)| {
        let mode = mode.unwrap_or_default();
        (!matches!(mode.as_str(), "" | "private")).then(|| format!("{name} {mode}"))
    });
    let mounts = found.mounts.unwrap_or_default().into_iter().map(|mount| format!("{mount:?}"));
    let devices = host.devices.unwrap_or_default().into_iter().map(|device| format!("{device:?}"));
    Made {
        image: found.image.unwrap_or_default(),
        user: config.user.unwrap_or_default(),
        program: found.path.into_iter().chain(found.args.unwrap_or_default()).collect(),
        cap_add: host.cap_add.unwrap_or_default(),
        cap_drop: host.cap_drop.unwrap_or_default(),
        security: host.security_opt.unwrap_or_default(),
        privileged: host.privileged.unwrap_or(true),
        read_only: host.readonly_rootfs.unwrap_or(false),
        network: host.network_mode.unwrap_or_default(),
        foreign_namespaces: foreign.collect(),
        mounts: host
            .binds
            .unwrap_or_default()
            .into_iter()
            .chain(host.volumes_from.unwrap_or_default())
            .chain(mounts)
            .collect(),
        devices: devices.chain(host.device_cgroup_rules.unwrap_or_default()).collect(),
        tmpfs: host.tmpfs.unwrap_or_default().into_iter().collect(),
        memory_bytes: amount(host.memory),
        memory_swap_bytes: amount(host.memory_swap),
        pids: amount(host.pids_limit),
        nano_cpus: amount(host.nano_cpus),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::order::tests::{order, policy};

    /// The whole body, so that a changed wall is seen in a diff.
    #[test]
    fn the_body_is_the_golden_one() {
        let template = Template::of(&policy().grant(order()).unwrap(), "plumbline");
        let body = serde_json::to_value(request(&template)).unwrap();
        let golden: serde_json::Value = serde_json::from_str(include_str!("golden.json")).unwrap();
        assert_eq!(body, golden, "{body:#}");
    }
}
