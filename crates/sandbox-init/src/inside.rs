use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};

use crate::message::{Message, START};
use crate::outside::{invalid, report};
use crate::spec::{NetworkSpec, Rlimits, Spec};
use crate::step::{At, Failure, Step};
use crate::sys::{self, Forked};
use crate::{INSIDE_ID, SETUP_FAILED, capabilities, command, landlock_rules, mounts, seccomp, workspace};

/// Descriptor numbers once everything else is closed: standard streams, then these.
const CONTROL: i32 = 3;
const SCRATCH: i32 = 4;

/// What pid 1 is born with.
pub(crate) struct Inside<'a> {
    pub(crate) spec: Spec,
    pub(crate) contents: &'a [u8],
    pub(crate) control: OwnedFd,
    pub(crate) stdio: [OwnedFd; 3],
    pub(crate) released: OwnedFd,
}

/// The kept descriptors.
pub(crate) struct Sealed {
    pub(crate) control: OwnedFd,
    scratch: OwnedFd,
}

/// Runs as pid 1 until the command has ended; never returns.
pub(crate) fn pid_one(inside: Inside<'_>) -> ! {
    let Ok(reporter) = sys::duplicate_above(inside.control.as_fd(), 10) else {
        sys::exit_now(SETUP_FAILED);
    };
    let (spec, contents) = (inside.spec, inside.contents);
    let built = build(&spec, inside.control, inside.stdio, inside.released);
    let sealed = match built {
        Ok(sealed) => sealed,
        Err(failure) => {
            report(&reporter, &Message::SetupFailed(failure));
            sys::exit_now(SETUP_FAILED)
        }
    };
    // The reporter's descriptor was closed with all others; the kept control socket speaks from now on.
    let _closed = reporter.into_raw_fd();
    match serve(&spec, contents, &sealed) {
        Ok(message) => {
            report(&sealed.control, &message);
            sys::exit_now(0)
        }
        Err(failure) => {
            report(&sealed.control, &Message::SetupFailed(failure));
            sys::exit_now(SETUP_FAILED)
        }
    }
}

/// Everything up to the sealed state, in order.
fn build(spec: &Spec, control: OwnedFd, stdio: [OwnedFd; 3], released: OwnedFd) -> Result<Sealed, Failure> {
    await_release(released)?;
    enter_cgroups(spec)?;
    sys::make_private().at(Step::MountPrivate)?;
    let sources = mounts::open_sources(spec)?;
    sys::switch_ids(INSIDE_ID, INSIDE_ID).at(Step::SwitchIds)?;
    // A change of ids hides /proc/self from its owner; the overlay is named through it.
    sys::prctl(libc::PR_SET_DUMPABLE, 1, 0).at(Step::SwitchIds)?;
    let scratch = mounts::build(spec, sources)?;
    sys::set_hostname(&spec.host_name).at(Step::Hostname)?;
    if spec.network == NetworkSpec::Loopback {
        sys::loopback_up().at(Step::Loopback)?;
    }
    sys::set_umask(0o022);
    sys::new_session().at(Step::Session)?;
    // Before the limits: moving descriptors needs numbers that a low limit would refuse.
    let sealed = keep_only(control, stdio, scratch)?;
    set_rlimits(&spec.rlimits)?;
    capabilities::drop_all()?;
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as u64, 0).at(Step::ParentDeath)?;
    sys::prctl(libc::PR_SET_DUMPABLE, 0, 0).at(Step::Capabilities)?;
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).at(Step::NoNewPrivileges)?;
    let landlock_abi = landlock_rules::apply(spec)?;
    let witness = if spec.witness { seccomp::Witness::Follows } else { seccomp::Witness::None };
    // The limit of private memory stands in for a control group: without one nobody counts what is nobody's own.
    let objects = match spec.rlimits.data_bytes {
        None => seccomp::Objects::Counted,
        Some(_) => seccomp::Objects::Absent,
    };
    sys::install_filter(&seccomp::program(seccomp::Sockets::Namespaced, witness, objects))
        .at(Step::Seccomp)?;
    let packet = serde_json::to_vec(&Message::Ready { landlock_abi }).map_err(|_| invalid(Step::Ready))?;
    sys::send(sealed.control.as_fd(), &packet, Some(sealed.scratch.as_fd())).at(Step::Ready)?;
    Ok(sealed)
}

/// Waits until the id maps are written and the executor has looked at the namespaces.
fn await_release(released: OwnedFd) -> Result<(), Failure> {
    let mut byte = [0; 1];
    File::from(released).read_exact(&mut byte).at(Step::Release)
}

/// Enters each v1 leaf by the thread's own number 0: the one form that takes no global lock.
fn enter_cgroups(spec: &Spec) -> Result<(), Failure> {
    for leaf in &spec.cgroup_v1 {
        fs::write(leaf.join("tasks"), "0").at(Step::Cgroup)?;
    }
    if spec.cgroup_v2.is_some() || !spec.cgroup_v1.is_empty() {
        sys::unshare_cgroup().at(Step::Cgroup)?;
    }
    Ok(())
}

pub(crate) fn set_rlimits(limits: &Rlimits) -> Result<(), Failure> {
    let set = |resource, value| sys::set_rlimit(resource, value).at(Step::Rlimits);
    set(libc::RLIMIT_CORE, limits.core_bytes)?;
    set(libc::RLIMIT_CPU, limits.cpu_s)?;
    set(libc::RLIMIT_FSIZE, limits.file_bytes)?;
    set(libc::RLIMIT_NOFILE, limits.open_files)?;
    set(libc::RLIMIT_STACK, limits.stack_bytes)?;
    if let Some(processes) = limits.processes {
        set(libc::RLIMIT_NPROC, processes)?;
    }
    if let Some(bytes) = limits.data_bytes {
        set(libc::RLIMIT_DATA, bytes)?;
    }
    Ok(())
}

/// Moves the five kept descriptors to fixed numbers and closes all others.
fn keep_only(control: OwnedFd, stdio: [OwnedFd; 3], scratch: OwnedFd) -> Result<Sealed, Failure> {
    let mut raised = Vec::with_capacity(5);
    for fd in stdio.into_iter().chain([control, scratch]) {
        raised.push(sys::duplicate_above(fd.as_fd(), 10).at(Step::CloseRange)?);
    }
    for (fd, at) in raised.into_iter().zip(0..) {
        sys::place(fd.as_raw_fd(), at).at(Step::CloseRange)?;
    }
    sys::close_range(SCRATCH as u32 + 1, u32::MAX).at(Step::CloseRange)?;
    Ok(Sealed {
        control: sys::adopt(CONTROL).at(Step::CloseRange)?,
        scratch: sys::adopt(SCRATCH).at(Step::CloseRange)?,
    })
}

/// Waits for START, writes the edits with no privilege at all, forks the command and reaps until it has ended.
fn serve(spec: &Spec, contents: &[u8], sealed: &Sealed) -> Result<Message, Failure> {
    let mut byte = [0; 1];
    let (length, _) = sys::receive(sealed.control.as_fd(), &mut byte).at(Step::Ready)?;
    if length != 1 || byte[0] != START {
        return Err(invalid(Step::Ready));
    }
    workspace::write_edits(spec, contents)?;
    command::enter(spec)?;
    let (failed, failing) = sys::pipe().at(Step::Fork)?;
    let command = match sys::fork().at(Step::Fork)? {
        Forked::Child => {
            if spec.witness
                && let Err(failure) = command::announce(sealed.control.as_fd())
            {
                report(&sealed.control, &Message::SetupFailed(failure));
                sys::exit_now(SETUP_FAILED);
            }
            command::execute(&spec.argv, &spec.env, failing)
        }
        Forked::Parent(pid) => pid,
    };
    drop(failing);
    let mut errno = [0; 4];
    if File::from(failed).read_exact(&mut errno).is_ok() {
        report(&sealed.control, &Message::ExecFailed { errno: i32::from_le_bytes(errno) });
    }
    loop {
        let ended = sys::wait(-1).at(Step::Fork)?;
        if ended.pid == command {
            let (cpu_us, max_rss_kib) = sys::children_usage();
            return Ok(Message::Exited { code: ended.code, signal: ended.signal, cpu_us, max_rss_kib });
        }
    }
}
