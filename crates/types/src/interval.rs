//! Intervals: months, days and microseconds kept apart (PostgreSQL 15, 8.5.4).

/// Arithmetic on each part is checked. `PartialEq`, `Ord` and `Hash` compare as SQL does (a month is 30 days, a
/// day 24 hours), so `'1 month' = '30 days'`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Interval {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

impl Interval {
    /// Total microseconds with 30-day months and 24-hour days: what comparison, hashing and keys use.
    pub fn normalised(&self) -> i128 {
        ((self.months as i128 * 30 + self.days as i128) * 86_400_000_000) + self.micros as i128
    }
}

impl PartialEq for Interval {
    fn eq(&self, other: &Interval) -> bool {
        self.normalised() == other.normalised()
    }
}
impl Eq for Interval {}
impl Ord for Interval {
    fn cmp(&self, other: &Interval) -> std::cmp::Ordering {
        self.normalised().cmp(&other.normalised())
    }
}
impl PartialOrd for Interval {
    fn partial_cmp(&self, other: &Interval) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl std::hash::Hash for Interval {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.normalised().hash(state);
    }
}
