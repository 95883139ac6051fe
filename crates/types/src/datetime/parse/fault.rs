//! Errors of dates, times and intervals, before the text and the type are named.

use crate::{Error, err};

/// Why a text is no date or time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    Format,
    Range,
    /// A month or day out of range: perhaps the fields come in another order.
    MonthDay,
    Interval,
    Displacement,
    Other(Error),
}

impl Fault {
    pub(crate) fn error(self, text: &str, type_name: &str) -> Error {
        match self {
            Fault::Format => {
                err!(InvalidDatetimeFormat, "invalid input syntax for type {type_name}: \"{text}\"")
            }
            Fault::Range => err!(DatetimeFieldOverflow, "date/time field value out of range: \"{text}\""),
            Fault::MonthDay => err!(DatetimeFieldOverflow, "date/time field value out of range: \"{text}\"")
                .hint("Perhaps you need a different \"datestyle\" setting."),
            Fault::Interval => err!(IntervalFieldOverflow, "interval field value out of range: \"{text}\""),
            Fault::Displacement => {
                err!(InvalidTimeZoneDisplacementValue, "time zone displacement out of range: \"{text}\"")
            }
            Fault::Other(error) => error,
        }
    }
}
