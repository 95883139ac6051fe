//! Dates and times: civil arithmetic (own, for PostgreSQL's range 4713 BC to 294276 AD), time zones (`jiff`), parsing
//! and printing in every DateStyle, truncation, extraction, intervals added and subtracted.

/// A time zone as `SET TimeZone` names it: an IANA name, an abbreviation, or a fixed offset.
#[derive(Debug, Clone)]
pub struct TimeZone {
    /// As `SHOW TimeZone` prints it.
    pub name: String,
    zone: jiff::tz::TimeZone,
}

impl TimeZone {
    pub fn utc() -> TimeZone {
        TimeZone { name: "UTC".into(), zone: jiff::tz::TimeZone::UTC }
    }

    /// 22023 for a name that is none.
    pub fn parse(_name: &str) -> crate::Result<TimeZone> {
        todo!()
    }

    /// Seconds east of UTC in force at `micros` (UTC).
    pub fn offset_at(&self, _micros: i64) -> i32 {
        let _ = &self.zone;
        todo!()
    }

    /// The UTC microseconds of a local time. A gap uses the offset before it, a fold the offset after (PostgreSQL).
    pub fn to_utc(&self, _local_micros: i64) -> i64 {
        todo!()
    }
}
