//! `=`, `<>`, `<`, `<=`, `>`, `>=` of every type, a column at a time.
//!
//! NaN is equal to itself and greater than everything; char(n) is compared without its trailing blanks; text by bytes
//! (collation "C"); a date or timestamp against a timestamptz goes through the session's time zone.

use crate::columnwise::{at, bytes_at, column, map2, wrong_layout};
use crate::context::Context;
use crate::signature::functions;
use std::cmp::Ordering;
use types::vector::{Bytes, Data};
use types::{DataType, Result, Vector};

#[rustfmt::skip]
functions! {
    852 "int48eq" (Int4, Int8) -> Bool = columns(equal);
    853 "int48ne" (Int4, Int8) -> Bool = columns(not_equal);
    854 "int48lt" (Int4, Int8) -> Bool = columns(less);
    56 "boollt" (Bool, Bool) -> Bool = columns(less);
    57 "boolgt" (Bool, Bool) -> Bool = columns(greater);
    855 "int48gt" (Int4, Int8) -> Bool = columns(greater);
    856 "int48le" (Int4, Int8) -> Bool = columns(less_or_equal);
    857 "int48ge" (Int4, Int8) -> Bool = columns(greater_or_equal);
    84 "boolne" (Bool, Bool) -> Bool = columns(not_equal);
    60 "booleq" (Bool, Bool) -> Bool = columns(equal);
    61 "chareq" (Char, Char) -> Bool = columns(equal);
    62 "nameeq" (Name, Name) -> Bool = columns(equal);
    63 "int2eq" (Int2, Int2) -> Bool = columns(equal);
    64 "int2lt" (Int2, Int2) -> Bool = columns(less);
    65 "int4eq" (Int4, Int4) -> Bool = columns(equal);
    66 "int4lt" (Int4, Int4) -> Bool = columns(less);
    67 "texteq" (Text, Text) -> Bool = columns(equal);
    240 "nameeqtext" (Name, Text) -> Bool = columns(equal);
    241 "namelttext" (Name, Text) -> Bool = columns(less);
    242 "nameletext" (Name, Text) -> Bool = columns(less_or_equal);
    243 "namegetext" (Name, Text) -> Bool = columns(greater_or_equal);
    244 "namegttext" (Name, Text) -> Bool = columns(greater);
    245 "namenetext" (Name, Text) -> Bool = columns(not_equal);
    247 "texteqname" (Text, Name) -> Bool = columns(equal);
    248 "textltname" (Text, Name) -> Bool = columns(less);
    249 "textlename" (Text, Name) -> Bool = columns(less_or_equal);
    250 "textgename" (Text, Name) -> Bool = columns(greater_or_equal);
    251 "textgtname" (Text, Name) -> Bool = columns(greater);
    252 "textnename" (Text, Name) -> Bool = columns(not_equal);
    68 "xideq" (Xid, Xid) -> Bool = columns(equal);
    1319 "xideqint4" (Xid, Int4) -> Bool = columns(equal);
    467 "int8eq" (Int8, Int8) -> Bool = columns(equal);
    468 "int8ne" (Int8, Int8) -> Bool = columns(not_equal);
    469 "int8lt" (Int8, Int8) -> Bool = columns(less);
    470 "int8gt" (Int8, Int8) -> Bool = columns(greater);
    471 "int8le" (Int8, Int8) -> Bool = columns(less_or_equal);
    472 "int8ge" (Int8, Int8) -> Bool = columns(greater_or_equal);
    474 "int84eq" (Int8, Int4) -> Bool = columns(equal);
    475 "int84ne" (Int8, Int4) -> Bool = columns(not_equal);
    476 "int84lt" (Int8, Int4) -> Bool = columns(less);
    477 "int84gt" (Int8, Int4) -> Bool = columns(greater);
    478 "int84le" (Int8, Int4) -> Bool = columns(less_or_equal);
    479 "int84ge" (Int8, Int4) -> Bool = columns(greater_or_equal);
    144 "int4ne" (Int4, Int4) -> Bool = columns(not_equal);
    145 "int2ne" (Int2, Int2) -> Bool = columns(not_equal);
    146 "int2gt" (Int2, Int2) -> Bool = columns(greater);
    147 "int4gt" (Int4, Int4) -> Bool = columns(greater);
    148 "int2le" (Int2, Int2) -> Bool = columns(less_or_equal);
    149 "int4le" (Int4, Int4) -> Bool = columns(less_or_equal);
    151 "int2ge" (Int2, Int2) -> Bool = columns(greater_or_equal);
    150 "int4ge" (Int4, Int4) -> Bool = columns(greater_or_equal);
    157 "textne" (Text, Text) -> Bool = columns(not_equal);
    158 "int24eq" (Int2, Int4) -> Bool = columns(equal);
    159 "int42eq" (Int4, Int2) -> Bool = columns(equal);
    160 "int24lt" (Int2, Int4) -> Bool = columns(less);
    161 "int42lt" (Int4, Int2) -> Bool = columns(less);
    162 "int24gt" (Int2, Int4) -> Bool = columns(greater);
    163 "int42gt" (Int4, Int2) -> Bool = columns(greater);
    164 "int24ne" (Int2, Int4) -> Bool = columns(not_equal);
    165 "int42ne" (Int4, Int2) -> Bool = columns(not_equal);
    166 "int24le" (Int2, Int4) -> Bool = columns(less_or_equal);
    167 "int42le" (Int4, Int2) -> Bool = columns(less_or_equal);
    168 "int24ge" (Int2, Int4) -> Bool = columns(greater_or_equal);
    169 "int42ge" (Int4, Int2) -> Bool = columns(greater_or_equal);
    184 "oideq" (Oid, Oid) -> Bool = columns(equal);
    185 "oidne" (Oid, Oid) -> Bool = columns(not_equal);
    716 "oidlt" (Oid, Oid) -> Bool = columns(less);
    1638 "oidgt" (Oid, Oid) -> Bool = columns(greater);
    717 "oidle" (Oid, Oid) -> Bool = columns(less_or_equal);
    1639 "oidge" (Oid, Oid) -> Bool = columns(greater_or_equal);
    287 "float4eq" (Float4, Float4) -> Bool = columns(equal);
    288 "float4ne" (Float4, Float4) -> Bool = columns(not_equal);
    289 "float4lt" (Float4, Float4) -> Bool = columns(less);
    291 "float4gt" (Float4, Float4) -> Bool = columns(greater);
    290 "float4le" (Float4, Float4) -> Bool = columns(less_or_equal);
    292 "float4ge" (Float4, Float4) -> Bool = columns(greater_or_equal);
    70 "charne" (Char, Char) -> Bool = columns(not_equal);
    1246 "charlt" (Char, Char) -> Bool = columns(less);
    72 "charle" (Char, Char) -> Bool = columns(less_or_equal);
    73 "chargt" (Char, Char) -> Bool = columns(greater);
    74 "charge" (Char, Char) -> Bool = columns(greater_or_equal);
    659 "namene" (Name, Name) -> Bool = columns(not_equal);
    619 "oidvectorne" (OidVector, OidVector) -> Bool = columns(not_equal);
    677 "oidvectorlt" (OidVector, OidVector) -> Bool = columns(less);
    681 "oidvectorgt" (OidVector, OidVector) -> Bool = columns(greater);
    678 "oidvectorle" (OidVector, OidVector) -> Bool = columns(less_or_equal);
    680 "oidvectorge" (OidVector, OidVector) -> Bool = columns(greater_or_equal);
    679 "oidvectoreq" (OidVector, OidVector) -> Bool = columns(equal);
    655 "namelt" (Name, Name) -> Bool = columns(less);
    656 "namele" (Name, Name) -> Bool = columns(less_or_equal);
    657 "namegt" (Name, Name) -> Bool = columns(greater);
    658 "namege" (Name, Name) -> Bool = columns(greater_or_equal);
    740 "text_lt" (Text, Text) -> Bool = columns(less);
    741 "text_le" (Text, Text) -> Bool = columns(less_or_equal);
    742 "text_gt" (Text, Text) -> Bool = columns(greater);
    743 "text_ge" (Text, Text) -> Bool = columns(greater_or_equal);
    293 "float8eq" (Float8, Float8) -> Bool = columns(equal);
    294 "float8ne" (Float8, Float8) -> Bool = columns(not_equal);
    295 "float8lt" (Float8, Float8) -> Bool = columns(less);
    296 "float8le" (Float8, Float8) -> Bool = columns(less_or_equal);
    297 "float8gt" (Float8, Float8) -> Bool = columns(greater);
    298 "float8ge" (Float8, Float8) -> Bool = columns(greater_or_equal);
    1062 "aclitemeq" (AclItem, AclItem) -> Bool = columns(equal);
    1048 "bpchareq" (Bpchar, Bpchar) -> Bool = columns(equal);
    1053 "bpcharne" (Bpchar, Bpchar) -> Bool = columns(not_equal);
    1049 "bpcharlt" (Bpchar, Bpchar) -> Bool = columns(less);
    1050 "bpcharle" (Bpchar, Bpchar) -> Bool = columns(less_or_equal);
    1051 "bpchargt" (Bpchar, Bpchar) -> Bool = columns(greater);
    1052 "bpcharge" (Bpchar, Bpchar) -> Bool = columns(greater_or_equal);
    744 "array_eq" (AnyArray, AnyArray) -> Bool = columns(equal);
    390 "array_ne" (AnyArray, AnyArray) -> Bool = columns(not_equal);
    391 "array_lt" (AnyArray, AnyArray) -> Bool = columns(less);
    392 "array_gt" (AnyArray, AnyArray) -> Bool = columns(greater);
    393 "array_le" (AnyArray, AnyArray) -> Bool = columns(less_or_equal);
    396 "array_ge" (AnyArray, AnyArray) -> Bool = columns(greater_or_equal);
    1086 "date_eq" (Date, Date) -> Bool = columns(equal);
    1091 "date_ne" (Date, Date) -> Bool = columns(not_equal);
    1087 "date_lt" (Date, Date) -> Bool = columns(less);
    1088 "date_le" (Date, Date) -> Bool = columns(less_or_equal);
    1089 "date_gt" (Date, Date) -> Bool = columns(greater);
    1090 "date_ge" (Date, Date) -> Bool = columns(greater_or_equal);
    1145 "time_eq" (Time, Time) -> Bool = columns(equal);
    1106 "time_ne" (Time, Time) -> Bool = columns(not_equal);
    1102 "time_lt" (Time, Time) -> Bool = columns(less);
    1103 "time_le" (Time, Time) -> Bool = columns(less_or_equal);
    1104 "time_gt" (Time, Time) -> Bool = columns(greater);
    1105 "time_ge" (Time, Time) -> Bool = columns(greater_or_equal);
    299 "float48eq" (Float4, Float8) -> Bool = columns(equal);
    300 "float48ne" (Float4, Float8) -> Bool = columns(not_equal);
    301 "float48lt" (Float4, Float8) -> Bool = columns(less);
    303 "float48gt" (Float4, Float8) -> Bool = columns(greater);
    302 "float48le" (Float4, Float8) -> Bool = columns(less_or_equal);
    304 "float48ge" (Float4, Float8) -> Bool = columns(greater_or_equal);
    305 "float84eq" (Float8, Float4) -> Bool = columns(equal);
    306 "float84ne" (Float8, Float4) -> Bool = columns(not_equal);
    307 "float84lt" (Float8, Float4) -> Bool = columns(less);
    309 "float84gt" (Float8, Float4) -> Bool = columns(greater);
    308 "float84le" (Float8, Float4) -> Bool = columns(less_or_equal);
    310 "float84ge" (Float8, Float4) -> Bool = columns(greater_or_equal);
    1152 "timestamptz_eq" (TimestampTz, TimestampTz) -> Bool = columns(equal);
    1153 "timestamptz_ne" (TimestampTz, TimestampTz) -> Bool = columns(not_equal);
    1154 "timestamptz_lt" (TimestampTz, TimestampTz) -> Bool = columns(less);
    1155 "timestamptz_le" (TimestampTz, TimestampTz) -> Bool = columns(less_or_equal);
    1157 "timestamptz_gt" (TimestampTz, TimestampTz) -> Bool = columns(greater);
    1156 "timestamptz_ge" (TimestampTz, TimestampTz) -> Bool = columns(greater_or_equal);
    1162 "interval_eq" (Interval, Interval) -> Bool = columns(equal);
    1163 "interval_ne" (Interval, Interval) -> Bool = columns(not_equal);
    1164 "interval_lt" (Interval, Interval) -> Bool = columns(less);
    1165 "interval_le" (Interval, Interval) -> Bool = columns(less_or_equal);
    1167 "interval_gt" (Interval, Interval) -> Bool = columns(greater);
    1166 "interval_ge" (Interval, Interval) -> Bool = columns(greater_or_equal);
    1352 "timetz_eq" (TimeTz, TimeTz) -> Bool = columns(equal);
    1353 "timetz_ne" (TimeTz, TimeTz) -> Bool = columns(not_equal);
    1354 "timetz_lt" (TimeTz, TimeTz) -> Bool = columns(less);
    1355 "timetz_le" (TimeTz, TimeTz) -> Bool = columns(less_or_equal);
    1357 "timetz_gt" (TimeTz, TimeTz) -> Bool = columns(greater);
    1356 "timetz_ge" (TimeTz, TimeTz) -> Bool = columns(greater_or_equal);
    1691 "boolle" (Bool, Bool) -> Bool = columns(less_or_equal);
    1692 "boolge" (Bool, Bool) -> Bool = columns(greater_or_equal);
    1718 "numeric_eq" (Numeric, Numeric) -> Bool = columns(equal);
    1719 "numeric_ne" (Numeric, Numeric) -> Bool = columns(not_equal);
    1722 "numeric_lt" (Numeric, Numeric) -> Bool = columns(less);
    1723 "numeric_le" (Numeric, Numeric) -> Bool = columns(less_or_equal);
    1720 "numeric_gt" (Numeric, Numeric) -> Bool = columns(greater);
    1721 "numeric_ge" (Numeric, Numeric) -> Bool = columns(greater_or_equal);
    1850 "int28eq" (Int2, Int8) -> Bool = columns(equal);
    1851 "int28ne" (Int2, Int8) -> Bool = columns(not_equal);
    1852 "int28lt" (Int2, Int8) -> Bool = columns(less);
    1853 "int28gt" (Int2, Int8) -> Bool = columns(greater);
    1854 "int28le" (Int2, Int8) -> Bool = columns(less_or_equal);
    1855 "int28ge" (Int2, Int8) -> Bool = columns(greater_or_equal);
    1856 "int82eq" (Int8, Int2) -> Bool = columns(equal);
    1857 "int82ne" (Int8, Int2) -> Bool = columns(not_equal);
    1858 "int82lt" (Int8, Int2) -> Bool = columns(less);
    1859 "int82gt" (Int8, Int2) -> Bool = columns(greater);
    1860 "int82le" (Int8, Int2) -> Bool = columns(less_or_equal);
    1861 "int82ge" (Int8, Int2) -> Bool = columns(greater_or_equal);
    1948 "byteaeq" (Bytea, Bytea) -> Bool = columns(equal);
    1953 "byteane" (Bytea, Bytea) -> Bool = columns(not_equal);
    1949 "bytealt" (Bytea, Bytea) -> Bool = columns(less);
    1950 "byteale" (Bytea, Bytea) -> Bool = columns(less_or_equal);
    1951 "byteagt" (Bytea, Bytea) -> Bool = columns(greater);
    1952 "byteage" (Bytea, Bytea) -> Bool = columns(greater_or_equal);
    2052 "timestamp_eq" (Timestamp, Timestamp) -> Bool = columns(equal);
    2053 "timestamp_ne" (Timestamp, Timestamp) -> Bool = columns(not_equal);
    2054 "timestamp_lt" (Timestamp, Timestamp) -> Bool = columns(less);
    2055 "timestamp_le" (Timestamp, Timestamp) -> Bool = columns(less_or_equal);
    2057 "timestamp_gt" (Timestamp, Timestamp) -> Bool = columns(greater);
    2056 "timestamp_ge" (Timestamp, Timestamp) -> Bool = columns(greater_or_equal);
    2160 "text_pattern_lt" (Text, Text) -> Bool = columns(less);
    2161 "text_pattern_le" (Text, Text) -> Bool = columns(less_or_equal);
    2163 "text_pattern_ge" (Text, Text) -> Bool = columns(greater_or_equal);
    2164 "text_pattern_gt" (Text, Text) -> Bool = columns(greater);
    2174 "bpchar_pattern_lt" (Bpchar, Bpchar) -> Bool = columns(less);
    2175 "bpchar_pattern_le" (Bpchar, Bpchar) -> Bool = columns(less_or_equal);
    2177 "bpchar_pattern_ge" (Bpchar, Bpchar) -> Bool = columns(greater_or_equal);
    2178 "bpchar_pattern_gt" (Bpchar, Bpchar) -> Bool = columns(greater);
    2338 "date_lt_timestamp" (Date, Timestamp) -> Bool = columns(less);
    2339 "date_le_timestamp" (Date, Timestamp) -> Bool = columns(less_or_equal);
    2340 "date_eq_timestamp" (Date, Timestamp) -> Bool = columns(equal);
    2342 "date_ge_timestamp" (Date, Timestamp) -> Bool = columns(greater_or_equal);
    2341 "date_gt_timestamp" (Date, Timestamp) -> Bool = columns(greater);
    2343 "date_ne_timestamp" (Date, Timestamp) -> Bool = columns(not_equal);
    2351 "date_lt_timestamptz" (Date, TimestampTz) -> Bool = columns(less) stable;
    2352 "date_le_timestamptz" (Date, TimestampTz) -> Bool = columns(less_or_equal) stable;
    2353 "date_eq_timestamptz" (Date, TimestampTz) -> Bool = columns(equal) stable;
    2355 "date_ge_timestamptz" (Date, TimestampTz) -> Bool = columns(greater_or_equal) stable;
    2354 "date_gt_timestamptz" (Date, TimestampTz) -> Bool = columns(greater) stable;
    2356 "date_ne_timestamptz" (Date, TimestampTz) -> Bool = columns(not_equal) stable;
    2364 "timestamp_lt_date" (Timestamp, Date) -> Bool = columns(less);
    2365 "timestamp_le_date" (Timestamp, Date) -> Bool = columns(less_or_equal);
    2366 "timestamp_eq_date" (Timestamp, Date) -> Bool = columns(equal);
    2368 "timestamp_ge_date" (Timestamp, Date) -> Bool = columns(greater_or_equal);
    2367 "timestamp_gt_date" (Timestamp, Date) -> Bool = columns(greater);
    2369 "timestamp_ne_date" (Timestamp, Date) -> Bool = columns(not_equal);
    2377 "timestamptz_lt_date" (TimestampTz, Date) -> Bool = columns(less) stable;
    2378 "timestamptz_le_date" (TimestampTz, Date) -> Bool = columns(less_or_equal) stable;
    2379 "timestamptz_eq_date" (TimestampTz, Date) -> Bool = columns(equal) stable;
    2381 "timestamptz_ge_date" (TimestampTz, Date) -> Bool = columns(greater_or_equal) stable;
    2380 "timestamptz_gt_date" (TimestampTz, Date) -> Bool = columns(greater) stable;
    2382 "timestamptz_ne_date" (TimestampTz, Date) -> Bool = columns(not_equal) stable;
    2520 "timestamp_lt_timestamptz" (Timestamp, TimestampTz) -> Bool = columns(less) stable;
    2521 "timestamp_le_timestamptz" (Timestamp, TimestampTz) -> Bool = columns(less_or_equal) stable;
    2522 "timestamp_eq_timestamptz" (Timestamp, TimestampTz) -> Bool = columns(equal) stable;
    2524 "timestamp_ge_timestamptz" (Timestamp, TimestampTz) -> Bool = columns(greater_or_equal) stable;
    2523 "timestamp_gt_timestamptz" (Timestamp, TimestampTz) -> Bool = columns(greater) stable;
    2525 "timestamp_ne_timestamptz" (Timestamp, TimestampTz) -> Bool = columns(not_equal) stable;
    2527 "timestamptz_lt_timestamp" (TimestampTz, Timestamp) -> Bool = columns(less) stable;
    2528 "timestamptz_le_timestamp" (TimestampTz, Timestamp) -> Bool = columns(less_or_equal) stable;
    2529 "timestamptz_eq_timestamp" (TimestampTz, Timestamp) -> Bool = columns(equal) stable;
    2531 "timestamptz_ge_timestamp" (TimestampTz, Timestamp) -> Bool = columns(greater_or_equal) stable;
    2530 "timestamptz_gt_timestamp" (TimestampTz, Timestamp) -> Bool = columns(greater) stable;
    2532 "timestamptz_ne_timestamp" (TimestampTz, Timestamp) -> Bool = columns(not_equal) stable;
    2956 "uuid_eq" (Uuid, Uuid) -> Bool = columns(equal);
    2959 "uuid_ne" (Uuid, Uuid) -> Bool = columns(not_equal);
    2954 "uuid_lt" (Uuid, Uuid) -> Bool = columns(less);
    2958 "uuid_gt" (Uuid, Uuid) -> Bool = columns(greater);
    2955 "uuid_le" (Uuid, Uuid) -> Bool = columns(less_or_equal);
    2957 "uuid_ge" (Uuid, Uuid) -> Bool = columns(greater_or_equal);
    2981 "record_eq" (Record, Record) -> Bool = columns(equal);
    2982 "record_ne" (Record, Record) -> Bool = columns(not_equal);
    2983 "record_lt" (Record, Record) -> Bool = columns(less);
    2984 "record_gt" (Record, Record) -> Bool = columns(greater);
    2985 "record_le" (Record, Record) -> Bool = columns(less_or_equal);
    2986 "record_ge" (Record, Record) -> Bool = columns(greater_or_equal);
    4043 "jsonb_eq" (Jsonb, Jsonb) -> Bool = columns(equal);
    4038 "jsonb_ne" (Jsonb, Jsonb) -> Bool = columns(not_equal);
    4039 "jsonb_lt" (Jsonb, Jsonb) -> Bool = columns(less);
    4040 "jsonb_gt" (Jsonb, Jsonb) -> Bool = columns(greater);
    4041 "jsonb_le" (Jsonb, Jsonb) -> Bool = columns(less_or_equal);
    4042 "jsonb_ge" (Jsonb, Jsonb) -> Bool = columns(greater_or_equal);
    3308 "xidneq" (Xid, Xid) -> Bool = columns(not_equal);
    3309 "xidneqint4" (Xid, Int4) -> Bool = columns(not_equal);
}

pub(crate) fn equal(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    compare(context, args, rows, Ordering::is_eq)
}
pub(crate) fn not_equal(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    compare(context, args, rows, Ordering::is_ne)
}
pub(crate) fn less(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    compare(context, args, rows, Ordering::is_lt)
}
pub(crate) fn less_or_equal(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    compare(context, args, rows, Ordering::is_le)
}
pub(crate) fn greater(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    compare(context, args, rows, Ordering::is_gt)
}
pub(crate) fn greater_or_equal(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    compare(context, args, rows, Ordering::is_ge)
}

/// The layouts are decided once; `test` is inlined into each loop, where it becomes one machine comparison.
#[inline(always)]
fn compare(
    context: &Context<'_>,
    args: &[&Vector],
    rows: usize,
    test: impl Fn(Ordering) -> bool,
) -> Result<Vector> {
    let [left, right] = *args else { return Err(wrong_layout(args)) };
    if left.data_type != right.data_type && is_moment(left.data_type) && is_moment(right.data_type) {
        let (left, right) =
            (moments(left, right.data_type, context)?, moments(right, left.data_type, context)?);
        return Ok(booleans(map2(&left, &right, rows, |a, b| test(a.cmp(&b)))));
    }
    macro_rules! widened {
        ($a:expr, $b:expr, $wide:ty) => {
            map2($a, $b, rows, |a, b| test((a as $wide).cmp(&(b as $wide))))
        };
    }
    use Data::*;
    let result = match (&left.data, &right.data) {
        (Bool(a), Bool(b)) => map2(a, b, rows, |a, b| test(a.cmp(&b))),
        (I16(a), I16(b)) => map2(a, b, rows, |a, b| test(a.cmp(&b))),
        (I32(a), I32(b)) => map2(a, b, rows, |a, b| test(a.cmp(&b))),
        (I64(a), I64(b)) => map2(a, b, rows, |a, b| test(a.cmp(&b))),
        (U32(a), U32(b)) => map2(a, b, rows, |a, b| test(a.cmp(&b))),
        (I16(a), I32(b)) => widened!(a, b, i32),
        (I32(a), I16(b)) => widened!(a, b, i32),
        (I16(a), I64(b)) => widened!(a, b, i64),
        (I64(a), I16(b)) => widened!(a, b, i64),
        (I32(a), I64(b)) => widened!(a, b, i64),
        (I64(a), I32(b)) => widened!(a, b, i64),
        (U32(a), I32(b)) => widened!(a, b, i64),
        (F32(a), F32(b)) => map2(a, b, rows, |a, b| test(order_floats(a as f64, b as f64))),
        (F64(a), F64(b)) => map2(a, b, rows, |a, b| test(order_floats(a, b))),
        (F32(a), F64(b)) => map2(a, b, rows, |a, b| test(order_floats(a as f64, b))),
        (F64(a), F32(b)) => map2(a, b, rows, |a, b| test(order_floats(a, b as f64))),
        (Uuid(a), Uuid(b)) => map2(a, b, rows, |a, b| test(a.cmp(&b))),
        (Interval(a), Interval(b)) => map2(a, b, rows, |a, b| test(a.cmp(&b))),
        (Bytes(a), Bytes(b)) if left.data_type == DataType::Bpchar && right.data_type == DataType::Bpchar => {
            compare_bytes(a, b, rows, |a, b| test(without_trailing_blanks(a).cmp(without_trailing_blanks(b))))
        }
        (Bytes(a), Bytes(b)) if left.data_type != DataType::Jsonb => {
            compare_bytes(a, b, rows, |a, b| test(a.cmp(b)))
        }
        _ => {
            let mut out = Vec::with_capacity(rows);
            for row in 0..rows {
                let (a, b) = (at(left, row), at(right, row));
                let null = left.is_null(a) || right.is_null(b);
                out.push(!null && test(types::compare::compare(&left.get(a), &right.get(b))));
            }
            out
        }
    };
    Ok(booleans(result))
}

/// PostgreSQL's order of floats: NaN last and equal to itself, -0 equal to 0.
pub(crate) fn order_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

pub(crate) fn without_trailing_blanks(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' '] = bytes {
        bytes = rest;
    }
    bytes
}

fn booleans(values: Vec<bool>) -> Vector {
    column(DataType::Bool, Data::Bool(values))
}

#[inline(always)]
fn compare_bytes(a: &Bytes, b: &Bytes, rows: usize, test: impl Fn(&[u8], &[u8]) -> bool) -> Vec<bool> {
    (0..rows).map(|row| test(bytes_at(a, row), bytes_at(b, row))).collect()
}

fn is_moment(data_type: DataType) -> bool {
    matches!(data_type, DataType::Date | DataType::Timestamp | DataType::TimestampTz)
}

/// Microseconds that compare with a column of type `other`: UTC if one of the two has a time zone.
fn moments(vector: &Vector, other: DataType, context: &Context<'_>) -> Result<Vec<i64>> {
    let zone = &context.settings.time_zone;
    let to_utc = vector.data_type != DataType::TimestampTz && other == DataType::TimestampTz;
    let local: Vec<i64> = match &vector.data {
        Data::I32(days) => days
            .iter()
            .map(|&days| match days {
                i32::MIN => i64::MIN,
                i32::MAX => i64::MAX,
                // A date beyond every timestamp is beyond it, but not infinite.
                days => (days as i64).checked_mul(86_400_000_000).unwrap_or(if days < 0 {
                    i64::MIN + 1
                } else {
                    i64::MAX - 1
                }),
            })
            .collect(),
        Data::I64(micros) => micros.clone(),
        _ => return Err(wrong_layout(&[vector])),
    };
    let finite = |micros: i64| micros > i64::MIN + 1 && micros < i64::MAX - 1;
    Ok(if to_utc {
        local.into_iter().map(|micros| if finite(micros) { zone.to_utc(micros) } else { micros }).collect()
    } else {
        local
    })
}
