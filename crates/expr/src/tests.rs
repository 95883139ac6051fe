//! What the golden expressions cannot show: columns with nulls, what is evaluated and how often, the tables.

use crate::context::{Context, NoRuntime, Runtime};
use crate::{Expr, Function, SubplanKind, eval, eval_constant, eval_filter, function, operator};
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::HashSet;
use types::vector::Data;
use types::{Batch, DataType, Error, Oid, Result, SqlState, TextSettings, Value, Vector};

/// Counts calls, and knows one name.
#[derive(Default)]
struct Counting {
    calls: Cell<usize>,
}

impl Runtime for Counting {
    fn call(&self, function: &'static Function, _: &[Value]) -> Result<Value> {
        self.calls.set(self.calls.get() + 1);
        match function.name {
            "random" => Ok(Value::Float8(self.calls.get() as f64)),
            "current_user" => Ok(Value::text("stele")),
            name => Err(Error::unsupported(name)),
        }
    }
    fn call_set(&self, function: &'static Function, args: &[Value]) -> Result<Vec<Vec<Value>>> {
        NoRuntime.call_set(function, args)
    }
    fn subplan(
        &self,
        _: usize,
        _: &SubplanKind,
        _: usize,
        _: &[Vector],
        _: &[Vector],
        rows: usize,
        _: &[Value],
    ) -> Result<Vector> {
        self.calls.set(self.calls.get() + 1);
        Ok(Vector::repeat(DataType::Int4, &Value::Int4(7), rows))
    }
    fn name_of(&self, _: DataType, oid: Oid) -> Result<Option<String>> {
        Ok((oid == 16384).then(|| "account".to_owned()))
    }
    fn oid_of(&self, _: DataType, name: &str) -> Result<Option<Oid>> {
        Ok((name == "account").then_some(16384))
    }
    fn check_interrupt(&self) -> Result<()> {
        Ok(())
    }
}

fn with_runtime<T>(run: impl FnOnce(&Context<'_>, &Counting) -> T) -> T {
    let (settings, runtime) = (TextSettings::default(), Counting::default());
    run(&Context { parameters: &[], slots: &[], settings: &settings, runtime: &runtime }, &runtime)
}

fn int(value: i32) -> Expr {
    Expr::constant(Value::Int4(value), DataType::Int4)
}

fn infix(symbol: &str, left: Expr, right: Expr) -> Expr {
    let resolved = operator::resolve(symbol, Some(left.data_type()), right.data_type()).unwrap();
    assert_eq!(resolved.arguments, [left.data_type(), right.data_type()], "no casts are needed here");
    Expr::Call { function: resolved.function, args: vec![left, right], ty: resolved.returns.into() }
}

fn call(name: &str, args: Vec<Expr>) -> Expr {
    let types: Vec<DataType> = args.iter().map(Expr::data_type).collect();
    let resolved = function::resolve(None, name, &types).unwrap();
    Expr::Call { function: resolved.function, args, ty: resolved.returns.into() }
}

fn ints(values: &[Option<i32>]) -> Vector {
    let values: Vec<Value> = values.iter().map(|value| value.map_or(Value::Null, Value::Int4)).collect();
    Vector::from_values(DataType::Int4, &values)
}

fn batch(columns: Vec<Vector>) -> Batch {
    let rows = columns[0].len();
    Batch::from_columns(columns, rows)
}

fn column(index: usize) -> Expr {
    Expr::column(index, DataType::Int4)
}

fn state(result: Result<impl std::fmt::Debug>) -> SqlState {
    result.unwrap_err().state
}

#[test]
fn a_null_row_may_hold_anything() {
    with_runtime(|context, _| {
        // The placeholders are the values that would overflow or divide by zero.
        let extreme = |value: i32| Vector {
            data_type: DataType::Int4,
            data: Data::I32(vec![1, value]),
            nulls: Some(vec![false, true]),
        };
        let input = batch(vec![extreme(i32::MIN), extreme(0), extreme(-1)]);
        for expr in [
            infix("+", column(0), column(2)),
            infix("-", column(1), column(0)),
            infix("*", column(0), column(2)),
            infix("/", column(0), column(1)),
            infix("/", column(0), column(2)),
            infix("%", column(0), column(1)),
            call("abs", vec![column(0)]),
        ] {
            let result = eval(&expr, &input, context).unwrap();
            assert!(!result.is_null(0) && result.is_null(1), "{expr:?}");
        }
        // And without the null they fail.
        let input = batch(vec![ints(&[Some(1), Some(i32::MIN)]), ints(&[Some(1), Some(0)])]);
        let overflow = eval(&call("abs", vec![column(0)]), &input, context);
        assert_eq!(state(overflow), SqlState::NumericValueOutOfRange);
        let division = eval(&infix("/", column(0), column(1)), &input, context);
        assert_eq!(state(division), SqlState::DivisionByZero);
    });
}

#[test]
fn a_branch_sees_only_the_rows_that_reach_it() {
    with_runtime(|context, _| {
        let input = batch(vec![ints(&[Some(0), Some(2), None, Some(5)])]);
        let divided = infix("/", int(10), column(0));
        let not_zero = infix("<>", column(0), int(0));
        let case = Expr::Case {
            branches: vec![(not_zero.clone(), divided.clone())],
            default: Some(Box::new(int(-1))),
            ty: DataType::Int4.into(),
        };
        let expected = ints(&[Some(-1), Some(5), Some(-1), Some(2)]);
        let result = eval(&case, &input, context).unwrap();
        assert_eq!((0..4).map(|row| result.get(row)).collect::<Vec<_>>(), {
            (0..4).map(|row| expected.get(row)).collect::<Vec<_>>()
        });

        let guarded = Expr::And(vec![not_zero.clone(), infix("=", divided.clone(), int(5))]);
        assert_eq!(eval_filter(&guarded, &input, context).unwrap(), [1]);
        let or = Expr::Or(vec![infix("=", column(0), int(0)), infix("=", divided.clone(), int(5))]);
        assert_eq!(eval_filter(&or, &input, context).unwrap(), [0, 1]);
        let coalesce =
            Expr::Coalesce { args: vec![column(0), infix("/", int(1), int(0))], ty: DataType::Int4.into() };
        assert_eq!(state(eval(&coalesce, &input, context)), SqlState::DivisionByZero);
        let no_nulls = batch(vec![ints(&[Some(1), Some(2)])]);
        assert!(eval(&coalesce, &no_nulls, context).is_ok());
        // In the other order the division is reached.
        let unguarded = Expr::And(vec![infix("=", divided, int(5)), not_zero]);
        assert_eq!(state(eval_filter(&unguarded, &input, context)), SqlState::DivisionByZero);
    });
}

#[test]
fn volatile_functions_run_once_a_row_and_others_once() {
    let input = batch(vec![ints(&[Some(1), Some(2), Some(3)])]);
    with_runtime(|context, runtime| {
        let result = eval(&call("random", vec![]), &input, context).unwrap();
        assert_eq!(result.data, Data::F64(vec![1.0, 2.0, 3.0]));
        assert_eq!(runtime.calls.get(), 3);
    });
    with_runtime(|context, runtime| {
        let result = eval(&call("current_user", vec![]), &input, context).unwrap();
        assert_eq!((result.len(), runtime.calls.get()), (3, 1));
    });
    with_runtime(|context, runtime| {
        let subplan = |args| Expr::Subplan {
            plan: 0,
            kind: Box::new(SubplanKind::Scalar),
            first_slot: 0,
            args,
            ty: DataType::Int4.into(),
        };
        assert_eq!(eval(&subplan(vec![]), &input, context).unwrap().len(), 3);
        assert_eq!(eval(&subplan(vec![column(0)]), &input, context).unwrap().len(), 3);
        assert_eq!(runtime.calls.get(), 2);
    });
}

#[test]
fn no_rows_ask_nothing() {
    with_runtime(|context, runtime| {
        let input = Batch { columns: vec![ints(&[])], rows: 0 };
        let failing = infix("/", int(1), int(0));
        assert_eq!(eval(&failing, &input, context).unwrap(), Vector::new(DataType::Int4));
        assert_eq!(eval(&call("random", vec![]), &input, context).unwrap().len(), 0);
        assert_eq!(runtime.calls.get(), 0);
    });
}

#[test]
fn names_of_objects_come_from_the_runtime() {
    with_runtime(|context, _| {
        let cast = |value: Value, from: DataType, to: DataType| {
            let input = Box::new(Expr::constant(value, from));
            eval_constant(&Expr::Cast { input, to: to.into(), explicit: true }, context)
        };
        use DataType::{Int4, Oid, Regclass, RegclassArray, Text, TextArray, Unknown};
        let account = Value::Oid(16384);
        assert_eq!(cast(Value::text("account"), Unknown, Regclass).unwrap(), account);
        assert_eq!(cast(Value::text("16384"), Text, Regclass).unwrap(), account);
        assert_eq!(cast(Value::text("-"), Text, Regclass).unwrap(), Value::Oid(0));
        assert_eq!(state(cast(Value::text("nothing"), Text, Regclass)), SqlState::UndefinedTable);
        assert_eq!(cast(account.clone(), Regclass, Text).unwrap(), Value::text("account"));
        assert_eq!(cast(Value::Oid(7), Regclass, Text).unwrap(), Value::text("7"));
        assert_eq!(cast(account.clone(), Regclass, Oid).unwrap(), account);
        assert_eq!(cast(account.clone(), Regclass, Int4).unwrap(), Value::Int4(16384));
        let names = Value::array(Text, vec![Value::text("account"), Value::Null]);
        let oids = Value::array(Regclass, vec![account, Value::Null]);
        assert_eq!(cast(names.clone(), TextArray, RegclassArray).unwrap(), oids);
        assert_eq!(cast(oids.clone(), RegclassArray, TextArray).unwrap(), names);
        assert_eq!(cast(oids, RegclassArray, Text).unwrap(), Value::text("{account,NULL}"));
    });
}

#[test]
fn an_expression_too_deep_is_refused() {
    // The frames of a debug build are large; what is tested is that the limit comes first.
    let run = || {
        with_runtime(|context, _| {
            let nested = |depth: usize| (0..depth).fold(int(0), |inner, _| infix("+", inner, int(1)));
            assert_eq!(eval_constant(&nested(500), context).unwrap(), Value::Int4(500));
            assert_eq!(eval_constant(&nested(6000), context).unwrap(), Value::Int4(6000));
            assert_eq!(state(eval_constant(&nested(9000), context)), SqlState::StatementTooComplex);
        });
    };
    // What `plan::stack` gives a statement of this depth.
    std::thread::Builder::new().stack_size(256 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn parameters_and_slots() {
    let settings = TextSettings::default();
    let context = Context {
        parameters: &[Value::Int4(5)],
        slots: &[Value::Int4(6)],
        settings: &settings,
        runtime: &NoRuntime,
    };
    let parameter = |index| Expr::Parameter { index, ty: DataType::Int4.into() };
    let slot = |slot| Expr::Outer { slot, ty: DataType::Int4.into() };
    assert_eq!(eval_constant(&infix("+", parameter(0), slot(0)), &context).unwrap(), Value::Int4(11));
    assert_eq!(state(eval_constant(&parameter(1), &context)), SqlState::UndefinedParameter);
    assert_eq!(state(eval_constant(&slot(1), &context)), SqlState::InternalError);
    // A value of another type than was bound is an error, not a panic.
    let wrong = Expr::constant(Value::text("5"), DataType::Int4);
    assert_eq!(state(eval_constant(&infix("+", wrong, int(1)), &context)), SqlState::InternalError);
}

#[test]
fn the_tables_are_consistent() {
    let mut oids = HashSet::new();
    let mut signatures = HashSet::new();
    for function in function::all() {
        assert!(function.oid == 0 || oids.insert(function.oid), "{function:?}: oid {}", function.oid);
        let signature = (function.name, format!("{:?} {}", function.args, function.variadic));
        assert!(signatures.insert(signature), "{function:?}{:?} twice", function.args);
        assert!(!function.variadic || !function.args.is_empty(), "{function:?}");
    }
    for aggregate in crate::aggregate::all() {
        assert!(oids.insert(aggregate.oid), "{aggregate:?}");
    }
    let mut operators = 0;
    for operator in operator::all() {
        operators += 1;
        // What the operands are exactly is found.
        let types: Option<Vec<DataType>> = operator
            .function
            .args
            .iter()
            .map(|arg| match arg {
                crate::function::Argument::Is(ty) => Some(*ty),
                _ => None,
            })
            .collect();
        let resolved = match types.as_deref() {
            Some([right]) => operator::resolve(operator.symbol, None, *right),
            Some([left, right]) => operator::resolve(operator.symbol, Some(*left), *right),
            _ => continue,
        };
        assert_eq!(resolved.unwrap().function, operator.function, "{operator:?}");
    }
    assert_eq!(operators, crate::operator_table::OPERATORS.len(), "an operator without its function");
}

#[test]
fn equality_and_order_of_types() {
    for &ty in DataType::ALL {
        use DataType::*;
        let pseudo = matches!(ty, Void | Json | AclItem) || ty.array().is_none() && ty.is_array();
        if let (false, Ok(equal)) = (pseudo, operator::equality(ty)) {
            assert_eq!(operator::comparison_symbol(equal), Some("="), "{ty}");
        }
    }
    for ty in
        [DataType::Varchar, DataType::Unknown, DataType::Int4Array, DataType::Record, DataType::Regclass]
    {
        assert!(operator::equality(ty).is_ok(), "{ty}");
    }
    let error = operator::equality(DataType::Json).unwrap_err();
    assert_eq!(error.state, SqlState::UndefinedFunction);
    assert_eq!(error.message, "could not identify an equality operator for type json");
    assert!(operator::ordering(DataType::Xid).is_err());
    let plus = operator::resolve("+", Some(DataType::Int4), DataType::Int4).unwrap().function;
    assert_eq!((operator::comparison_symbol(plus), operator::symbol(plus)), (None, Some("+")));
}

#[test]
fn aggregates_and_window_functions_by_type() {
    use DataType::*;
    let aggregate =
        |name: &str, args: &[DataType], star| crate::aggregate::resolve(name, args, star).unwrap();
    assert!(crate::aggregate::resolve("lower", &[Text], false).is_none());
    assert_eq!(aggregate("sum", &[Int2], false).unwrap().returns, Int8);
    assert_eq!(aggregate("sum", &[Int8], false).unwrap().returns, Numeric);
    assert_eq!(aggregate("max", &[Varchar], false).unwrap().returns, Text);
    assert_eq!(aggregate("array_agg", &[Int4], false).unwrap().returns, Int4Array);
    assert_eq!(aggregate("count", &[], true).unwrap().returns, Int8);
    assert_eq!(aggregate("count", &[Json], false).unwrap().returns, Int8);
    assert_eq!(state(aggregate("count", &[], false)), SqlState::WrongObjectType);
    assert_eq!(state(aggregate("sum", &[Text], false)), SqlState::UndefinedFunction);
    assert_eq!(state(aggregate("sum", &[Unknown], false)), SqlState::AmbiguousFunction);
    let cont = aggregate("percentile_cont", &[Numeric, Int4], false).unwrap();
    assert_eq!(
        (cont.arguments, cont.returns, cont.aggregate.ordered_set),
        (vec![Float8, Float8], Float8, true)
    );

    let window = |name: &str, args: &[DataType]| crate::window::resolve(name, args).unwrap();
    assert!(crate::window::resolve("sum", &[Int4]).is_none());
    assert_eq!(window("row_number", &[]).unwrap().2, Int8);
    assert_eq!(window("lag", &[Int4, Int4, Numeric]).unwrap().1, [Numeric, Int4, Numeric]);
    assert_eq!(state(window("ntile", &[Text])), SqlState::UndefinedFunction);
    assert_eq!(state(window("lag", &[Unknown])), SqlState::DatatypeMismatch);
}

#[test]
fn variadic_calls() {
    use DataType::*;
    let spread = function::resolve(None, "json_extract_path", &[Json, Unknown, Unknown]).unwrap();
    assert_eq!(spread.arguments, [Json, Text, Text]);
    let array = function::resolve_variadic(None, "json_extract_path", &[Json, TextArray]).unwrap();
    assert_eq!(array.arguments, [Json, TextArray]);
    assert!(function::resolve_variadic(None, "lower", &[Text]).is_err());
    assert!(function::resolve(Some("ledger"), "proof", &[Unknown, Int4, Int4]).is_ok());
    assert!(function::resolve(None, "proof", &[Unknown, Int4]).is_err());
    assert!(function::resolve(Some("pg_catalog"), "lower", &[Text]).is_ok());
    assert_eq!(
        function::resolve(Some("public"), "lower", &[Text]).unwrap_err().message,
        "function public.lower(text) does not exist"
    );
}

proptest! {
    /// A loop over columns computes what the one-row evaluation computes, nulls included.
    #[test]
    fn columns_compute_what_rows_compute(
        rows in prop::collection::vec((prop::option::of(-3i32..4), prop::option::of(prop::num::i32::ANY)), 1..20),
        symbol in prop::sample::select(vec!["+", "-", "*", "/", "%", "=", "<", ">=", "<>", "&", "#"]),
    ) {
        let (left, right): (Vec<_>, Vec<_>) = rows.iter().copied().unzip();
        let input = batch(vec![ints(&left), ints(&right)]);
        let expr = infix(symbol, column(0), column(1));
        with_runtime(|context, _| {
            let singles: Result<Vec<Value>> = (0..rows.len())
                .map(|row| Ok(eval(&expr, &input.take(&[row]), context)?.get(0)))
                .collect();
            match (eval(&expr, &input, context), singles) {
                (Ok(all), Ok(singles)) => {
                    let all: Vec<Value> = (0..rows.len()).map(|row| all.get(row)).collect();
                    prop_assert_eq!(all, singles);
                }
                (Err(all), Err(single)) => prop_assert_eq!(all.state, single.state),
                (all, singles) => prop_assert!(false, "{:?} but {:?}", all, singles),
            }
            Ok(())
        })?;
    }

    /// IN by a set of the items is IN item by item.
    #[test]
    fn long_lists_are_short_lists(
        values in prop::collection::vec(prop::option::of(0i32..30), 8..20),
        items in prop::collection::vec(prop::option::of(0i32..30), 12..16),
        negated: bool,
    ) {
        let input = batch(vec![ints(&values)]);
        let equal = operator::equality(DataType::Int4).unwrap();
        let item = |value: &Option<i32>| Expr::constant(value.map_or(Value::Null, Value::Int4), DataType::Int4);
        let list = |items: &[Option<i32>], negated| Expr::InList {
            input: Box::new(column(0)),
            list: items.iter().map(item).collect(),
            equal,
            negated,
        };
        let (front, back) = items.split_at(6);
        let parts = if negated {
            Expr::And(vec![list(front, true), list(back, true)])
        } else {
            Expr::Or(vec![list(front, false), list(back, false)])
        };
        with_runtime(|context, _| {
            let whole = eval(&list(&items, negated), &input, context).unwrap();
            let parts = eval(&parts, &input, context).unwrap();
            for row in 0..values.len() {
                prop_assert_eq!(whole.get(row), parts.get(row));
            }
            Ok(())
        })?;
    }

    /// LIKE agrees with the regular expression that says the same.
    #[test]
    fn like_is_a_regular_expression(text in "[ab%_]{0,6}", pattern in "[ab%_]{0,6}") {
        let regex: String = pattern.chars().fold("^".to_owned(), |regex, c| match c {
            '%' => regex + ".*",
            '_' => regex + ".",
            c => regex + &c.to_string(),
        }) + "$";
        with_runtime(|context, _| {
            let text_of = |text: &str| Expr::constant(Value::text(text), DataType::Text);
            let like = eval_constant(&infix("~~", text_of(&text), text_of(&pattern)), context).unwrap();
            let matches = eval_constant(&infix("~", text_of(&text), text_of(&regex)), context).unwrap();
            prop_assert_eq!(like, matches);
            Ok(())
        })?;
    }

    /// Whatever the pattern, template or format, the answer is a value or an error.
    #[test]
    fn nothing_panics(a in "\\PC{0,12}", b in "[\\\\%_.*+?()\\[\\]{}|^$a-z0-9\"'<>=!:FMTHYDIWSPRNLGVEB,-]{0,14}") {
        with_runtime(|context, _| {
            let text = |text: &str| Expr::constant(Value::text(text), DataType::Text);
            let number = || Expr::constant(Value::Numeric(types::Numeric::from_units(-12_345, 2)), DataType::Numeric);
            let time = || Expr::constant(Value::Timestamp(1_709_993_106_789_012), DataType::Timestamp);
            for expr in [
                infix("~~", text(&a), text(&b)),
                infix("~", text(&a), text(&b)),
                call("regexp_replace", vec![text(&a), text(&b), text(&b), text("g")]),
                call("similar_to_escape", vec![text(&b), text("#")]),
                call("split_part", vec![text(&a), text(&b), int(-1)]),
                call("translate", vec![text(&a), text(&b), text(&a)]),
                call("format", vec![text(&b), text(&a), text(&a)]),
                call("parse_ident", vec![text(&b)]),
                call("unistr", vec![text(&b)]),
                call("decode", vec![text(&b), text("base64")]),
                call("decode", vec![text(&b), text("escape")]),
                call("to_char", vec![number(), text(&b)]),
                call("to_char", vec![time(), text(&b)]),
                call("to_number", vec![text(&b), text(&b)]),
                call("to_date", vec![text(&a), text(&b)]),
                call("to_timestamp", vec![text(&b), text(&b)]),
                call("pg_size_bytes", vec![text(&b)]),
                call("overlay", vec![text(&a), text(&b), int(2), int(-5)]),
                call("substring", vec![text(&a), int(-2), int(4)]),
                call("lpad", vec![text(&a), int(7), text(&b)]),
                call("initcap", vec![text(&a)]),
                call("quote_ident", vec![text(&b)]),
                call("string_to_array", vec![text(&a), text(&b)]),
            ] {
                let _ = eval_constant(&expr, context);
            }
        });
    }
}
