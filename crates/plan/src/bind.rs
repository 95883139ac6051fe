//! Names to positions, types to coercions: sqlparser syntax to [`crate::Statement`].
//!
//! ```text
//!   syntax ── from ──> scope (names) + Rel ── select, query, dml ──> Rel over numbered columns ── optimize ──> Query
//!                        └── expression, function, subquery, coerce: one expression at a time
//! ```
//! The order in which the clauses of a query are bound is PostgreSQL's, because parameters take their types from the
//! first place that decides. Every struct of the syntax is taken apart field by field: what is not supported is an
//! error, never ignored.

mod access;
mod aggregate;
mod associate;
mod coerce;
mod cte;
mod data_type;
mod delete;
mod expression;
mod from;
mod function;
mod hypothetical;
mod insert;
mod literal;
mod lock;
mod named_argument;
mod names;
mod operator;
mod outer_join;
mod output_name;
mod position;
mod query;
mod relation;
mod returning;
mod scope;
mod select;
mod set_operation;
mod statement;
mod stored;
mod subquery;
mod system_time;
mod table_function;
mod update;
mod values;
mod view_text;
mod window;

pub use data_type::data_type;
pub use insert::Overriding;
pub use names::{fold, name, object_name};
pub use statement::{insert_for_copy, query, statement};
pub use stored::{ExpressionBinder, constant};
pub use view_text::{Renamed, Renaming, check_view, renamed_view};

pub(crate) use insert::Insert;
pub(crate) use scope::Named;
pub(crate) use update::Change;

use crate::node::Versions;
use crate::rel::{Arena, Number};
use crate::statement::{Need, TableLock};
use crate::{Environment, Parsed};
use position::Source;
use scope::Scope;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use types::ddl::Privilege;
use types::schema::{ColumnId, Relation, Schema};
use types::{DataType, Error, Oid, Result};

/// How deeply expressions and queries may nest, those of the views that they read included. What one text may hold is
/// measured before it is parsed.
const DEPTH_MAX: usize = 8_000;

/// The view whose text is being bound.
pub(crate) struct InView {
    /// Searched first.
    schema: String,
    /// Whose privileges count.
    owner: Oid,
    /// The columns that it reads.
    reads: BTreeSet<(Oid, ColumnId)>,
}

/// What binding one statement accumulates.
pub(crate) struct Binder<'e> {
    environment: &'e Environment,
    /// The environment's, or that of the moment a view is read at.
    schema: Arc<dyn Schema>,
    source: Source<'e>,
    /// Types of `$1..` as far as they are known.
    parameters: Vec<Option<DataType>>,
    arena: Arena,
    /// Common table expressions that are visible, innermost last.
    ctes: Vec<cte::Visible>,
    needs: Vec<Need>,
    locks: BTreeMap<Oid, TableLock>,
    references: BTreeSet<(Oid, ColumnId)>,
    volatile: bool,
    moments: Vec<crate::statement::PlannedMoment>,
    /// Where a view's text names relations, if somebody asked; and those that it names in literals.
    uses: Option<Vec<view_text::Use>>,
    named_in_literal: BTreeSet<Oid>,
    /// The schema knows no names: names in literals are left to whoever evaluates them.
    nameless: bool,
    depth: usize,
    /// The greatest that `depth` was: the optimiser and the executor recurse as far.
    deepest: usize,
    /// Which versions tables without a clause of their own are read in.
    versions: Versions,
    /// Inside a view.
    view: Option<InView>,
    /// INSERT ... OVERRIDING.
    overriding: Option<Overriding>,
    /// The names of WITH RECURSIVE whose queries are being bound, and whether it is the non-recursive term.
    recursing: Vec<(String, bool)>,
    /// Aggregates inside subqueries that are of an enclosing query's rows: that query takes them.
    lifted: Vec<(Number, expr::AggregateCall)>,
    /// Inside CASE or COALESCE, which may leave an argument out: its name.
    conditional: Option<&'static str>,
    /// ON CONFLICT's target where it is more than columns.
    target: Option<&'e crate::parse::Target>,
    /// Where each column was first named, for "must appear in the GROUP BY clause".
    named_at: BTreeMap<Number, usize>,
}

impl<'e> Binder<'e> {
    fn new(environment: &'e Environment, parsed: Option<&'e Parsed>) -> Binder<'e> {
        Binder {
            environment,
            schema: environment.schema.clone(),
            source: Source::new(parsed),
            parameters: environment.parameters.clone(),
            arena: Arena::default(),
            ctes: vec![],
            needs: vec![],
            locks: BTreeMap::new(),
            references: BTreeSet::new(),
            volatile: false,
            moments: vec![],
            uses: None,
            named_in_literal: BTreeSet::new(),
            nameless: false,
            depth: 0,
            deepest: parsed.map_or(0, Parsed::depth),
            versions: Versions::Snapshot,
            view: None,
            overriding: None,
            recursing: vec![],
            lifted: vec![],
            conditional: None,
            target: None,
            named_at: BTreeMap::new(),
        }
    }

    /// Runs `bind` one level deeper.
    fn deeper<T>(&mut self, bind: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= DEPTH_MAX {
            return Err(types::err!(StatementTooComplex, "stack depth limit exceeded")
                .hint(format!("Expressions and queries nest up to {DEPTH_MAX} deep.")));
        }
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        let result = crate::stack::level(|| bind(self));
        self.depth -= 1;
        result
    }

    fn need(&mut self, relation: &Arc<Relation>, privilege: Privilege, lock: TableLock) {
        let role = self.view.as_ref().map(|view| view.owner);
        let same = |need: &Need| {
            need.relation.oid == relation.oid && need.privilege == privilege && need.role == role
        };
        if !self.needs.iter().any(same) {
            self.needs.push(Need { relation: relation.clone(), privilege, role });
        }
        let strength = |lock: &TableLock| match lock {
            TableLock::AccessShare => 0,
            TableLock::RowShare => 1,
            TableLock::RowExclusive => 2,
        };
        if relation.kind == types::schema::RelationKind::Table {
            let held = self.locks.entry(relation.oid).or_insert(lock);
            if strength(&lock) > strength(held) {
                *held = lock;
            }
        }
    }

    /// Gives `error` the position of `at`, unless it has one.
    fn at(&self, error: Error, at: &impl position::Start) -> Error {
        self.source.locate(error, at)
    }
}

/// What kind of place an expression stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clause {
    SelectList,
    Where,
    JoinOn,
    GroupBy,
    Having,
    OrderBy,
    DistinctOn,
    Limit,
    Offset,
    Values,
    Returning,
    UpdateSet,
    FromFunction,
    AggregateArgument,
    Filter,
    Window,
    Check,
    Default,
    SystemTime,
    Execute,
}

impl Clause {
    /// As PostgreSQL names it in messages.
    fn name(self) -> &'static str {
        match self {
            Clause::SelectList => "SELECT",
            Clause::Where => "WHERE",
            Clause::JoinOn => "JOIN conditions",
            Clause::GroupBy => "GROUP BY",
            Clause::Having => "HAVING",
            Clause::OrderBy => "ORDER BY",
            Clause::DistinctOn => "DISTINCT ON",
            Clause::Limit => "LIMIT",
            Clause::Offset => "OFFSET",
            Clause::Values => "VALUES",
            Clause::Returning => "RETURNING",
            Clause::UpdateSet => "UPDATE",
            Clause::FromFunction => "functions in FROM",
            Clause::AggregateArgument => "aggregate arguments",
            Clause::Filter => "FILTER",
            Clause::Window => "window definitions",
            Clause::Check => "check constraints",
            Clause::Default => "DEFAULT expressions",
            Clause::SystemTime => "FOR SYSTEM_TIME",
            Clause::Execute => "EXECUTE parameters",
        }
    }
}

/// Where an expression stands: the names it sees, and who collects its aggregates, window calls and set functions.
pub(crate) struct Place<'p> {
    scope: &'p Scope<'p>,
    clause: Clause,
    collected: Option<&'p mut aggregate::Collected>,
}

impl<'p> Place<'p> {
    fn new(scope: &'p Scope<'p>, clause: Clause) -> Place<'p> {
        Place { scope, clause, collected: None }
    }
}
