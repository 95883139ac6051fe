//! Operators: a symbol and operand types give a [`Function`] (PostgreSQL 15, 10.2 "Operators").

use crate::function::{self, Function, Resolved};
use crate::operator_table::OPERATORS;
use crate::resolution::{Candidate, Selected, select};
use std::collections::HashMap;
use std::sync::LazyLock;
use types::{DataType, Oid, Result};

/// A row of `pg_operator`. A prefix operator's function has one argument, an infix operator's two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operator {
    pub oid: Oid,
    pub symbol: &'static str,
    pub function: &'static Function,
}

/// `left` is None for a prefix operator. Err is 42883 ("operator does not exist: text = integer", with the hint) or
/// 42725. Unknown literals take the other operand's type where PostgreSQL does so.
pub fn resolve(symbol: &str, left: Option<DataType>, right: DataType) -> Result<Resolved> {
    // The lexer's spelling of <>.
    let symbol = if symbol == "!=" { "<>" } else { symbol };
    let given: Vec<DataType> = left.into_iter().chain([right]).collect();
    let candidates: Vec<Candidate<&'static Function>> = BY_SYMBOL
        .get(symbol)
        .into_iter()
        .flatten()
        .filter_map(|operator| Candidate::plain(operator.function, given.len()))
        .collect();

    // An unknown operand is first supposed to be of the other's type.
    if let [left, right] = *given.as_slice()
        && (left == DataType::Unknown) != (right == DataType::Unknown)
    {
        let known = if left == DataType::Unknown { right } else { left };
        let alike = crate::function::Argument::Is(known);
        if let Some(candidate) =
            candidates.iter().find(|candidate| candidate.args.iter().all(|arg| *arg == alike))
        {
            return candidate.resolved(&given);
        }
    }
    let shown = || match left {
        Some(left) => format!("{left} {symbol} {right}"),
        None => format!("{symbol} {right}"),
    };
    match select(&candidates, &given) {
        Selected::One(candidate) => candidate.resolved(&given),
        Selected::None => {
            Err(types::err!(UndefinedFunction, "operator does not exist: {}", shown()).hint(if left.is_some() {
                "No operator matches the given name and argument types. You might need to add explicit type casts."
            } else {
                "No operator matches the given name and argument type. You might need to add an explicit type cast."
            }))
        }
        Selected::Many => Err(types::err!(AmbiguousFunction, "operator is not unique: {}", shown())
            .hint("Could not choose a best candidate operator. You might need to add explicit type casts.")),
    }
}

/// `=` of a type with itself: what IN, DISTINCT, GROUP BY, joins USING and NULLIF use. Err: 42883 for a type without
/// equality (json).
pub fn equality(data_type: DataType) -> Result<&'static Function> {
    comparison("=", data_type).ok_or_else(|| {
        types::err!(UndefinedFunction, "could not identify an equality operator for type {data_type}")
    })
}

/// `<` of a type with itself: what ORDER BY uses. Err: 42883 for a type without an order.
pub fn ordering(data_type: DataType) -> Result<&'static Function> {
    comparison("<", data_type).ok_or_else(|| {
        types::err!(UndefinedFunction, "could not identify an ordering operator for type {data_type}")
            .hint("Use an explicit ordering operator or modify the query.")
    })
}

/// The symbol of a comparison's function if it is one of `= < <= > >= <>`: lets the optimiser recognise predicates.
pub fn comparison_symbol(function: &'static Function) -> Option<&'static str> {
    symbol(function).filter(|symbol| matches!(*symbol, "=" | "<" | "<=" | ">" | ">=" | "<>"))
}

/// The operator that a function stands behind, if any: what EXPLAIN and stored expressions print.
pub fn symbol(function: &'static Function) -> Option<&'static str> {
    BY_FUNCTION.get(&function.oid).copied()
}

/// Every operator.
pub fn all() -> impl Iterator<Item = Operator> {
    OPERATORS.iter().filter_map(|&(oid, symbol, function)| {
        function::by_oid(function).map(|function| Operator { oid, symbol, function })
    })
}

static BY_SYMBOL: LazyLock<HashMap<&'static str, Vec<Operator>>> = LazyLock::new(|| {
    let mut index: HashMap<_, Vec<_>> = HashMap::new();
    all().for_each(|operator| index.entry(operator.symbol).or_default().push(operator));
    index
});

static BY_FUNCTION: LazyLock<HashMap<Oid, &'static str>> = LazyLock::new(|| {
    // Of two symbols with one function (`||` and none other today) the first is the usual one.
    let mut index = HashMap::new();
    all().for_each(|operator| {
        index.entry(operator.function.oid).or_insert(operator.symbol);
    });
    index
});

fn comparison(symbol: &str, data_type: DataType) -> Option<&'static Function> {
    let data_type = if data_type == DataType::Unknown { DataType::Text } else { data_type };
    resolve(symbol, Some(data_type), data_type).ok().map(|resolved| resolved.function)
}
