//! Relations in FROM: base tables at a moment, system relations, views.

use super::from::Item;
use super::query::Bound;
use super::scope::{Named, Table};
use super::{Binder, Scope, names};
use crate::node::Versions;
use crate::rel::{self, Number, Rel};
use crate::statement::TableLock;
use expr::Expr;
use sqlparser::ast::{self};
use std::sync::Arc;
use types::ddl::Privilege;
use types::schema::{ColumnId, HiddenColumn, Relation, RelationKind};
use types::{DataType, Error, Result, err};

impl Binder<'_> {
    pub(super) fn named_table(
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

    /// A number for each column that is not dropped, and its name.
    fn live_columns(&mut self, relation: &Relation) -> (Vec<(ColumnId, Number)>, Vec<Named>) {
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
        (numbers, columns)
    }

    /// A base table's scan with all its columns, hidden ones and its row key.
    pub(crate) fn table_scan(&mut self, relation: &Arc<Relation>, versions: Versions) -> (Rel, Table) {
        let (mut numbers, columns) = self.live_columns(relation);
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
            schema: Some(relation.schema.clone()),
            hidden,
            base: Some((relation.clone(), key)),
            ..Table::of(relation.name.clone(), columns)
        };
        (Rel::Scan(scan), table)
    }

    fn system_scan(&mut self, relation: &Arc<Relation>) -> (Rel, Table) {
        let (numbers, columns) = self.live_columns(relation);
        // Clients ask the catalog for its own identity: pg_class.tableoid.
        let tableoid = self.arena.column(DataType::Oid);
        let scan =
            Rel::SystemScan { relation: relation.clone(), alias: relation.name.clone(), columns: numbers };
        let oid = Expr::constant(types::Value::Oid(relation.oid), DataType::Oid);
        let rel = scan.project(vec![(tableoid, oid)]);
        let table = Table {
            schema: Some(relation.schema.clone()),
            hidden: vec![(HiddenColumn::TableOid, tableoid)],
            ..Table::of(relation.name.clone(), columns)
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
        let table =
            Table { schema: Some(relation.schema.clone()), ..Table::of(relation.name.clone(), named) };
        Ok((rel, table))
    }
}
