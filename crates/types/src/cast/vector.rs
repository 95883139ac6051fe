//! Casts of whole columns: loops over slices where a type's layout allows it.

use super::{Context, cast};
use crate::vector::Data;
use crate::{ColumnType, DataType, Result, TextSettings, Vector};

/// [`cast`] over a column.
pub fn cast_vector(
    input: &Vector,
    to: ColumnType,
    explicit: bool,
    settings: &TextSettings,
) -> Result<Vector> {
    if let Some(data) = fast(input, to) {
        return Ok(Vector { data_type: to.data_type, data, nulls: input.nulls.clone() });
    }
    let mut output = Vector::new(to.data_type);
    for row in 0..input.len() {
        if input.is_null(row) {
            output.push_null();
        } else {
            output.push(&cast(&input.get(row), input.data_type, to, explicit, settings)?);
        }
    }
    Ok(output)
}

/// Casts that cannot fail, without looking at NULLs: a placeholder casts like any value.
fn fast(input: &Vector, to: ColumnType) -> Option<Data> {
    use DataType::*;
    let numeric = |value: i64| crate::Numeric::from(value);
    if to.typmod >= 0 {
        return None;
    }
    let target = to.data_type;
    if input.data_type == target {
        return Some(input.data.clone());
    }
    Some(match (&input.data, input.data_type, target) {
        (Data::I16(v), Int2, Int4) => Data::I32(v.iter().map(|v| *v as i32).collect()),
        (Data::I16(v), Int2, Int8) => Data::I64(v.iter().map(|v| *v as i64).collect()),
        (Data::I32(v), Int4, Int8) => Data::I64(v.iter().map(|v| *v as i64).collect()),
        (Data::I16(v), Int2, Float8) => Data::F64(v.iter().map(|v| *v as f64).collect()),
        (Data::I32(v), Int4, Float8) => Data::F64(v.iter().map(|v| *v as f64).collect()),
        (Data::I64(v), Int8, Float8) => Data::F64(v.iter().map(|v| *v as f64).collect()),
        (Data::F32(v), Float4, Float8) => Data::F64(v.iter().map(|v| *v as f64).collect()),
        (Data::I16(v), Int2, Numeric) => Data::Numeric(v.iter().map(|v| numeric(*v as i64)).collect()),
        (Data::I32(v), Int4, Numeric) => Data::Numeric(v.iter().map(|v| numeric(*v as i64)).collect()),
        (Data::I64(v), Int8, Numeric) => Data::Numeric(v.iter().map(|v| numeric(*v)).collect()),
        (Data::Bytes(v), Text | Varchar | Name, Text | Varchar | Bpchar) => Data::Bytes(v.clone()),
        (Data::U32(v), from, to) if same_oid(from, to) => Data::U32(v.clone()),
        _ => return None,
    })
}

/// oid and its aliases are one number.
fn same_oid(from: DataType, to: DataType) -> bool {
    from.is_oid() && to.is_oid() && super::context(from, to) == Some(Context::Implicit)
}
