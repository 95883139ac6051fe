//! The index in ordered maps: for tests, `:memory:`, and as the model of the other engines.

use super::{Engine, Keyspace, Visit, Write};
use crate::guard;
use crate::history::is_empty_range;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::RwLock;
use types::Result;

#[derive(Default)]
pub struct MemoryEngine {
    maps: [RwLock<BTreeMap<Vec<u8>, Vec<u8>>>; 7],
}

impl Engine for MemoryEngine {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(guard::read(&self.maps[keyspace as usize]).get(key).cloned())
    }

    fn scan(
        &self,
        keyspace: Keyspace,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        backward: bool,
        visit: &mut Visit,
    ) -> Result<()> {
        if is_empty_range(from, to) {
            return Ok(());
        }
        let map = guard::read(&self.maps[keyspace as usize]);
        let mut range = map.range::<[u8], _>((from, to));
        while let Some((key, value)) = if backward { range.next_back() } else { range.next() } {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn apply(&self, writes: &[Write]) -> Result<()> {
        for Write { keyspace, key, value } in writes {
            let mut map = guard::write(&self.maps[*keyspace as usize]);
            match value {
                Some(value) => map.insert(key.clone(), value.clone()),
                None => map.remove(key),
            };
        }
        Ok(())
    }

    fn checkpoint(&self) -> Result<()> {
        Ok(())
    }

    fn counts(&self) -> Option<[u64; 7]> {
        Some(std::array::from_fn(|at| guard::read(&self.maps[at]).len() as u64))
    }
}
