//! One statement: dispatch, and the last steps of every query.

use super::Binder;
use super::query::Bound;
use super::scope::Named;
use crate::optimize;
use crate::parse::Syntax;
use crate::rel::Change;
use crate::stack::{self, Deep};
use crate::statement::{Field, Query, QueryKind, Statement};
use crate::{Environment, Parsed};
use sqlparser::ast::{self, SetExpr, Statement as Sql};
use std::sync::Arc;
use types::ddl::CreateTable;
use types::schema::Relation;
use types::{ColumnType, DataType, Error, Result, err};

/// Binds and plans one statement.
pub fn statement(parsed: &Parsed, environment: &Environment) -> Result<Statement> {
    match &parsed.syntax {
        Syntax::Empty => Ok(Statement::Empty),
        Syntax::Utility(utility) => crate::utility::statement(parsed, utility, environment),
        Syntax::Sql(sql) => stack::with(sql.depth(), || sql_statement(sql, parsed, environment)),
    }
}

fn sql_statement(sql: &Deep<Sql>, parsed: &Parsed, environment: &Environment) -> Result<Statement> {
    let Some(sql) = sql.tree() else { return Err(Error::internal("a statement without syntax")) };
    match sql {
        Sql::Query(query) => {
            if let Some(into) = select_into(query) {
                return create_table_as(query, into, parsed, environment);
            }
            Ok(Statement::Query(Arc::new(self::query(query, parsed, environment)?)))
        }
        Sql::Insert(_) | Sql::Update(_) | Sql::Delete(_) => {
            let binder = Binder::for_statement(environment, parsed)?;
            Ok(Statement::Query(Arc::new(change(binder, sql)?)))
        }
        Sql::Merge(_) => {
            Err(Error::unsupported("MERGE").hint("Use INSERT ... ON CONFLICT, or UPDATE and INSERT."))
        }
        other => {
            let text = other.to_string();
            let words: Vec<&str> = text.split_whitespace().take(2).collect();
            Err(Error::unsupported(words.join(" ")))
        }
    }
}

/// A query, planned.
pub fn query(query: &ast::Query, parsed: &Parsed, environment: &Environment) -> Result<Query> {
    let mut binder = Binder::for_statement(environment, parsed)?;
    if let SetExpr::Insert(sql) | SetExpr::Update(sql) | SetExpr::Delete(sql) = &*query.body {
        // WITH ... INSERT.
        if let Some(with) = &query.with {
            binder.with(with, None)?;
        }
        return change(binder, sql);
    }
    let bound = binder.query(query, None, true)?;
    binder.planned(bound, QueryKind::Select)
}

/// The Insert plan over `Node::CopyInput` that COPY FROM runs; `positions` are into `relation.columns`.
pub fn insert_for_copy(
    relation: &Arc<Relation>,
    positions: &[usize],
    environment: &Environment,
) -> Result<Arc<Query>> {
    let mut binder = Binder::new(environment, None);
    let insert = binder.insert_copied(relation, positions)?;
    Ok(Arc::new(binder.planned_insert(insert)?))
}

fn change(mut binder: Binder<'_>, sql: &Sql) -> Result<Query> {
    match binder.change(sql)? {
        Change::Insert(insert) => stack::with(binder.deepest, || binder.planned_insert(insert)),
        Change::Update(change) => {
            stack::with(binder.deepest, || binder.planned_change(change, QueryKind::Update))
        }
        Change::Delete(change) => {
            stack::with(binder.deepest, || binder.planned_change(change, QueryKind::Delete))
        }
    }
}

/// The target of SELECT ... INTO.
fn select_into(query: &ast::Query) -> Option<&ast::SelectInto> {
    let mut body = &*query.body;
    loop {
        match body {
            SetExpr::Select(select) => return select.into.as_ref(),
            SetExpr::SetOperation { left, .. } => body = left,
            _ => return None,
        }
    }
}

fn create_table_as(
    query: &ast::Query,
    into: &ast::SelectInto,
    parsed: &Parsed,
    environment: &Environment,
) -> Result<Statement> {
    let ast::SelectInto { temporary, unlogged, table: _, targets } = into;
    if *temporary || *unlogged {
        return Err(Error::unsupported("a temporary or unlogged table"));
    }
    let [target] = targets.as_slice() else {
        return Err(err!(SyntaxError, "SELECT ... INTO needs one table"));
    };
    let parts = match target {
        ast::Expr::Identifier(ident) => vec![ident.clone()],
        ast::Expr::CompoundIdentifier(parts) => parts.clone(),
        other => return Err(err!(SyntaxError, "syntax error at or near \"{other}\"")),
    };
    let name =
        super::name(&ast::ObjectName(parts.into_iter().map(ast::ObjectNamePart::Identifier).collect()))?;
    let mut query = query.clone();
    fn without_into(body: &mut SetExpr) {
        match body {
            SetExpr::Select(select) => select.into = None,
            SetExpr::SetOperation { left, .. } => without_into(left),
            _ => {}
        }
    }
    without_into(&mut query.body);
    let query = self::query(&query, parsed, environment)?;
    let fields = crate::ddl::columns_of(&query.fields, &[], "SELECT INTO specifies too many column names")?;
    let columns = fields.into_iter().map(|(name, ty)| crate::ddl::plain_column(name, ty)).collect();
    let table = CreateTable { name, if_not_exists: false, columns, constraints: vec![], append_only: false };
    Ok(Statement::CreateTableAs { table, query: Arc::new(query), with_data: true })
}

impl<'e> Binder<'e> {
    fn for_statement(environment: &'e Environment, parsed: &'e Parsed) -> Result<Binder<'e>> {
        let mut binder = Binder::new(environment, Some(parsed));
        binder.overriding = parsed.overriding;
        binder.target = parsed.target.as_ref();
        if let Some(sql) = &parsed.as_of {
            binder.query_as_of(sql)?;
        }
        Ok(binder)
    }

    /// Every parameter has a type by now, or never will.
    fn parameter_types(&self) -> Result<Vec<DataType>> {
        let decided = |(index, ty): (usize, &Option<DataType>)| {
            ty.ok_or_else(|| {
                err!(IndeterminateDatatype, "could not determine data type of parameter ${}", index + 1)
            })
        };
        self.parameters.iter().enumerate().map(decided).collect()
    }

    fn fields(&self, columns: &[(Named, ColumnType)]) -> Vec<Field> {
        let field = |(named, ty): &(Named, ColumnType)| {
            let (table, column) = named.origin.unwrap_or((0, 0));
            Field { name: named.name.clone(), ty: *ty, table, column }
        };
        columns.iter().map(field).collect()
    }

    /// A data-modifying statement, bound.
    pub(crate) fn change(&mut self, sql: &Sql) -> Result<Change> {
        if self.environment.as_of.is_some() || !matches!(self.versions, crate::node::Versions::Snapshot) {
            return Err(err!(ReadOnlySqlTransaction, "cannot change the past")
                .hint("RESET ledger.as_of, or end the transaction that reads the past."));
        }
        Ok(match sql {
            Sql::Insert(insert) => Change::Insert(self.insert(insert)?),
            Sql::Update(update) => Change::Update(self.update(update)?),
            Sql::Delete(delete) => Change::Delete(self.delete(delete)?),
            _ => return Err(Error::unsupported("MERGE")),
        })
    }

    fn planned(self, bound: Bound, kind: QueryKind) -> Result<Query> {
        stack::with(self.deepest, || self.planned_query(bound, kind))
    }

    fn planned_query(mut self, bound: Bound, kind: QueryKind) -> Result<Query> {
        self.all_taken()?;
        let parameters = self.parameter_types()?;
        let Bound { rel, columns } = bound;
        let typed: Vec<_> =
            columns.iter().map(|named| (named.clone(), self.arena.types[named.number])).collect();
        let fields = self.fields(&typed);
        let outputs: Vec<_> = columns.iter().map(|named| named.number).collect();
        let mut planner = optimize::Planner::new(std::mem::take(&mut self.arena), self.environment);
        let mut rel = rel;
        planner.inline_ctes(&mut rel)?;
        let rel = planner.rewritten(rel)?;
        let plan = planner.lower_ordered(&rel, &outputs)?;
        self.query_of(planner, plan, fields, kind, parameters)
    }

    fn planned_insert(mut self, mut insert: super::insert::Insert) -> Result<Query> {
        self.all_taken()?;
        let parameters = self.parameter_types()?;
        let typed = typed_returning(insert.returning.as_deref());
        let fields = self.fields(&typed);
        let mut planner = optimize::Planner::new(std::mem::take(&mut self.arena), self.environment);
        planner.inline_ctes(&mut insert.input)?;
        let plan = planner.insert(insert)?;
        self.query_of(planner, plan, fields, QueryKind::Insert, parameters)
    }

    fn planned_change(mut self, mut change: super::update::Change, kind: QueryKind) -> Result<Query> {
        self.all_taken()?;
        let parameters = self.parameter_types()?;
        let typed = typed_returning(change.returning.as_deref());
        let fields = self.fields(&typed);
        let mut planner = optimize::Planner::new(std::mem::take(&mut self.arena), self.environment);
        planner.inline_ctes(&mut change.input)?;
        let plan = match kind {
            QueryKind::Update => planner.update(change)?,
            _ => planner.delete(change)?,
        };
        self.query_of(planner, plan, fields, kind, parameters)
    }

    /// No aggregate is left whose query could not take it.
    fn all_taken(&self) -> Result<()> {
        match self.lifted.is_empty() {
            true => Ok(()),
            false => Err(err!(GroupingError, "aggregate functions are not allowed here")),
        }
    }

    fn query_of(
        self,
        mut planner: optimize::Planner<'_>,
        plan: crate::Plan,
        fields: Vec<Field>,
        kind: QueryKind,
        parameters: Vec<DataType>,
    ) -> Result<Query> {
        planner.finish_ctes()?;
        let optimize::Made { subplans, ctes, slots } = planner.made();
        Ok(Query {
            depth: self.deepest,
            plan,
            subplans,
            ctes,
            slots,
            fields,
            kind,
            parameters,
            privileges: self.needs,
            locks: self.locks.into_iter().collect(),
            references: self.references.into_iter().collect(),
            volatile: self.volatile,
            moments: self.moments,
        })
    }
}

fn typed_returning(returning: Option<&[(Named, expr::Expr)]>) -> Vec<(Named, ColumnType)> {
    returning.into_iter().flatten().map(|(named, expr)| (named.clone(), expr.ty())).collect()
}
