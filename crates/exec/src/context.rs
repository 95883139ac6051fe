//! What an operator may use during one pull, and what the operators of one execution share across pulls.

use crate::operator::{Numbers, Operator};
use crate::run::{Functions, NodeStatistics};
use crate::shape::{self, Facts};
use crate::subplan::Subplan;
use catalog::{RowKey, Transaction};
use expr::{Context, Expr, Function, Runtime, SubplanKind};
use plan::{Query, node};
use std::cell::{RefCell, RefMut};
use std::collections::HashMap;
use std::sync::Arc;
use types::{Batch, DataType, Error, Oid, Result, TextSettings, Value, Vector};

/// Shared by the operators of one execution, kept across pulls.
pub(crate) struct State {
    pub query: Arc<Query>,
    pub subplans: Vec<RefCell<Subplan>>,
    pub ctes: Vec<RefCell<Cte>>,
    /// The rows of a recursive query's last round, by its CTE number.
    pub work: Vec<RefCell<Vec<Arc<Batch>>>>,
    /// System relations are computed once per execution.
    pub system: RefCell<HashMap<Oid, Arc<Batch>>>,
    pub statistics: Option<RefCell<Vec<NodeStatistics>>>,
}

/// Shared by the operators of one execution during one pull.
pub(crate) struct Shared<'t> {
    /// Borrowed for the length of a single call only: operators read through it, DML and nextval write.
    pub transaction: RefCell<Option<&'t mut Transaction>>,
    pub functions: &'t dyn Functions,
    pub parameters: &'t [Value],
    pub settings: &'t TextSettings,
    pub system: &'t dyn catalog::system::Surroundings,
    pub copy_input: RefCell<Option<&'t mut CopyRows<'t>>>,
    pub state: &'t State,
}

/// [`crate::CopyInput`], borrowed.
pub(crate) type CopyRows<'t> = dyn FnMut(&mut Batch) -> Result<bool> + 't;

/// The surroundings of one operator: what is shared, and the rows around it.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a, 't> {
    pub shared: &'a Shared<'t>,
    /// `Expr::Outer`'s values. An operator that runs a subtree per row gives it slots of its own.
    pub slots: &'a [Value],
    /// Rows that stand for what these scans would find: a re-check after a lock wait.
    pub pins: &'a [Pin<'a>],
}

/// A scan that finds only this row.
pub(crate) struct Pin<'a> {
    pub scan: &'a node::Scan,
    pub key: RowKey,
    /// The newest values, by `relation.columns`. None: what the snapshot has under `key`.
    pub values: Option<Vec<Value>>,
}

/// A WITH query: its rows so far, and where more come from.
pub(crate) struct Cte {
    first_node: usize,
    facts: Option<Facts>,
    /// The values of the outer slots that it depends on.
    outer: Vec<Value>,
    rows: Vec<Arc<Batch>>,
    source: Source,
}

enum Source {
    NotStarted,
    Running(Operator),
    /// Being pulled right now, further up the stack.
    Busy,
    Finished,
}

impl Cte {
    pub fn new(first_node: usize) -> Cte {
        Cte { first_node, facts: None, outer: vec![], rows: vec![], source: Source::NotStarted }
    }
}

impl Run<'_, '_> {
    pub fn query(&self) -> &Query {
        &self.shared.state.query
    }

    pub fn context(&self) -> Context<'_> {
        Context {
            parameters: self.shared.parameters,
            slots: self.slots,
            settings: self.shared.settings,
            runtime: self,
        }
    }

    pub fn eval(&self, expr: &Expr, input: &Batch) -> Result<Vector> {
        expr::eval(expr, input, &self.context())
    }

    pub fn eval_all<'e>(
        &self,
        exprs: impl IntoIterator<Item = &'e Expr>,
        input: &Batch,
    ) -> Result<Vec<Vector>> {
        let context = self.context();
        exprs.into_iter().map(|expr| expr::eval(expr, input, &context)).collect()
    }

    pub fn eval_constant(&self, expr: &Expr) -> Result<Value> {
        expr::eval_constant(expr, &self.context())
    }

    pub fn eval_filter(&self, predicate: &Expr, input: &Batch) -> Result<Vec<usize>> {
        expr::eval_filter(predicate, input, &self.context())
    }

    /// For one call: to be let go before anything else is pulled or evaluated.
    pub fn transaction(&self) -> Result<RefMut<'_, Transaction>> {
        let borrowed = self.shared.transaction.try_borrow_mut();
        let borrowed = borrowed.map_err(|_| Error::internal("the transaction is in use"))?;
        RefMut::filter_map(borrowed, Option::as_deref_mut)
            .map_err(|_| Error::internal("this plan needs a transaction"))
    }

    /// Batch `position` of a WITH query's rows, made on demand: a recursive query under LIMIT may have no end.
    pub fn cte_rows(&self, number: usize, position: usize) -> Result<Option<Arc<Batch>>> {
        let state = self.shared.state;
        let (Some(cell), Some(plan)) = (state.ctes.get(number), state.query.ctes.get(number)) else {
            return Err(Error::internal("no such WITH query"));
        };
        loop {
            let mut cte = cell.borrow_mut();
            if let Some(rows) = cte.rows.get(position) {
                return Ok(Some(rows.clone()));
            }
            let mut operator = match std::mem::replace(&mut cte.source, Source::Busy) {
                Source::Finished => {
                    cte.source = Source::Finished;
                    return Ok(None);
                }
                Source::Busy => return Err(Error::internal("a WITH query reads itself")),
                Source::Running(operator) => operator,
                Source::NotStarted => {
                    let mut numbers = Numbers::starting_at(cte.first_node, state.statistics.is_some());
                    Operator::new(plan, usize::MAX, &mut numbers)
                }
            };
            drop(cte);
            let mut rows = Batch::default();
            // It sees the rows around it, but not a re-check's pins: those are of another query level.
            let more = operator.next_rows(plan, &Run { pins: &[], ..*self }, &mut rows)?;
            let mut cte = cell.borrow_mut();
            if more {
                cte.rows.push(Arc::new(rows));
                cte.source = Source::Running(operator);
            } else {
                cte.source = Source::Finished;
            }
        }
    }

    /// Starts to read a WITH query: forgets its rows if it depends on outer rows that have changed.
    pub fn open_cte(&self, number: usize) -> Result<()> {
        let state = self.shared.state;
        let (Some(cell), Some(plan)) = (state.ctes.get(number), state.query.ctes.get(number)) else {
            return Err(Error::internal("no such WITH query"));
        };
        let mut cte = cell.borrow_mut();
        if cte.facts.is_none() {
            cte.facts = Some(shape::facts(&state.query, plan));
        }
        let outer = cte.facts.iter().flat_map(|facts| &facts.slots);
        let outer: Vec<Value> =
            outer.map(|&slot| self.slots.get(slot).cloned().unwrap_or_default()).collect();
        if !crate::subplan::same_values(&outer, &cte.outer) {
            cte.outer = outer;
            cte.rows.clear();
            cte.source = Source::NotStarted;
        }
        Ok(())
    }

    /// Runs a WITH query to its end.
    pub fn finish_cte(&self, number: usize) -> Result<()> {
        self.open_cte(number)?;
        let mut position = 0;
        while self.cte_rows(number, position)?.is_some() {
            position += 1;
        }
        Ok(())
    }

    pub fn pin(&self, scan: &node::Scan) -> Option<&Pin<'_>> {
        self.pins.iter().find(|pin| std::ptr::eq(pin.scan, scan))
    }
}

impl Runtime for Run<'_, '_> {
    fn call(&self, function: &'static Function, args: &[Value]) -> Result<Value> {
        self.shared.functions.call(&mut *self.transaction()?, function, args)
    }

    fn call_set(&self, function: &'static Function, args: &[Value]) -> Result<Vec<Vec<Value>>> {
        self.shared.functions.call_set(&mut *self.transaction()?, function, args)
    }

    fn subplan(
        &self,
        plan: usize,
        kind: &SubplanKind,
        first_slot: usize,
        args: &[Vector],
        left: &[Vector],
        rows: usize,
        slots: &[Value],
    ) -> Result<Vector> {
        Run { slots, ..*self }.run_subplan(plan, kind, first_slot, args, left, rows)
    }

    fn name_of(&self, data_type: DataType, oid: Oid) -> Result<Option<String>> {
        self.shared.functions.name_of(&*self.transaction()?, data_type, oid)
    }

    fn oid_of(&self, data_type: DataType, name: &str) -> Result<Option<Oid>> {
        self.shared.functions.oid_of(&*self.transaction()?, data_type, name)
    }

    fn check_interrupt(&self) -> Result<()> {
        self.shared.functions.check_interrupt()
    }
}
