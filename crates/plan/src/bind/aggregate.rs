//! Aggregates: calls collected while expressions are bound, GROUP BY, and the rule that what remains is grouped.

use super::function::{Call, direction};
use super::{Binder, Clause, Place};
use crate::rel::{self, Number, Numbers, Rel};
use expr::{AggregateCall, Expr, SortKey, WindowCall};
use sqlparser::ast::{self, Expr as Sql};
use types::schema::Relation;
use types::{DataType, Error, Result, Value, err};

/// What the expressions of one SELECT contain beside plain values. Each has a column that stands for it.
#[derive(Default)]
pub(crate) struct Collected {
    pub aggregates: Vec<(Number, AggregateCall)>,
    pub windows: Vec<(Number, WindowCall)>,
    pub sets: Vec<SetCall>,
    /// `GROUPING(a, b)` and its arguments.
    pub groupings: Vec<(Number, Vec<Expr>)>,
    pub named_windows: Vec<(String, ast::WindowSpec)>,
}

/// A set-returning function of the select list. One whose arguments hold another's rows runs in a later stage.
pub(crate) struct SetCall {
    pub number: Number,
    pub call: Expr,
    pub stage: usize,
}

/// GROUP BY, bound: expressions, and which of them make up each grouping set.
#[derive(Default)]
pub(crate) struct Grouping {
    pub exprs: Vec<Expr>,
    pub sets: Vec<Vec<usize>>,
    /// There is a GROUP BY (perhaps `GROUP BY ()`).
    pub present: bool,
}

impl Binder<'_> {
    /// The call as an aggregate; None if no aggregate has its name.
    pub(crate) fn aggregate_call(&mut self, call: &Call<'_>, place: &mut Place<'_>) -> Result<Option<Expr>> {
        if let Some(hypothetical) = self.hypothetical(call, place)? {
            return Ok(Some(hypothetical));
        }
        let Some((aggregate, _)) = self.aggregate(call, place)? else { return Ok(None) };
        self.collected_aggregate(aggregate, call, place).map(Some)
    }

    /// The column that stands for an aggregate: of this query, or of the one around it whose columns alone it uses.
    pub(crate) fn collected_aggregate(
        &mut self,
        aggregate: AggregateCall,
        call: &Call<'_>,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        let ty = aggregate.ty;
        let mut columns = Numbers::new();
        rel::call_exprs(&aggregate).into_iter().for_each(|arg| rel::columns_of(arg, &mut columns));
        if !columns.is_empty() && !columns.iter().any(|number| place.scope.has_local(*number)) {
            let number = self.arena.column(ty);
            self.lifted.push((number, aggregate));
            return Ok(self.arena.expr(number));
        }
        let clause = place.clause;
        let Some(collected) = place.collected.as_deref_mut() else {
            let error = match clause {
                Clause::AggregateArgument => err!(GroupingError, "aggregate function calls cannot be nested"),
                clause => err!(GroupingError, "aggregate functions are not allowed in {}", clause.name()),
            };
            return Err(self.at(error, call.at));
        };
        if let Some((number, _)) = collected.aggregates.iter().find(|(_, same)| *same == aggregate) {
            return Ok(self.arena.expr(*number));
        }
        let number = self.arena.column(ty);
        collected.aggregates.push((number, aggregate));
        Ok(self.arena.expr(number))
    }

    /// Aggregates that subqueries have lifted since there were `before` of them and that are of this query's rows.
    pub(crate) fn lifted_here(
        &mut self,
        before: usize,
        scope: &super::Scope<'_>,
    ) -> Vec<(Number, AggregateCall)> {
        let (mut here, mut further) = (vec![], vec![]);
        for (number, call) in self.lifted.split_off(before.min(self.lifted.len())) {
            let mut columns = Numbers::new();
            rel::call_exprs(&call).into_iter().for_each(|arg| rel::columns_of(arg, &mut columns));
            match columns.iter().any(|number| scope.has_local(*number)) {
                true => here.push((number, call)),
                false => further.push((number, call)),
            }
        }
        self.lifted.append(&mut further);
        here
    }

    /// The same where no aggregate may be.
    pub(crate) fn nothing_lifted(
        &mut self,
        before: usize,
        scope: &super::Scope<'_>,
        clause: Clause,
    ) -> Result<()> {
        match self.lifted_here(before, scope).is_empty() {
            true => Ok(()),
            false => Err(err!(GroupingError, "aggregate functions are not allowed in {}", clause.name())),
        }
    }

    /// Binds arguments, ORDER BY and FILTER, and resolves.
    pub(crate) fn aggregate(
        &mut self,
        call: &Call<'_>,
        place: &mut Place<'_>,
    ) -> Result<Option<(AggregateCall, types::ColumnType)>> {
        if call.schema.as_deref().is_some_and(|schema| schema != "pg_catalog") {
            return Ok(None);
        }
        // Is there an aggregate of this name at all? Asked before arguments are bound in an aggregate's own place.
        if !expr::aggregate::exists(&call.name) {
            return Ok(None);
        }
        if matches!(place.clause, Clause::AggregateArgument) {
            let error = err!(GroupingError, "aggregate function calls cannot be nested");
            return Err(self.at(error, call.at));
        }
        let mut inside = Place::new(place.scope, Clause::AggregateArgument);
        let mut args = self.arguments(call, &mut inside)?;
        let order = if call.within_group.is_empty() { call.order_by } else { call.within_group };
        let mut order_by = vec![];
        for key in order {
            let ast::OrderByExpr { expr, options, with_fill } = key;
            if with_fill.is_some() {
                return Err(Error::unsupported("WITH FILL"));
            }
            let bound = self.expr(expr, &mut inside)?;
            let bound = self.decided(bound, expr)?;
            let (descending, nulls_first) = direction(options)?;
            order_by.push(SortKey { expr: bound, descending, nulls_first });
        }
        if !call.within_group.is_empty() {
            // Ordered-set aggregates: percentile_cont(0.5) WITHIN GROUP (ORDER BY x) takes (0.5, x), ordered by x.
            args.extend(order_by.iter().map(|key| key.expr.clone()));
        }
        let types: Vec<DataType> = args.iter().map(Expr::data_type).collect();
        let resolved = match expr::aggregate::resolve(&call.name, &types, call.star) {
            None => return Ok(None),
            Some(Err(error)) => {
                // sum(...) that is also a plain function of these types is that function.
                if expr::function::resolve(call.schema.as_deref(), &call.name, &types).is_ok() {
                    return Ok(None);
                }
                return Err(self.at(error, call.at));
            }
            Some(Ok(resolved)) => resolved,
        };
        let mut coerced = vec![];
        for (arg, ty) in args.into_iter().zip(&resolved.arguments) {
            let given = arg.clone();
            let arg = self.argument(arg, *ty).map_err(|error| self.at(error, call.at))?;
            if call.distinct {
                // ORDER BY an argument means the argument as the aggregate takes it.
                order_by.iter_mut().filter(|key| key.expr == given).for_each(|key| key.expr = arg.clone());
            }
            coerced.push(arg);
        }
        let filter = match call.filter {
            None => None,
            Some(sql) => {
                let mut inside = Place::new(place.scope, Clause::Filter);
                let bound = self.expr(sql, &mut inside)?;
                Some(self.condition(bound, "FILTER", sql)?)
            }
        };
        if call.distinct {
            if coerced.is_empty() {
                return Err(self.at(err!(SyntaxError, "DISTINCT needs an argument"), call.at));
            }
            for arg in &coerced {
                expr::operator::equality(arg.data_type()).map_err(|_| {
                    let ty = arg.data_type();
                    self.at(
                        err!(UndefinedFunction, "could not identify an equality operator for type {ty}"),
                        call.at,
                    )
                })?;
            }
            if order_by.iter().any(|key| !coerced.contains(&key.expr)) {
                let error = err!(
                    InvalidColumnReference,
                    "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list"
                );
                return Err(self.at(error, call.at));
            }
        }
        let ty = types::ColumnType::from(resolved.returns);
        let aggregate = AggregateCall {
            aggregate: resolved.aggregate,
            args: coerced,
            distinct: call.distinct,
            order_by,
            filter,
            ty,
        };
        Ok(Some((aggregate, ty)))
    }

    /// `GROUPING(a, b)`: a column that [`Binder::grouped`] computes.
    pub(crate) fn grouping_call(&mut self, call: &Call<'_>, place: &mut Place<'_>) -> Result<Expr> {
        let mut inside = Place::new(place.scope, Clause::AggregateArgument);
        let args = self.arguments(call, &mut inside)?;
        if args.len() > 31 {
            return Err(
                self.at(err!(TooManyArguments, "GROUPING must have fewer than 32 arguments"), call.at)
            );
        }
        let clause = place.clause;
        let Some(collected) = place.collected.as_deref_mut() else {
            let error = err!(GroupingError, "grouping operations are not allowed in {}", clause.name());
            return Err(self.at(error, call.at));
        };
        let number = self.arena.column(DataType::Int4);
        collected.groupings.push((number, args));
        Ok(self.arena.expr(number))
    }

    /// Puts an Aggregate over `input` and rewrites `exprs`, bound over `input`'s columns, to its output.
    /// `tables` are the FROM items, for functional dependency on a primary key.
    pub(crate) fn grouped(
        &mut self,
        input: Rel,
        grouping: Grouping,
        collected: &mut Collected,
        scope: &super::Scope<'_>,
        exprs: &mut [&mut Expr],
    ) -> Result<Rel> {
        let Grouping { exprs: group_exprs, sets, present: _ } = grouping;
        let several = sets.len() != 1;
        let mut groups: Vec<(Number, Expr)> = vec![];
        for expr in group_exprs {
            let ty = expr.ty();
            groups.push((self.arena.column(ty), expr));
        }
        let local: Numbers = input.outputs();
        let mut sets = sets;
        let mut rewrite = Rewrite { groups: &mut groups, local: &local, sets: &mut sets, scope, several };
        for expr in exprs.iter_mut() {
            self.rewrite_grouped(expr, &mut rewrite)?;
        }
        for (_, window) in collected.windows.iter_mut() {
            for expr in rel::window_exprs_mut(window) {
                self.rewrite_grouped(expr, &mut rewrite)?;
            }
        }
        for set in collected.sets.iter_mut() {
            self.rewrite_grouped(&mut set.call, &mut rewrite)?;
        }
        let grouping_mask =
            (several && !collected.groupings.is_empty()).then(|| self.arena.column(DataType::Int4));
        let mut computed = vec![];
        for (number, args) in std::mem::take(&mut collected.groupings) {
            let mut positions = vec![];
            for arg in args {
                let Some(position) = groups.iter().position(|(_, group)| *group == arg) else {
                    let error = err!(
                        GroupingError,
                        "arguments to GROUPING must be grouping expressions of the associated query level"
                    );
                    return Err(error);
                };
                positions.push(position);
            }
            computed.push((number, self.grouping_bits(grouping_mask, &positions, groups.len())?));
        }
        let calls = std::mem::take(&mut collected.aggregates);
        let aggregate = Rel::Aggregate(rel::Aggregate {
            input: Box::new(input),
            groups,
            sets,
            calls,
            grouping: grouping_mask,
        });
        Ok(aggregate.project(computed))
    }

    /// GROUPING's result: the bits of `positions` out of the mask over all groups (whose first is most significant).
    fn grouping_bits(&mut self, mask: Option<Number>, positions: &[usize], groups: usize) -> Result<Expr> {
        let int4 = |value: i32| Expr::constant(Value::Int4(value), DataType::Int4);
        let Some(mask) = mask else { return Ok(int4(0)) };
        let mut result: Option<Expr> = None;
        for position in positions {
            let shift = int4((groups - 1 - position) as i32);
            let mask = self.arena.expr(mask);
            let shifted = self.operate(">>", Some(mask), shift)?;
            let bit = self.operate("&", Some(shifted), int4(1))?;
            result = Some(match result {
                None => bit,
                Some(before) => {
                    let before = self.operate("<<", Some(before), int4(1))?;
                    self.operate("|", Some(before), bit)?
                }
            });
        }
        result.ok_or_else(|| Error::internal("GROUPING without arguments"))
    }

    fn rewrite_grouped(&mut self, expr: &mut Expr, rewrite: &mut Rewrite<'_, '_>) -> Result<()> {
        if let Some((number, _)) = rewrite.groups.iter().find(|(_, group)| group == expr) {
            // A constant among the groups stands for itself, unless a grouping set leaves it out.
            if rewrite.several || !matches!(expr, Expr::Constant { .. }) {
                *expr = self.arena.expr(*number);
            }
            return Ok(());
        }
        if let Expr::Column { index, ty } = expr {
            if !rewrite.local.contains(index) {
                return Ok(());
            }
            let (number, ty) = (*index, *ty);
            if rewrite.depends_on_key(number) {
                let new = self.arena.column(ty);
                rewrite.groups.push((new, self.arena.expr(number)));
                let last = rewrite.groups.len() - 1;
                rewrite.sets.iter_mut().for_each(|set| set.push(last));
                *expr = self.arena.expr(new);
                return Ok(());
            }
            let name = rewrite.name_of(number);
            let mut error = err!(
                GroupingError,
                "column \"{name}\" must appear in the GROUP BY clause or be used in an aggregate function"
            );
            error.position = self.named_at.get(&number).copied();
            return Err(error);
        }
        let mut failed = None;
        expr.for_each_child_mut(&mut |child| {
            if failed.is_none() {
                failed = self.rewrite_grouped(child, rewrite).err();
            }
        });
        failed.map_or(Ok(()), Err)
    }

    /// GROUP BY's expressions and grouping sets. `item` binds one expression (a position, a name, an expression).
    pub(crate) fn grouping(
        &mut self,
        syntax: &ast::GroupByExpr,
        item: &mut dyn FnMut(&mut Self, &Sql) -> Result<Expr>,
    ) -> Result<Grouping> {
        let (exprs, modifiers) = match syntax {
            ast::GroupByExpr::All(_) => return Err(Error::unsupported("GROUP BY ALL")),
            ast::GroupByExpr::Expressions(exprs, modifiers) => (exprs, modifiers),
        };
        let mut grouping = Grouping { present: !exprs.is_empty(), ..Grouping::default() };
        // Each element gives some sets; all elements together give every combination.
        let mut sets: Vec<Vec<usize>> = vec![vec![]];
        if !modifiers.is_empty() {
            return Err(Error::unsupported("GROUP BY ... WITH"));
        }
        for sql in exprs {
            let mut add = |binder: &mut Self, grouping: &mut Grouping, sql: &Sql| -> Result<usize> {
                let expr = item(binder, sql)?;
                Ok(grouping.exprs.iter().position(|known| *known == expr).unwrap_or_else(|| {
                    grouping.exprs.push(expr);
                    grouping.exprs.len() - 1
                }))
            };
            let mut lists = |binder: &mut Self,
                             grouping: &mut Grouping,
                             lists: &[Vec<Sql>]|
             -> Result<Vec<Vec<usize>>> {
                lists.iter().map(|list| list.iter().map(|sql| add(binder, grouping, sql)).collect()).collect()
            };
            let own: Vec<Vec<usize>> = match sql {
                Sql::GroupingSets(given) => {
                    let mut all = vec![];
                    for list in given {
                        match nested_sets(list) {
                            Some((true, parts)) => {
                                all.extend(rolled_up(&lists(self, &mut grouping, &parts)?));
                            }
                            Some((false, parts)) => all.extend(cubed(&lists(self, &mut grouping, &parts)?)?),
                            None => all.extend(lists(self, &mut grouping, std::slice::from_ref(list))?),
                        }
                    }
                    all
                }
                Sql::Rollup(given) => rolled_up(&lists(self, &mut grouping, given)?),
                Sql::Cube(given) => cubed(&lists(self, &mut grouping, given)?)?,
                Sql::Tuple(elements) => {
                    vec![elements.iter().map(|sql| add(self, &mut grouping, sql)).collect::<Result<_>>()?]
                }
                plain => vec![vec![add(self, &mut grouping, plain)?]],
            };
            if sets.len().saturating_mul(own.len()) > 4096 {
                return Err(err!(StatementTooComplex, "too many grouping sets present (maximum 4096)"));
            }
            sets = sets.iter().flat_map(|set| own.iter().map(|own| [set.as_slice(), own].concat())).collect();
        }
        for set in &mut sets {
            let mut seen = Numbers::new();
            set.retain(|position| seen.insert(*position));
        }
        grouping.sets = sets;
        Ok(grouping)
    }
}

/// ROLLUP: all parts, all but the last, and so on to none.
fn rolled_up(parts: &[Vec<usize>]) -> Vec<Vec<usize>> {
    (0..=parts.len()).rev().map(|count| parts[..count].concat()).collect()
}

/// CUBE: every choice among the parts.
fn cubed(parts: &[Vec<usize>]) -> Result<Vec<Vec<usize>>> {
    let count = parts.len();
    if count > 12 {
        return Err(err!(TooManyColumns, "CUBE is limited to 12 elements"));
    }
    let chosen = |mask: usize| (0..count).filter(move |bit| mask & (1 << (count - 1 - bit)) != 0);
    let sets = (0..1usize << count).rev();
    Ok(sets.map(|mask| chosen(mask).flat_map(|bit| parts[bit].iter().copied()).collect()).collect())
}

/// ROLLUP (true) or CUBE inside GROUPING SETS, which parse as calls there, and their parts.
fn nested_sets(list: &[Sql]) -> Option<(bool, Vec<Vec<Sql>>)> {
    match list {
        [Sql::Rollup(parts)] => Some((true, parts.clone())),
        [Sql::Cube(parts)] => Some((false, parts.clone())),
        [Sql::Function(function)] => {
            let [ast::ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return None };
            let rollup = name.value.eq_ignore_ascii_case("rollup");
            if name.quote_style.is_some() || !(rollup || name.value.eq_ignore_ascii_case("cube")) {
                return None;
            }
            let ast::FunctionArguments::List(args) = &function.args else { return None };
            let parts = super::operator::plain_arguments(args)?.into_iter().map(|part| match part {
                Sql::Tuple(elements) => elements.clone(),
                Sql::Nested(inner) => vec![(**inner).clone()],
                one => vec![one.clone()],
            });
            Some((rollup, parts.collect()))
        }
        _ => None,
    }
}

struct Rewrite<'a, 's> {
    groups: &'a mut Vec<(Number, Expr)>,
    sets: &'a mut Vec<Vec<usize>>,
    local: &'a Numbers,
    scope: &'a super::Scope<'s>,
    several: bool,
}

impl Rewrite<'_, '_> {
    /// The column belongs to a table whose whole primary key is grouped by.
    fn depends_on_key(&self, number: Number) -> bool {
        // With several grouping sets the key must be in each of them.
        let grouped = |number: Number| {
            self.groups.iter().enumerate().any(|(position, (_, group))| {
                matches!(group, Expr::Column { index, .. } if *index == number)
                    && self.sets.iter().all(|set| set.contains(&position))
            })
        };
        self.scope.tables.iter().any(|table| {
            let Some((relation, _)) = &table.base else { return false };
            let relation: &Relation = relation;
            let of_table = |number: Number| {
                table.nullable == Some(number) || table.columns.iter().any(|named| named.number == number)
            };
            let has_key = !relation.primary_key.is_empty();
            let key_grouped = relation.primary_key.iter().all(|id| {
                let column = table.columns.iter().find(|named| named.origin == Some((relation.oid, *id)));
                column.is_some_and(|named| grouped(named.number))
            });
            of_table(number) && has_key && key_grouped
        })
    }

    /// As messages name it: `table.column`.
    fn name_of(&self, number: Number) -> String {
        for table in &self.scope.tables {
            if let Some(named) = table.columns.iter().find(|named| named.number == number) {
                return format!("{}.{}", table.name, named.name);
            }
            if let Some((hidden, _)) = table.hidden.iter().find(|(_, hidden)| *hidden == number) {
                return format!("{}.{}", table.name, hidden.name());
            }
        }
        match self.scope.columns.iter().find(|named| named.number == number) {
            Some(named) => named.name.clone(),
            None => "?column?".into(),
        }
    }
}
