//! Row groups: columns of rows that scans have read, kept in memory for the scans that follow.
//!
//! ```text
//!   keys of an object   [  group  )[   group   )   gap   [  group  )   tail
//!                        columns    columns         │                   │
//!                        dirty      dirty           └ rows, by the next scan made into a group
//! ```
//!
//! A group holds the state of its stretch of keys as of one transaction, and which keys were changed since: those are
//! asked for one by one, the others are as they were. A group with too many such keys goes, and the next scan makes it
//! again. Changes outside groups are remembered for a while, for scans that are about to make one there.
//!
//! It holds only what those who asked wanted (a column that nobody scans is not here), derives from rows, and may be
//! forgotten at any moment. Nothing is kept of an object until a scan asks to ([`RowGroups::open`]).

mod group;
mod scan;

pub(crate) use scan::GroupScan;

use crate::database::{ColumnCache, lock};
use foldhash::{HashMap, HashMapExt};
use group::RowGroup;
use kv::{Keys, ObjectId, Span, TxId, Watch};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

/// A place between keys: before `key`, or right after it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    key: Box<[u8]>,
    after: bool,
}

impl Edge {
    pub fn before(key: &[u8]) -> Edge {
        Edge { key: key.into(), after: false }
    }

    pub fn after(key: &[u8]) -> Edge {
        Edge { key: key.into(), after: true }
    }

    /// Where a span begins.
    fn start_of(span: &Span) -> Edge {
        match &span.from {
            Bound::Included(key) => Edge::before(key),
            Bound::Excluded(key) => Edge::after(key),
            Bound::Unbounded => Edge::before(&[]),
        }
    }

    /// Where it ends; None: nowhere.
    fn end_of(span: &Span) -> Option<Edge> {
        match &span.to {
            Bound::Included(key) => Some(Edge::after(key)),
            Bound::Excluded(key) => Some(Edge::before(key)),
            Bound::Unbounded => None,
        }
    }

    fn is_before(&self, key: &[u8]) -> bool {
        (&*self.key, self.after) <= (key, false)
    }
}

/// The keys from one edge to another.
fn between(from: &Edge, to: Option<&Edge>) -> Span {
    let key = |edge: &Edge| edge.key.to_vec();
    Span {
        from: if from.after { Bound::Excluded(key(from)) } else { Bound::Included(key(from)) },
        to: match to {
            None => Bound::Unbounded,
            Some(to) if to.after => Bound::Included(key(to)),
            Some(to) => Bound::Excluded(key(to)),
        },
    }
}

/// Changed keys, with their newest change.
type Changes = BTreeMap<Box<[u8]>, TxId>;

pub(crate) struct RowGroups {
    memory_bytes: usize,
    /// Where a group ends.
    group_rows: usize,
    all: Mutex<All>,
}

struct All {
    objects: HashMap<ObjectId, Object>,
    /// The newest transaction heard of.
    newest: TxId,
    size_bytes: usize,
    /// Counts scans.
    clock: u64,
}

struct Object {
    /// By their ends; no two overlap.
    groups: BTreeMap<Edge, Kept>,
    /// Changes outside of groups: all that are newer than `floor`.
    loose: Changes,
    floor: TxId,
}

struct Kept {
    start: Edge,
    group: Arc<RowGroup>,
    /// Changes newer than the group.
    dirty: Changes,
    used: u64,
}

/// What lies at a place.
enum At {
    Group {
        group: Arc<RowGroup>,
        dirty: Vec<Box<[u8]>>,
        end: Edge,
    },
    /// No group up to the next one's start.
    Gap(Option<Edge>),
}

/// Changes outside groups that are remembered.
const LOOSE_KEPT: usize = 16_384;
/// One key in so many may be dirty.
const ROWS_PER_DIRTY: usize = 8;
/// A group that so many scans have not met may give way to another.
const SCANS_KEPT: u64 = 4;

impl RowGroups {
    /// For a store that has come to transaction `newest`: it is told of each that follows.
    pub fn new(options: ColumnCache, newest: TxId) -> RowGroups {
        let ColumnCache { memory_bytes, group_rows } = options;
        let memory_bytes = usize::try_from(memory_bytes).unwrap_or(usize::MAX);
        let all = All { objects: HashMap::new(), newest, size_bytes: 0, clock: 0 };
        RowGroups { memory_bytes, group_rows: group_rows.max(1), all: Mutex::new(all) }
    }

    /// Whether a table of about so many rows is worth it.
    pub fn are_worth(&self, rows: f64) -> bool {
        self.memory_bytes > 0 && rows >= (self.group_rows / 8) as f64
    }

    pub fn size_bytes(&self) -> usize {
        lock(&self.all).size_bytes
    }

    /// A scan of an object begins.
    pub fn open(&self, object: ObjectId) {
        let mut all = lock(&self.all);
        all.clock += 1;
        let floor = all.newest;
        let new = || Object { groups: BTreeMap::new(), loose: Changes::new(), floor };
        all.objects.entry(object).or_insert_with(new);
    }

    fn find(&self, object: ObjectId, place: &Edge) -> At {
        let mut all = lock(&self.all);
        let clock = all.clock;
        let Some(object) = all.objects.get_mut(&object) else { return At::Gap(None) };
        let after = (Bound::Excluded(place), Bound::Unbounded);
        match object.groups.range_mut::<Edge, _>(after).next() {
            None => At::Gap(None),
            Some((_, kept)) if kept.start > *place => At::Gap(Some(kept.start.clone())),
            Some((end, kept)) => {
                kept.used = clock;
                let dirty = kept.dirty.keys().cloned().collect();
                At::Group { group: kept.group.clone(), dirty, end: end.clone() }
            }
        }
    }

    /// Keeps a group in place of those that it overlaps, unless there is no room, or what it is made of may have changed
    /// without notice. False = not kept for want of room.
    fn keep(&self, object: ObjectId, start: Edge, end: Edge, group: Arc<RowGroup>) -> bool {
        let mut all = lock(&self.all);
        let all = &mut *all;
        let size_bytes = group.size_bytes();
        if all.size_bytes + size_bytes > self.memory_bytes {
            all.evict();
        }
        if all.size_bytes + size_bytes > self.memory_bytes {
            return false;
        }
        let clock = all.clock;
        let Some(of_object) = all.objects.get_mut(&object) else { return true };
        if group.made_at < of_object.floor {
            return true;
        }
        let Some((dirty, freed_bytes)) = of_object.make_way(&start, &end, group.made_at) else { return true };
        if dirty.len() * ROWS_PER_DIRTY > group.rows() {
            of_object.loose.extend(dirty);
        } else {
            of_object.groups.insert(end, Kept { start, group, dirty, used: clock });
            all.size_bytes += size_bytes;
        }
        all.size_bytes -= freed_bytes;
        true
    }
}

impl All {
    /// Lets groups go that no scan has met lately.
    fn evict(&mut self) {
        let (clock, mut freed_bytes) = (self.clock, 0);
        for object in self.objects.values_mut() {
            let Object { groups, floor, .. } = object;
            groups.retain(|_, kept| {
                let stays = kept.used + SCANS_KEPT >= clock;
                if !stays {
                    freed_bytes += kept.group.size_bytes();
                    *floor = kept.dirty.values().copied().fold(*floor, TxId::max);
                }
                stays
            });
        }
        self.size_bytes -= freed_bytes;
    }
}

impl Object {
    /// Removes the groups that overlap a stretch: what has changed there since `made_at`, and how many bytes came free.
    /// None: one of them is newer.
    fn make_way(&mut self, start: &Edge, end: &Edge, made_at: TxId) -> Option<(Changes, usize)> {
        let after = (Bound::Excluded(start), Bound::Unbounded);
        let overlapping = self.groups.range::<Edge, _>(after).take_while(|(_, kept)| kept.start < *end);
        let mut ends = vec![];
        for (end, kept) in overlapping {
            if kept.group.made_at > made_at {
                return None;
            }
            ends.push(end.clone());
        }
        let mut freed_bytes = 0;
        for end in ends {
            if let Some(kept) = self.groups.remove(&end) {
                freed_bytes += kept.group.size_bytes();
                self.loose.extend(kept.dirty);
            }
        }
        let inside = |key: &[u8]| start.is_before(key) && !end.is_before(key);
        let mut dirty = Changes::new();
        let floor = &mut self.floor;
        self.loose.retain(|key, tx| {
            match inside(key) {
                false => return true,
                true if *tx > made_at => drop(dirty.insert(key.clone(), *tx)),
                true => *floor = (*floor).max(*tx),
            }
            false
        });
        Some((dirty, freed_bytes))
    }

    /// Returns the bytes that came free.
    fn note(&mut self, key: &[u8], tx: TxId) -> usize {
        let after = (Bound::Excluded(Edge::before(key)), Bound::Unbounded);
        let at = self.groups.range_mut::<Edge, _>(after).next();
        let Some((end, kept)) = at.filter(|(_, kept)| kept.start.is_before(key)) else {
            self.loose.insert(key.into(), tx);
            if self.loose.len() > LOOSE_KEPT {
                self.forget(tx);
            }
            return 0;
        };
        kept.dirty.insert(key.into(), tx);
        if kept.dirty.len() * ROWS_PER_DIRTY <= kept.group.rows() {
            return 0;
        }
        let end = end.clone();
        self.floor = tx;
        self.groups.remove(&end).map_or(0, |kept| kept.group.size_bytes())
    }

    fn forget(&mut self, tx: TxId) {
        self.loose.clear();
        self.floor = tx;
    }
}

impl Watch for RowGroups {
    fn changed(&self, tx: TxId, rows: Option<&mut Keys<'_>>) {
        let mut all = lock(&self.all);
        all.newest = tx;
        if all.objects.is_empty() {
            return;
        }
        let Some(rows) = rows else {
            all.objects.clear();
            all.size_bytes = 0;
            return;
        };
        let mut freed_bytes = 0;
        for (object, key) in rows {
            if let Some(object) = all.objects.get_mut(&object) {
                freed_bytes += object.note(key, tx);
            }
        }
        all.size_bytes -= freed_bytes;
    }
}
