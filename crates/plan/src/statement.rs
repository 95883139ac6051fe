//! What a statement is once it is planned.

use crate::node::Plan;
use expr::Expr;
use std::sync::Arc;
use types::ddl::{Ddl, RoleDdl};
use types::schema::Relation;
use types::{ColumnType, DataType, Oid, TxId};

/// One statement, bound.
#[derive(Debug, Clone)]
pub enum Statement {
    /// Anything that `exec` runs: SELECT, VALUES, INSERT, UPDATE, DELETE, with or without RETURNING.
    Query(Arc<Query>),
    Explain {
        query: Box<Statement>,
        options: ExplainOptions,
    },
    Ddl(Ddl),
    Role(RoleDdl),
    /// CREATE TABLE AS, SELECT INTO.
    CreateTableAs {
        table: types::ddl::CreateTable,
        query: Arc<Query>,
        with_data: bool,
    },
    Copy(Copy),
    Transaction(TransactionCommand),
    Set(Set),
    Show(String),
    /// PREPARE name [(types)] AS statement: kept unbound.
    Prepare {
        name: String,
        types: Vec<DataType>,
        statement: Box<crate::Parsed>,
    },
    Execute {
        name: String,
        arguments: Vec<Expr>,
    },
    /// None = ALL.
    Deallocate(Option<String>),
    Declare {
        name: String,
        query: Arc<Query>,
        hold: bool,
        scroll: Option<bool>,
        binary: bool,
    },
    Fetch {
        cursor: String,
        direction: FetchDirection,
        move_only: bool,
    },
    CloseCursor(Option<String>),
    Discard(Discard),
    Vacuum {
        vacuum: bool,
        analyze: bool,
        full: bool,
        verbose: bool,
        tables: Vec<types::ddl::Name>,
    },
    LockTable {
        tables: Vec<Arc<Relation>>,
        mode: String,
        nowait: bool,
    },
    SetConstraints {
        deferred: bool,
        names: Vec<types::ddl::Name>,
    },
    /// CHECKPOINT, LISTEN-free no-ops that PostgreSQL also answers at once; the tag says which.
    Checkpoint,
    /// UNLISTEN: done by doing nothing, as nobody can LISTEN.
    Unlisten,
    Empty,
}

/// A query and everything needed to run it. Immutable; shared by sessions.
#[derive(Debug)]
pub struct Query {
    /// How deep its trees may be: running and dropping it takes stack in proportion, see [`crate::stack`].
    pub depth: usize,
    pub plan: Plan,
    /// `Expr::Subplan { plan: n }` is `subplans[n]`. A subplan may be of another subplan.
    pub subplans: Vec<Plan>,
    /// WITH queries, `Node::CteScan { cte: n }`: materialised on first use.
    pub ctes: Vec<Plan>,
    /// How many `Expr::Outer` slots a run needs.
    pub slots: usize,
    /// Of the result; empty for a command without RETURNING.
    pub fields: Vec<Field>,
    pub kind: QueryKind,
    /// Types of `$1..`, all decided.
    pub parameters: Vec<DataType>,
    /// Privileges to check, with the relations they are on.
    pub privileges: Vec<Need>,
    /// Tables to lock before running, in this mode's strength (AccessShare, RowShare, RowExclusive).
    pub locks: Vec<(Oid, TableLock)>,
    /// What it reads itself, not through a view: (relation, column), column 0 for the relation as a whole.
    pub references: Vec<(Oid, types::schema::ColumnId)>,
    /// Something other than parameters decides the result (now(), nextval, ...).
    pub volatile: bool,
    /// AS OF something that is no literal: whether the plan still holds is known when its value is.
    pub moments: Vec<PlannedMoment>,
}

/// A moment of AS OF that a parameter or the time decides.
#[derive(Debug, Clone)]
pub struct PlannedMoment {
    pub value: expr::Expr,
    /// A time, not a transaction.
    pub time: bool,
    /// The schema of this moment was planned with; None: the schema of now.
    pub planned: Option<types::Moment>,
}

impl PlannedMoment {
    /// With the values of parameters; only what needs no session can decide a moment.
    pub fn evaluate(
        &self,
        parameters: &[types::Value],
        settings: &types::TextSettings,
    ) -> types::Result<types::Moment> {
        let runtime = expr::context::NoRuntime;
        let context = expr::Context { parameters, slots: &[], settings, runtime: &runtime };
        match expr::eval_constant(&self.value, &context)? {
            types::Value::Timestamp(micros) if self.time => Ok(types::Moment::Time(micros)),
            types::Value::Null => Err(types::err!(NullValueNotAllowed, "the time of AS OF must not be null")),
            value => match value.as_i64().map(u64::try_from) {
                Some(Ok(tx)) if !self.time => Ok(types::Moment::Transaction(tx)),
                Some(Err(_)) if !self.time => {
                    Err(types::err!(InvalidParameterValue, "a transaction number must not be negative"))
                }
                _ => Err(types::Error::internal("AS OF was given a value of another type")),
            },
        }
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        let plans = (
            std::mem::replace(&mut self.plan.node, crate::Node::OneRow),
            std::mem::take(&mut self.subplans),
            std::mem::take(&mut self.ctes),
        );
        crate::stack::with(self.depth, || drop(plans));
    }
}

impl Statement {
    /// The depth of the query that it runs.
    pub fn depth(&self) -> usize {
        match self {
            Statement::Query(query)
            | Statement::CreateTableAs { query, .. }
            | Statement::Declare { query, .. } => query.depth,
            Statement::Explain { query, options: _ } => query.depth(),
            Statement::Copy(copy) => match &copy.source {
                CopySource::Query(query) => query.depth,
                CopySource::Table { insert, select, .. } => {
                    [insert, select].into_iter().flatten().map(|query| query.depth).max().unwrap_or(0)
                }
            },
            _ => 0,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryKind {
    Select,
    Insert,
    Update,
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableLock {
    AccessShare,
    RowShare,
    RowExclusive,
}

#[derive(Debug, Clone)]
pub struct Need {
    pub relation: Arc<Relation>,
    pub privilege: types::ddl::Privilege,
    /// None: the current user's. Of a relation that a view reads, the view's owner's.
    pub role: Option<Oid>,
}

/// A column of a result (RowDescription).
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub name: String,
    pub ty: ColumnType,
    /// 0 for an expression.
    pub table: Oid,
    pub column: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExplainOptions {
    pub analyze: bool,
    pub verbose: bool,
    pub costs: bool,
    pub timing: bool,
    pub summary: bool,
    pub json: bool,
}

#[derive(Debug, Clone)]
pub struct Copy {
    pub source: CopySource,
    pub to: bool,
    pub options: CopyOptions,
}

#[derive(Debug, Clone)]
pub enum CopySource {
    /// The columns, as positions in `relation.columns`. COPY FROM fills the others with defaults: `insert` is a plan
    /// whose input is `Node::CopyInput`.
    Table {
        relation: Arc<Relation>,
        columns: Vec<usize>,
        insert: Option<Arc<Query>>,
        select: Option<Arc<Query>>,
    },
    Query(Arc<Query>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct CopyOptions {
    pub format: CopyFormat,
    pub delimiter: char,
    pub null: String,
    pub header: bool,
    pub header_match: bool,
    pub quote: char,
    pub escape: char,
    pub force_quote: Option<Vec<String>>,
    pub force_not_null: Vec<String>,
    pub force_null: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    Text,
    Csv,
    Binary,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsolationLevel {
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TransactionCommand {
    Begin {
        start: bool,
        modes: TransactionModes,
    },
    Commit {
        chain: bool,
    },
    Rollback {
        chain: bool,
    },
    Savepoint(String),
    Release(String),
    RollbackTo(String),
    /// SET TRANSACTION / SET SESSION CHARACTERISTICS AS TRANSACTION.
    SetModes {
        session: bool,
        modes: TransactionModes,
    },
    /// SET TRANSACTION SNAPSHOT 'tx:42'.
    SetSnapshot(String),
    PrepareTransaction(String),
    CommitPrepared(String),
    RollbackPrepared(String),
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct TransactionModes {
    pub isolation: Option<IsolationLevel>,
    pub read_only: Option<bool>,
    pub deferrable: Option<bool>,
    pub as_of: Option<AsOf>,
}

/// A moment as BEGIN names it. A time is text until a session's time zone reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AsOf {
    Transaction(TxId),
    /// A timestamp, or a negative interval before now.
    Time(String),
    /// SQL text of a time.
    Expression(String),
}

/// SET and RESET. `name` is lower case.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    pub local: bool,
    pub name: String,
    /// None = DEFAULT or RESET. A list is joined as PostgreSQL does ("a, b").
    pub value: Option<String>,
    /// RESET ALL.
    pub all: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchDirection {
    /// Negative = backward; i64::MAX = ALL.
    Forward(i64),
    Backward(i64),
    Absolute(i64),
    Relative(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discard {
    All,
    Plans,
    Sequences,
    Temp,
}
