//! formatting.

use crate::signature::functions;

#[rustfmt::skip]
functions! {
    2049 "to_char" (Timestamp, Text) -> Text = pending stable;
    1770 "to_char" (TimestampTz, Text) -> Text = pending stable;
    1768 "to_char" (Interval, Text) -> Text = pending stable;
    1773 "to_char" (Int4, Text) -> Text = pending stable;
    1774 "to_char" (Int8, Text) -> Text = pending stable;
    1775 "to_char" (Float4, Text) -> Text = pending stable;
    1776 "to_char" (Float8, Text) -> Text = pending stable;
    1772 "to_char" (Numeric, Text) -> Text = pending stable;
    1780 "to_date" (Text, Text) -> Date = pending stable;
    1778 "to_timestamp" (Text, Text) -> TimestampTz = pending stable;
    1777 "to_number" (Text, Text) -> Numeric = pending stable;
}
