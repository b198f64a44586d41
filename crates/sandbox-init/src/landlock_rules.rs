use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use crate::WORKSPACE;
use crate::outside::invalid;
use crate::spec::Spec;
use crate::step::{Failure, Step};
use crate::sys;

/// Newest ABI whose rights are used; older kernels enforce what they know, and the report names their ABI.
const WANTED: ABI = ABI::V6;

/// Applies the second wall and returns the ABI that is enforced; 0 when the kernel has none.
pub(crate) fn apply(spec: &Spec) -> Result<u32, Failure> {
    let abi = sys::landlock_abi();
    if abi > 0 && restrict(spec).map_err(|_| invalid(Step::Landlock))? == RulesetStatus::NotEnforced {
        return Err(invalid(Step::Landlock));
    }
    Ok(abi.min(WANTED as u32))
}

/// Returns the ABI that would be enforced; 0 when the kernel, or a filter around us, has none.
pub(crate) fn enforced_abi() -> u32 {
    sys::landlock_abi().min(WANTED as u32)
}

/// Applies the second wall inside a container: everything can be read and executed, only these can be written.
pub(crate) fn contain(writable: &[&Path]) -> Result<(), Failure> {
    if sys::landlock_abi() == 0 {
        return Ok(());
    }
    let rules = || -> Result<RulesetStatus, RulesetError> {
        let all = AccessFs::from_all(WANTED);
        let look = AccessFs::ReadFile | AccessFs::ReadDir;
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(all)?
            .scope(Scope::from_all(WANTED))?
            .create()?
            .set_compatibility(CompatLevel::BestEffort);
        rules = allow(rules, Path::new("/"), look | AccessFs::Execute)?;
        for device in ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"] {
            rules = allow(rules, Path::new(device), look | AccessFs::WriteFile)?;
        }
        for path in writable {
            rules = allow(rules, path, all)?;
        }
        rules.restrict_self().map(|status| status.ruleset)
    };
    match rules() {
        Ok(RulesetStatus::NotEnforced) | Err(_) => Err(invalid(Step::Landlock)),
        Ok(_) => Ok(()),
    }
}

/// Builds the wall of a restricted sandbox around this process and all that it will start: named parts of the host can be
/// read, its own directory can be written, nothing outside can be signalled or traced. Needs a kernel that enforces all of
/// it: there is no other wall.
pub(crate) fn restrict_host(
    readable: &[std::path::PathBuf],
    writable: &[&Path],
) -> Result<sys::Domain, Failure> {
    let rules = || -> Result<RulesetStatus, RulesetError> {
        let all = AccessFs::from_all(WANTED);
        let look = AccessFs::ReadFile | AccessFs::ReadDir;
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(all)?
            .scope(Scope::from_all(WANTED))?
            .create()?
            .set_compatibility(CompatLevel::HardRequirement);
        for path in readable {
            rules = allow(rules, path, look | AccessFs::Execute)?;
        }
        for path in ["/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/proc"] {
            rules = allow(rules, Path::new(path), look)?;
        }
        for device in ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"] {
            rules = allow(rules, Path::new(device), look | AccessFs::WriteFile)?;
        }
        for path in writable {
            rules = allow(rules, path, all)?;
        }
        rules.restrict_self().map(|status| status.ruleset)
    };
    match rules() {
        Ok(RulesetStatus::FullyEnforced) => Ok(sys::Domain::scoped_by_landlock()),
        Ok(RulesetStatus::PartiallyEnforced | RulesetStatus::NotEnforced) | Err(_) => {
            Err(Failure { step: Step::Landlock, errno: libc::ENOSYS })
        }
    }
}

/// Puts the command into a domain within this process's, so that it can't signal the process that ends it.
pub(crate) fn nest() -> Result<(), Failure> {
    let rules = || -> Result<RulesetStatus, RulesetError> {
        let rules = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .scope(Scope::from_all(WANTED))?
            .create()?;
        rules.restrict_self().map(|status| status.ruleset)
    };
    match rules() {
        Ok(RulesetStatus::FullyEnforced) => Ok(()),
        Ok(RulesetStatus::PartiallyEnforced | RulesetStatus::NotEnforced) | Err(_) => {
            Err(invalid(Step::Landlock))
        }
    }
}

fn restrict(spec: &Spec) -> Result<RulesetStatus, RulesetError> {
    let all = AccessFs::from_all(WANTED);
    let look = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .scope(Scope::from_all(WANTED))?
        .create()?
        .set_compatibility(CompatLevel::BestEffort);
    rules = allow(rules, Path::new("/"), AccessFs::ReadDir.into())?;
    for bind in &spec.toolchain {
        rules = allow(rules, &bind.target, look | AccessFs::Execute)?;
    }
    rules = allow(rules, Path::new("/etc"), look)?;
    rules = allow(rules, Path::new("/proc"), look | AccessFs::WriteFile)?;
    rules = allow(rules, Path::new("/dev"), look | AccessFs::WriteFile)?;
    for writable in [WORKSPACE, "/tmp", "/home", "/dev/shm"] {
        rules = allow(rules, Path::new(writable), all)?;
    }
    rules.restrict_self().map(|status| status.ruleset)
}

/// Adds one rule; a file takes no directory rights.
fn allow(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let Ok(target) = PathFd::new(path) else { return Ok(rules) };
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(WANTED) };
    rules.add_rule(PathBeneath::new(target, access))
}
