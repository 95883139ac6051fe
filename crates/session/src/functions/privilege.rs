//! has_*_privilege and pg_has_role.

use super::name;
use crate::surroundings::Known;
use catalog::Transaction;
use types::ddl::Privilege;
use types::{DataType, Oid, Result, Value, err};

/// `has_table_privilege([role,] table, privileges)` and its kin. NULL for an object that is not there.
pub fn call(known: &Known, transaction: &mut Transaction, name: &str, args: &[Value]) -> Result<Value> {
    let columns = name == "has_column_privilege";
    let wanted = if columns { 3 } else { 2 };
    let (role, rest) = match args.len().checked_sub(wanted) {
        Some(1) => (role(known, &args[0])?, &args[1..]),
        Some(0) => (known.current_user(), args),
        _ => return Ok(Value::Null),
    };
    let [object, .., Value::Text(privileges)] = rest else { return Ok(Value::Null) };
    if name == "pg_has_role" {
        let target = self::role(known, object)?;
        return Ok(Value::Bool(known.is_superuser(role) || known.closure(role).contains(&target)));
    }
    let closure = known.closure(role);
    for privilege in privileges.split(',') {
        let privilege = privilege_named(privilege.trim())?;
        let held = match name {
            "has_table_privilege"
            | "has_sequence_privilege"
            | "has_column_privilege"
            | "has_any_column_privilege" => {
                let schema = transaction.schema(&known.search_path(), known.current_user());
                let oid = match object {
                    Value::Oid(oid) => Some(*oid),
                    Value::Text(text) => name::oid_of(known, transaction, DataType::Regclass, text)?,
                    _ => None,
                };
                let relation = match oid {
                    Some(oid) => schema.relation_by_oid(oid)?,
                    None => None,
                };
                match relation {
                    Some(relation) => {
                        known.is_superuser(role)
                            || (relation.kind == types::schema::RelationKind::System
                                && privilege == Privilege::Select)
                            || transaction.may(&closure, &relation, privilege)?
                    }
                    None => return Ok(Value::Null),
                }
            }
            "has_schema_privilege" => {
                let schema = match object {
                    Value::Text(name) => Some(name.clone()),
                    Value::Oid(oid) => name::schema_name(transaction, *oid),
                    _ => None,
                };
                match schema {
                    Some(schema) => {
                        known.is_superuser(role) || transaction.may_schema(&closure, &schema, privilege)?
                    }
                    None => return Ok(Value::Null),
                }
            }
            "has_database_privilege" => {
                known.is_superuser(role)
                    || closure.contains(&known.database_owner)
                    || privilege != Privilege::Create
            }
            // Types, functions and languages are for everyone.
            _ => true,
        };
        if held {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn role(known: &Known, value: &Value) -> Result<Oid> {
    match value {
        Value::Oid(oid) => Ok(*oid),
        Value::Text(name) => match known.directory().role(name) {
            Some(role) => Ok(role.oid),
            None => Err(err!(UndefinedObject, "role \"{name}\" does not exist")),
        },
        _ => Ok(0),
    }
}

fn privilege_named(name: &str) -> Result<Privilege> {
    let upper = name.to_ascii_uppercase();
    Ok(match upper.trim_end_matches(" WITH GRANT OPTION") {
        "SELECT" => Privilege::Select,
        "INSERT" => Privilege::Insert,
        "UPDATE" => Privilege::Update,
        "DELETE" => Privilege::Delete,
        "TRUNCATE" => Privilege::Truncate,
        "REFERENCES" => Privilege::References,
        "TRIGGER" => Privilege::Trigger,
        "USAGE" | "MEMBER" => Privilege::Usage,
        "CREATE" => Privilege::Create,
        "CONNECT" => Privilege::Connect,
        "TEMPORARY" | "TEMP" => Privilege::Temporary,
        "EXECUTE" => Privilege::Execute,
        _ => return Err(err!(InvalidParameterValue, "unrecognized privilege type: \"{name}\"")),
    })
}
