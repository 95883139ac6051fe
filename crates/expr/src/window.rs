//! Window functions and frames (PostgreSQL 15, 4.2.8 and 9.22).

use crate::aggregate::AggregateCall;
use crate::expr::{Expr, SortKey};
use crate::resolution::{casts_implicitly, common_type, type_list};
use types::{ColumnType, DataType, Result, err};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowFunction {
    RowNumber,
    Rank,
    DenseRank,
    PercentRank,
    CumeDist,
    Ntile,
    Lag,
    Lead,
    FirstValue,
    LastValue,
    NthValue,
}

/// One call with its window.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowCall {
    pub function: WindowTarget,
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<SortKey>,
    pub frame: Frame,
    pub ty: ColumnType,
}

#[derive(Debug, Clone, PartialEq)]
pub enum WindowTarget {
    Function(WindowFunction, Vec<Expr>),
    Aggregate(AggregateCall),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub mode: FrameMode,
    pub start: FrameBound,
    pub end: FrameBound,
    pub exclusion: FrameExclusion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameMode {
    Rows,
    Range,
    Groups,
}

#[derive(Debug, Clone, PartialEq)]
pub enum FrameBound {
    UnboundedPreceding,
    Preceding(Box<Expr>),
    CurrentRow,
    Following(Box<Expr>),
    UnboundedFollowing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameExclusion {
    NoOthers,
    CurrentRow,
    Group,
    Ties,
}

impl Default for Frame {
    /// RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW.
    fn default() -> Frame {
        Frame {
            mode: FrameMode::Range,
            start: FrameBound::UnboundedPreceding,
            end: FrameBound::CurrentRow,
            exclusion: FrameExclusion::NoOthers,
        }
    }
}

/// A pure window function by name: the argument types it wants and its result. None if there is none of this name.
pub fn resolve(name: &str, args: &[DataType]) -> Option<Result<(WindowFunction, Vec<DataType>, DataType)>> {
    use DataType::*;
    let function = match name {
        "row_number" => WindowFunction::RowNumber,
        "rank" => WindowFunction::Rank,
        "dense_rank" => WindowFunction::DenseRank,
        "percent_rank" => WindowFunction::PercentRank,
        "cume_dist" => WindowFunction::CumeDist,
        "ntile" => WindowFunction::Ntile,
        "lag" => WindowFunction::Lag,
        "lead" => WindowFunction::Lead,
        "first_value" => WindowFunction::FirstValue,
        "last_value" => WindowFunction::LastValue,
        "nth_value" => WindowFunction::NthValue,
        _ => return None,
    };
    // An unknown literal as anyelement has no type to give.
    let undetermined =
        || err!(DatatypeMismatch, "could not determine polymorphic type because input has type unknown");
    let element = |ty: DataType| if ty == Unknown { Err(undetermined()) } else { Ok(ty) };
    use WindowFunction::*;
    Some(match (function, args) {
        (RowNumber | Rank | DenseRank, []) => Ok((function, vec![], Int8)),
        (PercentRank | CumeDist, []) => Ok((function, vec![], Float8)),
        (Ntile, [buckets]) if casts_implicitly(*buckets, Int4) => Ok((function, vec![Int4], Int4)),
        (Lag | Lead | FirstValue | LastValue, [value]) => element(*value).map(|ty| (function, vec![ty], ty)),
        (Lag | Lead, [value, offset]) if casts_implicitly(*offset, Int4) => {
            element(*value).map(|ty| (function, vec![ty, Int4], ty))
        }
        (NthValue, [value, n]) if casts_implicitly(*n, Int4) => {
            element(*value).map(|ty| (function, vec![ty, Int4], ty))
        }
        (Lag | Lead, [value, offset, default])
            if casts_implicitly(*offset, Int4) && common_type(&[*value, *default]).is_some() =>
        {
            let ty = common_type(&[*value, *default]).unwrap_or(Text);
            Ok((function, vec![ty, Int4, ty], ty))
        }
        _ => Err(err!(UndefinedFunction, "function {name}({}) does not exist", type_list(args)).hint(
            "No function matches the given name and argument types. You might need to add explicit type casts.",
        )),
    })
}
