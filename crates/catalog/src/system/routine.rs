//! pg_proc, pg_aggregate, pg_operator, pg_language: the functions that are built in.

use super::base_type;
use super::row::{NULL, Rows, count, row, texts, vector};
use super::source::Source;
use crate::system_tables::BOOTSTRAP_ROLE;
use expr::function::{Argument, Function};
use expr::{Aggregate, Volatility};
use types::{DataType, Oid, Value};

const INTERNAL: Oid = 12;
const OWNER: Oid = BOOTSTRAP_ROLE;

pub(super) fn rows(name: &str, source: &Source<'_>) -> Option<Rows> {
    Some(Ok(match name {
        "pg_proc" => procedures(source),
        "pg_aggregate" => expr::aggregate::all().filter(|a| a.oid != 0).map(aggregate).collect(),
        "pg_operator" => expr::operator::all().map(|operator| operator_row(&operator)).collect(),
        "pg_language" => vec![
            row![INTERNAL, "internal", OWNER, false, false, 0u32, 0u32, 2246u32, NULL],
            row![13u32, "c", OWNER, false, false, 0u32, 0u32, 2247u32, NULL],
            row![14u32, "sql", OWNER, false, true, 0u32, 0u32, 2248u32, NULL],
        ],
        _ => return None,
    }))
}

/// A function's schema and name: ours carry the schema in their name.
pub(super) fn split(name: &'static str) -> (&'static str, &'static str) {
    name.split_once('.').unwrap_or(("pg_catalog", name))
}

fn procedures(source: &Source<'_>) -> Vec<Vec<Value>> {
    let namespace = |name: &str| source.state.namespace_oid(name).unwrap_or(11);
    let functions = expr::function::all().filter(|function| function.oid != 0);
    let mut out: Vec<Vec<Value>> =
        functions.map(|function| function_row(function, namespace(split(function.name).0))).collect();
    out.extend(expr::aggregate::all().filter(|a| a.oid != 0).map(|aggregate| {
        let kind = 'a';
        let args: Vec<Oid> = aggregate.args.iter().map(|arg| argument(*arg)).collect();
        procedure(Procedure {
            oid: aggregate.oid,
            name: aggregate.name,
            namespace: 11,
            kind,
            strict: false,
            set: false,
            volatility: 'i',
            variadic: 0,
            returns: argument(aggregate.returns),
            args,
            columns: &[],
            source: "aggregate_dummy",
        })
    }));
    let known: std::collections::HashSet<Oid> = expr::function::all().map(|function| function.oid).collect();
    out.extend(base_type::functions().filter(|(oid, _)| !known.contains(oid)).map(|(oid, name)| {
        procedure(Procedure {
            oid,
            name,
            namespace: 11,
            kind: 'f',
            strict: true,
            set: false,
            volatility: 'i',
            variadic: 0,
            returns: input_output_result(oid, name),
            args: vec![2281],
            columns: &[],
            source: name,
        })
    }));
    out
}

/// What a type's input function gives: the type. Others give text or bytes.
fn input_output_result(oid: Oid, name: &str) -> Oid {
    let base = base_type::BASES.iter().find(|base| base.functions.iter().any(|(of, _)| *of == oid));
    let position = base.and_then(|base| base.functions.iter().position(|(of, _)| *of == oid));
    match (base, position) {
        (Some(base), Some(0 | 2)) => base.oid,
        (Some(_), Some(1 | 5)) => 2275,
        (Some(_), Some(3)) => DataType::Bytea.oid(),
        (Some(_), Some(4)) => DataType::Int4.oid(),
        (Some(_), _) => 2281,
        (None, _) => match name {
            "array_in" | "array_recv" => 2277,
            "array_out" => 2275,
            "array_send" => DataType::Bytea.oid(),
            "array_typanalyze" => DataType::Bool.oid(),
            _ => 2281,
        },
    }
}

struct Procedure<'a> {
    oid: Oid,
    name: &'a str,
    namespace: Oid,
    kind: char,
    strict: bool,
    set: bool,
    volatility: char,
    variadic: Oid,
    returns: Oid,
    args: Vec<Oid>,
    columns: &'static [(&'static str, DataType)],
    source: &'a str,
}

fn function_row(function: &'static Function, namespace: Oid) -> Vec<Value> {
    let mut args: Vec<Oid> = function.args.iter().map(|arg| argument(*arg)).collect();
    let variadic = match (function.variadic, function.args.last()) {
        (true, Some(Argument::Is(ty))) if !ty.is_array() => ty.oid(),
        (true, Some(Argument::Any)) => 2276,
        (true, Some(Argument::AnyElement)) => 2283,
        (true, _) => 2276,
        (false, _) => 0,
    };
    // A variadic function's last argument is the array of what repeats.
    if let (true, Some(Argument::Is(ty)), Some(last)) =
        (function.variadic, function.args.last(), args.last_mut())
        && let Some(array) = ty.array()
    {
        *last = array.oid();
    }
    procedure(Procedure {
        oid: function.oid,
        name: split(function.name).1,
        namespace,
        kind: 'f',
        strict: function.strict,
        set: function.returns_set(),
        volatility: match function.volatility {
            Volatility::Immutable => 'i',
            Volatility::Stable => 's',
            Volatility::Volatile => 'v',
        },
        variadic,
        returns: argument(function.returns),
        args,
        columns: function.columns,
        source: function.name,
    })
}

fn procedure(it: Procedure<'_>) -> Vec<Value> {
    let char_array = |letters: Vec<Value>| Value::array(DataType::Char, letters);
    // Columns of a set are its OUT arguments.
    let (all, modes, names) = if it.columns.is_empty() {
        (NULL, NULL, NULL)
    } else {
        let columns = it.columns.iter();
        let all = it.args.iter().copied().chain(columns.clone().map(|(_, ty)| ty.oid()));
        let modes = it.args.iter().map(|_| "i").chain(columns.clone().map(|_| "o"));
        let names = it.args.iter().map(|_| "").chain(columns.map(|(name, _)| *name));
        (
            super::row::oids(all.collect::<Vec<_>>()),
            char_array(modes.map(Value::text).collect()),
            texts(names.collect::<Vec<_>>()),
        )
    };
    row![
        it.oid,
        it.name,
        it.namespace,
        OWNER,
        INTERNAL,
        1.0f32,
        if it.set { 1000.0f32 } else { 0.0 },
        it.variadic,
        0u32,
        it.kind,
        false,
        false,
        it.strict,
        it.set,
        it.volatility,
        's',
        count(it.args.len()),
        0i16,
        it.returns,
        vector(DataType::Oid, it.args.into_iter().map(Value::Oid).collect()),
        all,
        modes,
        names,
        NULL,
        NULL,
        it.source,
        NULL,
        NULL,
        NULL,
        NULL,
    ]
}

/// `pg_type.oid` of an argument.
pub(super) fn argument(argument: Argument) -> Oid {
    match argument {
        Argument::Is(ty) => ty.oid(),
        Argument::AnyElement => 2283,
        Argument::AnyArray => 2277,
        Argument::AnyNonArray => 2776,
        Argument::AnyCompatible => 5077,
        Argument::AnyCompatibleArray => 5078,
        Argument::Any => 2276,
    }
}

/// Transition functions are not called by name: those columns are 0.
fn aggregate(aggregate: &'static Aggregate) -> Vec<Value> {
    let direct = if aggregate.ordered_set { aggregate.args.len().saturating_sub(1) } else { 0 };
    row![
        aggregate.oid,
        if aggregate.ordered_set { 'o' } else { 'n' },
        count(direct),
        0u32,
        0u32,
        0u32,
        0u32,
        0u32,
        0u32,
        0u32,
        0u32,
        false,
        false,
        'r',
        'r',
        0u32,
        2281u32,
        0,
        0u32,
        0,
        NULL,
        NULL,
    ]
}

fn operator_row(operator: &expr::operator::Operator) -> Vec<Value> {
    let args: Vec<Oid> = operator.function.args.iter().map(|arg| argument(*arg)).collect();
    let (left, right) = match args.as_slice() {
        [right] => (0, *right),
        [left, right, ..] => (*left, *right),
        [] => (0, 0),
    };
    let equality = operator.symbol == "=";
    row![
        operator.oid,
        operator.symbol,
        11u32,
        OWNER,
        if left == 0 { 'l' } else { 'b' },
        equality,
        equality,
        left,
        right,
        argument(operator.function.returns),
        0u32,
        0u32,
        operator.function.oid,
        0u32,
        0u32,
    ]
}
