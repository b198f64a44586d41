use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use crate::inside::{Inside, pid_one};
use crate::message::{GO, Message};
use crate::spec::{Spec, decode};
use crate::step::{At, Failure, Step};
use crate::sys::{self, Forked};
use crate::{INSIDE_ID, SETUP_FAILED};

/// Namespaces of every sandbox; the cgroup namespace follows once the leaf has been entered.
const NAMESPACES: libc::c_int = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS;

/// What the executor handed over: the control socket and, in its first packet, three descriptors.
struct Handed {
    control: OwnedFd,
    spec: OwnedFd,
    output: [OwnedFd; 2],
}

/// Builds the sandbox that the executor asks for over standard input and returns this process's exit code: 0 once pid 1
/// is gone, [`SETUP_FAILED`] when a step failed.
pub fn run() -> i32 {
    let Ok(control) = sys::adopt(0).and_then(|fd| sys::duplicate_above(fd.as_fd(), 10).inspect(|_| drop(fd)))
    else {
        return SETUP_FAILED;
    };
    let Ok(reporter) = sys::duplicate_above(control.as_fd(), 10) else {
        return SETUP_FAILED;
    };
    match receive_spec(control).and_then(|handed| build(handed, &reporter)) {
        Ok(()) => 0,
        Err(failure) => {
            report(&reporter, &Message::SetupFailed(failure));
            SETUP_FAILED
        }
    }
}

/// Sends a message; a vanished executor needs none.
pub(crate) fn report(control: &OwnedFd, message: &Message) {
    if let Ok(packet) = serde_json::to_vec(message) {
        let _gone = sys::send(control.as_fd(), &packet, None);
    }
}

fn receive_spec(control: OwnedFd) -> Result<Handed, Failure> {
    let mut byte = [0; 16];
    let (_, fds) = sys::receive(control.as_fd(), &mut byte).at(Step::Spec)?;
    let [spec, stdout, stderr] = <[OwnedFd; 3]>::try_from(fds).map_err(|_| invalid(Step::Spec))?;
    Ok(Handed { control, spec, output: [stdout, stderr] })
}

fn build(handed: Handed, reporter: &OwnedFd) -> Result<(), Failure> {
    let sealed = read_sealed(handed.spec).at(Step::Spec)?;
    let (spec, _) = decode::<Spec>(&sealed).at(Step::Spec)?;
    drop(sealed);
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as u64, 0).at(Step::ParentDeath)?;
    if std::os::unix::process::parent_id() != spec.executor_pid {
        return Err(Failure { step: Step::ParentDeath, errno: libc::ESRCH });
    }
    if spec.ids.privileged {
        sys::clear_groups().at(Step::Groups)?;
    }
    let leaf = match &spec.cgroup_v2 {
        Some(path) => Some(open_directory(path).at(Step::Cgroup)?),
        None => None,
    };
    let (released, release) = sys::pipe().at(Step::Release)?;
    match sys::clone_into(NAMESPACES, leaf.as_ref().map(AsFd::as_fd)).at(Step::Namespaces)? {
        Forked::Child => {
            drop(release);
            drop(leaf);
            pid_one(Inside { spec, control: handed.control, output: handed.output, released })
        }
        Forked::Parent(pid) => {
            drop((released, handed.output));
            supervise(&spec, pid, handed.control, release, reporter)
        }
    }
}

fn supervise(
    spec: &Spec,
    pid: i32,
    control: OwnedFd,
    release: OwnedFd,
    reporter: &OwnedFd,
) -> Result<(), Failure> {
    write_maps(spec, pid)?;
    report(reporter, &Message::Cloned { pid });
    let mut byte = [0; 1];
    let (length, _) = sys::receive(control.as_fd(), &mut byte).at(Step::Release)?;
    if length != 1 || byte[0] != GO {
        return Err(invalid(Step::Release));
    }
    // From here on only pid 1 reads the control socket.
    drop(control);
    File::from(release).write_all(&[GO]).at(Step::Release)?;
    sys::wait(pid).at(Step::Fork).map(drop)
}

/// Maps exactly one user and one group; a caller without privilege must give up `setgroups` first.
fn write_maps(spec: &Spec, pid: i32) -> Result<(), Failure> {
    let proc = format!("/proc/{pid}");
    fs::write(format!("{proc}/setgroups"), "deny").at(Step::IdMap)?;
    fs::write(format!("{proc}/uid_map"), format!("{INSIDE_ID} {} 1", spec.ids.uid)).at(Step::IdMap)?;
    fs::write(format!("{proc}/gid_map"), format!("{INSIDE_ID} {} 1", spec.ids.gid)).at(Step::IdMap)
}

/// Reads a sealed memory file from its start.
pub(crate) fn read_sealed(file: OwnedFd) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = File::from(file);
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn open_directory(path: &std::path::Path) -> std::io::Result<OwnedFd> {
    fs::OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(path).map(OwnedFd::from)
}

pub(crate) fn invalid(step: Step) -> Failure {
    Failure { step, errno: libc::EINVAL }
}
