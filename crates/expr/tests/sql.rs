//! Expressions as PostgreSQL 15 computes them: `golden/*.txt` hold lines `expression => result :: type`, written by
//! `golden/generate.py` from a real server. A parser of expressions, small enough for this, binds them here.

mod expression;

use expression::parse;
use std::fmt::Write;
use std::path::Path;
use stele_expr::{self as expr, Context, Expr, eval_constant, eval_set};
use types::{Batch, DataType, Error, Result, TextSettings, Value, Vector};

struct NoNames;

impl expr::Runtime for NoNames {
    fn call(&self, function: &'static expr::Function, _: &[Value]) -> Result<Value> {
        Err(Error::unsupported(function.name))
    }
    fn call_set(&self, function: &'static expr::Function, _: &[Value]) -> Result<Vec<Vec<Value>>> {
        Err(Error::unsupported(function.name))
    }
    fn subplan(
        &self,
        _: usize,
        _: &expr::SubplanKind,
        _: usize,
        _: &[Vector],
        _: &[Vector],
        _: usize,
        _: &[Value],
    ) -> Result<Vector> {
        Err(Error::unsupported("a subquery"))
    }
    fn name_of(&self, _: DataType, oid: u32) -> Result<Option<String>> {
        Ok(DataType::from_oid(oid).map(|ty| ty.to_string()))
    }
    fn oid_of(&self, _: DataType, name: &str) -> Result<Option<u32>> {
        Ok(DataType::from_name(name).map(DataType::oid))
    }
    fn check_interrupt(&self) -> Result<()> {
        Ok(())
    }
}

fn settings() -> TextSettings {
    let zone = types::datetime::TimeZone::parse("America/New_York").expect("a zone");
    TextSettings { time_zone: zone.into(), ..TextSettings::default() }
}

fn shown(value: &Value, data_type: DataType, settings: &TextSettings) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Oid(oid) if data_type == DataType::Regtype => {
            DataType::from_oid(*oid).expect("a type").to_string()
        }
        value => types::text::to_string(value, data_type, settings).replace('\n', "\\n"),
    }
}

fn computed(source: &str, context: &Context<'_>) -> Result<String> {
    let mut expr = parse(source)?;
    if expr.data_type() == DataType::Unknown {
        expr = expression::cast(expr, DataType::Text.into(), false)?;
    }
    let data_type = expr.data_type();
    if let Expr::Call { function, args, .. } = &expr
        && function.returns_set()
    {
        let args = args.iter().map(|arg| eval_constant(arg, context)).collect::<Result<Vec<_>>>()?;
        let types: Vec<DataType> = match function.columns {
            [] => vec![data_type],
            columns => columns.iter().map(|(_, ty)| *ty).collect(),
        };
        let rows = eval_set(function, &args, context)?;
        let rows = rows.iter().map(|row| {
            let fields: Vec<String> =
                row.iter().zip(&types).map(|(value, ty)| shown(value, *ty, context.settings)).collect();
            fields.join("|")
        });
        return Ok(rows.collect::<Vec<_>>().join(";"));
    }
    let value = eval_constant(&expr, context)?;
    Ok(format!("{} :: {data_type}", shown(&value, data_type, context.settings)))
}

/// `sum int4 {1,2,NULL}`: an aggregate over the elements of an array; of several arrays side by side for more arguments.
fn aggregated(source: &str, context: &Context<'_>) -> Result<String> {
    let mut words = source.split(' ');
    let name = words.next().unwrap_or_default();
    let (mut types, mut columns) = (vec![], vec![]);
    while let (Some(ty), Some(text)) = (words.next(), words.next()) {
        let ty = DataType::from_name(ty).expect("a type");
        let array = types::text::parse(text, ty.array().expect("an array type").into(), context.settings)?;
        let Value::Array(array) = array else { panic!("no array: {text}") };
        types.push(ty);
        columns.push(array.values);
    }
    let rows = columns[0].len();
    // `string_agg` and percentiles take one value for every row.
    columns
        .iter_mut()
        .filter(|column| column.len() == 1)
        .for_each(|column| *column = vec![column[0].clone(); rows.max(1)]);
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    columns
        .iter_mut()
        .filter(|column| column.len() == 1)
        .for_each(|column| *column = vec![column[0].clone(); rows]);
    let resolved = expr::aggregate::resolve(name, &types, false).expect("an aggregate")?;
    let mut vectors = Vec::new();
    for ((values, from), to) in columns.iter().zip(&types).zip(&resolved.arguments) {
        let vector = Vector::from_values(*from, values);
        vectors.push(types::cast::cast_vector(&vector, (*to).into(), false, context.settings)?);
    }
    let mut accumulator = (resolved.aggregate.accumulator)(&resolved.arguments, resolved.returns);
    // Every row counts in group 1; group 0 stays empty. In two updates, for there are always more than one.
    let half = rows / 2;
    for range in [0..half, half..rows] {
        let part: Vec<usize> = range.collect();
        let args: Vec<Vector> = vectors.iter().map(|vector| vector.take(&part)).collect();
        accumulator.update(&vec![1; part.len()], 2, &args, context)?;
    }
    let results = accumulator.finish(2, context)?;
    let again = accumulator.finish(2, context)?;
    assert_eq!(format!("{results:?}"), format!("{again:?}"), "{source}: finish changes its result");
    let empty = results.get(0);
    let expected = if matches!(name, "count" | "regr_count") { Value::Int8(0) } else { Value::Null };
    assert_eq!(empty, expected, "{source}: of no rows");
    Ok(format!("{} :: {}", shown(&results.get(1), resolved.returns, context.settings), resolved.returns))
}

fn check(file: &str, compute: fn(&str, &Context<'_>) -> Result<String>) {
    let settings = settings();
    let context = Context { parameters: &[], slots: &[], settings: &settings, runtime: &NoNames };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    let text = std::fs::read_to_string(&path).expect("a golden file");
    let (mut wrong, mut count) = (String::new(), 0);
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (source, expected) = line.rsplit_once(" => ").expect("expression => result");
        let actual = compute(source, &context).unwrap_or_else(|error| {
            format!("ERROR {} {}", error.state.code(), error.message.replace('\n', "\\n"))
        });
        count += 1;
        if actual != expected {
            writeln!(wrong, "{source}\n    expected {expected}\n         got {actual}").expect("a string");
        }
    }
    assert!(count > 0, "{file} is empty");
    assert!(wrong.is_empty(), "{file}:\n{wrong}");
}

macro_rules! golden {
    ($($name:ident $file:literal $compute:ident;)*) => { $(
        #[test]
        fn $name() {
            check($file, $compute);
        }
    )* };
}

golden! {
    numbers "numbers.txt" computed;
    strings "strings.txt" computed;
    patterns "patterns.txt" computed;
    dates "dates.txt" computed;
    formatting "formatting.txt" computed;
    json "json.txt" computed;
    arrays "arrays.txt" computed;
    logic "logic.txt" computed;
    resolution "resolution.txt" computed;
    sets "sets.txt" computed;
    aggregates "aggregates.txt" aggregated;
}

/// Every line of logic.txt again with its constants as columns of a batch of many rows: the loops agree with one row.
#[test]
fn columns_agree_with_constants() {
    let settings = settings();
    let context = Context { parameters: &[], slots: &[], settings: &settings, runtime: &NoNames };
    for file in
        ["numbers.txt", "strings.txt", "patterns.txt", "dates.txt", "arrays.txt", "logic.txt", "json.txt"]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
        let text = std::fs::read_to_string(&path).expect("a golden file");
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (source, _) = line.rsplit_once(" => ").expect("expression => result");
            let Ok(mut expr) = parse(source) else { continue };
            let Ok(expected) = eval_constant(&expr, &context) else { continue };
            let mut columns = vec![];
            lift(&mut expr, &mut columns);
            let rows = 5;
            let columns: Vec<Vector> =
                columns.iter().map(|(value, ty)| Vector::repeat(*ty, value, rows)).collect();
            let result = expr::eval(&expr, &Batch::from_columns(columns, rows), &context)
                .unwrap_or_else(|error| panic!("{source}: {error}"));
            assert_eq!(result.len(), rows, "{source}");
            for row in 0..rows {
                let ty = expr.data_type();
                assert_eq!(
                    shown(&result.get(row), ty, &settings),
                    shown(&expected, ty, &settings),
                    "{source}"
                );
            }
        }
    }
}

/// Constants become columns.
fn lift(expr: &mut Expr, columns: &mut Vec<(Value, DataType)>) {
    if let Expr::Constant { value, ty } = expr {
        columns.push((value.clone(), ty.data_type));
        *expr = Expr::column(columns.len() - 1, *ty);
        return;
    }
    expr.for_each_child_mut(&mut |child| lift(child, columns));
}
