//! The window functions proper: ranks by position, lag and lead by row, first, last and nth value by frame.

use super::frame::Frames;
use super::partition::Partitions;
use crate::context::Run;
use expr::window::WindowFunction;
use expr::{Expr, WindowCall};
use types::{Batch, Result, Value, Vector, err};

/// One value per row; `rows` are in the window's order.
pub(super) fn evaluate(
    function: WindowFunction,
    args: &[Expr],
    call: &WindowCall,
    rows: &Batch,
    partitions: &Partitions,
    run: &Run<'_, '_>,
) -> Result<Vector> {
    let mut out = Vector::new(call.ty.data_type);
    let args = run.eval_all(args, rows)?;
    let arg =
        |position: usize, row: usize| args.get(position).map(|column| column.get(row)).unwrap_or_default();
    let frames = match function {
        WindowFunction::FirstValue | WindowFunction::LastValue | WindowFunction::NthValue => {
            Some(Frames::new(call, partitions, run)?)
        }
        _ => None,
    };
    for row in 0..rows.rows {
        let partition = partitions.partition(row);
        let peers = partitions.peers(row);
        let (position, count) = (row - partition.start, partition.len());
        let value = match function {
            WindowFunction::RowNumber => Value::Int8(position as i64 + 1),
            WindowFunction::Rank => Value::Int8((peers.start - partition.start) as i64 + 1),
            WindowFunction::DenseRank => {
                let first = partitions.peer_ranges[partitions.of_row[row]].start;
                Value::Int8((partitions.peers_of_row[row] - first) as i64 + 1)
            }
            WindowFunction::PercentRank if count < 2 => Value::Float8(0.0),
            WindowFunction::PercentRank => {
                Value::Float8((peers.start - partition.start) as f64 / (count - 1) as f64)
            }
            WindowFunction::CumeDist => Value::Float8((peers.end - partition.start) as f64 / count as f64),
            WindowFunction::Ntile => ntile(arg(0, partition.start), position, count)?,
            WindowFunction::Lag | WindowFunction::Lead => {
                let offset = if args.len() > 1 { arg(1, row) } else { Value::Int4(1) };
                match offset.as_i64() {
                    None => Value::Null,
                    Some(offset) => {
                        let offset = if function == WindowFunction::Lag { -offset } else { offset };
                        let target = row as i64 + offset;
                        match usize::try_from(target) {
                            Ok(target) if partition.contains(&target) => arg(0, target),
                            _ => arg(2, row),
                        }
                    }
                }
            }
            WindowFunction::FirstValue | WindowFunction::LastValue | WindowFunction::NthValue => {
                let Some(frames) = &frames else { break };
                let frame = frames.rows(row);
                let found = match function {
                    WindowFunction::FirstValue => {
                        frame.iter().find(|part| !part.is_empty()).map(|part| part.start)
                    }
                    WindowFunction::LastValue => {
                        frame.iter().rfind(|part| !part.is_empty()).map(|part| part.end - 1)
                    }
                    _ => nth(arg(1, row), &frame)?,
                };
                found.map(|found| arg(0, found)).unwrap_or_default()
            }
        };
        out.push(&value);
    }
    Ok(out)
}

/// Buckets as equal as they can be, the larger ones first.
fn ntile(buckets: Value, position: usize, count: usize) -> Result<Value> {
    let Some(buckets) = buckets.as_i64() else { return Ok(Value::Null) };
    let Ok(buckets @ 1..) = usize::try_from(buckets) else {
        return Err(err!(InvalidArgumentForNtile, "argument of ntile must be greater than zero"));
    };
    let (small, larger) = (count / buckets, count % buckets);
    let in_larger = larger * (small + 1);
    let bucket = if position < in_larger {
        position / (small + 1)
    } else {
        larger + (position - in_larger) / small.max(1)
    };
    Ok(i32::try_from(bucket + 1).map(Value::Int4).unwrap_or_default())
}

fn nth(n: Value, frame: &[std::ops::Range<usize>]) -> Result<Option<usize>> {
    let Some(n) = n.as_i64() else { return Ok(None) };
    if n <= 0 {
        return Err(err!(InvalidArgumentForNthValue, "argument of nth_value must be greater than zero"));
    }
    let mut left = n.unsigned_abs() - 1;
    for part in frame {
        if left < part.len() as u64 {
            return Ok(Some(part.start + left as usize));
        }
        left -= part.len() as u64;
    }
    Ok(None)
}
