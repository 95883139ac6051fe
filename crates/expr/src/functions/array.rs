//! array.

use crate::signature::functions;

#[rustfmt::skip]
functions! {
    2176 "array_length" (AnyArray, Int4) -> Int4 = pending;
    2092 "array_upper" (AnyArray, Int4) -> Int4 = pending;
    2091 "array_lower" (AnyArray, Int4) -> Int4 = pending;
    748 "array_ndims" (AnyArray) -> Int4 = pending;
    747 "array_dims" (AnyArray) -> Text = pending;
    3179 "cardinality" (AnyArray) -> Int4 = pending;
    378 "array_append" (AnyCompatibleArray, AnyCompatible) -> AnyCompatibleArray = pending called_on_null;
    379 "array_prepend" (AnyCompatible, AnyCompatibleArray) -> AnyCompatibleArray = pending called_on_null;
    383 "array_cat" (AnyCompatibleArray, AnyCompatibleArray) -> AnyCompatibleArray = pending called_on_null;
    2748 "arraycontains" (AnyArray, AnyArray) -> Bool = pending;
    2749 "arraycontained" (AnyArray, AnyArray) -> Bool = pending;
    2747 "arrayoverlap" (AnyArray, AnyArray) -> Bool = pending;
    3277 "array_position" (AnyCompatibleArray, AnyCompatible) -> Int4 = pending called_on_null;
    3278 "array_position" (AnyCompatibleArray, AnyCompatible, Int4) -> Int4 = pending called_on_null;
    3279 "array_positions" (AnyCompatibleArray, AnyCompatible) -> Int4Array = pending called_on_null;
    3167 "array_remove" (AnyCompatibleArray, AnyCompatible) -> AnyCompatibleArray = pending called_on_null;
    3168 "array_replace" (AnyCompatibleArray, AnyCompatible, AnyCompatible) -> AnyCompatibleArray = pending called_on_null;
    395 "array_to_string" (AnyArray, Text) -> Text = pending stable;
    384 "array_to_string" (AnyArray, Text, Text) -> Text = pending called_on_null stable;
    1193 "array_fill" (AnyElement, Int4Array) -> AnyArray = pending called_on_null;
    1286 "array_fill" (AnyElement, Int4Array, Int4Array) -> AnyArray = pending called_on_null;
    6172 "trim_array" (AnyArray, Int4) -> AnyArray = pending;
    515 "array_larger" (AnyArray, AnyArray) -> AnyArray = pending;
    516 "array_smaller" (AnyArray, AnyArray) -> AnyArray = pending;
    2331 "unnest" (AnyArray) -> AnyElement = pending set;
    1192 "generate_subscripts" (AnyArray, Int4) -> Int4 = pending set;
    1191 "generate_subscripts" (AnyArray, Int4, Bool) -> Int4 = pending set;
    13208 "information_schema._pg_expandarray" (Int2Vector) -> Record { "x" Int2, "n" Int4 } = pending set;
    0 "information_schema._pg_expandarray" (Int2Array) -> Record { "x" Int2, "n" Int4 } = pending set;
    0 "information_schema._pg_expandarray" (OidVector) -> Record { "x" Oid, "n" Int4 } = pending set;
    0 "information_schema._pg_expandarray" (OidArray) -> Record { "x" Oid, "n" Int4 } = pending set;
}
