//! What an evaluation may ask of its surroundings.

use crate::expr::SubplanKind;
use types::{Batch, Result, TextSettings, Value, Vector};

/// The surroundings of one evaluation.
pub struct Context<'a> {
    /// `$n`.
    pub parameters: &'a [Value],
    /// Values of enclosing rows: `Expr::Outer`.
    pub slots: &'a [Value],
    pub settings: &'a TextSettings,
    pub runtime: &'a dyn Runtime,
}

/// What only the layers above know.
pub trait Runtime {
    /// A function with [`crate::Implementation::Runtime`], e.g. `nextval`, `current_user`, `pg_table_is_visible`,
    /// `now`, `current_setting`, `ledger.checkpoint` (named without schema, or `ledger.checkpoint`).
    fn call(&self, function: &'static crate::Function, args: &[Value]) -> Result<Value>;
    /// A set-returning function with [`crate::Implementation::Runtime`].
    fn call_set(&self, function: &'static crate::Function, args: &[Value]) -> Result<Vec<Vec<Value>>>;
    /// A subquery of the statement, for each row of a batch: `args[i]` are the rows of its i-th slot, `left` the
    /// evaluated left operands of ANY and ALL. The result has `rows` rows.
    #[allow(clippy::too_many_arguments)]
    fn subplan(
        &self,
        plan: usize,
        kind: &SubplanKind,
        first_slot: usize,
        args: &[Vector],
        left: &[Vector],
        rows: usize,
        slots: &[Value],
    ) -> Result<Vector>;
    /// regclass, regtype, regproc, regnamespace, regrole: OID to name and back. None where there is none.
    fn name_of(&self, data_type: types::DataType, oid: types::Oid) -> Result<Option<String>>;
    fn oid_of(&self, data_type: types::DataType, name: &str) -> Result<Option<types::Oid>>;
    /// 57014 when the statement was cancelled or ran out of time; called often, must be cheap.
    fn check_interrupt(&self) -> Result<()>;
}

/// A runtime for expressions that may ask nothing: constant folding, CHECK, index expressions.
pub struct NoRuntime;

impl Runtime for NoRuntime {
    fn call(&self, function: &'static crate::Function, _args: &[Value]) -> Result<Value> {
        Err(types::Error::unsupported(format!("function {}() in this place", function.name)))
    }
    fn call_set(&self, function: &'static crate::Function, _args: &[Value]) -> Result<Vec<Vec<Value>>> {
        Err(types::Error::unsupported(format!("function {}() in this place", function.name)))
    }
    fn subplan(
        &self,
        _: usize,
        _: &SubplanKind,
        _: usize,
        _: &[Vector],
        _: &[Vector],
        _: usize,
        _: &[Value],
    ) -> Result<Vector> {
        Err(types::Error::unsupported("a subquery in this place"))
    }
    fn name_of(&self, _: types::DataType, _: types::Oid) -> Result<Option<String>> {
        Ok(None)
    }
    fn oid_of(&self, _: types::DataType, _: &str) -> Result<Option<types::Oid>> {
        Ok(None)
    }
    fn check_interrupt(&self) -> Result<()> {
        Ok(())
    }
}

/// An input of rows without columns: what constants are evaluated over.
pub fn one_row() -> Batch {
    Batch { columns: vec![], rows: 1 }
}
