//! Hypothetical-set aggregates: where a made-up row would stand among a group's rows (PostgreSQL 15, 9.21).
//!
//! ```text
//!   rank(a) WITHIN GROUP (ORDER BY x)          1 + count(*) FILTER (WHERE x comes before a)
//!   dense_rank(a) WITHIN GROUP (ORDER BY x)    1 + count(DISTINCT ROW(x)) FILTER (WHERE x comes before a)
//!   percent_rank(a) WITHIN GROUP (ORDER BY x)  (rank - 1) / count(*), or 0 for no rows
//!   cume_dist(a) WITHIN GROUP (ORDER BY x)     (count(*) FILTER (WHERE x does not come after a) + 1) / (count(*) + 1)
//! ```

use super::function::{Call, direction};
use super::operator::{and, or};
use super::{Binder, Clause, Place};
use expr::{AggregateCall, Expr};
use types::{DataType, Error, Result, Value, err};

impl Binder<'_> {
    /// None for any other call.
    pub(crate) fn hypothetical(&mut self, call: &Call<'_>, place: &mut Place<'_>) -> Result<Option<Expr>> {
        let named = matches!(call.name.as_str(), "rank" | "dense_rank" | "percent_rank" | "cume_dist");
        if !named || call.within_group.is_empty() || call.schema.as_deref().is_some_and(|s| s != "pg_catalog")
        {
            return Ok(None);
        }
        if call.syntax.len() != call.within_group.len() {
            let error = err!(UndefinedFunction, "function {} does not exist", call.name).hint(format!(
                "To use the hypothetical-set aggregate {}, the number of hypothetical direct arguments (here {}) must match the number of ordering columns (here {}).",
                call.name,
                call.syntax.len(),
                call.within_group.len()
            ));
            return Err(self.at(error, call.at));
        }
        let mut inside = Place::new(place.scope, Clause::AggregateArgument);
        let (mut before, mut same, mut keys): (Option<Expr>, Vec<Expr>, Vec<Expr>) = (None, vec![], vec![]);
        let mut ties: Vec<(Expr, Expr)> = vec![];
        for (sql, key) in call.syntax.iter().zip(call.within_group) {
            let (descending, nulls_first) = direction(&key.options)?;
            let direct = self.expr(sql, &mut inside)?;
            let ordered = self.expr(&key.expr, &mut inside)?;
            let (mut both, _) =
                self.unify(vec![(ordered, Some(&key.expr)), (direct, Some(*sql))], "WITHIN GROUP")?;
            let (Some(direct), Some(ordered)) = (both.pop(), both.pop()) else {
                return Err(Error::internal("a pair"));
            };
            let null = |expr: &Expr, negated| Expr::IsNull { input: Box::new(expr.clone()), negated };
            let symbol = if descending { ">" } else { "<" };
            let less = self.operate(symbol, Some(ordered.clone()), direct.clone())?;
            let by_null = match nulls_first {
                true => and(vec![null(&ordered, false), null(&direct, true)]),
                false => and(vec![null(&ordered, true), null(&direct, false)]),
            };
            let equal = match self.operate("=", Some(ordered.clone()), direct.clone())? {
                Expr::Call { function, .. } => Expr::IsDistinct {
                    left: Box::new(ordered.clone()),
                    right: Box::new(direct),
                    equal: function,
                    negated: true,
                },
                _ => return Err(Error::internal("an equality is a call")),
            };
            ties.push((or(vec![less, by_null]), equal.clone()));
            same.push(equal);
            keys.push(ordered);
        }
        for (less, equal) in ties.into_iter().rev() {
            before = Some(match before {
                None => less,
                Some(rest) => or(vec![less, and(vec![equal, rest])]),
            });
        }
        let before = before.ok_or_else(|| Error::internal("WITHIN GROUP without keys"))?;
        let given = match call.filter {
            None => None,
            Some(sql) => {
                let bound = self.expr(sql, &mut Place::new(place.scope, Clause::Filter))?;
                Some(self.condition(bound, "FILTER", sql)?)
            }
        };
        let filtered = |condition: Expr| match &given {
            Some(given) => and(vec![given.clone(), condition]),
            None => condition,
        };
        let one = || Expr::constant(Value::Int8(1), DataType::Int8);
        let result = match call.name.as_str() {
            "rank" | "dense_rank" => {
                let distinct = (call.name == "dense_rank").then(|| Expr::row(keys));
                let count = self.count_of(distinct, Some(filtered(before)), call, place)?;
                self.operate("+", Some(count), one())?
            }
            "percent_rank" => {
                let less = self.count_of(None, Some(filtered(before)), call, place)?;
                let all = self.count_of(None, given, call, place)?;
                // Without rows 0 / 1.
                let all = Expr::Extreme { args: vec![all, one()], greatest: true, ty: DataType::Int8.into() };
                self.ratio(less, all)?
            }
            _ => {
                let upto = or(vec![before, and(same)]);
                let less = self.count_of(None, Some(filtered(upto)), call, place)?;
                let all = self.count_of(None, given, call, place)?;
                let (less, all) =
                    (self.operate("+", Some(less), one())?, self.operate("+", Some(all), one())?);
                self.ratio(less, all)?
            }
        };
        Ok(Some(result))
    }

    fn ratio(&mut self, part: Expr, whole: Expr) -> Result<Expr> {
        let float =
            |input: Expr| Expr::Cast { input: Box::new(input), to: DataType::Float8.into(), explicit: false };
        self.operate("/", Some(float(part)), float(whole))
    }

    /// count(*) or count(DISTINCT x), with a filter, as a column of the query's aggregation.
    fn count_of(
        &mut self,
        distinct: Option<Expr>,
        filter: Option<Expr>,
        call: &Call<'_>,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        let types: Vec<DataType> = distinct.iter().map(Expr::data_type).collect();
        let Some(Ok(resolved)) = expr::aggregate::resolve("count", &types, distinct.is_none()) else {
            return Err(Error::internal("count is an aggregate"));
        };
        let aggregate = AggregateCall {
            aggregate: resolved.aggregate,
            distinct: distinct.is_some(),
            args: distinct.into_iter().collect(),
            order_by: vec![],
            filter,
            ty: resolved.returns.into(),
        };
        self.collected_aggregate(aggregate, call, place)
    }
}
