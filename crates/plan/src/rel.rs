//! The tree between syntax and plan: relational operators over numbered columns.
//!
//! Every column that any operator makes has a number of its own in the whole statement ([`Arena::types`]), and
//! `Expr::Column { index }` holds that number until `optimize::lower` turns numbers into positions. So a
//! predicate means the same wherever it is moved, and a correlated subquery is a tree with free columns: no rule needs
//! to renumber anything.
//!
//! A subquery inside an expression is `Expr::Subplan { plan }` = `arena.subqueries[plan]`; its `args` are the values of
//! that subquery's `parameters`, one each. This tree never leaves the crate.

use expr::{AggregateCall, Expr, SortKey, WindowCall};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use types::ColumnType;
use types::schema::{ColumnId, Relation};

use crate::node::{LedgerScanKind, LockStrength, LockWait, SetKind, Versions};

/// A column's number.
pub type Number = usize;
pub type Numbers = BTreeSet<Number>;

/// What the numbers in a statement's trees stand for.
#[derive(Debug, Clone, Default)]
pub struct Arena {
    pub types: Vec<ColumnType>,
    pub subqueries: Vec<Subquery>,
    pub ctes: Vec<Cte>,
    /// Fields of columns and expressions of type record, where they are known.
    pub records: HashMap<Number, Vec<(String, ColumnType)>>,
}

#[derive(Debug, Clone)]
pub struct Subquery {
    pub rel: Rel,
    pub outputs: Vec<Number>,
    /// The outer columns it uses.
    pub parameters: Vec<Number>,
}

#[derive(Debug, Clone)]
pub struct Cte {
    /// None while it is being bound, and after it was inlined.
    pub rel: Option<Rel>,
    /// Instead of a tree: the statement that it is.
    pub change: Option<Box<Change>>,
    pub outputs: Vec<Number>,
    /// `[NOT] MATERIALIZED`.
    pub materialized: Option<bool>,
    pub recursive: bool,
}

/// A data-modifying statement.
#[derive(Debug, Clone)]
pub enum Change {
    Insert(crate::bind::Insert),
    Update(crate::bind::Change),
    Delete(crate::bind::Change),
}

impl Change {
    pub fn input_mut(&mut self) -> &mut Rel {
        match self {
            Change::Insert(insert) => &mut insert.input,
            Change::Update(change) | Change::Delete(change) => &mut change.input,
        }
    }
    pub fn input(&self) -> &Rel {
        match self {
            Change::Insert(insert) => &insert.input,
            Change::Update(change) | Change::Delete(change) => &change.input,
        }
    }
}

#[derive(Debug, Clone)]
pub enum Rel {
    OneRow,
    /// No rows.
    Empty {
        columns: Vec<Number>,
    },
    Values {
        rows: Vec<Vec<Expr>>,
        columns: Vec<Number>,
    },
    Scan(Scan),
    SystemScan {
        relation: Arc<Relation>,
        alias: String,
        columns: Vec<(ColumnId, Number)>,
    },
    FunctionScan {
        calls: Vec<Expr>,
        ordinality: bool,
        columns: Vec<Number>,
    },
    LedgerScan {
        kind: LedgerScanKind,
        relation: Option<Arc<Relation>>,
        args: Vec<Expr>,
        columns: Vec<Number>,
    },
    /// `outer`: what the WITH query uses of enclosing queries.
    CteScan {
        cte: usize,
        columns: Vec<Number>,
        outer: Vec<Number>,
    },
    WorkTable {
        cte: usize,
        columns: Vec<Number>,
    },
    CopyInput {
        columns: Vec<Number>,
    },
    Filter {
        input: Box<Rel>,
        predicates: Vec<Expr>,
    },
    /// The input's columns and these: a projection never hides a column, pruning does.
    Project {
        input: Box<Rel>,
        exprs: Vec<(Number, Expr)>,
    },
    ProjectSet {
        input: Box<Rel>,
        exprs: Vec<(Number, Expr)>,
    },
    Join {
        kind: JoinKind,
        left: Box<Rel>,
        right: Box<Rel>,
        on: Vec<Expr>,
    },
    Aggregate(Aggregate),
    Window {
        input: Box<Rel>,
        calls: Vec<(Number, WindowCall)>,
    },
    Sort {
        input: Box<Rel>,
        keys: Vec<SortKey>,
    },
    /// One row per different value of `columns`.
    Distinct {
        input: Box<Rel>,
        columns: Vec<Number>,
    },
    /// The first row of each group of equal `on` in the order of `keys`, which start with `on`.
    DistinctOn {
        input: Box<Rel>,
        on: Vec<Expr>,
        keys: Vec<SortKey>,
    },
    Limit {
        input: Box<Rel>,
        limit: Option<Expr>,
        offset: Option<Expr>,
        with_ties: Option<Vec<SortKey>>,
    },
    SetOperation {
        kind: SetKind,
        all: bool,
        left: Box<Rel>,
        left_columns: Vec<Number>,
        right: Box<Rel>,
        right_columns: Vec<Number>,
        columns: Vec<Number>,
    },
    RecursiveUnion {
        cte: usize,
        base: Box<Rel>,
        base_columns: Vec<Number>,
        step: Box<Rel>,
        step_columns: Vec<Number>,
        all: bool,
        columns: Vec<Number>,
    },
    LockRows {
        input: Box<Rel>,
        locks: Vec<LockRows>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    Inner,
    Left,
    Full,
    Semi,
    Anti,
}

#[derive(Debug, Clone)]
pub struct Scan {
    pub relation: Arc<Relation>,
    pub alias: String,
    /// Live columns, then the hidden ones.
    pub columns: Vec<(ColumnId, Number)>,
    pub key: Number,
    pub versions: Versions,
}

#[derive(Debug, Clone)]
pub struct Aggregate {
    pub input: Box<Rel>,
    pub groups: Vec<(Number, Expr)>,
    /// Positions in `groups`.
    pub sets: Vec<Vec<usize>>,
    pub calls: Vec<(Number, AggregateCall)>,
    /// GROUPING's bit mask, with several sets.
    pub grouping: Option<Number>,
}

#[derive(Debug, Clone)]
pub struct LockRows {
    pub relation: Arc<Relation>,
    pub key: Number,
    pub strength: LockStrength,
    pub wait: LockWait,
}

impl Arena {
    pub fn column(&mut self, ty: impl Into<ColumnType>) -> Number {
        self.types.push(ty.into());
        self.types.len() - 1
    }
    pub fn expr(&self, number: Number) -> Expr {
        Expr::Column { index: number, ty: self.types[number] }
    }
}

impl Rel {
    pub fn filter(self, predicates: Vec<Expr>) -> Rel {
        match self {
            rel if predicates.is_empty() => rel,
            Rel::Filter { input, predicates: mut mine } => {
                mine.extend(predicates);
                Rel::Filter { input, predicates: mine }
            }
            rel => Rel::Filter { input: Box::new(rel), predicates },
        }
    }

    pub fn project(self, exprs: Vec<(Number, Expr)>) -> Rel {
        if exprs.is_empty() { self } else { Rel::Project { input: Box::new(self), exprs } }
    }

    pub fn join(kind: JoinKind, left: Rel, right: Rel, on: Vec<Expr>) -> Rel {
        Rel::Join { kind, left: Box::new(left), right: Box::new(right), on }
    }

    pub fn children(&self) -> Vec<&Rel> {
        match self {
            Rel::OneRow
            | Rel::Empty { .. }
            | Rel::Values { .. }
            | Rel::Scan(_)
            | Rel::SystemScan { .. }
            | Rel::FunctionScan { .. }
            | Rel::LedgerScan { .. }
            | Rel::CteScan { .. }
            | Rel::WorkTable { .. }
            | Rel::CopyInput { .. } => vec![],
            Rel::Filter { input, .. }
            | Rel::Project { input, .. }
            | Rel::ProjectSet { input, .. }
            | Rel::Window { input, .. }
            | Rel::Sort { input, .. }
            | Rel::Distinct { input, .. }
            | Rel::DistinctOn { input, .. }
            | Rel::Limit { input, .. }
            | Rel::LockRows { input, .. } => vec![input],
            Rel::Aggregate(aggregate) => vec![&aggregate.input],
            Rel::Join { left, right, .. } | Rel::SetOperation { left, right, .. } => vec![left, right],
            Rel::RecursiveUnion { base, step, .. } => vec![base, step],
        }
    }

    pub fn children_mut(&mut self) -> Vec<&mut Rel> {
        match self {
            Rel::OneRow
            | Rel::Empty { .. }
            | Rel::Values { .. }
            | Rel::Scan(_)
            | Rel::SystemScan { .. }
            | Rel::FunctionScan { .. }
            | Rel::LedgerScan { .. }
            | Rel::CteScan { .. }
            | Rel::WorkTable { .. }
            | Rel::CopyInput { .. } => vec![],
            Rel::Filter { input, .. }
            | Rel::Project { input, .. }
            | Rel::ProjectSet { input, .. }
            | Rel::Window { input, .. }
            | Rel::Sort { input, .. }
            | Rel::Distinct { input, .. }
            | Rel::DistinctOn { input, .. }
            | Rel::Limit { input, .. }
            | Rel::LockRows { input, .. } => vec![input],
            Rel::Aggregate(aggregate) => vec![&mut aggregate.input],
            Rel::Join { left, right, .. } | Rel::SetOperation { left, right, .. } => vec![left, right],
            Rel::RecursiveUnion { base, step, .. } => vec![base, step],
        }
    }

    /// This operator's own expressions.
    pub fn exprs(&self) -> Vec<&Expr> {
        match self {
            Rel::OneRow
            | Rel::Empty { .. }
            | Rel::Scan(_)
            | Rel::SystemScan { .. }
            | Rel::CteScan { .. }
            | Rel::WorkTable { .. }
            | Rel::CopyInput { .. }
            | Rel::SetOperation { .. }
            | Rel::RecursiveUnion { .. }
            | Rel::Distinct { .. }
            | Rel::LockRows { .. } => vec![],
            Rel::Values { rows, .. } => rows.iter().flatten().collect(),
            Rel::FunctionScan { calls, .. } => calls.iter().collect(),
            Rel::LedgerScan { args, .. } => args.iter().collect(),
            Rel::Filter { predicates, .. } => predicates.iter().collect(),
            Rel::Project { exprs, .. } | Rel::ProjectSet { exprs, .. } => {
                exprs.iter().map(|(_, e)| e).collect()
            }
            Rel::Join { on, .. } => on.iter().collect(),
            Rel::Aggregate(aggregate) => {
                let mut all: Vec<&Expr> = aggregate.groups.iter().map(|(_, e)| e).collect();
                aggregate.calls.iter().for_each(|(_, call)| all.extend(call_exprs(call)));
                all
            }
            Rel::Window { calls, .. } => calls.iter().flat_map(|(_, call)| window_exprs(call)).collect(),
            Rel::Sort { keys, .. } => keys.iter().map(|key| &key.expr).collect(),
            Rel::DistinctOn { on, keys, .. } => on.iter().chain(keys.iter().map(|key| &key.expr)).collect(),
            Rel::Limit { limit, offset, with_ties, .. } => {
                limit.iter().chain(offset).chain(with_ties.iter().flatten().map(|key| &key.expr)).collect()
            }
        }
    }

    pub fn exprs_mut(&mut self) -> Vec<&mut Expr> {
        match self {
            Rel::OneRow
            | Rel::Empty { .. }
            | Rel::Scan(_)
            | Rel::SystemScan { .. }
            | Rel::CteScan { .. }
            | Rel::WorkTable { .. }
            | Rel::CopyInput { .. }
            | Rel::SetOperation { .. }
            | Rel::RecursiveUnion { .. }
            | Rel::Distinct { .. }
            | Rel::LockRows { .. } => vec![],
            Rel::Values { rows, .. } => rows.iter_mut().flatten().collect(),
            Rel::FunctionScan { calls, .. } => calls.iter_mut().collect(),
            Rel::LedgerScan { args, .. } => args.iter_mut().collect(),
            Rel::Filter { predicates, .. } => predicates.iter_mut().collect(),
            Rel::Project { exprs, .. } | Rel::ProjectSet { exprs, .. } => {
                exprs.iter_mut().map(|(_, e)| e).collect()
            }
            Rel::Join { on, .. } => on.iter_mut().collect(),
            Rel::Aggregate(aggregate) => {
                let mut all: Vec<&mut Expr> = aggregate.groups.iter_mut().map(|(_, e)| e).collect();
                aggregate.calls.iter_mut().for_each(|(_, call)| all.extend(call_exprs_mut(call)));
                all
            }
            Rel::Window { calls, .. } => {
                calls.iter_mut().flat_map(|(_, call)| window_exprs_mut(call)).collect()
            }
            Rel::Sort { keys, .. } => keys.iter_mut().map(|key| &mut key.expr).collect(),
            Rel::DistinctOn { on, keys, .. } => {
                on.iter_mut().chain(keys.iter_mut().map(|key| &mut key.expr)).collect()
            }
            Rel::Limit { limit, offset, with_ties, .. } => limit
                .iter_mut()
                .chain(offset)
                .chain(with_ties.iter_mut().flatten().map(|key| &mut key.expr))
                .collect(),
        }
    }

    /// The columns that this operator's rows have.
    pub fn outputs(&self) -> Numbers {
        match self {
            Rel::OneRow => Numbers::new(),
            Rel::Empty { columns }
            | Rel::Values { columns, .. }
            | Rel::FunctionScan { columns, .. }
            | Rel::LedgerScan { columns, .. }
            | Rel::CteScan { columns, .. }
            | Rel::WorkTable { columns, .. }
            | Rel::CopyInput { columns }
            | Rel::SetOperation { columns, .. }
            | Rel::RecursiveUnion { columns, .. } => columns.iter().copied().collect(),
            Rel::Distinct { columns, .. } => columns.iter().copied().collect(),
            Rel::Scan(scan) => scan.columns.iter().map(|(_, n)| *n).chain([scan.key]).collect(),
            Rel::SystemScan { columns, .. } => columns.iter().map(|(_, n)| *n).collect(),
            Rel::Filter { input, .. }
            | Rel::Sort { input, .. }
            | Rel::DistinctOn { input, .. }
            | Rel::Limit { input, .. }
            | Rel::LockRows { input, .. } => input.outputs(),
            Rel::Project { input, exprs } | Rel::ProjectSet { input, exprs } => {
                let mut all = input.outputs();
                all.extend(exprs.iter().map(|(n, _)| *n));
                all
            }
            Rel::Window { input, calls } => {
                let mut all = input.outputs();
                all.extend(calls.iter().map(|(n, _)| *n));
                all
            }
            Rel::Aggregate(aggregate) => {
                let groups = aggregate.groups.iter().map(|(n, _)| *n);
                groups.chain(aggregate.calls.iter().map(|(n, _)| *n)).chain(aggregate.grouping).collect()
            }
            Rel::Join { kind, left, right, .. } => {
                let mut all = left.outputs();
                if !matches!(kind, JoinKind::Semi | JoinKind::Anti) {
                    all.extend(right.outputs());
                }
                all
            }
        }
    }

    /// Calls `visit` on every number that this operator itself makes or names outside of expressions.
    pub fn numbers_mut(&mut self, visit: &mut dyn FnMut(&mut Number)) {
        match self {
            Rel::OneRow
            | Rel::Filter { .. }
            | Rel::Join { .. }
            | Rel::Sort { .. }
            | Rel::DistinctOn { .. }
            | Rel::Limit { .. } => {}
            Rel::Empty { columns }
            | Rel::Values { columns, .. }
            | Rel::FunctionScan { columns, .. }
            | Rel::LedgerScan { columns, .. }
            | Rel::WorkTable { columns, .. }
            | Rel::CopyInput { columns }
            | Rel::Distinct { columns, .. } => columns.iter_mut().for_each(visit),
            Rel::CteScan { columns, outer, .. } => columns.iter_mut().chain(outer).for_each(visit),
            Rel::Scan(scan) => {
                scan.columns.iter_mut().map(|(_, number)| number).chain([&mut scan.key]).for_each(visit)
            }
            Rel::SystemScan { columns, .. } => columns.iter_mut().for_each(|(_, number)| visit(number)),
            Rel::Project { exprs, .. } | Rel::ProjectSet { exprs, .. } => {
                exprs.iter_mut().for_each(|(number, _)| visit(number));
            }
            Rel::Aggregate(aggregate) => {
                aggregate.groups.iter_mut().for_each(|(number, _)| visit(number));
                aggregate.calls.iter_mut().for_each(|(number, _)| visit(number));
                aggregate.grouping.iter_mut().for_each(visit);
            }
            Rel::Window { calls, .. } => calls.iter_mut().for_each(|(number, _)| visit(number)),
            Rel::SetOperation { left_columns, right_columns, columns, .. } => {
                left_columns.iter_mut().chain(right_columns).chain(columns).for_each(visit);
            }
            Rel::RecursiveUnion { base_columns, step_columns, columns, .. } => {
                base_columns.iter_mut().chain(step_columns).chain(columns).for_each(visit);
            }
            Rel::LockRows { locks, .. } => locks.iter_mut().for_each(|lock| visit(&mut lock.key)),
        }
    }

    /// The numbers that the operators of this tree make.
    fn made(&self) -> Numbers {
        let mut made = Numbers::new();
        self.visit(&mut |rel| match rel {
            Rel::SetOperation { columns, .. } | Rel::RecursiveUnion { columns, .. } => made.extend(columns),
            Rel::Project { exprs, .. } | Rel::ProjectSet { exprs, .. } => {
                made.extend(exprs.iter().map(|(n, _)| *n));
            }
            Rel::Window { calls, .. } => made.extend(calls.iter().map(|(n, _)| *n)),
            Rel::Aggregate(_) => made.extend(rel.outputs()),
            leaf if leaf.children().is_empty() => made.extend(leaf.outputs()),
            _ => {}
        });
        made
    }

    /// A copy whose columns have new numbers, and what became of the old ones: so that a tree can stand in two places.
    pub fn renumbered(&self, arena: &mut Arena) -> (Rel, HashMap<Number, Number>) {
        let mut map = HashMap::new();
        for number in self.made() {
            let new = arena.column(arena.types[number]);
            if let Some(fields) = arena.records.get(&number).cloned() {
                arena.records.insert(new, fields);
            }
            map.insert(number, new);
        }
        let mut copy = self.clone();
        renumber(&mut copy, &map, arena);
        (copy, map)
    }

    /// Columns that the tree uses and does not make: of enclosing queries, or of a lateral join's left side.
    pub fn free(&self) -> Numbers {
        let mut used = Numbers::new();
        self.visit(&mut |rel| {
            rel.exprs().into_iter().for_each(|expr| columns_of(expr, &mut used));
            match rel {
                Rel::CteScan { outer, .. } => used.extend(outer),
                Rel::Distinct { columns, .. } => used.extend(columns),
                Rel::SetOperation { left_columns, right_columns, .. } => {
                    used.extend(left_columns.iter().chain(right_columns));
                }
                Rel::RecursiveUnion { base_columns, step_columns, .. } => {
                    used.extend(base_columns.iter().chain(step_columns));
                }
                _ => {}
            }
        });
        used.difference(&self.made()).copied().collect()
    }

    pub fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Rel)) {
        visit(self);
        for child in self.children() {
            child.visit(visit);
        }
    }
}

fn renumber(rel: &mut Rel, map: &HashMap<Number, Number>, arena: &mut Arena) {
    rel.numbers_mut(&mut |number| {
        if let Some(new) = map.get(number) {
            *number = *new;
        }
    });
    for expr in rel.exprs_mut() {
        renumber_expr(expr, map, arena);
    }
    for child in rel.children_mut() {
        renumber(child, map, arena);
    }
}

fn renumber_expr(expr: &mut Expr, map: &HashMap<Number, Number>, arena: &mut Arena) {
    match expr {
        Expr::Column { index, .. } => {
            if let Some(new) = map.get(index) {
                *index = *new;
            }
        }
        Expr::Subplan { plan, .. } => {
            // The subquery's parameters keep their numbers: they are its own names for what `args` give.
            if let Some(Subquery { rel, outputs, parameters }) = arena.subqueries.get(*plan).cloned() {
                let (rel, inner) = rel.renumbered(arena);
                let outputs = outputs.iter().map(|number| *inner.get(number).unwrap_or(number)).collect();
                arena.subqueries.push(Subquery { rel, outputs, parameters });
                *plan = arena.subqueries.len() - 1;
            }
        }
        _ => {}
    }
    expr.for_each_child_mut(&mut |child| renumber_expr(child, map, arena));
}

pub fn call_exprs(call: &AggregateCall) -> Vec<&Expr> {
    let AggregateCall { aggregate: _, args, distinct: _, order_by, filter, ty: _ } = call;
    args.iter().chain(order_by.iter().map(|key| &key.expr)).chain(filter).collect()
}

pub fn call_exprs_mut(call: &mut AggregateCall) -> Vec<&mut Expr> {
    let AggregateCall { aggregate: _, args, distinct: _, order_by, filter, ty: _ } = call;
    args.iter_mut().chain(order_by.iter_mut().map(|key| &mut key.expr)).chain(filter).collect()
}

pub fn window_exprs(call: &WindowCall) -> Vec<&Expr> {
    let WindowCall { function, partition_by, order_by, frame, ty: _ } = call;
    let mut all = match function {
        expr::window::WindowTarget::Function(_, args) => args.iter().collect(),
        expr::window::WindowTarget::Aggregate(call) => call_exprs(call),
    };
    all.extend(partition_by.iter().chain(order_by.iter().map(|key| &key.expr)));
    for bound in [&frame.start, &frame.end] {
        if let expr::FrameBound::Preceding(offset) | expr::FrameBound::Following(offset) = bound {
            all.push(offset);
        }
    }
    all
}

pub fn window_exprs_mut(call: &mut WindowCall) -> Vec<&mut Expr> {
    let WindowCall { function, partition_by, order_by, frame, ty: _ } = call;
    let mut all = match function {
        expr::window::WindowTarget::Function(_, args) => args.iter_mut().collect(),
        expr::window::WindowTarget::Aggregate(call) => call_exprs_mut(call),
    };
    all.extend(partition_by.iter_mut().chain(order_by.iter_mut().map(|key| &mut key.expr)));
    for bound in [&mut frame.start, &mut frame.end] {
        if let expr::FrameBound::Preceding(offset) | expr::FrameBound::Following(offset) = bound {
            all.push(offset);
        }
    }
    all
}

/// Adds the columns that `expr` names to `out`.
pub fn columns_of(expr: &Expr, out: &mut Numbers) {
    if let Expr::Column { index, .. } = expr {
        out.insert(*index);
    }
    expr.for_each_child(&mut |child| columns_of(child, out));
}

pub fn columns_in(expr: &Expr) -> Numbers {
    let mut out = Numbers::new();
    columns_of(expr, &mut out);
    out
}

/// Replaces every column by what `with` gives for it.
pub fn substitute(expr: &mut Expr, with: &mut dyn FnMut(Number) -> Option<Expr>) {
    if let Expr::Column { index, .. } = expr {
        if let Some(new) = with(*index) {
            *expr = new;
        }
        return;
    }
    expr.for_each_child_mut(&mut |child| substitute(child, with));
}

/// Does any node satisfy `test`?
pub fn any(expr: &Expr, test: &dyn Fn(&Expr) -> bool) -> bool {
    let mut found = test(expr);
    expr.for_each_child(&mut |child| found = found || any(child, test));
    found
}

/// Splits a condition at its ANDs.
pub fn conjuncts(expr: Expr, out: &mut Vec<Expr>) {
    match expr {
        Expr::And(all) => all.into_iter().for_each(|one| conjuncts(one, out)),
        one => out.push(one),
    }
}

pub fn conjunction(mut predicates: Vec<Expr>) -> Option<Expr> {
    match predicates.len() {
        0 => None,
        1 => predicates.pop(),
        _ => Some(Expr::And(predicates)),
    }
}
