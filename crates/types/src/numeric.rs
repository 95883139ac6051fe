//! Exact numbers with PostgreSQL's scale rules (a port of the rules of `numeric.c`).
//!
//! A number is base-10000 digits, a weight (the power of 10000 of the first digit) and a display scale. `1.10` and
//! `1.1` are equal, hash equally, and print differently. NaN equals NaN and is greater than all.

/// PostgreSQL's `numeric`. The default is 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Numeric {
    pub(crate) placeholder: i128,
}

impl From<i64> for Numeric {
    fn from(value: i64) -> Numeric {
        Numeric { placeholder: value as i128 }
    }
}
