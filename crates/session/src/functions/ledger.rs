//! ledger.checkpoint() and the proofs: bytes for a verifier elsewhere, never a verdict.

use super::name;
use crate::surroundings::Known;
use catalog::Transaction;
use types::ddl::Privilege;
use types::{DataType, Error, Result, Value, err};

pub fn call(known: &Known, transaction: &mut Transaction, name: &str, args: &[Value]) -> Result<Value> {
    let number = |value: &Value| {
        let number = value.as_i64().unwrap_or(-1);
        u64::try_from(number)
            .map_err(|_| err!(InvalidParameterValue, "transaction number {number} is negative"))
    };
    match (name, args) {
        ("ledger.checkpoint", []) => transaction.store().ledger().checkpoint().map(Value::Text),
        ("ledger.proof", [Value::Text(table), key @ ..]) => {
            let user = known.current_user();
            let Some(oid) = name::oid_of(known, transaction, DataType::Regclass, table)? else {
                return Ok(Value::Null);
            };
            let schema = transaction.schema(&known.search_path(), user);
            let Some(relation) = schema.relation_by_oid(oid)? else {
                return Err(err!(UndefinedTable, "relation \"{table}\" does not exist"));
            };
            crate::access::check_relation(&relation, Privilege::Select, user, transaction, known)?;
            let _ = (key, number);
            Err(Error::unsupported("ledger.proof()"))
        }
        _ => Err(Error::unsupported(format!("function {name}()"))),
    }
}
