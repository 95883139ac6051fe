//! The tree in tile files.
//!
//! ```text
//!   tiles/L0   leaf hashes, 32 bytes each
//!   tiles/L1   roots of 256 leaves each = level 8 of the tree
//!   tiles/L2   level 16, ...
//! ```
//! Tile (l, n) of C2SP tlog-tiles is bytes [8192·n, 8192·(n+1)) of file l. Hashes of the levels between are made from the
//! next file below. Derived from the log, and proven by the signed checkpoint.
//!
//! Not one hash is believed because it is in a file. The last tile of each level, which is not complete, is in memory with
//! all that is not on disk yet: whoever opens the files compares the root of these few with the signed one. A complete
//! tile is compared when it is read with the hash above it, which is in memory or in a tile that was compared itself. One
//! that is wrong is an error and never a hash; a file `wrong` beside the tiles tells the next start to make them again.

use crate::fault::disk_error;
use crate::guard::{lock, read, write};
use host::{Disk, File, OpenMode};
use proof::hash::{self, Hash, Sha2};
use proof::tree::{self, Compact};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use types::{Error, Result};

/// Tree levels per file.
const FILE_LEVELS: u32 = 8;
/// Hashes of a tile.
const TILE_HASHES: u64 = 1 << FILE_LEVELS;

/// Tiles that were read are kept, 8 KiB each, and dropped beyond this many.
const KEPT_TILES_MAX: usize = 256;

pub struct Tiles {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    levels: RwLock<Vec<Level>>,
    /// Held while files are written.
    saving: Mutex<()>,
    /// By level and number.
    kept: Mutex<HashMap<(u32, u64), Tile>>,
    /// The first tile that was found wrong.
    wrong: OnceLock<Error>,
}

/// Complete, and compared.
type Tile = Arc<Vec<Hash>>;

struct Level {
    file: Option<Arc<dyn File>>,
    /// Hashes in the file.
    stored: u64,
    /// The first hash in memory: a tile's first.
    start: u64,
    /// The file's last tile, where it is not complete, and what comes after it.
    recent: Vec<Hash>,
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
    /// The files as they must be for a tree of `size`: longer ones are cut. None if they hold less. Nothing is compared
    /// yet: [`Tiles::root`] of this size is made of what is in memory, and tells whether that is right.
    pub fn open(disk: Arc<dyn Disk>, folder: &Path, size: u64) -> Result<Option<Tiles>> {
        let mut levels = Vec::new();
        for level in 0.. {
            let stored = count(size, level);
            let path = level_path(folder, level);
            if !disk.exists(&path) {
                if stored > 0 {
                    return Ok(None);
                }
                break;
            }
            let file = disk
                .open(&path, OpenMode::Write)
                .map_err(|error| disk_error("could not open", &path, &error))?;
            let failed = |error| disk_error("could not read", &path, &error);
            let length = file.len().map_err(failed)?;
            if length < stored * 32 {
                return Ok(None);
            }
            if length > stored * 32 {
                file.set_len(stored * 32).map_err(|error| disk_error("could not truncate", &path, &error))?;
            }
            let start = tile_start(stored);
            let recent = read_hashes(&*file, start, (stored - start) as usize).map_err(failed)?;
            levels.push(Level { file: Some(Arc::from(file)), stored, start, recent });
        }
        Ok(Some(Tiles {
            disk,
            folder: folder.to_path_buf(),
            levels: RwLock::new(levels),
            saving: Mutex::new(()),
            kept: Mutex::default(),
            wrong: OnceLock::new(),
        }))
    }

    pub fn extend(&self, growth: &Growth) {
        let mut levels = write(&self.levels);
        for (level, hash) in &growth.0 {
            while levels.len() <= *level {
                levels.push(Level { file: None, stored: 0, start: 0, recent: Vec::new() });
            }
            levels[*level].recent.push(*hash);
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
                let Level { file, stored, start, recent } = &levels[level];
                let new = count(size, level as u32).saturating_sub(*stored) as usize;
                let from = (stored - start) as usize;
                let new =
                    recent.get(from..from + new).ok_or_else(|| Error::internal("tiles behind the tree"))?;
                (file.clone(), *stored, new.concat())
            };
            if bytes.is_empty() {
                continue;
            }
            let path = self.path(level as u32);
            let file = match file {
                Some(file) => file,
                None => self.create(&path)?,
            };
            file.write_all_at(&bytes, stored * 32)
                .map_err(|error| disk_error("could not write", &path, &error))?;
            file.sync().map_err(|error| disk_error("could not fsync", &path, &error))?;
            let mut levels = write(&self.levels);
            let level = &mut levels[level];
            level.stored += (bytes.len() / 32) as u64;
            level.file = Some(file);
            let start = tile_start(level.stored);
            level.recent.drain(..(start - level.start) as usize);
            level.start = start;
        }
        Ok(())
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        if !self.disk.is_dir(&self.folder) {
            let made = self.disk.make_folder(&self.folder);
            made.map_err(|error| disk_error("could not create", &self.folder, &error))?;
        }
        let file = self.disk.open(path, OpenMode::Create);
        let file = file.map_err(|error| disk_error("could not open", path, &error))?;
        let synced = self.disk.sync_dir(&self.folder);
        synced.map_err(|error| disk_error("could not fsync", &self.folder, &error))?;
        Ok(Arc::from(file))
    }

    /// Leaf hashes `start..start + count`.
    pub fn leaves(&self, start: u64, count: usize) -> Result<Vec<Hash>> {
        let mut leaves = Vec::with_capacity(count);
        while leaves.len() < count {
            let next = start + leaves.len() as u64;
            let in_tile = (tile_start(next) + TILE_HASHES - next).min((count - leaves.len()) as u64);
            leaves.extend(self.hashes(0, next, in_tile as usize)?);
        }
        Ok(leaves)
    }

    /// One leaf hash.
    pub fn leaf(&self, index: u64) -> Result<Hash> {
        let (tile, within) = (index / TILE_HASHES, (index % TILE_HASHES) as usize);
        if let Some(leaf) = lock(&self.kept).get(&(0, tile)).and_then(|tile| tile.get(within)) {
            return Ok(*leaf);
        }
        self.node(0, index)
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

    /// The first tile that was found wrong since the files were opened.
    pub fn wrong(&self) -> Option<&Error> {
        self.wrong.get()
    }

    /// Hashes of one tile of a file level.
    fn hashes(&self, level: u32, start: u64, count: usize) -> Result<Vec<Hash>> {
        let missing = || {
            Error::internal(format!(
                "the tree has no hashes {start} to {} in \"{}\"",
                start + count as u64,
                self.path(level).display()
            ))
        };
        if let Some(level) = read(&self.levels).get(level as usize)
            && let Some(skip) = start.checked_sub(level.start)
        {
            let skip = skip as usize;
            return level.recent.get(skip..skip + count).map(<[Hash]>::to_vec).ok_or_else(missing);
        }
        let tile = self.tile(level, start / TILE_HASHES)?;
        let skip = (start % TILE_HASHES) as usize;
        tile.get(skip..skip + count).map(<[Hash]>::to_vec).ok_or_else(missing)
    }

    /// A complete tile of a file: it has the hash above it.
    fn tile(&self, level: u32, number: u64) -> Result<Tile> {
        if let Some(tile) = lock(&self.kept).get(&(level, number)) {
            return Ok(tile.clone());
        }
        let file = read(&self.levels).get(level as usize).and_then(|level| level.file.clone());
        let file = file.ok_or_else(|| Error::internal("a tile of no file"))?;
        // What is in the file never changes: no lock is needed.
        let hashes = read_hashes(&*file, number * TILE_HASHES, TILE_HASHES as usize)
            .map_err(|error| disk_error("could not read", &self.path(level), &error))?;
        let above = self.hashes(level + 1, number, 1)?;
        if fold(hashes.clone()).as_ref() != above.first() {
            return Err(self.found_wrong(level, number));
        }
        let tile = Arc::new(hashes);
        let mut kept = lock(&self.kept);
        if kept.len() >= KEPT_TILES_MAX {
            kept.clear();
        }
        kept.insert((level, number), tile.clone());
        Ok(tile)
    }

    fn found_wrong(&self, level: u32, number: u64) -> Error {
        let leaves = |number: u64| number.checked_shl(FILE_LEVELS * (level + 1)).unwrap_or(0);
        let what = format!(
            "tile file \"{}\", offset {}, transactions {} to {}: the tile does not have the hash that the tree proves",
            self.path(level).display(),
            number * TILE_HASHES * 32,
            leaves(number),
            leaves(number + 1).wrapping_sub(1)
        );
        let error = Error::corrupted(what.as_str())
            .detail("Only the tree is damaged, which is derived: the log says what was committed.")
            .hint("Restart the server: it makes the tiles again from the log.");
        if self.wrong.set(error.clone()).is_ok() {
            // Should this fail, the next one who reads the tile says it again.
            let _ = self.disk.replace(&self.folder.join(WRONG_FILE), what.as_bytes(), false);
        }
        error
    }

    pub fn compact(&self, size: u64) -> Result<Compact<Sha2>> {
        Compact::load(size, |level, index| self.node(level, index))
    }

    fn path(&self, level: u32) -> PathBuf {
        level_path(&self.folder, level)
    }
}

const WRONG_FILE: &str = "wrong";

/// What a reader has found wrong with the tiles in `folder`.
pub fn found_wrong(disk: &dyn Disk, folder: &Path) -> Option<String> {
    let path = folder.join(WRONG_FILE);
    if !disk.exists(&path) {
        return None;
    }
    let what = disk.read(&path).unwrap_or_default();
    Some(String::from_utf8_lossy(&what).into_owned())
}

fn read_hashes(file: &dyn File, start: u64, count: usize) -> std::io::Result<Vec<Hash>> {
    let mut bytes = vec![0; count * 32];
    file.read_exact_at(&mut bytes, start * 32)?;
    Ok(bytes.as_chunks::<32>().0.to_vec())
}

/// The first hash of the tile that a hash is in.
fn tile_start(hash: u64) -> u64 {
    hash - hash % TILE_HASHES
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
        assert_eq!(tiles.leaves(1200, 200).unwrap(), (1200..1400).map(leaf).collect::<Vec<_>>());
        assert!(tiles.leaves(1490, 11).is_err());
        assert!(tiles.node(9, 5).is_err());

        tiles.save(1500).unwrap();
        assert_eq!(disk.read(&folder.join("L0")).unwrap().len(), 1500 * 32);
        assert_eq!(disk.read(&folder.join("L1")).unwrap().len(), 5 * 32);
        assert!(Tiles::open(disk.clone(), folder, 1501).unwrap().is_none());
        assert_eq!(Tiles::open(disk, folder, 1500).unwrap().unwrap().root(1499).unwrap(), roots[1499]);
    }

    /// Two file levels of complete tiles, by a tree of one leaf again and again.
    #[test]
    fn a_hash_is_right_or_refused_whatever_byte_is_changed() {
        const SIZE: u64 = 70_000;
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::new());
        let folder = Path::new("tiles");
        disk.create_dir_all(folder).unwrap();
        let tiles = Tiles::open(disk.clone(), folder, 0).unwrap().unwrap();
        let (mut tree, mut growth) = (Compact::new(), Growth::default());
        (0..SIZE).for_each(|_| growth.append(&mut tree, leaf(1)));
        tiles.extend(&growth);
        tiles.save(SIZE).unwrap();
        // File, hash changed; the leaf that cannot be read then, and the tile that is named. None: the root tells.
        let cases = [
            (0, 10, Some((300, 100, "L0\", offset 0, transactions 0 to 255:"))),
            (0, 600, Some((100, 700, "L0\", offset 16384, transactions 512 to 767:"))),
            (1, 7, Some((69_000, 100, "L1\", offset 0, transactions 0 to 65535:"))),
            (1, 260, None),
            (0, SIZE - 1, None),
            (2, 0, None),
        ];
        for (level, hash, found) in cases {
            let path = level_path(folder, level);
            let good = disk.read(&path).unwrap();
            let mut bad = good.clone();
            bad[hash as usize * 32 + 5] ^= 1;
            disk.replace(&path, &bad, false).unwrap();
            let tiles = Tiles::open(disk.clone(), folder, SIZE).unwrap().unwrap();
            assert_eq!(tiles.root(SIZE).unwrap() == tree.root(), found.is_some(), "L{level} {hash}");
            if let Some((right, wrong, named)) = found {
                assert_eq!(tiles.leaf(right), Ok(leaf(1)));
                assert!(tiles.wrong().is_none() && found_wrong(&*disk, folder).is_none());
                let error = tiles.leaf(wrong).unwrap_err();
                assert!(error.message.contains(named), "{error}");
                assert!(tiles.root(wrong + 1).is_err() && tiles.leaves(right / 2, 1000).is_err());
                assert_eq!(found_wrong(&*disk, folder).as_ref(), Some(&error.message));
                disk.remove_file(&folder.join(WRONG_FILE)).unwrap();
            }
            disk.replace(&path, &good, false).unwrap();
        }
    }
}
