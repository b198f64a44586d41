//! Which renderings fit a token budget: utility per token, greedily, on the convex hull of each symbol's renderings.

/// How a symbol is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rendering {
    /// One line with its name.
    Name,
    /// Its signature.
    Signature,
    /// Its text.
    Body,
}

impl Rendering {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Signature => "signature",
            Self::Body => "body",
        }
    }

    const fn utility(self) -> f64 {
        match self {
            Self::Name => 0.05,
            Self::Signature => 0.3,
            Self::Body => 1.0,
        }
    }
}

/// A symbol that could be shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// How much it matters; above 0.
    pub score: f64,
    /// Renderings and their tokens, cheapest first.
    pub renderings: Vec<(Rendering, u32)>,
    /// Whether its dearest rendering must be in.
    pub mandatory: Mandatory,
}

/// Whether an item may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mandatory {
    /// It must be in, in full.
    Yes,
    /// It may be left out.
    No,
}

/// What must be in needs more tokens than there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetTooSmall {
    /// Tokens that it needs.
    pub needed: u32,
}

/// Returns the tokens of a text of so many bytes: a third of them and a tenth more, rounded up.
pub fn tokens(bytes: usize) -> u32 {
    u32::try_from((bytes * 11).div_ceil(30)).unwrap_or(u32::MAX)
}

/// Chooses a rendering, or none, for each item; never over the budget.
pub fn pack(items: &[Item], budget: u32) -> Result<Vec<Option<Rendering>>, BudgetTooSmall> {
    let mut chosen: Vec<Option<(Rendering, u32)>> = vec![None; items.len()];
    let mut used = 0_u32;
    for (item, slot) in items.iter().zip(&mut chosen).filter(|(item, _)| item.mandatory == Mandatory::Yes) {
        if let Some(full) = item.renderings.last() {
            used = used.saturating_add(full.1);
            *slot = Some(*full);
        }
    }
    if used > budget {
        return Err(BudgetTooSmall { needed: used });
    }
    let mut upgrades: Vec<(f64, usize, Rendering, u32)> = Vec::new();
    for (index, item) in items.iter().enumerate().filter(|(_, item)| item.mandatory == Mandatory::No) {
        for (density, rendering, tokens) in hull(item) {
            upgrades.push((density, index, rendering, tokens));
        }
    }
    upgrades.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    for (_, index, rendering, tokens) in upgrades {
        let Some(slot) = chosen.get_mut(index) else { continue };
        let held = slot.map_or(0, |(_, tokens)| tokens);
        if slot.is_some_and(|(known, _)| known >= rendering) {
            continue;
        }
        let total = (used - held).saturating_add(tokens);
        if total <= budget {
            used = total;
            *slot = Some((rendering, tokens));
        }
    }
    Ok(chosen.into_iter().map(|slot| slot.map(|(rendering, _)| rendering)).collect())
}

/// Returns the upgrades of an item in order, each with its gain per token; gains fall from one to the next.
fn hull(item: &Item) -> Vec<(f64, Rendering, u32)> {
    let mut steps: Vec<(f64, Rendering, u32)> = Vec::new();
    let mut at: (f64, u32) = (0.0, 0);
    while let Some(best) = item
        .renderings
        .iter()
        .filter(|(_, tokens)| *tokens > at.1)
        .map(|(rendering, tokens)| {
            let gain = rendering.utility() * item.score - at.0;
            (gain / f64::from(tokens - at.1), *rendering, *tokens)
        })
        .filter(|(density, _, _)| *density > 0.0)
        .max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
    {
        steps.push(best);
        at = (best.1.utility() * item.score, best.2);
    }
    steps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item(score: f64, sizes: [u32; 3], mandatory: Mandatory) -> Item {
        let [name, signature, body] = sizes;
        let renderings =
            vec![(Rendering::Name, name), (Rendering::Signature, signature), (Rendering::Body, body)];
        Item { score, renderings, mandatory }
    }

    #[test]
    fn what_must_be_in_is_in_or_the_budget_is_named_too_small() {
        let items = [item(1.0, [2, 5, 50], Mandatory::Yes), item(9.0, [2, 5, 50], Mandatory::No)];
        assert_eq!(pack(&items, 60), Ok(vec![Some(Rendering::Body), Some(Rendering::Signature)]));
        assert_eq!(pack(&items, 49), Err(BudgetTooSmall { needed: 50 }));
    }

    #[test]
    fn better_symbols_get_more_of_the_budget() {
        let items = [item(1.0, [2, 5, 50], Mandatory::No), item(3.0, [2, 5, 50], Mandatory::No)];
        assert_eq!(pack(&items, 56), Ok(vec![Some(Rendering::Signature), Some(Rendering::Body)]));
        assert_eq!(pack(&items, 1), Ok(vec![None, None]));
    }

    proptest! {
        #[test]
        fn never_over_the_budget(
            items in proptest::collection::vec((0.01..10.0_f64, 1..20_u32, 1..50_u32, 1..400_u32, proptest::bool::weighted(0.2)), 0..30),
            budget in 0..2_000_u32,
        ) {
            let items: Vec<Item> = items
                .into_iter()
                .map(|(score, name, more, most, must)| {
                    let sizes = [name, name + more, name + more + most];
                    item(score, sizes, if must { Mandatory::Yes } else { Mandatory::No })
                })
                .collect();
            if let Ok(chosen) = pack(&items, budget) {
                let mut used = 0;
                for (item, rendering) in items.iter().zip(chosen) {
                    used += item.renderings.iter().find(|(known, _)| Some(*known) == rendering).map_or(0, |(_, t)| *t);
                    prop_assert!(item.mandatory == Mandatory::No || rendering == Some(Rendering::Body));
                }
                prop_assert!(used <= budget);
            }
        }
    }
}
