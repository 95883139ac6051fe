//! pg_get_function_arguments(), pg_get_function_result(): signatures of what is built in.

use expr::function::Argument;
use types::{DataType, Error, Oid, Result, Value};

pub(super) fn call(function: &str, oid: Oid) -> Result<Value> {
    if function == "pg_get_functiondef" {
        return Err(Error::unsupported("function pg_get_functiondef()")
            .hint("All functions are built in: none has a definition in SQL."));
    }
    let aggregate = expr::aggregate::all().find(|aggregate| aggregate.oid == oid && oid != 0);
    let Some(found) = expr::function::by_oid(oid) else {
        let Some(aggregate) = aggregate else { return Ok(Value::Null) };
        return Ok(match function {
            "pg_get_function_result" => Value::Text(name(aggregate.returns)),
            "pg_get_function_arguments" | "pg_get_function_identity_arguments" => {
                Value::Text(list(aggregate.args))
            }
            _ => Value::Null,
        });
    };
    Ok(match function {
        "pg_get_function_result" => {
            let set = if found.returns_set() { "SETOF " } else { "" };
            let returns = if found.columns.is_empty() { name(found.returns) } else { "record".to_owned() };
            Value::Text(format!("{set}{returns}"))
        }
        "pg_get_function_identity_arguments" => Value::Text(arguments(found, false)),
        "pg_get_function_arguments" => Value::Text(arguments(found, true)),
        _ => Value::Null,
    })
}

fn arguments(function: &expr::Function, with_columns: bool) -> String {
    let last = function.args.len().saturating_sub(1);
    let inputs =
        function.args.iter().enumerate().map(|(at, arg)| match (function.variadic && at == last, arg) {
            (true, Argument::Is(ty)) => format!("VARIADIC {}", ty.array().unwrap_or(*ty)),
            (true, arg) => format!("VARIADIC {}", name(*arg)),
            (false, arg) => name(*arg),
        });
    let columns = function.columns.iter().filter(|_| with_columns);
    let columns = columns.map(|(column, ty)| format!("OUT {column} {ty}"));
    inputs.chain(columns).collect::<Vec<_>>().join(", ")
}

fn list(args: &[Argument]) -> String {
    args.iter().map(|arg| name(*arg)).collect::<Vec<_>>().join(", ")
}

fn name(argument: Argument) -> String {
    match argument {
        Argument::Is(DataType::Unknown) => "unknown".to_owned(),
        Argument::Is(ty) => ty.sql_name().to_owned(),
        Argument::AnyElement => "anyelement".to_owned(),
        Argument::AnyArray => "anyarray".to_owned(),
        Argument::AnyNonArray => "anynonarray".to_owned(),
        Argument::AnyCompatible => "anycompatible".to_owned(),
        Argument::AnyCompatibleArray => "anycompatiblearray".to_owned(),
        Argument::Any => "\"any\"".to_owned(),
    }
}
