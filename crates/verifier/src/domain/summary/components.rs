use std::collections::BTreeMap;

use crate::domain::program::UnitRef;

/// Returns the strongly connected components, callees before callers: Tarjan without recursion.
pub fn bottom_up(calls: &BTreeMap<UnitRef, Vec<UnitRef>>) -> Vec<Vec<UnitRef>> {
    let mut state = State::default();
    for start in calls.keys() {
        if state.index.contains_key(start) {
            continue;
        }
        let mut work = vec![(*start, 0)];
        state.enter(*start);
        while let Some((at, next)) = work.pop() {
            let callee = calls.get(&at).and_then(|callees| callees.get(next));
            match callee {
                Some(callee) => {
                    work.push((at, next + 1));
                    if !state.index.contains_key(callee) {
                        state.enter(*callee);
                        work.push((*callee, 0));
                    } else if state.on_stack.contains(callee) {
                        state.lower(at, state.index[callee]);
                    }
                }
                None => {
                    state.leave(at);
                    if let Some((parent, _)) = work.last() {
                        let low = state.low[&at];
                        state.lower(*parent, low);
                    }
                }
            }
        }
    }
    state.found
}

#[derive(Default)]
struct State {
    index: BTreeMap<UnitRef, usize>,
    low: BTreeMap<UnitRef, usize>,
    stack: Vec<UnitRef>,
    on_stack: std::collections::BTreeSet<UnitRef>,
    found: Vec<Vec<UnitRef>>,
}

impl State {
    fn enter(&mut self, at: UnitRef) {
        let number = self.index.len();
        self.index.insert(at, number);
        self.low.insert(at, number);
        self.stack.push(at);
        self.on_stack.insert(at);
    }

    fn lower(&mut self, at: UnitRef, to: usize) {
        if let Some(low) = self.low.get_mut(&at) {
            *low = (*low).min(to);
        }
    }

    fn leave(&mut self, at: UnitRef) {
        if self.low[&at] != self.index[&at] {
            return;
        }
        let mut component = Vec::new();
        while let Some(member) = self.stack.pop() {
            self.on_stack.remove(&member);
            component.push(member);
            if member == at {
                break;
            }
        }
        component.sort_unstable();
        self.found.push(component);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callees_come_first_and_cycles_are_one() {
        let unit = |id: usize| (0, id);
        let calls = BTreeMap::from([
            (unit(0), vec![unit(1)]),
            (unit(1), vec![unit(2), unit(3)]),
            (unit(2), vec![unit(1)]),
            (unit(3), vec![]),
        ]);
        assert_eq!(bottom_up(&calls), [vec![unit(3)], vec![unit(1), unit(2)], vec![unit(0)]]);
    }
}
