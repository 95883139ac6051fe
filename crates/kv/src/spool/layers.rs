//! Runs under a table of versions in memory: what both have together is one state.
//!
//! The table has moved what it held into a run, again and again; or each run is what one transaction has committed.
//! A version is told by its stamp, wherever it is, and the newest that a reader may see is the one.

use super::{Merge, Run, Spool, Versions};
use crate::history::Family;
use crate::recent::{self, Stamped};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use types::Result;

#[derive(Clone)]
pub(crate) struct Layer {
    pub run: Arc<Run>,
    /// Instead of those in the run: of a transaction that had no number yet.
    pub stamp: Option<u64>,
    /// How often it was merged.
    level: u32,
}

#[derive(Clone, Default)]
pub(crate) struct Layers {
    /// Oldest first.
    layers: Vec<Layer>,
    /// Stamps that were taken back, ascending: above the first up to the second.
    dead: Vec<(u64, u64)>,
}

/// So many runs are merged into one, and so many of those again.
const FAN_IN: usize = 16;

impl Layer {
    fn newest(&self) -> u64 {
        self.stamp.unwrap_or(self.run.newest)
    }
}

impl Layers {
    pub(crate) fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.layers.len()
    }

    pub(crate) fn has(&self, family: Family) -> bool {
        self.layers.iter().any(|layer| layer.run.keys[family as usize] > 0)
    }

    pub(crate) fn push(&mut self, run: Arc<Run>, stamp: Option<u64>) {
        self.layers.push(Layer { run, stamp, level: 0 });
    }

    /// Forgets the run of a transaction.
    pub(crate) fn remove(&mut self, stamp: u64) {
        self.layers.retain(|layer| layer.stamp != Some(stamp));
    }

    /// Takes back what was written above `after`, up to `upto`, where that is in a run.
    pub(crate) fn take_back(&mut self, mut after: u64, upto: u64) {
        self.layers.retain(|layer| layer.run.oldest <= after);
        if !self.layers.iter().any(|layer| layer.newest() > after) {
            return;
        }
        while let Some(&(before, end)) = self.dead.last()
            && end >= after
        {
            after = after.min(before);
            self.dead.pop();
        }
        self.dead.push((after, upto));
    }

    fn is_dead(&self, stamp: u64) -> bool {
        self.dead.iter().any(|(after, upto)| stamp > *after && stamp <= *upto)
    }

    /// A key's newest version not newer than `stamp`: `found` in memory, or one here.
    pub(crate) fn at<B: From<Vec<u8>>>(
        &self,
        family: Family,
        key: &[u8],
        stamp: u64,
        mut found: Option<(u64, B)>,
    ) -> Result<Option<(u64, B)>> {
        for layer in self.layers.iter().rev() {
            let oldest = layer.stamp.unwrap_or(layer.run.oldest);
            if found.as_ref().is_some_and(|(have, _)| *have >= layer.newest()) || oldest > stamp {
                continue;
            }
            let Some(versions) = layer.run.get(family, key)? else { continue };
            let seen = versions
                .all
                .into_iter()
                .map(|(own, body)| (layer.stamp.unwrap_or(own), body))
                .find(|(own, _)| *own <= stamp && !self.is_dead(*own));
            if let Some((own, body)) = seen
                && found.as_ref().is_none_or(|(have, _)| *have < own)
            {
                found = Some((own, body.into()));
            }
        }
        Ok(found)
    }

    /// All of a key's versions, in no order.
    pub(crate) fn all(&self, family: Family, key: &[u8]) -> Result<Vec<(u64, Vec<u8>)>> {
        let mut all = Vec::new();
        for layer in &self.layers {
            let versions = layer.run.get(family, key)?.map(|versions| versions.all).unwrap_or_default();
            all.extend(versions.into_iter().map(|(own, body)| (layer.stamp.unwrap_or(own), body)));
        }
        all.retain(|(stamp, _)| !self.is_dead(*stamp));
        Ok(all)
    }

    /// Adds what is here to `above`, the same range of the table in memory.
    pub(crate) fn range(
        &self,
        above: recent::Run<Stamped>,
        family: Family,
        (from, to): (Bound<&[u8]>, Bound<&[u8]>),
        backward: bool,
        stamp: u64,
        limit: usize,
    ) -> Result<recent::Run<Stamped>> {
        if !self.has(family) {
            return Ok(above);
        }
        let mut end = above.end.clone();
        let mut items = BTreeMap::new();
        let mut merge = Merge::new(self.layers.iter(), family, from, to, backward)?;
        let mut seen = 0;
        while let Some(Versions { key, all }) = merge.next()? {
            if end.as_ref().is_some_and(|end| if backward { key < *end } else { key > *end }) {
                break;
            }
            seen += 1;
            if seen == limit {
                end = Some(key.clone());
            }
            if let Some(newest) = all.into_iter().find(|(own, _)| *own <= stamp && !self.is_dead(*own)) {
                items.insert(key, newest);
            }
        }
        for (key, stamp, body) in above.items {
            let within = end.as_ref().is_none_or(|end| if backward { key >= *end } else { key <= *end });
            if within && items.get(&key).is_none_or(|(below, _)| *below < stamp) {
                items.insert(key, (stamp, body));
            }
        }
        let mut items: Vec<_> = items.into_iter().map(|(key, (stamp, body))| (key, stamp, body)).collect();
        if backward {
            items.reverse();
        }
        Ok(recent::Run { items, end })
    }

    /// Every key's newest version, in key order.
    pub(crate) fn tops(&self, family: Family) -> Result<Tops<'_>> {
        Ok(Tops { merge: Merge::all(self.layers.iter(), family)?, layers: self })
    }

    /// Versions that there are, about.
    pub(crate) fn keys(&self) -> u64 {
        self.layers.iter().flat_map(|layer| layer.run.keys).sum()
    }

    /// Merges the newest runs where there are many of one level, so that a reader never has many to ask.
    pub(crate) fn compact(&mut self, spool: &Spool) -> Result<()> {
        while let Some(from) = self.layers.len().checked_sub(FAN_IN) {
            let last = self.layers.get(from..).unwrap_or_default();
            let Some(level) = last.first().map(|layer| layer.level) else { return Ok(()) };
            if last.iter().any(|layer| layer.level != level) {
                return Ok(());
            }
            let mut writer = spool.write(last.iter().flat_map(|layer| layer.run.keys).sum())?;
            for family in Family::ALL {
                let mut merge = Merge::all(last.iter(), family)?;
                while let Some(Versions { key, all }) = merge.next()? {
                    for (stamp, body) in all.iter().filter(|(stamp, _)| !self.is_dead(*stamp)) {
                        writer.push(family, &key, *stamp, body)?;
                    }
                }
            }
            let run = writer.finish()?;
            self.layers.truncate(from);
            self.layers.push(Layer { run, stamp: None, level: level + 1 });
        }
        Ok(())
    }
}

pub(crate) struct Tops<'a> {
    merge: Merge,
    layers: &'a Layers,
}

impl Tops<'_> {
    pub(crate) fn next(&mut self) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        while let Some(Versions { key, all }) = self.merge.next()? {
            if let Some((_, body)) = all.into_iter().find(|(stamp, _)| !self.layers.is_dead(*stamp)) {
                return Ok(Some((key, body)));
            }
        }
        Ok(None)
    }
}
