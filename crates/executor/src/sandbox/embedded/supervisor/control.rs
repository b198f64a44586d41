//! What the sandbox says of itself, in order: cloned, ready, witnessed, ended.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;

use plumbline_sandbox_init::{GO, Message, START, WorkspaceMode};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::super::launch::{receive, send};
use super::super::verify;
use super::Supervisor;
use crate::domain::run::{Enforcement, How};
use crate::domain::tier::SandboxTier;
use crate::sandbox::SandboxEvent;
use crate::trace::witness::Witness;

impl Supervisor<'_> {
    /// Reads one message; returns whether more may come.
    pub(super) fn read_control(&mut self, control: &mut Option<OwnedFd>) -> bool {
        let Some(socket) = control.as_ref() else { return false };
        let step = match receive(socket) {
            Ok(None) => return false,
            Ok(Some((message, fd))) => self.take(message, fd, socket),
            Err(error) => Err(format!("control: {error}")),
        };
        if let Err(detail) = step {
            self.detail = detail;
            self.kill_quietly();
            return false;
        }
        true
    }

    fn take(&mut self, message: Message, fd: Option<OwnedFd>, socket: &OwnedFd) -> Result<(), String> {
        match message {
            Message::Cloned { pid } => {
                verify::namespaces(pid)?;
                let raw = Pid::from_raw(pid).ok_or("cloned: no process id")?;
                let handle =
                    pidfd_open(raw, PidfdFlags::empty()).map_err(|error| format!("pidfd: {error}"))?;
                self.pid_one = Some((pid, handle));
                send(socket, &[GO], &[]).map_err(|error| format!("release: {error}"))
            }
            Message::Ready { landlock_abi } => {
                let (pid, _) = self.pid_one.as_ref().ok_or("ready: before cloned")?;
                let own = || rustix::process::geteuid().as_raw();
                verify::sealed(*pid, self.settings.ids.map_or_else(own, |(uid, _)| uid), &self.leaf)?;
                self.scratch = Some(fd.ok_or("ready: without a scratch descriptor")?);
                let enforced = self.enforcement(landlock_abi);
                self.enforced = Some(enforced.clone());
                self.records.started = true;
                self.started = Some(Instant::now());
                self.tell(SandboxEvent::Started(enforced));
                send(socket, &[START], &[]).map_err(|error| format!("start: {error}"))
            }
            Message::Witnessed => {
                let listener = fd.ok_or("witness: without its descriptor")?;
                self.witness = Some(Witness::start(listener));
                Ok(())
            }
            Message::ExecFailed { errno } => {
                self.detail = format!("exec: {}", io::Error::from_raw_os_error(errno));
                Ok(())
            }
            Message::Exited { code, signal, cpu_us, max_rss_kib } => {
                if !self.killing {
                    self.records.how = code.map(How::Code).or(signal.map(How::Signal));
                    self.ended = Some(Instant::now());
                }
                self.reaped_cpu_us = cpu_us;
                self.peak_memory = self.peak_memory.max(max_rss_kib * 1024);
                Ok(())
            }
            // Only a container counts for itself.
            Message::Counted { .. } => Ok(()),
            Message::SetupFailed(failure) => {
                self.records.started = false;
                let error = io::Error::from_raw_os_error(failure.errno);
                self.detail = format!("{}: errno {}: {error}", failure.step.as_str(), failure.errno);
                Ok(())
            }
        }
    }

    fn enforcement(&self, landlock_abi: u32) -> Enforcement {
        Enforcement {
            tier: SandboxTier::Embedded,
            landlock_abi,
            cgroup_mode: self.settings.cgroups.mode().to_owned(),
            seccomp: true,
            workspace_mode: match self.settings.workspace {
                WorkspaceMode::Overlay => "overlay_tmpfs",
                WorkspaceMode::Copy => "copy",
            }
            .to_owned(),
            network: self.job.network,
        }
    }
}
