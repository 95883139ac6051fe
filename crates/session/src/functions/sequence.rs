//! nextval, currval, lastval, setval.

use crate::surroundings::Known;
use catalog::Transaction;
use types::ddl::Privilege;
use types::schema::{Relation, RelationKind};
use types::{Oid, Result, Value, err};

pub fn call(known: &Known, transaction: &mut Transaction, name: &str, args: &[Value]) -> Result<Value> {
    match (name, args) {
        ("nextval", [Value::Oid(oid)]) => {
            let relation = sequence(known, transaction, *oid, &[Privilege::Usage, Privilege::Update])?;
            if transaction.is_read_only() {
                return Err(err!(
                    ReadOnlySqlTransaction,
                    "cannot execute nextval() in a read-only transaction"
                ));
            }
            let value = transaction.next_value(relation.oid)?;
            remember(known, *oid, value);
            Ok(Value::Int8(value))
        }
        ("currval", [Value::Oid(oid)]) => {
            let relation = sequence(known, transaction, *oid, &[Privilege::Usage, Privilege::Select])?;
            match known.sequences.borrow().get(oid) {
                Some(value) => Ok(Value::Int8(*value)),
                None => Err(err!(
                    ObjectNotInPrerequisiteState,
                    "currval of sequence \"{}\" is not yet defined in this session",
                    relation.name
                )),
            }
        }
        ("lastval", []) => {
            let last = known.last_sequence.get().and_then(|oid| known.sequences.borrow().get(&oid).copied());
            last.map(Value::Int8).ok_or_else(|| {
                err!(ObjectNotInPrerequisiteState, "lastval is not yet defined in this session")
            })
        }
        ("setval", [Value::Oid(oid), Value::Int8(value), rest @ ..]) => {
            let relation = sequence(known, transaction, *oid, &[Privilege::Update])?;
            if transaction.is_read_only() {
                return Err(err!(
                    ReadOnlySqlTransaction,
                    "cannot execute setval() in a read-only transaction"
                ));
            }
            let called = !matches!(rest, [Value::Bool(false)]);
            transaction.set_value(relation.oid, *value, called)?;
            if called {
                known.sequences.borrow_mut().insert(*oid, *value);
            }
            Ok(Value::Int8(*value))
        }
        ("pg_sequence_last_value", [Value::Oid(_)]) => Ok(Value::Null),
        _ => Ok(Value::Null),
    }
}

fn remember(known: &Known, oid: Oid, value: i64) {
    known.sequences.borrow_mut().insert(oid, value);
    known.last_sequence.set(Some(oid));
}

/// The sequence, if the current user has one of these privileges on it.
fn sequence(
    known: &Known,
    transaction: &Transaction,
    oid: Oid,
    any: &[Privilege],
) -> Result<std::sync::Arc<Relation>> {
    let user = known.current_user();
    let schema = transaction.schema(&known.search_path(), user);
    let Some(relation) = schema.relation_by_oid(oid)? else {
        return Err(err!(UndefinedTable, "could not open relation with OID {oid}"));
    };
    if relation.kind != RelationKind::Sequence {
        return Err(err!(WrongObjectType, "\"{}\" is not a sequence", relation.name));
    }
    if known.is_superuser(user) {
        return Ok(relation);
    }
    let closure = known.closure(user);
    for privilege in any {
        if transaction.may(&closure, &relation, *privilege)? {
            return Ok(relation);
        }
    }
    Err(err!(InsufficientPrivilege, "permission denied for sequence {}", relation.name))
}
