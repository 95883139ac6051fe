//! The plan: a tree of nodes that `exec` turns into operators, one each.

use expr::{AggregateCall, Expr, Function, SortKey, WindowCall};
use std::sync::Arc;
use types::schema::{ColumnId, HiddenColumn, Relation};
use types::{ColumnType, Moment, Oid, Value};

/// A node, with what the optimiser believes about it. EXPLAIN prints it; `exec` sizes its first batch by it.
#[derive(Debug, Clone)]
pub struct Plan {
    pub node: Node,
    /// Types of the output columns. Every `Expr::Column` above refers to these positions.
    pub types: Vec<ColumnType>,
    pub rows_estimated: f64,
    pub cost: f64,
}

#[derive(Debug, Clone)]
pub enum Node {
    /// One row without columns: `SELECT 1`.
    OneRow,
    Values(Vec<Vec<Expr>>),
    /// A table's rows. Output: `columns` in that order. `filter` is over the output columns.
    Scan(Scan),
    /// A relation computed from the catalog (pg_catalog, information_schema, ledger views). As Scan, without access path.
    SystemScan {
        relation: Arc<Relation>,
        columns: Vec<ColumnId>,
        filter: Option<Expr>,
        alias: String,
    },
    /// Set-returning functions side by side (ROWS FROM pads with NULL); `ordinality` appends a bigint.
    FunctionScan {
        calls: Vec<Expr>,
        ordinality: bool,
    },
    /// `ledger.history`, `ledger.diff`, `ledger.changes` in FROM. Output: [`LedgerScanKind::columns`].
    LedgerScan {
        kind: LedgerScanKind,
        relation: Option<Arc<Relation>>,
        args: Vec<Expr>,
    },
    CteScan {
        cte: usize,
    },
    /// The recursive term's view of the rows of the last round.
    WorkTable {
        cte: usize,
    },
    /// COPY FROM's rows.
    CopyInput,
    Filter {
        input: Box<Plan>,
        predicate: Expr,
    },
    Project {
        input: Box<Plan>,
        exprs: Vec<Expr>,
    },
    /// Set-returning functions of a select list: rows multiply. Each output is a plain expression or a set call.
    ProjectSet {
        input: Box<Plan>,
        exprs: Vec<Expr>,
    },
    Join(Join),
    Aggregate(Aggregate),
    /// Appends one column per call to the input's.
    Window {
        input: Box<Plan>,
        calls: Vec<WindowCall>,
    },
    /// `limit` = top-n.
    Sort {
        input: Box<Plan>,
        keys: Vec<SortKey>,
        limit: Option<Box<Expr>>,
    },
    /// Without `on`: over all columns. With: DISTINCT ON, over an input sorted by them.
    Distinct {
        input: Box<Plan>,
        on: Option<Vec<Expr>>,
    },
    Limit {
        input: Box<Plan>,
        limit: Option<Expr>,
        offset: Option<Expr>,
        with_ties: Option<Vec<SortKey>>,
    },
    SetOperation {
        kind: SetKind,
        all: bool,
        left: Box<Plan>,
        right: Box<Plan>,
    },
    Append(Vec<Plan>),
    /// WITH RECURSIVE: `base UNION [ALL] step`, which reads `WorkTable { cte }`.
    RecursiveUnion {
        cte: usize,
        base: Box<Plan>,
        step: Box<Plan>,
        all: bool,
    },
    /// FOR UPDATE and friends, above the scans. The input's trailing columns are each table's row key (see `Scan::key`).
    LockRows {
        input: Box<Plan>,
        locks: Vec<LockRows>,
    },
    Insert(Insert),
    Update(Update),
    Delete(Delete),
}

#[derive(Debug, Clone)]
pub struct Scan {
    pub relation: Arc<Relation>,
    /// The name it goes by in the query, for EXPLAIN.
    pub alias: String,
    /// What to read: real and hidden column ids (`HiddenColumn::id`).
    pub columns: Vec<ColumnId>,
    pub access: Access,
    pub backward: bool,
    /// What the access path does not already guarantee. Over the output columns.
    pub filter: Option<Expr>,
    pub versions: Versions,
    /// Append the row's key as a last column (bytea): needed by UPDATE, DELETE and row locks.
    pub key: bool,
}

impl Scan {
    /// The values of the whole primary key, if the scan is of the one row that has them and of stored columns alone.
    pub fn point(&self) -> Option<&[Expr]> {
        let Access::Primary(ranges) = &self.access else { return None };
        let [KeyRange { equal, lower: None, upper: None, any: false }] = ranges.as_slice() else {
            return None;
        };
        let stored = |id: &ColumnId| HiddenColumn::from_id(*id).is_none();
        let whole = equal.len() == self.relation.primary_key.len() && !equal.is_empty();
        (whole && matches!(self.versions, Versions::Snapshot) && self.columns.iter().all(stored))
            .then_some(equal)
    }
}

/// The ledger's set functions whose columns depend on a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerScanKind {
    /// `args`: values of leading primary-key columns, cast to their types; none = the whole table.
    /// Every version, oldest first, deletes included (with the key columns and what the row held).
    History,
    /// `args`: two transaction numbers (int8): net changes of rows after the first, up to and including the second.
    Diff,
    /// `args`: two transaction numbers (int8): every change of every table in that range, in order. No relation.
    Changes,
}

impl LedgerScanKind {
    /// The output columns, in order.
    pub fn columns(self, relation: Option<&Relation>) -> Vec<(String, ColumnType)> {
        use types::DataType::*;
        let fixed = |names: &[(&str, types::DataType)]| -> Vec<(String, ColumnType)> {
            names.iter().map(|(name, ty)| (name.to_string(), (*ty).into())).collect()
        };
        let live = || relation.into_iter().flat_map(Relation::live);
        match self {
            LedgerScanKind::History => {
                let mut columns = fixed(&[
                    ("_tx", Int8),
                    ("_tx_end", Int8),
                    ("_committed_at", TimestampTz),
                    ("_op", Text),
                    ("_user", Text),
                ]);
                columns.extend(live().map(|column| (column.name.clone(), column.ty)));
                columns
            }
            LedgerScanKind::Diff => {
                let mut columns = fixed(&[("op", Text)]);
                let key = relation.into_iter().flat_map(|relation| &relation.primary_key);
                let key = key.filter_map(|id| relation.and_then(|relation| relation.column(*id)));
                columns.extend(key.map(|column| (column.name.clone(), column.ty)));
                columns.extend(fixed(&[
                    ("old", Jsonb),
                    ("new", Jsonb),
                    ("changed", TextArray),
                    ("tx_id", Int8),
                    ("committed_at", TimestampTz),
                    ("user", Text),
                ]));
                columns
            }
            LedgerScanKind::Changes => fixed(&[
                ("tx_id", Int8),
                ("committed_at", TimestampTz),
                ("user", Text),
                ("table", Text),
                ("op", Text),
                ("key", Jsonb),
                ("old", Jsonb),
                ("new", Jsonb),
            ]),
        }
    }
}

/// How the rows are found.
#[derive(Debug, Clone)]
pub enum Access {
    All,
    /// Ranges of the primary key, ascending and disjoint once evaluated. A range that is one full key is a point.
    Primary(Vec<KeyRange>),
    Index {
        index: Oid,
        ranges: Vec<KeyRange>,
    },
}

/// Rows whose leading key columns equal `equal` and whose next one lies within the bounds. Expressions have no columns
/// (constants, parameters, outer slots), and are cast to the key column's type. A NULL among them means no rows.
#[derive(Debug, Clone, Default)]
pub struct KeyRange {
    pub equal: Vec<Expr>,
    /// (value, inclusive)
    pub lower: Option<(Expr, bool)>,
    pub upper: Option<(Expr, bool)>,
    /// `equal`'s last expression is an array: one point per element (`= ANY($1)`).
    pub any: bool,
}

/// Which versions of a row a scan sees.
#[derive(Debug, Clone)]
pub enum Versions {
    /// The transaction's snapshot.
    Snapshot,
    /// FOR SYSTEM_TIME AS OF, the value known when the plan was made.
    At(Moment),
    /// AS OF a parameter or a stable function: `time` tells a timestamp from a transaction number.
    AtExpr { value: Box<Expr>, time: bool },
    /// BETWEEN (closed), FROM..TO (half-open), ALL (no bounds).
    Range { from: Option<Bound>, to: Option<Bound>, closed: bool },
}

#[derive(Debug, Clone)]
pub struct Bound {
    pub value: Expr,
    pub time: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    /// Left rows that have a match; output: left's columns.
    Semi,
    Anti,
}

#[derive(Debug, Clone)]
pub struct Join {
    pub kind: JoinKind,
    pub left: Box<Plan>,
    pub right: Box<Plan>,
    pub method: JoinMethod,
    /// What `method` does not check, over left's columns then right's.
    pub filter: Option<Expr>,
}

#[derive(Debug, Clone)]
pub enum JoinMethod {
    /// Builds a table of the right side. Keys pair up; left's are over left's columns, right's over right's.
    /// `null_equal`: IS NOT DISTINCT FROM.
    Hash { left: Vec<Expr>, right: Vec<Expr> },
    /// Materialises the right side once.
    NestedLoop,
    /// Runs the right side per left row, whose values it sees as `Expr::Outer { first_slot + i }` = `args[i]`:
    /// LATERAL and index nested loop.
    Apply { first_slot: usize, args: Vec<Expr> },
}

#[derive(Debug, Clone)]
pub struct Aggregate {
    pub input: Box<Plan>,
    /// Output: the groups, then the calls, then (with several grouping sets) GROUPING's bit mask as int4.
    pub groups: Vec<Expr>,
    /// Positions in `groups` per set; one set of all for a plain GROUP BY. An empty set gives one row even without input.
    pub sets: Vec<Vec<usize>>,
    pub calls: Vec<AggregateCall>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetKind {
    Union,
    Intersect,
    Except,
}

#[derive(Debug, Clone)]
pub struct LockRows {
    pub relation: Arc<Relation>,
    /// The input column that holds the row's key.
    pub key: usize,
    pub strength: LockStrength,
    pub wait: LockWait,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockStrength {
    KeyShare,
    Share,
    NoKeyUpdate,
    Update,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockWait {
    Block,
    Nowait,
    SkipLocked,
}

#[derive(Debug, Clone)]
pub struct Insert {
    pub relation: Arc<Relation>,
    /// Its columns are what `row` reads.
    pub input: Box<Plan>,
    /// The whole row, one expression per `relation.columns` (dropped ones: NULL constants), over the input's columns:
    /// defaults and casts included.
    pub row: Vec<Expr>,
    pub on_conflict: Option<OnConflict>,
    /// Over the stored row (`relation.columns` by position).
    pub returning: Option<Vec<Expr>>,
    /// CHECK constraints, over the stored row (`relation.columns` by position), with their names.
    pub checks: Vec<(String, Expr)>,
}

#[derive(Debug, Clone)]
pub struct OnConflict {
    /// Indexes (or the primary key's index) that arbitrate; empty = any unique.
    pub arbiters: Vec<Oid>,
    pub action: ConflictAction,
}

#[derive(Debug, Clone)]
pub enum ConflictAction {
    Nothing,
    /// Assignments (position in `relation.columns`, expression) and WHERE, over the existing row's columns followed by
    /// EXCLUDED's.
    Update {
        set: Vec<(usize, Expr)>,
        filter: Option<Expr>,
    },
}

#[derive(Debug, Clone)]
pub struct Update {
    pub relation: Arc<Relation>,
    /// Yields, per target row: every column of `relation.columns` (dropped as NULL), then other tables' columns, then
    /// (last) the row key. With `from`, a row may be met more than once: the first wins.
    pub input: Box<Plan>,
    /// (position in `relation.columns`, expression over the input's columns).
    pub set: Vec<(usize, Expr)>,
    /// The whole WHERE, over the input's columns: re-evaluated on the newest version after a lock wait.
    pub recheck: Option<Expr>,
    /// Over the new row (`relation.columns` by position), then the input's further columns.
    pub returning: Option<Vec<Expr>>,
    /// Over the new row.
    pub checks: Vec<(String, Expr)>,
}

#[derive(Debug, Clone)]
pub struct Delete {
    pub relation: Arc<Relation>,
    /// As for Update.
    pub input: Box<Plan>,
    pub recheck: Option<Expr>,
    /// Over the deleted row, then the other tables' columns.
    pub returning: Option<Vec<Expr>>,
}

impl Plan {
    /// Rows that are known: a helper for tests and folding.
    pub fn values(rows: Vec<Vec<Value>>, types: Vec<ColumnType>) -> Plan {
        let count = rows.len() as f64;
        let rows = rows
            .into_iter()
            .map(|row| row.into_iter().zip(&types).map(|(value, ty)| Expr::constant(value, *ty)).collect())
            .collect();
        Plan { node: Node::Values(rows), types, rows_estimated: count, cost: count * 0.01 }
    }
}

/// The function of a `FunctionScan` call, if it is one.
pub fn set_function(expr: &Expr) -> Option<&'static Function> {
    match expr {
        Expr::Call { function, .. } => Some(function),
        _ => None,
    }
}
