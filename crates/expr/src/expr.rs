//! The bound expression tree.

use crate::function::Function;
use types::{ColumnType, DataType, Value};

/// A bound expression: names are positions, coercions are explicit, every node has a type.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    Constant {
        value: Value,
        ty: ColumnType,
    },
    /// A column of the input batch, by position.
    Column {
        index: usize,
        ty: ColumnType,
    },
    /// `$1` is index 0.
    Parameter {
        index: usize,
        ty: ColumnType,
    },
    /// A value of an enclosing query's row, set by the operator that runs this subtree per outer row
    /// (a subplan's argument or a lateral join).
    Outer {
        slot: usize,
        ty: ColumnType,
    },
    /// A function or an operator. Strict functions see no NULL: the evaluator answers NULL for them.
    Call {
        function: &'static Function,
        args: Vec<Expr>,
        ty: ColumnType,
    },
    Cast {
        input: Box<Expr>,
        to: ColumnType,
        explicit: bool,
    },
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    IsNull {
        input: Box<Expr>,
        negated: bool,
    },
    /// `IS [NOT] TRUE, FALSE, UNKNOWN` (`value` None).
    BooleanTest {
        input: Box<Expr>,
        value: Option<bool>,
        negated: bool,
    },
    /// `equal` is the types' `=`.
    IsDistinct {
        left: Box<Expr>,
        right: Box<Expr>,
        equal: &'static Function,
        negated: bool,
    },
    /// A searched CASE; the planner writes `CASE x WHEN` with a comparison per branch.
    Case {
        branches: Vec<(Expr, Expr)>,
        default: Option<Box<Expr>>,
        ty: ColumnType,
    },
    Coalesce {
        args: Vec<Expr>,
        ty: ColumnType,
    },
    NullIf {
        left: Box<Expr>,
        right: Box<Expr>,
        equal: &'static Function,
        ty: ColumnType,
    },
    /// GREATEST and LEAST (ignore NULLs).
    Extreme {
        args: Vec<Expr>,
        greatest: bool,
        ty: ColumnType,
    },
    /// `x IN (a, b)`: `equal` between `input` and each item.
    InList {
        input: Box<Expr>,
        list: Vec<Expr>,
        equal: &'static Function,
        negated: bool,
    },
    /// `x op ANY (array)` and `x op ALL (array)`.
    Quantified {
        left: Box<Expr>,
        array: Box<Expr>,
        operator: &'static Function,
        all: bool,
    },
    /// `ARRAY[...]`.
    Array {
        elements: Vec<Expr>,
        ty: ColumnType,
    },
    /// `a[i]`; int2vector and oidvector count from 0.
    Subscript {
        array: Box<Expr>,
        index: Box<Expr>,
        ty: ColumnType,
    },
    /// `a[i:j]`.
    Slice {
        array: Box<Expr>,
        lower: Option<Box<Expr>>,
        upper: Option<Box<Expr>>,
        ty: ColumnType,
    },
    /// `ROW(...)`, or with names a table's row.
    Row {
        fields: Vec<Expr>,
        names: Option<types::FieldNames>,
    },
    /// `(record).field`, by position.
    Field {
        record: Box<Expr>,
        index: usize,
        ty: ColumnType,
    },
    /// A subquery. `plan` is its number in the statement (`plan::Query::subplans`); `args` fill its `Outer` slots
    /// `first_slot..` from this expression's row.
    Subplan {
        plan: usize,
        kind: Box<SubplanKind>,
        first_slot: usize,
        args: Vec<Expr>,
        ty: ColumnType,
    },
}

/// What a subquery is used for.
#[derive(Debug, Clone, PartialEq)]
pub enum SubplanKind {
    /// One column, at most one row (21000), NULL for none.
    Scalar,
    Exists {
        negated: bool,
    },
    /// `left op ANY (subquery)`; IN is `= ANY`, NOT IN is `<> ALL`. One operator per column.
    Any {
        left: Vec<Expr>,
        operators: Vec<&'static Function>,
    },
    All {
        left: Vec<Expr>,
        operators: Vec<&'static Function>,
    },
    /// `ARRAY(subquery)`.
    Array,
}

/// ORDER BY, by an expression over the input.
#[derive(Debug, Clone, PartialEq)]
pub struct SortKey {
    pub expr: Expr,
    pub descending: bool,
    pub nulls_first: bool,
}

impl Expr {
    pub fn constant(value: Value, ty: impl Into<ColumnType>) -> Expr {
        Expr::Constant { value, ty: ty.into() }
    }

    pub fn column(index: usize, ty: impl Into<ColumnType>) -> Expr {
        Expr::Column { index, ty: ty.into() }
    }

    pub fn null(ty: impl Into<ColumnType>) -> Expr {
        Expr::Constant { value: Value::Null, ty: ty.into() }
    }

    /// `ROW(fields)`.
    pub fn row(fields: Vec<Expr>) -> Expr {
        Expr::Row { fields, names: None }
    }

    /// The type of this expression's values.
    pub fn ty(&self) -> ColumnType {
        match self {
            Expr::Constant { ty, .. }
            | Expr::Column { ty, .. }
            | Expr::Parameter { ty, .. }
            | Expr::Outer { ty, .. }
            | Expr::Call { ty, .. }
            | Expr::Case { ty, .. }
            | Expr::Coalesce { ty, .. }
            | Expr::NullIf { ty, .. }
            | Expr::Extreme { ty, .. }
            | Expr::Array { ty, .. }
            | Expr::Subscript { ty, .. }
            | Expr::Slice { ty, .. }
            | Expr::Field { ty, .. }
            | Expr::Subplan { ty, .. } => *ty,
            Expr::Cast { to, .. } => *to,
            Expr::And(_)
            | Expr::Or(_)
            | Expr::Not(_)
            | Expr::IsNull { .. }
            | Expr::BooleanTest { .. }
            | Expr::IsDistinct { .. }
            | Expr::InList { .. }
            | Expr::Quantified { .. } => DataType::Bool.into(),
            Expr::Row { .. } => DataType::Record.into(),
        }
    }

    pub fn data_type(&self) -> DataType {
        self.ty().data_type
    }

    /// Calls `visit` on this node's direct children.
    pub fn for_each_child<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        match self {
            Expr::Constant { .. } | Expr::Column { .. } | Expr::Parameter { .. } | Expr::Outer { .. } => {}
            Expr::Call { args, .. }
            | Expr::And(args)
            | Expr::Or(args)
            | Expr::Row { fields: args, names: _ }
            | Expr::Coalesce { args, .. }
            | Expr::Extreme { args, .. }
            | Expr::Array { elements: args, .. } => args.iter().for_each(visit),
            Expr::Cast { input, .. }
            | Expr::Not(input)
            | Expr::IsNull { input, .. }
            | Expr::BooleanTest { input, .. }
            | Expr::Field { record: input, .. } => visit(input),
            Expr::IsDistinct { left, right, .. }
            | Expr::NullIf { left, right, .. }
            | Expr::Quantified { left, array: right, .. }
            | Expr::Subscript { array: left, index: right, .. } => {
                visit(left);
                visit(right);
            }
            Expr::Case { branches, default, .. } => {
                for (condition, result) in branches {
                    visit(condition);
                    visit(result);
                }
                default.iter().for_each(|default| visit(default));
            }
            Expr::InList { input, list, .. } => {
                visit(input);
                list.iter().for_each(visit);
            }
            Expr::Slice { array, lower, upper, .. } => {
                visit(array);
                lower.iter().chain(upper).for_each(|bound| visit(bound));
            }
            Expr::Subplan { kind, args, .. } => {
                if let SubplanKind::Any { left, .. } | SubplanKind::All { left, .. } = &**kind {
                    left.iter().for_each(&mut *visit);
                }
                args.iter().for_each(visit);
            }
        }
    }

    /// [`Expr::for_each_child`], mutably.
    pub fn for_each_child_mut(&mut self, visit: &mut dyn FnMut(&mut Expr)) {
        match self {
            Expr::Constant { .. } | Expr::Column { .. } | Expr::Parameter { .. } | Expr::Outer { .. } => {}
            Expr::Call { args, .. }
            | Expr::And(args)
            | Expr::Or(args)
            | Expr::Row { fields: args, names: _ }
            | Expr::Coalesce { args, .. }
            | Expr::Extreme { args, .. }
            | Expr::Array { elements: args, .. } => args.iter_mut().for_each(visit),
            Expr::Cast { input, .. }
            | Expr::Not(input)
            | Expr::IsNull { input, .. }
            | Expr::BooleanTest { input, .. }
            | Expr::Field { record: input, .. } => visit(input),
            Expr::IsDistinct { left, right, .. }
            | Expr::NullIf { left, right, .. }
            | Expr::Quantified { left, array: right, .. }
            | Expr::Subscript { array: left, index: right, .. } => {
                visit(left);
                visit(right);
            }
            Expr::Case { branches, default, .. } => {
                for (condition, result) in branches {
                    visit(condition);
                    visit(result);
                }
                default.iter_mut().for_each(|default| visit(default));
            }
            Expr::InList { input, list, .. } => {
                visit(input);
                list.iter_mut().for_each(visit);
            }
            Expr::Slice { array, lower, upper, .. } => {
                visit(array);
                lower.iter_mut().chain(upper).for_each(|bound| visit(bound));
            }
            Expr::Subplan { kind, args, .. } => {
                if let SubplanKind::Any { left, .. } | SubplanKind::All { left, .. } = &mut **kind {
                    left.iter_mut().for_each(&mut *visit);
                }
                args.iter_mut().for_each(visit);
            }
        }
    }
}
