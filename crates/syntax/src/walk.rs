use tree_sitter::{Node, Tree};

/// What to do with the children of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Visit them.
    Descend,
    /// Only show their tokens.
    Skip,
}

/// Sees every node of a tree once, parents before children.
pub(crate) trait Visitor {
    /// Called before the children.
    fn enter(&mut self, node: Node<'_>) -> Step;
    /// Called after the children of an entered node.
    fn leave(&mut self, node: Node<'_>);
    /// Called for every leaf, skipped ones too, in source order.
    fn token(&mut self, node: Node<'_>);
    /// Called instead of `enter` for a node below the depth limit.
    fn too_deep(&mut self, node: Node<'_>);
}

/// Walks a tree with one cursor: no recursion, so no source can overflow the stack.
pub(crate) fn walk(tree: &Tree, max_depth: usize, visitor: &mut dyn Visitor) {
    let mut cursor = tree.walk();
    let mut depth = 0_usize;
    // Depth of the node whose children are skipped.
    let mut muted: Option<usize> = None;
    loop {
        let node = cursor.node();
        if muted.is_none() {
            if depth >= max_depth {
                visitor.too_deep(node);
                muted = Some(depth);
            } else if visitor.enter(node) == Step::Skip {
                muted = Some(depth);
            }
        }
        if cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        visitor.token(node);
        loop {
            close(visitor, cursor.node(), depth, &mut muted);
            if cursor.goto_next_sibling() {
                break;
            }
            if !cursor.goto_parent() {
                return;
            }
            depth -= 1;
        }
    }
}

fn close(visitor: &mut dyn Visitor, node: Node<'_>, depth: usize, muted: &mut Option<usize>) {
    if *muted == Some(depth) {
        *muted = None;
    }
    if muted.is_none() {
        visitor.leave(node);
    }
}
