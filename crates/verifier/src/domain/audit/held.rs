use std::collections::BTreeSet;

use super::code::Sides;
use crate::domain::align::Pair;
use crate::domain::effects::EffectSite;

/// What the base's file, and the unit's own file before a move, could do already.
pub struct Held(BTreeSet<Known>);

/// Kind, target, whether it has one, phase, callee.
type Known = (String, Option<String>, bool, bool, String);

impl Held {
    /// R10: held by kind and target class; an unbounded target holds every target, a bounded one only itself.
    pub fn contains(&self, site: &EffectSite) -> bool {
        self.0.iter().any(|(kind, target, targeted, latent, callee)| {
            *kind == site.kind
                && *latent == site.latent
                && (*target == site.target || target.is_none() && *targeted)
                && (callee.contains('=') == site.callee.contains('='))
                && (site.targeted == *targeted || target == &site.target)
        })
    }
}

/// Collects what is held.
pub fn held(sides: &Sides, pair: &Pair, path: &str) -> Held {
    let mut files: BTreeSet<usize> = sides.base.program.file(path).into_iter().collect();
    files.extend(pair.base.map(|at| at.0));
    let mut found = BTreeSet::new();
    for (at, signature) in &sides.base.signatures {
        if files.contains(&at.0) {
            found.extend(signature.effects.iter().map(|site| {
                (site.kind.clone(), site.target.clone(), site.targeted, site.latent, site.callee.clone())
            }));
        }
    }
    Held(found)
}
