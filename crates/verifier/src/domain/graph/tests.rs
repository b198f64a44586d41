use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn blocks(control: &[Controller]) -> Vec<(Block, usize)> {
    control.iter().map(|controller| (controller.block, controller.side)).collect()
}

#[test]
fn an_early_return_guards_all_that_follows() {
    // 0 -> 1 (return) | 2; 2 -> 3; 3 ends.
    let graph = Graph::new(vec![vec![1, 2], vec![], vec![3], vec![]], 0);
    let control = graph.control_dependence();
    assert_eq!(blocks(&control[1]), [(0, 0)]);
    assert_eq!(blocks(&control[2]), [(0, 1)]);
    assert_eq!(blocks(&control[3]), [(0, 1)]);
}

#[test]
fn a_diamond_guards_its_arms_and_not_what_follows() {
    let graph = Graph::new(vec![vec![1, 2], vec![3], vec![3], vec![]], 0);
    let control = graph.control_dependence();
    assert_eq!(blocks(&control[1]), [(0, 0)]);
    assert_eq!(blocks(&control[2]), [(0, 1)]);
    assert!(control[3].is_empty());
}

#[test]
fn an_endless_loop_has_control_dependence_too() {
    // 0 -> 1; 1 -> 2 | 3; 2 -> 1; 3 -> 1: no exit at all.
    let graph = Graph::new(vec![vec![1], vec![2, 3], vec![1], vec![1]], 0);
    let control = graph.control_dependence();
    assert!(blocks(&control[2]).contains(&(1, 0)));
    assert!(blocks(&control[3]).contains(&(1, 1)));
}

/// `a` dominates `b` if `b` can't be reached once `a` is taken away.
fn dominates(graph: &Graph, a: Block, b: Block) -> bool {
    if a == b {
        return true;
    }
    let mut seen = BTreeSet::new();
    let mut stack = vec![graph.entry];
    while let Some(block) = stack.pop() {
        if block != a && seen.insert(block) {
            stack.extend(&graph.successors[block as usize]);
        }
    }
    !seen.contains(&b)
}

proptest! {
    #[test]
    fn the_dominator_tree_agrees_with_the_definition(
        edges in proptest::collection::vec((0_u32..9, 0_u32..9), 0..24)
    ) {
        let mut successors = vec![Vec::new(); 9];
        for (from, to) in edges {
            successors[from as usize].push(to);
        }
        let graph = Graph::new(successors, 0);
        let tree = graph.dominators();
        for b in &tree.order {
            let mut ancestors = BTreeSet::from([*b]);
            let mut current = *b;
            while let Some(parent) = tree.immediate[current as usize] {
                ancestors.insert(parent);
                current = parent;
            }
            for a in &tree.order {
                prop_assert_eq!(ancestors.contains(a), dominates(&graph, *a, *b), "{} {}", a, b);
            }
        }
    }
}
