//! datetime_parts.

use crate::signature::functions;

#[rustfmt::skip]
functions! {
    2020 "date_trunc" (Text, Timestamp) -> Timestamp = pending;
    1218 "date_trunc" (Text, Interval) -> Interval = pending;
    1217 "date_trunc" (Text, TimestampTz) -> TimestampTz = pending stable;
    1284 "date_trunc" (Text, TimestampTz, Text) -> TimestampTz = pending stable;
    6199 "extract" (Text, Date) -> Numeric = pending;
    6200 "extract" (Text, Time) -> Numeric = pending;
    6201 "extract" (Text, TimeTz) -> Numeric = pending;
    6202 "extract" (Text, Timestamp) -> Numeric = pending;
    6203 "extract" (Text, TimestampTz) -> Numeric = pending stable;
    6204 "extract" (Text, Interval) -> Numeric = pending;
    1384 "date_part" (Text, Date) -> Float8 = pending;
    1385 "date_part" (Text, Time) -> Float8 = pending;
    1273 "date_part" (Text, TimeTz) -> Float8 = pending;
    2021 "date_part" (Text, Timestamp) -> Float8 = pending;
    1171 "date_part" (Text, TimestampTz) -> Float8 = pending stable;
    1172 "date_part" (Text, Interval) -> Float8 = pending;
}
