//! Locks in memory: rows in four strengths, values of unique keys, tables in eight modes; a wait-for graph.

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
