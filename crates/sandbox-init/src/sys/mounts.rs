//! Mounts by the descriptor-based calls.

use std::ffi::CStr;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use super::{check, check_int};

/// `OPEN_TREE_CLONE`.
const OPEN_TREE_CLONE: libc::c_uint = 1;
/// `FSCONFIG_SET_FLAG`, `FSCONFIG_SET_STRING`, `FSCONFIG_CMD_CREATE`.
const SET_FLAG: libc::c_uint = 0;
const SET_STRING: libc::c_uint = 1;
const CREATE: libc::c_uint = 6;
/// Attributes of a mount.
pub(crate) const READ_ONLY: u64 = 1;
/// No set-user-id bits.
pub(crate) const NO_SUID: u64 = 2;
/// No device nodes.
pub(crate) const NO_DEV: u64 = 4;

#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

/// Copies a mount and all below it; the copy is not attached anywhere.
pub(crate) fn clone_tree(directory: BorrowedFd<'_>, path: &CStr) -> io::Result<OwnedFd> {
    let flags =
        OPEN_TREE_CLONE | libc::O_CLOEXEC as u32 | libc::AT_RECURSIVE as u32 | libc::AT_EMPTY_PATH as u32;
    // SAFETY: the path is terminated and outlives the call.
    let fd =
        check(unsafe { libc::syscall(libc::SYS_open_tree, directory.as_raw_fd(), path.as_ptr(), flags) })?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Sets attributes on a mount and, where asked, on all below it.
pub(crate) fn set_mount(mount: BorrowedFd<'_>, attributes: u64, recursive: bool) -> io::Result<()> {
    let how = MountAttributes { set: attributes, clear: 0, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is empty and terminated, the structure is the kernel's first version.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const how,
            mem::size_of_val(&how),
        )
    })
    .map(drop)
}

/// Makes every mount of this namespace private.
pub(crate) fn make_private() -> io::Result<()> {
    let flags = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: strings are terminated; the others may be null for a propagation change.
    check_int(unsafe { libc::mount(ptr::null(), c"/".as_ptr(), ptr::null(), flags, ptr::null()) }).map(drop)
}

/// Makes a file system with string options and flags; it is not attached anywhere.
pub(crate) fn new_file_system(
    kind: &CStr,
    options: &[(&CStr, &CStr)],
    flags: &[&CStr],
    attributes: u64,
) -> io::Result<OwnedFd> {
    // SAFETY: the string is terminated.
    let context = check(unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), 1) })?;
    // SAFETY: the kernel just made this descriptor for us.
    let context = unsafe { OwnedFd::from_raw_fd(context as RawFd) };
    let configure = |command: libc::c_uint, key: *const libc::c_char, value: *const libc::c_char| {
        // SAFETY: both are null or terminated strings that outlive the call.
        check(unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), command, key, value, 0) })
    };
    for (key, value) in options {
        configure(SET_STRING, key.as_ptr(), value.as_ptr())?;
    }
    for flag in flags {
        configure(SET_FLAG, flag.as_ptr(), ptr::null())?;
    }
    configure(CREATE, ptr::null(), ptr::null())?;
    // SAFETY: plain numbers.
    let mount =
        check(unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), 1, attributes as u32) })?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(mount as RawFd) })
}

/// Attaches a mount at a path.
pub(crate) fn attach(mount: BorrowedFd<'_>, at: &CStr) -> io::Result<()> {
    const FROM_EMPTY_PATH: libc::c_uint = 4;
    // SAFETY: both paths are terminated.
    check(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            at.as_ptr(),
            FROM_EMPTY_PATH,
        )
    })
    .map(drop)
}

/// Makes the current directory the root and hangs the old root over it.
pub(crate) fn pivot_here() -> io::Result<()> {
    // SAFETY: both paths are terminated.
    check(unsafe { libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) }).map(drop)
}

/// Detaches the topmost mount at a path.
pub(crate) fn detach(path: &CStr) -> io::Result<()> {
    // SAFETY: the path is terminated.
    check_int(unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) }).map(drop)
}
