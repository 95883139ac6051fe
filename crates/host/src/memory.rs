//! A disk in memory. Nothing outlives it; every handle sees every write at once; `sync` does nothing.

use crate::{Disk, File, Lock, OpenMode};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Cheap to clone: clones are the same disk.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    tree: Arc<Mutex<Tree>>,
}

#[derive(Default)]
struct Tree {
    files: BTreeMap<PathBuf, Arc<RwLock<Vec<u8>>>>,
    folders: BTreeSet<PathBuf>,
    locked: BTreeSet<PathBuf>,
}

impl MemoryDisk {
    pub fn new() -> MemoryDisk {
        MemoryDisk::default()
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tree {
    fn is_dir(&self, path: &Path) -> bool {
        is_root(path) || self.folders.contains(path)
    }

    fn parent_exists(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(parent) if self.is_dir(parent) => Ok(()),
            _ => Err(missing(path)),
        }
    }
}

impl Disk for MemoryDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn File>> {
        let mut tree = self.tree();
        if tree.is_dir(path) {
            return Err(io::Error::new(ErrorKind::IsADirectory, path.display().to_string()));
        }
        let existing = tree.files.get(path).cloned();
        let content = match (mode, existing) {
            (OpenMode::CreateNew { .. }, Some(_)) => {
                return Err(io::Error::new(ErrorKind::AlreadyExists, path.display().to_string()));
            }
            (_, Some(content)) => content,
            (OpenMode::Read | OpenMode::Write, None) => return Err(missing(path)),
            (OpenMode::Create | OpenMode::CreateNew { .. }, None) => {
                tree.parent_exists(path)?;
                let content = Arc::new(RwLock::new(Vec::new()));
                tree.files.insert(path.to_path_buf(), content.clone());
                content
            }
        };
        Ok(Box::new(MemoryFile { content, writable: mode != OpenMode::Read }))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut tree = self.tree();
        for folder in path.ancestors().filter(|folder| !is_root(folder)) {
            if tree.files.contains_key(folder) {
                return Err(io::Error::new(ErrorKind::NotADirectory, folder.display().to_string()));
            }
            tree.folders.insert(folder.to_path_buf());
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let tree = self.tree();
        if !tree.is_dir(path) {
            return Err(missing(path));
        }
        let children = tree.files.keys().chain(&tree.folders).filter(|child| child.parent() == Some(path));
        let mut names: Vec<String> =
            children.filter_map(|child| Some(child.file_name()?.to_string_lossy().into_owned())).collect();
        names.sort();
        Ok(names)
    }

    fn exists(&self, path: &Path) -> bool {
        let tree = self.tree();
        tree.is_dir(path) || tree.files.contains_key(path)
    }

    fn is_dir(&self, path: &Path) -> bool {
        self.tree().is_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut tree = self.tree();
        tree.parent_exists(to)?;
        if let Some(content) = tree.files.remove(from) {
            tree.files.insert(to.to_path_buf(), content);
            return Ok(());
        }
        if !tree.folders.contains(from) {
            return Err(missing(from));
        }
        if tree.files.contains_key(to)
            || tree.files.keys().chain(&tree.folders).any(|p| p.parent() == Some(to))
        {
            return Err(io::Error::new(ErrorKind::DirectoryNotEmpty, to.display().to_string()));
        }
        let moved = |path: &PathBuf| match path.strip_prefix(from) {
            Ok(rest) if rest.as_os_str().is_empty() => to.to_path_buf(),
            Ok(rest) => to.join(rest),
            Err(_) => path.clone(),
        };
        tree.folders = tree.folders.iter().map(moved).collect();
        tree.files =
            std::mem::take(&mut tree.files).into_iter().map(|(path, file)| (moved(&path), file)).collect();
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.tree().files.remove(path).map(drop).ok_or_else(|| missing(path))
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut tree = self.tree();
        if !tree.is_dir(path) {
            return Err(missing(path));
        }
        tree.files.retain(|child, _| !child.starts_with(path));
        tree.folders.retain(|child| !child.starts_with(path));
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        if self.is_dir(path) { Ok(()) } else { Err(missing(path)) }
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let mut tree = self.tree();
        if !tree.is_dir(path) {
            return Err(missing(path));
        }
        if !tree.locked.insert(path.to_path_buf()) {
            return Err(io::Error::new(ErrorKind::WouldBlock, format!("{} is in use", path.display())));
        }
        Ok(Box::new(MemoryLock { disk: self.clone(), path: path.to_path_buf() }))
    }

    fn real_path(&self, _path: &Path) -> Option<PathBuf> {
        None
    }
}

struct MemoryFile {
    content: Arc<RwLock<Vec<u8>>>,
    writable: bool,
}

impl MemoryFile {
    fn read(&self) -> RwLockReadGuard<'_, Vec<u8>> {
        self.content.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> io::Result<RwLockWriteGuard<'_, Vec<u8>>> {
        if !self.writable {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "opened for reading"));
        }
        Ok(self.content.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl File for MemoryFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.read().len() as u64)
    }
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        copy_out(&self.read(), bytes, offset)
    }
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        copy_in(&mut *self.write()?, bytes, offset)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.write()?.resize(to_usize(len)?, 0);
        Ok(())
    }
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

struct MemoryLock {
    disk: MemoryDisk,
    path: PathBuf,
}

impl Lock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.disk.tree().locked.remove(&self.path);
    }
}

/// Reads `bytes.len()` bytes at `offset` of `content`; UnexpectedEof where it ends before.
pub(crate) fn copy_out(content: &[u8], bytes: &mut [u8], offset: u64) -> io::Result<()> {
    let start = to_usize(offset)?;
    let found = start.checked_add(bytes.len()).and_then(|end| content.get(start..end));
    let found = found.ok_or_else(|| io::Error::new(ErrorKind::UnexpectedEof, "the file ends before"))?;
    bytes.copy_from_slice(found);
    Ok(())
}

/// Writes at `offset`, filling a gap with zeros.
pub(crate) fn copy_in(content: &mut Vec<u8>, bytes: &[u8], offset: u64) -> io::Result<()> {
    let start = to_usize(offset)?;
    let end = start.checked_add(bytes.len()).ok_or_else(|| io::Error::from(ErrorKind::FileTooLarge))?;
    if content.len() < start {
        content.resize(start, 0);
    }
    let overlap = content.len().min(end) - start;
    content[start..start + overlap].copy_from_slice(&bytes[..overlap]);
    content.extend_from_slice(&bytes[overlap..]);
    Ok(())
}

pub(crate) fn to_usize(number: u64) -> io::Result<usize> {
    usize::try_from(number).map_err(|_| io::Error::from(ErrorKind::FileTooLarge))
}

/// `""` and `"/"` are always there.
pub(crate) fn is_root(path: &Path) -> bool {
    path.as_os_str().is_empty() || path.parent().is_none()
}

pub(crate) fn missing(path: &Path) -> io::Error {
    io::Error::new(ErrorKind::NotFound, format!("{}: no such file or folder", path.display()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What every disk does. `root` exists.
    pub(crate) fn exercise_disk(disk: &dyn Disk, root: &Path) {
        let folder = root.join("a/b");
        let path = folder.join("file");
        assert_eq!(disk.open(&path, OpenMode::Create).err().unwrap().kind(), ErrorKind::NotFound);
        disk.create_dir_all(&folder).unwrap();
        assert!(disk.is_dir(&folder) && !disk.exists(&path));
        assert_eq!(disk.open(&path, OpenMode::Write).err().unwrap().kind(), ErrorKind::NotFound);

        let file = disk.open(&path, OpenMode::CreateNew { private: false }).unwrap();
        assert_eq!(
            disk.open(&path, OpenMode::CreateNew { private: false }).err().unwrap().kind(),
            ErrorKind::AlreadyExists
        );
        file.write_all_at(b"world", 6).unwrap();
        file.write_all_at(b"hello", 0).unwrap();
        file.sync().unwrap();
        disk.sync_dir(&folder).unwrap();
        assert_eq!(disk.read(&path).unwrap(), b"hello\0world");

        let reader = disk.open(&path, OpenMode::Read).unwrap();
        assert!(reader.write_all_at(b"x", 0).is_err());
        let mut four = [0; 4];
        reader.read_exact_at(&mut four, 7).unwrap();
        assert_eq!(&four, b"orld");
        assert_eq!(reader.read_exact_at(&mut four, 8).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        file.set_len(3).unwrap();
        assert_eq!(reader.len().unwrap(), 3);

        disk.replace(&path, b"new", false).unwrap();
        assert_eq!(disk.read(&path).unwrap(), b"new");
        assert_eq!(disk.list(&folder).unwrap(), ["file"]);
        disk.rename(&folder, &root.join("a/c")).unwrap();
        assert_eq!(disk.read(&root.join("a/c/file")).unwrap(), b"new");
        assert_eq!(disk.list(&folder).unwrap_err().kind(), ErrorKind::NotFound);

        let lock = disk.lock(&root.join("a")).unwrap();
        assert_eq!(disk.lock(&root.join("a")).err().unwrap().kind(), ErrorKind::WouldBlock);
        drop(lock);
        drop(disk.lock(&root.join("a")).unwrap());

        disk.remove_file(&root.join("a/c/file")).unwrap();
        assert_eq!(disk.remove_file(&root.join("a/c/file")).unwrap_err().kind(), ErrorKind::NotFound);
        disk.remove_dir_all(&root.join("a")).unwrap();
        assert!(!disk.exists(&root.join("a/c")));
    }

    #[test]
    fn files_keep_what_is_written_and_refuse_short_reads() {
        exercise_disk(&MemoryDisk::new(), Path::new(""));
        exercise_disk(&MemoryDisk::new(), Path::new("/"));
    }
}
