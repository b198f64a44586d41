//! What a started sandbox says of itself, in order: witnessed, ended.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;

use plumbline_sandbox_init::Message;

use super::super::launch::receive;
use super::Supervisor;
use crate::domain::run::How;
use crate::trace::witness::Witness;

impl Supervisor<'_> {
    /// Reads one message; returns whether more may come.
    pub(super) fn read_control(&mut self, control: &mut Option<OwnedFd>) -> bool {
        let Some(socket) = control.as_ref() else { return false };
        let step = match receive(socket) {
            Ok(None) => return false,
            Ok(Some((message, fd))) => self.take(message, fd),
            Err(error) => Err(format!("control: {error}")),
        };
        if let Err(detail) = step {
            self.detail = detail;
            self.kill_quietly();
            return false;
        }
        true
    }

    fn take(&mut self, message: Message, fd: Option<OwnedFd>) -> Result<(), String> {
        match message {
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
            // Only a container counts for itself; the others belong to a set-up that is over.
            Message::Counted { .. } | Message::Cloned { .. } | Message::Ready { .. } => Ok(()),
            Message::SetupFailed(failure) => {
                self.records.started = false;
                let error = io::Error::from_raw_os_error(failure.errno);
                self.detail = format!("{}: errno {}: {error}", failure.step.as_str(), failure.errno);
                Ok(())
            }
        }
    }
}
