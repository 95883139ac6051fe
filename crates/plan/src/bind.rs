//! Names to positions, types to coercions: sqlparser syntax to [`crate::Statement`].

use crate::{Environment, Parsed, Statement};
use types::Result;

pub fn statement(_parsed: &Parsed, _environment: &Environment) -> Result<Statement> {
    todo!()
}

/// An expression without columns: EXECUTE's arguments.
pub fn constant(_text: &str, _environment: &Environment) -> Result<expr::Expr> {
    todo!()
}

/// The Insert plan over `Node::CopyInput` that COPY FROM runs; `positions` are into `relation.columns`.
pub fn insert_for_copy(
    _relation: &std::sync::Arc<types::schema::Relation>,
    _positions: &[usize],
    _environment: &Environment,
) -> Result<std::sync::Arc<crate::Query>> {
    todo!()
}

/// Binds stored SQL text (CHECK, DEFAULT, index expressions and predicates).
pub struct ExpressionBinder {
    _private: (),
}

impl ExpressionBinder {
    pub fn new(_environment: &Environment) -> ExpressionBinder {
        ExpressionBinder { _private: () }
    }
}

impl expr::Binder for ExpressionBinder {
    fn bind(
        &self,
        _sql: &str,
        _relation: &types::schema::Relation,
        _ty: Option<types::ColumnType>,
    ) -> Result<expr::Expr> {
        todo!()
    }
}
