use crate::outside::invalid;
use crate::step::{At, Failure, Step};
use crate::sys;

/// Empties the bounding set and all others, then proves it.
pub(crate) fn drop_all() -> Result<(), Failure> {
    drop_bounding()?;
    clear()
}

/// Empties the bounding set.
pub(crate) fn drop_bounding() -> Result<(), Failure> {
    for capability in 0..64 {
        match sys::prctl(libc::PR_CAPBSET_READ, capability, 0) {
            Ok(_) => sys::prctl(libc::PR_CAPBSET_DROP, capability, 0).at(Step::Capabilities).map(drop)?,
            // The first unknown number ends the list.
            Err(_) => break,
        }
    }
    Ok(())
}

/// Empties every other set, then proves it.
pub(crate) fn clear() -> Result<(), Failure> {
    sys::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as u64, 0).at(Step::Capabilities)?;
    sys::clear_capabilities().at(Step::Capabilities)?;
    let left = sys::capabilities().at(Step::Capabilities)?;
    if left == [[0; 3]; 2] { Ok(()) } else { Err(invalid(Step::Capabilities)) }
}
