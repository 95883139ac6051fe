//! The log tree (RFC 9162 2.1): roots, audit paths, a compact range that grows, and verification.
//!
//! ```text
//!   level 2        (2,0)                 node (level, index) covers leaves index·2^level .. (index+1)·2^level;
//!   level 1    (1,0)   (1,1)             it is complete once all of them are there, and then never changes.
//!   level 0   0   1   2   3   4   5      size 6: the compact range holds the peaks (2,0) and (1,2).
//! ```
//! Paths are computed from any source of complete nodes: tiles on disk, a map, a vector.

use crate::hash::{self, Hash, Sha256};
use alloc::vec::Vec;
use core::marker::PhantomData;

/// Longest path that any tree of u64 size can have.
pub const PATH_MAX: usize = 64;

/// A tree that only grows, as the roots of its complete subtrees (at most 64 hashes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compact<S> {
    size: u64,
    /// Largest subtree first; one for each bit of `size`.
    peaks: Vec<Hash>,
    sha256: PhantomData<fn() -> S>,
}

impl<S> Default for Compact<S> {
    fn default() -> Self {
        Compact { size: 0, peaks: Vec::new(), sha256: PhantomData }
    }
}

impl<S: Sha256> Compact<S> {
    pub fn new() -> Self {
        Compact::default()
    }

    /// The compact range of the first `size` leaves, from a source of complete nodes.
    pub fn load<E>(size: u64, mut node: impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Self, E> {
        Ok(Compact { size, peaks: peaks(0, size, &mut node)?, sha256: PhantomData })
    }

    /// Appends a leaf hash and reports the nodes that it completes, upwards: (0, its index, itself) first.
    pub fn append(&mut self, leaf: Hash, mut completed: impl FnMut(u32, u64, &Hash)) {
        let mut hash = leaf;
        let mut index = self.size;
        let mut level = 0;
        completed(level, index, &hash);
        while index & 1 == 1 {
            // One peak per bit of the size: a set bit has its peak.
            match self.peaks.pop() {
                Some(left) => hash = hash::node::<S>(&left, &hash),
                None => break,
            }
            index >>= 1;
            level += 1;
            completed(level, index, &hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    pub fn root(&self) -> Hash {
        fold::<S>(&self.peaks)
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }
}

/// The root over leaf hashes.
pub fn root<S: Sha256>(leaves: impl IntoIterator<Item = Hash>) -> Hash {
    let mut tree = Compact::<S>::new();
    for leaf in leaves {
        tree.append(leaf, |_, _, _| ());
    }
    tree.root()
}

/// The root of the first `size` leaves, from a source of complete nodes.
pub fn root_at<S: Sha256, E>(
    size: u64,
    mut node: impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Hash, E> {
    subtree::<S, E>(0, size, &mut node)
}

/// `PATH(index, D[size])`: the hashes from the leaf's sibling up to the root's child. None if there is no such leaf.
/// `node` is asked for complete nodes within `size` only.
pub fn inclusion_path<S: Sha256, E>(
    index: u64,
    size: u64,
    mut node: impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Option<Vec<Hash>>, E> {
    if index >= size {
        return Ok(None);
    }
    let mut path = Vec::new();
    let (mut begin, mut end) = (0, size);
    while end - begin > 1 {
        let middle = begin + split(end - begin);
        if index < middle {
            path.push(subtree::<S, E>(middle, end, &mut node)?);
            end = middle;
        } else {
            path.push(subtree::<S, E>(begin, middle, &mut node)?);
            begin = middle;
        }
    }
    path.reverse();
    Ok(Some(path))
}

/// `PROOF(from, D[to])`: why the tree of `from` leaves is a prefix of the tree of `to`. None if `from` is larger.
/// Empty for equal sizes and for `from` = 0.
pub fn consistency_path<S: Sha256, E>(
    from: u64,
    to: u64,
    mut node: impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Option<Vec<Hash>>, E> {
    if from > to {
        return Ok(None);
    }
    let mut path = Vec::new();
    if from == 0 || from == to {
        return Ok(Some(path));
    }
    let (mut begin, mut end) = (0, to);
    while from != end {
        let middle = begin + split(end - begin);
        if from <= middle {
            path.push(subtree::<S, E>(middle, end, &mut node)?);
            end = middle;
        } else {
            path.push(subtree::<S, E>(begin, middle, &mut node)?);
            begin = middle;
        }
    }
    // The old tree itself is known to the verifier and left out.
    if begin != 0 {
        path.push(subtree::<S, E>(begin, end, &mut node)?);
    }
    path.reverse();
    Ok(Some(path))
}

/// RFC 9162 2.1.3.2: whether `path` leads from the leaf hash at `index` to `root` in a tree of `size` leaves.
#[must_use]
pub fn verify_inclusion<S: Sha256>(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = hash::node::<S>(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = hash::node::<S>(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    // A path that is too short has not come up to the root: without this, other positions would verify.
    last == 0 && hash == *root
}

/// RFC 9162 2.1.4.2: whether the tree (`from`, `from_root`) is a prefix of the tree (`to`, `to_root`).
/// From nothing to anything needs no path, and only the empty tree's root.
#[must_use]
pub fn verify_consistency<S: Sha256>(
    from: u64,
    from_root: &Hash,
    to: u64,
    to_root: &Hash,
    path: &[Hash],
) -> bool {
    if from > to {
        return false;
    }
    if from == to {
        return path.is_empty() && from_root == to_root && (to != 0 || *to_root == hash::empty::<S>());
    }
    if from == 0 {
        return path.is_empty() && *from_root == hash::empty::<S>();
    }
    // A complete old tree is the first node of the path itself, left out because it is known.
    let (first, rest) = if from.is_power_of_two() {
        (from_root, path)
    } else {
        match path.split_first() {
            Some(parts) => parts,
            None => return false,
        }
    };
    let (mut node, mut last) = (from - 1, to - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old, mut new) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old = hash::node::<S>(sibling, &old);
            new = hash::node::<S>(sibling, &new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = hash::node::<S>(&new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old == *from_root && new == *to_root
}

/// The largest power of two below `count`, which is at least 2: where RFC 6962 splits.
fn split(count: u64) -> u64 {
    1 << (63 - (count - 1).leading_zeros())
}

/// MTH(D[begin..end]), where `begin` is where some split begins.
fn subtree<S: Sha256, E>(
    begin: u64,
    end: u64,
    node: &mut impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Hash, E> {
    Ok(fold::<S>(&peaks(begin, end, node)?))
}

/// The complete nodes that make up leaves `begin..end`, largest first.
fn peaks<E>(
    mut begin: u64,
    end: u64,
    node: &mut impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let mut peaks = Vec::new();
    while begin < end {
        let level = 63 - (end - begin).leading_zeros();
        peaks.push(node(level, begin >> level)?);
        begin += 1 << level;
    }
    Ok(peaks)
}

/// The root over peaks: from the smallest, each larger one to its left.
fn fold<S: Sha256>(peaks: &[Hash]) -> Hash {
    match peaks.split_last() {
        Some((smallest, larger)) => {
            larger.iter().rev().fold(*smallest, |right, left| hash::node::<S>(left, &right))
        }
        None => hash::empty::<S>(),
    }
}
