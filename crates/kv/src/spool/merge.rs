//! Several runs as one, key after key.

use super::layers::Layer;
use super::run::{RunCursor, Versions};
use crate::history::{Family, is_empty_range};
use std::ops::Bound;
use types::Result;

/// A walk over the keys of a range, each with its versions of all runs, newest first.
pub(crate) struct Merge {
    sources: Vec<Source>,
    to: Bound<Vec<u8>>,
    backward: bool,
}

struct Source {
    cursor: RunCursor,
    stamp: Option<u64>,
    head: Head,
}

enum Head {
    /// Not read yet: nothing before this key can come.
    From(Vec<u8>),
    Unread,
    Key(Versions),
    End,
}

impl Merge {
    /// `from..to` in the family's keys; backward it begins at `to`.
    pub(crate) fn new<'a>(
        layers: impl Iterator<Item = &'a Layer>,
        family: Family,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        backward: bool,
    ) -> Result<Merge> {
        let (start, end) = if backward { (to, from) } else { (from, to) };
        let mut sources = Vec::new();
        for Layer { run, stamp, .. } in layers {
            if run.keys[family as usize] == 0 || is_empty_range(from, to) {
                continue;
            }
            let first = run.first().filter(|(of, first)| {
                !backward
                    && *of == family
                    && match start {
                        Bound::Included(start) | Bound::Excluded(start) => *first > start,
                        Bound::Unbounded => true,
                    }
            });
            let head = first.map_or(Head::Unread, |(_, first)| Head::From(first.to_vec()));
            let run = run.clone();
            let cursor = match (start, backward) {
                // Where it begins behind the start there is nothing to look for.
                _ if matches!(head, Head::From(_)) => RunCursor::at(run, family, &[], false, false)?,
                (Bound::Unbounded, true) => RunCursor::at_end(run, family),
                (Bound::Unbounded, false) => RunCursor::at(run, family, &[], false, false)?,
                // Forward from, and backward up to, the key itself.
                (Bound::Included(key), _) => RunCursor::at(run, family, key, backward, backward)?,
                (Bound::Excluded(key), _) => RunCursor::at(run, family, key, !backward, backward)?,
            };
            sources.push(Source { cursor, stamp: *stamp, head });
        }
        Ok(Merge { sources, to: end.map(<[u8]>::to_vec), backward })
    }

    /// All of a family.
    pub(crate) fn all<'a>(layers: impl Iterator<Item = &'a Layer>, family: Family) -> Result<Merge> {
        Merge::new(layers, family, Bound::Unbounded, Bound::Unbounded, false)
    }

    pub(crate) fn next(&mut self) -> Result<Option<Versions>> {
        for source in &mut self.sources {
            if matches!(source.head, Head::Unread) {
                source.read()?;
            }
        }
        loop {
            let backward = self.backward;
            let keys = self.sources.iter().filter_map(|source| source.head.key());
            let Some(nearest) = (if backward { keys.max() } else { keys.min() }).map(<[u8]>::to_vec) else {
                return Ok(None);
            };
            let beyond = match &self.to {
                Bound::Unbounded => false,
                Bound::Included(to) => {
                    if backward {
                        nearest < *to
                    } else {
                        nearest > *to
                    }
                }
                Bound::Excluded(to) => {
                    if backward {
                        nearest <= *to
                    } else {
                        nearest >= *to
                    }
                }
            };
            if beyond {
                return Ok(None);
            }
            let mut unread = false;
            for source in &mut self.sources {
                if matches!(&source.head, Head::From(first) if *first <= nearest) {
                    source.read()?;
                    unread = true;
                }
            }
            if unread {
                continue;
            }
            let mut merged = Versions { key: nearest, all: Vec::new() };
            for source in &mut self.sources {
                if matches!(&source.head, Head::Key(versions) if versions.key == merged.key)
                    && let Head::Key(versions) = std::mem::replace(&mut source.head, Head::Unread)
                {
                    merged.all.extend(versions.all);
                }
            }
            merged.all.sort_unstable_by_key(|(stamp, _)| std::cmp::Reverse(*stamp));
            return Ok(Some(merged));
        }
    }
}

impl Source {
    fn read(&mut self) -> Result<()> {
        self.head = match self.cursor.next()? {
            None => Head::End,
            Some(mut versions) => {
                if let Some(of_all) = self.stamp {
                    versions.all.iter_mut().for_each(|(stamp, _)| *stamp = of_all);
                }
                Head::Key(versions)
            }
        };
        Ok(())
    }
}

impl Head {
    fn key(&self) -> Option<&[u8]> {
        match self {
            Head::From(key) => Some(key),
            Head::Key(versions) => Some(&versions.key),
            Head::Unread | Head::End => None,
        }
    }
}
