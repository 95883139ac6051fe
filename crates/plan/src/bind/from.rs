//! FROM: tables, views, derived tables, functions, and how they are joined.

use super::query::Bound;
use super::scope::{Named, Table};
use super::{Binder, Clause, Place, Scope, names};
use crate::rel::{self, JoinKind, Number, Rel};
use expr::Expr;
use sqlparser::ast::{self, JoinConstraint, JoinOperator, TableFactor};
use types::{Error, Oid, Result, bail, err};

/// A bound FROM item: its tree and the names it brings.
pub(crate) struct Item {
    pub rel: Rel,
    pub tables: Vec<Table>,
    pub columns: Vec<Named>,
}

impl Item {
    pub(crate) fn of_table(rel: Rel, table: Table) -> Item {
        Item { rel, columns: table.columns.clone(), tables: vec![table] }
    }
}

impl Binder<'_> {
    /// The whole clause. Without FROM: one row.
    pub(crate) fn from<'p>(
        &mut self,
        from: &[ast::TableWithJoins],
        outer: Option<&'p Scope<'p>>,
    ) -> Result<(Rel, Scope<'p>)> {
        let mut result: Option<Item> = None;
        for tables in from {
            let left = Scope {
                parent: outer,
                tables: result.iter().flat_map(|item| item.tables.clone()).collect(),
                columns: result.iter().flat_map(|item| item.columns.clone()).collect(),
            };
            let item = self.joined(tables, &left)?;
            result = Some(match result {
                None => item,
                Some(before) => self.cross(before, item)?,
            });
        }
        let item = result.unwrap_or(Item { rel: Rel::OneRow, tables: vec![], columns: vec![] });
        Ok((item.rel, Scope { parent: outer, tables: item.tables, columns: item.columns }))
    }

    /// More items beside what is there: UPDATE ... FROM, DELETE ... USING.
    pub(crate) fn beside(
        &mut self,
        before: Item,
        from: &[ast::TableWithJoins],
        outer: Option<&Scope<'_>>,
    ) -> Result<Item> {
        let mut result = before;
        for tables in from {
            let left =
                Scope { parent: outer, tables: result.tables.clone(), columns: result.columns.clone() };
            let item = self.joined(tables, &left)?;
            result = self.cross(result, item)?;
        }
        Ok(result)
    }

    fn cross(&self, left: Item, right: Item) -> Result<Item> {
        self.distinct_names(&left.tables, &right.tables)?;
        let rel = match left.rel {
            Rel::OneRow => right.rel,
            rel => Rel::join(JoinKind::Inner, rel, right.rel, vec![]),
        };
        let tables = [left.tables, right.tables].concat();
        Ok(Item { rel, tables, columns: [left.columns, right.columns].concat() })
    }

    fn distinct_names(&self, left: &[Table], right: &[Table]) -> Result<()> {
        for table in right {
            let same = |other: &&Table| {
                other.name == table.name
                    && (other.schema == table.schema || other.schema.is_none() || table.schema.is_none())
            };
            if left.iter().any(|other| same(&other)) {
                bail!(DuplicateAlias, "table name \"{}\" specified more than once", table.name);
            }
        }
        Ok(())
    }

    fn joined(&mut self, tables: &ast::TableWithJoins, left: &Scope<'_>) -> Result<Item> {
        let ast::TableWithJoins { relation, joins } = tables;
        let mut result = self.factor(relation, left)?;
        for join in joins {
            let ast::Join { relation, global, join_operator } = join;
            if *global {
                return Err(Error::unsupported("GLOBAL JOIN"));
            }
            // A lateral right side also sees the join's left side.
            let visible = Scope {
                parent: left.parent,
                tables: [left.tables.clone(), result.tables.clone()].concat(),
                columns: [left.columns.clone(), result.columns.clone()].concat(),
            };
            let right = self.factor(relation, &visible)?;
            result = self.join(result, right, join_operator, left)?;
        }
        Ok(result)
    }

    fn join(&mut self, left: Item, right: Item, operator: &JoinOperator, outer: &Scope<'_>) -> Result<Item> {
        let (kind, constraint, swapped) = match operator {
            JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => {
                (JoinKind::Inner, constraint, false)
            }
            JoinOperator::CrossJoin(constraint @ JoinConstraint::None) => {
                (JoinKind::Inner, constraint, false)
            }
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
                (JoinKind::Left, constraint, false)
            }
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
                (JoinKind::Left, constraint, true)
            }
            JoinOperator::FullOuter(constraint) => (JoinKind::Full, constraint, false),
            JoinOperator::CrossJoin(_)
            | JoinOperator::Semi(_)
            | JoinOperator::LeftSemi(_)
            | JoinOperator::RightSemi(_)
            | JoinOperator::Anti(_)
            | JoinOperator::LeftAnti(_)
            | JoinOperator::RightAnti(_)
            | JoinOperator::CrossApply
            | JoinOperator::OuterApply
            | JoinOperator::AsOf { .. }
            | JoinOperator::StraightJoin(_)
            | JoinOperator::ArrayJoin
            | JoinOperator::LeftArrayJoin
            | JoinOperator::InnerArrayJoin => return Err(Error::unsupported("this kind of join")),
        };
        let (mut left, mut right) = (left, right);
        self.distinct_names(&left.tables, &right.tables)?;
        if swapped || kind == JoinKind::Full {
            let made = left.rel.outputs();
            let shown = right.columns.iter().any(|column| made.contains(&column.number));
            if shown || right.rel.free().iter().any(|number| made.contains(number)) {
                return Err(err!(
                    InvalidColumnReference,
                    "invalid reference to FROM-clause entry in a lateral item"
                )
                .detail("The combining JOIN type must be INNER or LEFT for a LATERAL reference."));
            }
        }
        let (left_nullable, right_nullable) = match kind {
            JoinKind::Full => (true, true),
            JoinKind::Left => (swapped, !swapped),
            JoinKind::Inner | JoinKind::Semi | JoinKind::Anti => (false, false),
        };
        if left_nullable {
            left = self.nullable(left);
        }
        if right_nullable {
            right = self.nullable(right);
        }
        let mut tables = [left.tables.clone(), right.tables.clone()].concat();
        let mut on = vec![];
        let mut merged: Vec<(Number, Expr)> = vec![];
        let columns = match constraint {
            JoinConstraint::None if matches!(operator, JoinOperator::CrossJoin(_)) => {
                [left.columns, right.columns].concat()
            }
            JoinConstraint::None => bail!(SyntaxError, "a JOIN needs ON or USING"),
            JoinConstraint::On(sql) => {
                let columns = [left.columns, right.columns].concat();
                let scope = Scope { parent: outer.parent, tables: std::mem::take(&mut tables), columns };
                let bound = self.expr(sql, &mut Place::new(&scope, Clause::JoinOn))?;
                let Scope { parent: _, tables: back, columns } = scope;
                tables = back;
                let condition = self.condition_of_join(bound, sql, &tables, &columns)?;
                rel::conjuncts(condition, &mut on);
                columns
            }
            JoinConstraint::Using(names) => {
                let mut wanted = vec![];
                for name in names {
                    match names::object_name(name)? {
                        (None, name) if !wanted.contains(&name) => wanted.push(name),
                        (None, name) => bail!(
                            DuplicateColumn,
                            "column name \"{name}\" appears more than once in USING clause"
                        ),
                        (Some(_), _) => bail!(SyntaxError, "syntax error at or near \".\""),
                    }
                }
                self.using(&wanted, &left.columns, &right.columns, kind, swapped, &mut on, &mut merged)?
            }
            JoinConstraint::Natural => {
                let mut wanted: Vec<String> = vec![];
                for column in &left.columns {
                    if right.columns.iter().any(|other| other.name == column.name)
                        && !wanted.contains(&column.name)
                    {
                        wanted.push(column.name.clone());
                    }
                }
                self.using(&wanted, &left.columns, &right.columns, kind, swapped, &mut on, &mut merged)?
            }
        };
        let rel = match swapped {
            false => Rel::join(kind, left.rel, right.rel, on),
            true => Rel::join(kind, right.rel, left.rel, on),
        };
        Ok(Item { rel: rel.project(merged), tables, columns })
    }

    fn condition_of_join(
        &mut self,
        bound: Expr,
        sql: &ast::Expr,
        _tables: &[Table],
        _columns: &[Named],
    ) -> Result<Expr> {
        self.condition(bound, "JOIN/ON", sql)
    }

    /// JOIN USING: equalities, and one column for each pair. The visible columns: merged, left's rest, right's rest.
    #[expect(clippy::too_many_arguments, reason = "the two sides and the three results of one clause")]
    fn using(
        &mut self,
        wanted: &[String],
        left: &[Named],
        right: &[Named],
        kind: JoinKind,
        swapped: bool,
        on: &mut Vec<Expr>,
        merged: &mut Vec<(Number, Expr)>,
    ) -> Result<Vec<Named>> {
        let side = |columns: &[Named], name: &str, which: &str| -> Result<Named> {
            let mut matches = columns.iter().filter(|column| column.name == name);
            match (matches.next(), matches.next()) {
                (Some(column), None) => Ok(column.clone()),
                (Some(_), Some(_)) => {
                    bail!(
                        AmbiguousColumn,
                        "common column name \"{name}\" appears more than once in {which} table"
                    )
                }
                (None, _) => {
                    bail!(
                        UndefinedColumn,
                        "column \"{name}\" specified in USING clause does not exist in {which} table"
                    )
                }
            }
        };
        let mut columns = vec![];
        for name in wanted {
            let (l, r) = (side(left, name, "left")?, side(right, name, "right")?);
            let (l_expr, r_expr) = (self.column(&l), self.column(&r));
            on.push(self.operate("=", Some(l_expr.clone()), r_expr.clone())?);
            let types = [l_expr.ty(), r_expr.ty()];
            let common = self.common_type(&types, "JOIN/USING").map_err(|(_, error)| error)?;
            let (chosen, expr) = match kind {
                JoinKind::Full => {
                    let args = vec![
                        self.in_common_type(l_expr, common, "JOIN/USING", None)?,
                        self.in_common_type(r_expr, common, "JOIN/USING", None)?,
                    ];
                    (None, Expr::Coalesce { args, ty: common })
                }
                _ if swapped => (Some(r), self.in_common_type(r_expr, common, "JOIN/USING", None)?),
                _ => (Some(l), self.in_common_type(l_expr, common, "JOIN/USING", None)?),
            };
            columns.push(match (chosen, &expr) {
                (Some(chosen), Expr::Column { .. }) => Named { name: name.clone(), ..chosen },
                _ => {
                    let number = self.arena.column(common);
                    merged.push((number, expr));
                    Named { name: name.clone(), number, origin: None }
                }
            });
        }
        let rest = |columns: &[Named]| -> Vec<Named> {
            columns.iter().filter(|column| !wanted.contains(&column.name)).cloned().collect()
        };
        columns.extend(rest(left));
        columns.extend(rest(right));
        Ok(columns)
    }

    /// One item. `left` holds what a lateral item may see.
    fn factor(&mut self, factor: &TableFactor, left: &Scope<'_>) -> Result<Item> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                if !with_hints.is_empty()
                    || !partitions.is_empty()
                    || json_path.is_some()
                    || !index_hints.is_empty()
                {
                    return Err(Error::unsupported("hints and partitions of a table"));
                }
                if sample.is_some() {
                    return Err(self.at(Error::unsupported("TABLESAMPLE"), name));
                }
                if let Some(ast::TableFunctionArgs { args, settings }) = args {
                    if settings.is_some() || version.is_some() {
                        return Err(self.at(Error::unsupported("FOR SYSTEM_TIME on a function"), name));
                    }
                    return self.table_function(name, args, *with_ordinality, alias.as_ref(), left);
                }
                if *with_ordinality {
                    return Err(self.at(err!(SyntaxError, "WITH ORDINALITY is for functions"), name));
                }
                self.named_table(name, alias.as_ref(), version.as_ref(), left)
            }
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                if sample.is_some() {
                    return Err(Error::unsupported("TABLESAMPLE"));
                }
                let outer = if *lateral { Some(left) } else { left.parent };
                let bound = self.deeper(|binder| binder.query(subquery, outer, true))?;
                let Some(alias) = alias else {
                    let error = err!(SyntaxError, "subquery in FROM must have an alias")
                        .hint("For example, FROM (SELECT ...) [AS] foo.");
                    return Err(self.source.locate_parenthesis(error, &**subquery));
                };
                let name = names::fold(&alias.name);
                let Bound { rel, columns } = bound;
                let table = Table::of(name, columns);
                self.aliased(rel, table, Some(alias))
            }
            TableFactor::Function { lateral: _, name, args, with_ordinality, alias } => {
                self.table_function(name, args, *with_ordinality, alias.as_ref(), left)
            }
            TableFactor::UNNEST { alias, array_exprs, with_offset, with_offset_alias, with_ordinality } => {
                if *with_offset || with_offset_alias.is_some() {
                    return Err(err!(SyntaxError, "syntax error at or near \"OFFSET\""));
                }
                self.unnest(array_exprs, *with_ordinality, alias.as_ref(), left)
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let item = self.deeper(|binder| binder.joined(table_with_joins, left))?;
                match alias {
                    None => Ok(item),
                    Some(alias) => {
                        let table = Table::of(names::fold(&alias.name), item.columns);
                        self.aliased(item.rel, table, Some(alias))
                    }
                }
            }
            TableFactor::TableFunction { .. } => Err(Error::unsupported("TABLE(function)")),
            TableFactor::JsonTable { .. } => Err(Error::unsupported("JSON_TABLE")),
            TableFactor::XmlTable { .. } => Err(Error::unsupported("XMLTABLE")),
            TableFactor::OpenJsonTable { .. }
            | TableFactor::Pivot { .. }
            | TableFactor::Unpivot { .. }
            | TableFactor::UnpivotExpr { .. }
            | TableFactor::MatchRecognize { .. }
            | TableFactor::SemanticView { .. } => Err(Error::unsupported("this kind of FROM item")),
        }
    }

    /// Applies `AS name (columns)`.
    pub(crate) fn aliased(
        &mut self,
        rel: Rel,
        mut table: Table,
        alias: Option<&ast::TableAlias>,
    ) -> Result<Item> {
        let Some(ast::TableAlias { explicit: _, name, columns, at }) = alias else {
            return Ok(Item::of_table(rel, table));
        };
        if at.is_some() {
            return Err(Error::unsupported("AT in an alias"));
        }
        table.name = names::fold(name);
        table.schema = None;
        if columns.len() > table.columns.len() {
            let error = err!(
                InvalidColumnReference,
                "table \"{}\" has {} columns available but {} columns specified",
                table.name,
                table.columns.len(),
                columns.len()
            );
            return Err(error);
        }
        for (column, ast::TableAliasColumnDef { name, data_type }) in table.columns.iter_mut().zip(columns) {
            if data_type.is_some() {
                let error = err!(
                    SyntaxError,
                    "a column definition list is only allowed for functions returning \"record\""
                );
                return Err(self.at(error, name));
            }
            column.name = names::fold(name);
        }
        Ok(Item::of_table(rel, table))
    }

    /// A view means the columns that its tables had when it was made: `*` and NATURAL take no later ones, and a later
    /// one makes no name ambiguous. The columns that it reads are known; those of an alias list keep their places.
    pub(super) fn keep_known(&mut self, item: &mut Item, relation: Oid, alias: Option<&ast::TableAlias>) {
        let aliased = alias.map_or(0, |alias| alias.columns.len());
        for named in item.columns.iter().take(aliased) {
            self.references.extend(named.origin);
        }
        let Some(super::InView { reads, .. }) = &self.view else { return };
        if !reads.contains(&(relation, 0)) {
            return;
        }
        let known = |named: &Named| named.origin.is_none_or(|origin| reads.contains(&origin));
        let keep = |columns: &mut Vec<Named>| {
            let mut position = 0;
            columns.retain(|named| {
                position += 1;
                position <= aliased || known(named)
            });
        };
        keep(&mut item.columns);
        item.tables.iter_mut().for_each(|table| keep(&mut table.columns));
    }
}
