//! Signed checkpoints and the key that signs them.
//!
//! ```text
//!   checkpoint   the newest signed note, replaced whole (tmp, fsync, rename, fsync of the folder)
//!   key          `PRIVATE+KEY+<origin>+<key id, 8 hex digits>+<base64(0x01 ‖ seed 32)>\n`, mode 0600
//! ```
//! The key file's form is that of golang.org/x/mod/sumdb/note. The signer never signs what it has not been given a
//! consistency proof for; it may live in another process, which then checks that itself.

use crate::fault::disk_error;
use crate::ledger::Paths;
use host::Disk;
use proof::checkpoint::{Checkpoint, SignedCheckpoint};
use proof::hash::Hash;
use proof::note::{self, VerifierKey, verify_ed25519};
use proof::text::{base64_decode, base64_encode};
use std::io;
use std::path::Path;
use types::{Error, Result, bail, err};

/// Signs what the log is now.
pub trait Signer: Send + Sync {
    /// A checkpoint of `size` transactions with this root. `consistency` proves (RFC 9162 2.1.4) that the tree of
    /// `from` transactions, the last that was signed, is its prefix.
    fn sign(&self, size: u64, root: &Hash, from: u64, consistency: &[Hash]) -> Result<SignedCheckpoint>;

    fn verifier_key(&self) -> &VerifierKey;
}

/// The signer of this process: an Ed25519 seed in a file.
pub struct KeyFile {
    signer: note::Signer,
}

impl KeyFile {
    /// A new key for `origin`.
    pub fn create(disk: &dyn Disk, path: &Path, origin: &str, random: &dyn host::Random) -> Result<KeyFile> {
        KeyFile::store(disk, path, origin, &host::random::bytes(random))
    }

    fn store(disk: &dyn Disk, path: &Path, origin: &str, seed: &[u8; 32]) -> Result<KeyFile> {
        let Some(signer) = note::Signer::new(origin, seed) else {
            bail!(
                InvalidParameterValue,
                "\"{origin}\" cannot be a ledger's origin: it must be a name without spaces and plus signs"
            );
        };
        let text = format!(
            "PRIVATE+KEY+{}+{}\n",
            signer.verifier_key().label(),
            base64_encode(&[&[1], &seed[..]].concat())
        );
        disk.replace(path, text.as_bytes(), true)
            .map_err(|error| disk_error("could not write", path, &error))?;
        Ok(KeyFile { signer })
    }

    /// The key in the file `from` under another origin.
    pub fn create_renamed(disk: &dyn Disk, from: &Path, path: &Path, origin: &str) -> Result<KeyFile> {
        let (_, seed) = KeyFile::read(disk, from)?;
        KeyFile::store(disk, path, origin, &seed)
    }

    pub fn open(disk: &dyn Disk, path: &Path) -> Result<KeyFile> {
        KeyFile::read(disk, path).map(|(signer, _)| KeyFile { signer })
    }

    fn read(disk: &dyn Disk, path: &Path) -> Result<(note::Signer, [u8; 32])> {
        let bytes = disk.read(path).map_err(|error| {
            disk_error("could not read", path, &error)
                .hint("The key that signs checkpoints is needed. Restore the file from a backup.")
        })?;
        str::from_utf8(&bytes).ok().and_then(parse_key).ok_or_else(|| {
            err!(ConfigFileError, "\"{}\" is not a ledger's key file", path.display())
                .hint("Restore the file from a backup.")
        })
    }
}

/// None if it is no key, or its id is not that of its name and seed.
fn parse_key(text: &str) -> Option<(note::Signer, [u8; 32])> {
    // Base64 may contain a plus: only the first two separate.
    let mut parts = text.strip_suffix('\n')?.strip_prefix("PRIVATE+KEY+")?.splitn(3, '+');
    let (name, key_id, key) = (parts.next()?, parts.next()?, parts.next()?);
    let key = base64_decode(key).ok()?;
    let seed: &[u8; 32] = key.strip_prefix(&[1])?.try_into().ok()?;
    let signer = note::Signer::new(name, seed)?;
    (signer.verifier_key().label() == format!("{name}+{key_id}")).then_some((signer, *seed))
}

impl Signer for KeyFile {
    fn sign(&self, size: u64, root: &Hash, _from: u64, _consistency: &[Hash]) -> Result<SignedCheckpoint> {
        let origin = self.verifier_key().name().to_string();
        Ok(Checkpoint { origin, size, root: *root }.sign(&self.signer))
    }

    fn verifier_key(&self) -> &VerifierKey {
        self.signer.verifier_key()
    }
}

/// Who signs the ledger's checkpoints: as its key says, or in a backup the verifier key beside them.
pub fn verifier_key(disk: &dyn Disk, paths: &Paths) -> Result<VerifierKey> {
    if !paths.is_backup(disk) {
        return KeyFile::open(disk, &paths.key).map(|key| key.verifier_key().clone());
    }
    let path = &paths.verifier_key;
    let bytes = disk.read(path).map_err(|error| disk_error("could not read", path, &error))?;
    let text = str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix('\n'));
    text.and_then(|text| VerifierKey::parse(text).ok())
        .ok_or_else(|| err!(ConfigFileError, "\"{}\" is not a verifier key", path.display()))
}

/// The stored checkpoint, its signature verified. None if there is no such file; an error says what is wrong with it.
pub fn load(disk: &dyn Disk, path: &Path, key: &VerifierKey) -> Result<Option<SignedCheckpoint>> {
    let bytes = match disk.read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(disk_error("could not read", path, &error)),
    };
    let damaged = |reason: String| {
        Error::corrupted(format!("the checkpoint file \"{}\" is damaged: {reason}", path.display()))
    };
    let text = str::from_utf8(&bytes).map_err(|_| damaged("it is not UTF-8".into()))?;
    let signed = SignedCheckpoint::parse(text).map_err(|rejection| damaged(rejection.to_string()))?;
    signed.verify(key, &verify_ed25519).map_err(|rejection| damaged(rejection.to_string()))?;
    Ok(Some(signed))
}

pub fn save(disk: &dyn Disk, path: &Path, signed: &SignedCheckpoint) -> Result<()> {
    disk.replace(path, signed.to_string().as_bytes(), false)
        .map_err(|error| disk_error("could not write", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::{MemoryDisk, SeededRandom};

    #[test]
    fn a_key_signs_again_after_it_was_stored() {
        let disk = MemoryDisk::new();
        let (key_path, path) = (Path::new("key"), Path::new("checkpoint"));
        let random = SeededRandom::new(5);
        let made = KeyFile::create(&disk, key_path, "host.example/shop", &random).unwrap();
        let read = KeyFile::open(&disk, key_path).unwrap();
        assert_eq!(made.verifier_key(), read.verifier_key());

        let signed = made.sign(7, &[3; 32], 0, &[]).unwrap();
        assert_eq!(load(&disk, path, read.verifier_key()), Ok(None));
        save(&disk, path, &signed).unwrap();
        assert_eq!(load(&disk, path, read.verifier_key()), Ok(Some(signed.clone())));

        let stranger = KeyFile::create(&disk, Path::new("other"), "host.example/shop", &random).unwrap();
        assert_eq!(load(&disk, path, stranger.verifier_key()).unwrap_err().state.code(), "XX001");
        let text = signed.to_string().replace("\n7\n", "\n8\n");
        disk.replace(path, text.as_bytes(), false).unwrap();
        assert!(load(&disk, path, read.verifier_key()).unwrap_err().message.contains("is wrong"));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let disk = MemoryDisk::new();
        let path = Path::new("key");
        let bad_name = KeyFile::create(&disk, path, "a b", &SeededRandom::new(1)).err().unwrap();
        assert_eq!(bad_name.state.code(), "22023");
        KeyFile::create(&disk, path, "a/b", &SeededRandom::new(1)).unwrap();
        let good = String::from_utf8(disk.read(path).unwrap()).unwrap();
        for bad in [
            good.trim_end().to_string(),
            good.replace("a/b", "a/c"),
            good.replace("PRIVATE", "PUBLIC"),
            good.replace("+A", "+B"),
            String::new(),
        ] {
            disk.replace(path, bad.as_bytes(), true).unwrap();
            assert_eq!(KeyFile::open(&disk, path).err().unwrap().state.code(), "F0000", "{bad}");
        }
    }
}
