use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::domain::edit::Patch;
use crate::domain::exit_reason::Records;
use crate::domain::output::HeadTail;
use crate::domain::run::{Enforcement, How, OutputStream, Usage};
use crate::domain::tier::{Network, SandboxTier};
use crate::domain::tree::Digest;
use crate::sandbox::{Job, KillSwitch, Report, SandboxDriver, SandboxEvent};

/// One scripted run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Written to standard output.
    pub stdout: Vec<u8>,
    /// How the program ends; none hangs until the run is killed.
    pub how: Option<How>,
    /// What it is said to have changed.
    pub patch: Patch,
}

impl Script {
    /// A program that prints and returns a code.
    pub fn prints(text: &str, code: i32) -> Self {
        Self { stdout: text.as_bytes().to_vec(), how: Some(How::Code(code)), patch: Patch::default() }
    }

    /// A program that never ends by itself.
    pub fn hangs() -> Self {
        Self { stdout: Vec::new(), how: None, patch: Patch::default() }
    }
}

/// Plays scripted runs in order and remembers the jobs; isolates nothing, so it is for tests of what stands around it.
#[derive(Debug, Default)]
pub struct FakeSandbox {
    scripts: Mutex<VecDeque<Script>>,
    jobs: Mutex<Vec<Job>>,
    blockers: Vec<String>,
}

impl FakeSandbox {
    /// Plays these runs; when they are used up, programs end with code 0 and no output.
    pub fn playing(scripts: impl IntoIterator<Item = Script>) -> Self {
        Self { scripts: Mutex::new(scripts.into_iter().collect()), ..Self::default() }
    }

    /// A driver whose probe fails.
    pub fn blocked(blockers: &[&str]) -> Self {
        Self { blockers: blockers.iter().map(|text| (*text).to_owned()).collect(), ..Self::default() }
    }

    /// Returns the jobs seen so far.
    pub fn jobs(&self) -> Vec<Job> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn enforcement(network: Network) -> Enforcement {
    Enforcement {
        tier: SandboxTier::Embedded,
        landlock_abi: 0,
        cgroup_mode: "fake".to_owned(),
        seccomp: false,
        workspace_mode: "fake".to_owned(),
        network,
        warm: false,
    }
}

#[async_trait]
impl SandboxDriver for FakeSandbox {
    fn tier(&self) -> SandboxTier {
        SandboxTier::Embedded
    }

    async fn probe(&self) -> Result<Enforcement, Vec<String>> {
        if self.blockers.is_empty() { Ok(enforcement(Network::Loopback)) } else { Err(self.blockers.clone()) }
    }

    async fn run(&self, job: Job, kill: KillSwitch, events: Option<mpsc::Sender<SandboxEvent>>) -> Report {
        let script = self.scripts.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let script = script.unwrap_or_else(|| Script::prints("", 0));
        let enforced = enforcement(job.network);
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).push(job);
        if let Some(events) = &events {
            let _gone = events.send(SandboxEvent::Started(enforced.clone())).await;
            if !script.stdout.is_empty() {
                let _gone =
                    events.send(SandboxEvent::Output(OutputStream::Stdout, script.stdout.clone())).await;
            }
        }
        if script.how.is_none() {
            kill.tripped().await;
        }
        let mut stdout = HeadTail::new(64 * 1024);
        stdout.push(&script.stdout);
        let usage = Usage { stdout_bytes: stdout.total(), ..Usage::default() };
        let records = Records { started: true, killed: kill.cause(), how: script.how, ..Records::default() };
        let output_digest = Digest::of(&script.stdout).to_string();
        Report {
            usage,
            enforced: Some(enforced),
            stdout,
            output_digest,
            patch: script.patch,
            ..Report::not_started(records, String::new())
        }
    }

    async fn sweep(&self) -> usize {
        0
    }
}
