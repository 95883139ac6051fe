//! An expression as SQL, with the names that its columns have below it.

use expr::window::WindowTarget;
use expr::{AggregateCall, Expr, SortKey, SubplanKind, WindowCall};
use std::collections::HashMap;
use types::{ColumnType, DataType, TextSettings, Value};

/// What positions and slots are called.
pub(super) struct Names<'a> {
    pub columns: &'a [String],
    pub slots: &'a HashMap<usize, String>,
}

impl Names<'_> {
    pub fn expr(&self, expr: &Expr) -> String {
        match expr {
            Expr::Constant { value, ty } => constant(value, *ty),
            Expr::Column { index, .. } => {
                self.columns.get(*index).cloned().unwrap_or_else(|| format!("#{}", index + 1))
            }
            Expr::Parameter { index, .. } => format!("${}", index + 1),
            Expr::Outer { slot, .. } => {
                self.slots.get(slot).cloned().unwrap_or_else(|| format!("outer {slot}"))
            }
            Expr::Call { function, args, .. } => match (expr::operator::symbol(function), args.as_slice()) {
                (Some(symbol), [left, right]) => {
                    format!("({} {symbol} {})", self.expr(left), self.expr(right))
                }
                (Some(symbol), [operand]) => format!("({symbol} {})", self.expr(operand)),
                _ => format!("{}({})", function.name, self.list(args)),
            },
            Expr::Cast { input, to, .. } => match &**input {
                // A relabelled column reads like PostgreSQL's.
                column @ (Expr::Column { .. } | Expr::Parameter { .. } | Expr::Outer { .. }) => {
                    format!("({})::{to}", self.expr(column))
                }
                other => {
                    let inner = self.expr(other);
                    match inner.starts_with('(') && inner.ends_with(')') {
                        true => format!("{inner}::{to}"),
                        false => format!("({inner})::{to}"),
                    }
                }
            },
            Expr::And(all) => self.joined(all, " AND "),
            Expr::Or(all) => self.joined(all, " OR "),
            Expr::Not(input) => format!("(NOT {})", self.expr(input)),
            Expr::IsNull { input, negated } => {
                format!("({} IS {}NULL)", self.expr(input), if *negated { "NOT " } else { "" })
            }
            Expr::BooleanTest { input, value, negated } => {
                let value = match value {
                    Some(true) => "TRUE",
                    Some(false) => "FALSE",
                    None => "UNKNOWN",
                };
                format!("({} IS {}{value})", self.expr(input), if *negated { "NOT " } else { "" })
            }
            Expr::IsDistinct { left, right, negated, .. } => {
                let not = if *negated { "NOT " } else { "" };
                format!("({} IS {not}DISTINCT FROM {})", self.expr(left), self.expr(right))
            }
            Expr::Case { branches, default, .. } => {
                let mut out = String::from("CASE");
                for (condition, result) in branches {
                    out.push_str(&format!(" WHEN {} THEN {}", self.expr(condition), self.expr(result)));
                }
                if let Some(default) = default {
                    out.push_str(&format!(" ELSE {}", self.expr(default)));
                }
                out + " END"
            }
            Expr::Coalesce { args, .. } => format!("COALESCE({})", self.list(args)),
            Expr::NullIf { left, right, .. } => format!("NULLIF({}, {})", self.expr(left), self.expr(right)),
            Expr::Extreme { args, greatest, .. } => {
                format!("{}({})", if *greatest { "GREATEST" } else { "LEAST" }, self.list(args))
            }
            Expr::InList { input, list, negated, .. } => {
                let operator = if *negated { "<> ALL" } else { "= ANY" };
                format!("({} {operator} ({}))", self.expr(input), self.list_as_array(list))
            }
            Expr::Quantified { left, array, operator, all } => {
                let symbol = expr::operator::symbol(operator).unwrap_or(operator.name);
                let quantifier = if *all { "ALL" } else { "ANY" };
                format!("({} {symbol} {quantifier} ({}))", self.expr(left), self.expr(array))
            }
            Expr::Array { elements, .. } => format!("ARRAY[{}]", self.list(elements)),
            Expr::Subscript { array, index, .. } => format!("{}[{}]", self.expr(array), self.expr(index)),
            Expr::Slice { array, lower, upper, .. } => {
                let bound = |bound: &Option<Box<Expr>>| {
                    bound.as_ref().map_or(String::new(), |bound| self.expr(bound))
                };
                format!("{}[{}:{}]", self.expr(array), bound(lower), bound(upper))
            }
            Expr::Row { fields, names: _ } => format!("ROW({})", self.list(fields)),
            Expr::Field { record, index, .. } => format!("({}).f{}", self.expr(record), index + 1),
            Expr::Subplan { plan, kind, .. } => {
                let name = format!("SubPlan {}", plan + 1);
                match &**kind {
                    SubplanKind::Scalar | SubplanKind::Array => format!("({name})"),
                    SubplanKind::Exists { negated: false } => format!("EXISTS({name})"),
                    SubplanKind::Exists { negated: true } => format!("(NOT EXISTS({name}))"),
                    SubplanKind::Any { left, operators } => self.quantified(left, operators, "ANY", &name),
                    SubplanKind::All { left, operators } => self.quantified(left, operators, "ALL", &name),
                }
            }
        }
    }

    fn quantified(
        &self,
        left: &[Expr],
        operators: &[&'static expr::Function],
        word: &str,
        name: &str,
    ) -> String {
        let symbol = operators.first().and_then(|operator| expr::operator::symbol(operator)).unwrap_or("=");
        match left {
            [only] => format!("({} {symbol} {word} ({name}))", self.expr(only)),
            left => format!("(({}) {symbol} {word} ({name}))", self.list(left)),
        }
    }

    pub fn list(&self, exprs: &[Expr]) -> String {
        exprs.iter().map(|expr| self.expr(expr)).collect::<Vec<_>>().join(", ")
    }

    fn joined(&self, exprs: &[Expr], by: &str) -> String {
        format!("({})", exprs.iter().map(|expr| self.expr(expr)).collect::<Vec<_>>().join(by))
    }

    fn list_as_array(&self, list: &[Expr]) -> String {
        let values: Option<Vec<Value>> = list
            .iter()
            .map(|item| match item {
                Expr::Constant { value, .. } => Some(value.clone()),
                _ => None,
            })
            .collect();
        let ty = list.first().map(|item| item.ty());
        match (values, ty.and_then(|ty| ty.data_type.array().map(|array| (ty.data_type, array)))) {
            (Some(values), Some((element, array))) => constant(&Value::array(element, values), array.into()),
            _ => format!("ARRAY[{}]", self.list(list)),
        }
    }

    pub fn keys(&self, keys: &[SortKey]) -> String {
        let key = |key: &SortKey| {
            let mut out = self.expr(&key.expr);
            if key.descending {
                out.push_str(" DESC");
            }
            if key.nulls_first != key.descending {
                out.push_str(if key.nulls_first { " NULLS FIRST" } else { " NULLS LAST" });
            }
            out
        };
        keys.iter().map(key).collect::<Vec<_>>().join(", ")
    }

    pub fn aggregate(&self, call: &AggregateCall) -> String {
        let AggregateCall { aggregate, args, distinct, order_by, filter, ty: _ } = call;
        let mut inside = if args.is_empty() { "*".to_owned() } else { self.list(args) };
        if *distinct {
            inside.insert_str(0, "DISTINCT ");
        }
        if !order_by.is_empty() {
            inside.push_str(&format!(" ORDER BY {}", self.keys(order_by)));
        }
        let filter =
            filter.as_ref().map_or(String::new(), |filter| format!(" FILTER (WHERE {})", self.expr(filter)));
        format!("{}({inside}){filter}", aggregate.name)
    }

    pub fn window(&self, call: &WindowCall) -> String {
        let function = match &call.function {
            WindowTarget::Function(function, args) => {
                let mut name = String::new();
                for c in format!("{function:?}").chars() {
                    if c.is_uppercase() && !name.is_empty() {
                        name.push('_');
                    }
                    name.extend(c.to_lowercase());
                }
                format!("{name}({})", self.list(args))
            }
            WindowTarget::Aggregate(call) => self.aggregate(call),
        };
        format!("{function} OVER (?)")
    }
}

/// A literal as PostgreSQL prints it in a plan.
fn constant(value: &Value, ty: ColumnType) -> String {
    let mut text = String::new();
    types::text::format(value, ty.data_type, &TextSettings::default(), &mut text);
    match value {
        Value::Null => format!("NULL::{ty}"),
        Value::Bool(value) => value.to_string(),
        Value::Int4(value) if *value >= 0 => text,
        Value::Numeric(_) if !text.starts_with('-') && text.starts_with(|c: char| c.is_ascii_digit()) => text,
        _ => format!(
            "'{}'::{}",
            text.replace('\'', "''"),
            if ty.data_type == DataType::Unknown { DataType::Text.into() } else { ty }
        ),
    }
}
