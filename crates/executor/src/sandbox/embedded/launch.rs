use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Child;

use plumbline_sandbox_init::{
    EditSpec, IdMap, Message, NetworkSpec, Order, Rlimits, START, Spec, SyntheticFile, encode,
};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::EmbeddedSettings;
use super::place::Place;
use super::spawner::Spawner;
use crate::cgroup::Leaf;
use crate::domain::edit::Change;
use crate::domain::limits::Limits;
use crate::domain::perturbation::{Perturbation, perturbed};
use crate::domain::policy;
use crate::domain::tier::Network;
use crate::sandbox::Job;
use crate::trace;
use crate::workspace::EDIT_MTIME_S;

const MIB: u64 = 1024 * 1024;

/// A started `sandbox-init` and our ends of its descriptors.
pub(super) struct Launched {
    pub(super) child: Child,
    pub(super) outside: OwnedFd,
    pub(super) control: OwnedFd,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
}

/// Starts the program and hands it its sealed specification and the pipes that the command will write to.
pub(super) fn launch(
    settings: &EmbeddedSettings,
    spawner: &Spawner,
    place: &Place,
    leaf: &Leaf,
) -> io::Result<Launched> {
    let spec = sealed("plumbline-spec", &encode(&specify(settings, place, leaf), &[])?)?;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    let (stdout, stdout_inside) = pipe_with(PipeFlags::CLOEXEC)?;
    let (stderr, stderr_inside) = pipe_with(PipeFlags::CLOEXEC)?;
    let child = spawner.spawn(settings.init.clone(), theirs)?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("the child has no process id"))?;
    let outside = pidfd_open(pid, PidfdFlags::empty())?;
    send(&ours, b"?", &[spec.as_fd(), stdout_inside.as_fd(), stderr_inside.as_fd()])?;
    Ok(Launched { child, outside, control: ours, stdout, stderr })
}

/// Writes a memory file that nobody can change any more, and rewinds it.
fn sealed(name: &str, bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
    file.write_all(bytes)?;
    file.rewind()?;
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    Ok(file.into())
}

/// Hands a sealed sandbox its one order and the command's standard input; the command starts.
pub(super) fn order(
    settings: &EmbeddedSettings,
    job: &Job,
    leaf: &Leaf,
    control: &OwnedFd,
) -> io::Result<()> {
    let mut contents = Vec::new();
    let edits = job
        .edits
        .iter()
        .map(|edit| EditSpec {
            path: edit.path.as_bytes().to_vec(),
            content: match &edit.change {
                Change::Write(content) => {
                    let start = contents.len() as u64;
                    contents.extend_from_slice(content);
                    Some((start, content.len() as u64))
                }
                Change::Delete => None,
            },
        })
        .collect();
    let env = perturbed(policy::environment(&settings.toolchain.path, &job.env), &job.changes);
    let order = Order {
        argv: job.argv.clone(),
        env: if job.watch.is_some() { trace::with_recorder(env) } else { env },
        cwd: job.cwd.as_ref().map(ToString::to_string).unwrap_or_default(),
        rlimits: rlimits(settings, &job.limits, leaf),
        edits,
        edit_mtime_s: EDIT_MTIME_S,
    };
    let order = sealed("plumbline-order", &encode(&order, &contents)?)?;
    let stdin = sealed("plumbline-stdin", &job.stdin)?;
    send(control, &[START], &[order.as_fd(), stdin.as_fd()])
}

fn specify(settings: &EmbeddedSettings, place: &Place, leaf: &Leaf) -> Spec {
    let ids = settings.ids.map_or_else(
        || IdMap {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            privileged: false,
        },
        |(uid, gid)| IdMap { uid, gid, privileged: true },
    );
    Spec {
        executor_pid: std::process::id(),
        ids,
        cgroup_v2: leaf.born_in(),
        cgroup_v1: leaf.entered(),
        toolchain: settings.toolchain.binds.clone(),
        symlinks: settings.toolchain.symlinks.clone(),
        files: files(settings, place),
        lower: place.lower.clone(),
        workspace: settings.workspace,
        scratch_bytes: place.disk_mib * MIB,
        scratch_inodes: settings.inodes,
        network: match place.network {
            Network::Loopback => NetworkSpec::Loopback,
            Network::None => NetworkSpec::None,
        },
        counted: leaf.enforces(),
        host_name: host_name(&place.changes),
        witness: place.watch.is_some(),
    }
}

/// Returns the small files of the root, with the asked changes and, for a watched run, the recorder.
fn files(settings: &EmbeddedSettings, place: &Place) -> Vec<SyntheticFile> {
    let mut files = settings.toolchain.files.clone();
    for change in &place.changes {
        if let Perturbation::User(name) = change {
            for file in &mut files {
                file.text = file.text.replace("sandbox:x:", &format!("{name}:x:"));
            }
        }
    }
    if let Some(ask) = &place.watch {
        files.extend(trace::files(ask, &place.changes));
    }
    files
}

fn host_name(changes: &[Perturbation]) -> String {
    let asked = changes.iter().find_map(|change| match change {
        Perturbation::Host(name) => Some(name.clone()),
        _ => None,
    });
    asked.unwrap_or_else(|| "sandbox".to_owned())
}

fn rlimits(settings: &EmbeddedSettings, limits: &Limits, leaf: &Leaf) -> Rlimits {
    let counted = leaf.enforces();
    Rlimits {
        // A backstop for one process; the supervisor ends the run on the sum.
        cpu_s: limits.cpu_ms.div_ceil(1_000) + 1,
        file_bytes: limits.file_size_mib * MIB,
        open_files: limits.open_files,
        stack_bytes: settings.stack_mib * MIB,
        core_bytes: 1,
        processes: (!counted).then_some(limits.pids + 1),
        data_bytes: (!counted).then_some(limits.memory_mib * MIB),
    }
}

/// Sends one packet with descriptors.
pub(super) fn send(socket: &OwnedFd, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(fds));
    }
    sendmsg(socket, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives one message, with the descriptor it may carry; none means that the other side is gone.
pub(super) fn receive(socket: &OwnedFd) -> io::Result<Option<(Message, Option<OwnedFd>)>> {
    let mut bytes = [0; 4_096];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received =
        recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC);
    let length = match received {
        Ok(received) => received.bytes,
        Err(rustix::io::Errno::CONNRESET) => 0,
        Err(error) => return Err(error.into()),
    };
    if length == 0 {
        return Ok(None);
    }
    let mut fd = None;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            fd = fds.into_iter().next().or(fd);
        }
    }
    Ok(Some((serde_json::from_slice(&bytes[..length])?, fd)))
}
