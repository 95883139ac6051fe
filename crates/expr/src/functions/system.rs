//! What a client asks of a server: types, sizes, and what only the layers above know (names, privileges, sequences,
//! locks): those are the runtime's, and here only declared.

use crate::columnwise::{at, column};
use crate::context::Context;
use crate::signature::functions;
use types::vector::Data;
use types::{ColumnType, DataType, Error, Numeric, Result, Value, Vector, err};

#[rustfmt::skip]
functions! {
    1619 "pg_typeof" (Any) -> Regtype = columns(type_of) called_on_null stable;
    1081 "format_type" (Oid, Int4) -> Text = row(format_type) called_on_null stable;
    2288 "pg_size_pretty" (Int8) -> Text = row(size_pretty);
    3166 "pg_size_pretty" (Numeric) -> Text = row(size_pretty);
    3334 "pg_size_bytes" (Text) -> Int8 = row(size_bytes);
    438 "num_nulls" (Any) -> Int4 = columns(null_count) called_on_null variadic;
    440 "num_nonnulls" (Any) -> Int4 = columns(nonnull_count) called_on_null variadic;
    3432 "gen_random_uuid" () -> Uuid = runtime volatile;
    1574 "nextval" (Regclass) -> Int8 = runtime volatile;
    1575 "currval" (Regclass) -> Int8 = runtime volatile;
    2559 "lastval" () -> Int8 = runtime volatile;
    1576 "setval" (Regclass, Int8) -> Int8 = runtime volatile;
    1765 "setval" (Regclass, Int8, Bool) -> Int8 = runtime volatile;
    745 "current_user" () -> Name = runtime stable;
    746 "session_user" () -> Name = runtime stable;
    861 "current_database" () -> Name = runtime stable;
    1402 "current_schema" () -> Name = runtime stable;
    1403 "current_schemas" (Bool) -> NameArray = runtime stable;
    2077 "current_setting" (Text) -> Text = runtime stable;
    3294 "current_setting" (Text, Bool) -> Text = runtime stable;
    2078 "set_config" (Text, Text, Bool) -> Text = runtime called_on_null volatile;
    89 "version" () -> Text = runtime stable;
    2026 "pg_backend_pid" () -> Int4 = runtime stable;
    2079 "pg_table_is_visible" (Oid) -> Bool = runtime stable;
    2080 "pg_type_is_visible" (Oid) -> Bool = runtime stable;
    2081 "pg_function_is_visible" (Oid) -> Bool = runtime stable;
    2082 "pg_operator_is_visible" (Oid) -> Bool = runtime stable;
    2083 "pg_opclass_is_visible" (Oid) -> Bool = runtime stable;
    3829 "pg_opfamily_is_visible" (Oid) -> Bool = runtime stable;
    2093 "pg_conversion_is_visible" (Oid) -> Bool = runtime stable;
    3756 "pg_ts_parser_is_visible" (Oid) -> Bool = runtime stable;
    3757 "pg_ts_dict_is_visible" (Oid) -> Bool = runtime stable;
    3768 "pg_ts_template_is_visible" (Oid) -> Bool = runtime stable;
    3758 "pg_ts_config_is_visible" (Oid) -> Bool = runtime stable;
    3815 "pg_collation_is_visible" (Oid) -> Bool = runtime stable;
    3403 "pg_statistics_obj_is_visible" (Oid) -> Bool = runtime stable;
    1716 "pg_get_expr" (Text, Oid) -> Text = runtime stable;
    2509 "pg_get_expr" (Text, Oid, Bool) -> Text = runtime stable;
    1643 "pg_get_indexdef" (Oid) -> Text = runtime stable;
    2507 "pg_get_indexdef" (Oid, Int4, Bool) -> Text = runtime stable;
    1387 "pg_get_constraintdef" (Oid) -> Text = runtime stable;
    2508 "pg_get_constraintdef" (Oid, Bool) -> Text = runtime stable;
    1640 "pg_get_viewdef" (Text) -> Text = runtime stable;
    1641 "pg_get_viewdef" (Oid) -> Text = runtime stable;
    2505 "pg_get_viewdef" (Text, Bool) -> Text = runtime stable;
    2506 "pg_get_viewdef" (Oid, Bool) -> Text = runtime stable;
    3159 "pg_get_viewdef" (Oid, Int4) -> Text = runtime stable;
    1665 "pg_get_serial_sequence" (Text, Text) -> Text = runtime stable;
    1642 "pg_get_userbyid" (Oid) -> Name = runtime stable;
    1215 "obj_description" (Oid, Name) -> Text = runtime stable;
    1348 "obj_description" (Oid) -> Text = runtime stable;
    1216 "col_description" (Oid, Int4) -> Text = runtime stable;
    1993 "shobj_description" (Oid, Name) -> Text = runtime stable;
    1922 "has_table_privilege" (Name, Text, Text) -> Bool = runtime stable;
    1923 "has_table_privilege" (Name, Oid, Text) -> Bool = runtime stable;
    1924 "has_table_privilege" (Oid, Text, Text) -> Bool = runtime stable;
    1925 "has_table_privilege" (Oid, Oid, Text) -> Bool = runtime stable;
    1926 "has_table_privilege" (Text, Text) -> Bool = runtime stable;
    1927 "has_table_privilege" (Oid, Text) -> Bool = runtime stable;
    3012 "has_column_privilege" (Name, Text, Text, Text) -> Bool = runtime stable;
    3013 "has_column_privilege" (Name, Text, Int2, Text) -> Bool = runtime stable;
    3014 "has_column_privilege" (Name, Oid, Text, Text) -> Bool = runtime stable;
    3015 "has_column_privilege" (Name, Oid, Int2, Text) -> Bool = runtime stable;
    3016 "has_column_privilege" (Oid, Text, Text, Text) -> Bool = runtime stable;
    3017 "has_column_privilege" (Oid, Text, Int2, Text) -> Bool = runtime stable;
    3018 "has_column_privilege" (Oid, Oid, Text, Text) -> Bool = runtime stable;
    3019 "has_column_privilege" (Oid, Oid, Int2, Text) -> Bool = runtime stable;
    3020 "has_column_privilege" (Text, Text, Text) -> Bool = runtime stable;
    3021 "has_column_privilege" (Text, Int2, Text) -> Bool = runtime stable;
    3022 "has_column_privilege" (Oid, Text, Text) -> Bool = runtime stable;
    3023 "has_column_privilege" (Oid, Int2, Text) -> Bool = runtime stable;
    3024 "has_any_column_privilege" (Name, Text, Text) -> Bool = runtime stable;
    3025 "has_any_column_privilege" (Name, Oid, Text) -> Bool = runtime stable;
    3026 "has_any_column_privilege" (Oid, Text, Text) -> Bool = runtime stable;
    3027 "has_any_column_privilege" (Oid, Oid, Text) -> Bool = runtime stable;
    3028 "has_any_column_privilege" (Text, Text) -> Bool = runtime stable;
    3029 "has_any_column_privilege" (Oid, Text) -> Bool = runtime stable;
    2250 "has_database_privilege" (Name, Text, Text) -> Bool = runtime stable;
    2251 "has_database_privilege" (Name, Oid, Text) -> Bool = runtime stable;
    2252 "has_database_privilege" (Oid, Text, Text) -> Bool = runtime stable;
    2253 "has_database_privilege" (Oid, Oid, Text) -> Bool = runtime stable;
    2254 "has_database_privilege" (Text, Text) -> Bool = runtime stable;
    2255 "has_database_privilege" (Oid, Text) -> Bool = runtime stable;
    2256 "has_function_privilege" (Name, Text, Text) -> Bool = runtime stable;
    2257 "has_function_privilege" (Name, Oid, Text) -> Bool = runtime stable;
    2258 "has_function_privilege" (Oid, Text, Text) -> Bool = runtime stable;
    2259 "has_function_privilege" (Oid, Oid, Text) -> Bool = runtime stable;
    2260 "has_function_privilege" (Text, Text) -> Bool = runtime stable;
    2261 "has_function_privilege" (Oid, Text) -> Bool = runtime stable;
    2262 "has_language_privilege" (Name, Text, Text) -> Bool = runtime stable;
    2263 "has_language_privilege" (Name, Oid, Text) -> Bool = runtime stable;
    2264 "has_language_privilege" (Oid, Text, Text) -> Bool = runtime stable;
    2265 "has_language_privilege" (Oid, Oid, Text) -> Bool = runtime stable;
    2266 "has_language_privilege" (Text, Text) -> Bool = runtime stable;
    2267 "has_language_privilege" (Oid, Text) -> Bool = runtime stable;
    2268 "has_schema_privilege" (Name, Text, Text) -> Bool = runtime stable;
    2269 "has_schema_privilege" (Name, Oid, Text) -> Bool = runtime stable;
    2270 "has_schema_privilege" (Oid, Text, Text) -> Bool = runtime stable;
    2271 "has_schema_privilege" (Oid, Oid, Text) -> Bool = runtime stable;
    2272 "has_schema_privilege" (Text, Text) -> Bool = runtime stable;
    2273 "has_schema_privilege" (Oid, Text) -> Bool = runtime stable;
    2181 "has_sequence_privilege" (Name, Text, Text) -> Bool = runtime stable;
    2182 "has_sequence_privilege" (Name, Oid, Text) -> Bool = runtime stable;
    2183 "has_sequence_privilege" (Oid, Text, Text) -> Bool = runtime stable;
    2184 "has_sequence_privilege" (Oid, Oid, Text) -> Bool = runtime stable;
    2185 "has_sequence_privilege" (Text, Text) -> Bool = runtime stable;
    2186 "has_sequence_privilege" (Oid, Text) -> Bool = runtime stable;
    3006 "has_server_privilege" (Name, Text, Text) -> Bool = runtime stable;
    3007 "has_server_privilege" (Name, Oid, Text) -> Bool = runtime stable;
    3008 "has_server_privilege" (Oid, Text, Text) -> Bool = runtime stable;
    3009 "has_server_privilege" (Oid, Oid, Text) -> Bool = runtime stable;
    3010 "has_server_privilege" (Text, Text) -> Bool = runtime stable;
    3011 "has_server_privilege" (Oid, Text) -> Bool = runtime stable;
    2390 "has_tablespace_privilege" (Name, Text, Text) -> Bool = runtime stable;
    2391 "has_tablespace_privilege" (Name, Oid, Text) -> Bool = runtime stable;
    2392 "has_tablespace_privilege" (Oid, Text, Text) -> Bool = runtime stable;
    2393 "has_tablespace_privilege" (Oid, Oid, Text) -> Bool = runtime stable;
    2394 "has_tablespace_privilege" (Text, Text) -> Bool = runtime stable;
    2395 "has_tablespace_privilege" (Oid, Text) -> Bool = runtime stable;
    3138 "has_type_privilege" (Name, Text, Text) -> Bool = runtime stable;
    3139 "has_type_privilege" (Name, Oid, Text) -> Bool = runtime stable;
    3140 "has_type_privilege" (Oid, Text, Text) -> Bool = runtime stable;
    3141 "has_type_privilege" (Oid, Oid, Text) -> Bool = runtime stable;
    3142 "has_type_privilege" (Text, Text) -> Bool = runtime stable;
    3143 "has_type_privilege" (Oid, Text) -> Bool = runtime stable;
    3000 "has_foreign_data_wrapper_privilege" (Name, Text, Text) -> Bool = runtime stable;
    3001 "has_foreign_data_wrapper_privilege" (Name, Oid, Text) -> Bool = runtime stable;
    3002 "has_foreign_data_wrapper_privilege" (Oid, Text, Text) -> Bool = runtime stable;
    3003 "has_foreign_data_wrapper_privilege" (Oid, Oid, Text) -> Bool = runtime stable;
    3004 "has_foreign_data_wrapper_privilege" (Text, Text) -> Bool = runtime stable;
    3005 "has_foreign_data_wrapper_privilege" (Oid, Text) -> Bool = runtime stable;
    6205 "has_parameter_privilege" (Name, Text, Text) -> Bool = runtime stable;
    6206 "has_parameter_privilege" (Oid, Text, Text) -> Bool = runtime stable;
    6207 "has_parameter_privilege" (Text, Text) -> Bool = runtime stable;
    2705 "pg_has_role" (Name, Name, Text) -> Bool = runtime stable;
    2706 "pg_has_role" (Name, Oid, Text) -> Bool = runtime stable;
    2707 "pg_has_role" (Oid, Name, Text) -> Bool = runtime stable;
    2708 "pg_has_role" (Oid, Oid, Text) -> Bool = runtime stable;
    2709 "pg_has_role" (Name, Text) -> Bool = runtime stable;
    2710 "pg_has_role" (Oid, Text) -> Bool = runtime stable;
    3298 "row_security_active" (Oid) -> Bool = runtime stable;
    3299 "row_security_active" (Text) -> Bool = runtime stable;
    3495 "to_regclass" (Text) -> Regclass = runtime stable;
    3493 "to_regtype" (Text) -> Regtype = runtime stable;
    3494 "to_regproc" (Text) -> Regproc = runtime stable;
    3479 "to_regprocedure" (Text) -> Regproc = runtime stable;
    4086 "to_regnamespace" (Text) -> Regnamespace = runtime stable;
    4093 "to_regrole" (Text) -> Regrole = runtime stable;
    1597 "pg_encoding_to_char" (Int4) -> Name = runtime stable;
    1264 "pg_char_to_encoding" (Name) -> Int4 = runtime stable;
    810 "pg_client_encoding" () -> Name = runtime stable;
    1039 "getdatabaseencoding" () -> Name = runtime stable;
    2319 "pg_encoding_max_length" (Int4) -> Int4 = runtime;
    2325 "pg_relation_size" (Regclass) -> Int8 = runtime volatile;
    2332 "pg_relation_size" (Regclass, Text) -> Int8 = runtime volatile;
    2997 "pg_table_size" (Regclass) -> Int8 = runtime volatile;
    2286 "pg_total_relation_size" (Regclass) -> Int8 = runtime volatile;
    2998 "pg_indexes_size" (Regclass) -> Int8 = runtime volatile;
    2168 "pg_database_size" (Name) -> Int8 = runtime volatile;
    2324 "pg_database_size" (Oid) -> Int8 = runtime volatile;
    2322 "pg_tablespace_size" (Oid) -> Int8 = runtime volatile;
    2323 "pg_tablespace_size" (Name) -> Int8 = runtime volatile;
    2999 "pg_relation_filenode" (Regclass) -> Oid = runtime stable;
    2880 "pg_advisory_lock" (Int8) -> Void = runtime volatile;
    2886 "pg_advisory_lock" (Int4, Int4) -> Void = runtime volatile;
    2881 "pg_advisory_lock_shared" (Int8) -> Void = runtime volatile;
    2887 "pg_advisory_lock_shared" (Int4, Int4) -> Void = runtime volatile;
    3089 "pg_advisory_xact_lock" (Int8) -> Void = runtime volatile;
    3093 "pg_advisory_xact_lock" (Int4, Int4) -> Void = runtime volatile;
    3090 "pg_advisory_xact_lock_shared" (Int8) -> Void = runtime volatile;
    3094 "pg_advisory_xact_lock_shared" (Int4, Int4) -> Void = runtime volatile;
    2884 "pg_advisory_unlock" (Int8) -> Bool = runtime volatile;
    2890 "pg_advisory_unlock" (Int4, Int4) -> Bool = runtime volatile;
    2885 "pg_advisory_unlock_shared" (Int8) -> Bool = runtime volatile;
    2891 "pg_advisory_unlock_shared" (Int4, Int4) -> Bool = runtime volatile;
    2892 "pg_advisory_unlock_all" () -> Void = runtime volatile;
    2882 "pg_try_advisory_lock" (Int8) -> Bool = runtime volatile;
    2888 "pg_try_advisory_lock" (Int4, Int4) -> Bool = runtime volatile;
    2883 "pg_try_advisory_lock_shared" (Int8) -> Bool = runtime volatile;
    2889 "pg_try_advisory_lock_shared" (Int4, Int4) -> Bool = runtime volatile;
    3091 "pg_try_advisory_xact_lock" (Int8) -> Bool = runtime volatile;
    3095 "pg_try_advisory_xact_lock" (Int4, Int4) -> Bool = runtime volatile;
    3092 "pg_try_advisory_xact_lock_shared" (Int8) -> Bool = runtime volatile;
    3096 "pg_try_advisory_xact_lock_shared" (Int4, Int4) -> Bool = runtime volatile;
    2171 "pg_cancel_backend" (Int4) -> Bool = runtime volatile;
    2096 "pg_terminate_backend" (Int4, Int8) -> Bool = runtime volatile;
    0 "pg_terminate_backend" (Int4) -> Bool = runtime volatile;
    2626 "pg_sleep" (Float8) -> Void = runtime volatile;
    2943 "txid_current" () -> Int8 = runtime stable;
    3348 "txid_current_if_assigned" () -> Int8 = runtime stable;
    2621 "pg_reload_conf" () -> Bool = runtime volatile;
    3036 "pg_notify" (Text, Text) -> Void = runtime called_on_null volatile;
    2198 "inet_server_addr" () -> Text = runtime called_on_null stable;
    2199 "inet_server_port" () -> Int4 = runtime called_on_null stable;
    2196 "inet_client_addr" () -> Text = runtime called_on_null stable;
    2197 "inet_client_port" () -> Int4 = runtime called_on_null stable;
    3810 "pg_is_in_recovery" () -> Bool = runtime volatile;
    3073 "pg_is_wal_replay_paused" () -> Bool = runtime volatile;
    2560 "pg_postmaster_start_time" () -> TimestampTz = runtime stable;
    2034 "pg_conf_load_time" () -> TimestampTz = runtime stable;
    3809 "pg_export_snapshot" () -> Text = runtime volatile;
    2854 "pg_my_temp_schema" () -> Oid = runtime stable;
    2855 "pg_is_other_temp_schema" (Oid) -> Bool = runtime stable;
    2849 "pg_current_wal_lsn" () -> Text = runtime volatile;
    2098 "pg_get_functiondef" (Oid) -> Text = runtime stable;
    2162 "pg_get_function_arguments" (Oid) -> Text = runtime stable;
    2232 "pg_get_function_identity_arguments" (Oid) -> Text = runtime stable;
    2165 "pg_get_function_result" (Oid) -> Text = runtime stable;
    3808 "pg_get_function_arg_default" (Oid, Int4) -> Text = runtime stable;
    6197 "pg_get_function_sqlbody" (Oid) -> Text = runtime stable;
    1662 "pg_get_triggerdef" (Oid) -> Text = runtime stable;
    2730 "pg_get_triggerdef" (Oid, Bool) -> Text = runtime stable;
    1573 "pg_get_ruledef" (Oid) -> Text = runtime stable;
    2504 "pg_get_ruledef" (Oid, Bool) -> Text = runtime stable;
    3352 "pg_get_partkeydef" (Oid) -> Text = runtime stable;
    3408 "pg_get_partition_constraintdef" (Oid) -> Text = runtime stable;
    3415 "pg_get_statisticsobjdef" (Oid) -> Text = runtime stable;
    6174 "pg_get_statisticsobjdef_columns" (Oid) -> Text = runtime stable;
    3778 "pg_tablespace_location" (Oid) -> Text = runtime stable;
    6121 "pg_relation_is_publishable" (Regclass) -> Bool = runtime stable;
    3842 "pg_relation_is_updatable" (Regclass, Bool) -> Int4 = runtime stable;
    3843 "pg_column_is_updatable" (Regclass, Int2, Bool) -> Bool = runtime stable;
    3537 "pg_describe_object" (Oid, Oid, Int4) -> Text = runtime stable;
    3839 "pg_identify_object" (Oid, Oid, Int4) -> Record = runtime stable;
    4032 "pg_sequence_last_value" (Regclass) -> Int8 = runtime volatile;
    3078 "pg_sequence_parameters" (Oid) -> Record { "start_value" Int8, "minimum_value" Int8, "maximum_value" Int8, "increment" Int8, "cycle_option" Bool, "cache_size" Int8, "data_type" Oid } = runtime stable;
    638 "pg_index_column_has_property" (Regclass, Int4, Text) -> Bool = runtime stable;
    637 "pg_index_has_property" (Regclass, Text) -> Bool = runtime stable;
    636 "pg_indexam_has_property" (Oid, Text) -> Bool = runtime stable;
    6120 "pg_get_replica_identity_index" (Regclass) -> Regclass = runtime stable;
    3781 "pg_get_replication_slots" () -> Record = runtime called_on_null stable set;
    2561 "pg_blocking_pids" (Int4) -> Int4Array = runtime volatile;
    3376 "pg_safe_snapshot_blocking_pids" (Int4) -> Int4Array = runtime volatile;
    3378 "pg_isolation_test_session_is_blocked" (Int4, Int4Array) -> Bool = runtime volatile;
    1928 "pg_stat_get_numscans" (Oid) -> Int8 = runtime stable;
    3163 "pg_trigger_depth" () -> Int4 = runtime stable;
    315 "pg_jit_available" () -> Bool = runtime volatile;
    2084 "pg_show_all_settings" () -> Record { "name" Text, "setting" Text, "unit" Text, "category" Text, "short_desc" Text, "extra_desc" Text, "context" Text, "vartype" Text, "source" Text, "min_val" Text, "max_val" Text, "enumvals" TextArray, "boot_val" Text, "reset_val" Text, "sourcefile" Text, "sourceline" Int4, "pending_restart" Bool } = runtime stable;
    2856 "pg_timezone_names" () -> Record { "name" Text, "abbrev" Text, "utc_offset" Interval, "is_dst" Bool } = runtime stable;
    2599 "pg_timezone_abbrevs" () -> Record { "abbrev" Text, "utc_offset" Interval, "is_dst" Bool } = runtime stable;
    1686 "pg_get_keywords" () -> Record { "word" Text, "catcode" Char, "barelabel" Bool, "catdesc" Text, "baredesc" Text } = runtime stable;
    3425 "pg_partition_ancestors" (Regclass) -> Regclass = runtime stable set;
    3424 "pg_partition_root" (Regclass) -> Regclass = runtime stable;
    3035 "pg_listening_channels" () -> Text = runtime stable set;
    1689 "aclexplode" (AclItemArray) -> Record { "grantor" Oid, "grantee" Oid, "privilege_type" Text, "is_grantable" Bool } = runtime stable;
    3943 "acldefault" (Char, Oid) -> AclItemArray = runtime;
    2289 "pg_options_to_table" (TextArray) -> Record { "option_name" Text, "option_value" Text } = runtime stable;
    1371 "pg_lock_status" () -> Record { "locktype" Text, "database" Oid, "relation" Oid, "page" Int4, "tuple" Int2, "virtualxid" Text, "transactionid" Xid, "classid" Oid, "objid" Oid, "objsubid" Int2, "virtualtransaction" Text, "pid" Int4, "mode" Text, "granted" Bool, "fastpath" Bool, "waitstart" TimestampTz } = runtime volatile;
    2510 "pg_prepared_statement" () -> Record { "name" Text, "statement" Text, "prepare_time" TimestampTz, "parameter_types" RegtypeArray, "from_sql" Bool, "generic_plans" Int8, "custom_plans" Int8 } = runtime stable;
    2511 "pg_cursor" () -> Record { "name" Text, "statement" Text, "is_holdable" Bool, "is_binary" Bool, "is_scrollable" Bool, "creation_time" TimestampTz } = runtime stable;
    1037 "aclcontains" (AclItemArray, AclItem) -> Bool = runtime;
    0 "user" () -> Name = runtime stable;
    0 "current_role" () -> Name = runtime stable;
    0 "current_catalog" () -> Name = runtime stable;
    5059 "pg_current_xact_id" () -> Int8 = runtime stable;
    5060 "pg_current_xact_id_if_assigned" () -> Int8 = runtime stable;
}

fn unexpected(args: &[Value]) -> Error {
    Error::internal(format!("a system function was given {args:?}"))
}

pub(crate) fn type_of(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let oid = args.first().map_or(0, |arg| arg.data_type.oid());
    Ok(column(DataType::Regtype, Data::U32(vec![oid; rows])))
}

/// `format_type(oid, typmod)`: a null modifier is "not asked for", -1 is "none".
pub(crate) fn format_type(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (oid, typmod) = match args {
        [Value::Oid(oid), Value::Int4(typmod)] => (*oid, Some(*typmod)),
        [Value::Oid(oid), Value::Null] => (*oid, None),
        _ => return Ok(Value::Null),
    };
    Ok(Value::Text(match (oid, DataType::from_oid(oid), typmod) {
        (0, ..) => "-".to_owned(),
        (_, Some(ty), None) => ty.to_string(),
        (_, Some(ty), Some(typmod)) => ColumnType::new(ty, typmod).to_string(),
        (oid, None, _) => {
            context.runtime.name_of(DataType::Regtype, oid)?.unwrap_or_else(|| "???".to_owned())
        }
    }))
}

fn count_where(args: &[&Vector], rows: usize, null: bool) -> Result<Vector> {
    let count = |row: usize| args.iter().filter(|arg| arg.is_null(at(arg, row)) == null).count() as i32;
    Ok(column(DataType::Int4, Data::I32((0..rows).map(count).collect())))
}
pub(crate) fn null_count(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    count_where(args, rows, true)
}
pub(crate) fn nonnull_count(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    count_where(args, rows, false)
}

/// Name, power of two, and from where on the next unit is used. From kB on, halves are kept for rounding.
const UNITS: [(&str, u32, i128); 6] = [
    ("bytes", 0, 10 * 1024),
    ("kB", 10, 20 * 1024 - 1),
    ("MB", 20, 20 * 1024 - 1),
    ("GB", 30, 20 * 1024 - 1),
    ("TB", 40, 20 * 1024 - 1),
    ("PB", 50, i128::MAX),
];

pub(crate) fn size_pretty(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    let mut size = match args {
        [Value::Int8(size)] => *size as i128,
        [Value::Numeric(size)] => {
            let whole = size
                .trunc(0)?
                .to_i128()
                .ok_or_else(|| err!(NumericValueOutOfRange, "bigint out of range"))?;
            if whole.abs() < UNITS[0].2 {
                let shown = super::text::output(&args[0], DataType::Numeric, context)?;
                return Ok(Value::Text(format!("{shown} bytes")));
            }
            whole
        }
        _ => return Err(unexpected(args)),
    };
    let mut unit = 0;
    while size.abs() >= UNITS[unit].2 && unit + 1 < UNITS.len() {
        // One bit more than the unit is kept, to round by.
        size /= if unit == 0 { 512 } else { 1024 };
        unit += 1;
    }
    if unit > 0 {
        size = (size + if size < 0 { -1 } else { 1 }) / 2;
    }
    Ok(Value::Text(format!("{size} {}", UNITS[unit].0)))
}

pub(crate) fn size_bytes(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Text(text)] = args else { return Err(unexpected(args)) };
    let invalid = || err!(InvalidParameterValue, "invalid size: \"{text}\"");
    let trimmed = text.trim();
    let number_end = trimmed
        .char_indices()
        .find(|(byte, c)| {
            let exponent = matches!(c, 'e' | 'E')
                && trimmed[byte + 1..].starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
            !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-') || exponent)
        })
        .map_or(trimmed.len(), |(byte, _)| byte);
    let number = Numeric::parse(&trimmed[..number_end]).map_err(|_| invalid())?;
    let unit = trimmed[number_end..].trim();
    let bits = match unit.to_ascii_lowercase().as_str() {
        "" | "bytes" | "b" => 0,
        "kb" => 10,
        "mb" => 20,
        "gb" => 30,
        "tb" => 40,
        "pb" => 50,
        _ => {
            return Err(invalid()
                .detail(format!("Invalid size unit: \"{unit}\"."))
                .hint("Valid units are \"bytes\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\"."));
        }
    };
    number.mul(&Numeric::from(1i64 << bits))?.to_integer("bigint").map(Value::Int8)
}
