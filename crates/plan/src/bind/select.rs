//! SELECT: the clauses in the order in which PostgreSQL binds them.

use super::aggregate::{Collected, Grouping};
use super::query::{Bound, Tail};
use super::scope::Named;
use super::{Binder, Clause, Place, Scope, names};
use crate::rel::{self, Number, Numbers, Rel};
use expr::{Expr, SortKey};
use sqlparser::ast::{self, Expr as Sql, SelectItem};
use types::{DataType, Error, Result, err};

/// A query before LIMIT.
pub(crate) struct Finish {
    pub rel: Rel,
    pub keys: Vec<SortKey>,
}

/// One item of a select list: an expression over FROM, until it has a column of its own.
pub(crate) struct Item<'q> {
    pub name: String,
    pub expr: Expr,
    pub origin: Option<(types::Oid, u32)>,
    pub sql: Option<&'q Sql>,
}

impl Binder<'_> {
    pub(crate) fn select(
        &mut self,
        select: &ast::Select,
        tail: &Tail<'_>,
        outer: Option<&Scope<'_>>,
        resolve: bool,
    ) -> Result<Bound> {
        let ast::Select {
            select_token: _,
            optimizer_hints,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        // Optimizer hints are comments to PostgreSQL.
        let _ = optimizer_hints;
        if select_modifiers.is_some()
            || top.is_some()
            || exclude.is_some()
            || !lateral_views.is_empty()
            || prewhere.is_some()
            || !connect_by.is_empty()
            || !cluster_by.is_empty()
            || !distribute_by.is_empty()
            || !sort_by.is_empty()
            || qualify.is_some()
            || value_table_mode.is_some()
            || *flavor != ast::SelectFlavor::Standard
        {
            return Err(Error::unsupported("a clause of SELECT that PostgreSQL does not have"));
        }
        if into.is_some() {
            return Err(err!(SyntaxError, "SELECT ... INTO is not allowed here"));
        }

        let lifted = self.lifted.len();
        let (mut input, scope) = self.from(from, outer)?;
        self.nothing_lifted(lifted, &scope, Clause::FromFunction)?;
        let mut collected = Collected::default();
        for ast::NamedWindowDefinition(name, definition) in named_window {
            let folded = names::fold(name);
            let ast::NamedWindowExpr::WindowSpec(spec) = definition else {
                return Err(self.at(err!(SyntaxError, "syntax error at or near \"{name}\""), name));
            };
            if collected.named_windows.iter().any(|(known, _)| *known == folded) {
                return Err(self.at(err!(WindowingError, "window \"{folded}\" is already defined"), name));
            }
            let merged = {
                let place = Place { scope: &scope, clause: Clause::Window, collected: Some(&mut collected) };
                self.merged(spec, true, &place)?
            };
            collected.named_windows.push((folded, merged));
        }

        let mut items = self.select_list(projection, &scope, &mut collected)?;
        if let Some(sql) = selection {
            let before = self.lifted.len();
            let bound = self.expr(sql, &mut Place::new(&scope, Clause::Where))?;
            self.nothing_lifted(before, &scope, Clause::Where)?;
            let mut predicates = vec![];
            rel::conjuncts(self.condition(bound, "WHERE", sql)?, &mut predicates);
            input = input.filter(predicates);
        }
        let mut having_expr = match having {
            None => None,
            Some(sql) => {
                let mut place =
                    Place { scope: &scope, clause: Clause::Having, collected: Some(&mut collected) };
                let bound = self.expr(sql, &mut place)?;
                Some(self.condition(bound, "HAVING", sql)?)
            }
        };
        let mut keys = self.order_by(tail.order_by, &mut items, &scope, &mut collected)?;
        let before = self.lifted.len();
        let grouping = self.group_by(group_by, &items, &scope)?;
        self.nothing_lifted(before, &scope, Clause::GroupBy)?;
        let mut distinct_on = self.distinct_on(distinct.as_ref(), &mut items, &scope, &mut collected)?;
        if resolve {
            for item in &mut items {
                if item.expr.data_type() == DataType::Unknown {
                    let expr = std::mem::replace(&mut item.expr, Expr::row(vec![]));
                    item.expr = match item.sql {
                        Some(sql) => self.decided(expr, sql)?,
                        None => expr,
                    };
                }
            }
        }

        collected.aggregates.extend(self.lifted_here(lifted, &scope));
        let is_distinct = matches!(distinct, Some(ast::Distinct::Distinct));
        let plain = !grouping.present
            && collected.aggregates.is_empty()
            && collected.groupings.is_empty()
            && having_expr.is_none();
        if !tail.locks.is_empty() {
            let name = super::lock::name(tail.locks);
            let skips = |lock: &ast::LockClause| matches!(lock.nonblock, Some(ast::NonBlock::SkipLocked));
            if tail.with_ties && tail.locks.iter().any(skips) {
                return Err(err!(SyntaxError, "SKIP LOCKED and WITH TIES options cannot be used together"));
            }
            let conflict = match () {
                _ if is_distinct || distinct_on.is_some() => Some("DISTINCT clause"),
                _ if grouping.present => Some("GROUP BY clause"),
                _ if having_expr.is_some() => Some("HAVING clause"),
                _ if !collected.aggregates.is_empty() => Some("aggregate functions"),
                _ if !collected.windows.is_empty() => Some("window functions"),
                _ if !collected.sets.is_empty() => Some("set-returning functions in the target list"),
                _ => None,
            };
            if let Some(conflict) = conflict {
                return Err(err!(FeatureNotSupported, "{name} is not allowed with {conflict}"));
            }
        }
        if !plain {
            let mut exprs: Vec<&mut Expr> = items.iter_mut().map(|item| &mut item.expr).collect();
            exprs.extend(having_expr.as_mut());
            exprs.extend(keys.iter_mut().map(|key| &mut key.expr));
            exprs.extend(distinct_on.iter_mut().flatten());
            let mut grouping = grouping;
            if !grouping.present {
                grouping = Grouping { exprs: vec![], sets: vec![vec![]], present: false };
            }
            input = self.grouped(input, grouping, &mut collected, &scope, &mut exprs)?;
        }
        if let Some(having) = having_expr {
            let mut predicates = vec![];
            rel::conjuncts(having, &mut predicates);
            input = input.filter(predicates);
        }
        if !collected.windows.is_empty() {
            input = Rel::Window { input: Box::new(input), calls: std::mem::take(&mut collected.windows) };
        }
        let mut stage = 0;
        while !collected.sets.is_empty() {
            let (now, later) =
                std::mem::take(&mut collected.sets).into_iter().partition(|set| set.stage == stage);
            collected.sets = later;
            let now: Vec<super::aggregate::SetCall> = now;
            let exprs = now.into_iter().map(|set| (set.number, set.call)).collect();
            input = Rel::ProjectSet { input: Box::new(input), exprs };
            stage += 1;
        }

        // Every output gets a column; a plain column keeps its own.
        let mut computed: Vec<(Number, Expr)> = vec![];
        let mut columns: Vec<Named> = vec![];
        // What is volatile and no sort key is computed after the sort, for the rows that LIMIT leaves.
        let mut late: Vec<(Number, Expr)> = vec![];
        let sorted = !keys.is_empty() && distinct.is_none();
        for item in &items {
            let is_late =
                sorted && rel::any(&item.expr, &is_volatile) && !keys.iter().any(|key| key.expr == item.expr);
            let number = match is_late {
                true => self.computed(&item.expr, &mut late),
                false => self.computed(&item.expr, &mut computed),
            };
            columns.push(Named { name: item.name.clone(), number, origin: item.origin });
        }
        for key in &mut keys {
            let number = self.computed(&key.expr, &mut computed);
            key.expr = self.arena.expr(number);
        }
        if let Some(on) = &mut distinct_on {
            for expr in on {
                let number = self.computed(expr, &mut computed);
                *expr = self.arena.expr(number);
            }
        }
        input = input.project(computed);

        let outputs: Numbers = columns.iter().map(|column| column.number).collect();
        if is_distinct {
            for column in &columns {
                expr::operator::equality(self.arena.types[column.number].data_type)?;
            }
            for (key, item) in keys.iter().zip(tail.order_by) {
                if !rel::columns_in(&key.expr).is_subset(&outputs) {
                    let message = "for SELECT DISTINCT, ORDER BY expressions must appear in select list";
                    return Err(self.at(err!(InvalidColumnReference, "{message}"), &item.expr));
                }
            }
            let distinct: Vec<Number> = outputs.into_iter().collect();
            input = Rel::Distinct { input: Box::new(input), columns: distinct };
        }
        if let Some(on) = distinct_on {
            // The ordering starts with the DISTINCT ON expressions, in any order.
            let mut rest = on.clone();
            for key in &keys {
                if rest.is_empty() {
                    break;
                }
                match rest.iter().position(|expr| *expr == key.expr) {
                    Some(index) => {
                        rest.remove(index);
                    }
                    None if on.contains(&key.expr) => {}
                    None => {
                        let message =
                            "SELECT DISTINCT ON expressions must match initial ORDER BY expressions";
                        return Err(err!(InvalidColumnReference, "{message}"));
                    }
                }
            }
            let mut all = keys.clone();
            all.extend(rest.into_iter().map(|expr| SortKey { expr, descending: false, nulls_first: false }));
            input = Rel::DistinctOn { input: Box::new(input), on, keys: all };
        } else if !keys.is_empty() {
            input = Rel::Sort { input: Box::new(input), keys: keys.clone() };
        }
        if !tail.locks.is_empty() {
            input = self.locked(input, tail.locks, &scope)?;
        }
        input = input.project(late);
        let rel = self.finish(Finish { rel: input, keys }, tail, outer)?;
        Ok(Bound { rel, columns })
    }

    /// The column of an expression: its own, or a computed one.
    fn computed(&mut self, expr: &Expr, computed: &mut Vec<(Number, Expr)>) -> Number {
        if let Expr::Column { index, .. } = expr {
            return *index;
        }
        if let Some((number, _)) =
            computed.iter().find(|(_, known)| known == expr && !rel::any(known, &is_volatile))
        {
            return *number;
        }
        let number = self.arena.column(expr.ty());
        if let Some(fields) = self.fields_of(expr) {
            self.arena.records.insert(number, fields);
        }
        computed.push((number, expr.clone()));
        number
    }

    /// The select list with its stars expanded.
    pub(crate) fn select_list<'q>(
        &mut self,
        projection: &'q [SelectItem],
        scope: &Scope<'_>,
        collected: &mut Collected,
    ) -> Result<Vec<Item<'q>>> {
        let mut items = vec![];
        for item in projection {
            match item {
                SelectItem::UnnamedExpr(sql) => items.push(self.item(sql, None, scope, collected)?),
                SelectItem::ExprWithAlias { expr, alias } => {
                    items.push(self.item(expr, Some(names::fold(alias)), scope, collected)?);
                }
                SelectItem::ExprWithAliases { .. } => {
                    return Err(Error::unsupported("several aliases of one expression"));
                }
                SelectItem::Wildcard(options) => {
                    plain_star(options)?;
                    if scope.tables.is_empty() {
                        return Err(err!(SyntaxError, "SELECT * with no tables specified is not valid"));
                    }
                    for named in scope.columns.clone() {
                        items.push(self.star_item(named));
                    }
                }
                SelectItem::QualifiedWildcard(kind, options) => {
                    plain_star(options)?;
                    match kind {
                        ast::SelectItemQualifiedWildcardKind::ObjectName(name) => {
                            let (schema, table) = names::object_name(name)?;
                            let Some(table) = self.find_table(schema.as_deref(), &table, scope)? else {
                                let error =
                                    err!(UndefinedTable, "missing FROM-clause entry for table \"{table}\"");
                                return Err(self.at(error, name));
                            };
                            for named in table.columns.clone() {
                                items.push(self.star_item(named));
                            }
                        }
                        ast::SelectItemQualifiedWildcardKind::Expr(sql) => {
                            self.expanded_record(sql, scope, collected, &mut items)?;
                        }
                    }
                }
            }
        }
        if items.len() > 1664 {
            return Err(err!(TooManyColumns, "target lists can have at most 1664 entries"));
        }
        Ok(items)
    }

    fn star_item<'q>(&mut self, named: Named) -> Item<'q> {
        let expr = self.column(&named);
        Item { name: named.name, expr, origin: named.origin, sql: None }
    }

    fn item<'q>(
        &mut self,
        sql: &'q Sql,
        alias: Option<String>,
        scope: &Scope<'_>,
        collected: &mut Collected,
    ) -> Result<Item<'q>> {
        let mut place = Place { scope, clause: Clause::SelectList, collected: Some(collected) };
        let expr = self.expr(sql, &mut place)?;
        let origin = match &expr {
            Expr::Column { index, .. } => origin(*index, scope),
            _ => None,
        };
        Ok(Item { name: alias.unwrap_or_else(|| super::output_name::of(sql)), expr, origin, sql: Some(sql) })
    }

    /// `(record).*`.
    fn expanded_record<'q>(
        &mut self,
        sql: &'q Sql,
        scope: &Scope<'_>,
        collected: &mut Collected,
        items: &mut Vec<Item<'q>>,
    ) -> Result<()> {
        let mut place = Place { scope, clause: Clause::SelectList, collected: Some(collected) };
        let record = self.expr(sql, &mut place)?;
        let Some(fields) = self.fields_of(&record) else {
            return Err(self.at(err!(WrongObjectType, "type {} is not composite", record.data_type()), sql));
        };
        for (index, (name, ty)) in fields.into_iter().enumerate() {
            let expr = Expr::Field { record: Box::new(record.clone()), index, ty };
            items.push(Item { name, expr, origin: None, sql: Some(sql) });
        }
        Ok(())
    }

    /// ORDER BY: a position, an output's name, or an expression.
    fn order_by(
        &mut self,
        order_by: &[ast::OrderByExpr],
        items: &mut [Item<'_>],
        scope: &Scope<'_>,
        collected: &mut Collected,
    ) -> Result<Vec<SortKey>> {
        let mut keys: Vec<SortKey> = vec![];
        for item in order_by {
            let ast::OrderByExpr { expr: sql, options, with_fill } = item;
            if with_fill.is_some() {
                return Err(Error::unsupported("WITH FILL"));
            }
            let expr = self.sort_expr(sql, Clause::OrderBy, items, scope, collected)?;
            let (descending, nulls_first) = super::function::direction(options)?;
            expr::operator::ordering(expr.data_type()).map_err(|error| self.at(error, sql))?;
            if !keys.iter().any(|key| key.expr == expr) {
                keys.push(SortKey { expr, descending, nulls_first });
            }
        }
        Ok(keys)
    }

    fn sort_expr(
        &mut self,
        sql: &Sql,
        clause: Clause,
        items: &mut [Item<'_>],
        scope: &Scope<'_>,
        collected: &mut Collected,
    ) -> Result<Expr> {
        if let Some(index) = self.item_reference(sql, clause.name(), items)?
            && let Some(item) = items.get_mut(index)
        {
            if item.expr.data_type() == DataType::Unknown {
                let expr = std::mem::replace(&mut item.expr, Expr::row(vec![]));
                item.expr = self.decided(expr, sql)?;
            }
            return Ok(item.expr.clone());
        }
        let mut place = Place { scope, clause, collected: Some(collected) };
        let bound = self.expr(sql, &mut place)?;
        self.decided(bound, sql)
    }

    /// The select item that a position or a bare name means.
    fn item_reference(&mut self, sql: &Sql, clause: &str, items: &[Item<'_>]) -> Result<Option<usize>> {
        // Stand-ins whose numbers are positions, so that one rule serves both places.
        let mut stand_ins: Vec<Named> = vec![];
        for (index, item) in items.iter().enumerate() {
            // Equal expressions under one name are not ambiguous.
            let same =
                items[..index].iter().position(|other| other.expr == item.expr && other.name == item.name);
            stand_ins.push(Named { name: item.name.clone(), number: same.unwrap_or(index), origin: None });
        }
        self.output_reference(sql, &stand_ins, clause)
    }

    /// GROUP BY: a position, a column of FROM, an output's name, or an expression.
    fn group_by(
        &mut self,
        group_by: &ast::GroupByExpr,
        items: &[Item<'_>],
        scope: &Scope<'_>,
    ) -> Result<Grouping> {
        self.grouping(group_by, &mut |binder, sql| {
            let by_name = match sql {
                Sql::Identifier(ident) => {
                    let name = names::fold(ident);
                    let local = Scope { parent: None, tables: vec![], columns: scope.columns.clone() };
                    !matches!(binder.find_column(&name, &local), Ok(Some(_)) | Err(_))
                }
                _ => true,
            };
            if by_name
                && let Some(index) = binder.item_reference(sql, "GROUP BY", items)?
                && let Some(item) = items.get(index)
            {
                let expr = binder.decided(item.expr.clone(), sql)?;
                expr::operator::equality(expr.data_type()).map_err(|error| binder.at(error, sql))?;
                return Ok(expr);
            }
            let bound = binder.expr(sql, &mut Place::new(scope, Clause::GroupBy))?;
            let bound = binder.decided(bound, sql)?;
            expr::operator::equality(bound.data_type()).map_err(|error| binder.at(error, sql))?;
            Ok(bound)
        })
    }

    fn distinct_on(
        &mut self,
        distinct: Option<&ast::Distinct>,
        items: &mut [Item<'_>],
        scope: &Scope<'_>,
        collected: &mut Collected,
    ) -> Result<Option<Vec<Expr>>> {
        let Some(ast::Distinct::On(exprs)) = distinct else { return Ok(None) };
        let mut on = vec![];
        for sql in exprs {
            let expr = self.sort_expr(sql, Clause::DistinctOn, items, scope, collected)?;
            if !on.contains(&expr) {
                on.push(expr);
            }
        }
        Ok(Some(on))
    }
}

/// The table and column behind a column of this level.
pub(crate) fn origin(number: Number, scope: &Scope<'_>) -> Option<(types::Oid, u32)> {
    let mut level = Some(scope);
    while let Some(scope) = level {
        let in_tables = scope.tables.iter().flat_map(|table| &table.columns);
        if let Some(named) = in_tables.chain(&scope.columns).find(|named| named.number == number) {
            return named.origin;
        }
        level = scope.parent;
    }
    None
}

fn plain_star(options: &ast::WildcardAdditionalOptions) -> Result<()> {
    let ast::WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    if opt_ilike.is_some()
        || opt_exclude.is_some()
        || opt_except.is_some()
        || opt_replace.is_some()
        || opt_rename.is_some()
        || opt_alias.is_some()
    {
        return Err(Error::unsupported("options of *"));
    }
    Ok(())
}

fn is_volatile(expr: &Expr) -> bool {
    matches!(expr, Expr::Call { function, .. } if function.volatility == expr::Volatility::Volatile)
}
