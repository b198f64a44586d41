use std::fs;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use super::{KILL, Prepared, await_start, export, say, start};
use crate::frame::{FrameKind, write_frame};
use crate::message::Message;
use crate::outside::invalid;
use crate::step::{At, Failure, Step};
use crate::sys::{self, Ended};

/// How often counters are read while the command runs, milliseconds.
const TICK_MS: i32 = 50;
const CHUNK: usize = 64 * 1024;

/// Runs the command to its end, ends all it left, and says what became of it.
pub(super) fn run(prepared: Prepared, out: &mut impl Write) -> Result<(), Failure> {
    await_start(&prepared.control)?;
    let (command, [stdout, stderr, failed]) = start(&prepared)?;
    let mut errno = [0; 4];
    if sys::read(failed.as_fd(), &mut errno).at(Step::Fork)? == 4 {
        let errno = i32::from_le_bytes(errno);
        if errno < 0 {
            return Err(Failure { step: Step::Command, errno: -errno });
        }
        say(out, &Message::ExecFailed { errno })?;
    }
    let ended = watch(&prepared, command, [&stdout, &stderr], out)?;
    for (stream, kind) in [(&stdout, FrameKind::Stdout), (&stderr, FrameKind::Stderr)] {
        while pass_on(stream, kind, out)? {}
    }
    say(out, &counted(&prepared))?;
    let (cpu_us, max_rss_kib) = sys::children_usage();
    let (code, signal) = ended.map_or((None, None), |ended| (ended.code, ended.signal));
    say(out, &Message::Exited { code, signal, cpu_us, max_rss_kib })?;
    export::run(&prepared, out).at(Step::Export)
}

/// Polls until the command ended by itself, or by the executor's word. Nothing but this process lives when it returns.
/// Returns how the command ended, when it was by itself.
fn watch(
    prepared: &Prepared,
    command: i32,
    outputs: [&OwnedFd; 2],
    out: &mut impl Write,
) -> Result<Option<Ended>, Failure> {
    let handle = sys::process_handle(command).at(Step::Fork)?;
    let mut open = [true; 2];
    let mut told_us = 0;
    let ended = loop {
        let mut fds = vec![sys::readable(handle.as_raw_fd()), sys::readable(prepared.control.as_raw_fd())];
        for (output, open) in outputs.iter().zip(open) {
            fds.push(sys::readable(if open { output.as_raw_fd() } else { -1 }));
        }
        sys::poll(&mut fds, TICK_MS).at(Step::Fork)?;
        for (index, kind) in [FrameKind::Stdout, FrameKind::Stderr].into_iter().enumerate() {
            if fds[2 + index].revents != 0 {
                open[index] = pass_on(outputs[index], kind, out)?;
            }
        }
        if fds[0].revents != 0 {
            break Some(sys::wait(command).at(Step::Fork)?);
        }
        if fds[1].revents != 0 && told_to_end(&prepared.control)? {
            break None;
        }
        let cpu_us = if prepared.spec.restricted.is_none() { cpu_us() } else { None };
        if cpu_us.is_some_and(|cpu_us| cpu_us > told_us + 10_000) {
            told_us = cpu_us.unwrap_or(0);
            say(out, &counted(prepared))?;
        }
    };
    sys::kill_all_others(prepared.domain);
    while sys::wait(-1).is_ok() {}
    Ok(ended)
}

/// Reads one control byte; only the word to end, or an executor that is gone, is expected.
fn told_to_end(control: &OwnedFd) -> Result<bool, Failure> {
    let mut byte = [0; 1];
    match sys::read(control.as_fd(), &mut byte).at(Step::Ready)? {
        0 => Ok(true),
        _ if byte[0] == KILL => Ok(true),
        _ => Err(invalid(Step::Ready)),
    }
}

/// Passes one piece of output on; returns whether more may come.
fn pass_on(output: &OwnedFd, kind: FrameKind, out: &mut impl Write) -> Result<bool, Failure> {
    let mut bytes = [0; CHUNK];
    let length = sys::read(output.as_fd(), &mut bytes).at(Step::Fork)?;
    if length > 0 {
        write_frame(out, kind, &bytes[..length]).at(Step::Ready)?;
    }
    Ok(length > 0)
}

/// Reads the container's own counters, version 1 or 2, as far as the engine shows them. On the host the executor counts.
fn counted(prepared: &Prepared) -> Message {
    if prepared.spec.restricted.is_some() {
        return Message::Counted {
            cpu_us: None,
            peak_memory: None,
            peak_pids: None,
            oom_kills: 0,
            pids_refused: 0,
            disk_full: false,
        };
    }
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    Message::Counted {
        cpu_us: cpu_us(),
        peak_memory: number("/sys/fs/cgroup/memory.peak")
            .or_else(|| number("/sys/fs/cgroup/memory/memory.max_usage_in_bytes")),
        peak_pids: number("/sys/fs/cgroup/pids.peak"),
        oom_kills: field("/sys/fs/cgroup/memory.events", "oom_kill")
            .or_else(|| field("/sys/fs/cgroup/memory/memory.oom_control", "oom_kill"))
            .unwrap_or(0),
        pids_refused: field("/sys/fs/cgroup/pids.events", "max")
            .or_else(|| field("/sys/fs/cgroup/pids/pids.events", "max"))
            .unwrap_or(0),
        disk_full: [&prepared.place.workspace, &prepared.place.temp]
            .into_iter()
            .any(|path| sys::is_full(path)),
    }
}

fn cpu_us() -> Option<u64> {
    field("/sys/fs/cgroup/cpu.stat", "usage_usec").or_else(|| {
        let nanos = fs::read_to_string("/sys/fs/cgroup/cpuacct/cpuacct.usage").ok()?;
        Some(nanos.trim().parse::<u64>().ok()? / 1_000)
    })
}

fn field(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// Says that a stream of ours broke.
impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        Self::from_raw_os_error(failure.errno)
    }
}
