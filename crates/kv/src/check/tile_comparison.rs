//! Tile files against the tree of the log, hash by hash, as the tree grows.

use crate::tiles::{count, level_path};
use host::{Disk, File, OpenMode};
use proof::hash::Hash;
use std::path::{Path, PathBuf};

const HASHES_AHEAD: u64 = 256;

pub struct TileComparison<'a> {
    disk: &'a dyn Disk,
    folder: &'a Path,
    levels: Vec<LevelReader>,
}

struct LevelReader {
    path: PathBuf,
    file: Option<Box<dyn File>>,
    length: u64,
    /// Hashes read ahead, and the number of the first.
    ahead: Vec<Hash>,
    first: u64,
}

impl<'a> TileComparison<'a> {
    pub fn new(disk: &'a dyn Disk, folder: &'a Path) -> TileComparison<'a> {
        TileComparison { disk, folder, levels: Vec::new() }
    }

    /// The hash in the files; None where they end before or cannot be read.
    pub fn hash(&mut self, level: usize, index: u64) -> Option<Hash> {
        let reader = self.reader(level);
        let end = reader.first + reader.ahead.len() as u64;
        if !(reader.first..end).contains(&index) {
            let hashes = (reader.length / 32).checked_sub(index)?.min(HASHES_AHEAD);
            let mut bytes = vec![0; hashes as usize * 32];
            reader.file.as_ref()?.read_exact_at(&mut bytes, index * 32).ok()?;
            reader.ahead = bytes.as_chunks::<32>().0.to_vec();
            reader.first = index;
        }
        reader.ahead.get((index - reader.first) as usize).copied()
    }

    pub fn path(&mut self, level: usize) -> PathBuf {
        self.reader(level).path.clone()
    }

    /// Files that are too short for the signed tree, or have more than the log's: (path, offset, what).
    pub fn wrong_lengths(&mut self, signed: u64, ordered: u64) -> Vec<(PathBuf, u64, String)> {
        let mut wrong = Vec::new();
        for level in 0.. {
            let (least, most) = (count(signed, level), count(ordered, level));
            let reader = self.reader(level as usize);
            if reader.length < least * 32 {
                wrong.push((
                    reader.path.clone(),
                    reader.length,
                    format!("the file ends before hash {least}"),
                ));
            } else if reader.length > most * 32 {
                wrong.push((reader.path.clone(), most * 32, "the file goes on beyond the log".into()));
            }
            if most == 0 && reader.length == 0 {
                return wrong;
            }
        }
        wrong
    }

    fn reader(&mut self, level: usize) -> &mut LevelReader {
        while self.levels.len() <= level {
            let path = level_path(self.folder, self.levels.len() as u32);
            let file = self.disk.open(&path, OpenMode::Read).ok();
            let length = file.as_ref().and_then(|file| file.len().ok()).unwrap_or(0);
            self.levels.push(LevelReader { path, file, length, ahead: Vec::new(), first: 0 });
        }
        &mut self.levels[level]
    }
}
