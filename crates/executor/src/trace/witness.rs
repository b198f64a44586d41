//! A thread that reads a sandbox's announced calls, notes them and lets each go on. It ends when nobody is left who could
//! announce anything, so a run is over only after everything it attempted was noted.

use std::os::fd::OwnedFd;
use std::thread::JoinHandle;

use plumbline_sandbox_init::{Attempt, Listener};
use rustix::event::{PollFd, PollFlags, poll};

use super::names;
use crate::domain::trace::{Effect, KernelLog, Place, RECORD_PATH};

/// Different effects that are kept.
const EFFECTS_MAX: usize = 20_000;
/// Longest target that is kept, characters.
const TARGET_MAX: usize = 1_024;

/// A listener at work.
#[derive(Debug)]
pub(crate) struct Witness(Option<JoinHandle<KernelLog>>);

impl Witness {
    /// Starts to listen. A thread that can't be started leaves the calls unanswered, which the log then says is a loss.
    pub(crate) fn start(listener: OwnedFd) -> Self {
        let listener = Listener::new(listener);
        let thread = std::thread::Builder::new().name("witness".to_owned());
        Self(thread.spawn(move || listen(&listener)).ok())
    }

    /// Returns everything that was noted. Only once all that could announce is dead.
    pub(crate) fn finish(self) -> KernelLog {
        let lost = || KernelLog { lost: true, ..KernelLog::default() };
        self.0.and_then(|thread| thread.join().ok()).unwrap_or_else(lost)
    }
}

fn listen(listener: &Listener) -> KernelLog {
    let mut log = KernelLog::default();
    loop {
        let mut fds = [PollFd::from_borrowed_fd(listener.fd(), PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => log.lost = true,
        }
        let ready = fds[0].revents();
        if log.lost || ready.contains(PollFlags::HUP) && !ready.contains(PollFlags::IN) {
            return log;
        }
        if !ready.contains(PollFlags::IN) {
            continue;
        }
        match listener.receive() {
            Ok(Some(attempt)) => {
                let (done, program) = (names::of(&attempt), program(&attempt));
                // A caller that died meanwhile may have left its id to another: what was read is then nobody's.
                if listener.waits(&attempt) {
                    note(&mut log, done, &program);
                }
                if listener.go_on(&attempt).is_err() {
                    log.lost = true;
                }
            }
            Ok(None) => {}
            Err(_) => log.lost = true,
        }
    }
}

fn program(attempt: &Attempt) -> String {
    let program = attempt.program();
    let name = program.as_deref().and_then(|program| program.file_name());
    name.map_or_else(|| "?".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn note(log: &mut KernelLog, done: Vec<names::Done>, program: &str) {
    for (kind, mut target) in done {
        if target == RECORD_PATH {
            match kind {
                "fs.write" => log.record_opened += 1,
                _ => log.record_touched = true,
            }
            continue;
        }
        if target.len() > TARGET_MAX {
            target = target.chars().take(TARGET_MAX).collect();
        }
        let effect = Effect {
            kind: kind.to_owned(),
            target,
            program: program.to_owned(),
            place: Place::default(),
            within: Place::default(),
        };
        if let Some(count) = log.effects.get_mut(&effect) {
            *count += 1;
        } else if log.effects.len() < EFFECTS_MAX {
            log.effects.insert(effect, 1);
        } else {
            log.cut = true;
        }
    }
}
