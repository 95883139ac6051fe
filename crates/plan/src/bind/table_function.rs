//! Functions in FROM: set-returning, scalar, unnest, and the ledger's, whose columns depend on a table.

use super::coerce::split_name;
use super::from::Item;
use super::function::Call;
use super::operator::element_of;
use super::scope::{Named, Table};
use super::{Binder, Clause, Place, Scope, names};
use crate::node::LedgerScanKind;
use crate::rel::Rel;
use crate::statement::TableLock;
use expr::Expr;
use sqlparser::ast::{self, Expr as Sql};
use std::sync::Arc;
use types::cast::Context;
use types::ddl::Privilege;
use types::schema::{Relation, RelationKind};
use types::{ColumnType, DataType, Error, Result, SqlState, Value, bail, err};

impl Binder<'_> {
    pub(crate) fn table_function(
        &mut self,
        name: &ast::ObjectName,
        args: &[ast::FunctionArg],
        ordinality: bool,
        alias: Option<&ast::TableAlias>,
        left: &Scope<'_>,
    ) -> Result<Item> {
        let (schema, folded) = names::object_name(name).map_err(|error| self.at(error, name))?;
        if folded == "__rows_from" && schema.is_none() {
            return self.rows_from(args, ordinality, alias, left, name);
        }
        let mut syntax = vec![];
        let placed = self.placed(schema.as_deref(), &folded, args, name)?;
        if let Some(placed) = &placed {
            syntax.extend(&placed.args);
        }
        for arg in args.iter().filter(|_| placed.is_none()) {
            match arg {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(sql)) => syntax.push(sql),
                _ => {
                    return Err(self.at(err!(SyntaxError, "syntax error in the call of {folded}"), name));
                }
            }
        }
        if schema.as_deref() == Some("ledger") {
            let kind = match folded.as_str() {
                "history" => Some(LedgerScanKind::History),
                "diff" => Some(LedgerScanKind::Diff),
                "changes" => Some(LedgerScanKind::Changes),
                _ => None,
            };
            if let Some(kind) = kind {
                if ordinality {
                    return Err(self.at(Error::unsupported("WITH ORDINALITY on this function"), name));
                }
                return self.ledger_function(kind, &syntax, alias, left, name);
            }
        }
        if folded == "unnest"
            && schema.as_deref().is_none_or(|schema| schema == "pg_catalog")
            && syntax.len() > 1
        {
            let args: Vec<Sql> = syntax.into_iter().cloned().collect();
            return self.unnest(&args, ordinality, alias, left);
        }
        let at = Sql::Identifier(match name.0.first() {
            Some(ast::ObjectNamePart::Identifier(ident)) => ident.clone(),
            _ => ast::Ident::new(folded.clone()),
        });
        let mut place = Place::new(left, Clause::FromFunction);
        let call = Call {
            schema: schema.clone(),
            name: folded.clone(),
            syntax,
            star: false,
            distinct: false,
            order_by: &[],
            within_group: &[],
            filter: None,
            at: &at,
        };
        if schema.is_none() && expr::aggregate::exists(&folded) && !expr::function::exists(None, &folded) {
            return Err(self
                .at(err!(GroupingError, "aggregate functions are not allowed in functions in FROM"), name));
        }
        let bound = self.arguments(&call, &mut place)?;
        let expr = self.call_resolved(schema.as_deref(), &folded, bound, &at)?;
        let mut columns: Vec<(String, ColumnType)> = match &expr {
            Expr::Call { function, .. } if !function.columns.is_empty() => {
                function.columns.iter().map(|(name, ty)| (name.to_string(), ColumnType::from(*ty))).collect()
            }
            other => vec![(folded.clone(), other.ty())],
        };
        if let (
            [(name, _)],
            "json_array_elements"
            | "jsonb_array_elements"
            | "json_array_elements_text"
            | "jsonb_array_elements_text",
        ) = (columns.as_mut_slice(), folded.as_str())
        {
            // Its result has a name of its own.
            *name = "value".into();
        }
        let scalar = columns.len() == 1
            && !matches!(&expr, Expr::Call { function, .. } if !function.columns.is_empty());
        self.function_scan(vec![expr], columns, folded, scalar, ordinality, alias)
    }

    /// `ROWS FROM (f(), g())`: side by side, padded with NULL.
    fn rows_from(
        &mut self,
        args: &[ast::FunctionArg],
        ordinality: bool,
        alias: Option<&ast::TableAlias>,
        left: &Scope<'_>,
        at: &ast::ObjectName,
    ) -> Result<Item> {
        let (mut calls, mut columns) = (vec![], vec![]);
        for arg in args {
            let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(sql @ Sql::Function(function))) = arg
            else {
                return Err(self.at(err!(SyntaxError, "ROWS FROM takes calls of functions"), at));
            };
            let expr = self.expr(sql, &mut Place::new(left, Clause::FromFunction))?;
            let (_, name) = names::object_name(&function.name)?;
            match &expr {
                Expr::Call { function, .. } if !function.columns.is_empty() => columns.extend(
                    function.columns.iter().map(|(name, ty)| (name.to_string(), ColumnType::from(*ty))),
                ),
                other => columns.push((name, other.ty())),
            }
            calls.push(expr);
        }
        let name = columns.first().map_or_else(String::new, |(name, _)| name.clone());
        let scalar = columns.len() == 1;
        self.function_scan(calls, columns, name, scalar, ordinality, alias)
    }

    /// `unnest(a, b)`: side by side, padded with NULL.
    pub(crate) fn unnest(
        &mut self,
        arrays: &[Sql],
        ordinality: bool,
        alias: Option<&ast::TableAlias>,
        left: &Scope<'_>,
    ) -> Result<Item> {
        let mut calls = vec![];
        let mut columns = vec![];
        for array in arrays {
            let bound = self.expr(array, &mut Place::new(left, Clause::FromFunction))?;
            let element = element_of(bound.data_type());
            let call = self.call_with("unnest", vec![bound], array)?;
            let ty = element.map_or(call.ty(), ColumnType::from);
            calls.push(call);
            columns.push(("unnest".to_owned(), ty));
        }
        let scalar = columns.len() == 1;
        self.function_scan(calls, columns, "unnest".into(), scalar, ordinality, alias)
    }

    fn function_scan(
        &mut self,
        calls: Vec<Expr>,
        columns: Vec<(String, ColumnType)>,
        name: String,
        scalar: bool,
        ordinality: bool,
        alias: Option<&ast::TableAlias>,
    ) -> Result<Item> {
        let mut named: Vec<Named> = columns
            .into_iter()
            .map(|(name, ty)| Named { name, number: self.arena.column(ty), origin: None })
            .collect();
        // The only column of a function takes the table's alias as its name.
        if let (true, Some(alias), [only]) = (scalar, alias, named.as_mut_slice())
            && only.name == name
        {
            only.name = names::fold(&alias.name);
        }
        if ordinality {
            let number = self.arena.column(DataType::Int8);
            named.push(Named { name: "ordinality".into(), number, origin: None });
        }
        let rel = Rel::FunctionScan {
            calls,
            ordinality,
            columns: named.iter().map(|named| named.number).collect(),
        };
        let scalar = scalar && !ordinality;
        let table = Table { scalar, ..Table::of(name, named) };
        if let Some(alias) = alias
            && alias.columns.iter().any(|column| column.data_type.is_some())
        {
            let error =
                Error::unsupported("a column definition list").hint("Name the columns without types.");
            return Err(self.at(error, &alias.name));
        }
        self.aliased(rel, table, alias)
    }

    /// The table that a ledger function is about: of now, else the newest one of that name that was dropped.
    fn ledger_table(&mut self, named: Expr, sql: &Sql) -> Result<Arc<Relation>> {
        let text = match &named {
            Expr::Constant { value: Value::Text(text), .. } => Some(text.clone()),
            _ => None,
        };
        let table = match (self.coerce(named, DataType::Regclass, Context::Implicit, sql), text) {
            (Ok(table), _) => table,
            (Err(error), Some(text)) if error.state == SqlState::UndefinedTable => {
                let parts = split_name(text.trim())?;
                let dropped = match parts.as_slice() {
                    [name] => self.schema.dropped(None, name)?,
                    [schema, name] => self.schema.dropped(Some(schema), name)?,
                    _ => None,
                };
                return dropped.ok_or(error);
            }
            (Err(error), _) => return Err(error),
        };
        let Expr::Constant { value: Value::Oid(oid), .. } = table else {
            let error =
                Error::unsupported("a table that is not a literal").hint("Write ledger.history('table').");
            return Err(self.at(error, sql));
        };
        self.schema
            .relation_by_oid(oid)?
            .ok_or_else(|| self.at(err!(UndefinedTable, "relation with OID {oid} does not exist"), sql))
    }

    /// `ledger.history('t', key...)`, `ledger.diff('t', a, b)`, `ledger.changes(a, b)`.
    fn ledger_function(
        &mut self,
        kind: LedgerScanKind,
        syntax: &[&Sql],
        alias: Option<&ast::TableAlias>,
        left: &Scope<'_>,
        at: &ast::ObjectName,
    ) -> Result<Item> {
        let mut bound = vec![];
        for sql in syntax {
            bound.push(self.expr(sql, &mut Place::new(left, Clause::FromFunction))?);
        }
        let mut rest = syntax.to_vec();
        let relation = match kind {
            LedgerScanKind::Changes => None,
            LedgerScanKind::History | LedgerScanKind::Diff => {
                if bound.is_empty() {
                    return Err(self.at(err!(UndefinedFunction, "function {at}() does not exist"), at));
                }
                let sql = rest.remove(0);
                let relation = self.ledger_table(bound.remove(0), sql)?;
                if relation.kind != RelationKind::Table {
                    return Err(self.at(err!(WrongObjectType, "\"{}\" is not a table", relation.name), sql));
                }
                self.need(&relation, Privilege::Select, TableLock::AccessShare);
                Some(relation)
            }
        };
        let wanted: Vec<ColumnType> = match (kind, &relation) {
            (LedgerScanKind::History, Some(relation)) => {
                let ids = relation.primary_key.iter();
                let mut types: Vec<ColumnType> = ids
                    .filter_map(|id| relation.column(*id))
                    .map(|column| column.ty.data_type.into())
                    .collect();
                if types.is_empty() {
                    types.push(DataType::Int8.into());
                }
                if bound.len() > types.len() {
                    let error = err!(
                        InvalidParameterValue,
                        "the primary key of \"{}\" has {} columns, not {}",
                        relation.name,
                        types.len(),
                        bound.len()
                    );
                    return Err(self.at(error, at));
                }
                types.truncate(bound.len());
                types
            }
            _ => vec![DataType::Int8.into(); 2],
        };
        if bound.len() != wanted.len() {
            bail!(UndefinedFunction, "function {at} takes two transaction numbers");
        }
        let mut args = vec![];
        for ((arg, ty), sql) in bound.into_iter().zip(wanted).zip(rest) {
            args.push(self.coerce(arg, ty, Context::Implicit, sql)?);
        }
        let columns: Vec<Named> = kind
            .columns(relation.as_deref())
            .into_iter()
            .map(|(name, ty)| Named { name, number: self.arena.column(ty), origin: None })
            .collect();
        let rel = Rel::LedgerScan {
            kind,
            relation,
            args,
            columns: columns.iter().map(|named| named.number).collect(),
        };
        let name = match kind {
            LedgerScanKind::History => "history",
            LedgerScanKind::Diff => "diff",
            LedgerScanKind::Changes => "changes",
        };
        self.volatile = true;
        let table = Table::of(name, columns);
        self.aliased(rel, table, alias)
    }
}
