//! Checkpoints (C2SP tlog-checkpoint v1.0): origin, size, root; without extension lines.
//!
//! ```text
//!   host.example/shop
//!   1042
//!   CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//!   — host.example/shop Az3grlgtzPICa5OS8npVmf1Myq/...
//! ```

use crate::hash::Hash;
use crate::note::{Note, VerifierKey, VerifyEd25519};
use crate::rejection::{Rejection, ensure, unreadable};
use crate::text::{base64_encode, hash_decode, is_name, number_decode};
use alloc::string::{String, ToString};
use core::fmt;

/// A log's state, as its body says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// `<host>/<database>`: which log. Also the name of the key that signs.
    pub origin: String,
    /// Transactions in the log, below 2^63.
    pub size: u64,
    pub root: Hash,
}

/// A checkpoint and the note that it came in. Parsed, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl Checkpoint {
    pub fn parse(body: &str) -> Result<Checkpoint, Rejection> {
        let mut lines = body.split('\n');
        let lines = (lines.next(), lines.next(), lines.next(), lines.next(), lines.next());
        let (origin, size, root) = match lines {
            (Some(origin), Some(size), Some(root), Some(""), None) => (origin, size, root),
            _ => return unreadable("a checkpoint has three lines"),
        };
        if !is_name(origin) {
            return unreadable("a checkpoint's origin is a name without spaces and plus signs");
        }
        Ok(Checkpoint { origin: origin.to_string(), size: number_decode(size)?, root: hash_decode(root)? })
    }

    /// The signed checkpoint.
    #[cfg(any(test, feature = "ed25519"))]
    pub fn sign(&self, signer: &crate::note::Signer) -> SignedCheckpoint {
        let text = self.to_string();
        let signatures = alloc::vec![signer.sign(&text)];
        SignedCheckpoint { checkpoint: self.clone(), note: Note { text, signatures } }
    }
}

/// The body: what is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, base64_encode(&self.root))
    }
}

impl SignedCheckpoint {
    pub fn parse(note: &str) -> Result<SignedCheckpoint, Rejection> {
        let note = Note::parse(note)?;
        Ok(SignedCheckpoint { checkpoint: Checkpoint::parse(&note.text)?, note })
    }

    /// What it says, if `key` signed it and is the key of its origin.
    pub fn verify(&self, key: &VerifierKey, ed25519: VerifyEd25519) -> Result<&Checkpoint, Rejection> {
        ensure(
            self.checkpoint.origin == key.name(),
            "the checkpoint is of another log than the trusted one",
        )?;
        self.note.verify(key, ed25519)?;
        Ok(&self.checkpoint)
    }

    /// What it says, believed or not.
    pub fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    pub fn note(&self) -> &Note {
        &self.note
    }
}

/// The note's text.
impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::{Signer, verify_ed25519};

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "host.example/shop".into(), size: 1042, root: [5; 32] }
    }

    #[test]
    fn signed_parsed_verified() {
        let signer = Signer::new("host.example/shop", &[7; 32]).unwrap();
        let text = checkpoint().sign(&signer).to_string();
        let read = SignedCheckpoint::parse(&text).unwrap();
        assert_eq!(read.to_string(), text);
        assert_eq!(read.verify(signer.verifier_key(), &verify_ed25519), Ok(&checkpoint()));

        // A key of another name may sign what it likes: it is not this log's.
        let other = Signer::new("host.example/other", &[7; 32]).unwrap();
        let read = checkpoint().sign(&other);
        assert!(read.verify(other.verifier_key(), &verify_ed25519).is_err());
        assert!(read.verify(signer.verifier_key(), &verify_ed25519).is_err());
    }

    #[test]
    fn one_form_only() {
        let good = checkpoint().to_string();
        assert_eq!(Checkpoint::parse(&good), Ok(checkpoint()));
        for wrong in [
            good.replace("1042", "01042"),
            good.replace("1042", "+1042"),
            good.replace("1042", "9223372036854775808"),
            good.replace("1042", ""),
            good.replace("host.example/shop", ""),
            good.replace("host.example/shop", "host example/shop"),
            good.replace("host.example/shop", "host+example/shop"),
            good.replace("BQUF", "BQU"),
            good.replace("\n1042", "\n\n1042"),
            format!("{good}extension\n"),
            format!("{good}\n"),
            good.trim_end().into(),
        ] {
            assert!(Checkpoint::parse(&wrong).is_err(), "{wrong:?}");
        }
    }
}
