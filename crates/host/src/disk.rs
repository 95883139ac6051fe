//! Files, as little of them as the engine needs. Paths are relative to nothing: callers give whole ones.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    Read,
    /// Read and write an existing file.
    Write,
    /// Read and write; make it if it is missing.
    Create,
    /// Make it; an error if it exists. On Unix with mode 0600 when `private`.
    CreateNew {
        private: bool,
    },
}

pub trait Disk: Send + Sync {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn File>>;
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Names (not paths) in a folder, sorted. NotFound if there is no such folder.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    fn exists(&self, path: &Path) -> bool;
    fn is_dir(&self, path: &Path) -> bool;
    /// Atomic; durable only after `sync_dir` of both parents.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Takes the folder's lock file for as long as the value lives; an error if another process holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>>;
    /// The real path, where engines that do their own I/O may work; None on disks without one.
    fn real_path(&self, path: &Path) -> Option<PathBuf>;

    /// Makes a folder and those above it, each name durable before the next one is made. The deepest that is there
    /// before may be left by an attempt that was cut short: its name is synced too, where its parent may be read.
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let parent = |folder: &Path| folder.parent().unwrap_or(Path::new("")).to_path_buf();
        let named = path.ancestors().filter(|folder| folder.file_name().is_some());
        let (there, missing): (Vec<&Path>, Vec<&Path>) = named.partition(|folder| self.is_dir(folder));
        if let Some(deepest) = there.first() {
            match self.sync_dir(&parent(deepest)) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                synced => synced?,
            }
        }
        for folder in missing.iter().rev() {
            self.create_dir_all(folder)?;
            self.sync_dir(&parent(folder))?;
        }
        Ok(())
    }

    /// The whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.open(path, OpenMode::Read)?;
        let mut bytes = vec![0; file.len()? as usize];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Replaces a file so that after power loss it is the old or the new one: tmp, sync, rename, sync folder.
    fn replace(&self, path: &Path, bytes: &[u8], private: bool) -> io::Result<()> {
        let tmp = path.with_extension("tmp");
        if self.exists(&tmp) {
            self.remove_file(&tmp)?;
        }
        let file = self.open(&tmp, OpenMode::CreateNew { private })?;
        file.write_all_at(bytes, 0)?;
        file.sync()?;
        drop(file);
        self.rename(&tmp, path)?;
        self.sync_dir(path.parent().unwrap_or(Path::new("")))
    }
}

pub trait File: Send + Sync {
    fn len(&self) -> io::Result<u64>;
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Data (and length) on stable storage: fdatasync.
    fn sync(&self) -> io::Result<()>;
}

/// Released on drop.
pub trait Lock: Send + Sync {}
