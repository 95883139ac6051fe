//! Functions that describe the catalog to clients: pg_get_*def, *_is_visible, descriptions, sizes.
//!
//! What is asked about and is not there reads as NULL, as in PostgreSQL.

mod comment;
mod definition;
mod privileges;
mod property;
mod routine;
mod size;
mod visible;

use crate::surroundings::Known;
use catalog::Transaction;
use std::sync::Arc;
use types::schema::{Constraint, Index, Relation, RelationKind, Schema};
use types::{DataType, Error, Oid, Result, Value};

pub fn call(
    known: &Known,
    transaction: &mut Transaction,
    function: &'static expr::Function,
    args: &[Value],
) -> Result<Value> {
    let name = function.name.trim_start_matches("pg_catalog.");
    let at = At { known, transaction };
    match (name, args) {
        (name, [Value::Oid(oid)]) if name.ends_with("_is_visible") => visible::is_visible(&at, name, *oid),
        ("pg_get_expr", [expression, ..]) => Ok(expression.clone()),
        ("pg_get_indexdef", [Value::Oid(index), rest @ ..]) => definition::index(&at, *index, rest),
        ("pg_get_constraintdef", [Value::Oid(oid), rest @ ..]) => {
            definition::constraint(&at, *oid, matches!(rest, [Value::Bool(true)]))
        }
        ("pg_get_viewdef", [view, ..]) => definition::view(&at, view),
        ("pg_get_serial_sequence", [Value::Text(table), Value::Text(column)]) => {
            definition::serial_sequence(&at, table, column)
        }
        ("pg_get_userbyid", [Value::Oid(role)]) => Ok(Value::Text(at.role(*role))),
        ("obj_description" | "shobj_description" | "col_description", args) => comment::call(&at, name, args),
        (
            "pg_get_functiondef"
            | "pg_get_function_arguments"
            | "pg_get_function_identity_arguments"
            | "pg_get_function_result"
            | "pg_get_function_arg_default"
            | "pg_get_function_sqlbody",
            [Value::Oid(oid), ..],
        ) => routine::call(name, *oid),
        // There are no triggers, rules beside views, partitions or extended statistics.
        (
            "pg_get_triggerdef"
            | "pg_get_ruledef"
            | "pg_get_partkeydef"
            | "pg_get_partition_constraintdef"
            | "pg_get_statisticsobjdef"
            | "pg_get_statisticsobjdef_columns",
            _,
        ) => Ok(Value::Null),
        ("pg_trigger_depth", _) => Ok(Value::Int4(0)),
        (
            "pg_relation_size"
            | "pg_table_size"
            | "pg_total_relation_size"
            | "pg_indexes_size"
            | "pg_database_size"
            | "pg_tablespace_size",
            [object, ..],
        ) => size::call(&at, name, object),
        ("pg_relation_filenode", [Value::Oid(oid)]) => Ok(match at.relation(*oid)? {
            Some(relation) if relation.kind != RelationKind::View => Value::Oid(relation.object_id),
            Some(_) => Value::Null,
            None => at.index(*oid).map_or(Value::Null, |(_, index)| Value::Oid(index.oid)),
        }),
        ("pg_tablespace_location", _) => Ok(Value::text("")),
        ("pg_my_temp_schema", _) => Ok(Value::Oid(0)),
        ("pg_is_other_temp_schema", _) => Ok(Value::Bool(false)),
        ("pg_encoding_to_char", [Value::Int4(encoding)]) => {
            let found = ENCODINGS.iter().find(|(number, _)| number == encoding);
            Ok(Value::text(found.map_or("", |(_, name)| *name)))
        }
        ("pg_char_to_encoding", [Value::Text(name)]) => {
            let plain = |name: &str| name.replace(['-', '_'], "").to_lowercase();
            let found = ENCODINGS.iter().find(|(_, known)| plain(known) == plain(name));
            Ok(Value::Int4(found.map_or(-1, |(number, _)| *number)))
        }
        ("pg_encoding_max_length", [Value::Int4(encoding)]) => Ok(match encoding {
            6 => Value::Int4(4),
            0 | 8 => Value::Int4(1),
            _ => Value::Null,
        }),
        ("pg_client_encoding", _) => Ok(Value::Text(known.settings.borrow().get("client_encoding")?)),
        ("getdatabaseencoding", _) => Ok(Value::text("UTF8")),
        ("pg_relation_is_updatable", [Value::Oid(oid), ..]) => {
            // Bits of INSERT, UPDATE and DELETE.
            let table = at.relation(*oid)?.is_some_and(|relation| relation.kind == RelationKind::Table);
            Ok(Value::Int4(if table { 8 | 4 | 16 } else { 0 }))
        }
        ("pg_column_is_updatable", [Value::Oid(oid), Value::Int2(column), ..]) => {
            let table = at.relation(*oid)?.filter(|relation| relation.kind == RelationKind::Table);
            Ok(Value::Bool(table.is_some() && *column > 0))
        }
        ("pg_relation_is_publishable", [Value::Oid(oid)]) => Ok(match at.relation(*oid)? {
            Some(relation) => Value::Bool(relation.kind == RelationKind::Table),
            None => Value::Null,
        }),
        ("pg_get_replica_identity_index", [Value::Oid(oid)]) => {
            let relation = at.relation(*oid)?;
            let primary = relation.and_then(|relation| relation.indexes.iter().find(|i| i.primary).cloned());
            Ok(primary.map_or(Value::Null, |index| Value::Oid(index.oid)))
        }
        ("pg_describe_object", [Value::Oid(class), Value::Oid(object), Value::Int4(part)]) => {
            definition::describe(&at, *class, *object, *part)
        }
        ("pg_index_column_has_property" | "pg_index_has_property" | "pg_indexam_has_property", args) => {
            property::call(&at, name, args)
        }
        // No transaction waits for a safe snapshot.
        ("pg_safe_snapshot_blocking_pids", _) => Ok(Value::array(DataType::Int4, vec![])),
        // Locks belong to transactions, and which process runs one is not known: {} would say that nobody blocks.
        ("pg_blocking_pids", _) => Err(Error::unsupported("function pg_blocking_pids()")
            .hint("pg_locks shows which locks are held and awaited.")),
        ("pg_stat_get_numscans", _) => Ok(Value::Null),
        ("acldefault", [Value::Text(kind), Value::Oid(owner)]) => privileges::default(kind, &at.role(*owner)),
        ("aclcontains", [Value::Array(list), Value::Text(item)]) => privileges::contains(list, item),
        _ => Err(Error::unsupported(format!("function {name}()"))),
    }
}

pub fn call_set(
    known: &Known,
    transaction: &mut Transaction,
    function: &'static expr::Function,
    args: &[Value],
) -> Result<Vec<Vec<Value>>> {
    let name = function.name.trim_start_matches("pg_catalog.");
    let at = At { known, transaction };
    match (name, args) {
        ("aclexplode", [Value::Array(list)]) => privileges::explode(&at, list),
        ("pg_options_to_table", [Value::Array(list)]) => Ok(list
            .values
            .iter()
            .filter_map(Value::as_str)
            .map(|option| match option.split_once('=') {
                Some((name, value)) => vec![Value::text(name), Value::text(value)],
                None => vec![Value::text(option), Value::Null],
            })
            .collect()),
        ("pg_get_keywords", []) => Ok(plan::parse::reserved::all()
            .iter()
            .map(|word| {
                vec![
                    Value::text(*word),
                    Value::text("R"),
                    Value::Bool(false),
                    Value::text("reserved"),
                    Value::text("requires AS"),
                ]
            })
            .collect()),
        ("pg_lock_status", []) => at.system_rows("pg_locks"),
        ("pg_prepared_statement", []) => at.system_rows("pg_prepared_statements"),
        ("pg_cursor", []) => at.system_rows("pg_cursors"),
        ("pg_timezone_names", []) => at.system_rows("pg_timezone_names"),
        ("pg_sequence_parameters", [Value::Oid(oid)]) => {
            let relation = at.relation(*oid)?;
            Ok(relation
                .and_then(|relation| relation.sequence.clone())
                .map(|sequence| {
                    vec![
                        Value::Int8(sequence.start),
                        Value::Int8(sequence.minimum),
                        Value::Int8(sequence.maximum),
                        Value::Int8(sequence.increment),
                        Value::Bool(sequence.cycle),
                        Value::Int8(sequence.cache),
                        Value::Oid(sequence.ty.data_type.oid()),
                    ]
                })
                .into_iter()
                .collect())
        }
        // Strict: a NULL list has no items.
        ("aclexplode" | "pg_options_to_table", _) => Ok(vec![]),
        _ => Err(Error::unsupported(format!("function {name}()"))),
    }
}

/// `pg_database.encoding` and names. Text is UTF-8 here; the others are what clients ask about.
const ENCODINGS: [(i32, &str); 3] = [(0, "SQL_ASCII"), (6, "UTF8"), (8, "LATIN1")];

/// Who asks, and of what moment.
struct At<'a> {
    known: &'a Known,
    transaction: &'a Transaction,
}

impl At<'_> {
    fn schema(&self) -> Arc<dyn Schema> {
        self.transaction.schema(&self.known.search_path(), self.known.current_user())
    }

    fn relation(&self, oid: Oid) -> Result<Option<Arc<Relation>>> {
        self.schema().relation_by_oid(oid)
    }

    /// An index and its table.
    fn index(&self, oid: Oid) -> Option<(Arc<Relation>, Index)> {
        let table = self.transaction.state().table_of_index(oid)?;
        let index = table.indexes.iter().find(|index| index.oid == oid)?;
        Some((table.clone(), index.clone()))
    }

    /// A constraint and its table.
    fn constraint(&self, oid: Oid) -> Option<(Arc<Relation>, Constraint)> {
        self.transaction.state().relations.values().find_map(|relation| {
            let constraint = relation.constraints.iter().find(|constraint| constraint.oid == oid)?;
            Some((relation.clone(), constraint.clone()))
        })
    }

    fn role(&self, oid: Oid) -> String {
        let directory = self.known.directory();
        directory.role_by_oid(oid).map_or_else(|| format!("unknown (OID={oid})"), |role| role.name.clone())
    }

    /// A relation as regclass prints it.
    fn visible_name(&self, oid: Oid) -> Result<Option<String>> {
        super::name::name_of(self.known, self.transaction, DataType::Regclass, oid)
    }

    /// The OID that a relation's name means: 42P01 where there is none.
    fn named(&self, name: &str) -> Result<Option<Oid>> {
        super::name::oid_of(self.known, self.transaction, DataType::Regclass, name)
    }

    fn system_rows(&self, name: &str) -> Result<Vec<Vec<Value>>> {
        let relation = catalog::system::relations().iter().find(|relation| relation.name == name);
        let relation = relation.ok_or_else(|| Error::internal(format!("there is no {name}")))?;
        let batch = catalog::system::rows(relation, self.transaction, self.known)?;
        Ok((0..batch.rows).map(|row| batch.row(row)).collect())
    }
}
