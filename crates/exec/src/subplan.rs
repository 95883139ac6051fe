//! Subqueries in expressions.
//!
//! A subquery is run once per value of the outer slots that it reads: once for all if it reads none, and not again
//! for a row whose slots equal the last row's. `IN` over an unchanged set of rows is a look-up in a hash set; rows and
//! operands with NULLs are compared one by one, which is where the third truth value comes from.

use crate::context::Run;
use crate::key::{self, KeySet};
use crate::operator::{Numbers, Operator};
use crate::shape::{self, Facts};
use expr::{Expr, SubplanKind};
use plan::Plan;
use std::sync::Arc;
use types::{Batch, DataType, Error, Result, Value, Vector, err};

/// What is kept of one subquery between rows.
pub(crate) struct Subplan {
    first_node: usize,
    facts: Option<Arc<Facts>>,
    /// The outer values of the last run, and what it gave.
    last: Option<(Vec<Value>, Arc<Outcome>)>,
}

enum Outcome {
    Scalar(Value),
    Exists(bool),
    Array(Value),
    Rows(Rows),
}

/// The rows of an ANY or ALL.
struct Rows {
    rows: Batch,
    hashed: Option<Hashed>,
}

struct Hashed {
    keys: KeySet,
    /// Rows with a NULL: not in `keys`.
    with_null: Vec<usize>,
}

impl Subplan {
    pub fn new(first_node: usize) -> Subplan {
        Subplan { first_node, facts: None, last: None }
    }
}

impl Run<'_, '_> {
    /// [`expr::Runtime::subplan`]; this run's slots are the row's surroundings.
    pub fn run_subplan(
        &self,
        number: usize,
        kind: &SubplanKind,
        first_slot: usize,
        args: &[Vector],
        left: &[Vector],
        rows: usize,
    ) -> Result<Vector> {
        let Some(plan) = self.query().subplans.get(number) else {
            return Err(Error::internal("no such subquery"));
        };
        let mut out = Vector::new(result_type(plan, kind)?);
        let mut slots = self.slots.to_vec();
        if slots.len() < first_slot + args.len() {
            slots.resize(first_slot + args.len(), Value::Null);
        }
        for row in 0..rows {
            for (slot, arg) in slots[first_slot..].iter_mut().zip(args) {
                *slot = arg.get(row);
            }
            let outcome = Run { slots: &slots, pins: &[], ..*self }.outcome(number, plan, kind, left)?;
            let value = match &*outcome {
                Outcome::Scalar(value) | Outcome::Array(value) => value.clone(),
                Outcome::Exists(found) => {
                    Value::Bool(*found != matches!(kind, SubplanKind::Exists { negated: true }))
                }
                Outcome::Rows(set) => match self.quantified(kind, left, row, set)? {
                    Some(truth) => Value::Bool(truth),
                    None => Value::Null,
                },
            };
            out.push(&value);
        }
        Ok(out)
    }

    /// The result for the present slots: the last one if they have not changed.
    fn outcome(
        &self,
        number: usize,
        plan: &Plan,
        kind: &SubplanKind,
        left: &[Vector],
    ) -> Result<Arc<Outcome>> {
        let state = self.shared.state;
        let cell = &state.subplans[number];
        let facts = match &cell.borrow().facts {
            Some(facts) => facts.clone(),
            None => Arc::new(shape::facts(&state.query, plan)),
        };
        let outer: Vec<Value> =
            facts.slots.iter().map(|&slot| self.slots.get(slot).cloned().unwrap_or_default()).collect();
        // An uncorrelated subquery is run once even if it is volatile, as PostgreSQL's InitPlan is.
        let reusable = !facts.volatile || facts.slots.is_empty();
        if let Some((values, outcome)) = &cell.borrow().last
            && reusable
            && same_values(values, &outer)
        {
            return Ok(outcome.clone());
        }
        let first_node = cell.borrow().first_node;
        let outcome = Arc::new(self.run_once(plan, kind, left, first_node)?);
        let mut subplan = cell.borrow_mut();
        subplan.facts = Some(facts);
        subplan.last = Some((outer, outcome.clone()));
        Ok(outcome)
    }

    fn run_once(
        &self,
        plan: &Plan,
        kind: &SubplanKind,
        left: &[Vector],
        first_node: usize,
    ) -> Result<Outcome> {
        let wanted = match kind {
            SubplanKind::Scalar => 2,
            SubplanKind::Exists { .. } => 1,
            _ => usize::MAX,
        };
        let mut numbers = Numbers::starting_at(first_node, self.shared.state.statistics.is_some());
        let mut operator = Operator::new(plan, wanted, &mut numbers);
        let mut batch = Batch::default();
        match kind {
            SubplanKind::Exists { .. } => Ok(Outcome::Exists(operator.next_rows(plan, self, &mut batch)?)),
            SubplanKind::Scalar => {
                let mut value = None;
                while operator.next_rows(plan, self, &mut batch)? {
                    if value.is_some() || batch.rows > 1 {
                        return Err(err!(
                            CardinalityViolation,
                            "more than one row returned by a subquery used as an expression"
                        ));
                    }
                    value = batch.columns.first().map(|column| column.get(0));
                }
                Ok(Outcome::Scalar(value.unwrap_or_default()))
            }
            SubplanKind::Array => {
                let mut values = Vec::new();
                while operator.next_rows(plan, self, &mut batch)? {
                    if let Some(column) = batch.columns.first() {
                        values.extend((0..batch.rows).map(|row| column.get(row)));
                    }
                }
                Ok(Outcome::Array(Value::array(only_type(plan)?, values)))
            }
            SubplanKind::Any { .. } | SubplanKind::All { .. } => {
                let mut rows = Batch::new(plan.types.iter().map(|ty| ty.data_type));
                while operator.next_rows(plan, self, &mut batch)? {
                    rows.append(&batch);
                }
                let hashed = if hashable(kind, left, &rows) { Some(Hashed::new(&rows)?) } else { None };
                Ok(Outcome::Rows(Rows { rows, hashed }))
            }
        }
    }

    /// `left op ANY (rows)` or ALL for one row of `left`.
    fn quantified(
        &self,
        kind: &SubplanKind,
        left: &[Vector],
        row: usize,
        set: &Rows,
    ) -> Result<Option<bool>> {
        let Some(hashed) = &set.hashed else {
            return self.compare_with(kind, left, row, &set.rows);
        };
        let mut key = Vec::new();
        if key::hash_key_not_null(left, row, &mut key)? {
            if hashed.keys.contains(key.as_slice()) {
                return Ok(Some(matches!(kind, SubplanKind::Any { .. })));
            }
            // Rows without NULLs are known to differ.
            return self.compare_with(kind, left, row, &set.rows.take(&hashed.with_null));
        }
        self.compare_with(kind, left, row, &set.rows)
    }

    fn compare_with(
        &self,
        kind: &SubplanKind,
        left: &[Vector],
        row: usize,
        rows: &Batch,
    ) -> Result<Option<bool>> {
        let (SubplanKind::Any { operators, .. } | SubplanKind::All { operators, .. }) = kind else {
            return Err(Error::internal("a quantified comparison of another kind"));
        };
        let all = matches!(kind, SubplanKind::All { .. });
        if rows.is_empty() {
            return Ok(Some(all));
        }
        if operators.len() != left.len() || operators.len() != rows.columns.len() {
            return Err(Error::internal("a quantified comparison of different widths"));
        }
        let mut results = Vec::with_capacity(operators.len());
        for ((operator, left), right) in operators.iter().zip(left).zip(&rows.columns) {
            let pair = Batch {
                columns: vec![Vector::repeat(left.data_type, &left.get(row), rows.rows), right.clone()],
                rows: rows.rows,
            };
            let args = vec![Expr::column(0, left.data_type), Expr::column(1, right.data_type)];
            let call = Expr::Call { function: operator, args, ty: DataType::Bool.into() };
            results.push(self.eval(&call, &pair)?);
        }
        let symbol = operators.first().and_then(|operator| expr::operator::comparison_symbol(operator));
        let truth_of_row = |row: usize| {
            let mut truths = results.iter().map(|result| result.get(row).as_bool());
            match (results.len(), symbol) {
                // `(a, b) <> (c, d)`: one column that differs is enough.
                (2.., Some("<>")) => fold(&mut truths, true),
                _ => fold(&mut truths, false),
            }
        };
        if results.len() > 1 && !matches!(symbol, Some("=" | "<>")) {
            return Err(Error::unsupported(
                "comparing rows with a subquery's by another operator than = and <>",
            ));
        }
        Ok(fold(&mut (0..rows.rows).map(truth_of_row), !all))
    }
}

/// OR (`any`) or AND of truth values of three kinds.
fn fold(truths: &mut dyn Iterator<Item = Option<bool>>, any: bool) -> Option<bool> {
    let mut unknown = false;
    for truth in truths {
        match truth {
            Some(truth) if truth == any => return Some(any),
            Some(_) => {}
            None => unknown = true,
        }
    }
    if unknown { None } else { Some(!any) }
}

impl Hashed {
    fn new(rows: &Batch) -> Result<Hashed> {
        let mut hashed = Hashed { keys: KeySet::default(), with_null: vec![] };
        let mut key = Vec::new();
        for row in 0..rows.rows {
            key.clear();
            if key::hash_key_not_null(&rows.columns, row, &mut key)? {
                hashed.keys.insert(key.as_slice().into());
            } else {
                hashed.with_null.push(row);
            }
        }
        Ok(hashed)
    }
}

/// `= ANY` and `<> ALL` over types whose `=` is equality of hash keys.
fn hashable(kind: &SubplanKind, left: &[Vector], rows: &Batch) -> bool {
    let (operators, symbol) = match kind {
        SubplanKind::Any { operators, .. } => (operators, "="),
        SubplanKind::All { operators, .. } => (operators, "<>"),
        _ => return false,
    };
    operators.iter().all(|operator| expr::operator::comparison_symbol(operator) == Some(symbol))
        && left
            .iter()
            .zip(&rows.columns)
            .all(|(left, right)| key::same_hash_form(left.data_type, right.data_type))
}

fn result_type(plan: &Plan, kind: &SubplanKind) -> Result<DataType> {
    match kind {
        SubplanKind::Scalar => only_type(plan),
        SubplanKind::Array => {
            let element = only_type(plan)?;
            element.array().ok_or_else(|| Error::unsupported(format!("ARRAY(subquery) of type {element}")))
        }
        SubplanKind::Exists { .. } | SubplanKind::Any { .. } | SubplanKind::All { .. } => Ok(DataType::Bool),
    }
}

fn only_type(plan: &Plan) -> Result<DataType> {
    match plan.types.first() {
        Some(ty) => Ok(ty.data_type),
        None => Err(Error::internal("a subquery without a column")),
    }
}

/// Whether no function can tell these values apart. SQL equality is too coarse: 1.0 = 1.00, and they print differently.
pub(crate) fn same_values(left: &[Value], right: &[Value]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_value(left, right))
}

fn same_value(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Interval(a), Value::Interval(b)) => {
            (a.months, a.days, a.micros) == (b.months, b.days, b.micros)
        }
        (Value::Float4(a), Value::Float4(b)) => a.to_bits() == b.to_bits(),
        (Value::Float8(a), Value::Float8(b)) => a.to_bits() == b.to_bits(),
        (Value::Numeric(_), Value::Numeric(_)) => {
            let (mut a, mut b) = (Vec::new(), Vec::new());
            types::canonical::encode(left, &mut a);
            types::canonical::encode(right, &mut b);
            a == b
        }
        (Value::Array(_) | Value::Record(_), _) => false,
        _ => left == right,
    }
}
