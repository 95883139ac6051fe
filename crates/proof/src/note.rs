//! Signed notes (C2SP signed-note v1.0): text, signatures, verifier keys, Ed25519.
//!
//! ```text
//!   text, lines that end in \n           what is signed
//!                                        an empty line
//!   — name base64(key id 4 ‖ signature)  one or more
//! ```
//! A signature of an unknown key is ignored; a wrong one of a known key rejects the note. The curve itself is behind a
//! callback, [`VerifyEd25519`]; feature `ed25519` has one.

use crate::hash::{self, Default256};
use crate::rejection::{Rejection, ensure, rejected, unreadable};
use crate::text::{base64_decode, base64_encode, hex_decode, hex_encode, is_name};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// Longest note that is read: room for 16 post-quantum signatures.
pub const NOTE_MAX_BYTES: usize = 128 * 1024;
/// Most signatures that are read; the specification asks for 16.
pub const SIGNATURES_MAX: usize = 32;

const ED25519: u8 = 1;

/// Whether a signature (64 bytes) of a message is good under a public key (32 bytes): strictly, as RFC 8032 with
/// canonical encodings and no keys of small order.
pub type VerifyEd25519<'a> = &'a dyn Fn(&[u8; 32], &[u8], &[u8; 64]) -> bool;

/// A note as read: nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Ends in a newline.
    pub text: String,
    pub signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub name: String,
    pub key_id: [u8; 4],
    pub bytes: Vec<u8>,
}

/// Whose signatures are believed: `name+key id+base64(0x01 ‖ public key)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key_id: [u8; 4],
    public: [u8; 32],
}

impl Note {
    pub fn parse(note: &str) -> Result<Note, Rejection> {
        if note.len() > NOTE_MAX_BYTES {
            return unreadable("a signed note of more than 128 KiB");
        }
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return unreadable("a signed note with control characters");
        }
        // The last empty line separates.
        let (text, lines) = match note.rfind("\n\n") {
            Some(at) => (&note[..at + 1], &note[at + 2..]),
            None => return unreadable("a signed note without signatures"),
        };
        let lines = match lines.strip_suffix('\n') {
            Some(lines) => lines,
            None => return unreadable("a signed note that does not end in a newline"),
        };
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() == SIGNATURES_MAX {
                return unreadable("a signed note with more than 32 signatures");
            }
            signatures.push(Signature::parse(line)?);
        }
        Ok(Note { text: text.to_string(), signatures })
    }

    /// Good only if `key` signed the text, once.
    pub fn verify(&self, key: &VerifierKey, ed25519: VerifyEd25519) -> Result<(), Rejection> {
        let mut of_key = self.signatures.iter().filter(|signature| signature.is_of(key));
        let signature = match (of_key.next(), of_key.next()) {
            (Some(signature), None) => signature,
            (None, _) => return rejected(format!("not signed by the trusted key {}", key.label())),
            (Some(_), Some(_)) => return rejected(format!("signed twice by the key {}", key.label())),
        };
        let good = match <&[u8; 64]>::try_from(&signature.bytes[..]) {
            Ok(bytes) => ed25519(&key.public, self.text.as_bytes(), bytes),
            Err(_) => false,
        };
        ensure(good, &format!("the signature of {} is wrong", key.label()))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl Signature {
    fn parse(line: &str) -> Result<Signature, Rejection> {
        let mut parts = line.split(' ');
        let parts = (parts.next(), parts.next(), parts.next(), parts.next());
        let (name, base64) = match parts {
            (Some("—"), Some(name), Some(base64), None) if is_name(name) => (name, base64),
            _ => return unreadable("a signature line that is none"),
        };
        let bytes = base64_decode(base64)?;
        match <[u8; 4]>::try_from(bytes.get(..4).unwrap_or_default()) {
            Ok(key_id) if bytes.len() > 4 => {
                Ok(Signature { name: name.to_string(), key_id, bytes: bytes[4..].to_vec() })
            }
            _ => unreadable("a signature without bytes"),
        }
    }

    fn is_of(&self, key: &VerifierKey) -> bool {
        self.name == key.name && self.key_id == key.key_id
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "— {} {}", self.name, base64_encode(&[&self.key_id[..], &self.bytes].concat()))
    }
}

impl VerifierKey {
    /// None if `name` cannot name a key.
    pub fn new(name: &str, public: [u8; 32]) -> Option<VerifierKey> {
        if !is_name(name) {
            return None;
        }
        let hash = hash::digest::<Default256>(&[name.as_bytes(), b"\n", &[ED25519], &public]);
        Some(VerifierKey { name: name.to_string(), key_id: [hash[0], hash[1], hash[2], hash[3]], public })
    }

    pub fn parse(text: &str) -> Result<VerifierKey, Rejection> {
        // Base64 may contain a plus: only the first two separate.
        let mut parts = text.splitn(3, '+');
        let parts = (parts.next(), parts.next(), parts.next());
        let (name, key_id, key) = match parts {
            (Some(name), Some(key_id), Some(key)) => (name, hex_decode(key_id)?, base64_decode(key)?),
            _ => return unreadable("a verifier key is name+hash+base64"),
        };
        let public = match key.split_first() {
            Some((&ED25519, public)) => <[u8; 32]>::try_from(public).ok(),
            Some((other, _)) => return unreadable(format!("a verifier key of the unknown type {other}")),
            None => None,
        };
        match public.and_then(|public| VerifierKey::new(name, public)) {
            Some(key) if key.key_id[..] == key_id[..] => Ok(key),
            Some(_) => unreadable("a verifier key whose hash does not match"),
            None => unreadable("a verifier key with a bad name or length"),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// Name and key id, as messages show it.
    pub fn label(&self) -> String {
        format!("{}+{}", self.name, hex_encode(&self.key_id))
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.label(), base64_encode(&[&[ED25519], &self.public[..]].concat()))
    }
}

/// `ed25519-dalek`, strictly.
#[cfg(any(test, feature = "ed25519"))]
pub fn verify_ed25519(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    match ed25519_dalek::VerifyingKey::from_bytes(public) {
        Ok(key) => key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok(),
        Err(_) => false,
    }
}

/// Signs notes with an Ed25519 key made from a 32-byte seed. The seed is wiped when it is dropped.
#[cfg(any(test, feature = "ed25519"))]
pub struct Signer {
    key: ed25519_dalek::SigningKey,
    verifier_key: VerifierKey,
}

#[cfg(any(test, feature = "ed25519"))]
impl Signer {
    /// None if `name` cannot name a key.
    pub fn new(name: &str, seed: &[u8; 32]) -> Option<Signer> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let verifier_key = VerifierKey::new(name, key.verifying_key().to_bytes())?;
        Some(Signer { key, verifier_key })
    }

    pub fn verifier_key(&self) -> &VerifierKey {
        &self.verifier_key
    }

    /// A signature line's content for `text`, which ends in a newline.
    pub fn sign(&self, text: &str) -> Signature {
        use ed25519_dalek::Signer as _;
        Signature {
            name: self.verifier_key.name.clone(),
            key_id: self.verifier_key.key_id,
            bytes: self.key.sign(text.as_bytes()).to_bytes().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the signed-note specification.
    const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    fn signer() -> Signer {
        Signer::new("host.example/shop", &[7; 32]).unwrap()
    }

    fn signed(text: &str) -> Note {
        Note { text: text.to_string(), signatures: vec![signer().sign(text)] }
    }

    #[test]
    fn verifier_keys_have_one_form() {
        assert_eq!(VerifierKey::parse(KEY).unwrap().to_string(), KEY);
        for wrong in [
            "",
            "example.com/foo",
            "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530d903a+AQ==",
            "example.com/foo+530d903a+",
        ] {
            assert!(VerifierKey::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_note_is_believed_from_its_key_only() {
        let note = signed("one\n\ntwo\n");
        let read = Note::parse(&note.to_string()).unwrap();
        assert_eq!(read, note);
        let key = signer().verifier_key().clone();
        assert_eq!(read.verify(&key, &verify_ed25519), Ok(()));

        let mut other_text = note.clone();
        other_text.text = "one\n\nzwei\n".into();
        assert_eq!(
            other_text.verify(&key, &verify_ed25519).unwrap_err().reason(),
            format!("the signature of {} is wrong", key.label())
        );
        let stranger = VerifierKey::parse(KEY).unwrap();
        assert_eq!(
            note.verify(&stranger, &verify_ed25519).unwrap_err().reason(),
            "not signed by the trusted key example.com/foo+530d903a"
        );

        // Others' signatures neither help nor hurt; a second one of the same key is not taken.
        let mut cosigned = note.clone();
        cosigned
            .signatures
            .insert(0, Signature { name: "witness.example".into(), key_id: [1; 4], bytes: vec![0; 72] });
        assert_eq!(cosigned.verify(&key, &verify_ed25519), Ok(()));
        cosigned.signatures.push(signer().sign(&note.text));
        assert!(cosigned.verify(&key, &verify_ed25519).unwrap_err().reason().starts_with("signed twice"));
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let good = signed("text\n").to_string();
        assert!(Note::parse(&good).is_ok());
        for wrong in [
            String::new(),
            "text\n".into(),
            "text\n\n".into(),
            good.trim_end().into(),
            good.replace('—', "-"),
            good.replace("— ", "—  "),
            good.replace("\n\n", "\r\n\r\n"),
            good.replace("text", "te\tt"),
            format!("{good}\n"),
            format!("{good} \n"),
            good.replace("host.example/shop ", "host.example/shop"),
            // Four bytes: a key id and no signature.
            "text\n\n— name AAAAAA==\n".into(),
        ] {
            assert!(Note::parse(&wrong).is_err(), "{wrong:?}");
        }
        let line = signer().sign("text\n").to_string() + "\n";
        assert!(Note::parse(&format!("text\n\n{}", line.repeat(SIGNATURES_MAX))).is_ok());
        assert!(Note::parse(&format!("text\n\n{}", line.repeat(SIGNATURES_MAX + 1))).is_err());
        assert!(Note::parse(&format!("{}\n\n{line}", "x".repeat(NOTE_MAX_BYTES))).is_err());
    }
}
