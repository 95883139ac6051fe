//! Paths of every leaf and every prefix of small trees, and what must not pass.

use crate::hash::{self, Hash, Sha2};
use crate::tree::{self, Compact};
use std::collections::HashMap;
use std::convert::Infallible;

const LARGEST: u64 = 70;

struct Nodes {
    complete: HashMap<(u32, u64), Hash>,
    roots: Vec<Hash>,
}

fn nodes() -> Nodes {
    let mut tree = Compact::<Sha2>::new();
    let mut complete = HashMap::new();
    let mut roots = vec![tree.root()];
    for leaf in 0..LARGEST {
        tree.append(hash::leaf::<Sha2>(&leaf.to_be_bytes()), |level, index, hash| {
            assert!(complete.insert((level, index), *hash).is_none(), "a node is completed once");
        });
        roots.push(tree.root());
    }
    Nodes { complete, roots }
}

impl Nodes {
    /// Only what is complete at `size`: asking for more is a fault of the path code.
    fn at(&self, size: u64) -> impl FnMut(u32, u64) -> Result<Hash, Infallible> + '_ {
        move |level, index| {
            assert!((index + 1) << level <= size, "({level}, {index}) is not complete at {size}");
            Ok(self.complete[&(level, index)])
        }
    }
    fn inclusion(&self, index: u64, size: u64) -> Vec<Hash> {
        tree::inclusion_path::<Sha2, _>(index, size, self.at(size)).unwrap().unwrap()
    }
    fn consistency(&self, from: u64, to: u64) -> Vec<Hash> {
        tree::consistency_path::<Sha2, _>(from, to, self.at(to)).unwrap().unwrap()
    }
}

/// MTH of RFC 6962 2.1, word for word.
fn reference_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => hash::empty::<Sha2>(),
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            hash::node::<Sha2>(&reference_root(&leaves[..split]), &reference_root(&leaves[split..]))
        }
    }
}

#[test]
fn the_compact_range_has_the_root_of_the_definition() {
    let nodes = nodes();
    let leaves: Vec<Hash> = (0..LARGEST).map(|index| nodes.complete[&(0, index)]).collect();
    for size in 0..=LARGEST {
        let root = nodes.roots[size as usize];
        assert_eq!(root, reference_root(&leaves[..size as usize]), "size {size}");
        assert_eq!(tree::root_at::<Sha2, _>(size, nodes.at(size)), Ok(root));
        let loaded = Compact::<Sha2>::load(size, nodes.at(size)).unwrap();
        assert_eq!((loaded.root(), loaded.size()), (root, size));
    }
}

#[test]
fn every_leaf_is_included_and_only_where_it_is() {
    let nodes = nodes();
    for size in 1..=LARGEST {
        let root = &nodes.roots[size as usize];
        for index in 0..size {
            let path = nodes.inclusion(index, size);
            let leaf = &nodes.complete[&(0, index)];
            let verify = |leaf, index, size, path: &[Hash]| {
                tree::verify_inclusion::<Sha2>(leaf, index, size, path, root)
            };
            assert!(verify(leaf, index, size, &path), "leaf {index} of {size}");
            for other in (0..size + 2).filter(|other| *other != index) {
                assert!(!verify(leaf, other, size, &path), "leaf {index} of {size} passes as {other}");
            }
            let mut longer = path.clone();
            longer.push([0; 32]);
            assert!(!verify(leaf, index, size, &longer));
            if let Some((_, shorter)) = path.split_last() {
                assert!(!verify(leaf, index, size, shorter));
                assert!(!verify(&path[0], index, size, &path));
            }
        }
        assert_eq!(tree::inclusion_path::<Sha2, _>(size, size, nodes.at(size)), Ok(None));
    }
}

#[test]
fn every_prefix_is_consistent_and_nothing_else() {
    let nodes = nodes();
    for to in 0..=LARGEST {
        for from in 0..=to {
            let path = nodes.consistency(from, to);
            let (old, new) = (&nodes.roots[from as usize], &nodes.roots[to as usize]);
            let verify =
                |from, old, path: &[Hash]| tree::verify_consistency::<Sha2>(from, old, to, new, path);
            assert!(verify(from, old, &path), "{from} to {to}");
            assert!(!verify(from, &[1; 32], &path), "a wrong old root");
            let mut longer = path.clone();
            longer.push([0; 32]);
            assert!(!verify(from, old, &longer));
            if let Some((_, shorter)) = path.split_last() {
                assert!(!verify(from, old, shorter));
            }
            for wrong in (0..=to + 1).filter(|wrong| *wrong != from) {
                assert!(!verify(wrong, old, &path), "{from} to {to} passes as {wrong}");
            }
        }
        assert_eq!(tree::consistency_path::<Sha2, _>(to + 1, to, nodes.at(to)), Ok(None));
    }
}

#[test]
fn huge_sizes_do_not_overflow() {
    let path = vec![[0; 32]; tree::PATH_MAX];
    for size in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) + 1] {
        assert!(!tree::verify_inclusion::<Sha2>(&[0; 32], size - 1, size, &path, &[0; 32]));
        assert!(!tree::verify_consistency::<Sha2>(size - 1, &[0; 32], size, &[0; 32], &path));
        assert!(
            tree::inclusion_path::<Sha2, Infallible>(size / 2, size, |_, _| Ok([0; 32]))
                .unwrap()
                .unwrap()
                .len()
                <= tree::PATH_MAX
        );
        assert!(
            tree::consistency_path::<Sha2, Infallible>(size / 3, size, |_, _| Ok([0; 32]))
                .unwrap()
                .unwrap()
                .len()
                <= tree::PATH_MAX + 1
        );
    }
}
