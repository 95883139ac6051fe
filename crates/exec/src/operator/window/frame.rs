//! Frames: for each row, which rows of its partition a call looks at (PostgreSQL 15, 4.2.8).

use super::partition::Partitions;
use crate::context::Run;
use expr::window::FrameBound;
use expr::{Expr, FrameExclusion, FrameMode, SortKey, WindowCall};
use std::cmp::Ordering;
use std::ops::Range;
use types::compare::compare;
use types::{Batch, DataType, Result, Value, Vector, err};

/// The frames of one call.
pub(super) struct Frames<'a> {
    partitions: &'a Partitions,
    exclusion: FrameExclusion,
    /// By row, before exclusion.
    bounds: Vec<Range<usize>>,
}

impl<'a> Frames<'a> {
    pub fn new(call: &WindowCall, partitions: &'a Partitions, run: &Run<'_, '_>) -> Result<Frames<'a>> {
        let start = Edge::new(&call.frame.start, call, partitions, true, run)?;
        let end = Edge::new(&call.frame.end, call, partitions, false, run)?;
        let rows = partitions.of_row.len();
        let bounds = (0..rows).map(|row| {
            let start = start.position(row, partitions, true);
            start..end.position(row, partitions, false).max(start)
        });
        Ok(Frames { partitions, exclusion: call.frame.exclusion, bounds: bounds.collect() })
    }

    /// Whether frames are single ranges.
    pub fn is_plain(&self) -> bool {
        self.exclusion == FrameExclusion::NoOthers
    }

    /// The row's frame before exclusion.
    pub fn bounds(&self, row: usize) -> Range<usize> {
        self.bounds[row].clone()
    }

    /// The row's frame, in order; parts may be empty.
    pub fn rows(&self, row: usize) -> [Range<usize>; 3] {
        let frame = self.bounds(row);
        let peers = self.partitions.peers(row);
        let cut = |at: usize| at.clamp(frame.start, frame.end);
        let without = |out: Range<usize>| (frame.start..cut(out.start), cut(out.end)..frame.end);
        let nothing = frame.end..frame.end;
        match self.exclusion {
            FrameExclusion::NoOthers => [frame, nothing.clone(), nothing],
            FrameExclusion::CurrentRow => {
                let (before, after) = without(row..row + 1);
                [before, after, nothing]
            }
            FrameExclusion::Group => {
                let (before, after) = without(peers);
                [before, after, nothing]
            }
            FrameExclusion::Ties => {
                let (before, after) = without(peers);
                let current = if frame.contains(&row) { row..row + 1 } else { cut(row)..cut(row) };
                [before, current, after]
            }
        }
    }
}

/// One end of the frames, its offset evaluated.
enum Edge {
    PartitionStart,
    PartitionEnd,
    CurrentRow,
    CurrentPeers,
    /// Rows before (negative) or after.
    Rows(i64),
    Groups(i64),
    /// RANGE with an offset: the position for each row.
    Positions(Vec<usize>),
}

impl Edge {
    fn new(
        bound: &FrameBound,
        call: &WindowCall,
        partitions: &Partitions,
        starting: bool,
        run: &Run<'_, '_>,
    ) -> Result<Edge> {
        let (offset, following) = match bound {
            FrameBound::UnboundedPreceding => return Ok(Edge::PartitionStart),
            FrameBound::UnboundedFollowing => return Ok(Edge::PartitionEnd),
            FrameBound::CurrentRow if call.frame.mode == FrameMode::Rows => return Ok(Edge::CurrentRow),
            FrameBound::CurrentRow => return Ok(Edge::CurrentPeers),
            FrameBound::Preceding(offset) => (offset, false),
            FrameBound::Following(offset) => (offset, true),
        };
        let which = if starting { "starting" } else { "ending" };
        let value = run.eval_constant(offset)?;
        if value.is_null() {
            return Err(err!(NullValueNotAllowed, "frame {which} offset must not be null"));
        }
        if call.frame.mode == FrameMode::Range {
            return range_edge(&value, offset, following, &call.order_by, partitions, starting, run);
        }
        let Some(distance) = value.as_i64().filter(|distance| *distance >= 0) else {
            return Err(err!(InvalidPrecedingOrFollowingSize, "frame {which} offset must not be negative"));
        };
        let distance = if following { distance } else { -distance };
        Ok(if call.frame.mode == FrameMode::Rows { Edge::Rows(distance) } else { Edge::Groups(distance) })
    }

    /// Where the row's frame begins (`starting`), or the row after its end.
    fn position(&self, row: usize, partitions: &Partitions, starting: bool) -> usize {
        let partition = partitions.partition(row);
        let edge_of = |range: Range<usize>| if starting { range.start } else { range.end };
        match self {
            Edge::PartitionStart => partition.start,
            Edge::PartitionEnd => partition.end,
            Edge::CurrentRow => edge_of(row..row + 1),
            Edge::CurrentPeers => edge_of(partitions.peers(row)),
            Edge::Rows(distance) => {
                let target = (edge_of(row..row + 1) as i64).saturating_add(*distance);
                usize::try_from(target.max(0)).unwrap_or(usize::MAX).clamp(partition.start, partition.end)
            }
            Edge::Groups(distance) => {
                let groups = partitions.peer_ranges[partitions.of_row[row]].clone();
                let target = (partitions.peers_of_row[row] as i64).saturating_add(*distance);
                match usize::try_from(target) {
                    Ok(target) if groups.contains(&target) => edge_of(partitions.peers[target].clone()),
                    Ok(target) if target >= groups.end => partition.end,
                    _ => partition.start,
                }
            }
            Edge::Positions(positions) => positions[row],
        }
    }
}

/// RANGE with an offset: the first row at or after `value -/+ offset` in the window's order (as a start), or the row
/// after the last such (as an end). Rows whose value is NULL are each other's frame only.
fn range_edge(
    value: &Value,
    offset: &Expr,
    following: bool,
    order_by: &[SortKey],
    partitions: &Partitions,
    starting: bool,
    run: &Run<'_, '_>,
) -> Result<Edge> {
    let ([key], [column]) = (order_by, partitions.order_columns.as_slice()) else {
        return Err(err!(
            WindowingError,
            "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column"
        ));
    };
    let negative =
        Err(err!(InvalidPrecedingOrFollowingSize, "invalid preceding or following size in window function"));
    if is_negative(value) {
        return negative;
    }
    // In a descending order, what precedes is larger.
    let add = following != key.descending;
    let lowest = starting != key.descending;
    let (values, bounds) = moved(column, value, offset.data_type(), add, lowest, run)?;
    let mut positions = Vec::with_capacity(values.len());
    for (row, bound) in bounds.iter().enumerate() {
        if values.is_null(row) {
            let peers = partitions.peers(row);
            positions.push(if starting { peers.start } else { peers.end });
            continue;
        }
        let partition = partitions.partition(row);
        // NULLs stand together at one end.
        let nulls = |at: &usize| values.is_null(*at);
        let (mut from, mut to) = (partition.start, partition.end);
        if key.nulls_first {
            from = first(from, to, |at| !nulls(&at));
        } else {
            to = first(from, to, |at| nulls(&at));
        }
        let direction = |order: Ordering| if key.descending { order.reverse() } else { order };
        positions.push(first(from, to, |at| {
            // None: the bound lies beyond all values of the type.
            let order = match bound {
                Some(bound) => direction(compare(&values.get(at), bound)),
                None if following => Ordering::Less,
                None => Ordering::Greater,
            };
            if starting { order.is_ge() } else { order.is_gt() }
        }));
    }
    Ok(Edge::Positions(positions))
}

/// The first position in `from..to` for which `reached` is true; it stays true from there on.
fn first(from: usize, to: usize, reached: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (from, to);
    while low < high {
        let middle = low + (high - low) / 2;
        if reached(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

fn is_negative(value: &Value) -> bool {
    match value {
        Value::Float4(v) => *v < 0.0 || v.is_nan(),
        Value::Float8(v) => *v < 0.0 || v.is_nan(),
        Value::Interval(v) => v.normalised() < 0,
        Value::Numeric(_) => compare(value, &Value::Numeric(types::Numeric::from(0))).is_lt(),
        other => other.as_i64().is_some_and(|v| v < 0),
    }
}

/// Each value of `column` plus or minus `offset`, and the column in the sum's type. None where the sum has no value.
/// An infinity less itself is the end of the line: `lowest` says which.
fn moved(
    column: &Vector,
    offset: &Value,
    offset_type: DataType,
    add: bool,
    lowest: bool,
    run: &Run<'_, '_>,
) -> Result<(Vector, Vec<Option<Value>>)> {
    // Integers and times of day neither overflow nor wrap here, unlike their operators.
    let whole = match (column.data_type, offset) {
        (DataType::Int2 | DataType::Int4 | DataType::Int8, offset) => offset.as_i64(),
        (DataType::Time, Value::Interval(interval)) => i64::try_from(interval.normalised()).ok(),
        _ => None,
    };
    if let Some(offset) = whole {
        let offset = i128::from(offset) * if add { 1 } else { -1 };
        let bound = |row: usize| -> Option<Value> {
            Some(match column.get(row) {
                Value::Int2(v) => Value::Int2(i16::try_from(i128::from(v) + offset).ok()?),
                Value::Int4(v) => Value::Int4(i32::try_from(i128::from(v) + offset).ok()?),
                Value::Int8(v) => Value::Int8(i64::try_from(i128::from(v) + offset).ok()?),
                Value::Time(v) => Value::Time(i64::try_from(i128::from(v) + offset).ok()?),
                _ => return None,
            })
        };
        return Ok((column.clone(), (0..column.len()).map(bound).collect()));
    }
    if let (DataType::Float4 | DataType::Float8, Value::Float8(offset)) = (column.data_type, offset) {
        let values = float8(column);
        let bound = |row: usize| match values.get(row) {
            Value::Float8(value) => {
                let sum = if add { value + offset } else { value - offset };
                let end = if lowest { f64::NEG_INFINITY } else { f64::INFINITY };
                Some(Value::Float8(if sum.is_nan() && !value.is_nan() { end } else { sum }))
            }
            _ => None,
        };
        let bounds = (0..column.len()).map(bound).collect();
        return Ok((values, bounds));
    }
    let symbol = if add { "+" } else { "-" };
    let resolved = expr::operator::resolve(symbol, Some(column.data_type), offset_type)?;
    let context = run.context();
    let settings = context.settings;
    let cast = |data_type: DataType, to: DataType, index: usize| match data_type == to {
        true => Expr::column(index, to),
        false => {
            Expr::Cast { input: Box::new(Expr::column(index, data_type)), to: to.into(), explicit: false }
        }
    };
    let [left, right] = resolved.arguments.as_slice() else {
        return Err(types::Error::internal("an operator without two operands"));
    };
    let args = vec![cast(column.data_type, *left, 0), cast(offset_type, *right, 1)];
    let sum = Expr::Call { function: resolved.function, args, ty: resolved.returns.into() };
    let pairs = Batch {
        columns: vec![column.clone(), Vector::repeat(offset_type, offset, column.len())],
        rows: column.len(),
    };
    let sums = run.eval(&sum, &pairs)?;
    let values = match column.data_type == resolved.returns {
        true => column.clone(),
        false => types::cast::cast_vector(column, resolved.returns.into(), false, settings)?,
    };
    Ok((values, (0..column.len()).map(|row| Some(sums.get(row)).filter(|sum| !sum.is_null())).collect()))
}

fn float8(column: &Vector) -> Vector {
    let wide = |row: usize| match column.get(row) {
        Value::Float4(value) => Value::Float8(value.into()),
        value => value,
    };
    Vector::from_values(DataType::Float8, &(0..column.len()).map(wide).collect::<Vec<_>>())
}
