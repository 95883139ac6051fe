//! Window functions and frames (PostgreSQL 15, 4.2.8 and 9.22).

use crate::aggregate::AggregateCall;
use crate::expr::{Expr, SortKey};
use types::{ColumnType, DataType, Result};

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
pub fn resolve(_name: &str, _args: &[DataType]) -> Option<Result<(WindowFunction, Vec<DataType>, DataType)>> {
    todo!()
}
