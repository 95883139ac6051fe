//! Functions that describe the catalog to clients: pg_get_*def, *_is_visible, descriptions, sizes.

use crate::surroundings::Known;
use catalog::Transaction;
use types::{Error, Result, Value};

pub fn call(
    _known: &Known,
    _transaction: &mut Transaction,
    function: &'static expr::Function,
    _args: &[Value],
) -> Result<Value> {
    Err(Error::unsupported(format!("function {}()", function.name)))
}

pub fn call_set(
    _known: &Known,
    _transaction: &mut Transaction,
    function: &'static expr::Function,
    _args: &[Value],
) -> Result<Vec<Vec<Value>>> {
    Err(Error::unsupported(format!("function {}()", function.name)))
}
