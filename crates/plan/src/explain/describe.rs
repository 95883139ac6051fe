//! A plan's nodes as the lines of EXPLAIN.

use super::expression::Names;
use super::{Shown, inputs, node_count};
use crate::Query;
use crate::node::{
    Access, ConflictAction, Join, JoinKind, JoinMethod, KeyRange, LedgerScanKind, Node, Plan, Scan, SetKind,
    Versions,
};
use expr::Expr;
use std::collections::HashMap;
use types::Moment;
use types::schema::{HiddenColumn, IndexKey, Relation};

pub(super) struct Describer<'q> {
    query: &'q Query,
    verbose: bool,
    /// More than one table: columns are qualified.
    qualified: bool,
    slots: HashMap<usize, String>,
    /// Subplans and CTEs that have been shown.
    shown_subplans: Vec<usize>,
    shown_ctes: Vec<usize>,
}

impl<'q> Describer<'q> {
    pub fn new(query: &'q Query, verbose: bool) -> Describer<'q> {
        let tables = |plan: &Plan| table_count(plan);
        let count: usize =
            [&query.plan].into_iter().chain(&query.subplans).chain(&query.ctes).map(tables).sum();
        Describer {
            query,
            verbose,
            qualified: verbose || count > 1,
            slots: HashMap::new(),
            shown_subplans: vec![],
            shown_ctes: vec![],
        }
    }

    /// `number`: of the node in pre-order.
    pub fn describe(&mut self, plan: &'q Plan, number: usize) -> Shown {
        match &plan.node {
            // A projection is part of what is below it.
            Node::Project { input, exprs } => {
                let mut shown = self.describe(input, number + 1);
                let names = self.names(input);
                self.attach(exprs.iter(), &names, &mut shown);
                if self.verbose {
                    let output = self.with(&names).list(exprs);
                    shown.properties.retain(|(name, _)| *name != "Output");
                    shown.properties.insert(0, ("Output", output));
                }
                shown.number = number;
                shown.rows = plan.rows_estimated;
                shown.cost = plan.cost;
                shown.width = width(plan);
                shown
            }
            Node::Filter { input, predicate } => {
                let mut shown = self.describe(input, number + 1);
                let names = self.names(input);
                self.attach([predicate].into_iter(), &names, &mut shown);
                shown.properties.push(("Filter", self.with(&names).expr(predicate)));
                shown.number = number;
                shown.rows = plan.rows_estimated;
                shown.cost = plan.cost;
                shown
            }
            _ => self.describe_node(plan, number),
        }
    }

    fn describe_node(&mut self, plan: &'q Plan, number: usize) -> Shown {
        let mut shown = Shown {
            title: String::new(),
            facts: vec![],
            properties: vec![],
            rows: plan.rows_estimated,
            cost: plan.cost,
            width: width(plan),
            number,
            inputs: vec![],
            labelled: vec![],
        };
        let mut titled = |title: &str| {
            shown.title = title.to_owned();
            shown.facts = vec![("Node Type", title.to_owned())];
        };
        match &plan.node {
            Node::Project { .. } | Node::Filter { .. } => {}
            Node::OneRow => titled("Result"),
            Node::Values(rows) if rows.is_empty() => {
                titled("Result");
                shown.properties.push(("One-Time Filter", "false".into()));
            }
            Node::Values(_) => {
                titled("Values Scan");
                shown.title.push_str(" on \"*VALUES*\"");
            }
            Node::Scan(scan) => self.scan(scan, plan, &mut shown),
            Node::SystemScan { relation, filter, alias, .. } => {
                titled("Seq Scan");
                on(relation, alias, self.verbose, &mut shown);
                let names = self.names(plan);
                if let Some(filter) = filter {
                    shown.properties.push(("Filter", self.with(&names).expr(filter)));
                    self.attach([filter].into_iter(), &names, &mut shown);
                }
            }
            Node::FunctionScan { calls, .. } => {
                titled("Function Scan");
                let name = match calls.first() {
                    Some(Expr::Call { function, .. }) => function.name,
                    _ => "expression",
                };
                shown.title.push_str(&format!(" on {name}"));
                shown.facts.push(("Function Name", name.to_owned()));
                self.attach(calls.iter(), &[], &mut shown);
            }
            Node::LedgerScan { kind, relation, args } => {
                titled("Function Scan");
                let name = match kind {
                    LedgerScanKind::History => "ledger.history",
                    LedgerScanKind::Diff => "ledger.diff",
                    LedgerScanKind::Changes => "ledger.changes",
                };
                shown.title.push_str(&format!(" on {name}"));
                if let Some(relation) = relation {
                    shown.properties.push(("Relation", relation.name.clone()));
                }
                self.attach(args.iter(), &[], &mut shown);
            }
            Node::CteScan { cte } => {
                titled("CTE Scan");
                shown.title.push_str(&format!(" on cte_{}", cte + 1));
                self.cte(*cte, &mut shown);
            }
            Node::WorkTable { cte } => {
                titled("WorkTable Scan");
                shown.title.push_str(&format!(" on cte_{}", cte + 1));
            }
            Node::CopyInput => titled("Copy Input"),
            Node::ProjectSet { input, exprs } => {
                titled("ProjectSet");
                let names = self.names(input);
                self.attach(exprs.iter(), &names, &mut shown);
            }
            Node::Join(join) => return self.join(join, plan, shown, number),
            Node::Aggregate(aggregate) => {
                let names = self.names(&aggregate.input);
                let names = self.with(&names);
                let plain = aggregate.groups.is_empty() && aggregate.sets.len() == 1;
                titled(if plain { "Aggregate" } else { "HashAggregate" });
                if aggregate.sets.len() == 1 {
                    if !plain {
                        shown.properties.push(("Group Key", names.list(&aggregate.groups)));
                    }
                } else {
                    for set in &aggregate.sets {
                        let keys: Vec<String> = set
                            .iter()
                            .filter_map(|at| aggregate.groups.get(*at))
                            .map(|e| names.expr(e))
                            .collect();
                        match keys.is_empty() {
                            true => shown.properties.push(("Group Key", "()".into())),
                            false => shown.properties.push(("Hash Key", keys.join(", "))),
                        }
                    }
                }
            }
            Node::Window { .. } => titled("WindowAgg"),
            Node::Sort { input, keys, limit } => {
                titled("Sort");
                let names = self.names(input);
                shown.properties.push(("Sort Key", self.with(&names).keys(keys)));
                if let Some(limit) = limit {
                    shown.properties.push(("Top-N", self.with(&names).expr(limit)));
                }
            }
            Node::Distinct { input, on: None } => {
                titled("HashAggregate");
                shown.properties.push(("Group Key", self.names(input).join(", ")));
            }
            Node::Distinct { on: Some(_), .. } => titled("Unique"),
            Node::Limit { .. } => titled("Limit"),
            Node::SetOperation { kind, all, .. } => {
                let kind = match kind {
                    SetKind::Union => "Union",
                    SetKind::Intersect => "Intersect",
                    SetKind::Except => "Except",
                };
                titled("SetOp");
                shown.title = format!("HashSetOp {kind}{}", if *all { " All" } else { "" });
            }
            Node::Append(_) => titled("Append"),
            Node::RecursiveUnion { .. } => titled("Recursive Union"),
            Node::LockRows { .. } => titled("LockRows"),
            Node::Insert(insert) => {
                titled("Insert");
                on(&insert.relation, &insert.relation.name, self.verbose, &mut shown);
                if let Some(conflict) = &insert.on_conflict {
                    let action = match &conflict.action {
                        ConflictAction::Nothing => "NOTHING",
                        ConflictAction::Update { .. } => "UPDATE",
                    };
                    shown.properties.push(("Conflict Resolution", action.into()));
                    let indexes =
                        insert.relation.indexes.iter().filter(|index| conflict.arbiters.contains(&index.oid));
                    let indexes: Vec<&str> = indexes.map(|index| index.name.as_str()).collect();
                    if !indexes.is_empty() {
                        shown.properties.push(("Conflict Arbiter Indexes", indexes.join(", ")));
                    }
                }
            }
            Node::Update(update) => {
                titled("Update");
                on(&update.relation, &update.relation.name, self.verbose, &mut shown);
            }
            Node::Delete(delete) => {
                titled("Delete");
                on(&delete.relation, &delete.relation.name, self.verbose, &mut shown);
            }
        }
        let mut below = number + 1;
        for input in inputs(plan) {
            let child = self.describe(input, below);
            shown.inputs.push(child);
            below += node_count(input);
        }
        shown
    }

    fn scan(&mut self, scan: &Scan, plan: &'q Plan, shown: &mut Shown) {
        let index = match &scan.access {
            Access::All => None,
            Access::Primary(_) => Some(
                scan.relation
                    .indexes
                    .iter()
                    .find(|index| index.primary)
                    .map_or_else(|| format!("{}_pkey", scan.relation.name), |index| index.name.clone()),
            ),
            Access::Index { index, .. } => Some(
                scan.relation
                    .indexes
                    .iter()
                    .find(|candidate| candidate.oid == *index)
                    .map_or_else(|| index.to_string(), |index| index.name.clone()),
            ),
        };
        match &index {
            None => {
                shown.title = "Seq Scan".into();
                shown.facts = vec![("Node Type", "Seq Scan".into())];
            }
            Some(index) => {
                let direction = if scan.backward { " Backward" } else { "" };
                shown.title = format!("Index Scan{direction} using {index}");
                shown.facts = vec![
                    ("Node Type", "Index Scan".into()),
                    ("Scan Direction", if scan.backward { "Backward" } else { "Forward" }.into()),
                    ("Index Name", index.clone()),
                ];
            }
        }
        on(&scan.relation, &scan.alias, self.verbose, shown);
        let names = self.names(plan);
        if let Some(condition) = self.index_condition(scan) {
            shown.properties.push(("Index Cond", condition));
        }
        if let Some(versions) = self.versions(&scan.versions) {
            shown.properties.push(("System Time", versions));
        }
        if let Some(filter) = &scan.filter {
            shown.properties.push(("Filter", self.with(&names).expr(filter)));
            self.attach([filter].into_iter(), &names, shown);
        }
    }

    fn versions(&self, versions: &Versions) -> Option<String> {
        let names = self.with(&[]);
        let point = |value: String, time: bool| if time { value } else { format!("TRANSACTION {value}") };
        Some(match versions {
            Versions::Snapshot => return None,
            Versions::At(Moment::Transaction(number)) => format!("AS OF TRANSACTION {number}"),
            Versions::At(Moment::Time(micros)) => {
                let value = Expr::constant(types::Value::Timestamp(*micros), types::DataType::TimestampTz);
                format!("AS OF {}", names.expr(&value))
            }
            Versions::AtExpr { value, time } => format!("AS OF {}", point(names.expr(value), *time)),
            Versions::Range { from, to, closed } => {
                let bound = |bound: &Option<crate::node::Bound>| {
                    bound.as_ref().map(|bound| point(names.expr(&bound.value), bound.time))
                };
                match (bound(from), bound(to), closed) {
                    (Some(from), Some(to), true) => format!("BETWEEN {from} AND {to}"),
                    (Some(from), Some(to), false) => format!("FROM {from} TO {to}"),
                    _ => "ALL".into(),
                }
            }
        })
    }

    fn index_condition(&self, scan: &Scan) -> Option<String> {
        let prefix = if self.qualified { format!("{}.", scan.alias) } else { String::new() };
        let column = |id: u32| {
            let name = scan.relation.column(id).map_or("?", |column| column.name.as_str());
            format!("{prefix}{}", identifier(name))
        };
        let (ranges, keys): (&[KeyRange], Vec<String>) = match &scan.access {
            Access::All => return None,
            Access::Primary(ranges) => {
                (ranges, scan.relation.primary_key.iter().map(|id| column(*id)).collect())
            }
            Access::Index { index, ranges } => {
                let index = scan.relation.indexes.iter().find(|candidate| candidate.oid == *index)?;
                let keys = index.columns.iter().map(|part| match &part.key {
                    IndexKey::Column(id) => column(*id),
                    IndexKey::Expression(text, _) => format!("({text})"),
                });
                (ranges, keys.collect())
            }
        };
        let names = self.with(&[]);
        let mut all = vec![];
        for range in ranges {
            let mut parts = vec![];
            let last = range.equal.len();
            for (position, (value, key)) in range.equal.iter().zip(&keys).enumerate() {
                parts.push(match range.any && position + 1 == last {
                    true => format!("({key} = ANY ({}))", names.expr(value)),
                    false => format!("({key} = {})", names.expr(value)),
                });
            }
            if let Some(key) = keys.get(last) {
                for (bound, symbol) in [(&range.lower, ">"), (&range.upper, "<")] {
                    if let Some((value, inclusive)) = bound {
                        let equal = if *inclusive { "=" } else { "" };
                        parts.push(format!("({key} {symbol}{equal} {})", names.expr(value)));
                    }
                }
            }
            match parts.len() {
                0 => {}
                1 => all.extend(parts),
                _ => all.push(format!("({})", parts.join(" AND "))),
            }
        }
        match all.len() {
            0 => None,
            1 => all.pop(),
            _ => Some(format!("({})", all.join(" OR "))),
        }
    }

    fn join(&mut self, join: &'q Join, plan: &'q Plan, mut shown: Shown, number: usize) -> Shown {
        let kind = match join.kind {
            JoinKind::Inner => "",
            JoinKind::Left => "Left ",
            JoinKind::Right => "Right ",
            JoinKind::Full => "Full ",
            JoinKind::Semi => "Semi ",
            JoinKind::Anti => "Anti ",
        };
        let (left_names, right_names) = (self.names(&join.left), self.names(&join.right));
        let both = [left_names.clone(), right_names.clone()].concat();
        let word = if kind.is_empty() { "" } else { " Join" };
        match &join.method {
            JoinMethod::Hash { left, right } => {
                shown.title = format!("Hash {kind}Join");
                shown.facts = vec![("Node Type", "Hash Join".into())];
                let (l, r) = (self.with(&left_names), self.with(&right_names));
                let pairs: Vec<String> =
                    left.iter().zip(right).map(|(a, b)| format!("({} = {})", l.expr(a), r.expr(b))).collect();
                let condition = match pairs.as_slice() {
                    [one] => one.clone(),
                    all => format!("({})", all.join(" AND ")),
                };
                shown.properties.push(("Hash Cond", condition));
            }
            JoinMethod::NestedLoop => {
                shown.title = format!("Nested Loop {}", kind.trim_end()).trim_end().to_owned() + word;
                shown.facts = vec![("Node Type", "Nested Loop".into())];
            }
            JoinMethod::Apply { first_slot, args } => {
                shown.title = format!("Nested Loop {}", kind.trim_end()).trim_end().to_owned() + word;
                shown.facts = vec![("Node Type", "Nested Loop".into())];
                for (position, arg) in args.iter().enumerate() {
                    let name = self.with(&left_names).expr(arg);
                    self.slots.insert(first_slot + position, name);
                }
            }
        }
        if let Some(filter) = &join.filter {
            shown.properties.push(("Join Filter", self.with(&both).expr(filter)));
            self.attach([filter].into_iter(), &both, &mut shown);
        }
        let left = self.describe(&join.left, number + 1);
        let right_number = number + 1 + node_count(&join.left);
        let right = self.describe(&join.right, right_number);
        shown.inputs.push(left);
        shown.inputs.push(match &join.method {
            JoinMethod::Hash { .. } => wrapped("Hash", right),
            JoinMethod::NestedLoop => wrapped("Materialize", right),
            JoinMethod::Apply { .. } => right,
        });
        let _ = plan;
        shown
    }

    /// Shows the subqueries of a node's expressions below it.
    fn attach<'e>(&mut self, exprs: impl Iterator<Item = &'e Expr>, names: &[String], shown: &mut Shown) {
        let mut found = vec![];
        for expr in exprs {
            collect_subplans(expr, &mut found);
        }
        for (plan, first_slot, args) in found {
            if self.shown_subplans.contains(&plan) {
                continue;
            }
            self.shown_subplans.push(plan);
            for (position, arg) in args.iter().enumerate() {
                let name = self.with(names).expr(arg);
                self.slots.insert(first_slot + position, name);
            }
            let query = self.query;
            let Some(subplan) = query.subplans.get(plan) else { continue };
            let before = [&query.plan].into_iter().chain(query.subplans.iter().take(plan));
            let number = before.map(node_count).sum();
            let described = self.describe(subplan, number);
            let label = if args.is_empty() {
                format!("InitPlan {}", plan + 1)
            } else {
                format!("SubPlan {}", plan + 1)
            };
            shown.labelled.push((label, described));
        }
    }

    fn cte(&mut self, cte: usize, shown: &mut Shown) {
        if self.shown_ctes.contains(&cte) {
            return;
        }
        self.shown_ctes.push(cte);
        let query = self.query;
        let Some(plan) = query.ctes.get(cte) else { return };
        let before = [&query.plan].into_iter().chain(&query.subplans).chain(query.ctes.iter().take(cte));
        let number = before.map(node_count).sum();
        let described = self.describe(plan, number);
        shown.labelled.push((format!("CTE cte_{}", cte + 1), described));
    }

    fn with<'n>(&'n self, columns: &'n [String]) -> Names<'n> {
        Names { columns, slots: &self.slots }
    }

    /// What a plan's columns are called.
    fn names(&self, plan: &Plan) -> Vec<String> {
        match &plan.node {
            Node::Scan(scan) => {
                let mut names = self.column_names(&scan.relation, &scan.alias, &scan.columns);
                if scan.key {
                    names.push("ctid".into());
                }
                names
            }
            Node::SystemScan { relation, columns, alias, .. } => self.column_names(relation, alias, columns),
            Node::Filter { input, .. } | Node::Sort { input, .. } | Node::Limit { input, .. } => {
                self.names(input)
            }
            Node::Distinct { input, .. } | Node::LockRows { input, .. } => self.names(input),
            Node::Project { input, exprs } | Node::ProjectSet { input, exprs } => {
                let below = self.names(input);
                let names = self.with(&below);
                exprs.iter().map(|expr| names.expr(expr)).collect()
            }
            Node::Join(join) => {
                let mut names = self.names(&join.left);
                if !matches!(join.kind, JoinKind::Semi | JoinKind::Anti) {
                    names.extend(self.names(&join.right));
                }
                names
            }
            Node::Aggregate(aggregate) => {
                let below = self.names(&aggregate.input);
                let names = self.with(&below);
                let mut all: Vec<String> = aggregate.groups.iter().map(|expr| names.expr(expr)).collect();
                all.extend(aggregate.calls.iter().map(|call| names.aggregate(call)));
                if aggregate.sets.len() > 1 {
                    all.push("GROUPING()".into());
                }
                all
            }
            Node::Window { input, calls } => {
                let mut all = self.names(input);
                let calls: Vec<String> = calls.iter().map(|call| self.with(&all).window(call)).collect();
                all.extend(calls);
                all
            }
            Node::SetOperation { left, .. } | Node::RecursiveUnion { base: left, .. } => self.names(left),
            Node::Append(inputs) => inputs.first().map_or(vec![], |input| self.names(input)),
            Node::FunctionScan { calls, .. } => {
                let name = match calls.as_slice() {
                    [Expr::Call { function, .. }] => function.name,
                    _ => "column",
                };
                let count = plan.types.len();
                (0..count)
                    .map(|at| if count == 1 { name.to_owned() } else { format!("{name}.{}", at + 1) })
                    .collect()
            }
            Node::LedgerScan { kind, relation, .. } => {
                kind.columns(relation.as_deref()).into_iter().map(|(name, _)| name).collect()
            }
            Node::Values(_) => (0..plan.types.len()).map(|at| format!("column{}", at + 1)).collect(),
            Node::CteScan { cte } => match self.query.ctes.get(*cte) {
                Some(cte) => self.names(cte),
                None => vec![],
            },
            Node::OneRow
            | Node::WorkTable { .. }
            | Node::CopyInput
            | Node::Insert(_)
            | Node::Update(_)
            | Node::Delete(_) => (0..plan.types.len()).map(|at| format!("column{}", at + 1)).collect(),
        }
    }

    fn column_names(&self, relation: &Relation, alias: &str, columns: &[u32]) -> Vec<String> {
        let name = |id: &u32| match (HiddenColumn::from_id(*id), relation.column(*id)) {
            (Some(hidden), _) => hidden.name().to_owned(),
            (None, Some(column)) => identifier(&column.name),
            (None, None) => "?".to_owned(),
        };
        columns
            .iter()
            .map(|id| if self.qualified { format!("{}.{}", identifier(alias), name(id)) } else { name(id) })
            .collect()
    }
}

/// A pseudo-node that PostgreSQL shows between a join and the side it holds.
fn wrapped(title: &str, input: Shown) -> Shown {
    Shown {
        title: title.to_owned(),
        facts: vec![("Node Type", title.to_owned())],
        properties: vec![],
        rows: input.rows,
        cost: input.cost,
        width: input.width,
        number: input.number,
        inputs: vec![input],
        labelled: vec![],
    }
}

fn on(relation: &Relation, alias: &str, verbose: bool, shown: &mut Shown) {
    let name = match verbose {
        true => format!("{}.{}", identifier(&relation.schema), identifier(&relation.name)),
        false => identifier(&relation.name),
    };
    shown.title.push_str(&format!(" on {name}"));
    if alias != relation.name {
        shown.title.push_str(&format!(" {}", identifier(alias)));
    }
    shown.facts.push(("Relation Name", relation.name.clone()));
    if verbose {
        shown.facts.push(("Schema", relation.schema.clone()));
    }
    shown.facts.push(("Alias", alias.to_owned()));
}

/// Quoted where it has to be.
fn identifier(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '$');
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

fn table_count(plan: &Plan) -> usize {
    let own = matches!(
        plan.node,
        Node::Scan(_) | Node::SystemScan { .. } | Node::FunctionScan { .. } | Node::CteScan { .. }
    );
    usize::from(own) + inputs(plan).into_iter().map(table_count).sum::<usize>()
}

fn collect_subplans(expr: &Expr, out: &mut Vec<(usize, usize, Vec<Expr>)>) {
    if let Expr::Subplan { plan, first_slot, args, .. } = expr {
        out.push((*plan, *first_slot, args.clone()));
    }
    expr.for_each_child(&mut |child| collect_subplans(child, out));
}

/// Bytes of a row, as a guess.
fn width(plan: &Plan) -> usize {
    plan.types
        .iter()
        .map(|ty| match ty.data_type.len() {
            length if length > 0 => length as usize,
            _ => 32,
        })
        .sum()
}
