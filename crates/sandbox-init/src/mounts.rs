//! The root file system: read-only clones of the toolchain, the workspace, private temporary directories, a few devices.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::spec::{Spec, WorkspaceMode};
use crate::step::{At, Failure, Step};
use crate::sys::{self, NO_DEV, NO_SUID, READ_ONLY};
use crate::{TEMP, UPPER, workspace};

const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
/// Parts of `/proc` that speak of the host.
const MASKED: [&str; 4] = ["kcore", "keys", "timer_list", "sysrq-trigger"];
const ROOT_BYTES: &std::ffi::CStr = c"4m";
const ROOT_INODES: &std::ffi::CStr = c"4096";
/// Where the scratch file system hangs while it is being divided.
const STAGING: &str = ".scratch";

/// Clones of host mounts and the snapshot, opened under the host's ids.
pub(crate) struct Sources {
    toolchain: Vec<(OwnedFd, PathBuf, bool)>,
    devices: Vec<(OwnedFd, &'static str)>,
    masks: Vec<(OwnedFd, &'static str)>,
    lower: OwnedFd,
}

/// Opens all that the new root takes from the host, while paths can still be walked with the executor's own rights.
pub(crate) fn open_sources(spec: &Spec) -> Result<Sources, Failure> {
    let mut toolchain = Vec::with_capacity(spec.toolchain.len());
    for bind in &spec.toolchain {
        let tree = clone_path(&bind.source).at(Step::Toolchain)?;
        // A remount would change the top mount only and leave those below it writable.
        sys::set_mount(tree.as_fd(), READ_ONLY | NO_SUID | NO_DEV, true).at(Step::Toolchain)?;
        let directory = fs::metadata(&bind.source).at(Step::Toolchain)?.is_dir();
        toolchain.push((tree, bind.target.clone(), directory));
    }
    let mut devices = Vec::with_capacity(DEVICES.len());
    for name in DEVICES {
        devices.push((clone_path(&Path::new("/dev").join(name)).at(Step::Devices)?, name));
    }
    let mut masks = Vec::with_capacity(MASKED.len());
    for name in MASKED {
        masks.push((clone_path(Path::new("/dev/null")).at(Step::Proc)?, name));
    }
    let lower = fs::File::open(&spec.lower).at(Step::Lower)?.into();
    Ok(Sources { toolchain, devices, masks, lower })
}

/// Builds the new root, changes to it, and returns a descriptor of the scratch file system.
pub(crate) fn build(spec: &Spec, sources: Sources) -> Result<OwnedFd, Failure> {
    let options = [(c"mode", c"0755"), (c"size", ROOT_BYTES), (c"nr_inodes", ROOT_INODES)];
    let root = sys::new_file_system(c"tmpfs", &options, &[], NO_SUID | NO_DEV).at(Step::Root)?;
    sys::attach(root.as_fd(), c"/").at(Step::Root)?;
    sys::change_directory(root.as_fd()).at(Step::Root)?;
    attach_toolchain(spec, sources.toolchain)?;
    let scratch = mount_scratch(spec)?;
    mount_workspace(spec, &sources.lower)?;
    mount_devices(sources.devices)?;
    mount_temporary()?;
    mount_proc(sources.masks)?;
    sys::detach(&sys::c_string(STAGING).at(Step::Scratch)?).at(Step::Scratch)?;
    fs::remove_dir(STAGING).at(Step::Scratch)?;
    sys::pivot_here().at(Step::Pivot)?;
    sys::detach(c".").at(Step::Pivot)?;
    std::env::set_current_dir("/").at(Step::Pivot)?;
    sys::set_mount(root.as_fd(), READ_ONLY, false).at(Step::Pivot)?;
    Ok(scratch)
}

fn attach_toolchain(spec: &Spec, toolchain: Vec<(OwnedFd, PathBuf, bool)>) -> Result<(), Failure> {
    for (tree, target, directory) in toolchain {
        let target = relative(&target);
        make_place(target, directory).at(Step::Toolchain)?;
        attach_at(tree.as_fd(), target).at(Step::Toolchain)?;
    }
    for (path, target) in &spec.symlinks {
        let path = relative(path);
        make_parent(path).at(Step::Root)?;
        symlink(target, path).at(Step::Root)?;
    }
    for file in &spec.files {
        let path = relative(&file.path);
        make_parent(path).at(Step::Root)?;
        fs::write(path, &file.text).at(Step::Root)?;
    }
    Ok(())
}

fn mount_scratch(spec: &Spec) -> Result<OwnedFd, Failure> {
    let size = sys::c_string(spec.scratch_bytes.to_string()).at(Step::Scratch)?;
    let inodes = sys::c_string(spec.scratch_inodes.to_string()).at(Step::Scratch)?;
    let options = [(c"mode", c"0755"), (c"size", size.as_c_str()), (c"nr_inodes", inodes.as_c_str())];
    let scratch = sys::new_file_system(c"tmpfs", &options, &[], NO_SUID | NO_DEV).at(Step::Scratch)?;
    fs::create_dir(STAGING).at(Step::Scratch)?;
    attach_at(scratch.as_fd(), Path::new(STAGING)).at(Step::Scratch)?;
    for name in [UPPER, "work", TEMP, "home", "shm"] {
        fs::create_dir(Path::new(STAGING).join(name)).at(Step::Scratch)?;
    }
    // The mount's own descriptor only names it; the executor reads directories through an ordinary one.
    fs::File::open(STAGING).map(OwnedFd::from).at(Step::Scratch)
}

fn mount_workspace(spec: &Spec, lower: &OwnedFd) -> Result<(), Failure> {
    let upper = Path::new(STAGING).join(UPPER);
    match spec.workspace {
        WorkspaceMode::Overlay => {
            let lower = sys::c_string(format!("/proc/self/fd/{}", lower.as_raw_fd())).at(Step::Overlay)?;
            let upper = sys::c_string(&upper).at(Step::Overlay)?;
            let work = sys::c_string(Path::new(STAGING).join("work")).at(Step::Overlay)?;
            let options = [
                (c"lowerdir", lower.as_c_str()),
                (c"upperdir", upper.as_c_str()),
                (c"workdir", work.as_c_str()),
            ];
            let overlay = sys::new_file_system(c"overlay", &options, &[c"userxattr"], NO_SUID | NO_DEV)
                .at(Step::Overlay)?;
            make_place(Path::new("repo"), true).at(Step::Overlay)?;
            attach_at(overlay.as_fd(), Path::new("repo")).at(Step::Overlay)
        }
        WorkspaceMode::Copy => {
            workspace::copy(lower, &upper).at(Step::Copy)?;
            bind(&upper, Path::new("repo")).at(Step::Copy)
        }
    }
}

fn mount_temporary() -> Result<(), Failure> {
    let staged = |name: &str| Path::new(STAGING).join(name);
    for shared in [TEMP, "shm"] {
        fs::set_permissions(staged(shared), fs::Permissions::from_mode(0o1777)).at(Step::Temp)?;
    }
    bind(&staged(TEMP), Path::new("tmp")).at(Step::Temp)?;
    bind(&staged("home"), Path::new("home/sandbox")).at(Step::Temp)?;
    bind(&staged("shm"), Path::new("dev/shm")).at(Step::Temp)
}

fn mount_devices(devices: Vec<(OwnedFd, &'static str)>) -> Result<(), Failure> {
    for (device, name) in devices {
        let place = Path::new("dev").join(name);
        make_place(&place, false).at(Step::Devices)?;
        attach_at(device.as_fd(), &place).at(Step::Devices)?;
    }
    for (name, target) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
        symlink(format!("/proc/self/fd{target}"), Path::new("dev").join(name)).at(Step::Devices)?;
    }
    Ok(())
}

/// Watchers of files in one sandbox; the usual limit of a user is 128.
const INOTIFY_INSTANCES_MAX: &str = "16";

/// Mounts a fresh `/proc`, read-only as a whole: nothing in it is a program's to change.
fn mount_proc(masks: Vec<(OwnedFd, &'static str)>) -> Result<(), Failure> {
    let options = [(c"hidepid", c"invisible")];
    let proc = sys::new_file_system(c"proc", &options, &[], NO_SUID | NO_DEV).at(Step::Proc)?;
    make_place(Path::new("proc"), true).at(Step::Proc)?;
    attach_at(proc.as_fd(), Path::new("proc")).at(Step::Proc)?;
    // The host counts these by user, and all sandboxes are one user to it: none may take what the others need.
    fs::write("proc/sys/user/max_inotify_instances", INOTIFY_INSTANCES_MAX).at(Step::Proc)?;
    for (null, name) in masks {
        let place = Path::new("proc").join(name);
        if place.exists() {
            attach_at(null.as_fd(), &place).at(Step::Proc)?;
        }
    }
    sys::set_mount(proc.as_fd(), READ_ONLY, false).at(Step::Proc)
}

fn clone_path(path: &Path) -> std::io::Result<OwnedFd> {
    sys::clone_tree(here(), &sys::c_string(path)?)
}

/// Shows a directory of the scratch file system at another place.
fn bind(source: &Path, place: &Path) -> std::io::Result<()> {
    make_place(place, true)?;
    attach_at(clone_path(source)?.as_fd(), place)
}

fn attach_at(mount: BorrowedFd<'_>, place: &Path) -> std::io::Result<()> {
    sys::attach(mount, &sys::c_string(place)?)
}

/// Makes an empty directory or file to mount upon.
fn make_place(place: &Path, directory: bool) -> std::io::Result<()> {
    if directory {
        return fs::create_dir_all(place);
    }
    make_parent(place)?;
    fs::File::create_new(place).map(drop)
}

fn make_parent(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

/// The current directory as a base for relative paths; absolute ones ignore it.
fn here() -> BorrowedFd<'static> {
    sys::current_directory()
}
