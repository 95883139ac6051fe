//! The session settings that decide what a value's text looks like.

use std::sync::{Arc, LazyLock};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateStyle {
    Iso,
    Sql,
    Postgres,
    German,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    Mdy,
    Dmy,
    Ymd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalStyle {
    Postgres,
    PostgresVerbose,
    SqlStandard,
    Iso8601,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteaOutput {
    Hex,
    Escape,
}

/// `DateStyle`, `IntervalStyle`, `TimeZone`, `extra_float_digits`, `bytea_output`.
#[derive(Debug, Clone)]
pub struct TextSettings {
    pub date_style: DateStyle,
    pub date_order: DateOrder,
    pub interval_style: IntervalStyle,
    pub time_zone: Arc<crate::datetime::TimeZone>,
    pub extra_float_digits: i32,
    pub bytea_output: ByteaOutput,
    /// What `now` means in input: the transaction's start, microseconds since 1970-01-01 UTC.
    pub now: i64,
    /// What regclass, regtype and their kin print for an OID; a number where it is not listed. The session, which knows
    /// the catalog, lists what a result holds.
    pub names: Option<Arc<Names>>,
}

/// Names of objects by the reg* type that shows them and their OID.
pub type Names = std::collections::BTreeMap<(crate::DataType, crate::Oid), String>;

impl TextSettings {
    /// Whether constants are read and values printed alike.
    pub fn same_style(&self, other: &TextSettings) -> bool {
        (self.date_style, self.date_order, self.interval_style, self.extra_float_digits, self.bytea_output)
            == (
                other.date_style,
                other.date_order,
                other.interval_style,
                other.extra_float_digits,
                other.bytea_output,
            )
            && (Arc::ptr_eq(&self.time_zone, &other.time_zone) || self.time_zone.name == other.time_zone.name)
    }

    /// What [`TextSettings::same_style`] compares, as a text.
    pub fn style(&self) -> String {
        let TextSettings { date_style, date_order, interval_style, time_zone, extra_float_digits, .. } = self;
        let (zone, bytea) = (&time_zone.name, self.bytea_output);
        format!("{date_style:?} {date_order:?} {interval_style:?} {zone} {extra_float_digits} {bytea:?}")
    }
}

impl Default for TextSettings {
    fn default() -> TextSettings {
        static UTC: LazyLock<Arc<crate::datetime::TimeZone>> =
            LazyLock::new(|| Arc::new(crate::datetime::TimeZone::utc()));
        TextSettings {
            date_style: DateStyle::Iso,
            date_order: DateOrder::Mdy,
            interval_style: IntervalStyle::Postgres,
            time_zone: UTC.clone(),
            extra_float_digits: 1,
            bytea_output: ByteaOutput::Hex,
            now: 0,
            names: None,
        }
    }
}
