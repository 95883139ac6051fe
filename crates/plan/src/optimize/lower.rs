//! Numbers to positions: each operator becomes a plan node that makes the columns its reader needs, and no others.

use super::Planner;
use super::ordering::{Order, Wanted};
use crate::node::{Access, Node, Plan, Scan as ScanNode};
use crate::rel::{self, Number, Numbers, Rel, Scan, columns_of};
use expr::{AggregateCall, Expr, FrameBound, SortKey, SubplanKind, WindowCall};
use std::collections::HashMap;
use types::{ColumnType, Error, Result};

/// Where each numbered column stands in a plan's rows. Two numbers may share a place.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    pub positions: HashMap<Number, usize>,
    pub width: usize,
}

impl Layout {
    pub fn of(columns: &[Number]) -> Layout {
        let positions = columns.iter().enumerate().map(|(position, number)| (*number, position)).collect();
        Layout { positions, width: columns.len() }
    }
    pub fn push(&mut self, number: Number) {
        self.positions.insert(number, self.width);
        self.width += 1;
    }
    /// This layout's columns, then the other's.
    pub fn beside(&self, other: &Layout) -> Layout {
        let mut positions = self.positions.clone();
        positions.extend(other.positions.iter().map(|(number, position)| (*number, position + self.width)));
        Layout { positions, width: self.width + other.width }
    }
}

/// A subtree as a plan.
pub(super) struct Lowered {
    pub plan: Plan,
    pub layout: Layout,
    pub order: Order,
}

impl Planner<'_> {
    /// A plan whose columns are exactly these, in this order.
    pub(crate) fn lower_ordered(&mut self, rel: &Rel, outputs: &[Number]) -> Result<Plan> {
        let need: Numbers = outputs.iter().copied().collect();
        let lowered = self.lower(rel, &need, &Wanted::default())?;
        self.arranged(lowered, outputs)
    }

    pub(super) fn arranged(&mut self, lowered: Lowered, outputs: &[Number]) -> Result<Plan> {
        let Lowered { plan, layout, order: _ } = lowered;
        let in_place = layout.width == outputs.len()
            && outputs
                .iter()
                .enumerate()
                .all(|(position, number)| layout.positions.get(number) == Some(&position));
        if in_place {
            return Ok(plan);
        }
        let exprs = outputs.iter().map(|number| self.column(*number, &layout)).collect::<Result<Vec<_>>>()?;
        Ok(projected(plan, exprs))
    }

    /// `need`: the columns that the reader uses (and perhaps some of enclosing rows).
    pub(super) fn lower(&mut self, rel: &Rel, need: &Numbers, wanted: &Wanted) -> Result<Lowered> {
        match rel {
            Rel::OneRow => Ok(leaf(plan(Node::OneRow, vec![], 1.0, 0.01), Layout::default())),
            Rel::Empty { columns } => {
                let columns: Vec<Number> =
                    columns.iter().copied().filter(|number| need.contains(number)).collect();
                let types = self.types(&columns);
                Ok(leaf(plan(Node::Values(vec![]), types, 0.0, 0.0), Layout::of(&columns)))
            }
            Rel::Values { rows, columns } => {
                let kept: Vec<usize> =
                    (0..columns.len()).filter(|position| need.contains(&columns[*position])).collect();
                let numbers: Vec<Number> = kept.iter().map(|position| columns[*position]).collect();
                let nothing = Layout::default();
                let mut lowered = Vec::with_capacity(rows.len());
                for row in rows {
                    let cells = kept.iter().filter_map(|position| row.get(*position));
                    lowered
                        .push(cells.map(|cell| self.translated(cell, &nothing)).collect::<Result<Vec<_>>>()?);
                }
                let (types, count) = (self.types(&numbers), rows.len() as f64);
                Ok(leaf(plan(Node::Values(lowered), types, count, count * 0.01), Layout::of(&numbers)))
            }
            Rel::Scan(scan) => self.lower_scan(scan, &[], need, wanted),
            Rel::SystemScan { .. } => self.lower_system_scan(rel, &[], need),
            Rel::Filter { input, predicates } => self.lower_filter(input, predicates, need, wanted),
            Rel::FunctionScan { calls, ordinality, columns } => {
                let nothing = Layout::default();
                let calls = self.translated_all(calls, &nothing)?;
                let rows = self.rows(rel);
                let node = Node::FunctionScan { calls, ordinality: *ordinality };
                Ok(leaf(plan(node, self.types(columns), rows, rows * 0.02), Layout::of(columns)))
            }
            Rel::LedgerScan { kind, relation, args, columns } => {
                let args = self.translated_all(args, &Layout::default())?;
                let node = Node::LedgerScan { kind: *kind, relation: relation.clone(), args };
                Ok(leaf(plan(node, self.types(columns), self.rows(rel), 100.0), Layout::of(columns)))
            }
            Rel::CteScan { cte, columns, outer: _ } => {
                let rows = self.rows(rel);
                let position = self.cte(*cte)?;
                Ok(leaf(
                    plan(Node::CteScan { cte: position }, self.types(columns), rows, rows * 0.5),
                    Layout::of(columns),
                ))
            }
            Rel::WorkTable { cte, columns } => {
                let Some(position) = self.cte_positions.get(cte).copied() else {
                    return Err(Error::internal("a recursive reference outside of its query"));
                };
                let node = Node::WorkTable { cte: position };
                Ok(leaf(plan(node, self.types(columns), 10.0, 5.0), Layout::of(columns)))
            }
            Rel::CopyInput { columns } => {
                Ok(leaf(plan(Node::CopyInput, self.types(columns), 1000.0, 0.0), Layout::of(columns)))
            }
            Rel::Project { input, exprs } => self.lower_project(input, exprs, need, wanted),
            Rel::ProjectSet { input, exprs } => self.lower_project_set(input, exprs, need),
            Rel::Join { kind, left, right, on } => self.lower_join(*kind, left, right, on, need, wanted, rel),
            Rel::Aggregate(aggregate) => self.lower_aggregate(aggregate, need, rel),
            Rel::Window { input, calls } => self.lower_window(input, calls, need),
            Rel::Sort { input, keys } => self.lower_sort(input, keys, need, wanted),
            Rel::Distinct { input, columns } => self.lower_distinct(input, columns, rel, wanted),
            Rel::DistinctOn { input, on, keys } => self.lower_distinct_on(input, on, keys, need, rel),
            Rel::Limit { input, limit, offset, with_ties } => {
                self.lower_limit(input, limit.as_ref(), offset.as_ref(), with_ties.as_deref(), need, wanted)
            }
            Rel::SetOperation { .. } => self.lower_set_operation(rel, need),
            Rel::RecursiveUnion { .. } => self.lower_recursive(rel),
            Rel::LockRows { input, locks } => self.lower_locks(input, locks, need, wanted),
        }
    }

    /// The plan of a WITH query, made when it is first read; its position among the statement's.
    pub(super) fn cte(&mut self, cte: usize) -> Result<usize> {
        if let Some(position) = self.cte_positions.get(&cte) {
            return Ok(*position);
        }
        let Some(definition) = self.arena.ctes.get(cte).cloned() else {
            return Err(Error::internal("a WITH query"));
        };
        let position = self.cte_plans.len();
        self.cte_positions.insert(cte, position);
        self.cte_plans.push(None);
        let plan = match (definition.change.map(|change| *change), definition.rel) {
            (Some(rel::Change::Insert(insert)), _) => self.insert(insert)?,
            (Some(rel::Change::Update(change)), _) => self.update(change)?,
            (Some(rel::Change::Delete(change)), _) => self.delete(change)?,
            (None, Some(rel)) => {
                let rel = self.rewritten(rel)?;
                self.lower_ordered(&rel, &definition.outputs)?
            }
            (None, None) => return Err(Error::internal("a WITH query that is read but gone")),
        };
        self.cte_plans[position] = Some(plan);
        Ok(position)
    }

    /// Data-modifying WITH queries run whether or not they are read.
    pub(crate) fn finish_ctes(&mut self) -> Result<()> {
        for cte in 0..self.arena.ctes.len() {
            if self.arena.ctes[cte].change.is_some() {
                self.cte(cte)?;
            }
        }
        Ok(())
    }

    fn lower_filter(
        &mut self,
        input: &Rel,
        predicates: &[Expr],
        need: &Numbers,
        wanted: &Wanted,
    ) -> Result<Lowered> {
        match input {
            Rel::Scan(scan) => return self.lower_scan(scan, predicates, need, wanted),
            Rel::SystemScan { .. } => return self.lower_system_scan(input, predicates, need),
            _ => {}
        }
        let mut below = need.clone();
        predicates.iter().for_each(|predicate| columns_of(predicate, &mut below));
        // A filter in between makes a limit's row count unknown below.
        let wanted = Wanted { keys: wanted.keys.clone(), limit: wanted.limit.map(|limit| limit * 3.0) };
        let Lowered { plan: child, layout, order } = self.lower(input, &below, &wanted)?;
        let share = self.selectivity(predicates, input);
        let predicate = self.translated_conjunction(predicates, &layout)?;
        let Some(predicate) = predicate else { return Ok(Lowered { plan: child, layout, order }) };
        let rows = child.rows_estimated * share;
        let cost = child.cost + child.rows_estimated * 0.01 * predicates.len() as f64;
        let types = child.types.clone();
        Ok(Lowered {
            plan: plan(Node::Filter { input: Box::new(child), predicate }, types, rows, cost),
            layout,
            order,
        })
    }

    pub(super) fn lower_scan(
        &mut self,
        scan: &Scan,
        predicates: &[Expr],
        need: &Numbers,
        wanted: &Wanted,
    ) -> Result<Lowered> {
        let (plain, late): (Vec<Expr>, Vec<Expr>) = predicates
            .iter()
            .cloned()
            .partition(|predicate| !rel::any(predicate, &|e| matches!(e, Expr::Subplan { .. })));
        let path = self.path(scan, &plain, wanted);
        let mut below = need.clone();
        path.remaining.iter().chain(&late).for_each(|predicate| columns_of(predicate, &mut below));
        let read: Vec<(u32, Number)> =
            scan.columns.iter().copied().filter(|(_, number)| below.contains(number)).collect();
        let mut numbers: Vec<Number> = read.iter().map(|(_, number)| *number).collect();
        let key = below.contains(&scan.key);
        let types_of_columns = self.types(&numbers);
        let mut types = types_of_columns;
        if key {
            numbers.push(scan.key);
            types.push(types::DataType::Bytea.into());
        }
        let layout = Layout::of(&numbers);
        let nothing = Layout::default();
        let access = match path.access {
            Access::All => Access::All,
            Access::Primary(ranges) => Access::Primary(self.translated_ranges(ranges, &nothing)?),
            Access::Index { index, ranges } => {
                Access::Index { index, ranges: self.translated_ranges(ranges, &nothing)? }
            }
        };
        let versions = self.translated_versions(&scan.versions, &nothing)?;
        let base = self.base_rows(scan);
        let rows =
            (base * self.selectivity(predicates, &Rel::Scan(scan.clone()))).min(path.rows.max(1.0)).max(0.0);
        let remaining = [path.remaining, late].concat();
        let filter = self.translated_conjunction(&remaining, &layout)?;
        let node = Node::Scan(ScanNode {
            relation: scan.relation.clone(),
            alias: scan.alias.clone(),
            columns: read.into_iter().map(|(id, _)| id).collect(),
            access,
            backward: path.backward,
            filter,
            versions,
            key,
        });
        Ok(Lowered { plan: plan(node, types, rows, path.cost), layout, order: path.order })
    }

    fn lower_system_scan(&mut self, rel: &Rel, predicates: &[Expr], need: &Numbers) -> Result<Lowered> {
        let Rel::SystemScan { relation, alias, columns } = rel else {
            return Err(Error::internal("a system scan"));
        };
        let mut below = need.clone();
        predicates.iter().for_each(|predicate| columns_of(predicate, &mut below));
        let read: Vec<(u32, Number)> =
            columns.iter().copied().filter(|(_, number)| below.contains(number)).collect();
        let numbers: Vec<Number> = read.iter().map(|(_, number)| *number).collect();
        let layout = Layout::of(&numbers);
        let filter = self.translated_conjunction(predicates, &layout)?;
        let all = self.rows(rel);
        let rows = all * self.selectivity(predicates, rel);
        let node = Node::SystemScan {
            relation: relation.clone(),
            columns: read.into_iter().map(|(id, _)| id).collect(),
            filter,
            alias: alias.clone(),
        };
        Ok(leaf(plan(node, self.types(&numbers), rows, all), layout))
    }

    // From numbers to positions.

    pub(super) fn types(&self, numbers: &[Number]) -> Vec<ColumnType> {
        numbers.iter().map(|number| self.arena.types[*number]).collect()
    }

    pub(super) fn column(&self, number: Number, layout: &Layout) -> Result<Expr> {
        let ty = self.arena.types[number];
        match (layout.positions.get(&number), self.slots.get(&number)) {
            (Some(position), _) => Ok(Expr::Column { index: *position, ty }),
            (None, Some(slot)) => Ok(Expr::Outer { slot: *slot, ty }),
            (None, None) => Err(Error::internal(format!("column {number} is not here"))),
        }
    }

    pub(super) fn translated(&mut self, expr: &Expr, layout: &Layout) -> Result<Expr> {
        let mut expr = expr.clone();
        self.translate(&mut expr, layout)?;
        Ok(expr)
    }

    pub(super) fn translated_all(&mut self, exprs: &[Expr], layout: &Layout) -> Result<Vec<Expr>> {
        exprs.iter().map(|expr| self.translated(expr, layout)).collect()
    }

    pub(super) fn translated_conjunction(
        &mut self,
        predicates: &[Expr],
        layout: &Layout,
    ) -> Result<Option<Expr>> {
        // Subqueries last: the cheap tests spare them.
        let (late, first): (Vec<Expr>, Vec<Expr>) = predicates
            .iter()
            .cloned()
            .partition(|predicate| rel::any(predicate, &|e| matches!(e, Expr::Subplan { .. })));
        let all = self.translated_all(&[first, late].concat(), layout)?;
        Ok(rel::conjunction(all))
    }

    pub(super) fn translated_keys(&mut self, keys: &[SortKey], layout: &Layout) -> Result<Vec<SortKey>> {
        keys.iter()
            .map(|key| {
                let SortKey { expr, descending, nulls_first } = key;
                let expr = self.translated(expr, layout)?;
                Ok(SortKey { expr, descending: *descending, nulls_first: *nulls_first })
            })
            .collect()
    }

    pub(super) fn translated_call(&mut self, call: &AggregateCall, layout: &Layout) -> Result<AggregateCall> {
        let mut call = call.clone();
        for expr in rel::call_exprs_mut(&mut call) {
            self.translate(expr, layout)?;
        }
        Ok(call)
    }

    pub(super) fn translated_window(&mut self, call: &WindowCall, layout: &Layout) -> Result<WindowCall> {
        let mut call = call.clone();
        for expr in rel::window_exprs_mut(&mut call) {
            self.translate(expr, layout)?;
        }
        debug_assert!(!matches!(call.frame.start, FrameBound::UnboundedFollowing));
        Ok(call)
    }

    fn translated_ranges(
        &mut self,
        ranges: Vec<crate::node::KeyRange>,
        layout: &Layout,
    ) -> Result<Vec<crate::node::KeyRange>> {
        let mut all = Vec::with_capacity(ranges.len());
        for range in ranges {
            let crate::node::KeyRange { equal, lower, upper, any } = range;
            let equal = self.translated_all(&equal, layout)?;
            let mut bound = |bound: Option<(Expr, bool)>| match bound {
                Some((expr, inclusive)) => self.translated(&expr, layout).map(|expr| Some((expr, inclusive))),
                None => Ok(None),
            };
            let (lower, upper) = (bound(lower)?, bound(upper)?);
            all.push(crate::node::KeyRange { equal, lower, upper, any });
        }
        Ok(all)
    }

    fn translated_versions(
        &mut self,
        versions: &crate::Versions,
        layout: &Layout,
    ) -> Result<crate::Versions> {
        use crate::Versions::*;
        let mut bound = |bound: &Option<crate::node::Bound>| match bound {
            Some(crate::node::Bound { value, time }) => {
                let value = super::fold(self.translated(value, layout)?, &self.environment.settings);
                Ok(Some(crate::node::Bound { value, time: *time }))
            }
            None => Result::Ok(None),
        };
        Ok(match versions {
            Snapshot => Snapshot,
            At(moment) => At(*moment),
            AtExpr { value, time } => {
                AtExpr { value: Box::new(self.translated(value, layout)?), time: *time }
            }
            Range { from, to, closed } => Range { from: bound(from)?, to: bound(to)?, closed: *closed },
        })
    }

    fn translate(&mut self, expr: &mut Expr, layout: &Layout) -> Result<()> {
        match expr {
            Expr::Column { index, .. } => {
                *expr = self.column(*index, layout)?;
                Ok(())
            }
            Expr::Subplan { plan, kind, first_slot, args, .. } => {
                if let SubplanKind::Any { left, .. } | SubplanKind::All { left, .. } = &mut **kind {
                    for expr in left {
                        self.translate(expr, layout)?;
                    }
                }
                for expr in args.iter_mut() {
                    self.translate(expr, layout)?;
                }
                let exists = matches!(**kind, SubplanKind::Exists { .. });
                (*plan, *first_slot) = self.lower_subquery(*plan, exists)?;
                Ok(())
            }
            other => {
                let mut failed = None;
                other.for_each_child_mut(&mut |child| {
                    if failed.is_none() {
                        failed = self.translate(child, layout).err();
                    }
                });
                failed.map_or(Ok(()), Err)
            }
        }
    }

    /// A subquery as one of the statement's subplans: its number and first slot.
    fn lower_subquery(&mut self, subquery: usize, exists: bool) -> Result<(usize, usize)> {
        let Some(subquery) = self.arena.subqueries.get(subquery).cloned() else {
            return Err(Error::internal("a subquery"));
        };
        let rel::Subquery { rel, outputs, parameters } = subquery;
        let first_slot = self.slot_count;
        self.slot_count += parameters.len();
        let outer = self.in_slots(&parameters, first_slot);
        let rel = self.rewritten(rel)?;
        let outputs = if exists { vec![] } else { outputs };
        let plan = self.lower_ordered(&rel, &outputs);
        self.slots = outer;
        self.subplans.push(plan?);
        Ok((self.subplans.len() - 1, first_slot))
    }

    /// Puts columns into slots; returns the slots as they were.
    pub(super) fn in_slots(&mut self, numbers: &[Number], first_slot: usize) -> HashMap<Number, usize> {
        let before = self.slots.clone();
        self.slots
            .extend(numbers.iter().enumerate().map(|(position, number)| (*number, first_slot + position)));
        before
    }
}

pub(super) fn plan(node: Node, types: Vec<ColumnType>, rows: f64, cost: f64) -> Plan {
    Plan { node, types, rows_estimated: rows, cost }
}

pub(super) fn leaf(plan: Plan, layout: Layout) -> Lowered {
    Lowered { plan, layout, order: Order::default() }
}

pub(super) fn projected(child: Plan, exprs: Vec<Expr>) -> Plan {
    let types = exprs.iter().map(Expr::ty).collect();
    let (rows, cost) = (child.rows_estimated, child.cost + child.rows_estimated * 0.01);
    plan(Node::Project { input: Box::new(child), exprs }, types, rows, cost)
}
