//! FROM: tables, views, derived tables, functions, and how they are joined.

use super::query::Bound;
use super::scope::{Named, Table};
use super::{Binder, Clause, Place, Scope, names};
use crate::node::Versions;
use crate::rel::{self, JoinKind, Number, Rel};
use crate::statement::TableLock;
use expr::Expr;
use sqlparser::ast::{self, JoinConstraint, JoinOperator, TableFactor};
use std::sync::Arc;
use types::ddl::Privilege;
use types::schema::{HiddenColumn, Relation, RelationKind};
use types::{DataType, Error, Oid, Result, bail, err};

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
                let table = Table {
                    name,
                    schema: None,
                    columns,
                    hidden: vec![],
                    base: None,
                    scalar: false,
                    nullable: None,
                };
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
                        let table = Table {
                            name: names::fold(&alias.name),
                            schema: None,
                            columns: item.columns,
                            hidden: vec![],
                            base: None,
                            scalar: false,
                            nullable: None,
                        };
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
    fn keep_known(&mut self, item: &mut Item, relation: Oid, alias: Option<&ast::TableAlias>) {
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

    fn named_table(
        &mut self,
        name: &ast::ObjectName,
        alias: Option<&ast::TableAlias>,
        version: Option<&ast::TableVersion>,
        left: &Scope<'_>,
    ) -> Result<Item> {
        let (schema, folded) = names::object_name(name).map_err(|error| self.at(error, name))?;
        if schema.is_none()
            && let Some((rel, table)) =
                self.common_table_scan(&folded).map_err(|error| self.at(error, name))?
        {
            if version.is_some() {
                let error = Error::unsupported("FOR SYSTEM_TIME on a WITH query")
                    .hint("Write it on the tables inside.");
                return Err(self.at(error, name));
            }
            return self.aliased(rel, table, alias);
        }
        let versions = match version {
            None => None,
            Some(version) => Some(self.versions(version).map_err(|error| self.at(error, name))?),
        };
        let schema_then = match versions.as_ref().unwrap_or(&self.versions) {
            Versions::At(moment) => Some(self.environment.schema.at(*moment)?),
            _ => None,
        };
        let outside = match schema_then {
            Some(then) => Some(std::mem::replace(&mut self.schema, then)),
            None => None,
        };
        let found = match self.relation(schema.as_deref(), &folded) {
            // Every version of what is no more.
            Ok(None) if matches!(versions, Some(Versions::Range { .. })) => {
                self.schema.dropped(schema.as_deref(), &folded)
            }
            found => found,
        };
        let item = match found {
            Ok(Some(relation)) => {
                let versioned = versions.is_some() || !matches!(self.versions, Versions::Snapshot);
                self.note_use(relation.oid, name, alias, versioned);
                self.scan(&relation, alias, versions, left, name)
            }
            Ok(None) => {
                let dotted = schema.iter().chain([&folded]).cloned().collect::<Vec<_>>().join(".");
                Err(self.at(err!(UndefinedTable, "relation \"{dotted}\" does not exist"), name))
            }
            Err(error) => Err(self.at(error, name)),
        };
        if let Some(outside) = outside {
            self.schema = outside;
        }
        item
    }

    fn scan(
        &mut self,
        relation: &Arc<Relation>,
        alias: Option<&ast::TableAlias>,
        versions: Option<Versions>,
        _left: &Scope<'_>,
        at: &ast::ObjectName,
    ) -> Result<Item> {
        match relation.kind {
            RelationKind::Table => {
                let versions = versions.unwrap_or_else(|| self.versions.clone());
                self.need(relation, Privilege::Select, TableLock::AccessShare);
                self.references.insert((relation.oid, 0));
                let (rel, table) = self.table_scan(relation, versions);
                let mut item = self.aliased(rel, table, alias)?;
                self.keep_known(&mut item, relation.oid, alias);
                if let (Rel::Scan(scan), Some(table)) = (&mut item.rel, item.tables.first()) {
                    scan.alias = table.name.clone();
                }
                Ok(item)
            }
            RelationKind::View => {
                self.need(relation, Privilege::Select, TableLock::AccessShare);
                self.references.insert((relation.oid, 0));
                let (rel, table) = self.view_scan(relation, versions)?;
                let mut item = self.aliased(rel, table, alias)?;
                self.keep_known(&mut item, relation.oid, alias);
                Ok(item)
            }
            RelationKind::System | RelationKind::Sequence => {
                if versions.is_some() {
                    let error = Error::unsupported("FOR SYSTEM_TIME on a system relation").hint(
                        "Use SET ledger.as_of, or BEGIN READ ONLY AS OF, to read the catalog of the past.",
                    );
                    return Err(self.at(error, at));
                }
                self.need(relation, Privilege::Select, TableLock::AccessShare);
                let (rel, table) = self.system_scan(relation);
                let mut item = self.aliased(rel, table, alias)?;
                if let (Rel::SystemScan { alias, .. }, Some(table)) = (&mut item.rel, item.tables.first()) {
                    *alias = table.name.clone();
                }
                Ok(item)
            }
        }
    }

    /// A base table's scan with all its columns, hidden ones and its row key.
    pub(crate) fn table_scan(&mut self, relation: &Arc<Relation>, versions: Versions) -> (Rel, Table) {
        let mut numbers = vec![];
        let mut columns = vec![];
        for column in relation.live() {
            let number = self.arena.column(column.ty);
            numbers.push((column.id, number));
            columns.push(Named {
                name: column.name.clone(),
                number,
                origin: Some((relation.oid, column.id)),
            });
        }
        let mut hidden = vec![];
        for column in HiddenColumn::ALL {
            let number = self.arena.column(column.data_type());
            numbers.push((column.id(), number));
            hidden.push((column, number));
        }
        let key = self.arena.column(DataType::Bytea);
        let scan = rel::Scan {
            relation: relation.clone(),
            alias: relation.name.clone(),
            columns: numbers,
            key,
            versions,
        };
        let table = Table {
            name: relation.name.clone(),
            schema: Some(relation.schema.clone()),
            columns,
            hidden,
            base: Some((relation.clone(), key)),
            scalar: false,
            nullable: None,
        };
        (Rel::Scan(scan), table)
    }

    fn system_scan(&mut self, relation: &Arc<Relation>) -> (Rel, Table) {
        let mut numbers = vec![];
        let mut columns = vec![];
        for column in relation.live() {
            let number = self.arena.column(column.ty);
            numbers.push((column.id, number));
            columns.push(Named {
                name: column.name.clone(),
                number,
                origin: Some((relation.oid, column.id)),
            });
        }
        // Clients ask the catalog for its own identity: pg_class.tableoid.
        let tableoid = self.arena.column(DataType::Oid);
        let scan =
            Rel::SystemScan { relation: relation.clone(), alias: relation.name.clone(), columns: numbers };
        let oid = Expr::constant(types::Value::Oid(relation.oid), DataType::Oid);
        let rel = scan.project(vec![(tableoid, oid)]);
        let table = Table {
            name: relation.name.clone(),
            schema: Some(relation.schema.clone()),
            columns,
            hidden: vec![(HiddenColumn::TableOid, tableoid)],
            base: None,
            scalar: false,
            nullable: None,
        };
        (rel, table)
    }

    /// A view's query in its place: its own names, its schema, its owner's privileges.
    pub(super) fn view_scan(
        &mut self,
        relation: &Arc<Relation>,
        versions: Option<Versions>,
    ) -> Result<(Rel, Table)> {
        let Some(text) = &relation.view else { return Err(Error::internal("a view without a query")) };
        let parsed = crate::parse(text)?;
        let query = match parsed.as_slice() {
            [only] => match &only.syntax {
                crate::parse::Syntax::Sql(statement) => match statement.tree() {
                    Some(ast::Statement::Query(query)) => query,
                    _ => return Err(Error::internal(format!("view {} is not a query", relation.name))),
                },
                _ => return Err(Error::internal(format!("view {} is not a query", relation.name))),
            },
            _ => return Err(Error::internal(format!("view {} is not one query", relation.name))),
        };
        let as_of = parsed.first().and_then(|parsed| parsed.as_of.as_ref());
        let depth = parsed.first().map_or(0, crate::Parsed::depth);
        self.deepest = self.deepest.max(self.depth + depth);
        let source = std::mem::replace(&mut self.source, super::position::Source::new(None));
        let ctes = std::mem::take(&mut self.ctes);
        let recursing = std::mem::take(&mut self.recursing);
        let reads = relation.references.iter().copied().collect();
        let inside = super::InView { schema: relation.schema.clone(), owner: relation.owner, reads };
        let view = self.view.replace(inside);
        let references = std::mem::take(&mut self.references);
        // Only the outermost view's own text is asked about.
        let uses = if view.is_some() { self.uses.take() } else { None };
        let before = self.versions.clone();
        if let Some(versions) = versions {
            self.versions = versions;
        }
        let bound = self.deeper(|binder| {
            if let Some(sql) = as_of {
                binder.query_as_of(sql)?;
            }
            binder.query(query, None, true)
        });
        self.versions = before;
        self.references = references;
        self.uses = uses.or(self.uses.take());
        self.view = view;
        self.ctes = ctes;
        self.recursing = recursing;
        self.source = source;
        let Bound { mut rel, columns } = bound?;
        let declared: Vec<_> = relation.live().collect();
        if declared.len() > columns.len() {
            return Err(err!(
                InvalidTableDefinition,
                "view \"{}\" no longer has all of its columns",
                relation.name
            ));
        }
        let mut named = vec![];
        let mut casts = vec![];
        for (column, bound) in declared.into_iter().zip(columns) {
            let expr = self.arena.expr(bound.number);
            let expr = self.in_common_type(expr, column.ty, "VIEW", None)?;
            let number = match expr {
                Expr::Column { index, .. } => index,
                expr => {
                    let number = self.arena.column(column.ty);
                    casts.push((number, expr));
                    number
                }
            };
            named.push(Named { name: column.name.clone(), number, origin: Some((relation.oid, column.id)) });
        }
        rel = rel.project(casts);
        let table = Table {
            name: relation.name.clone(),
            schema: Some(relation.schema.clone()),
            columns: named,
            hidden: vec![],
            base: None,
            scalar: false,
            nullable: None,
        };
        Ok((rel, table))
    }
}
