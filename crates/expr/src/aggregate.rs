//! Aggregates: accumulators over groups, a batch at a time.

use crate::aggregates::AGGREGATES;
use crate::context::Context;
use crate::expr::{Expr, SortKey};
use crate::function::Argument;
use crate::resolution::{Candidate, Selected, select, type_list};
use std::fmt;
use types::{ColumnType, DataType, Result, Vector};

/// An aggregate function of the catalog. Static.
pub struct Aggregate {
    pub name: &'static str,
    pub oid: types::Oid,
    pub args: &'static [Argument],
    pub returns: Argument,
    /// A new accumulator for these argument types (after coercion).
    pub accumulator: fn(args: &[DataType], returns: DataType) -> Box<dyn Accumulator>,
    /// `percentile_cont(0.5) WITHIN GROUP (ORDER BY x)`: a call's arguments are the direct ones and then the ordered
    /// one, `order_by` sorts by the latter, and rows must come in that order.
    pub ordered_set: bool,
}

impl fmt::Debug for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
impl PartialEq for Aggregate {
    fn eq(&self, other: &Aggregate) -> bool {
        std::ptr::eq(self, other)
    }
}

/// The states of one aggregate over all groups of a query.
pub trait Accumulator: Send {
    /// Row i of `args` belongs to group `groups[i]`; `group_count` is larger than every group so far.
    /// NULLs are the accumulator's business.
    fn update(
        &mut self,
        groups: &[usize],
        group_count: usize,
        args: &[Vector],
        context: &Context<'_>,
    ) -> Result<()>;
    /// The result of groups `0..group_count`. May be called again after more updates (window frames that grow).
    fn finish(&mut self, group_count: usize, context: &Context<'_>) -> Result<Vector>;
}

/// A call in a query: `sum(DISTINCT x ORDER BY y) FILTER (WHERE z)`. `count(*)` has no arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateCall {
    pub aggregate: &'static Aggregate,
    pub args: Vec<Expr>,
    pub distinct: bool,
    pub order_by: Vec<SortKey>,
    pub filter: Option<Expr>,
    pub ty: ColumnType,
}

/// An aggregate chosen for some argument types.
#[derive(Debug, Clone)]
pub struct ResolvedAggregate {
    pub aggregate: &'static Aggregate,
    pub arguments: Vec<DataType>,
    pub returns: DataType,
}

/// None if no aggregate has this name; Err (42883, 42725) if one does but not for these types. `star` = `count(*)`.
/// For an ordered-set aggregate `args` are the direct arguments and then the ordered one.
pub fn resolve(name: &str, args: &[DataType], star: bool) -> Option<Result<ResolvedAggregate>> {
    let named: Vec<&'static Aggregate> =
        AGGREGATES.iter().filter(|aggregate| aggregate.name == name).collect();
    if named.is_empty() {
        return None;
    }
    Some(choose(&named, name, args, star))
}

/// Whether there is an aggregate of this name.
pub fn exists(name: &str) -> bool {
    AGGREGATES.iter().any(|aggregate| aggregate.name == name)
}

/// Every aggregate.
pub fn all() -> impl Iterator<Item = &'static Aggregate> {
    AGGREGATES.iter()
}

fn choose(
    named: &[&'static Aggregate],
    name: &str,
    args: &[DataType],
    star: bool,
) -> Result<ResolvedAggregate> {
    let shown = || format!("{name}({})", if star { "*".to_owned() } else { type_list(args) });
    if args.is_empty() && !star && named.iter().any(|aggregate| aggregate.args.is_empty()) {
        types::bail!(WrongObjectType, "{name}(*) must be used to call a parameterless aggregate function");
    }
    let candidates: Vec<Candidate<&'static Aggregate>> =
        named.iter().filter_map(|&aggregate| Candidate::plain(aggregate, args.len())).collect();
    match select(&candidates, args) {
        Selected::One(candidate) => {
            let (arguments, returns) = candidate.types(args)?;
            Ok(ResolvedAggregate { aggregate: candidate.target, arguments, returns })
        }
        Selected::None => Err(types::err!(UndefinedFunction, "function {} does not exist", shown()).hint(
            "No function matches the given name and argument types. You might need to add explicit type casts.",
        )),
        Selected::Many => Err(types::err!(AmbiguousFunction, "function {} is not unique", shown())
            .hint("Could not choose a best candidate function. You might need to add explicit type casts.")),
    }
}
