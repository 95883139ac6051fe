//! Operators: a symbol and operand types give a [`Function`] (PostgreSQL 15, 10.2 "Operators").

use crate::function::{Function, Resolved};
use types::{DataType, Result};

/// `left` is None for a prefix operator. Err is 42883 ("operator does not exist: text = integer", with the hint) or
/// 42725. Unknown literals take the other operand's type where PostgreSQL does so.
pub fn resolve(_symbol: &str, _left: Option<DataType>, _right: DataType) -> Result<Resolved> {
    todo!()
}

/// `=` of a type with itself: what IN, DISTINCT, GROUP BY, joins USING and NULLIF use. Err: 42883 for a type without
/// equality (json).
pub fn equality(_data_type: DataType) -> Result<&'static Function> {
    todo!()
}

/// The symbol of a comparison's function if it is one of `= < <= > >= <>`: lets the optimiser recognise predicates.
pub fn comparison_symbol(_function: &'static Function) -> Option<&'static str> {
    todo!()
}
