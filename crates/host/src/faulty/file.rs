//! An open file and a held lock of the faulty disk: of no use once their process has ended.

use super::{Failure, FaultyDisk, State, Write, failure, no_room};
use crate::memory::{copy_in, copy_out, to_usize};
use crate::{File, Lock};
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::MutexGuard;

pub(super) struct FaultyFile {
    pub disk: FaultyDisk,
    pub number: usize,
    pub generation: u64,
    pub writable: bool,
}

impl FaultyFile {
    fn take_time(&self) {
        let takes = self.disk.state().writes_take;
        if !takes.is_zero() {
            std::thread::sleep(takes);
        }
    }

    /// The state, if this handle lives; and whether this call is to fail.
    fn call(&self, writes: bool) -> io::Result<(MutexGuard<'_, State>, bool)> {
        let mut state = self.disk.state();
        let fails = state.turn_to_fail();
        if state.generation != self.generation {
            return Err(io::Error::other("opened before the crash"));
        }
        if writes && !self.writable {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "opened for reading"));
        }
        Ok((state, fails))
    }
}

impl File for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        match self.call(false)? {
            (_, true) => Err(failure()),
            (state, false) => Ok(state.files[self.number].live.len() as u64),
        }
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let (mut state, fails) = self.call(false)?;
        if fails {
            return Err(failure());
        }
        if let Some((at, Failure::ShortRead)) = state.fail
            && state.calls >= at
        {
            state.fail = None;
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "injected short read"));
        }
        copy_out(&state.files[self.number].live, bytes, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.take_time();
        let (mut state, fails) = self.call(true)?;
        let end = offset.saturating_add(bytes.len() as u64);
        let growth = end.saturating_sub(state.files[self.number].live.len() as u64);
        let room =
            state.capacity_bytes.map_or(u64::MAX, |capacity| capacity.saturating_sub(state.used_bytes()));
        // A write that fails has written any prefix of its bytes.
        let (written, result) = if fails {
            (state.random.below(bytes.len() as u64 + 1) as usize, Err(failure()))
        } else if state.is_full() {
            (state.random.below(bytes.len() as u64 + 1) as usize, Err(no_room()))
        } else if growth > room {
            let fits = (bytes.len() as u64).saturating_sub(growth - room) as usize;
            (fits, Err(no_room()))
        } else {
            (bytes.len(), Ok(()))
        };
        if written > 0 {
            let content = &mut state.files[self.number];
            copy_in(&mut content.live, &bytes[..written], offset)?;
            content.unsynced.push(Write::Bytes(offset, bytes[..written].to_vec()));
        }
        result
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let (mut state, fails) = self.call(true)?;
        if fails {
            return Err(failure());
        }
        if state.is_full() && len > state.files[self.number].live.len() as u64 {
            return Err(no_room());
        }
        let content = &mut state.files[self.number];
        content.live.resize(to_usize(len)?, 0);
        content.unsynced.push(Write::Length(len));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.take_time();
        let (mut state, fails) = self.call(false)?;
        let content = &mut state.files[self.number];
        let writes = std::mem::take(&mut content.unsynced);
        if fails {
            content.limbo.extend(writes);
            return Err(failure());
        }
        for write in writes {
            // What is on the platter now no older write can undo.
            content.limbo.retain(|old| matches!(old, Write::Bytes(..)));
            match write {
                Write::Bytes(offset, bytes) => {
                    content.limbo.iter_mut().for_each(|old| old.overwrite(offset, &bytes));
                    copy_in(&mut content.durable, &bytes, offset)?;
                }
                Write::Length(len) => {
                    content.limbo.iter_mut().for_each(|old| old.cut(len));
                    content.durable.resize(to_usize(len)?, 0);
                }
            }
        }
        Ok(())
    }
}

pub(super) struct FaultyLock {
    pub disk: FaultyDisk,
    pub path: PathBuf,
    pub generation: u64,
}

impl Lock for FaultyLock {}

impl Drop for FaultyLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.generation == self.generation {
            state.locked.remove(&self.path);
        }
    }
}
