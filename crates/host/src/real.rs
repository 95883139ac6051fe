//! The real host: this machine's file systems, clock and randomness. Unix.

use crate::{Clock, Disk, File, Lock, OpenMode, Random};
use std::cell::RefCell;
use std::fs::{self, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// File systems of this machine.
#[derive(Debug, Clone, Copy)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn File>> {
        let mut options = OpenOptions::new();
        options.read(true);
        match mode {
            OpenMode::Read => {}
            OpenMode::Write => {
                options.write(true);
            }
            OpenMode::Create => {
                options.write(true).create(true);
            }
            OpenMode::CreateNew { private } => {
                options.write(true).create_new(true);
                if private {
                    options.mode(0o600);
                }
            }
        }
        Ok(Box::new(RealFile(options.open(path)?)))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name();
            names.push(name.into_string().map_err(|name| {
                io::Error::new(io::ErrorKind::InvalidData, format!("file name {name:?} is not UTF-8"))
            })?);
        }
        names.sort();
        Ok(names)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        // An empty parent is the working directory.
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        fs::File::open(path)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(RealLock(file))),
            Err(TryLockError::WouldBlock) => Err(io::Error::new(
                io::ErrorKind::WouldBlock,
                format!("{} is in use by another process", path.display()),
            )),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        Some(path.to_path_buf())
    }
}

struct RealFile(fs::File);

impl File for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(bytes, offset)
    }
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// An flock(2) on an open file: the kernel releases it with the last handle, even after kill -9.
struct RealLock(fs::File);

impl Lock for RealLock {}

impl Drop for RealLock {
    fn drop(&mut self) {
        // Closing releases it too; saying so keeps the field in use and the intent in sight.
        self.0.unlock().ok();
    }
}

/// This machine's clocks.
#[derive(Debug)]
pub struct RealClock {
    started: Instant,
}

impl RealClock {
    pub fn new() -> RealClock {
        RealClock { started: Instant::now() }
    }
}

impl Default for RealClock {
    fn default() -> RealClock {
        RealClock::new()
    }
}

impl Clock for RealClock {
    fn now_us(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |us| -us),
        }
    }
    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// The operating system's randomness.
#[derive(Debug)]
pub struct RealRandom(());

impl RealRandom {
    /// Panics where the operating system has no randomness to give: found here, at start, not in a commit.
    pub fn new() -> RealRandom {
        let random = RealRandom(());
        random.fill(&mut [0; 1]);
        random
    }
}

impl Default for RealRandom {
    fn default() -> RealRandom {
        RealRandom::new()
    }
}

impl Random for RealRandom {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() > SALT_BYTES {
            return from_system(bytes);
        }
        POOL.with_borrow_mut(|pool| {
            if pool.left < bytes.len() {
                from_system(&mut pool.bytes);
                pool.left = POOL_BYTES;
            }
            // What was given out is nowhere else.
            pool.left -= bytes.len();
            let taken = &mut pool.bytes[pool.left..][..bytes.len()];
            bytes.copy_from_slice(taken);
            taken.fill(0);
        });
    }
}

/// Fetched for many salts at a time: each row has one, and a system call costs more than hashing it. Longer requests
/// (keys) do not come from here.
struct Pool {
    bytes: [u8; POOL_BYTES],
    left: usize,
}

const POOL_BYTES: usize = 1_024;
const SALT_BYTES: usize = 16;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL_BYTES], left: 0 }) };
}

fn from_system(bytes: &mut [u8]) {
    // Salts that are not random would be silent loss of secrecy: stop rather than go on.
    getrandom::fill(bytes).expect("the operating system gives no randomness");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_salt_is_given_twice() {
        let random = RealRandom::new();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..10_000 {
            let mut salt = [0; SALT_BYTES];
            random.fill(&mut salt);
            assert!(salt != [0; SALT_BYTES] && seen.insert(salt));
        }
        // Of every size, across the pool's end.
        for size in 0..200 {
            let (mut one, mut other) = (vec![0; size], vec![0; size]);
            random.fill(&mut one);
            random.fill(&mut other);
            assert!(size < 8 || one != other);
        }
    }

    #[test]
    fn files_keep_what_is_written_and_refuse_short_reads() {
        let folder = tempfile::tempdir().unwrap();
        crate::memory::tests::exercise_disk(&RealDisk, folder.path());
    }

    #[cfg(unix)]
    #[test]
    fn private_files_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        RealDisk.replace(&path, b"secret", true).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn clocks_move_forward() {
        let clock = RealClock::new();
        assert!(clock.now_us() > 1_700_000_000_000_000);
        let before = clock.monotonic();
        assert!(clock.monotonic() >= before);
    }
}
