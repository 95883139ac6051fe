//! How many rows: from the tables' sizes, keys and foreign keys, and PostgreSQL's default selectivities.

use super::Planner;
use crate::node::SetKind;
use crate::rel::{JoinKind, Number, Rel, Scan, columns_in};
use expr::{Expr, SubplanKind};
use types::schema::{ColumnId, ConstraintKind, IndexKey, Relation};
use types::{DataType, Value};

/// `column = constant` without a unique key.
const EQUAL: f64 = 0.005;
/// `column < constant`.
const RANGE: f64 = 1.0 / 3.0;
/// `column BETWEEN a AND b` is two of them; PostgreSQL knows better than a ninth.
const BETWEEN: f64 = 0.02;
const LIKE: f64 = 0.05;
const IS_NULL: f64 = 0.005;
const UNKNOWN: f64 = 1.0 / 3.0;

impl Planner<'_> {
    pub(super) fn base_rows(&self, scan: &Scan) -> f64 {
        self.environment.schema.estimated_rows(&scan.relation).max(1.0)
    }

    /// Estimated rows of a tree.
    pub(super) fn rows(&self, rel: &Rel) -> f64 {
        let rows = match rel {
            Rel::OneRow => 1.0,
            Rel::Empty { .. } => 0.0,
            Rel::Values { rows, .. } => rows.len() as f64,
            Rel::Scan(scan) => self.base_rows(scan),
            Rel::SystemScan { relation, .. } => self.environment.schema.estimated_rows(relation).max(50.0),
            Rel::FunctionScan { calls, .. } => match calls
                .iter()
                .all(|call| matches!(call, Expr::Call { function, .. } if function.returns_set()))
            {
                true => 100.0,
                false => 1.0,
            },
            Rel::LedgerScan { .. } => 100.0,
            Rel::CteScan { cte, .. } => match self.arena.ctes.get(*cte).and_then(|cte| cte.rel.as_ref()) {
                Some(rel) => self.rows(rel),
                None => 100.0,
            },
            Rel::WorkTable { .. } => 10.0,
            Rel::CopyInput { .. } => 1000.0,
            Rel::Filter { input, predicates } => self.rows(input) * self.selectivity(predicates, input),
            Rel::Project { input, .. }
            | Rel::Window { input, .. }
            | Rel::Sort { input, .. }
            | Rel::LockRows { input, .. } => self.rows(input),
            Rel::ProjectSet { input, .. } => self.rows(input) * 10.0,
            Rel::Join { kind, left, right, on } => {
                let (l, r) = (self.rows(left), self.rows(right));
                self.joined_rows(*kind, l, r, on, rel)
            }
            Rel::Aggregate(aggregate) => {
                let rows = self.rows(&aggregate.input);
                let sets = aggregate.sets.iter().map(|set| {
                    let exprs =
                        set.iter().filter_map(|position| aggregate.groups.get(*position)).map(|(_, e)| e);
                    self.groups(exprs, &aggregate.input, rows)
                });
                sets.sum()
            }
            Rel::Distinct { input, columns } => {
                let rows = self.rows(input);
                let exprs: Vec<Expr> = columns.iter().map(|number| self.arena.expr(*number)).collect();
                self.groups(exprs.iter(), input, rows)
            }
            Rel::DistinctOn { input, on, .. } => {
                let rows = self.rows(input);
                self.groups(on.iter(), input, rows)
            }
            Rel::Limit { input, limit, .. } => {
                let rows = self.rows(input);
                match limit {
                    Some(Expr::Constant { value, .. }) => match value.as_i64() {
                        Some(limit) => rows.min(limit.max(0) as f64),
                        None => rows,
                    },
                    Some(_) => rows.min((rows / 10.0).max(1.0)),
                    None => rows,
                }
            }
            Rel::SetOperation { kind, all, left, right, .. } => {
                let (l, r) = (self.rows(left), self.rows(right));
                match kind {
                    SetKind::Union if *all => l + r,
                    SetKind::Union => (l + r) * 0.7,
                    SetKind::Intersect => l.min(r) * 0.5,
                    SetKind::Except => l * 0.5,
                }
            }
            Rel::RecursiveUnion { base, .. } => self.rows(base) * 10.0,
        };
        rows.max(0.0)
    }

    pub(super) fn joined_rows(&self, kind: JoinKind, left: f64, right: f64, on: &[Expr], rel: &Rel) -> f64 {
        let selectivity = self.join_selectivity(on, rel);
        let inner = left * right * selectivity;
        match kind {
            JoinKind::Inner => inner,
            JoinKind::Left => inner.max(left),
            JoinKind::Full => inner.max(left).max(right),
            JoinKind::Semi => left * (right * selectivity).clamp(0.01, 1.0).min(0.9),
            JoinKind::Anti => left * (1.0 - (right * selectivity).min(0.9)).max(0.1),
        }
    }

    /// The share of pairs for which all of `on` hold.
    pub(super) fn join_selectivity(&self, on: &[Expr], rel: &Rel) -> f64 {
        let mut result = 1.0;
        let mut equalities = vec![];
        for predicate in on {
            match super::push_filter::column_equality(predicate) {
                Some(pair) => equalities.push(pair),
                None => result *= self.one(predicate, rel),
            }
        }
        // A whole unique key among the equalities: one row of its table matches.
        let mut used = vec![false; equalities.len()];
        for scan in scans(rel) {
            for key in unique_keys(&scan.relation) {
                let position = |id: &ColumnId| {
                    let number =
                        scan.columns.iter().find(|(column, _)| column == id).map(|(_, number)| *number)?;
                    equalities.iter().position(|(a, b)| *a == number || *b == number)
                };
                let positions: Option<Vec<usize>> = key.iter().map(position).collect();
                if let Some(positions) = positions
                    && key.len() > 1
                    && positions.iter().all(|position| !used[*position])
                {
                    positions.iter().for_each(|position| used[*position] = true);
                    result /= self.base_rows(scan);
                }
            }
        }
        for ((a, b), used) in equalities.into_iter().zip(used) {
            if !used {
                result /= self.distinct(a, rel).max(self.distinct(b, rel)).max(1.0);
            }
        }
        result
    }

    /// How many values a column has; an outer row's column has one at a time.
    pub(super) fn distinct(&self, number: Number, rel: &Rel) -> f64 {
        for scan in scans(rel) {
            let Some((id, _)) = scan.columns.iter().find(|(_, column)| *column == number) else { continue };
            let rows = self.base_rows(scan);
            let relation = &scan.relation;
            let keys = unique_keys(relation);
            if keys.iter().any(|key| key.as_slice() == [*id]) {
                return rows;
            }
            for constraint in &relation.constraints {
                if let ConstraintKind::ForeignKey(key) = &constraint.kind
                    && key.columns.as_slice() == [*id]
                    && let Ok(Some(target)) = self.environment.schema.relation_by_oid(key.target)
                {
                    return rows.min(self.environment.schema.estimated_rows(&target).max(1.0));
                }
            }
            if let Some(values) = self.environment.schema.distinct_values(relation, *id) {
                return values.clamp(1.0, rows);
            }
            if keys.iter().any(|key| key.first() == Some(id)) {
                return (rows / 4.0).max(1.0);
            }
            return match relation.column(*id).map(|column| column.ty.data_type) {
                Some(DataType::Bool) => 2.0,
                Some(DataType::Bpchar | DataType::Char) => rows.min(50.0),
                _ => (rows / 10.0).max(200.0).min(rows),
            };
        }
        if rel.outputs().contains(&number) { 200.0 } else { 1.0 }
    }

    fn groups<'a>(&self, exprs: impl Iterator<Item = &'a Expr>, input: &Rel, rows: f64) -> f64 {
        let mut groups: f64 = 1.0;
        for expr in exprs {
            groups *= match expr {
                Expr::Column { index, .. } => self.distinct(*index, input),
                Expr::Constant { .. } => 1.0,
                _ => 200.0,
            };
        }
        groups.min(rows.max(1.0))
    }

    /// The share of rows for which all hold.
    pub(super) fn selectivity(&self, predicates: &[Expr], rel: &Rel) -> f64 {
        // A whole unique key fixed by equalities: at most one row.
        for scan in scans(rel) {
            let fixed = |id: &ColumnId| {
                let number = scan.columns.iter().find(|(column, _)| column == id).map(|(_, number)| *number);
                predicates.iter().any(|predicate| number.is_some_and(|number| fixes(predicate, number)))
            };
            let rows = self.base_rows(scan);
            if matches!(rel, Rel::Scan(_))
                && unique_keys(&scan.relation).iter().any(|key| key.iter().all(fixed))
            {
                return 1.0 / rows;
            }
        }
        // Two bounds of one column are one interval.
        let mut result = 1.0;
        let mut bounded: Vec<Number> = vec![];
        for predicate in predicates {
            if let Some(column) = range_column(predicate) {
                if bounded.contains(&column) {
                    result *= BETWEEN / RANGE;
                    continue;
                }
                bounded.push(column);
            }
            result *= self.one(predicate, rel);
        }
        result
    }

    fn one(&self, predicate: &Expr, rel: &Rel) -> f64 {
        match predicate {
            Expr::Constant { value: Value::Bool(true), .. } => 1.0,
            Expr::Constant { .. } => 0.0,
            Expr::And(all) => self.selectivity(all, rel),
            Expr::Or(all) => 1.0 - all.iter().map(|one| 1.0 - self.one(one, rel)).product::<f64>(),
            Expr::Not(inner) => 1.0 - self.one(inner, rel),
            Expr::IsNull { negated, .. } => {
                if *negated {
                    1.0 - IS_NULL
                } else {
                    IS_NULL
                }
            }
            Expr::InList { input, list, negated, .. } => {
                let one = self.equal_to_constant(input, rel);
                let share = (one * list.len() as f64).min(0.9);
                if *negated { 1.0 - share } else { share }
            }
            Expr::Quantified { left, array, operator, all: false }
                if expr::operator::comparison_symbol(operator) == Some("=") =>
            {
                let count = match &**array {
                    Expr::Constant { value: Value::Array(array), .. } => array.values.len() as f64,
                    Expr::Array { elements, .. } => elements.len() as f64,
                    _ => 10.0,
                };
                (self.equal_to_constant(left, rel) * count).min(0.9)
            }
            Expr::Call { function, args, .. } => match expr::operator::symbol(function) {
                Some("=") => match args.as_slice() {
                    [Expr::Column { index: a, .. }, Expr::Column { index: b, .. }] => {
                        1.0 / self.distinct(*a, rel).max(self.distinct(*b, rel)).max(1.0)
                    }
                    [a, b] if columns_in(b).is_empty() => self.equal_to_constant(a, rel),
                    [a, b] if columns_in(a).is_empty() => self.equal_to_constant(b, rel),
                    _ => EQUAL,
                },
                Some("<>") => 1.0 - EQUAL,
                Some("<" | "<=" | ">" | ">=") => RANGE,
                Some("~~" | "~~*" | "~" | "~*") => LIKE,
                Some("!~~" | "!~~*" | "!~" | "!~*") => 1.0 - LIKE,
                _ => UNKNOWN,
            },
            Expr::Subplan { kind, .. } => match **kind {
                SubplanKind::Exists { .. } => 0.5,
                _ => UNKNOWN,
            },
            Expr::Column { .. } => 0.5,
            _ => UNKNOWN,
        }
    }

    fn equal_to_constant(&self, expr: &Expr, rel: &Rel) -> f64 {
        match plain_column(expr) {
            Some(number) => {
                for scan in scans(rel) {
                    if let Some((id, _)) = scan.columns.iter().find(|(_, column)| *column == number) {
                        let rows = self.base_rows(scan);
                        let ty = scan.relation.column(*id).map(|column| column.ty.data_type);
                        if unique_keys(&scan.relation).iter().any(|key| key.as_slice() == [*id]) {
                            return 1.0 / rows;
                        }
                        if ty == Some(DataType::Bool) {
                            return 0.5;
                        }
                        let schema = &self.environment.schema;
                        if let Some(values) = schema.distinct_values(&scan.relation, *id) {
                            return 1.0 / values.max(1.0);
                        }
                        let small = 1.0 / rows.max(1.0);
                        let keyed = unique_keys(&scan.relation).iter().any(|key| key.first() == Some(id));
                        return if keyed { (4.0 / rows).min(1.0) } else { EQUAL.max(small) };
                    }
                }
                EQUAL
            }
            None => EQUAL,
        }
    }

    /// An index, or the primary key, starts with these columns (in any order).
    pub(super) fn is_indexed(&self, scan: &Scan, columns: &[Number]) -> bool {
        let id_of =
            |number: &Number| scan.columns.iter().find(|(_, column)| column == number).map(|(id, _)| *id);
        let Some(ids) = columns.iter().map(id_of).collect::<Option<Vec<ColumnId>>>() else { return false };
        if ids.is_empty() {
            return false;
        }
        let starts = |key: Vec<Option<ColumnId>>| {
            let prefix: Vec<_> = key.into_iter().take(ids.len()).collect();
            prefix.len() == ids.len() && ids.iter().all(|id| prefix.contains(&Some(*id)))
        };
        starts(scan.relation.primary_key.iter().map(|id| Some(*id)).collect())
            || scan.relation.indexes.iter().filter(|index| index.predicate.is_none()).any(|index| {
                starts(
                    index
                        .columns
                        .iter()
                        .map(|column| match column.key {
                            IndexKey::Column(id) => Some(id),
                            IndexKey::Expression(..) => None,
                        })
                        .collect(),
                )
            })
    }
}

/// A column, seen through casts that keep its values apart.
pub(super) fn plain_column(expr: &Expr) -> Option<Number> {
    match expr {
        Expr::Column { index, .. } => Some(*index),
        Expr::Cast { input, .. } => plain_column(input),
        _ => None,
    }
}

/// The base tables below, through anything.
pub(super) fn scans(rel: &Rel) -> Vec<&Scan> {
    let mut all = vec![];
    rel.visit(&mut |rel| {
        if let Rel::Scan(scan) = rel {
            all.push(scan);
        }
    });
    all
}

/// Sets of columns of which no two rows agree.
pub(super) fn unique_keys(relation: &Relation) -> Vec<Vec<ColumnId>> {
    let mut keys = vec![];
    if !relation.primary_key.is_empty() {
        keys.push(relation.primary_key.clone());
    }
    for index in relation.indexes.iter().filter(|index| index.unique && index.predicate.is_none()) {
        let ids = index.columns.iter().map(|column| match column.key {
            IndexKey::Column(id) => Some(id),
            IndexKey::Expression(..) => None,
        });
        if let Some(ids) = ids.collect::<Option<Vec<_>>>() {
            keys.push(ids);
        }
    }
    keys
}

/// The predicate holds for one value of the column only.
fn fixes(predicate: &Expr, number: Number) -> bool {
    match predicate {
        Expr::Call { function, args, .. } if expr::operator::comparison_symbol(function) == Some("=") => {
            match args.as_slice() {
                [a, b] => {
                    (plain_column(a) == Some(number) && !columns_in(b).contains(&number))
                        || (plain_column(b) == Some(number) && !columns_in(a).contains(&number))
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// The column of `column < constant` and its kin.
fn range_column(predicate: &Expr) -> Option<Number> {
    let Expr::Call { function, args, .. } = predicate else { return None };
    let ("<" | "<=" | ">" | ">=") = expr::operator::comparison_symbol(function)? else { return None };
    match args.as_slice() {
        [a, b] if columns_in(b).is_empty() => plain_column(a),
        [a, b] if columns_in(a).is_empty() => plain_column(b),
        _ => None,
    }
}
