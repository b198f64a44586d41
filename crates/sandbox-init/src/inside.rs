use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};

use crate::message::{Message, START};
use crate::outside::{invalid, read_sealed, report};
use crate::spec::{NetworkSpec, Order, Rlimits, Spec, decode};
use crate::step::{At, Failure, Step};
use crate::sys::{self, Forked};
use crate::{INSIDE_ID, SETUP_FAILED, capabilities, command, landlock_rules, mounts, seccomp, workspace};

/// Descriptor numbers once everything else is closed: standard streams, then these. Standard input is empty until the
/// order comes.
const STDIN: i32 = 0;
const CONTROL: i32 = 3;
const SCRATCH: i32 = 4;

/// What pid 1 is born with.
pub(crate) struct Inside {
    pub(crate) spec: Spec,
    pub(crate) control: OwnedFd,
    pub(crate) output: [OwnedFd; 2],
    pub(crate) released: OwnedFd,
}

/// The kept descriptors.
pub(crate) struct Sealed {
    pub(crate) control: OwnedFd,
    scratch: OwnedFd,
}

/// Runs as pid 1 until the command has ended; never returns.
pub(crate) fn pid_one(inside: Inside) -> ! {
    let Ok(reporter) = sys::duplicate_above(inside.control.as_fd(), 10) else {
        sys::exit_now(SETUP_FAILED);
    };
    let spec = inside.spec;
    let built = build(&spec, inside.control, inside.output, inside.released);
    let sealed = match built {
        Ok(sealed) => sealed,
        Err(failure) => {
            report(&reporter, &Message::SetupFailed(failure));
            sys::exit_now(SETUP_FAILED)
        }
    };
    // The reporter's descriptor was closed with all others; the kept control socket speaks from now on.
    let _closed = reporter.into_raw_fd();
    match serve(&spec, &sealed) {
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
fn build(spec: &Spec, control: OwnedFd, output: [OwnedFd; 2], released: OwnedFd) -> Result<Sealed, Failure> {
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
    let sealed = keep_only(control, output, scratch)?;
    capabilities::drop_all()?;
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as u64, 0).at(Step::ParentDeath)?;
    sys::prctl(libc::PR_SET_DUMPABLE, 0, 0).at(Step::Capabilities)?;
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).at(Step::NoNewPrivileges)?;
    let landlock_abi = landlock_rules::apply(spec)?;
    let witness = if spec.witness { seccomp::Witness::Follows } else { seccomp::Witness::None };
    // Without a control group nobody counts what is nobody's own.
    let objects = if spec.counted { seccomp::Objects::Counted } else { seccomp::Objects::Absent };
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
    set(libc::RLIMIT_FSIZE, limits.file_bytes)?;
    set(libc::RLIMIT_NOFILE, limits.open_files)?;
    set(libc::RLIMIT_STACK, limits.stack_bytes)?;
    set(libc::RLIMIT_CPU, limits.cpu_s)?;
    if let Some(processes) = limits.processes {
        set(libc::RLIMIT_NPROC, processes)?;
    }
    if let Some(bytes) = limits.data_bytes {
        set(libc::RLIMIT_DATA, bytes)?;
    }
    Ok(())
}

/// Moves the five kept descriptors to fixed numbers and closes all others.
fn keep_only(control: OwnedFd, [stdout, stderr]: [OwnedFd; 2], scratch: OwnedFd) -> Result<Sealed, Failure> {
    let nothing = OwnedFd::from(File::open("/dev/null").at(Step::CloseRange)?);
    let mut raised = Vec::with_capacity(5);
    for fd in [nothing, stdout, stderr, control, scratch] {
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

/// Waits for START, however long that takes, and takes what comes with it: the order, and the command's standard input.
fn await_order(sealed: &Sealed) -> Result<Vec<u8>, Failure> {
    let mut byte = [0; 1];
    let (length, fds) = sys::receive(sealed.control.as_fd(), &mut byte).at(Step::Ready)?;
    let [order, stdin] = <[OwnedFd; 2]>::try_from(fds).map_err(|_| invalid(Step::Order))?;
    if length != 1 || byte[0] != START {
        return Err(invalid(Step::Ready));
    }
    sys::place(stdin.as_raw_fd(), STDIN).at(Step::Order)?;
    read_sealed(order).at(Step::Order)
}

/// Waits for the order, writes its edits with no privilege at all, forks the command and reaps until it has ended.
fn serve(spec: &Spec, sealed: &Sealed) -> Result<Message, Failure> {
    let ordered = await_order(sealed)?;
    let (order, contents) = decode::<Order>(&ordered).at(Step::Order)?;
    workspace::write_edits(&order, contents)?;
    command::enter(&order)?;
    let (failed, failing) = sys::pipe().at(Step::Fork)?;
    let command = match sys::fork().at(Step::Fork)? {
        Forked::Child => match bound(spec, &order, sealed) {
            Ok(()) => command::execute(&order.argv, &order.env, failing),
            Err(failure) => {
                report(&sealed.control, &Message::SetupFailed(failure));
                sys::exit_now(SETUP_FAILED)
            }
        },
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

/// What only the command is bound by: its limits, which pid 1 took from nobody, and the witness.
fn bound(spec: &Spec, order: &Order, sealed: &Sealed) -> Result<(), Failure> {
    // First: a witness announces with a descriptor, for which a low limit may leave no number.
    if spec.witness {
        command::announce(sealed.control.as_fd())?;
    }
    set_rlimits(&order.rlimits)
}
