//! What a verifier believes beforehand: which log, whose signature, and the newest checkpoint it has seen.
//!
//! ```text
//!   stele-trust@v1
//!   origin host.example/shop
//!   key host.example/shop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k
//!   database 000102030405060708090a0b0c0d0e0f
//!                                                an empty line and a checkpoint, if one has been seen
//!   host.example/shop
//!   1042
//!   CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//!   — host.example/shop Az3grlgtzPICa5OS8npVmf1Myq/...
//! ```
//! It is the user's own file. Nothing in it ever comes from a proof.

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::note::{VerifierKey, VerifyEd25519};
use crate::rejection::{Rejection, rejected, unreadable};
use crate::text::{hex_decode, hex_encode};
use alloc::format;
use core::fmt;

const FIRST_LINE: &str = "stele-trust@v1";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// Its name is the log's origin.
    pub key: VerifierKey,
    /// Random, fixed at the ledger's genesis, in every transaction.
    pub database_id: [u8; 16],
    /// The newest checkpoint seen; None at first contact.
    pub checkpoint: Option<SignedCheckpoint>,
}

/// How a proof's checkpoint stands to the newest one seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The same: the log is the one that was seen.
    Same,
    /// None was seen: the signature is all there is to believe.
    FirstContact,
    /// The proof's is larger: that it extends what was seen takes a consistency proof.
    Newer,
    /// The proof's is smaller: that it is a prefix of what was seen takes a consistency proof.
    Older,
}

impl Trust {
    pub fn parse(text: &str) -> Result<Trust, Rejection> {
        let (head, note) = match text.split_once("\n\n") {
            Some((head, note)) => (head, Some(note)),
            None => match text.strip_suffix('\n') {
                Some(head) => (head, None),
                None => return unreadable("a trust file that does not end in a newline"),
            },
        };
        let mut lines = head.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return unreadable(format!("a trust file starts with {FIRST_LINE}"));
        }
        let mut field = |name: &str| {
            let line =
                lines.next().and_then(|line| line.strip_prefix(name)).and_then(|line| line.strip_prefix(' '));
            line.ok_or_else(|| Rejection::Unreadable(format!("a trust file without its line {name:?}")))
        };
        let origin = field("origin")?;
        let key = VerifierKey::parse(field("key")?)?;
        let database_id = match hex_decode(field("database")?)?.try_into() {
            Ok(database_id) => database_id,
            Err(_) => return unreadable("a database id that does not have 16 bytes"),
        };
        if lines.next().is_some() {
            return unreadable("a trust file with an unknown line");
        }
        if origin != key.name() {
            return unreadable("a trust file whose origin is not the name of its key");
        }
        let checkpoint = match note {
            Some(note) => Some(SignedCheckpoint::parse(note)?),
            None => None,
        };
        Ok(Trust { key, database_id, checkpoint })
    }

    /// The newest checkpoint seen, its signature checked: a trust file may be damaged too.
    pub fn newest(&self, ed25519: VerifyEd25519) -> Result<Option<&Checkpoint>, Rejection> {
        match &self.checkpoint {
            Some(checkpoint) => match checkpoint.verify(&self.key, ed25519) {
                Ok(checkpoint) => Ok(Some(checkpoint)),
                Err(rejection) => rejected(format!("the trust file's own checkpoint: {rejection}")),
            },
            None => Ok(None),
        }
    }

    /// Compares a checkpoint (already verified) with the newest one seen. Two roots of one size are a fork.
    pub fn standing(&self, checkpoint: &Checkpoint, ed25519: VerifyEd25519) -> Result<Standing, Rejection> {
        let newest = match self.newest(ed25519)? {
            Some(newest) => newest,
            None => return Ok(Standing::FirstContact),
        };
        if checkpoint.size > newest.size {
            Ok(Standing::Newer)
        } else if checkpoint.size < newest.size {
            Ok(Standing::Older)
        } else if checkpoint.root == newest.root {
            Ok(Standing::Same)
        } else {
            rejected(format!(
                "FORK: the log signed two different roots of size {}; keep both checkpoints, they are evidence",
                newest.size
            ))
        }
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}\norigin {}\nkey {}", self.key.name(), self.key)?;
        writeln!(f, "database {}", hex_encode(&self.database_id))?;
        match &self.checkpoint {
            Some(checkpoint) => write!(f, "\n{checkpoint}"),
            None => Ok(()),
        }
    }
}
