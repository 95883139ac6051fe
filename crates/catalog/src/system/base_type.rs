//! What `pg_type` says of a type beyond its name: alignment, storage, collation, the functions of its forms.

use types::{DataType, Oid};

/// A base or pseudo-type of PostgreSQL 15.
pub(super) struct Base {
    pub oid: Oid,
    pub name: &'static str,
    pub align: char,
    pub storage: char,
    pub by_value: bool,
    pub preferred: bool,
    pub collation: Oid,
    /// in, out, receive, send, modifier in, modifier out, subscript: `pg_proc.oid` and name.
    pub functions: [(Oid, &'static str); 7],
}

const NONE: (Oid, &str) = (0, "-");

/// Of an array type: in, out, receive, send, subscript, analyze.
pub(super) const ARRAY_FUNCTIONS: [(Oid, &str); 6] = [
    (750, "array_in"),
    (751, "array_out"),
    (2400, "array_recv"),
    (2401, "array_send"),
    (6179, "array_subscript_handler"),
    (3816, "array_typanalyze"),
];

/// The functions that read and print types are not called by name, but `regproc` columns name them.
pub fn input_output_function(name: &str) -> Option<Oid> {
    functions().find(|(_, known)| *known == name).map(|(oid, _)| oid)
}

/// The name of one, by its OID.
pub fn input_output_name(oid: Oid) -> Option<&'static str> {
    functions().find(|(known, _)| *known == oid).map(|(_, name)| name)
}

/// Each once.
pub(super) fn functions() -> impl Iterator<Item = (Oid, &'static str)> {
    let mut seen = std::collections::HashSet::new();
    let all = BASES.iter().flat_map(|base| base.functions).chain(ARRAY_FUNCTIONS);
    all.filter(move |(oid, _)| *oid != 0 && seen.insert(*oid))
}

/// Of an array type: its element's.
pub(super) fn base(data_type: DataType) -> Option<&'static Base> {
    let oid = data_type.element().unwrap_or(data_type).oid();
    BASES.iter().find(|base| base.oid == oid)
}

pub(super) fn collation(data_type: DataType) -> Oid {
    base(data_type).map_or(0, |base| base.collation)
}

/// Length, by value, alignment, storage: as columns of the type have them.
pub(super) fn layout(data_type: DataType) -> (i16, bool, char, char) {
    match base(data_type) {
        Some(base) if data_type.is_array() => (-1, false, if base.align == 'd' { 'd' } else { 'i' }, 'x'),
        Some(base) => (data_type.len(), base.by_value, base.align, base.storage),
        None => (data_type.len(), false, 'i', 'x'),
    }
}

#[rustfmt::skip]
pub(super) static BASES: &[Base] = &[
    Base { oid: 16, name: "bool", align: 'c', storage: 'p', by_value: true, preferred: true, collation: 0, functions: [(1242, "boolin"), (1243, "boolout"), (2436, "boolrecv"), (2437, "boolsend"), NONE, NONE, NONE] },
    Base { oid: 17, name: "bytea", align: 'i', storage: 'x', by_value: false, preferred: false, collation: 0, functions: [(1244, "byteain"), (31, "byteaout"), (2412, "bytearecv"), (2413, "byteasend"), NONE, NONE, NONE] },
    Base { oid: 18, name: "char", align: 'c', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(1245, "charin"), (33, "charout"), (2434, "charrecv"), (2435, "charsend"), NONE, NONE, NONE] },
    Base { oid: 19, name: "name", align: 'c', storage: 'p', by_value: false, preferred: false, collation: 950, functions: [(34, "namein"), (35, "nameout"), (2422, "namerecv"), (2423, "namesend"), NONE, NONE, (6180, "raw_array_subscript_handler")] },
    Base { oid: 20, name: "int8", align: 'd', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(460, "int8in"), (461, "int8out"), (2408, "int8recv"), (2409, "int8send"), NONE, NONE, NONE] },
    Base { oid: 21, name: "int2", align: 's', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(38, "int2in"), (39, "int2out"), (2404, "int2recv"), (2405, "int2send"), NONE, NONE, NONE] },
    Base { oid: 22, name: "int2vector", align: 'i', storage: 'p', by_value: false, preferred: false, collation: 0, functions: [(40, "int2vectorin"), (41, "int2vectorout"), (2410, "int2vectorrecv"), (2411, "int2vectorsend"), NONE, NONE, (6179, "array_subscript_handler")] },
    Base { oid: 23, name: "int4", align: 'i', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(42, "int4in"), (43, "int4out"), (2406, "int4recv"), (2407, "int4send"), NONE, NONE, NONE] },
    Base { oid: 24, name: "regproc", align: 'i', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(44, "regprocin"), (45, "regprocout"), (2444, "regprocrecv"), (2445, "regprocsend"), NONE, NONE, NONE] },
    Base { oid: 25, name: "text", align: 'i', storage: 'x', by_value: false, preferred: true, collation: 100, functions: [(46, "textin"), (47, "textout"), (2414, "textrecv"), (2415, "textsend"), NONE, NONE, NONE] },
    Base { oid: 26, name: "oid", align: 'i', storage: 'p', by_value: true, preferred: true, collation: 0, functions: [(1798, "oidin"), (1799, "oidout"), (2418, "oidrecv"), (2419, "oidsend"), NONE, NONE, NONE] },
    Base { oid: 28, name: "xid", align: 'i', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(50, "xidin"), (51, "xidout"), (2440, "xidrecv"), (2441, "xidsend"), NONE, NONE, NONE] },
    Base { oid: 30, name: "oidvector", align: 'i', storage: 'p', by_value: false, preferred: false, collation: 0, functions: [(54, "oidvectorin"), (55, "oidvectorout"), (2420, "oidvectorrecv"), (2421, "oidvectorsend"), NONE, NONE, (6179, "array_subscript_handler")] },
    Base { oid: 114, name: "json", align: 'i', storage: 'x', by_value: false, preferred: false, collation: 0, functions: [(321, "json_in"), (322, "json_out"), (323, "json_recv"), (324, "json_send"), NONE, NONE, NONE] },
    Base { oid: 700, name: "float4", align: 'i', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(200, "float4in"), (201, "float4out"), (2424, "float4recv"), (2425, "float4send"), NONE, NONE, NONE] },
    Base { oid: 701, name: "float8", align: 'd', storage: 'p', by_value: true, preferred: true, collation: 0, functions: [(214, "float8in"), (215, "float8out"), (2426, "float8recv"), (2427, "float8send"), NONE, NONE, NONE] },
    Base { oid: 705, name: "unknown", align: 'c', storage: 'p', by_value: false, preferred: false, collation: 0, functions: [(109, "unknownin"), (110, "unknownout"), (2416, "unknownrecv"), (2417, "unknownsend"), NONE, NONE, NONE] },
    Base { oid: 1033, name: "aclitem", align: 'i', storage: 'p', by_value: false, preferred: false, collation: 0, functions: [(1031, "aclitemin"), (1032, "aclitemout"), NONE, NONE, NONE, NONE, NONE] },
    Base { oid: 1042, name: "bpchar", align: 'i', storage: 'x', by_value: false, preferred: false, collation: 100, functions: [(1044, "bpcharin"), (1045, "bpcharout"), (2430, "bpcharrecv"), (2431, "bpcharsend"), (2913, "bpchartypmodin"), (2914, "bpchartypmodout"), NONE] },
    Base { oid: 1043, name: "varchar", align: 'i', storage: 'x', by_value: false, preferred: false, collation: 100, functions: [(1046, "varcharin"), (1047, "varcharout"), (2432, "varcharrecv"), (2433, "varcharsend"), (2915, "varchartypmodin"), (2916, "varchartypmodout"), NONE] },
    Base { oid: 1082, name: "date", align: 'i', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(1084, "date_in"), (1085, "date_out"), (2468, "date_recv"), (2469, "date_send"), NONE, NONE, NONE] },
    Base { oid: 1083, name: "time", align: 'd', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(1143, "time_in"), (1144, "time_out"), (2470, "time_recv"), (2471, "time_send"), (2909, "timetypmodin"), (2910, "timetypmodout"), NONE] },
    Base { oid: 1114, name: "timestamp", align: 'd', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(1312, "timestamp_in"), (1313, "timestamp_out"), (2474, "timestamp_recv"), (2475, "timestamp_send"), (2905, "timestamptypmodin"), (2906, "timestamptypmodout"), NONE] },
    Base { oid: 1184, name: "timestamptz", align: 'd', storage: 'p', by_value: true, preferred: true, collation: 0, functions: [(1150, "timestamptz_in"), (1151, "timestamptz_out"), (2476, "timestamptz_recv"), (2477, "timestamptz_send"), (2907, "timestamptztypmodin"), (2908, "timestamptztypmodout"), NONE] },
    Base { oid: 1186, name: "interval", align: 'd', storage: 'p', by_value: false, preferred: true, collation: 0, functions: [(1160, "interval_in"), (1161, "interval_out"), (2478, "interval_recv"), (2479, "interval_send"), (2903, "intervaltypmodin"), (2904, "intervaltypmodout"), NONE] },
    Base { oid: 1266, name: "timetz", align: 'd', storage: 'p', by_value: false, preferred: false, collation: 0, functions: [(1350, "timetz_in"), (1351, "timetz_out"), (2472, "timetz_recv"), (2473, "timetz_send"), (2911, "timetztypmodin"), (2912, "timetztypmodout"), NONE] },
    Base { oid: 1700, name: "numeric", align: 'i', storage: 'm', by_value: false, preferred: false, collation: 0, functions: [(1701, "numeric_in"), (1702, "numeric_out"), (2460, "numeric_recv"), (2461, "numeric_send"), (2917, "numerictypmodin"), (2918, "numerictypmodout"), NONE] },
    Base { oid: 2205, name: "regclass", align: 'i', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(2218, "regclassin"), (2219, "regclassout"), (2452, "regclassrecv"), (2453, "regclasssend"), NONE, NONE, NONE] },
    Base { oid: 2206, name: "regtype", align: 'i', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(2220, "regtypein"), (2221, "regtypeout"), (2454, "regtyperecv"), (2455, "regtypesend"), NONE, NONE, NONE] },
    Base { oid: 2249, name: "record", align: 'd', storage: 'x', by_value: false, preferred: false, collation: 0, functions: [(2290, "record_in"), (2291, "record_out"), (2402, "record_recv"), (2403, "record_send"), NONE, NONE, NONE] },
    Base { oid: 2275, name: "cstring", align: 'c', storage: 'p', by_value: false, preferred: false, collation: 0, functions: [(2292, "cstring_in"), (2293, "cstring_out"), (2500, "cstring_recv"), (2501, "cstring_send"), NONE, NONE, NONE] },
    Base { oid: 2276, name: "any", align: 'i', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(2294, "any_in"), (2295, "any_out"), NONE, NONE, NONE, NONE, NONE] },
    Base { oid: 2277, name: "anyarray", align: 'd', storage: 'x', by_value: false, preferred: false, collation: 0, functions: [(2296, "anyarray_in"), (2297, "anyarray_out"), (2502, "anyarray_recv"), (2503, "anyarray_send"), NONE, NONE, NONE] },
    Base { oid: 2278, name: "void", align: 'i', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(2298, "void_in"), (2299, "void_out"), (3120, "void_recv"), (3121, "void_send"), NONE, NONE, NONE] },
    Base { oid: 2279, name: "trigger", align: 'i', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(2300, "trigger_in"), (2301, "trigger_out"), NONE, NONE, NONE, NONE, NONE] },
    Base { oid: 2281, name: "internal", align: 'd', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(2304, "internal_in"), (2305, "internal_out"), NONE, NONE, NONE, NONE, NONE] },
    Base { oid: 2283, name: "anyelement", align: 'i', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(2312, "anyelement_in"), (2313, "anyelement_out"), NONE, NONE, NONE, NONE, NONE] },
    Base { oid: 2776, name: "anynonarray", align: 'i', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(2777, "anynonarray_in"), (2778, "anynonarray_out"), NONE, NONE, NONE, NONE, NONE] },
    Base { oid: 2950, name: "uuid", align: 'c', storage: 'p', by_value: false, preferred: false, collation: 0, functions: [(2952, "uuid_in"), (2953, "uuid_out"), (2961, "uuid_recv"), (2962, "uuid_send"), NONE, NONE, NONE] },
    Base { oid: 3802, name: "jsonb", align: 'i', storage: 'x', by_value: false, preferred: false, collation: 0, functions: [(3806, "jsonb_in"), (3804, "jsonb_out"), (3805, "jsonb_recv"), (3803, "jsonb_send"), NONE, NONE, (6098, "jsonb_subscript_handler")] },
    Base { oid: 3838, name: "event_trigger", align: 'i', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(3594, "event_trigger_in"), (3595, "event_trigger_out"), NONE, NONE, NONE, NONE, NONE] },
    Base { oid: 4089, name: "regnamespace", align: 'i', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(4084, "regnamespacein"), (4085, "regnamespaceout"), (4087, "regnamespacerecv"), (4088, "regnamespacesend"), NONE, NONE, NONE] },
    Base { oid: 4096, name: "regrole", align: 'i', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(4098, "regrolein"), (4092, "regroleout"), (4094, "regrolerecv"), (4095, "regrolesend"), NONE, NONE, NONE] },
    Base { oid: 5077, name: "anycompatible", align: 'i', storage: 'p', by_value: true, preferred: false, collation: 0, functions: [(5086, "anycompatible_in"), (5087, "anycompatible_out"), NONE, NONE, NONE, NONE, NONE] },
    Base { oid: 5078, name: "anycompatiblearray", align: 'd', storage: 'x', by_value: false, preferred: false, collation: 0, functions: [(5088, "anycompatiblearray_in"), (5089, "anycompatiblearray_out"), (5090, "anycompatiblearray_recv"), (5091, "anycompatiblearray_send"), NONE, NONE, NONE] },
];
