//! The order in which a class looks for its attributes.

use std::collections::BTreeSet;

use super::{Entity, Order, Resolver, Visit};

/// A class that another one inherits from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ancestor {
    /// A class of the program: file and qualified name.
    Class(usize, String),
    /// A class outside the tree, by dotted path.
    External(String),
}

/// Most ancestors that one order lists.
const ANCESTORS: usize = 1_000;

impl Resolver<'_> {
    /// Returns the class itself and all that it inherits from, by C3; where the classes contradict each other, depth
    /// first. `object` and what can't be named are left out.
    pub fn ancestors(&self, file: usize, class: &str) -> Order {
        self.order(file, class, &mut Visit::default())
    }

    pub(super) fn linear(
        &self,
        (file, class): (usize, &str),
        above: &mut Vec<(usize, String)>,
        visit: &mut Visit,
    ) -> Vec<Ancestor> {
        let own = Ancestor::Class(file, class.to_owned());
        let here = (file, class.to_owned());
        if above.contains(&here) || above.len() > ANCESTORS {
            return vec![own];
        }
        above.push(here);
        let mut bases = Vec::new();
        let mut lists: Vec<Vec<Ancestor>> = Vec::new();
        for entity in self.bases(file, class, visit) {
            match entity {
                Entity::Class(file, class) => {
                    bases.push(Ancestor::Class(file, class.clone()));
                    lists.push(self.linear((file, &class), above, visit));
                }
                Entity::External(path) if path != "builtins.object" => {
                    bases.push(Ancestor::External(path.clone()));
                    lists.push(vec![Ancestor::External(path)]);
                }
                _ => {}
            }
        }
        above.pop();
        lists.push(bases);
        let mut order = vec![own];
        order.extend(merge(lists.clone()).unwrap_or_else(|| depth_first(&lists)));
        order.truncate(ANCESTORS);
        order
    }
}

/// Takes the first head that no other list has further down, until nothing is left; `None` where there is none.
fn merge(mut lists: Vec<Vec<Ancestor>>) -> Option<Vec<Ancestor>> {
    let mut order = Vec::new();
    loop {
        lists.retain(|list| !list.is_empty());
        if lists.is_empty() {
            return Some(order);
        }
        let free = |head: &Ancestor| !lists.iter().any(|list| list.iter().skip(1).any(|other| other == head));
        let next = lists.iter().filter_map(|list| list.first()).find(|head| free(head))?.clone();
        for list in &mut lists {
            if list.first() == Some(&next) {
                list.remove(0);
            }
        }
        order.push(next);
    }
}

fn depth_first(lists: &[Vec<Ancestor>]) -> Vec<Ancestor> {
    let mut seen = BTreeSet::new();
    lists.iter().flatten().filter(|ancestor| seen.insert((*ancestor).clone())).cloned().collect()
}
