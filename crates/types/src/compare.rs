//! SQL's order on values of one type: what `<`, ORDER BY, GROUP BY and keys agree on.

use crate::Value;
use std::cmp::Ordering;

/// Total order of two non-null values of the same type. NaN is greater than all and equal to itself; -0 = +0; char(n)
/// ignores trailing blanks only where the caller stripped them (`bpchar` is compared by the functions of `expr`).
/// NULLs: equal to each other and after everything (ORDER BY ASC's default); use three-valued logic above.
pub fn compare(_left: &Value, _right: &Value) -> Ordering {
    todo!()
}

/// A hash that agrees with [`compare`] = Equal.
pub fn hash<H: std::hash::Hasher>(_value: &Value, _state: &mut H) {
    todo!()
}
