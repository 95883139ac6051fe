//! Questions about a plan: its inputs and expressions, what it depends on, whether it writes.

use expr::window::{FrameBound, WindowTarget};
use expr::{Expr, Function, SortKey, SubplanKind, Volatility};
use plan::node::{Access, ConflictAction, Join, JoinMethod, KeyRange, Node, Scan, Versions};
use plan::{Plan, Query};
use std::collections::BTreeSet;

/// What a subtree depends on beside the snapshot.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Outer slots that it reads and does not set itself.
    pub slots: BTreeSet<usize>,
    /// Runs of it differ even for equal slots.
    pub volatile: bool,
}

/// The facts of `plan`, with the subplans and WITH queries that it uses.
pub(crate) fn facts(query: &Query, plan: &Plan) -> Facts {
    let mut walk = Walk { query, ctes: BTreeSet::new(), facts: Facts::default() };
    walk.plan(plan);
    walk.facts
}

/// The inputs of a node, in the order in which EXPLAIN prints them.
pub(crate) fn inputs(plan: &Plan) -> Vec<&Plan> {
    match &plan.node {
        Node::OneRow
        | Node::Values(_)
        | Node::Scan(_)
        | Node::SystemScan { .. }
        | Node::FunctionScan { .. }
        | Node::LedgerScan { .. }
        | Node::CteScan { .. }
        | Node::WorkTable { .. }
        | Node::CopyInput => vec![],
        Node::Filter { input, .. }
        | Node::Project { input, .. }
        | Node::ProjectSet { input, .. }
        | Node::Window { input, .. }
        | Node::Sort { input, .. }
        | Node::Distinct { input, .. }
        | Node::Limit { input, .. }
        | Node::LockRows { input, .. } => vec![input],
        Node::Aggregate(aggregate) => vec![&aggregate.input],
        Node::Insert(insert) => vec![&insert.input],
        Node::Update(update) => vec![&update.input],
        Node::Delete(delete) => vec![&delete.input],
        Node::Join(join) => vec![&join.left, &join.right],
        Node::SetOperation { left, right, .. } => vec![left, right],
        Node::RecursiveUnion { base, step, .. } => vec![base, step],
        Node::Append(inputs) => inputs.iter().collect(),
    }
}

pub(crate) fn node_count(plan: &Plan) -> usize {
    1 + inputs(plan).into_iter().map(node_count).sum::<usize>()
}

/// Whether the node itself changes tables.
pub(crate) fn writes(plan: &Plan) -> bool {
    matches!(plan.node, Node::Insert(_) | Node::Update(_) | Node::Delete(_))
        || inputs(plan).into_iter().any(writes)
}

pub(crate) fn query_writes(query: &Query) -> bool {
    writes(&query.plan) || query.ctes.iter().any(writes)
}

/// The scans that give out row keys, in pre-order.
pub(crate) fn keyed_scans(plan: &Plan) -> Vec<&Scan> {
    match &plan.node {
        Node::Scan(scan) if scan.key => vec![scan],
        _ => inputs(plan).into_iter().flat_map(keyed_scans).collect(),
    }
}

/// Calls `visit` on each expression of the node itself.
pub(crate) fn for_each_expr<'a>(node: &'a Node, visit: &mut dyn FnMut(&'a Expr)) {
    match node {
        Node::OneRow
        | Node::CteScan { .. }
        | Node::WorkTable { .. }
        | Node::CopyInput
        | Node::SetOperation { .. }
        | Node::Append(_)
        | Node::RecursiveUnion { .. }
        | Node::LockRows { .. } => {}
        Node::Values(rows) => rows.iter().flatten().for_each(visit),
        Node::Scan(scan) => {
            if let Access::Primary(ranges) | Access::Index { ranges, .. } = &scan.access {
                ranges.iter().for_each(|range| range_exprs(range, visit));
            }
            match &scan.versions {
                Versions::Snapshot | Versions::At(_) => {}
                Versions::AtExpr { value, .. } => visit(value),
                Versions::Range { from, to, .. } => {
                    from.iter().chain(to).for_each(|bound| visit(&bound.value))
                }
            }
            scan.filter.iter().for_each(visit);
        }
        Node::SystemScan { filter, .. } => filter.iter().for_each(visit),
        Node::LedgerScan { args, .. } => args.iter().for_each(visit),
        Node::FunctionScan { calls, .. } => calls.iter().for_each(visit),
        Node::Filter { predicate, .. } => visit(predicate),
        Node::Project { exprs, .. } | Node::ProjectSet { exprs, .. } => exprs.iter().for_each(visit),
        Node::Join(join) => {
            match &join.method {
                JoinMethod::Hash { left, right } => left.iter().chain(right).for_each(&mut *visit),
                JoinMethod::NestedLoop => {}
                JoinMethod::Apply { args, .. } => args.iter().for_each(&mut *visit),
            }
            join.filter.iter().for_each(visit);
        }
        Node::Aggregate(aggregate) => {
            aggregate.groups.iter().for_each(&mut *visit);
            aggregate.calls.iter().for_each(|call| call_exprs(call, visit));
        }
        Node::Window { calls, .. } => {
            for call in calls {
                match &call.function {
                    WindowTarget::Function(_, args) => args.iter().for_each(&mut *visit),
                    WindowTarget::Aggregate(aggregate) => call_exprs(aggregate, visit),
                }
                call.partition_by.iter().for_each(&mut *visit);
                sort_exprs(&call.order_by, visit);
                for bound in [&call.frame.start, &call.frame.end] {
                    if let FrameBound::Preceding(offset) | FrameBound::Following(offset) = bound {
                        visit(offset);
                    }
                }
            }
        }
        Node::Sort { keys, limit, .. } => {
            sort_exprs(keys, visit);
            limit.iter().for_each(|limit| visit(limit));
        }
        Node::Distinct { on, .. } => on.iter().flatten().for_each(visit),
        Node::Limit { limit, offset, with_ties, .. } => {
            limit.iter().chain(offset).for_each(&mut *visit);
            with_ties.iter().for_each(|keys| sort_exprs(keys, visit));
        }
        Node::Insert(insert) => {
            insert.row.iter().for_each(&mut *visit);
            if let Some(conflict) = &insert.on_conflict
                && let ConflictAction::Update { set, filter } = &conflict.action
            {
                set.iter().map(|(_, expr)| expr).chain(filter).for_each(&mut *visit);
            }
            insert.returning.iter().flatten().for_each(&mut *visit);
            insert.checks.iter().for_each(|(_, check)| visit(check));
        }
        Node::Update(update) => {
            update.set.iter().map(|(_, expr)| expr).for_each(&mut *visit);
            update.recheck.iter().for_each(&mut *visit);
            update.returning.iter().flatten().for_each(&mut *visit);
            update.checks.iter().for_each(|(_, check)| visit(check));
        }
        Node::Delete(delete) => {
            delete.recheck.iter().chain(delete.returning.iter().flatten()).for_each(visit);
        }
    }
}

fn range_exprs<'a>(range: &'a KeyRange, visit: &mut dyn FnMut(&'a Expr)) {
    range.equal.iter().for_each(&mut *visit);
    range.lower.iter().chain(&range.upper).for_each(|(expr, _)| visit(expr));
}

fn sort_exprs<'a>(keys: &'a [SortKey], visit: &mut dyn FnMut(&'a Expr)) {
    keys.iter().for_each(|key| visit(&key.expr));
}

fn call_exprs<'a>(call: &'a expr::AggregateCall, visit: &mut dyn FnMut(&'a Expr)) {
    call.args.iter().for_each(&mut *visit);
    sort_exprs(&call.order_by, visit);
    call.filter.iter().for_each(visit);
}

struct Walk<'a> {
    query: &'a Query,
    ctes: BTreeSet<usize>,
    facts: Facts,
}

impl Walk<'_> {
    fn plan(&mut self, plan: &Plan) {
        for_each_expr(&plan.node, &mut |expr| self.expr(expr));
        inputs(plan).into_iter().for_each(|input| self.plan(input));
        match &plan.node {
            // A slot is set in one place, so what is read above it is not read elsewhere under another meaning.
            Node::Join(Join { method: JoinMethod::Apply { first_slot, args }, .. }) => {
                self.sets(*first_slot, args.len());
            }
            Node::CteScan { cte } if self.ctes.insert(*cte) => {
                if let Some(plan) = self.query.ctes.get(*cte) {
                    self.plan(plan);
                }
            }
            _ => {}
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Outer { slot, .. } => {
                self.facts.slots.insert(*slot);
            }
            Expr::Call { function, .. } => self.function(function),
            Expr::Subplan { plan, first_slot, args, kind, .. } => {
                if let SubplanKind::Any { operators, .. } | SubplanKind::All { operators, .. } = &**kind {
                    operators.iter().for_each(|operator| self.function(operator));
                }
                if let Some(plan) = self.query.subplans.get(*plan) {
                    self.plan(plan);
                }
                self.sets(*first_slot, args.len());
            }
            _ => {}
        }
        expr.for_each_child(&mut |child| self.expr(child));
    }

    fn function(&mut self, function: &Function) {
        self.facts.volatile |= function.volatility == Volatility::Volatile;
    }

    fn sets(&mut self, first_slot: usize, count: usize) {
        self.facts.slots.retain(|slot| !(first_slot..first_slot.saturating_add(count)).contains(slot));
    }
}
