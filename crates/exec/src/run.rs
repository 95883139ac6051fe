//! Running a query.

use catalog::Transaction;
use expr::Runtime;
use plan::Query;
use std::sync::Arc;
use types::{Batch, Result, TextSettings, Value};

/// What the session gives to a run. `functions` answers what `exec` cannot (settings, sequences' currval, roles,
/// ledger functions); subplans are answered by `exec` itself.
pub struct Surroundings<'a> {
    pub parameters: &'a [Value],
    pub settings: &'a TextSettings,
    pub functions: &'a dyn Functions,
    /// COPY FROM's rows for `Node::CopyInput`.
    pub copy_input: Option<Box<dyn FnMut(&mut Batch) -> Result<bool> + 'a>>,
    pub system: &'a dyn catalog::system::Surroundings,
}

/// What the session knows. Given the transaction, because some functions read or write through it.
pub trait Functions {
    fn call(&self, transaction: &mut Transaction, function: &'static expr::Function, args: &[Value]) -> Result<Value>;
    fn call_set(&self, transaction: &mut Transaction, function: &'static expr::Function, args: &[Value]) -> Result<Vec<Vec<Value>>>;
    fn name_of(&self, transaction: &Transaction, data_type: types::DataType, oid: types::Oid) -> Result<Option<String>>;
    fn oid_of(&self, transaction: &Transaction, data_type: types::DataType, name: &str) -> Result<Option<types::Oid>>;
    fn check_interrupt(&self) -> Result<()>;
}

/// A running query: pull batches until `next` says false. DML without RETURNING does its work in the first `next`.
pub struct Execution {
    _private: (),
}

/// Actual rows, loops and time per plan node, in pre-order: EXPLAIN ANALYZE.
#[derive(Debug, Clone, Default)]
pub struct Statistics {
    pub nodes: Vec<NodeStatistics>,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct NodeStatistics {
    pub rows: u64,
    pub loops: u64,
    pub time_us: u64,
}

/// Runs `query` to its end, handing each batch of result rows to `rows` (Break = stop early). Returns how many rows a
/// command affected, or a SELECT returned.
pub fn run(
    _query: &Arc<Query>,
    _transaction: &mut Transaction,
    _surroundings: Surroundings<'_>,
    _statistics: Option<&mut Statistics>,
    _rows: &mut dyn FnMut(&Batch) -> Result<std::ops::ControlFlow<()>>,
) -> Result<u64> {
    todo!()
}

#[allow(unused)]
fn _uses(_: &dyn Runtime) {}
