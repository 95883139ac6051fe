//! What an operator is: the running state of one plan node.
//!
//! The plan is immutable and shared, so it is not part of the state: whoever pulls an operator passes the node again.
//! To add a node: a variant here, a line in `build` and in `step`, and a file beside the others.

mod aggregate;
mod append;
mod checks;
mod copy_input;
mod cte_scan;
mod delete;
mod distinct;
mod filter;
mod function_scan;
mod insert;
mod join;
mod ledger_scan;
mod limit;
mod lock_rows;
mod one_row;
mod ordered_call;
mod project;
mod project_set;
mod recursive_union;
mod scan;
mod set_operation;
mod sort;
mod system_scan;
mod targets;
mod update;
mod values;
mod window;
mod work_table;

use crate::context::Run;
use crate::shape;
use expr::Runtime;
use plan::{Node, Plan};
use types::{Batch, Error, Result};

/// A node's number in EXPLAIN ANALYZE's statistics, and its state.
pub(crate) struct Operator {
    number: usize,
    started: bool,
    state: Box<State>,
}

enum State {
    OneRow(one_row::OneRow),
    Values(values::Values),
    Scan(scan::Scan),
    SystemScan(system_scan::SystemScan),
    FunctionScan(function_scan::FunctionScan),
    LedgerScan(ledger_scan::LedgerScan),
    CteScan(cte_scan::CteScan),
    WorkTable(work_table::WorkTable),
    CopyInput,
    Filter(filter::Filter),
    Project(project::Project),
    ProjectSet(project_set::ProjectSet),
    Join(join::Join),
    Apply(join::apply::Apply),
    Aggregate(aggregate::Aggregate),
    Window(window::Window),
    Sort(sort::Sort),
    Distinct(distinct::Distinct),
    Limit(limit::Limit),
    SetOperation(set_operation::SetOperation),
    Append(append::Append),
    RecursiveUnion(recursive_union::RecursiveUnion),
    LockRows(lock_rows::LockRows),
    Insert(insert::Insert),
    Update(update::Update),
    Delete(delete::Delete),
}

impl Operator {
    /// `first_rows`: how many rows will be asked for at first (a LIMIT above), `usize::MAX` if all.
    pub fn new(plan: &Plan, first_rows: usize, numbers: &mut Numbers) -> Operator {
        let number = numbers.take();
        Operator { number, started: false, state: Box::new(State::new(plan, first_rows, numbers)) }
    }

    /// Replaces `out` with the next rows, at least one. Returns false, with `out` empty, at the end; not to be called
    /// after that.
    pub fn next_rows(&mut self, plan: &Plan, run: &Run<'_, '_>, out: &mut Batch) -> Result<bool> {
        run.check_interrupt()?;
        let Some(statistics) = &run.shared.state.statistics else { return self.step_to_rows(plan, run, out) };
        let started_us = run.shared.functions.elapsed_us();
        let more = self.step_to_rows(plan, run, out)?;
        let mut statistics = statistics.borrow_mut();
        if let Some(node) = statistics.get_mut(self.number) {
            node.loops += u64::from(!self.started);
            node.rows += out.rows as u64;
            node.time_us += run.shared.functions.elapsed_us().saturating_sub(started_us);
        }
        self.started = true;
        Ok(more)
    }

    /// How many rows a command affected; None for a query.
    pub fn affected(&self) -> Option<u64> {
        match &*self.state {
            State::Insert(insert) => Some(insert.affected),
            State::Update(update) => Some(update.affected),
            State::Delete(delete) => Some(delete.affected),
            _ => None,
        }
    }

    fn step_to_rows(&mut self, plan: &Plan, run: &Run<'_, '_>, out: &mut Batch) -> Result<bool> {
        while self.state.step(plan, run, out)? {
            if out.rows > 0 {
                return Ok(true);
            }
            run.check_interrupt()?;
        }
        out.clear();
        Ok(false)
    }
}

impl State {
    fn new(plan: &Plan, first_rows: usize, numbers: &mut Numbers) -> State {
        let all = usize::MAX;
        let mut operator = |plan, first_rows| Operator::new(plan, first_rows, numbers);
        match &plan.node {
            Node::OneRow => State::OneRow(one_row::OneRow::default()),
            Node::Values(_) => State::Values(values::Values::new(first_rows)),
            Node::Scan(_) => State::Scan(scan::Scan::new(first_rows)),
            Node::SystemScan { .. } => State::SystemScan(system_scan::SystemScan::default()),
            Node::FunctionScan { .. } => State::FunctionScan(function_scan::FunctionScan::new(first_rows)),
            Node::LedgerScan { .. } => State::LedgerScan(ledger_scan::LedgerScan::default()),
            Node::CteScan { .. } => State::CteScan(cte_scan::CteScan::default()),
            Node::WorkTable { .. } => State::WorkTable(work_table::WorkTable::default()),
            Node::CopyInput => State::CopyInput,
            Node::Filter { input, .. } => State::Filter(filter::Filter::new(operator(input, first_rows))),
            Node::Project { input, .. } => State::Project(project::Project::new(operator(input, first_rows))),
            Node::ProjectSet { input, .. } => {
                State::ProjectSet(project_set::ProjectSet::new(operator(input, 1)))
            }
            Node::Join(node) => match &node.method {
                plan::node::JoinMethod::Apply { .. } => State::Apply(join::apply::Apply::new(
                    operator(&node.left, first_rows),
                    numbers.skip(&node.right),
                )),
                _ => {
                    let left = operator(&node.left, first_rows);
                    State::Join(join::Join::new(left, operator(&node.right, all)))
                }
            },
            Node::Aggregate(node) => State::Aggregate(aggregate::Aggregate::new(operator(&node.input, all))),
            Node::Window { input, .. } => State::Window(window::Window::new(operator(input, all))),
            Node::Sort { input, .. } => State::Sort(sort::Sort::new(operator(input, all))),
            Node::Distinct { input, .. } => {
                State::Distinct(distinct::Distinct::new(operator(input, first_rows)))
            }
            Node::Limit { input, .. } => State::Limit(limit::Limit::new(numbers.skip(input))),
            Node::SetOperation { left, right, .. } => {
                let left = operator(left, all);
                State::SetOperation(set_operation::SetOperation::new(left, operator(right, all)))
            }
            Node::Append(inputs) => State::Append(append::Append::new(
                inputs.iter().map(|input| operator(input, first_rows)).collect(),
            )),
            Node::RecursiveUnion { base, step, .. } => {
                let base = operator(base, all);
                State::RecursiveUnion(recursive_union::RecursiveUnion::new(base, numbers.skip(step)))
            }
            Node::LockRows { input, .. } => {
                State::LockRows(lock_rows::LockRows::new(operator(input, first_rows), first_rows))
            }
            Node::Insert(node) => State::Insert(insert::Insert::new(operator(&node.input, all))),
            Node::Update(node) => State::Update(update::Update::new(operator(&node.input, all))),
            Node::Delete(node) => State::Delete(delete::Delete::new(operator(&node.input, all))),
        }
    }

    /// As [`Operator::next_rows`], but may return true with no rows.
    fn step(&mut self, plan: &Plan, run: &Run<'_, '_>, out: &mut Batch) -> Result<bool> {
        match (&plan.node, self) {
            (Node::OneRow, State::OneRow(state)) => state.next(out),
            (Node::Values(rows), State::Values(state)) => state.next(rows, plan, run, out),
            (Node::Scan(node), State::Scan(state)) => state.next(node, plan, run, out),
            (Node::SystemScan { relation, columns, filter, .. }, State::SystemScan(state)) => {
                state.next(relation, columns, filter.as_ref(), run, out)
            }
            (Node::FunctionScan { calls, ordinality }, State::FunctionScan(state)) => {
                state.next(calls, *ordinality, plan, run, out)
            }
            (Node::LedgerScan { kind, relation, args }, State::LedgerScan(state)) => {
                state.next(*kind, relation.as_ref(), args, plan, run, out)
            }
            (Node::CteScan { cte }, State::CteScan(state)) => state.next(*cte, run, out),
            (Node::WorkTable { cte }, State::WorkTable(state)) => state.next(*cte, run, out),
            (Node::CopyInput, State::CopyInput) => copy_input::next(plan, run, out),
            (Node::Filter { input, predicate }, State::Filter(state)) => {
                state.next(input, predicate, run, out)
            }
            (Node::Project { input, exprs }, State::Project(state)) => state.next(input, exprs, run, out),
            (Node::ProjectSet { input, exprs }, State::ProjectSet(state)) => {
                state.next(input, exprs, run, out)
            }
            (Node::Join(node), State::Join(state)) => state.next(node, run, out),
            (Node::Join(node), State::Apply(state)) => state.next(node, run, out),
            (Node::Aggregate(node), State::Aggregate(state)) => state.next(node, run, out),
            (Node::Window { input, calls }, State::Window(state)) => state.next(input, calls, run, out),
            (Node::Sort { input, keys, limit }, State::Sort(state)) => {
                state.next(input, keys, limit.as_deref(), run, out)
            }
            (Node::Distinct { input, on }, State::Distinct(state)) => {
                state.next(input, on.as_deref(), run, out)
            }
            (Node::Limit { input, limit, offset, with_ties }, State::Limit(state)) => {
                state.next(input, limit.as_ref(), offset.as_ref(), with_ties.as_deref(), run, out)
            }
            (Node::SetOperation { kind, all, left, right }, State::SetOperation(state)) => {
                state.next(*kind, *all, left, right, run, out)
            }
            (Node::Append(inputs), State::Append(state)) => state.next(inputs, run, out),
            (Node::RecursiveUnion { cte, base, step, all }, State::RecursiveUnion(state)) => {
                state.next(*cte, base, step, *all, run, out)
            }
            (Node::LockRows { input, locks }, State::LockRows(state)) => state.next(input, locks, run, out),
            (Node::Insert(node), State::Insert(state)) => state.next(node, run, out),
            (Node::Update(node), State::Update(state)) => state.next(node, run, out),
            (Node::Delete(node), State::Delete(state)) => state.next(node, run, out),
            _ => Err(Error::internal("an operator was given another node's plan")),
        }
    }
}

/// Numbers nodes in pre-order, for the statistics. Operators that are made later, or more than once, start at the
/// number that was set aside for them.
pub(crate) struct Numbers {
    next: usize,
    collecting: bool,
}

impl Numbers {
    pub fn new(collecting: bool) -> Numbers {
        Numbers { next: 0, collecting }
    }

    pub fn starting_at(next: usize, collecting: bool) -> Numbers {
        Numbers { next, collecting }
    }

    /// For an operator that is made during the run.
    pub fn resumed(next: usize, run: &Run<'_, '_>) -> Numbers {
        Numbers { next, collecting: run.shared.state.statistics.is_some() }
    }

    /// Sets a subtree's numbers aside; the first of them.
    pub fn skip(&mut self, plan: &Plan) -> usize {
        let first = self.next;
        if self.collecting {
            self.next += shape::node_count(plan);
        }
        first
    }

    pub fn count(&self) -> usize {
        self.next
    }

    pub fn collecting(&self) -> bool {
        self.collecting
    }

    fn take(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }
}

/// The rows `from..to` of a batch; all of it is moved, not copied.
pub(crate) fn slice(batch: &mut Batch, from: usize, to: usize) -> Batch {
    if from == 0 && to == batch.rows {
        return std::mem::take(batch);
    }
    batch.take(&(from..to).collect::<Vec<_>>())
}
