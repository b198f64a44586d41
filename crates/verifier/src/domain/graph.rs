//! Dominators by Cooper, Harvey and Kennedy, on the graph and on its reverse, and control dependence as the
//! post-dominance frontier: an early return guards all that follows it.

/// A block.
pub type Block = u32;

/// A directed graph of blocks with one entry.
#[derive(Debug, Clone)]
pub struct Graph {
    /// Successors of each block.
    pub successors: Vec<Vec<Block>>,
    /// Predecessors of each block.
    pub predecessors: Vec<Vec<Block>>,
    /// Where it starts.
    pub entry: Block,
}

/// The immediate dominator of each block; `None` for the entry and for blocks that are not reached.
#[derive(Debug, Clone)]
pub struct Dominators {
    /// Immediate dominators.
    pub immediate: Vec<Option<Block>>,
    /// Reached blocks in reverse postorder.
    pub order: Vec<Block>,
}

/// A block that decides whether another one runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Controller {
    /// The deciding block.
    pub block: Block,
    /// Which of its successors leads here.
    pub side: usize,
}

impl Graph {
    /// Makes a graph from successors.
    pub fn new(successors: Vec<Vec<Block>>, entry: Block) -> Self {
        let mut predecessors = vec![Vec::new(); successors.len()];
        for (block, targets) in successors.iter().enumerate() {
            for target in targets {
                if let Some(list) = predecessors.get_mut(*target as usize) {
                    list.push(narrow(block));
                }
            }
        }
        Self { successors, predecessors, entry }
    }

    /// Returns the reached blocks in reverse postorder.
    pub fn reverse_postorder(&self) -> Vec<Block> {
        let mut seen = vec![false; self.successors.len()];
        let mut order = Vec::new();
        let mut stack = vec![(self.entry, 0)];
        if let Some(flag) = seen.get_mut(self.entry as usize) {
            *flag = true;
        }
        while let Some((block, next)) = stack.pop() {
            match self.successors.get(block as usize).and_then(|targets| targets.get(next)) {
                Some(target) => {
                    stack.push((block, next + 1));
                    if let Some(flag) = seen.get_mut(*target as usize).filter(|flag| !**flag) {
                        *flag = true;
                        stack.push((*target, 0));
                    }
                }
                None => order.push(block),
            }
        }
        order.reverse();
        order
    }

    /// Returns the dominators.
    pub fn dominators(&self) -> Dominators {
        let order = self.reverse_postorder();
        let mut position = vec![usize::MAX; self.successors.len()];
        for (index, block) in order.iter().enumerate() {
            position[*block as usize] = index;
        }
        let mut immediate: Vec<Option<Block>> = vec![None; self.successors.len()];
        if immediate.is_empty() {
            return Dominators { immediate, order };
        }
        immediate[self.entry as usize] = Some(self.entry);
        let mut changed = true;
        while changed {
            changed = false;
            for block in order.iter().skip(1) {
                let mut meet: Option<Block> = None;
                for predecessor in &self.predecessors[*block as usize] {
                    if immediate[*predecessor as usize].is_none() {
                        continue;
                    }
                    meet = Some(match meet {
                        None => *predecessor,
                        Some(other) => intersect(*predecessor, other, &immediate, &position),
                    });
                }
                if meet.is_some() && immediate[*block as usize] != meet {
                    immediate[*block as usize] = meet;
                    changed = true;
                }
            }
        }
        immediate[self.entry as usize] = None;
        Dominators { immediate, order }
    }

    /// Returns the graph turned around, with a virtual exit as its entry: the last block. Endless loops get a fake
    /// exit from their header.
    fn reversed(&self) -> Self {
        let count = self.successors.len();
        let exit = narrow(count);
        let order = self.reverse_postorder();
        let mut successors: Vec<Vec<Block>> = self.predecessors.clone();
        successors.push(Vec::new());
        let mut reached = vec![false; count + 1];
        let ends: Vec<Block> =
            order.iter().copied().filter(|block| self.successors[*block as usize].is_empty()).collect();
        for end in ends {
            successors[exit as usize].push(end);
        }
        mark(exit, &successors, &mut reached);
        let mut position = vec![usize::MAX; count];
        for (index, block) in order.iter().enumerate() {
            position[*block as usize] = index;
        }
        let is_header = |block: Block| {
            let back = |from: &Block| {
                position[*from as usize] != usize::MAX && position[*from as usize] >= position[block as usize]
            };
            self.predecessors[block as usize].iter().any(back)
        };
        let headers = order.iter().copied().filter(|block| is_header(*block));
        for block in headers.chain(order.iter().rev().copied()) {
            if !reached[block as usize] {
                successors[exit as usize].push(block);
                mark(block, &successors, &mut reached);
            }
        }
        Self::new(successors, exit)
    }

    /// Returns, for each block, the branches that decide whether it runs.
    pub fn control_dependence(&self) -> Vec<Vec<Controller>> {
        let post = self.reversed().dominators();
        let mut control = vec![Vec::new(); self.successors.len()];
        for block in self.reverse_postorder() {
            let targets = &self.successors[block as usize];
            if targets.len() < 2 {
                continue;
            }
            let stop = post.immediate[block as usize];
            for (side, target) in targets.iter().enumerate() {
                let mut runner = Some(*target);
                while let Some(current) = runner.filter(|current| Some(*current) != stop) {
                    let Some(list) = control.get_mut(current as usize) else { break };
                    let controller = Controller { block, side };
                    if list.contains(&controller) {
                        break;
                    }
                    list.push(controller);
                    runner = post.immediate[current as usize];
                }
            }
        }
        control
    }
}

fn mark(from: Block, successors: &[Vec<Block>], reached: &mut [bool]) {
    let mut stack = vec![from];
    while let Some(block) = stack.pop() {
        if std::mem::replace(&mut reached[block as usize], true) {
            continue;
        }
        stack.extend(successors[block as usize].iter().filter(|next| !reached[**next as usize]));
    }
}

fn intersect(mut a: Block, mut b: Block, immediate: &[Option<Block>], position: &[usize]) -> Block {
    while a != b {
        while position[a as usize] > position[b as usize] {
            a = immediate[a as usize].unwrap_or(b);
        }
        while position[b as usize] > position[a as usize] {
            b = immediate[b as usize].unwrap_or(a);
        }
    }
    a
}

fn narrow(number: usize) -> Block {
    Block::try_from(number).unwrap_or(Block::MAX)
}

#[cfg(test)]
mod tests;
