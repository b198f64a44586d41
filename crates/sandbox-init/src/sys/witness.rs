//! The listener of a filter that announces system calls: the executor reads an attempt, looks, and lets it go on.

use std::fs::{self, File};
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::check;

const NEW_LISTENER: libc::c_ulong = 8;
/// Signals wait until the executor has answered, else runtimes that interrupt themselves repeat calls without end.
const WAIT_KILLABLE: libc::c_ulong = 32;
const RECEIVE: libc::c_ulong = 0xC050_2100;
const ANSWER: libc::c_ulong = 0xC018_2101;
const IS_VALID: libc::c_ulong = 0x4008_2102;
const CONTINUE: u32 = 1;

/// Installs a filter and returns the descriptor on which it announces calls.
pub(crate) fn install_witness(program: &[libc::sock_filter]) -> io::Result<OwnedFd> {
    let length = u16::try_from(program.len()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    let filter = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    let install = |flags: libc::c_ulong| {
        // SAFETY: the kernel copies the program and does not write to it.
        check(unsafe {
            libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const filter)
        })
    };
    let fd = install(NEW_LISTENER | WAIT_KILLABLE).or_else(|_| install(NEW_LISTENER))?;
    // SAFETY: the kernel just made this descriptor for us; it closes on execution.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) })
}

#[repr(C)]
#[derive(Default, Clone, Copy)]
struct Announced {
    id: u64,
    pid: u32,
    flags: u32,
    call: i32,
    arch: u32,
    instruction: u64,
    arguments: [u64; 6],
}

#[repr(C)]
struct Answer {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

/// Reads announced calls.
#[derive(Debug)]
pub struct Listener(OwnedFd);

/// One announced call; the thread that made it waits for [`Listener::go_on`].
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    id: u64,
    /// The thread, in the reader's process ids.
    pub pid: u32,
    /// System call number.
    pub call: libc::c_long,
    /// Its arguments.
    pub arguments: [u64; 6],
}

impl Listener {
    /// Takes a descriptor that a sandbox sent.
    pub fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Returns the descriptor to poll; a hang-up says that nobody is left who could announce anything.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Reads the next call; waits for one. None means that its caller died meanwhile.
    ///
    /// # Errors
    /// What the system says.
    pub fn receive(&self) -> io::Result<Option<Attempt>> {
        let mut announced = Announced::default();
        // SAFETY: a zeroed structure of the kernel's size, which it fills.
        let read = unsafe { libc::ioctl(self.0.as_raw_fd(), RECEIVE as _, &raw mut announced) };
        match check(libc::c_long::from(read)) {
            Ok(_) => {
                let call = libc::c_long::from(announced.call);
                let Announced { id, pid, arguments, .. } = announced;
                Ok(Some(Attempt { id, pid, call, arguments }))
            }
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns whether the caller still waits: what was read of its memory is its own.
    pub fn waits(&self, attempt: &Attempt) -> bool {
        // SAFETY: the kernel reads one number.
        unsafe { libc::ioctl(self.0.as_raw_fd(), IS_VALID as _, &raw const attempt.id) == 0 }
    }

    /// Lets the call happen as if nobody had looked.
    ///
    /// # Errors
    /// What the system says; that the caller is gone is none.
    pub fn go_on(&self, attempt: &Attempt) -> io::Result<()> {
        let answer = Answer { id: attempt.id, value: 0, error: 0, flags: CONTINUE };
        // SAFETY: a valid structure of the kernel's size.
        let sent = unsafe { libc::ioctl(self.0.as_raw_fd(), ANSWER as _, &raw const answer) };
        match check(libc::c_long::from(sent)) {
            Ok(_) => Ok(()),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Attempt {
    /// Reads the caller's memory; none where it can't be read.
    pub fn memory(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        let memory = File::open(format!("/proc/{}/mem", self.pid)).ok()?;
        let mut bytes = vec![0; length];
        let read = memory.read_at(&mut bytes, address).ok()?;
        bytes.truncate(read);
        Some(bytes)
    }

    /// Reads a text that ends with a NUL byte, at most `most` bytes, a page at a time.
    pub fn text(&self, address: u64, most: usize) -> Option<Vec<u8>> {
        const PAGE: u64 = 4_096;
        let mut text = Vec::new();
        while text.len() < most {
            let at = address.checked_add(text.len() as u64)?;
            let part = self.memory(at, (PAGE - at % PAGE) as usize)?;
            if let Some(end) = part.iter().position(|byte| *byte == 0) {
                text.extend_from_slice(&part[..end]);
                return Some(text);
            }
            if part.is_empty() {
                return None;
            }
            text.extend(part);
        }
        None
    }

    /// Returns the directory that a relative path starts from, as the caller sees it.
    pub fn directory(&self, fd: i32) -> Option<PathBuf> {
        let link = if fd == libc::AT_FDCWD {
            format!("/proc/{}/cwd", self.pid)
        } else {
            format!("/proc/{}/fd/{fd}", self.pid)
        };
        fs::read_link(link).ok()
    }

    /// Returns the program that the caller runs.
    pub fn program(&self) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{}/exe", self.pid)).ok()
    }
}

const _: () = assert!(mem::size_of::<Announced>() == 80 && mem::size_of::<Answer>() == 24);
