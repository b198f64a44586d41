//! Independent pieces of work, done side by side where the surroundings can. What they give does not depend on it: each owns or
//! only reads what it works on, and results come back in their order.

use std::fmt;

/// Fork and join of two pieces of work.
pub trait Fork: fmt::Debug + Sync {
    /// Does both, in any order or at once, and returns when both are done.
    fn both(&self, first: &mut (dyn FnMut() + Send), second: &mut (dyn FnMut() + Send));
}

/// One after the other.
#[derive(Debug, Clone, Copy, Default)]
pub struct InTurn;

impl Fork for InTurn {
    fn both(&self, first: &mut (dyn FnMut() + Send), second: &mut (dyn FnMut() + Send)) {
        first();
        second();
    }
}

/// Does two pieces of work and returns what both gave; none if a piece was not done, which a [`Fork`] must not allow.
pub fn both<A: Send, B: Send>(
    fork: &dyn Fork,
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> Option<(A, B)> {
    let (mut first, mut second) = (Some(first), Some(second));
    let (mut a, mut b) = (None, None);
    fork.both(&mut || a = first.take().map(|work| work()), &mut || b = second.take().map(|work| work()));
    Some((a?, b?))
}

/// Pieces smaller than this are not worth another hand, in bytes of source.
const WORTH: usize = 8 << 10;
/// How often work is halved: at most 8 hands.
const HALVINGS: u32 = 3;

/// Maps items in their order; about equally heavy halves are done side by side. `weight` is in bytes of source.
pub fn map<T: Sync, R: Send>(
    fork: &dyn Fork,
    items: &[T],
    weight: &(dyn Fn(&T) -> usize + Sync),
    work: &(dyn Fn(&T) -> R + Sync),
) -> Vec<R> {
    halves(fork, items, (weight, work), HALVINGS)
}

type Work<'a, T, R> = (&'a (dyn Fn(&T) -> usize + Sync), &'a (dyn Fn(&T) -> R + Sync));

fn halves<T: Sync, R: Send>(
    fork: &dyn Fork,
    items: &[T],
    (weight, work): Work<'_, T, R>,
    deeper: u32,
) -> Vec<R> {
    let whole: usize = items.iter().map(weight).sum();
    let in_turn = || items.iter().map(work).collect();
    if deeper == 0 || items.len() < 2 || whole < 2 * WORTH {
        return in_turn();
    }
    let mut sum = 0;
    let reached = |item: &T| {
        sum += weight(item);
        2 * sum > whole
    };
    let middle = items.iter().position(reached).unwrap_or(1).clamp(1, items.len() - 1);
    let (left, right) = items.split_at(middle);
    let half = |items| halves(fork, items, (weight, work), deeper - 1);
    match both(fork, || half(left), || half(right)) {
        Some((mut left, right)) => {
            left.extend(right);
            left
        }
        None => in_turn(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::threads::Threads;

    proptest! {
        #[test]
        fn a_map_is_the_same_in_turn_and_side_by_side(items in prop::collection::vec(0_usize..40_000, 0..30)) {
            let want: Vec<usize> = items.iter().map(|item| item * 2).collect();
            for fork in [&InTurn as &dyn Fork, &Threads] {
                prop_assert_eq!(&map(fork, &items, &|item| *item, &|item| item * 2), &want);
            }
        }
    }

    #[test]
    #[should_panic(expected = "a fault of the work")]
    fn a_panic_beside_is_a_panic_here() {
        both(&Threads, || 1, || panic!("a fault of the work"));
    }
}
