//! Key ranges with their expressions evaluated: sorted as the index is, disjoint, without NULLs.

use crate::context::Run;
use plan::node::{self, KeyRange};
use std::cmp::Ordering;
use types::compare::compare;
use types::schema::IndexKey;
use types::{DataType, Error, Result, SqlState, Value};

/// What to read. None: no row can match.
pub(super) fn access(scan: &node::Scan, run: &Run<'_, '_>) -> Result<Option<catalog::Access>> {
    Ok(match &scan.access {
        node::Access::All => Some(catalog::Access::All),
        node::Access::Primary(ranges) => {
            let ranges = disjoint(evaluate(scan, ranges, run)?, &[]);
            (!ranges.is_empty()).then_some(catalog::Access::Primary(ranges))
        }
        node::Access::Index { index, ranges } => {
            let descending: Vec<bool> =
                match scan.relation.indexes.iter().find(|candidate| candidate.oid == *index) {
                    Some(index) => index.columns.iter().map(|column| column.descending).collect(),
                    None => {
                        return Err(Error::internal(format!("{} has no index {index}", scan.relation.name)));
                    }
                };
            let ranges = disjoint(evaluate(scan, ranges, run)?, &descending);
            (!ranges.is_empty()).then_some(catalog::Access::Index(*index, ranges))
        }
    })
}

/// Whether a row, by `relation.columns`, lies in the scan's ranges.
pub(super) fn contains(scan: &node::Scan, row: &[Value], run: &Run<'_, '_>) -> Result<bool> {
    let relation = &scan.relation;
    let (ranges, keys) = match &scan.access {
        node::Access::All => return Ok(true),
        node::Access::Primary(ranges) => (ranges, Some(relation.primary_key.clone())),
        node::Access::Index { index, ranges } => {
            let index = relation.indexes.iter().find(|candidate| candidate.oid == *index);
            let plain = index.filter(|index| index.predicate.is_none());
            let keys = plain.and_then(|index| {
                let ids = index.columns.iter().map(|column| match column.key {
                    IndexKey::Column(id) => Some(id),
                    IndexKey::Expression(..) => None,
                });
                ids.collect::<Option<Vec<_>>>()
            });
            (ranges, keys)
        }
    };
    let Some(keys) = keys else {
        // What a partial or an expression index guarantees is not in the scan's filter.
        return Err(Error::new(SqlState::SerializationFailure, "could not serialize access due to concurrent update")
            .hint("A locked row that was found through an expression or partial index has changed meanwhile. Run the statement again."));
    };
    let value = |position: usize| {
        let id = keys.get(position)?;
        row.get(relation.columns.iter().position(|column| column.id == *id)?)
    };
    let inside = |range: &catalog::KeyRange| {
        let equal = range.equal.iter().enumerate().all(|(position, wanted)| {
            value(position).is_some_and(|value| !value.is_null() && compare(value, wanted) == Ordering::Equal)
        });
        let next = value(range.equal.len());
        let above = |(bound, inclusive): &(Value, bool)| {
            next.is_some_and(|value| !value.is_null() && within(compare(value, bound), *inclusive))
        };
        let below = |(bound, inclusive): &(Value, bool)| {
            next.is_some_and(|value| !value.is_null() && within(compare(bound, value), *inclusive))
        };
        equal && range.lower.as_ref().is_none_or(above) && range.upper.as_ref().is_none_or(below)
    };
    Ok(evaluate(scan, ranges, run)?.iter().any(inside))
}

fn within(order: Ordering, inclusive: bool) -> bool {
    order == Ordering::Greater || (inclusive && order == Ordering::Equal)
}

/// A value of a key column.
pub(super) enum Fit {
    Value(Value),
    /// An integer beyond what the column can hold: the nearest that it can.
    Below(Value),
    Above(Value),
}

/// Integers may be of a wider type than their column; other values have the column's.
pub(super) fn fit(value: Value, data_type: Option<DataType>) -> Fit {
    let wide = match value {
        Value::Int8(wide) => wide,
        Value::Int4(wide) => wide.into(),
        other => return Fit::Value(other),
    };
    let within = |least: i64, most: i64, make: fn(i64) -> Value| match wide {
        _ if wide < least => Fit::Below(make(least)),
        _ if wide > most => Fit::Above(make(most)),
        _ => Fit::Value(make(wide)),
    };
    match data_type {
        Some(DataType::Int2) => within(i16::MIN.into(), i16::MAX.into(), |wide| Value::Int2(wide as i16)),
        Some(DataType::Int4) => within(i32::MIN.into(), i32::MAX.into(), |wide| Value::Int4(wide as i32)),
        _ => Fit::Value(value),
    }
}

/// The types of the columns that a scan's ranges are of.
fn key_types(scan: &node::Scan) -> Vec<Option<DataType>> {
    let relation = &scan.relation;
    let column = |id| relation.column(id).map(|column| column.ty.data_type);
    match &scan.access {
        node::Access::All => vec![],
        node::Access::Primary(_) => relation.primary_key.iter().map(|id| column(*id)).collect(),
        node::Access::Index { index, .. } => {
            let index = relation.indexes.iter().find(|candidate| candidate.oid == *index);
            let columns = index.iter().flat_map(|index| &index.columns);
            let data_type = |key: &IndexKey| match key {
                IndexKey::Column(id) => column(*id),
                IndexKey::Expression(_, ty) => Some(ty.data_type),
            };
            columns.map(|column| data_type(&column.key)).collect()
        }
    }
}

/// Ranges that no row can be in are left out: those with a NULL, as no comparison with it is true, and those beyond what
/// a column can hold.
fn evaluate(scan: &node::Scan, ranges: &[KeyRange], run: &Run<'_, '_>) -> Result<Vec<catalog::KeyRange>> {
    let types = key_types(scan);
    let mut evaluated = Vec::with_capacity(ranges.len());
    'ranges: for range in ranges {
        let mut equal = Vec::with_capacity(range.equal.len());
        for (position, expr) in range.equal.iter().enumerate() {
            match fit(run.eval_constant(expr)?, types.get(position).copied().flatten()) {
                Fit::Value(value) => equal.push(value),
                Fit::Below(_) | Fit::Above(_) => continue 'ranges,
            }
        }
        let bound = |bound: &Option<(expr::Expr, bool)>| match bound {
            Some((expr, inclusive)) => Ok(Some((run.eval_constant(expr)?, *inclusive))),
            None => Result::Ok(None),
        };
        let bounded = types.get(range.equal.len()).copied().flatten();
        // At a column's end the bound stays one: NULLs are on neither side of it.
        let lower = match bound(&range.lower)?.map(|(value, inclusive)| (fit(value, bounded), inclusive)) {
            None => None,
            Some((Fit::Value(value), inclusive)) => Some((value, inclusive)),
            Some((Fit::Below(least), _)) => Some((least, true)),
            Some((Fit::Above(_), _)) => continue,
        };
        let upper = match bound(&range.upper)?.map(|(value, inclusive)| (fit(value, bounded), inclusive)) {
            None => None,
            Some((Fit::Value(value), inclusive)) => Some((value, inclusive)),
            Some((Fit::Above(most), _)) => Some((most, true)),
            Some((Fit::Below(_), _)) => continue,
        };
        let null = |value: &Value| value.is_null();
        if equal.iter().any(null) || lower.iter().chain(&upper).any(|(value, _)| null(value)) {
            continue;
        }
        if !range.any {
            evaluated.push(catalog::KeyRange { equal, lower, upper });
            continue;
        }
        let Some((Value::Array(array), prefix)) = equal.split_last() else {
            return Err(Error::internal("= ANY over something that is not an array"));
        };
        for element in array.values.iter().filter(|element| !element.is_null()) {
            let mut equal = prefix.to_vec();
            equal.push(element.clone());
            evaluated.push(catalog::KeyRange { equal, lower: lower.clone(), upper: upper.clone() });
        }
    }
    Ok(evaluated)
}

/// In the index's order, and no row in two of them. `descending`: by key column; missing = ascending.
fn disjoint(mut ranges: Vec<catalog::KeyRange>, descending: &[bool]) -> Vec<catalog::KeyRange> {
    if ranges.len() < 2 {
        return ranges;
    }
    let directed = |position: usize, order: Ordering| match descending.get(position) {
        Some(true) => order.reverse(),
        _ => order,
    };
    let prefix = |a: &catalog::KeyRange, b: &catalog::KeyRange| {
        let mut pairs = a.equal.iter().zip(&b.equal).enumerate();
        pairs.find_map(|(position, (a, b))| match directed(position, compare(a, b)) {
            Ordering::Equal => None,
            other => Some(other),
        })
    };
    // Lower bounds decide among ranges of one prefix; a shorter prefix holds all of the longer ones' rows.
    ranges.sort_by(|a, b| {
        prefix(a, b).unwrap_or_else(|| a.equal.len().cmp(&b.equal.len())).then_with(|| {
            match directed(a.equal.len(), Ordering::Less) {
                Ordering::Less => starts(&a.lower, &b.lower),
                _ => ends(&b.upper, &a.upper),
            }
        })
    });
    let mut merged: Vec<catalog::KeyRange> = Vec::with_capacity(ranges.len());
    let mixed = ranges.iter().any(|range| range.equal.len() != ranges[0].equal.len());
    for range in ranges {
        let shorter =
            |kept: &catalog::KeyRange| kept.equal.len() < range.equal.len() && prefix(kept, &range).is_none();
        if mixed && merged.iter().any(|kept| shorter(kept) && holds(kept, &range)) {
            continue;
        }
        let Some(last) = merged.last_mut() else {
            merged.push(range);
            continue;
        };
        let same_prefix = last.equal.len() == range.equal.len() && prefix(last, &range).is_none();
        if same_prefix && overlap(last, &range) {
            *last = union(last, &range);
        } else {
            merged.push(range);
        }
    }
    merged
}

type Bound = Option<(Value, bool)>;

/// Which of two lower bounds lets rows in earlier.
fn starts(a: &Bound, b: &Bound) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Less,
        (_, None) => Ordering::Greater,
        (Some((a, a_inclusive)), Some((b, b_inclusive))) => compare(a, b).then(b_inclusive.cmp(a_inclusive)),
    }
}

/// Which of two upper bounds ends earlier.
fn ends(a: &Bound, b: &Bound) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Greater,
        (_, None) => Ordering::Less,
        (Some((a, a_inclusive)), Some((b, b_inclusive))) => compare(a, b).then(a_inclusive.cmp(b_inclusive)),
    }
}

/// Whether a value may lie in both, given one prefix.
fn overlap(a: &catalog::KeyRange, b: &catalog::KeyRange) -> bool {
    let meets = |upper: &Bound, lower: &Bound| match (upper, lower) {
        (None, _) | (_, None) => true,
        (Some((upper, upper_inclusive)), Some((lower, lower_inclusive))) => match compare(upper, lower) {
            Ordering::Greater => true,
            Ordering::Equal => *upper_inclusive && *lower_inclusive,
            Ordering::Less => false,
        },
    };
    meets(&a.upper, &b.lower) && meets(&b.upper, &a.lower)
}

fn union(a: &catalog::KeyRange, b: &catalog::KeyRange) -> catalog::KeyRange {
    let lower = if starts(&a.lower, &b.lower) == Ordering::Greater { &b.lower } else { &a.lower };
    let upper = if ends(&a.upper, &b.upper) == Ordering::Less { &b.upper } else { &a.upper };
    catalog::KeyRange { equal: a.equal.clone(), lower: lower.clone(), upper: upper.clone() }
}

/// Whether `outer`, of a shorter prefix, holds all of `inner`.
fn holds(outer: &catalog::KeyRange, inner: &catalog::KeyRange) -> bool {
    let Some(value) = inner.equal.get(outer.equal.len()) else { return false };
    let above =
        outer.lower.as_ref().is_none_or(|(bound, inclusive)| within(compare(value, bound), *inclusive));
    let below =
        outer.upper.as_ref().is_none_or(|(bound, inclusive)| within(compare(bound, value), *inclusive));
    above && below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(equal: &[i32], lower: Option<(i32, bool)>, upper: Option<(i32, bool)>) -> catalog::KeyRange {
        let bound =
            |bound: Option<(i32, bool)>| bound.map(|(value, inclusive)| (Value::Int4(value), inclusive));
        let equal = equal.iter().map(|&value| Value::Int4(value)).collect();
        catalog::KeyRange { equal, lower: bound(lower), upper: bound(upper) }
    }

    fn show(ranges: &[catalog::KeyRange]) -> String {
        let number = |value: &Value| value.as_i64().unwrap_or_default().to_string();
        let one = |range: &catalog::KeyRange| {
            let equal: Vec<String> = range.equal.iter().map(number).collect();
            let lower =
                range.lower.as_ref().map(|(v, i)| format!(" {}{}", if *i { ">=" } else { ">" }, number(v)));
            let upper =
                range.upper.as_ref().map(|(v, i)| format!(" {}{}", if *i { "<=" } else { "<" }, number(v)));
            format!("{}{}{}", equal.join("."), lower.unwrap_or_default(), upper.unwrap_or_default())
        };
        ranges.iter().map(one).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn points_are_sorted_and_read_once() {
        let points = || vec![range(&[3], None, None), range(&[1], None, None), range(&[3], None, None)];
        assert_eq!(show(&disjoint(points(), &[])), "1 | 3");
        assert_eq!(show(&disjoint(points(), &[true])), "3 | 1");
    }

    #[test]
    fn overlapping_ranges_become_one() {
        let ranges = vec![
            range(&[], Some((5, true)), Some((9, false))),
            range(&[], None, Some((5, true))),
            range(&[], Some((9, false)), None),
        ];
        assert_eq!(show(&disjoint(ranges.clone(), &[])), " <9 |  >9");
        assert_eq!(show(&disjoint(ranges, &[true])), " >9 |  <9");
    }

    #[test]
    fn a_longer_prefix_inside_a_shorter_one_is_dropped() {
        let ranges =
            vec![range(&[2, 7], None, None), range(&[2], Some((5, true)), None), range(&[3, 1], None, None)];
        assert_eq!(show(&disjoint(ranges, &[])), "2 >=5 | 3.1");
    }
}
