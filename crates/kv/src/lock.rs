//! Locks in memory: rows in four strengths, values of unique keys, tables in eight modes, advisory locks; a wait-for
//! graph.
//!
//! One table behind one mutex. A request that conflicts with a lock that is held, or with one that has waited longer,
//! waits in its resource's queue; whoever holds the resource already goes before those that wait for it. Before it
//! sleeps, it looks for itself in the wait-for graph: a cycle that exists only because of the queue's order is
//! resolved by granting out of order, any other ends with 40P01 for the one that would have closed it.
//!
//! Of a transaction with very many locks of rows most are kept in few bytes (`compact`).
//!
//! Nothing here is on disk: after a crash there is no transaction left to hold a lock.

use crate::guard;
use crate::{IndexId, ObjectId};
use compact::CompactLocks;
use foldhash::HashMap;
use held::Grant;
use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use types::{Error, Result, SqlState};

/// Row locks, weakest first (PostgreSQL 15, table 13.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockStrength {
    KeyShare,
    Share,
    NoKeyUpdate,
    Update,
}

/// Table locks, weakest first (PostgreSQL 15, table 13.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableMode {
    AccessShare,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockWait {
    /// Until granted, a deadlock (40P01), `lock_timeout` (55P03) or an interrupt.
    Block,
    /// 55P03 at once.
    Nowait,
    /// Not granted = `false`.
    SkipLocked,
}

/// What is locked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Resource {
    Row(ObjectId, Box<[u8]>),
    Value(IndexId, Box<[u8]>),
    Table(u32),
    Advisory(AdvisoryKey),
}

/// What an advisory lock is on: a number that its users agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AdvisoryKey {
    One(i64),
    Two(i32, i32),
}

/// A transaction, or all of a session.
pub(crate) type Owner = u64;

/// A set of modes: bit n = mode n of its kind of resource.
type Modes = u8;

/// When to stop waiting, and who waits.
#[derive(Clone, Default)]
pub(crate) struct Patience {
    pub timeout: Option<Duration>,
    /// The process that runs the transaction, for deadlock reports, where that has been said.
    pub process: Option<i32>,
    pub interrupt: Option<Arc<dyn Fn() -> Result<()> + Send + Sync>>,
}

/// How often a wait looks at its interrupt.
const POLL: Duration = Duration::from_millis(10);

/// The locks of one database.
pub(crate) struct LockTable {
    state: Mutex<State>,
    /// A transaction's locks of rows and values beyond so many are compact.
    full_limit: usize,
}

#[derive(Default)]
struct State {
    queues: HashMap<Arc<Resource>, Queue>,
    compact: CompactLocks,
    /// What each waiting owner waits for. A transaction waits for one thing at a time.
    waiting: HashMap<Owner, Arc<Resource>>,
}

#[derive(Default)]
struct Queue {
    granted: Vec<(Owner, Modes)>,
    waiting: VecDeque<Waiter>,
}

struct Waiter {
    owner: Owner,
    mode: u8,
    process: Option<i32>,
    wake: Arc<Condvar>,
}

/// Whether `modes` together exclude at least all that `mode` excludes.
fn covers(resource: &Resource, modes: Modes, mode: u8) -> bool {
    let wanted = conflicts(resource, mode);
    (0..8)
        .any(|held| modes & (1 << held) != 0 && held >= mode && conflicts(resource, held) & wanted == wanted)
}

impl LockTable {
    pub(crate) fn new(full_limit: usize) -> LockTable {
        LockTable { state: Mutex::default(), full_limit }
    }

    /// True = granted (or held already). False only with [`LockWait::SkipLocked`].
    pub(crate) fn acquire(
        &self,
        owner: Owner,
        held: &mut Held,
        resource: Resource,
        mode: u8,
        wait: LockWait,
        patience: &Patience,
    ) -> Result<bool> {
        if held.covers(&resource, mode) {
            return Ok(true);
        }
        if (held.is_compact() || held.order.len() >= self.full_limit)
            && self.acquire_compact(owner, held, &resource, mode)?
        {
            return Ok(true);
        }
        let resource = Arc::new(resource);
        if !self.grant(owner, &resource, mode, wait, patience)? {
            return Ok(false);
        }
        *held.modes.entry(resource.clone()).or_default() |= 1 << mode;
        held.order.push(Grant::One(resource, 1 << mode));
        Ok(true)
    }

    /// True: it is held in few bytes. False: that cannot be, because of what it is, or because others hold or want it.
    fn acquire_compact(&self, owner: Owner, held: &mut Held, resource: &Resource, mode: u8) -> Result<bool> {
        let Some(lot) = resource.lot() else { return Ok(false) };
        let mut state = guard::lock(&self.state);
        if held.is_compact() && covers(resource, state.compact.held(owner, resource), mode) {
            return Ok(true);
        }
        if held.order.len() < self.full_limit
            || state.queues.contains_key(resource)
            || state.compact.is_held_beside(owner, resource)
        {
            return Ok(false);
        }
        if held.compact_count >= compact::PRINTS_LIMIT {
            return Err(Error::new(SqlState::OutOfMemory, "out of shared memory")
                .detail("The transaction holds more row locks than there is memory for.")
                .hint("Divide it into smaller ones, or lock the table."));
        }
        let number = match held.open_set(lot, mode) {
            Some(number) => number,
            None => {
                let number = state.compact.begin(owner, lot, mode);
                held.order.push(Grant::Set(lot, mode, number));
                number
            }
        };
        held.compact_count += usize::from(state.compact.add(number, resource));
        Ok(true)
    }

    /// The same without the owner's own list.
    pub(crate) fn grant(
        &self,
        owner: Owner,
        resource: &Arc<Resource>,
        mode: u8,
        wait: LockWait,
        patience: &Patience,
    ) -> Result<bool> {
        let mut state = guard::lock(&self.state);
        let compact = state.compact.show(owner, resource);
        let queue = state.queues.entry(resource.clone()).or_default();
        compact.into_iter().for_each(|(holder, mode)| queue.grant(holder, mode));
        if queue.may_pass(owner, resource, mode) {
            queue.grant(owner, mode);
            return Ok(true);
        }
        match wait {
            LockWait::SkipLocked => Ok(false),
            LockWait::Nowait => Err(not_available(resource)),
            LockWait::Block => {
                drop(state);
                self.wait(owner, resource, mode, patience)?;
                Ok(true)
            }
        }
    }

    /// Frees one mode of one resource.
    pub(crate) fn free(&self, owner: Owner, resource: &Arc<Resource>, mode: u8) {
        guard::lock(&self.state).release(owner, resource, 1 << mode);
    }

    /// Frees what was granted after the first `keep`.
    pub(crate) fn release(&self, owner: Owner, held: &mut Held, keep: usize) {
        if held.order.len() <= keep {
            return;
        }
        let mut state = guard::lock(&self.state);
        held.marked = keep;
        for grant in held.order.drain(keep..) {
            let (resource, modes) = match grant {
                Grant::One(resource, modes) => (resource, modes),
                Grant::Set(lot, _, number) => {
                    let count = state.release_set(owner, lot, number);
                    held.compact_count = held.compact_count.saturating_sub(count);
                    continue;
                }
            };
            state.release(owner, &resource, modes);
            if let Some(left) = held.modes.get_mut(&resource) {
                *left &= !modes;
                if *left == 0 {
                    held.modes.remove(&resource);
                }
            }
        }
    }

    fn wait(&self, owner: Owner, resource: &Arc<Resource>, mode: u8, patience: &Patience) -> Result<()> {
        let wake = Arc::new(Condvar::new());
        let mut state = guard::lock(&self.state);
        let waiter = Waiter { owner, mode, process: patience.process, wake: wake.clone() };
        state.enqueue(waiter, resource);
        // It may have become free between the look and the queue.
        state.promote(resource);
        let started = Instant::now();
        let outcome = loop {
            if !state.waiting.contains_key(&owner) {
                return Ok(());
            }
            if let Some(cycle) = state.cycle(owner) {
                if state.reorder(&cycle) {
                    continue;
                }
                break state.deadlock(&cycle);
            }
            let waited = started.elapsed();
            let left = match patience.timeout {
                Some(timeout) if waited >= timeout => {
                    let message = "canceling statement due to lock timeout";
                    break Error::new(SqlState::LockNotAvailable, message);
                }
                Some(timeout) => timeout - waited,
                None => POLL,
            };
            let (guard, _) =
                wake.wait_timeout(state, left.min(POLL)).unwrap_or_else(|poison| poison.into_inner());
            state = guard;
            if let Some(interrupt) = &patience.interrupt
                && state.waiting.contains_key(&owner)
            {
                drop(state);
                let interrupted = interrupt();
                state = guard::lock(&self.state);
                if let Err(error) = interrupted {
                    break error;
                }
            }
        };
        state.give_up(owner, resource, mode);
        Err(outcome)
    }

    /// Gives all that is held to another owner. 0A000 where a session holds one of the resources beyond its
    /// transaction.
    pub(crate) fn transfer(&self, from: Owner, to: Owner, held: &Held) -> Result<()> {
        let mut state = guard::lock(&self.state);
        let beyond = |(resource, modes): (&Arc<Resource>, &Modes)| {
            let granted = state.queues.get(resource).map(|queue| &queue.granted);
            granted.into_iter().flatten().any(|(owner, all)| *owner == from && all & !modes != 0)
        };
        if held.modes.iter().any(beyond) {
            return Err(Error::new(
                SqlState::FeatureNotSupported,
                "cannot PREPARE while holding both session-level and transaction-level locks on the same object",
            ));
        }
        for resource in held.modes.keys() {
            let granted = state.queues.get_mut(resource).map(|queue| &mut queue.granted);
            if let Some((owner, _)) = granted.into_iter().flatten().find(|(owner, _)| *owner == from) {
                *owner = to;
            }
        }
        Ok(())
    }

    /// What is held and waited for, as text: (owner, resource, mode, granted).
    pub(crate) fn list(&self) -> Vec<(Owner, String, &'static str, bool)> {
        let state = guard::lock(&self.state);
        let mut list = Vec::new();
        for (resource, queue) in &state.queues {
            for &(owner, modes) in &queue.granted {
                for mode in (0..8).filter(|mode| modes & (1 << mode) != 0) {
                    list.push((owner, resource.to_string(), mode_name(resource, mode), true));
                }
            }
            for waiter in &queue.waiting {
                list.push((waiter.owner, resource.to_string(), mode_name(resource, waiter.mode), false));
            }
        }
        list.extend(state.compact.list());
        list.sort();
        list
    }
}

impl Queue {
    /// Whether nothing that is held by others, or that has waited longer, is in the way.
    fn may_pass(&self, owner: Owner, resource: &Resource, mode: u8) -> bool {
        let against = conflicts(resource, mode);
        if self.is_held_against(owner, against) {
            return false;
        }
        let holds = self.granted.iter().any(|(holder, _)| *holder == owner);
        holds || !self.waiting.iter().any(|waiter| waiter.owner != owner && against & (1 << waiter.mode) != 0)
    }

    fn is_held_against(&self, owner: Owner, against: Modes) -> bool {
        self.granted.iter().any(|&(holder, modes)| holder != owner && modes & against != 0)
    }

    fn grant(&mut self, owner: Owner, mode: u8) {
        match self.granted.iter_mut().find(|(holder, _)| *holder == owner) {
            Some((_, modes)) => *modes |= 1 << mode,
            None => self.granted.push((owner, 1 << mode)),
        }
    }
}

impl State {
    fn enqueue(&mut self, new: Waiter, resource: &Arc<Resource>) {
        let owner = new.owner;
        let queue = self.queues.entry(resource.clone()).or_default();
        let mine = queue.granted.iter().find(|(holder, _)| *holder == owner).map_or(0, |&(_, modes)| modes);
        // Those that wait for what this owner holds cannot go before it does.
        let at = queue
            .waiting
            .iter()
            .position(|waiter| conflicts(resource, waiter.mode) & mine != 0)
            .unwrap_or(queue.waiting.len());
        queue.waiting.insert(at, new);
        self.waiting.insert(owner, resource.clone());
    }

    /// Grants, in order, whatever is no longer in conflict.
    fn promote(&mut self, resource: &Arc<Resource>) {
        let Some(queue) = self.queues.get_mut(resource) else { return };
        let mut at = 0;
        let mut ahead: Modes = 0;
        while let Some(waiter) = queue.waiting.get(at) {
            let (owner, mode) = (waiter.owner, waiter.mode);
            let against = conflicts(resource, mode);
            if ahead & against == 0 && !queue.is_held_against(owner, against) {
                queue.grant(owner, mode);
                if let Some(waiter) = queue.waiting.remove(at) {
                    waiter.wake.notify_one();
                }
                self.waiting.remove(&owner);
            } else {
                ahead |= 1 << mode;
                at += 1;
            }
        }
        if queue.granted.is_empty() && queue.waiting.is_empty() {
            self.queues.remove(resource);
        }
    }

    fn release(&mut self, owner: Owner, resource: &Arc<Resource>, modes: Modes) {
        let Some(queue) = self.queues.get_mut(resource) else { return };
        queue.granted.retain_mut(|(holder, held)| {
            if *holder == owner {
                *held &= !modes;
            }
            *held != 0
        });
        self.promote(resource);
    }

    /// Leaves the queue; or, if it was granted at the last moment, gives it back.
    fn give_up(&mut self, owner: Owner, resource: &Arc<Resource>, mode: u8) {
        if self.waiting.remove(&owner).is_none() {
            self.release(owner, resource, 1 << mode);
            return;
        }
        if let Some(queue) = self.queues.get_mut(resource) {
            queue.waiting.retain(|waiter| waiter.owner != owner);
        }
        self.promote(resource);
    }

    /// Whom a waiting owner waits for: holders first, then those before it in the queue.
    fn blockers(&self, owner: Owner) -> Vec<Owner> {
        let Some(resource) = self.waiting.get(&owner) else { return Vec::new() };
        let Some(queue) = self.queues.get(resource) else { return Vec::new() };
        let Some(at) = queue.waiting.iter().position(|waiter| waiter.owner == owner) else {
            return Vec::new();
        };
        let against = conflicts(resource, queue.waiting[at].mode);
        let held = queue.granted.iter().filter(|(holder, modes)| *holder != owner && modes & against != 0);
        let queued = queue.waiting.iter().take(at).filter(|waiter| against & (1 << waiter.mode) != 0);
        held.map(|(holder, _)| *holder).chain(queued.map(|waiter| waiter.owner)).collect()
    }

    /// A cycle of the wait-for graph through `start`, as (who waits, for what, in which mode, for whom).
    fn cycle(&self, start: Owner) -> Option<Vec<Edge>> {
        let mut visited = HashSet::new();
        let mut path: Vec<(Owner, std::vec::IntoIter<Owner>)> =
            vec![(start, self.blockers(start).into_iter())];
        while let Some((_, blockers)) = path.last_mut() {
            match blockers.next() {
                Some(blocker) if blocker == start => {
                    let owners: Vec<Owner> = path.iter().map(|(owner, _)| *owner).collect();
                    let next = owners.iter().skip(1).chain(std::iter::once(&start));
                    return owners
                        .iter()
                        .zip(next)
                        .map(|(&waiter, &blocker)| self.edge(waiter, blocker))
                        .collect();
                }
                Some(blocker) if visited.insert(blocker) => {
                    path.push((blocker, self.blockers(blocker).into_iter()));
                }
                Some(_) => {}
                None => {
                    path.pop();
                }
            }
        }
        None
    }

    fn edge(&self, waiter: Owner, blocker: Owner) -> Option<Edge> {
        let resource = self.waiting.get(&waiter)?;
        let mode = self.waiter(waiter)?.mode;
        Some(Edge { waiter, resource: resource.clone(), mode, blocker })
    }

    /// A waiting owner in its queue.
    fn waiter(&self, owner: Owner) -> Option<&Waiter> {
        let queue = self.queues.get(self.waiting.get(&owner)?)?;
        queue.waiting.iter().find(|queued| queued.owner == owner)
    }

    /// As PostgreSQL tells it, where who waits for a row waits for the transaction that holds it.
    fn deadlock(&self, cycle: &[Edge]) -> Error {
        // In a cycle everybody waits.
        let process = |owner: &Owner| match self.waiter(*owner).and_then(|waiter| waiter.process) {
            Some(process) => process.to_string(),
            None => owner.to_string(),
        };
        let line = |Edge { waiter, resource, mode, blocker }: &Edge| {
            let what = match **resource {
                Resource::Row(..) | Resource::Value(..) => format!("ShareLock on transaction {blocker}"),
                Resource::Table(_) | Resource::Advisory(_) => {
                    format!("{} on {resource}", mode_name(resource, *mode))
                }
            };
            let (waiter, blocker) = (process(waiter), process(blocker));
            format!("Process {waiter} waits for {what}; blocked by process {blocker}.")
        };
        Error::new(SqlState::DeadlockDetected, "deadlock detected")
            .detail(cycle.iter().map(line).collect::<Vec<_>>().join("\n"))
            .hint("See server log for query details.")
    }

    /// Grants one member of a cycle that is held up by the queue's order alone. False = there is none.
    fn reorder(&mut self, cycle: &[Edge]) -> bool {
        for Edge { waiter, resource, mode, .. } in cycle {
            let Some(queue) = self.queues.get_mut(resource) else { continue };
            if queue.is_held_against(*waiter, conflicts(resource, *mode)) {
                continue;
            }
            let Some(at) = queue.waiting.iter().position(|queued| queued.owner == *waiter) else { continue };
            queue.grant(*waiter, *mode);
            if let Some(queued) = queue.waiting.remove(at) {
                queued.wake.notify_one();
            }
            self.waiting.remove(waiter);
            return true;
        }
        false
    }
}

struct Edge {
    waiter: Owner,
    resource: Arc<Resource>,
    mode: u8,
    blocker: Owner,
}

/// What Nowait says; who knows the relation's name adds it.
pub const ROW_NOT_AVAILABLE: &str = "could not obtain lock on row in relation";
pub const RELATION_NOT_AVAILABLE: &str = "could not obtain lock on relation";

fn not_available(resource: &Resource) -> Error {
    let what = match resource {
        Resource::Row(..) | Resource::Value(..) => ROW_NOT_AVAILABLE,
        Resource::Table(..) => RELATION_NOT_AVAILABLE,
        Resource::Advisory(..) => "could not obtain advisory lock",
    };
    Error::new(SqlState::LockNotAvailable, what)
}

/// The modes that conflict with `mode`.
fn conflicts(resource: &Resource, mode: u8) -> Modes {
    let table: &[Modes] = match resource {
        Resource::Row(..) => &ROW_CONFLICTS,
        Resource::Value(..) => &[1],
        Resource::Table(..) => &TABLE_CONFLICTS,
        Resource::Advisory(..) => &session::ADVISORY_CONFLICTS,
    };
    table.get(mode as usize).copied().unwrap_or(Modes::MAX)
}

/// By [`LockStrength`] (PostgreSQL 15, table 13.3).
const ROW_CONFLICTS: [Modes; 4] = [0b1000, 0b1100, 0b1110, 0b1111];

/// By [`TableMode`] (PostgreSQL 15, table 13.2).
const TABLE_CONFLICTS: [Modes; 8] =
    [0b1000_0000, 0b1100_0000, 0b1111_0000, 0b1111_1000, 0b1110_1100, 0b1111_1100, 0b1111_1110, 0b1111_1111];

fn mode_name(resource: &Resource, mode: u8) -> &'static str {
    const ROW: [&str; 4] = ["ForKeyShare", "ForShare", "ForNoKeyUpdate", "ForUpdate"];
    const TABLE: [&str; 8] = [
        "AccessShareLock",
        "RowShareLock",
        "RowExclusiveLock",
        "ShareUpdateExclusiveLock",
        "ShareLock",
        "ShareRowExclusiveLock",
        "ExclusiveLock",
        "AccessExclusiveLock",
    ];
    let names: &[&'static str] = match resource {
        Resource::Row(..) => &ROW,
        Resource::Value(..) => &["ExclusiveLock"],
        Resource::Table(..) => &TABLE,
        Resource::Advisory(..) => &session::ADVISORY_MODES,
    };
    names.get(mode as usize).copied().unwrap_or("Lock")
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |key: &[u8]| key.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        match self {
            Resource::Row(object, key) => write!(f, "row {} of relation {object}", hex(key)),
            Resource::Value(index, key) => write!(f, "value {} of index {index}", hex(key)),
            Resource::Table(oid) => write!(f, "relation {oid}"),
            // As PostgreSQL: the two halves of the key, and whether it was one number or two.
            Resource::Advisory(AdvisoryKey::One(key)) => {
                write!(f, "advisory lock [{},{},1]", (key >> 32) as u32, *key as u32)
            }
            Resource::Advisory(AdvisoryKey::Two(high, low)) => {
                write!(f, "advisory lock [{},{},2]", *high as u32, *low as u32)
            }
        }
    }
}

mod compact;
mod held;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use held::Held;
pub use session::SessionLocks;
