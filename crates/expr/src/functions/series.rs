//! series.

use crate::signature::functions;

#[rustfmt::skip]
functions! {
    1066 "generate_series" (Int4, Int4, Int4) -> Int4 = pending set;
    1067 "generate_series" (Int4, Int4) -> Int4 = pending set;
    1068 "generate_series" (Int8, Int8, Int8) -> Int8 = pending set;
    1069 "generate_series" (Int8, Int8) -> Int8 = pending set;
    3259 "generate_series" (Numeric, Numeric, Numeric) -> Numeric = pending set;
    3260 "generate_series" (Numeric, Numeric) -> Numeric = pending set;
    938 "generate_series" (Timestamp, Timestamp, Interval) -> Timestamp = pending set;
    939 "generate_series" (TimestampTz, TimestampTz, Interval) -> TimestampTz = pending set stable;
}
