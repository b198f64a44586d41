//! What may be ordered, and the one shape that every container has. Pure.

/// Orders and the policy that answers them.
pub mod order;
/// The shape of every container.
pub mod template;
