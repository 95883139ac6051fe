//! Up to where the index is whole: a small text file beside the engine, never inside it.
//!
//! ```text
//!   stele index 1
//!   engine lsm-tree 3, rows counted
//!   applied 4711
//!   root 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef
//!   entries 10 0 3 0 0 0 1          or: unknown
//!   boot 0fc1...-...                or: unknown
//!   clean no
//!   crc32c 1a2b3c4d                 over the lines above
//! ```
//!
//! `root` is the log's root over the transactions up to `applied`: an index of another log, or of one that was cut
//! back, is told from ours. `clean` = closed in order; otherwise a crash is replayed from `applied`, if it was of the
//! process alone (same boot) or the engine survives power loss, and anything else is rebuilt.

use crate::TxId;
use crate::fault::disk_error;
use crate::store::IndexEngine;
use host::{Host, OpenMode};
use std::path::{Path, PathBuf};
use types::Result;

/// The index's folder on a host.
pub(crate) struct Place {
    pub host: Host,
    pub folder: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexCheckpoint {
    pub engine: String,
    pub applied: TxId,
    pub root: [u8; 32],
    pub entries: Option<[u64; 7]>,
    pub boot: Option<String>,
    pub clean: bool,
}

impl Place {
    fn path(&self) -> PathBuf {
        self.folder.join("index.checkpoint")
    }

    pub(crate) fn engine_folder(&self, engine: IndexEngine) -> PathBuf {
        self.folder.join(engine.folder())
    }

    /// None where there is none, or none that can be trusted.
    pub(crate) fn read(&self) -> Option<IndexCheckpoint> {
        IndexCheckpoint::parse(&self.host.disk.read(&self.path()).ok()?)
    }

    pub(crate) fn write(&self, checkpoint: &IndexCheckpoint) -> Result<()> {
        let path = self.path();
        self.host
            .disk
            .replace(&path, checkpoint.format().as_bytes(), false)
            .map_err(|error| disk_error("could not write", &path, &error))
    }

    /// From now on whatever happens ends in a rebuild.
    pub(crate) fn remove(&self) -> Result<()> {
        let path = self.path();
        if self.host.disk.exists(&path) {
            self.host
                .disk
                .remove_file(&path)
                .map_err(|error| disk_error("could not write", &path, &error))?;
            self.host
                .disk
                .sync_dir(&self.folder)
                .map_err(|error| disk_error("could not write", &self.folder, &error))?;
        }
        Ok(())
    }

    /// What tells one start of the machine from the next; None where the system does not say.
    pub(crate) fn boot(&self) -> Option<String> {
        let mut id = [0; 36];
        let file = self.host.disk.open(Path::new("/proc/sys/kernel/random/boot_id"), OpenMode::Read).ok()?;
        file.read_exact_at(&mut id, 0).ok()?;
        let id = std::str::from_utf8(&id).ok()?;
        id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-').then(|| id.to_owned())
    }
}

/// An engine that has failed says so now, not when it is closed: a killed server must not come back to it.
pub(crate) fn distrust(host: &Host, engine_folder: &Path) {
    if let Some(folder) = engine_folder.parent() {
        let _ = Place { host: host.clone(), folder: folder.to_path_buf() }.remove();
    }
}

impl IndexCheckpoint {
    pub(crate) fn format(&self) -> String {
        let entries = match self.entries {
            Some(entries) => entries.map(|count| count.to_string()).join(" "),
            None => "unknown".to_owned(),
        };
        let boot = self.boot.as_deref().unwrap_or("unknown");
        let clean = if self.clean { "yes" } else { "no" };
        let root: String = self.root.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!(
            "stele index 1\nengine {}\napplied {}\nroot {root}\nentries {entries}\nboot {boot}\nclean {clean}\n",
            self.engine, self.applied
        );
        let crc = crc32c::crc32c(text.as_bytes());
        format!("{text}crc32c {crc:08x}\n")
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<IndexCheckpoint> {
        let text = std::str::from_utf8(bytes).ok()?;
        let at = text.rfind("crc32c ")?;
        let (body, crc) = text.split_at_checked(at)?;
        if crc != format!("crc32c {:08x}\n", crc32c::crc32c(body.as_bytes())) {
            return None;
        }
        let mut lines = body.lines();
        if lines.next()? != "stele index 1" {
            return None;
        }
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned);
        let engine = field("engine")?;
        let applied = field("applied")?.parse().ok()?;
        let root = parse_root(&field("root")?)?;
        let entries = match field("entries")?.as_str() {
            "unknown" => None,
            counts => {
                let counts: Option<Vec<u64>> = counts.split(' ').map(|count| count.parse().ok()).collect();
                Some(counts?.try_into().ok()?)
            }
        };
        let boot = Some(field("boot")?).filter(|boot| boot != "unknown");
        let clean = match field("clean")?.as_str() {
            "yes" => true,
            "no" => false,
            _ => return None,
        };
        let checkpoint = IndexCheckpoint { engine, applied, root, entries, boot, clean };
        lines.next().is_none().then_some(checkpoint)
    }
}

fn parse_root(hex: &str) -> Option<[u8; 32]> {
    let bytes = hex.as_bytes();
    if bytes.len() != 64 {
        return None;
    }
    let mut root = [0; 32];
    for (byte, pair) in root.iter_mut().zip(bytes.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> IndexCheckpoint {
        IndexCheckpoint {
            engine: "sled 0.34.7".to_owned(),
            applied: 4711,
            root: [0xab; 32],
            entries: Some([10, 0, 3, 0, 0, 0, 1]),
            boot: None,
            clean: false,
        }
    }

    #[test]
    fn it_reads_back() {
        for clean in [false, true] {
            for entries in [None, Some([1, 2, 3, 4, 5, 6, u64::MAX])] {
                for boot in [None, Some("0fc1ba2e-0000".to_owned())] {
                    let checkpoint = IndexCheckpoint { clean, entries, boot, ..example() };
                    assert_eq!(IndexCheckpoint::parse(checkpoint.format().as_bytes()), Some(checkpoint));
                }
            }
        }
    }

    #[test]
    fn its_text() {
        assert_eq!(
            example().format().rsplit_once("crc32c").unwrap().0,
            "stele index 1\nengine sled 0.34.7\napplied 4711\n\
             root abababababababababababababababababababababababababababababababab\n\
             entries 10 0 3 0 0 0 1\nboot unknown\nclean no\n"
        );
    }

    #[test]
    fn any_flipped_bit_or_cut_is_refused() {
        let text = example().format().into_bytes();
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut damaged = text.clone();
                damaged[at] ^= 1 << bit;
                assert_eq!(IndexCheckpoint::parse(&damaged), None, "byte {at} bit {bit}");
            }
            assert_eq!(IndexCheckpoint::parse(&text[..at]), None, "cut at {at}");
        }
    }
}
