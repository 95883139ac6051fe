//! The order of joins: inner, left, semi- and anti-joins of one query level are taken apart and put together again, at
//! each step with the item that costs least (greedy, from several first tables).

use super::Planner;
use super::inline_cte::is_volatile;
use super::ordering::Wanted;
use crate::rel::{self, JoinKind, Number, Numbers, Rel, columns_in, substitute};
use expr::Expr;
use types::Result;

/// Beyond this the order of the text is kept.
const ITEMS_MAX: usize = 24;
/// How many first tables are tried.
const STARTS_MAX: usize = 8;

/// One item to join with the others.
struct Item {
    rel: Rel,
    kind: JoinKind,
    /// For others than inner joins: their own condition.
    on: Vec<Expr>,
    /// Columns of other items that must be there first.
    needs: Numbers,
    made: Numbers,
    rows: f64,
    read_cost: f64,
}

#[derive(Default)]
struct Cluster {
    items: Vec<Item>,
    predicates: Vec<Expr>,
    /// Projections that were between the joins: computed at the end.
    lifted: Vec<(Number, Expr)>,
}

impl Planner<'_> {
    pub(super) fn join_ordered(&mut self, mut rel: Rel) -> Result<Rel> {
        if !matches!(
            rel,
            Rel::Join { kind: JoinKind::Inner | JoinKind::Left | JoinKind::Semi | JoinKind::Anti, .. }
        ) {
            for child in rel.children_mut() {
                let taken = std::mem::replace(child, Rel::OneRow);
                *child = self.join_ordered(taken)?;
            }
            return Ok(rel);
        }
        let whole = rel.clone();
        let mut cluster = Cluster::default();
        self.taken_apart(rel, &mut cluster)?;
        let made: Numbers = cluster.items.iter().flat_map(|item| item.made.iter().copied()).collect();
        for item in &mut cluster.items {
            item.needs.retain(|number| made.contains(number) && !item.made.contains(number));
        }
        let lifted: Numbers = cluster.lifted.iter().map(|(number, _)| *number).collect();
        let stuck = cluster.items.iter().any(|item| {
            !item.rel.free().is_disjoint(&lifted)
                || item.on.iter().any(|expr| !columns_in(expr).is_disjoint(&lifted))
        });
        if stuck || cluster.items.len() > ITEMS_MAX {
            let mut rel = whole;
            for child in rel.children_mut() {
                let taken = std::mem::replace(child, Rel::OneRow);
                *child = self.join_ordered(taken)?;
            }
            return Ok(rel);
        }
        let order = self.best_order(&cluster, &whole);
        Ok(match order {
            Some(order) => put_together(cluster, &order),
            None => whole,
        })
    }

    fn taken_apart(&mut self, rel: Rel, cluster: &mut Cluster) -> Result<()> {
        match rel {
            Rel::Join { kind: JoinKind::Inner, left, right, on } => {
                self.taken_apart(*left, cluster)?;
                self.taken_apart(*right, cluster)?;
                self.add_predicates(on, cluster);
                Ok(())
            }
            Rel::Join {
                kind: kind @ (JoinKind::Left | JoinKind::Semi | JoinKind::Anti),
                left,
                right,
                on,
            } => {
                self.taken_apart(*left, cluster)?;
                let right = self.join_ordered(*right)?;
                let mut on = on;
                for predicate in &mut on {
                    substitute(predicate, &mut |number| lifted_expr(cluster, number));
                }
                self.add_item(right, kind, on, cluster);
                Ok(())
            }
            Rel::Project { input, exprs } if liftable(&input, &exprs) => {
                self.taken_apart(*input, cluster)?;
                for (number, mut expr) in exprs {
                    substitute(&mut expr, &mut |number| lifted_expr(cluster, number));
                    cluster.lifted.push((number, expr));
                }
                Ok(())
            }
            Rel::Filter { input, predicates }
                if matches!(*input, Rel::Join { .. }) && !predicates.iter().any(heavy) =>
            {
                self.taken_apart(*input, cluster)?;
                self.add_predicates(predicates, cluster);
                Ok(())
            }
            other => {
                let item = self.join_ordered(other)?;
                self.add_item(item, JoinKind::Inner, vec![], cluster);
                Ok(())
            }
        }
    }

    fn add_predicates(&mut self, predicates: Vec<Expr>, cluster: &mut Cluster) {
        for mut predicate in predicates {
            substitute(&mut predicate, &mut |number| lifted_expr(cluster, number));
            cluster.predicates.push(predicate);
        }
    }

    fn add_item(&mut self, rel: Rel, kind: JoinKind, on: Vec<Expr>, cluster: &mut Cluster) {
        let made = rel.outputs();
        let mut needs = rel.free();
        on.iter().for_each(|expr| rel::columns_of(expr, &mut needs));
        let (rows, read_cost) = (self.rows(&rel), self.read_cost(&rel));
        cluster.items.push(Item { rel, kind, on, needs, made, rows, read_cost });
    }

    /// Positions of the items in the order to join them; None if no order serves (which would be a mistake of ours).
    fn best_order(&self, cluster: &Cluster, whole: &Rel) -> Option<Vec<usize>> {
        let mut starts: Vec<usize> = (0..cluster.items.len())
            .filter(|index| {
                cluster.items[*index].kind == JoinKind::Inner && cluster.items[*index].needs.is_empty()
            })
            .collect();
        starts.sort_by(|a, b| cluster.items[*a].rows.total_cmp(&cluster.items[*b].rows));
        starts.truncate(STARTS_MAX);
        let mut best: Option<(f64, Vec<usize>)> = None;
        for start in starts {
            if let Some((cost, order)) = self.greedy(cluster, whole, start)
                && best.as_ref().is_none_or(|(least, _)| cost < *least)
            {
                best = Some((cost, order));
            }
        }
        best.map(|(_, order)| order)
    }

    fn greedy(&self, cluster: &Cluster, whole: &Rel, start: usize) -> Option<(f64, Vec<usize>)> {
        let first = &cluster.items[start];
        let mut order = vec![start];
        let mut made = first.made.clone();
        let mut rows = first.rows;
        let mut cost = first.read_cost;
        let mut applied = vec![false; cluster.predicates.len()];
        mark_applied(cluster, &made, &mut applied);
        while order.len() < cluster.items.len() {
            let mut best: Option<(f64, usize, f64, f64)> = None;
            for (index, item) in cluster.items.iter().enumerate() {
                if order.contains(&index) || !item.needs.is_subset(&made) {
                    continue;
                }
                let (step_cost, step_rows) = self.step(cluster, item, &made, rows, &applied, whole);
                let score = step_cost + step_rows;
                if best.is_none_or(|(least, ..)| score < least) {
                    best = Some((score, index, step_cost, step_rows));
                }
            }
            let (_, index, step_cost, step_rows) = best?;
            order.push(index);
            if !matches!(cluster.items[index].kind, JoinKind::Semi | JoinKind::Anti) {
                made.extend(&cluster.items[index].made);
            }
            mark_applied(cluster, &made, &mut applied);
            cost += step_cost + step_rows;
            rows = step_rows;
        }
        Some((cost, order))
    }

    /// What joining one more item costs, and the rows after it.
    fn step(
        &self,
        cluster: &Cluster,
        item: &Item,
        made: &Numbers,
        rows: f64,
        applied: &[bool],
        whole: &Rel,
    ) -> (f64, f64) {
        let mut both = made.clone();
        both.extend(&item.made);
        let ready = cluster
            .predicates
            .iter()
            .zip(applied)
            .filter(|(predicate, applied)| !**applied && ready(predicate, &both, cluster));
        let ready: Vec<Expr> = ready.map(|(predicate, _)| predicate.clone()).collect();
        if !item.needs.is_empty() && item.kind == JoinKind::Inner {
            // Lateral: once per row.
            let after = self.joined_rows(item.kind, rows, item.rows, &ready, whole);
            return (rows * (item.read_cost + 1.0), after);
        }
        let on = if item.kind == JoinKind::Inner { ready } else { item.on.clone() };
        let after = self.joined_rows(item.kind, rows, item.rows, &on, whole);
        let lateral = item.kind != JoinKind::Inner && !item.rel.free().is_disjoint(made);
        if lateral {
            return (rows * (item.read_cost + 1.0), after);
        }
        let (_, cost) =
            self.way_between(item.kind, rows, made, &item.rel, &item.made, &on, &Wanted::default());
        (cost, after)
    }
}

fn put_together(cluster: Cluster, order: &[usize]) -> Rel {
    let Cluster { items, mut predicates, lifted } = cluster;
    let all_made: Numbers = items.iter().flat_map(|item| item.made.iter().copied()).collect();
    let mut items: Vec<Option<Item>> = items.into_iter().map(Some).collect();
    let mut made = Numbers::new();
    let mut result: Option<Rel> = None;
    for index in order {
        let Some(item) = items.get_mut(*index).and_then(Option::take) else { continue };
        if !matches!(item.kind, JoinKind::Semi | JoinKind::Anti) {
            made.extend(&item.made);
        }
        let (ready, later): (Vec<Expr>, Vec<Expr>) = predicates.into_iter().partition(|predicate| {
            columns_in(predicate).iter().all(|number| made.contains(number) || !all_made.contains(number))
        });
        predicates = later;
        result = Some(match result {
            None => item.rel.filter(ready),
            Some(left) if item.kind == JoinKind::Inner => Rel::join(JoinKind::Inner, left, item.rel, ready),
            Some(left) => Rel::join(item.kind, left, item.rel, item.on).filter(ready),
        });
    }
    result.unwrap_or(Rel::OneRow).filter(predicates).project(lifted)
}

fn mark_applied(cluster: &Cluster, made: &Numbers, applied: &mut [bool]) {
    for (predicate, applied) in cluster.predicates.iter().zip(applied) {
        *applied = *applied || ready(predicate, made, cluster);
    }
}

/// All columns of the cluster that the predicate uses are there.
fn ready(predicate: &Expr, made: &Numbers, cluster: &Cluster) -> bool {
    let mine = |number: &Number| cluster.items.iter().any(|item| item.made.contains(number));
    columns_in(predicate).iter().all(|number| made.contains(number) || !mine(number))
}

fn lifted_expr(cluster: &Cluster, number: Number) -> Option<Expr> {
    cluster.lifted.iter().find(|(made, _)| *made == number).map(|(_, expr)| expr.clone())
}

fn heavy(predicate: &Expr) -> bool {
    rel::any(predicate, &|e| is_volatile(e) || matches!(e, Expr::Subplan { .. }))
}

/// Projections over joins that may be computed after the joins around them.
fn liftable(input: &Rel, exprs: &[(Number, Expr)]) -> bool {
    let mut below = input;
    while let Rel::Filter { input, .. } | Rel::Project { input, .. } = below {
        below = input;
    }
    let over_join = matches!(below, Rel::Join { kind: JoinKind::Inner | JoinKind::Left, .. });
    let renames = exprs.iter().all(|(_, expr)| matches!(expr, Expr::Column { .. }));
    (over_join || renames) && !exprs.iter().any(|(_, expr)| heavy(expr))
}
