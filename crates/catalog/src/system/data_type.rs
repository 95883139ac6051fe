//! pg_type, pg_cast, pg_collation, pg_am, pg_opclass, pg_opfamily: all of the types that are here.

use super::base_type::{ARRAY_FUNCTIONS, BASES, Base};
use super::cast_table::CASTS;
use super::row::{NULL, Rows, row};
use super::source::Source;
use crate::system_tables::BOOTSTRAP_ROLE;
use types::{DataType, Oid, Value};

const PG_CATALOG: Oid = 11;
const OWNER: Oid = BOOTSTRAP_ROLE;

pub(super) fn rows(name: &str, _source: &Source<'_>) -> Option<Rows> {
    Some(Ok(match name {
        "pg_type" => types(),
        "pg_cast" => casts(),
        "pg_collation" => vec![
            row![100u32, "default", PG_CATALOG, OWNER, 'd', true, -1, NULL, NULL, NULL, NULL],
            row![950u32, "C", PG_CATALOG, OWNER, 'c', true, -1, "C", "C", NULL, NULL],
            row![951u32, "POSIX", PG_CATALOG, OWNER, 'c', true, -1, "POSIX", "POSIX", NULL, NULL],
        ],
        "pg_am" => vec![row![2u32, "heap", 3u32, 't'], row![403u32, "btree", 330u32, 'i']],
        "pg_opclass" => operator_classes(),
        "pg_opfamily" => operator_families(),
        _ => return None,
    }))
}

fn types() -> Vec<Vec<Value>> {
    let mut out = vec![];
    for base in BASES {
        let data_type = DataType::from_oid(base.oid);
        out.push(base_row(base, data_type));
        if let Some(array) = data_type.and_then(DataType::array) {
            out.push(array_row(base, array));
        }
    }
    out
}

fn base_row(base: &Base, data_type: Option<DataType>) -> Vec<Value> {
    let category = data_type.map_or('P', DataType::category);
    let length = match (data_type, base.name) {
        (Some(data_type), _) => data_type.len(),
        (None, "cstring") => -2,
        (None, "internal") => 8,
        (None, "anyarray" | "anycompatiblearray") => -1,
        (None, _) => 4,
    };
    let element = match base.name {
        "int2vector" => DataType::Int2.oid(),
        "oidvector" => DataType::Oid.oid(),
        "name" => DataType::Char.oid(),
        _ => 0,
    };
    let [input, output, receive, send, modifier_in, modifier_out, subscript] = base.functions;
    row![
        base.oid,
        base.name,
        PG_CATALOG,
        OWNER,
        length,
        base.by_value,
        if matches!(category, 'P' | 'X') { 'p' } else { 'b' },
        category,
        base.preferred,
        true,
        ',',
        0u32,
        subscript.0,
        element,
        data_type.and_then(DataType::array).map_or(0, DataType::oid),
        input.0,
        output.0,
        receive.0,
        send.0,
        modifier_in.0,
        modifier_out.0,
        0u32,
        base.align,
        base.storage,
        false,
        0u32,
        -1,
        0,
        base.collation,
        NULL,
        NULL,
        NULL,
    ]
}

fn array_row(base: &Base, array: DataType) -> Vec<Value> {
    let [input, output, receive, send, subscript, analyze] = ARRAY_FUNCTIONS.map(|(oid, _)| oid);
    let of_record = array == DataType::RecordArray;
    row![
        array.oid(),
        array.name(),
        PG_CATALOG,
        OWNER,
        -1i16,
        false,
        if of_record { 'p' } else { 'b' },
        if of_record { 'P' } else { 'A' },
        false,
        true,
        ',',
        0u32,
        subscript,
        base.oid,
        0u32,
        input,
        output,
        receive,
        send,
        base.functions[4].0,
        base.functions[5].0,
        analyze,
        if base.align == 'd' { 'd' } else { 'i' },
        'x',
        false,
        0u32,
        -1,
        0,
        base.collation,
        NULL,
        NULL,
        NULL,
    ]
}

/// Those that are here. Casts through text are in no row, as in PostgreSQL.
fn casts() -> Vec<Vec<Value>> {
    let here = |source: Oid, target: Oid| match (DataType::from_oid(source), DataType::from_oid(target)) {
        // From a type to itself: a length is applied.
        (Some(source), Some(target)) => source == target || types::cast::context(source, target).is_some(),
        _ => false,
    };
    CASTS
        .into_iter()
        .filter(|(_, source, target, ..)| here(*source, *target))
        .map(|(oid, source, target, function, context, method)| {
            row![oid, source, target, function, context, method]
        })
        .collect()
}

/// B-tree classes: OID, name, family, type, whether it is the type's default.
#[rustfmt::skip]
const CLASSES: [(Oid, &str, Oid, DataType, bool); 26] = [
    (1978, "int4_ops", 1976, DataType::Int4, true), (1979, "int2_ops", 1976, DataType::Int2, true),
    (1981, "oid_ops", 1989, DataType::Oid, true), (3122, "date_ops", 434, DataType::Date, true),
    (3123, "float8_ops", 1970, DataType::Float8, true), (3124, "int8_ops", 1976, DataType::Int8, true),
    (3125, "numeric_ops", 1988, DataType::Numeric, true), (3126, "text_ops", 1994, DataType::Text, true),
    (3127, "timestamptz_ops", 434, DataType::TimestampTz, true),
    (3128, "timestamp_ops", 434, DataType::Timestamp, true),
    (4217, "text_pattern_ops", 2095, DataType::Text, false),
    (4218, "varchar_pattern_ops", 2095, DataType::Text, false),
    (4219, "bpchar_pattern_ops", 2097, DataType::Bpchar, false),
    (10003, "bool_ops", 424, DataType::Bool, true), (10004, "bpchar_ops", 426, DataType::Bpchar, true),
    (10006, "bytea_ops", 428, DataType::Bytea, true), (10007, "char_ops", 429, DataType::Char, true),
    (10012, "float4_ops", 1970, DataType::Float4, true), (10022, "interval_ops", 1982, DataType::Interval, true),
    (10028, "name_ops", 1994, DataType::Name, true), (10032, "oidvector_ops", 1991, DataType::OidVector, true),
    (10034, "record_ops", 2994, DataType::Record, true), (10038, "time_ops", 1996, DataType::Time, true),
    (10041, "timetz_ops", 2000, DataType::TimeTz, true), (10044, "varchar_ops", 1994, DataType::Text, false),
    (10065, "uuid_ops", 2968, DataType::Uuid, true),
];
const ARRAY_CLASS: (Oid, &str, Oid) = (10000, "array_ops", 397);
const JSONB_CLASS: (Oid, &str, Oid) = (10088, "jsonb_ops", 4033);

/// The default B-tree class of a type.
pub(super) fn operator_class(data_type: DataType) -> Oid {
    let same = match data_type {
        DataType::Varchar => DataType::Text,
        DataType::Jsonb => return JSONB_CLASS.0,
        other if other.is_array() => return ARRAY_CLASS.0,
        other if other.is_oid() => DataType::Oid,
        other => other,
    };
    CLASSES.iter().find(|(.., ty, default)| *ty == same && *default).map_or(0, |class| class.0)
}

fn operator_classes() -> Vec<Vec<Value>> {
    let class = |oid: Oid, name: &str, family: Oid, ty: Oid, default: bool| {
        let key: Oid = if name == "name_ops" { 2275 } else { 0 };
        row![oid, 403u32, name, PG_CATALOG, OWNER, family, ty, default, key]
    };
    let mut out: Vec<_> = CLASSES
        .iter()
        .map(|(oid, name, family, ty, default)| class(*oid, name, *family, ty.oid(), *default))
        .collect();
    out.push(class(ARRAY_CLASS.0, ARRAY_CLASS.1, ARRAY_CLASS.2, 2277, true));
    out.push(class(JSONB_CLASS.0, JSONB_CLASS.1, JSONB_CLASS.2, DataType::Jsonb.oid(), true));
    out
}

fn operator_families() -> Vec<Vec<Value>> {
    const FAMILIES: [(Oid, &str); 19] = [
        (397, "array_ops"),
        (424, "bool_ops"),
        (426, "bpchar_ops"),
        (428, "bytea_ops"),
        (429, "char_ops"),
        (434, "datetime_ops"),
        (1970, "float_ops"),
        (1976, "integer_ops"),
        (1982, "interval_ops"),
        (1988, "numeric_ops"),
        (1989, "oid_ops"),
        (1991, "oidvector_ops"),
        (1994, "text_ops"),
        (1996, "time_ops"),
        (2000, "timetz_ops"),
        (2095, "text_pattern_ops"),
        (2097, "bpchar_pattern_ops"),
        (2968, "uuid_ops"),
        (2994, "record_ops"),
    ];
    let jsonb = (JSONB_CLASS.2, JSONB_CLASS.1);
    FAMILIES
        .into_iter()
        .chain([jsonb])
        .map(|(oid, name)| row![oid, 403u32, name, PG_CATALOG, OWNER])
        .collect()
}
