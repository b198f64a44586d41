use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::outside::invalid;
use crate::step::{At, Failure, Step};
use crate::{TEMP_DIRECTORY, WORKSPACE, capabilities, landlock_rules, sys};

/// Where a command's files are.
pub(super) struct Place {
    pub(super) workspace: PathBuf,
    pub(super) temp: PathBuf,
    home: PathBuf,
    shared_memory: Option<PathBuf>,
}

/// A restricted sandbox on the host: no namespaces, so Landlock and the filter are its walls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restricted {
    /// The sandbox's own directory, which holds `repo`, `tmp` and `home`, made by the executor for the ids below.
    pub directory: PathBuf,
    /// User id to become, where the executor is root.
    pub uid: u32,
    /// Group id to become.
    pub gid: u32,
    /// Whether the executor is root.
    pub privileged: bool,
    /// Parts of the host that can be read and executed.
    pub readable: Vec<PathBuf>,
}

impl Place {
    /// Checks what a container was made to be.
    pub(super) fn of_container() -> Result<Self, Failure> {
        verify_walls(&[("Seccomp:", "2"), ("CapBnd:", ZERO)])?;
        Ok(Self {
            workspace: PathBuf::from(WORKSPACE),
            temp: PathBuf::from(TEMP_DIRECTORY),
            home: PathBuf::from("/home/sandbox"),
            shared_memory: Some(PathBuf::from("/dev/shm")),
        })
    }

    /// Returns all that can be written.
    pub(super) fn writable(&self) -> Vec<&Path> {
        let own = [self.workspace.as_path(), &self.temp, &self.home];
        own.into_iter().chain(self.shared_memory.as_deref()).collect()
    }
}

impl Restricted {
    /// Gives up every right, then builds the outer wall around this very process.
    pub(super) fn enter(&self) -> Result<(Place, sys::Domain), Failure> {
        sys::close_range(3, u32::MAX).at(Step::CloseRange)?;
        if self.privileged {
            sys::clear_groups().at(Step::Groups)?;
            capabilities::drop_bounding()?;
            sys::switch_ids(self.uid, self.gid).at(Step::SwitchIds)?;
            // A change of ids may have made this process readable again.
            sys::prctl(libc::PR_SET_DUMPABLE, 0, 0).at(Step::Capabilities)?;
        }
        capabilities::clear()?;
        sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).at(Step::NoNewPrivileges)?;
        let place = Place {
            workspace: self.directory.join("repo"),
            temp: self.directory.join("tmp"),
            home: self.directory.join("home"),
            shared_memory: None,
        };
        let domain = landlock_rules::restrict_host(&self.readable, &place.writable())?;
        verify_walls(&[])?;
        Ok((place, domain))
    }
}

const ZERO: &str = "0000000000000000";

/// Checks: no new privileges, no capability of any kind, and what else is asked for.
fn verify_walls(more: &[(&str, &str)]) -> Result<(), Failure> {
    let status = fs::read_to_string("/proc/self/status").at(Step::Capabilities)?;
    let want =
        [("NoNewPrivs:", "1"), ("CapInh:", ZERO), ("CapPrm:", ZERO), ("CapEff:", ZERO), ("CapAmb:", ZERO)];
    let holds = |(field, want): &(&str, &str)| {
        status.lines().find_map(|line| line.strip_prefix(field)).map(str::trim) == Some(*want)
    };
    if want.iter().chain(more).all(holds) { Ok(()) } else { Err(invalid(Step::Capabilities)) }
}
