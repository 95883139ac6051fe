//! Stored SQL text: CHECK, DEFAULT, index expressions and predicates, EXECUTE's arguments.

use super::scope::{Named, Table};
use super::{Binder, Clause, Place, Scope};
use crate::Environment;
use crate::rel::{Number, substitute};
use expr::Expr;
use std::sync::Arc;
use types::cast::Context;
use types::schema::{Moment, Relation, Schema};
use types::{ColumnType, DataType, Error, Oid, Result, bail, err};

/// Binds stored SQL text over a relation's columns: `Expr::Column` is a position in `relation.columns`.
///
/// It knows no schema: a name in a literal ('t_a_seq'::regclass) stays a cast, looked up when it is evaluated.
pub struct ExpressionBinder {
    settings: types::TextSettings,
}

impl ExpressionBinder {
    pub fn new(environment: &Environment) -> ExpressionBinder {
        ExpressionBinder { settings: environment.settings.clone() }
    }
}

impl Default for ExpressionBinder {
    /// With PostgreSQL's default settings: what stored text means, whoever reads it.
    fn default() -> ExpressionBinder {
        ExpressionBinder { settings: types::TextSettings::default() }
    }
}

impl expr::Binder for ExpressionBinder {
    fn bind(&self, sql: &str, relation: &Relation, ty: Option<ColumnType>) -> Result<Expr> {
        let environment = Environment {
            schema: Arc::new(Nameless),
            parameters: vec![],
            values: vec![],
            settings: self.settings.clone(),
            as_of: None,
            current_user: String::new(),
            database: String::new(),
        };
        let mut binder = Binder::new(&environment, None);
        binder.nameless = true;
        let numbers: Vec<Number> =
            relation.columns.iter().map(|column| binder.arena.column(column.ty)).collect();
        let bound = binder.stored(sql, relation, &numbers, Clause::Check)?;
        let mut bound = match ty {
            None => binder.decided(bound, &sqlparser::tokenizer::Location::empty())?,
            Some(ty) if ty.data_type == DataType::Bool => {
                binder.condition(bound, "CHECK", &sqlparser::tokenizer::Location::empty())?
            }
            Some(ty) => binder.default_as(bound, ty)?,
        };
        if binder.parameters.iter().any(Option::is_some)
            || crate::rel::any(&bound, &|e| matches!(e, Expr::Parameter { .. }))
        {
            bail!(UndefinedParameter, "there is no parameter $1");
        }
        if crate::rel::any(&bound, &|expr| matches!(expr, Expr::Subplan { .. })) {
            return Err(Error::unsupported("a subquery in a stored expression"));
        }
        // The relation's columns were numbered first, in order: numbers are positions.
        let mut outside = false;
        substitute(&mut bound, &mut |number| {
            outside |= number >= numbers.len();
            None
        });
        if outside {
            return Err(Error::internal("a stored expression names a column that is not its table's"));
        }
        Ok(crate::optimize::fold(bound, &self.settings))
    }
}

/// An expression without columns: EXECUTE's arguments.
pub fn constant(text: &str, environment: &Environment) -> Result<Expr> {
    let sql = crate::parse::parse_expression(text)?;
    let mut binder = Binder::new(environment, None);
    let bound = binder.constant_expr(&sql, Clause::Execute)?;
    if crate::rel::any(&bound, &|expr| matches!(expr, Expr::Subplan { .. })) {
        bail!(FeatureNotSupported, "cannot use subquery in EXECUTE parameter");
    }
    Ok(crate::optimize::fold(bound, &environment.settings))
}

/// A type by its name, as `'integer'::regtype` reads it.
pub(crate) fn type_named(text: &str) -> Result<ColumnType> {
    let undefined = || err!(UndefinedObject, "type \"{text}\" does not exist");
    let sql = crate::parse::parse_expression(&format!("NULL::{text}")).map_err(|_| undefined())?;
    match sql {
        sqlparser::ast::Expr::Cast { data_type, .. } => super::data_type(&data_type),
        _ => Err(undefined()),
    }
}

impl Binder<'_> {
    /// Stored text over a relation's columns, which have these numbers.
    pub(crate) fn stored(
        &mut self,
        text: &str,
        relation: &Relation,
        numbers: &[Number],
        clause: Clause,
    ) -> Result<Expr> {
        let sql = crate::parse::parse_expression(text)?;
        let columns: Vec<Named> = relation
            .columns
            .iter()
            .zip(numbers)
            .filter(|(column, _)| !column.dropped)
            .map(|(column, number)| Named { name: column.name.clone(), number: *number, origin: None })
            .collect();
        let table = Table::of(relation.name.clone(), columns);
        let scope = Scope::of_table(None, table);
        let source = std::mem::replace(&mut self.source, super::position::Source::new(None));
        let bound = self.expr(&sql, &mut Place::new(&scope, clause));
        self.source = source;
        bound
    }

    pub(crate) fn stored_check(
        &mut self,
        text: &str,
        relation: &Relation,
        numbers: &[Number],
    ) -> Result<Expr> {
        let bound = self.stored(text, relation, numbers, Clause::Check)?;
        self.condition(bound, "CHECK", &sqlparser::tokenizer::Location::empty())
    }

    pub(crate) fn stored_default(&mut self, text: &str, ty: ColumnType) -> Result<Expr> {
        let sql = crate::parse::parse_expression(text)?;
        let source = std::mem::replace(&mut self.source, super::position::Source::new(None));
        let bound = self.constant_expr(&sql, Clause::Default);
        self.source = source;
        self.default_as(bound?, ty)
    }

    fn default_as(&mut self, bound: Expr, ty: ColumnType) -> Result<Expr> {
        let from = bound.data_type();
        match self.try_coerce(bound, ty, Context::Assignment)? {
            Some(expr) => Ok(expr),
            None => Err(err!(DatatypeMismatch, "default expression is of type {from}, not {}", ty.data_type)
                .hint("You will need to rewrite or cast the expression.")),
        }
    }
}

/// A schema without names.
struct Nameless;

impl Schema for Nameless {
    fn relation(&self, _: Option<&str>, _: &str) -> Result<Option<Arc<Relation>>> {
        Err(Error::unsupported("a table in a stored expression"))
    }
    fn relation_by_oid(&self, _: Oid) -> Result<Option<Arc<Relation>>> {
        Ok(None)
    }
    fn namespace(&self, _: &str) -> Result<Option<Oid>> {
        Ok(None)
    }
    fn search_path(&self) -> Vec<String> {
        vec![]
    }
    fn at(&self, _: Moment) -> Result<Arc<dyn Schema>> {
        Err(Error::unsupported("the past in a stored expression"))
    }
    fn estimated_rows(&self, _: &Relation) -> f64 {
        0.0
    }
    fn version(&self) -> u64 {
        0
    }
}
