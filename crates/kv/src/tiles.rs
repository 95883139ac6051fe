//! The tree in tile files.
//!
//! ```text
//!   tiles/L0   leaf hashes, 32 bytes each
//!   tiles/L1   roots of 256 leaves each = level 8 of the tree
//!   tiles/L2   level 16, ...
//! ```
//! Tile (l, n) of C2SP tlog-tiles is bytes [8192·n, 8192·(n+1)) of file l. Hashes of the levels between are made from the
//! next file below. What is not on disk yet is in memory. Derived from the log, and proven by the signed checkpoint.

use crate::fault::disk_error;
use crate::guard::{lock, read, write};
use host::{Disk, File, OpenMode};
use proof::hash::{self, Hash, Sha2};
use proof::tree::{self, Compact};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use types::{Error, Result};

/// Tree levels per file.
const FILE_LEVELS: u32 = 8;
/// Hashes of a tile.
const TILE_HASHES: u64 = 1 << FILE_LEVELS;

pub struct Tiles {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    levels: RwLock<Vec<Level>>,
    /// Held while files are written.
    saving: Mutex<()>,
    /// The last complete tile of leaves that was read: neighbours are often asked for next.
    last_tile: Mutex<Option<(u64, Vec<Hash>)>>,
}

struct Level {
    file: Option<Arc<dyn File>>,
    /// Hashes in the file.
    stored: u64,
    /// Those after them.
    pending: Vec<Hash>,
}

/// Nodes that new leaves complete, to be added at once.
#[derive(Default)]
pub struct Growth(Vec<(usize, Hash)>);

impl Growth {
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// File level and hash of each, in order.
    pub fn nodes(&self) -> impl Iterator<Item = (usize, Hash)> {
        self.0.iter().copied()
    }

    /// Appends a leaf to `tree` and keeps what tiles need of it.
    pub fn append(&mut self, tree: &mut Compact<Sha2>, leaf: Hash) {
        tree.append(leaf, |level, _, hash| {
            if level % FILE_LEVELS == 0 {
                self.0.push(((level / FILE_LEVELS) as usize, *hash));
            }
        });
    }
}

impl Tiles {
    /// The files as they must be for a tree of `size`: longer ones are cut. None if they hold less.
    pub fn open(disk: Arc<dyn Disk>, folder: &Path, size: u64) -> Result<Option<Tiles>> {
        let tiles = Tiles {
            last_tile: Mutex::new(None),
            disk,
            folder: folder.to_path_buf(),
            levels: RwLock::new(Vec::new()),
            saving: Mutex::new(()),
        };
        let mut levels = Vec::new();
        for level in 0.. {
            let stored = count(size, level);
            let path = tiles.path(level);
            if !tiles.disk.exists(&path) {
                if stored > 0 {
                    return Ok(None);
                }
                break;
            }
            let file = tiles
                .disk
                .open(&path, OpenMode::Write)
                .map_err(|e| disk_error("could not open", &path, &e))?;
            let length = file.len().map_err(|error| disk_error("could not read", &path, &error))?;
            if length < stored * 32 {
                return Ok(None);
            }
            if length > stored * 32 {
                file.set_len(stored * 32).map_err(|error| disk_error("could not truncate", &path, &error))?;
            }
            levels.push(Level { file: Some(Arc::from(file)), stored, pending: Vec::new() });
        }
        *write(&tiles.levels) = levels;
        Ok(Some(tiles))
    }

    pub fn extend(&self, growth: &Growth) {
        let mut levels = write(&self.levels);
        for (level, hash) in &growth.0 {
            while levels.len() <= *level {
                levels.push(Level { file: None, stored: 0, pending: Vec::new() });
            }
            levels[*level].pending.push(*hash);
        }
    }

    /// Writes and syncs the first `size` leaves and what is above them. An error may come of the sync: see
    /// [`crate::ledger::Ledger::publish`].
    pub fn save(&self, size: u64) -> Result<()> {
        let _saving = lock(&self.saving);
        let levels = read(&self.levels).len();
        for level in 0..levels {
            let (file, stored, bytes) = {
                let levels = read(&self.levels);
                let Level { file, stored, pending } = &levels[level];
                let new = count(size, level as u32).saturating_sub(*stored) as usize;
                let new = pending.get(..new).ok_or_else(|| Error::internal("tiles behind the tree"))?;
                (file.clone(), *stored, new.concat())
            };
            if bytes.is_empty() {
                continue;
            }
            let path = self.path(level as u32);
            let file = match file {
                Some(file) => file,
                None => {
                    let file = self.disk.open(&path, OpenMode::Create);
                    let file: Arc<dyn File> =
                        Arc::from(file.map_err(|e| disk_error("could not open", &path, &e))?);
                    self.disk
                        .sync_dir(&self.folder)
                        .map_err(|e| disk_error("could not fsync", &self.folder, &e))?;
                    file
                }
            };
            file.write_all_at(&bytes, stored * 32)
                .map_err(|error| disk_error("could not write", &path, &error))?;
            file.sync().map_err(|error| disk_error("could not fsync", &path, &error))?;
            let mut levels = write(&self.levels);
            let written = (bytes.len() / 32) as u64;
            levels[level].pending.drain(..written as usize);
            levels[level].stored += written;
            levels[level].file = Some(file);
        }
        Ok(())
    }

    /// Hashes `start..start + count` of a file level.
    pub fn hashes(&self, level: u32, start: u64, count: usize) -> Result<Vec<Hash>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut bytes = Vec::new();
        let missing = || {
            Error::corrupted(format!(
                "tile file \"{}\" has no hashes {start} to {}",
                self.path(level).display(),
                start + count as u64
            ))
        };
        let (file, pending) = {
            let levels = read(&self.levels);
            let Level { file, stored, pending } = levels.get(level as usize).ok_or_else(missing)?;
            let in_file = stored.saturating_sub(start).min(count as u64) as usize;
            bytes.resize(in_file * 32, 0);
            let skip = (start + in_file as u64).saturating_sub(*stored) as usize;
            let pending = pending.get(skip..skip + count - in_file).ok_or_else(missing)?;
            (file.clone().filter(|_| in_file > 0), pending.to_vec())
        };
        // What is in the file never changes: no lock is needed.
        if let Some(file) = file {
            file.read_exact_at(&mut bytes, start * 32)
                .map_err(|error| disk_error("could not read", &self.path(level), &error))?;
        }
        let mut hashes = bytes.as_chunks::<32>().0.to_vec();
        hashes.extend(pending);
        Ok(hashes)
    }

    /// One leaf hash.
    pub fn leaf(&self, index: u64) -> Result<Hash> {
        let (tile, within) = (index / TILE_HASHES, (index % TILE_HASHES) as usize);
        if let Some((kept, leaves)) = &*lock(&self.last_tile)
            && *kept == tile
            && let Some(leaf) = leaves.get(within)
        {
            return Ok(*leaf);
        }
        if (tile + 1) * TILE_HASHES <= self.size() {
            let leaves = self.hashes(0, tile * TILE_HASHES, TILE_HASHES as usize)?;
            if let Some(leaf) = leaves.get(within).copied() {
                *lock(&self.last_tile) = Some((tile, leaves));
                return Ok(leaf);
            }
        }
        let leaf = self.hashes(0, index, 1)?.first().copied();
        leaf.ok_or_else(|| Error::internal("no hash where there is one"))
    }

    /// Leaves in the file.
    pub fn size(&self) -> u64 {
        read(&self.levels).first().map_or(0, |leaves| leaves.stored)
    }

    /// A complete node of the tree.
    pub fn node(&self, level: u32, index: u64) -> Result<Hash> {
        let width = 1u64 << (level % FILE_LEVELS);
        let start = index.checked_mul(width).ok_or_else(|| Error::internal("a node beyond any tree"))?;
        let hashes = self.hashes(level / FILE_LEVELS, start, width as usize)?;
        fold(hashes).ok_or_else(|| Error::internal("a node of no hashes"))
    }

    /// The root of the first `size` leaves.
    pub fn root(&self, size: u64) -> Result<Hash> {
        tree::root_at::<Sha2, _>(size, |level, index| self.node(level, index))
    }

    /// The first complete tile whose root is not the hash above it, in a tree of `size` whose root is known to be right:
    /// its file and offset. Goes from the top down, so that the hash above has been proven before. `progress`: hashes
    /// done and to do.
    pub fn first_wrong(&self, size: u64, progress: &dyn Fn(u64, u64)) -> Result<Option<(PathBuf, u64)>> {
        let levels = (0..).take_while(|level| count(size, level + 1) > 0).count() as u32;
        let total: u64 = (0..levels).map(|level| count(size, level + 1)).sum();
        let mut done = 0;
        for level in (0..levels).rev() {
            let tiles = count(size, level + 1);
            for first in (0..tiles).step_by(TILE_HASHES as usize) {
                let some = TILE_HASHES.min(tiles - first);
                let above = self.hashes(level + 1, first, some as usize)?;
                for (tile, above) in (first..).zip(above) {
                    let hashes = self.hashes(level, tile * TILE_HASHES, TILE_HASHES as usize)?;
                    if fold(hashes) != Some(above) {
                        return Ok(Some((self.path(level), tile * TILE_HASHES * 32)));
                    }
                }
                done += some;
                progress(done, total);
            }
        }
        Ok(None)
    }

    pub fn compact(&self, size: u64) -> Result<Compact<Sha2>> {
        Compact::load(size, |level, index| self.node(level, index))
    }

    fn path(&self, level: u32) -> PathBuf {
        level_path(&self.folder, level)
    }
}

/// The root over a power of two of hashes.
fn fold(mut hashes: Vec<Hash>) -> Option<Hash> {
    while hashes.len() > 1 {
        let pairs = hashes.as_chunks::<2>().0;
        hashes = pairs.iter().map(|[left, right]| hash::node::<Sha2>(left, right)).collect();
    }
    hashes.first().copied()
}

pub fn level_path(folder: &Path, level: u32) -> PathBuf {
    folder.join(format!("L{level}"))
}

/// Hashes that file `level` has for a tree of `size`.
pub fn count(size: u64, level: u32) -> u64 {
    size.checked_shr(FILE_LEVELS * level).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::MemoryDisk;

    fn leaf(number: u64) -> Hash {
        hash::leaf::<Sha2>(&number.to_be_bytes())
    }

    #[test]
    fn roots_and_nodes_of_any_size_whatever_is_saved() {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::new());
        let folder = Path::new("tiles");
        disk.create_dir_all(folder).unwrap();
        let mut tiles = Tiles::open(disk.clone(), folder, 0).unwrap().unwrap();
        let mut tree = Compact::new();
        let mut roots = vec![tree.root()];
        let mut growth = Growth::default();
        for number in 0..1500 {
            growth.clear();
            growth.append(&mut tree, leaf(number));
            tiles.extend(&growth);
            roots.push(tree.root());
            if number % 211 == 210 {
                tiles.save(number - 100).unwrap();
            }
            if number == 1000 {
                tiles.save(900).unwrap();
                tiles = Tiles::open(disk.clone(), folder, 900).unwrap().unwrap();
                tree = tiles.compact(900).unwrap();
                growth.clear();
                (900..=1000).for_each(|number| growth.append(&mut tree, leaf(number)));
                tiles.extend(&growth);
            }
        }
        for size in [1, 2, 255, 256, 257, 511, 899, 900, 1001, 1279, 1280, 1500] {
            assert_eq!(tiles.root(size).unwrap(), roots[size as usize], "{size}");
        }
        assert_eq!(tiles.hashes(0, 1390, 20).unwrap(), (1390..1410).map(leaf).collect::<Vec<_>>());
        assert!(tiles.hashes(0, 1490, 11).is_err());
        assert!(tiles.node(9, 5).is_err());

        tiles.save(1500).unwrap();
        assert_eq!(disk.read(&folder.join("L0")).unwrap().len(), 1500 * 32);
        assert_eq!(disk.read(&folder.join("L1")).unwrap().len(), 5 * 32);
        assert!(Tiles::open(disk.clone(), folder, 1501).unwrap().is_none());
        for (level, hash) in [(0, 0), (0, 10), (0, 700), (1, 3)] {
            let path = folder.join(format!("L{level}"));
            let good = disk.read(&path).unwrap();
            let mut bad = good.clone();
            bad[hash * 32 + 5] ^= 1;
            disk.replace(&path, &bad, false).unwrap();
            let tiles = Tiles::open(disk.clone(), folder, 1500).unwrap().unwrap();
            // The tile (0, 3) is told from the wrong hash above it by whoever compares the root first.
            let (level, tile) = if level == 1 { (0, hash) } else { (level, hash / 256) };
            let wrong = (folder.join(format!("L{level}")), tile as u64 * 8192);
            assert_eq!(tiles.first_wrong(1500, &|_, _| ()).unwrap(), Some(wrong));
            disk.replace(&path, &good, false).unwrap();
        }
        let tiles = Tiles::open(disk.clone(), folder, 1500).unwrap().unwrap();
        assert_eq!(tiles.first_wrong(1500, &|_, _| ()).unwrap(), None);
        assert_eq!(Tiles::open(disk, folder, 1500).unwrap().unwrap().root(1499).unwrap(), roots[1499]);
    }
}
