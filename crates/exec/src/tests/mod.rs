//! Operators over small inputs; expected rows were taken from PostgreSQL 15.

mod grouping;
mod joins;
mod rows;
mod sets;
mod sql;
mod storage;
mod subqueries;
mod windows;
mod writes;

use crate::{Execution, Functions, Surroundings};
use catalog::Transaction;
use catalog::system::Role;
use expr::{AggregateCall, Expr, Function, SortKey};
use plan::statement::QueryKind;
use plan::{Node, Plan, Query};
use std::sync::Arc;
use types::{Batch, ColumnType, DataType, Error, Oid, Result, TextSettings, Value};

pub(super) struct NoSession;

impl Functions for NoSession {
    fn call(
        &self,
        transaction: &mut Transaction,
        function: &'static Function,
        args: &[Value],
    ) -> Result<Value> {
        if let ("nextval", [Value::Oid(sequence)]) = (function.name, args) {
            return transaction.next_value(*sequence).map(Value::Int8);
        }
        Err(Error::unsupported(function.name))
    }
    fn call_set(
        &self,
        _: &mut Transaction,
        function: &'static Function,
        _: &[Value],
    ) -> Result<Vec<Vec<Value>>> {
        Err(Error::unsupported(function.name))
    }
    fn name_of(&self, _: &Transaction, _: DataType, _: Oid) -> Result<Option<String>> {
        Ok(None)
    }
    fn oid_of(&self, transaction: &Transaction, _: DataType, name: &str) -> Result<Option<Oid>> {
        let found = transaction.schema(&["public".into()], 10).relation(None, name)?;
        Ok(found.map(|relation| relation.oid))
    }
    fn may_read(&self, _: &Transaction, _: &types::schema::Relation) -> Result<bool> {
        Ok(true)
    }
    fn check_interrupt(&self) -> Result<()> {
        Ok(())
    }
}

impl catalog::system::Surroundings for NoSession {
    fn current_user(&self) -> Oid {
        10
    }
    fn current_database(&self) -> String {
        "test".into()
    }
    fn search_path(&self) -> Vec<String> {
        vec![]
    }
    fn roles(&self) -> Result<Vec<Role>> {
        Ok(vec![])
    }
    fn memberships(&self) -> Result<Vec<(Oid, Oid, bool)>> {
        Ok(vec![])
    }
    fn databases(&self) -> Result<Vec<(Oid, String, Oid)>> {
        Ok(vec![])
    }
    fn settings(&self) -> Vec<Vec<String>> {
        vec![]
    }
    fn session_rows(&self, _: &str) -> Result<Vec<Vec<Value>>> {
        Ok(vec![])
    }
}

pub(super) fn query(plan: Plan) -> Query {
    Query {
        depth: 0,
        plan,
        subplans: vec![],
        ctes: vec![],
        slots: 4,
        fields: vec![],
        kind: QueryKind::Select,
        parameters: vec![],
        privileges: vec![],
        locks: vec![],
        references: vec![],
        volatile: false,
        moments: vec![],
    }
}

/// Pulls a query to its end; no two pulls share a borrow.
pub(super) fn batches(query: Query, limit: usize) -> Result<Vec<Batch>> {
    pull(&Arc::new(query), None, limit)
}

fn pull(query: &Arc<Query>, mut transaction: Option<&mut Transaction>, limit: usize) -> Result<Vec<Batch>> {
    let writes = crate::shape::query_writes(query);
    let mut execution = Execution::new(query.clone(), false);
    let (settings, mut all) = (TextSettings::default(), Vec::new());
    loop {
        let mut surroundings = Surroundings {
            parameters: &[],
            settings: &settings,
            functions: &NoSession,
            copy_input: None,
            system: &NoSession,
        };
        let mut out = Batch::default();
        if !execution.pull(transaction.as_deref_mut(), &mut surroundings, limit, &mut out)? {
            assert!(out.is_empty());
            if writes {
                return Ok(all);
            }
            assert_eq!(execution.rows(), all.iter().map(|batch: &Batch| batch.rows as u64).sum::<u64>());
            return Ok(all);
        }
        all.push(out);
    }
}

/// The rows, as `1 a | 2 -`.
pub(super) fn show_query(query: Query) -> String {
    show_batches(batches(query, usize::MAX))
}

/// The rows of a query over tables.
pub(super) fn show_in(transaction: &mut Transaction, query: Query) -> String {
    show_batches(pull(&Arc::new(query), Some(transaction), usize::MAX))
}

fn show_batches(batches: Result<Vec<Batch>>) -> String {
    let shown = batches.map(|batches| {
        let rows = batches.iter().flat_map(|batch| (0..batch.rows).map(|row| batch.row(row)));
        rows.map(|row| row.iter().map(show_value).collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
            .join(" | ")
    });
    shown.unwrap_or_else(|error| error.to_string())
}

pub(super) fn show(plan: Plan) -> String {
    show_query(query(plan))
}

/// [`show`], with the rows in the order of their text.
pub(super) fn show_sorted(plan: Plan) -> String {
    let shown = show(plan);
    let mut rows: Vec<&str> = shown.split(" | ").collect();
    rows.sort_unstable();
    rows.join(" | ")
}

/// As psql prints it, with `~` for NULL.
fn show_batches_as_text(batches: &[Batch], settings: &TextSettings) -> String {
    let mut text = String::new();
    for batch in batches {
        for row in 0..batch.rows {
            for (position, column) in batch.columns.iter().enumerate() {
                text.push_str(if position > 0 { "|" } else { "" });
                match column.is_null(row) {
                    true => text.push('~'),
                    false => types::text::format(&column.get(row), column.data_type, settings, &mut text),
                }
            }
            text.push('\n');
        }
    }
    text
}

fn show_value(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::Bool(true) => "t".into(),
        Value::Bool(false) => "f".into(),
        Value::Text(text) => text.clone(),
        Value::Float8(number) => number.to_string(),
        Value::Array(array) => {
            format!("{{{}}}", array.values.iter().map(show_value).collect::<Vec<_>>().join(","))
        }
        other => other.as_i64().map_or_else(|| format!("{other:?}"), |number| number.to_string()),
    }
}

/// VALUES of int4 (`i`) and text (`t`) columns: `values("it", "1 a | - b")`.
pub(super) fn values(types: &str, rows: &str) -> Plan {
    let types: Vec<DataType> =
        types.chars().map(|letter| if letter == 'i' { DataType::Int4 } else { DataType::Text }).collect();
    let parse = |(word, data_type): (&str, &DataType)| match (word, data_type) {
        ("-", _) => Value::Null,
        (number, DataType::Int4) => Value::Int4(number.parse().unwrap()),
        (text, _) => Value::text(text),
    };
    let rows = rows.split('|').map(str::trim).filter(|row| !row.is_empty());
    let rows = rows.map(|row| row.split_whitespace().zip(&types).map(parse).collect()).collect();
    Plan::values(rows, types.iter().map(|ty| ColumnType::from(*ty)).collect())
}

pub(super) fn node(node: Node, types: Vec<ColumnType>) -> Plan {
    Plan { node, types, rows_estimated: 1.0, cost: 1.0 }
}

/// Column `index` of `plan`.
pub(super) fn column(plan: &Plan, index: usize) -> Expr {
    Expr::column(index, plan.types[index])
}

pub(super) fn int(value: i32) -> Expr {
    Expr::constant(Value::Int4(value), DataType::Int4)
}

pub(super) fn text(value: &str) -> Expr {
    Expr::constant(Value::text(value), DataType::Text)
}

pub(super) fn call(symbol: &str, left: Expr, right: Expr) -> Expr {
    let resolved = expr::operator::resolve(symbol, Some(left.data_type()), right.data_type()).unwrap();
    Expr::Call { function: resolved.function, args: vec![left, right], ty: resolved.returns.into() }
}

pub(super) fn ascending(expr: Expr) -> SortKey {
    SortKey { expr, descending: false, nulls_first: false }
}

pub(super) fn descending(expr: Expr) -> SortKey {
    SortKey { expr, descending: true, nulls_first: true }
}

pub(super) fn aggregate(name: &str, args: Vec<Expr>) -> AggregateCall {
    let types: Vec<DataType> = args.iter().map(|arg| arg.data_type()).collect();
    let resolved = expr::aggregate::resolve(name, &types, args.is_empty()).unwrap().unwrap();
    AggregateCall {
        aggregate: resolved.aggregate,
        args,
        distinct: false,
        order_by: vec![],
        filter: None,
        ty: resolved.returns.into(),
    }
}
