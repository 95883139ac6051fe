//! Running a query: what the session gives, and what it gets.

use crate::Execution;
use catalog::Transaction;
use plan::Query;
use std::ops::ControlFlow;
use std::sync::Arc;
use types::{Batch, Result, TextSettings, Value};

/// COPY FROM's rows for `Node::CopyInput`: as `Operator::next`.
pub type CopyInput<'a> = Box<dyn FnMut(&mut Batch) -> Result<bool> + 'a>;

/// What the session gives to a run. `functions` answers what `exec` cannot (settings, sequences' currval, roles,
/// ledger functions); subplans are answered by `exec` itself.
pub struct Surroundings<'a> {
    pub parameters: &'a [Value],
    pub settings: &'a TextSettings,
    pub functions: &'a dyn Functions,
    pub copy_input: Option<CopyInput<'a>>,
    pub system: &'a dyn catalog::system::Surroundings,
}

/// What the session knows. Given the transaction, because some functions read or write through it.
pub trait Functions {
    fn call(
        &self,
        transaction: &mut Transaction,
        function: &'static expr::Function,
        args: &[Value],
    ) -> Result<Value>;
    fn call_set(
        &self,
        transaction: &mut Transaction,
        function: &'static expr::Function,
        args: &[Value],
    ) -> Result<Vec<Vec<Value>>>;
    fn name_of(
        &self,
        transaction: &Transaction,
        data_type: types::DataType,
        oid: types::Oid,
    ) -> Result<Option<String>>;
    fn oid_of(
        &self,
        transaction: &Transaction,
        data_type: types::DataType,
        name: &str,
    ) -> Result<Option<types::Oid>>;
    /// Whether the current user may SELECT from a relation, which may have been dropped.
    fn may_read(&self, transaction: &Transaction, relation: &types::schema::Relation) -> Result<bool>;
    fn check_interrupt(&self) -> Result<()>;
    /// A monotonic clock, for EXPLAIN ANALYZE's times only.
    fn elapsed_us(&self) -> u64 {
        0
    }
}

/// Actual rows, loops and time per plan node: the nodes of `Query::plan` in pre-order, then those of each subplan,
/// then those of each CTE.
#[derive(Debug, Clone, Default)]
pub struct Statistics {
    pub nodes: Vec<NodeStatistics>,
}

/// `rows` and `time_us` are sums over all `loops`; a node's time contains its inputs'.
#[derive(Debug, Clone, Copy, Default)]
pub struct NodeStatistics {
    pub rows: u64,
    pub loops: u64,
    pub time_us: u64,
}

/// Runs `query` to its end, handing each batch of result rows to `rows` (Break = stop early). Returns how many rows a
/// command affected, or a SELECT returned.
pub fn run(
    query: &Arc<Query>,
    transaction: &mut Transaction,
    mut surroundings: Surroundings<'_>,
    statistics: Option<&mut Statistics>,
    rows: &mut dyn FnMut(&Batch) -> Result<ControlFlow<()>>,
) -> Result<u64> {
    let mut execution = Execution::new(query.clone(), statistics.is_some());
    let mut out = Batch::default();
    while execution.next(transaction, &mut surroundings, usize::MAX, &mut out)? {
        if rows(&out)?.is_break() {
            break;
        }
    }
    if let Some(statistics) = statistics {
        *statistics = execution.statistics();
    }
    Ok(execution.rows())
}
