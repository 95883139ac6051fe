//! What a function is, and how one is found by name and argument types.

use crate::context::Context;
use crate::expr::Expr;
use crate::functions;
use crate::resolution::{Candidate, Selected, select, type_list};
use std::fmt;
use types::{ColumnType, DataType, Oid, Result, Value, Vector};

/// `pg_proc.provolatile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

/// A polymorphic or a concrete argument type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    Is(DataType),
    /// anyelement: all such arguments agree.
    AnyElement,
    /// anyarray: the array of anyelement.
    AnyArray,
    /// anynonarray: anyelement, but not an array.
    AnyNonArray,
    /// anycompatible: all such arguments are cast to their common type.
    AnyCompatible,
    /// anycompatiblearray: the array of anycompatible.
    AnyCompatibleArray,
    /// "any": whatever comes.
    Any,
}

/// How a function computes.
pub enum Implementation {
    /// A row at a time; strictness has been taken care of.
    Row(fn(&Context<'_>, &[Value]) -> Result<Value>),
    /// A column at a time. An argument has as many rows as asked for, or one row that stands for all of them (a
    /// constant). The result has as many as asked for. NULLs are the function's business (a strict function's result
    /// is NULL wherever an argument is: the evaluator merges the null masks afterwards, and a function whose loop
    /// could fail on a null row's placeholder must skip it).
    Columns(fn(&Context<'_>, &[&Vector], usize) -> Result<Vector>),
    /// Asked of the [`crate::Runtime`] by this name: sequences, catalog and session functions, the ledger's.
    Runtime,
    /// Returns rows: used in FROM, or expanded in a select list. Row by row for now.
    Set(SetFunction),
}

/// The rows of one call.
pub type SetFunction = fn(&Context<'_>, &[Value]) -> Result<Vec<Vec<Value>>>;

/// A function or an operator's implementation. Static: compared by address.
pub struct Function {
    /// `ledger.` and `information_schema.` are part of the name; pg_catalog is not.
    pub name: &'static str,
    /// `pg_proc.oid` of PostgreSQL 15. Our own count from 9000. 0 is a form that has no row of its own in `pg_proc`:
    /// one with fewer arguments because of defaults, or `current_date` and its kin.
    pub oid: Oid,
    pub args: &'static [Argument],
    /// The last argument may repeat (VARIADIC).
    pub variadic: bool,
    /// For a set: the type of one row's only column, or record.
    pub returns: Argument,
    /// Columns of a set-returning function that returns records: name and type. Empty otherwise.
    pub columns: &'static [(&'static str, DataType)],
    pub set: bool,
    pub strict: bool,
    pub volatility: Volatility,
    pub implementation: Implementation,
}

impl Function {
    /// Immutable and strict, as most are; the methods below say otherwise.
    pub(crate) const fn new(
        oid: Oid,
        name: &'static str,
        args: &'static [Argument],
        returns: Argument,
        columns: &'static [(&'static str, DataType)],
        implementation: Implementation,
    ) -> Function {
        let set = matches!(implementation, Implementation::Set(_)) || !columns.is_empty();
        let volatility = Volatility::Immutable;
        Function {
            name,
            oid,
            args,
            variadic: false,
            returns,
            columns,
            set,
            strict: true,
            volatility,
            implementation,
        }
    }
    pub(crate) const fn stable(mut self) -> Function {
        self.volatility = Volatility::Stable;
        self
    }
    pub(crate) const fn volatile(mut self) -> Function {
        self.volatility = Volatility::Volatile;
        self
    }
    pub(crate) const fn called_on_null(mut self) -> Function {
        self.strict = false;
        self
    }
    pub(crate) const fn variadic(mut self) -> Function {
        self.variadic = true;
        self
    }
    /// For sets of one column that the runtime makes.
    pub(crate) const fn set(mut self) -> Function {
        self.set = true;
        self
    }

    pub fn returns_set(&self) -> bool {
        self.set
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        std::ptr::eq(self, other)
    }
}

/// A function chosen for some argument types: the casts to apply to each argument, and the result's type.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub function: &'static Function,
    /// One per argument given.
    pub arguments: Vec<DataType>,
    pub returns: DataType,
}

/// PostgreSQL 15, 10.3 "Functions", with unknown literals as [`DataType::Unknown`]. Err is 42883 or 42725 with
/// PostgreSQL's message and hint. `schema` is `pg_catalog`, `ledger`, `information_schema` or None.
pub fn resolve(schema: Option<&str>, name: &str, args: &[DataType]) -> Result<Resolved> {
    resolve_among(schema, name, args, Candidate::new)
}

/// [`resolve`] for a call with VARIADIC before its last argument, an array.
pub fn resolve_variadic(schema: Option<&str>, name: &str, args: &[DataType]) -> Result<Resolved> {
    resolve_among(schema, name, args, |function, count| {
        let takes_array = function.variadic && function.args.last() != Some(&Argument::Any);
        Candidate::plain(function, count).filter(|_| takes_array)
    })
}

fn resolve_among(
    schema: Option<&str>,
    name: &str,
    args: &[DataType],
    candidate: impl Fn(&'static Function, usize) -> Option<Candidate<&'static Function>>,
) -> Result<Resolved> {
    let candidates: Vec<Candidate<&'static Function>> =
        named(schema, name).iter().filter_map(|&function| candidate(function, args.len())).collect();
    let shown = || match schema {
        Some(schema) => format!("{schema}.{name}({})", type_list(args)),
        None => format!("{name}({})", type_list(args)),
    };
    match select(&candidates, args) {
        Selected::One(candidate) => candidate.resolved(args),
        Selected::None => Err(types::err!(UndefinedFunction, "function {} does not exist", shown()).hint(
            "No function matches the given name and argument types. You might need to add explicit type casts.",
        )),
        Selected::Many => Err(types::err!(AmbiguousFunction, "function {} is not unique", shown())
            .hint("Could not choose a best candidate function. You might need to add explicit type casts.")),
    }
}

fn named(schema: Option<&str>, name: &str) -> &'static [&'static Function] {
    match schema {
        None | Some("pg_catalog") => functions::named(name),
        Some(schema) => functions::named(&format!("{schema}.{name}")),
    }
}

/// Whether some function has this name, whatever its arguments.
pub fn exists(schema: Option<&str>, name: &str) -> bool {
    !named(schema, name).is_empty()
}

/// Every function, operators' included.
pub fn all() -> impl Iterator<Item = &'static Function> {
    functions::all()
}

/// The function with this `pg_proc.oid`.
pub fn by_oid(oid: Oid) -> Option<&'static Function> {
    functions::by_oid(oid)
}

/// Turns stored SQL text into a bound expression over a relation's columns (`Column.index` = position among
/// `relation.columns`, dropped ones included). The planner implements it; the catalog is given one.
pub trait Binder: Send + Sync {
    fn bind(&self, sql: &str, relation: &types::schema::Relation, ty: Option<ColumnType>) -> Result<Expr>;
}
