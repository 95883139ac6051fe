//! Consistency proofs (tlog-witness request body) and fork evidence: P2 and P7.
//!
//! ```text
//!   old 1042                    P2: the checkpoint extends     stele-fork@v1               P7: two checkpoints that
//!   <base64 hash> *             the log's first 1042 leaves    prefix <base64 hash>        cannot both be true. With
//!                                                              <base64 hash> *             equal sizes: no prefix, no
//!   <checkpoint>                                                                           path, different roots. Else
//!                                                              <smaller checkpoint>        the path proves another
//!                                                                                          prefix of the larger one
//!                                                              <larger checkpoint>         than the smaller one signed
//! ```

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::hash::{self, Default256, Hash};
use crate::note::{NOTE_MAX_BYTES, VerifyEd25519};
use crate::rejection::{Rejection, ensure, rejected, unreadable};
use crate::text::{base64_encode, hash_decode, number_decode};
use crate::tree;
use crate::trust::Trust;
use alloc::format;
use alloc::vec::Vec;
use core::fmt;

const FORK_FIRST_LINE: &str = "stele-fork@v1";

/// P2 as read: nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consistency {
    pub old_size: u64,
    pub path: Vec<Hash>,
    pub checkpoint: SignedCheckpoint,
}

/// A checkpoint of which an older one was proven to be a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extended<'a> {
    old_size: u64,
    signed: &'a SignedCheckpoint,
}

/// P7 as read: nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// The smaller one; of equal sizes the one with the smaller root.
    first: SignedCheckpoint,
    second: SignedCheckpoint,
    prefix: Option<Prefix>,
}

/// The true root of the first leaves of a tree, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Prefix {
    root: Hash,
    path: Vec<Hash>,
}

/// A fork that was verified: the holder of the key signed both.
#[derive(Debug, Clone, Copy)]
pub struct ProvenFork<'a>(&'a Fork);

impl Consistency {
    pub fn parse(text: &str) -> Result<Consistency, Rejection> {
        let (head, note) = sections(text)?;
        let mut lines = head.split('\n');
        let old_size = match lines.next().and_then(|line| line.strip_prefix("old ")) {
            Some(size) => number_decode(size)?,
            None => return unreadable("not a consistency proof: the first line is not `old` and a size"),
        };
        let path = read_path(lines)?;
        Ok(Consistency { old_size, path, checkpoint: SignedCheckpoint::parse(note)? })
    }

    /// Whether the newest checkpoint that was seen is a prefix of this proof's.
    #[cfg(any(test, feature = "ed25519"))]
    pub fn verify(&self, trust: &Trust) -> Result<Extended<'_>, Rejection> {
        self.verify_with(trust, &crate::note::verify_ed25519)
    }

    pub fn verify_with(&self, trust: &Trust, ed25519: VerifyEd25519) -> Result<Extended<'_>, Rejection> {
        let empty =
            Checkpoint { origin: trust.key.name().into(), size: 0, root: hash::empty::<Default256>() };
        let newest = trust.newest(ed25519)?;
        self.verify_from(newest.unwrap_or(&empty), trust, ed25519)
    }

    /// Whether `old`, which the caller believes, is a prefix of this proof's checkpoint.
    pub fn verify_from(
        &self,
        old: &Checkpoint,
        trust: &Trust,
        ed25519: VerifyEd25519,
    ) -> Result<Extended<'_>, Rejection> {
        let new = self.checkpoint.verify(&trust.key, ed25519)?;
        if self.old_size != old.size {
            return rejected(format!(
                "the consistency proof starts at size {}, the known checkpoint has size {}",
                self.old_size, old.size
            ));
        }
        ensure(new.origin == old.origin, "checkpoints of different logs")?;
        let consistent =
            tree::verify_consistency::<Default256>(old.size, &old.root, new.size, &new.root, &self.path);
        if !consistent {
            return rejected(format!(
                "the log of size {} does not extend the known one of size {}",
                new.size, old.size
            ));
        }
        Ok(Extended { old_size: old.size, signed: &self.checkpoint })
    }

    /// Whether this proof shows that a (verified) checkpoint and the newest one seen are of one log, whichever is older.
    pub fn connects(
        &self,
        checkpoint: &Checkpoint,
        trust: &Trust,
        ed25519: VerifyEd25519,
    ) -> Result<(), Rejection> {
        let newest = match trust.newest(ed25519)? {
            Some(newest) => newest,
            None => return rejected("the trust file has no checkpoint to be consistent with"),
        };
        let (old, new) =
            if newest.size <= checkpoint.size { (newest, checkpoint) } else { (checkpoint, newest) };
        self.verify_from(old, trust, ed25519)?;
        ensure(self.checkpoint.unverified() == new, "the consistency proof leads to another checkpoint")
    }
}

impl<'a> Extended<'a> {
    pub fn old_size(&self) -> u64 {
        self.old_size
    }
    pub fn checkpoint(&self) -> &'a Checkpoint {
        self.signed.unverified()
    }
    /// What to believe from now on.
    pub fn advance(&self, trust: &Trust) -> Trust {
        Trust { checkpoint: Some(self.signed.clone()), ..trust.clone() }
    }
}

impl fmt::Display for Consistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        write_path(&self.path, f)?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl Fork {
    /// Evidence from two checkpoints of one size. None if they do not differ.
    pub fn of_equal_size(one: SignedCheckpoint, other: SignedCheckpoint) -> Option<Fork> {
        let (a, b) = (one.unverified(), other.unverified());
        if a.size != b.size || a.root == b.root {
            return None;
        }
        let (first, second) = if a.root < b.root { (one, other) } else { (other, one) };
        Some(Fork { first, second, prefix: None })
    }

    /// Evidence from two checkpoints of different size: `root` is the true root of the first `smaller.size` leaves of
    /// the tree of `larger`, and `path` its consistency proof. None if that is no contradiction.
    pub fn of_prefix(
        smaller: SignedCheckpoint,
        larger: SignedCheckpoint,
        root: Hash,
        path: Vec<Hash>,
    ) -> Option<Fork> {
        if smaller.unverified().size >= larger.unverified().size || smaller.unverified().root == root {
            return None;
        }
        Some(Fork { first: smaller, second: larger, prefix: Some(Prefix { root, path }) })
    }

    pub fn parse(text: &str) -> Result<Fork, Rejection> {
        let (head, notes) = sections(text)?;
        // Notes of checkpoints have exactly one empty line within, so the second one separates them.
        let between = notes.match_indices("\n\n").nth(1).map(|(at, _)| at);
        let (first, second) = match between {
            Some(at) => (&notes[..at + 1], &notes[at + 2..]),
            None => return unreadable("fork evidence has two checkpoints"),
        };
        let mut lines = head.split('\n');
        if lines.next() != Some(FORK_FIRST_LINE) {
            return unreadable(format!("not fork evidence: the first line is not {FORK_FIRST_LINE}"));
        }
        let (first, second) = (SignedCheckpoint::parse(first)?, SignedCheckpoint::parse(second)?);
        let fork = match lines.next() {
            Some(line) => match line.strip_prefix("prefix ") {
                Some(root) => Fork::of_prefix(first, second, hash_decode(root)?, read_path(lines)?),
                None => return unreadable("fork evidence with an unknown line"),
            },
            None if first.unverified().root < second.unverified().root => Fork::of_equal_size(first, second),
            None => return unreadable("fork evidence whose checkpoints are not in order"),
        };
        match fork {
            Some(fork) => Ok(fork),
            None => rejected("both checkpoints can be true"),
        }
    }

    /// Good only if the trusted key signed both and both cannot be true.
    #[cfg(any(test, feature = "ed25519"))]
    pub fn verify(&self, trust: &Trust) -> Result<ProvenFork<'_>, Rejection> {
        self.verify_with(trust, &crate::note::verify_ed25519)
    }

    pub fn verify_with(&self, trust: &Trust, ed25519: VerifyEd25519) -> Result<ProvenFork<'_>, Rejection> {
        let first = self.first.verify(&trust.key, ed25519)?;
        let second = self.second.verify(&trust.key, ed25519)?;
        let contradiction = match &self.prefix {
            None => first.size == second.size && first.root != second.root,
            Some(Prefix { root, path }) => {
                let proven =
                    tree::verify_consistency::<Default256>(first.size, root, second.size, &second.root, path);
                proven && *root != first.root
            }
        };
        ensure(contradiction, "the evidence does not show that both checkpoints cannot be true")?;
        Ok(ProvenFork(self))
    }
}

impl<'a> ProvenFork<'a> {
    pub fn first(&self) -> &'a Checkpoint {
        self.0.first.unverified()
    }
    pub fn second(&self) -> &'a Checkpoint {
        self.0.second.unverified()
    }
}

impl fmt::Display for Fork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FORK_FIRST_LINE}")?;
        if let Some(Prefix { root, path }) = &self.prefix {
            writeln!(f, "prefix {}", base64_encode(root))?;
            write_path(path, f)?;
        }
        write!(f, "\n{}\n{}", self.first, self.second)
    }
}

/// What stands before the first empty line, and after it.
fn sections(text: &str) -> Result<(&str, &str), Rejection> {
    if text.len() > 3 * NOTE_MAX_BYTES {
        return unreadable("a file of more than 384 KiB");
    }
    match text.split_once("\n\n") {
        Some(sections) => Ok(sections),
        None => unreadable("not a proof: there is no checkpoint"),
    }
}

fn read_path<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Hash>, Rejection> {
    lines.map(hash_decode).collect()
}

fn write_path(path: &[Hash], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    path.iter().try_for_each(|hash| writeln!(f, "{}", base64_encode(hash)))
}
