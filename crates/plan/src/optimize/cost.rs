//! What work costs, in about microseconds of one core.

/// A row of a scan: 0.05 where its columns are in memory, 1 where they are not.
pub(super) const ROW: f64 = 0.3;
/// Finding where a span of keys begins.
pub(super) const SEEK: f64 = 2.0;
/// A row found by a secondary index: its entry, then the row by its key.
pub(super) const ROW_BY_INDEX: f64 = 6.0;
/// A row into a hash table, and one that looks for its partners there.
pub(super) const HASH: f64 = 0.5;
pub(super) const PROBE: f64 = 0.4;
/// Running the inner side of a nested loop once more.
pub(super) const APPLY: f64 = 1.0;
/// A pair of rows that a nested loop looks at.
pub(super) const PAIR: f64 = 0.1;
/// A step of a sort: each row takes as many as the logarithm of their number.
pub(super) const SORT: f64 = 0.06;
