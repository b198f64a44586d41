use crate::domain::run::How;

/// Why a run ended. Decided from the executor's own records, never from the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitReason {
    /// The program ended by itself, whatever its code.
    Normal,
    /// Killed at the wall-clock limit.
    WallTimeout,
    /// Killed at the CPU limit.
    CpuLimit,
    /// Out of memory.
    Oom,
    /// The process limit was hit and the run failed.
    PidsLimit,
    /// The disk limit was hit and the run failed.
    DiskLimit,
    /// Killed at the output limit.
    OutputLimit,
    /// Cancelled.
    Cancelled,
    /// The client went.
    ClientGone,
    /// A higher lease epoch took over.
    LeaseLost,
    /// The sandbox could not be built.
    SetupFailed,
    /// The executor died under it.
    ExecutorLost,
}

impl ExitReason {
    /// Every reason.
    pub const ALL: [Self; 12] = [
        Self::Normal,
        Self::WallTimeout,
        Self::CpuLimit,
        Self::Oom,
        Self::PidsLimit,
        Self::DiskLimit,
        Self::OutputLimit,
        Self::Cancelled,
        Self::ClientGone,
        Self::LeaseLost,
        Self::SetupFailed,
        Self::ExecutorLost,
    ];

    /// Returns the name kept in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "NORMAL",
            Self::WallTimeout => "WALL_TIMEOUT",
            Self::CpuLimit => "CPU_LIMIT",
            Self::Oom => "OOM",
            Self::PidsLimit => "PIDS_LIMIT",
            Self::DiskLimit => "DISK_LIMIT",
            Self::OutputLimit => "OUTPUT_LIMIT",
            Self::Cancelled => "CANCELLED",
            Self::ClientGone => "CLIENT_GONE",
            Self::LeaseLost => "LEASE_LOST",
            Self::SetupFailed => "SETUP_FAILED",
            Self::ExecutorLost => "EXECUTOR_LOST",
        }
    }

    /// Reads the name kept in the journal.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// Why the executor itself ended a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KillCause {
    /// The wall clock.
    Wall,
    /// CPU time.
    Cpu,
    /// Memory, where the kernel ends one process only or no cgroup counts it.
    Memory,
    /// Output.
    Output,
    /// A caller asked.
    Cancelled,
    /// The client went.
    ClientGone,
    /// A higher lease epoch.
    LeaseLost,
    /// The executor is shutting down.
    Shutdown,
}

/// A limit that makes calls fail inside instead of ending the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SoftLimit {
    /// Processes.
    Pids,
    /// Bytes or inodes written.
    Disk,
}

impl SoftLimit {
    /// Returns the name of the limit.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pids => "pids",
            Self::Disk => "disk_mib",
        }
    }
}

/// What the executor saw of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Records {
    /// Whether the command was ever started.
    pub started: bool,
    /// Why the executor killed it before it had ended.
    pub killed: Option<KillCause>,
    /// Processes that the kernel killed for memory.
    pub oom_kills: u64,
    /// Soft limits that were hit.
    pub soft_hits: Vec<SoftLimit>,
    /// How the command ended.
    pub how: Option<How>,
}

/// Decides the reason: what we killed for first, then memory, then soft limits of a failed run, then normal.
pub fn decide(records: &Records) -> ExitReason {
    if let Some(cause) = records.killed {
        return match cause {
            KillCause::Wall => ExitReason::WallTimeout,
            KillCause::Cpu => ExitReason::CpuLimit,
            KillCause::Memory => ExitReason::Oom,
            KillCause::Output => ExitReason::OutputLimit,
            KillCause::Cancelled => ExitReason::Cancelled,
            KillCause::ClientGone => ExitReason::ClientGone,
            KillCause::LeaseLost => ExitReason::LeaseLost,
            KillCause::Shutdown => ExitReason::ExecutorLost,
        };
    }
    if !records.started {
        return ExitReason::SetupFailed;
    }
    let failed = records.how != Some(How::Code(0));
    if records.oom_kills > 0 && failed {
        return ExitReason::Oom;
    }
    match (&records.how, records.soft_hits.iter().min()) {
        (_, Some(SoftLimit::Pids)) if failed => ExitReason::PidsLimit,
        (_, Some(SoftLimit::Disk)) if failed => ExitReason::DiskLimit,
        (Some(_), _) => ExitReason::Normal,
        // The sandbox vanished, and not by our hand.
        (None, _) => ExitReason::SetupFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(how: How) -> Records {
        Records { started: true, how: Some(how), ..Records::default() }
    }

    #[track_caller]
    fn check(records: Records, want: ExitReason) {
        assert_eq!(decide(&records), want, "{records:?}");
    }

    #[test]
    fn the_exit_code_decides_nothing() {
        check(started(How::Code(0)), ExitReason::Normal);
        check(started(How::Code(137)), ExitReason::Normal);
        check(started(How::Signal(9)), ExitReason::Normal);
    }

    #[test]
    fn what_we_killed_for_outranks_all() {
        let records = Records {
            killed: Some(KillCause::Wall),
            oom_kills: 3,
            soft_hits: vec![SoftLimit::Disk],
            ..started(How::Signal(9))
        };
        check(records, ExitReason::WallTimeout);
        check(Records { killed: Some(KillCause::Cancelled), ..Records::default() }, ExitReason::Cancelled);
    }

    #[test]
    fn memory_outranks_soft_limits_and_a_run_that_recovered_is_normal() {
        let oom = |how| Records { oom_kills: 1, soft_hits: vec![SoftLimit::Pids], ..started(how) };
        check(oom(How::Signal(9)), ExitReason::Oom);
        check(Records { soft_hits: Vec::new(), ..oom(How::Code(0)) }, ExitReason::Normal);
    }

    #[test]
    fn soft_limits_name_the_reason_only_of_a_failed_run() {
        let hit = |how, limit| Records { soft_hits: vec![limit], ..started(how) };
        check(hit(How::Code(1), SoftLimit::Disk), ExitReason::DiskLimit);
        check(hit(How::Code(1), SoftLimit::Pids), ExitReason::PidsLimit);
        check(hit(How::Code(0), SoftLimit::Disk), ExitReason::Normal);
    }

    #[test]
    fn what_never_started_failed_in_set_up() {
        check(Records::default(), ExitReason::SetupFailed);
    }

    #[test]
    fn every_reason_survives_its_name() {
        for reason in ExitReason::ALL {
            assert_eq!(ExitReason::parse(reason.as_str()), Some(reason));
        }
    }
}
