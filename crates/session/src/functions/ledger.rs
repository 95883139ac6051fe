//! ledger.checkpoint() and the proofs: bytes for a verifier elsewhere, never a verdict.

use super::name;
use crate::surroundings::Known;
use catalog::Transaction;
use std::sync::Arc;
use types::ddl::Privilege;
use types::schema::{Relation, RelationKind};
use types::{ColumnType, DataType, Error, Result, SqlState, Value, err};

pub fn call(known: &Known, transaction: &mut Transaction, name: &str, args: &[Value]) -> Result<Value> {
    let number = |value: &Value| {
        let number = value.as_i64().unwrap_or(-1);
        u64::try_from(number)
            .map_err(|_| err!(InvalidParameterValue, "transaction number {number} is negative"))
    };
    match (name, args) {
        ("ledger.checkpoint", []) => transaction.store().ledger().checkpoint().map(Value::Text),
        ("ledger.transaction_proof", [tx]) => {
            Ok(Value::Text(transaction.transaction_proof(number(tx)?)?.to_text()))
        }
        ("ledger.consistency_proof", [from]) => {
            Ok(Value::Text(transaction.consistency_proof(number(from)?)?.to_string()))
        }
        ("ledger.proof", [Value::Text(table), key @ ..]) => {
            let (relation, key) = row_of(known, transaction, table, key)?;
            Ok(Value::Text(transaction.row_proof(&relation, &key, None)?.to_text()))
        }
        // ledger.proof(table, key, as_of => tx)
        ("ledger.proof_as_of", [tx, Value::Text(table), key @ ..]) => {
            let tx = number(tx)?;
            let (relation, key) = row_of(known, transaction, table, key)?;
            Ok(Value::Text(transaction.row_proof(&relation, &key, Some(tx))?.to_text()))
        }
        ("ledger.history_proof", [Value::Text(table), key @ ..]) => {
            let (relation, key) = row_of(known, transaction, table, key)?;
            Ok(Value::Text(transaction.history_proof(&relation, &key)?.to_text()))
        }
        _ => Err(Error::unsupported(format!("function {name}()"))),
    }
}

/// Which row a proof is asked of, if the user may read its table.
fn row_of(
    known: &Known,
    transaction: &Transaction,
    table: &str,
    key: &[Value],
) -> Result<(Arc<Relation>, Vec<Value>)> {
    let relation = table_named(known, transaction, table)?;
    crate::access::check_relation(&relation, Privilege::Select, known.current_user(), transaction, known)?;
    let relation = transaction.relation_as_of(&relation, transaction.snapshot_tx())?;
    let key = as_key(&relation, key, known)?;
    Ok((relation, key))
}

/// The table of this name, else the newest one that was dropped.
fn table_named(known: &Known, transaction: &Transaction, table: &str) -> Result<Arc<Relation>> {
    let schema = transaction.schema(&known.search_path(), known.current_user());
    let undefined = || err!(UndefinedTable, "relation \"{table}\" does not exist");
    let found = match name::oid_of(known, transaction, DataType::Regclass, table) {
        Ok(Some(oid)) => schema.relation_by_oid(oid)?,
        Ok(None) => None,
        Err(error) if error.state == SqlState::UndefinedTable => {
            let parts = name::split(table)?;
            match parts.as_slice() {
                [name] => schema.dropped(None, name)?,
                [of, name] => schema.dropped(Some(of), name)?,
                _ => None,
            }
        }
        Err(error) => return Err(error),
    };
    let relation = found.ok_or_else(undefined)?;
    match relation.kind {
        RelationKind::Table => Ok(relation),
        _ => Err(err!(WrongObjectType, "\"{}\" is not a table", relation.name)),
    }
}

/// Key values as given, cast to the key columns' types: text is read as input of that type. A table without a primary
/// key is addressed by its hidden row id.
fn as_key(relation: &Relation, given: &[Value], known: &Known) -> Result<Vec<Value>> {
    let types: Vec<ColumnType> = match &relation.primary_key[..] {
        [] => vec![DataType::Int8.into()],
        columns => columns.iter().filter_map(|id| relation.column(*id)).map(|column| column.ty).collect(),
    };
    if given.len() != types.len() {
        return Err(err!(InvalidParameterValue, "ledger.proof needs the whole key of \"{}\"", relation.name)
            .detail(format!("The key has {} columns, {} were given.", types.len(), given.len())));
    }
    let settings = known.text_settings();
    given
        .iter()
        .zip(types)
        .map(|(value, ty)| match value {
            Value::Null => Err(err!(NullValueNotAllowed, "a key has no NULL")),
            Value::Text(text) => types::text::parse(text, ty, &settings),
            other => {
                let from = other.data_type().unwrap_or(ty.data_type);
                types::cast::cast(other, from, ty, false, &settings)
            }
        })
        .collect()
}
