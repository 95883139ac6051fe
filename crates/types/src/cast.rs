//! Which casts exist (`pg_cast`), and doing them.

use crate::{ColumnType, DataType, Result, TextSettings, Value, Vector};

/// When PostgreSQL applies a cast by itself (`pg_cast.castcontext`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Context {
    /// Anywhere: int4 to int8.
    Implicit,
    /// On assignment to a column: int8 to int4.
    Assignment,
    /// Only when written: text to int4.
    Explicit,
}

/// The least demanding context in which `from` casts to `to`; None where no cast exists (42846).
/// Unknown casts implicitly to everything; everything casts to text on assignment.
pub fn context(_from: DataType, _to: DataType) -> Option<Context> {
    todo!()
}

/// Casts one value, applying `to.typmod`. `explicit` decides what happens to a string that is too long (cut, or 22001)
/// as PostgreSQL does. The planner has checked that the cast exists.
pub fn cast(
    _value: &Value,
    _from: DataType,
    _to: ColumnType,
    _explicit: bool,
    _settings: &TextSettings,
) -> Result<Value> {
    todo!()
}

/// [`cast`] over a column.
pub fn cast_vector(
    _input: &Vector,
    _to: ColumnType,
    _explicit: bool,
    _settings: &TextSettings,
) -> Result<Vector> {
    todo!()
}
