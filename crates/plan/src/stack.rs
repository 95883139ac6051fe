//! Stack for statements that nest deeply.
//!
//! The parser, the binder, the rules, the operators and `drop` recurse over trees that are as deep as a chain of
//! operators is long: `1 + 1 + ...` leans to the left. An overflow of the stack ends the process, whatever else it
//! does. So a statement's depth is measured before anything recurses, limited, and given stack in proportion.

use std::sync::Arc;

/// What one level may take in any of the recursions: they are measured in builds without optimisation.
const LEVEL_BYTES: usize = if cfg!(debug_assertions) { 32 << 10 } else { 8 << 10 };
/// What every statement may take without more being asked for.
const PLAIN_DEPTH: usize = 24;
/// Below this the binder asks for another piece.
const RED_ZONE_BYTES: usize = 512 << 10;
const PIECE_BYTES: usize = 8 << 20;

/// Runs `step` with stack for `depth` levels: on this thread's own if that has it.
pub fn with<T>(depth: usize, step: impl FnOnce() -> T) -> T {
    if depth <= PLAIN_DEPTH {
        return step();
    }
    let needed = depth.saturating_mul(LEVEL_BYTES);
    stacker::maybe_grow(needed, needed + RED_ZONE_BYTES, step)
}

/// One level of a recursion that finds out by itself how deep it goes.
pub fn level<T>(step: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(RED_ZONE_BYTES, PIECE_BYTES, step)
}

/// A deep tree, shared: it is dropped with the stack that it needs, wherever that happens.
#[derive(Debug, Clone)]
pub struct Deep<T> {
    depth: usize,
    /// None only while it is dropped.
    tree: Option<Arc<T>>,
}

impl<T> Deep<T> {
    pub fn new(depth: usize, tree: T) -> Deep<T> {
        Deep { depth, tree: Some(Arc::new(tree)) }
    }

    pub fn depth(&self) -> usize {
        self.depth
    }

    pub fn tree(&self) -> Option<&T> {
        self.tree.as_deref()
    }

    /// Only while nobody shares it.
    pub fn tree_mut(&mut self) -> Option<&mut T> {
        self.tree.as_mut().and_then(Arc::get_mut)
    }
}

impl<T: PartialEq> PartialEq for Deep<T> {
    fn eq(&self, other: &Deep<T>) -> bool {
        with(self.depth, || self.tree == other.tree)
    }
}

impl<T> Drop for Deep<T> {
    fn drop(&mut self) {
        let tree = self.tree.take();
        with(self.depth, || drop(tree));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Chain(Option<Box<Chain>>);

    #[test]
    fn a_deep_tree_drops_on_a_small_stack() {
        let mut chain = Chain(None);
        for _ in 0..100_000 {
            chain = Chain(Some(Box::new(chain)));
        }
        let deep = Deep::new(100_000, chain);
        assert!(deep.tree().is_some_and(|chain| chain.0.is_some()));
        std::thread::Builder::new().stack_size(64 << 10).spawn(move || drop(deep)).unwrap().join().unwrap();
    }
}
