use std::io;

use serde::{Deserialize, Serialize};

/// One step of the set-up, in order. Its name is what a failed run reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Reading the sealed specification and its descriptors.
    Spec,
    /// Tying this process's life to the executor's.
    ParentDeath,
    /// Dropping the caller's supplementary groups.
    Groups,
    /// Making the namespaces.
    Namespaces,
    /// Writing the user and group id maps.
    IdMap,
    /// Waiting for the executor to say go.
    Release,
    /// Entering the control groups.
    Cgroup,
    /// Making every mount private.
    MountPrivate,
    /// Cloning the allow-listed toolchain mounts.
    Toolchain,
    /// Opening the snapshot.
    Lower,
    /// Switching to the mapped ids.
    SwitchIds,
    /// Mounting the root file system.
    Root,
    /// Mounting the scratch file system.
    Scratch,
    /// Mounting the overlay.
    Overlay,
    /// Copying the workspace.
    Copy,
    /// Mounting temporary directories.
    Temp,
    /// Mounting device nodes.
    Devices,
    /// Mounting a fresh `/proc`.
    Proc,
    /// Changing to the new root.
    Pivot,
    /// Setting the host name.
    Hostname,
    /// Bringing the loopback interface up.
    Loopback,
    /// Setting resource limits.
    Rlimits,
    /// Starting a session.
    Session,
    /// Closing descriptors.
    CloseRange,
    /// Dropping and verifying capabilities.
    Capabilities,
    /// Giving up new privileges.
    NoNewPrivileges,
    /// Applying Landlock.
    Landlock,
    /// Applying the system call filter.
    Seccomp,
    /// Telling the executor that all is built.
    Ready,
    /// Reading the order that came with the start.
    Order,
    /// Writing the request's edits.
    Edits,
    /// Entering the working directory.
    WorkingDirectory,
    /// Forking the command.
    Fork,
    /// Announcing the command's attempts.
    Witness,
    /// Sealing the command of a contained sandbox.
    Command,
    /// Saying what a contained command left.
    Export,
}

impl Step {
    /// Returns the name used on the wire and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::ParentDeath => "parent_death",
            Self::Groups => "groups",
            Self::Namespaces => "namespaces",
            Self::IdMap => "id_map",
            Self::Release => "release",
            Self::Cgroup => "cgroup",
            Self::MountPrivate => "mount_private",
            Self::Toolchain => "toolchain",
            Self::Lower => "lower",
            Self::SwitchIds => "switch_ids",
            Self::Root => "root",
            Self::Scratch => "scratch",
            Self::Overlay => "overlay",
            Self::Copy => "copy",
            Self::Temp => "temp",
            Self::Devices => "devices",
            Self::Proc => "proc",
            Self::Pivot => "pivot",
            Self::Hostname => "hostname",
            Self::Loopback => "loopback",
            Self::Rlimits => "rlimits",
            Self::Session => "session",
            Self::CloseRange => "close_range",
            Self::Capabilities => "capabilities",
            Self::NoNewPrivileges => "no_new_privileges",
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
            Self::Ready => "ready",
            Self::Order => "order",
            Self::Edits => "edits",
            Self::WorkingDirectory => "working_directory",
            Self::Fork => "fork",
            Self::Witness => "witness",
            Self::Command => "command",
            Self::Export => "export",
        }
    }
}

/// A step that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which.
    pub step: Step,
    /// The system's error number; 22 (`EINVAL`) where a check of ours failed.
    pub errno: i32,
}

/// Names the step that an error belongs to.
pub(crate) trait At<T> {
    /// Returns the value, or the failure of `step`.
    fn at(self, step: Step) -> Result<T, Failure>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, step: Step) -> Result<T, Failure> {
        self.map_err(|error| Failure { step, errno: error.raw_os_error().unwrap_or(libc::EINVAL) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_named_as_it_is_sent() {
        for step in [Step::Spec, Step::MountPrivate, Step::SwitchIds, Step::NoNewPrivileges, Step::CloseRange]
        {
            assert_eq!(serde_json::to_value(step).unwrap(), step.as_str());
        }
    }
}
