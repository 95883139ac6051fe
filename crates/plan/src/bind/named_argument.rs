//! `f(name => value)`: arguments put in their places by name.

use super::{Binder, names};
use sqlparser::ast::{self, Expr as Sql, FunctionArg, FunctionArgExpr, FunctionArgOperator};
use types::{Result, err};

/// A function whose arguments have names: each with the text of its default, if it has one.
type Signature = (&'static str, &'static [(&'static str, Option<&'static str>)]);

/// Those of PostgreSQL 15's `pg_proc.proargnames` that we have.
const SIGNATURES: &[Signature] = &[
    (
        "make_interval",
        &[
            ("years", Some("0")),
            ("months", Some("0")),
            ("weeks", Some("0")),
            ("days", Some("0")),
            ("hours", Some("0")),
            ("mins", Some("0")),
            ("secs", Some("0.0")),
        ],
    ),
    ("make_date", &[("year", None), ("month", None), ("day", None)]),
    ("make_time", &[("hour", None), ("min", None), ("sec", None)]),
    ("make_timestamp", MOMENT),
    ("make_timestamptz", MOMENT),
    (
        "make_timestamptz",
        &[
            ("year", None),
            ("month", None),
            ("mday", None),
            ("hour", None),
            ("min", None),
            ("sec", None),
            ("timezone", None),
        ],
    ),
    (
        "jsonb_set",
        &[("jsonb_in", None), ("path", None), ("replacement", None), ("create_if_missing", Some("true"))],
    ),
    (
        "jsonb_insert",
        &[("jsonb_in", None), ("path", None), ("replacement", None), ("insert_after", Some("false"))],
    ),
    (
        "jsonb_set_lax",
        &[
            ("jsonb_in", None),
            ("path", None),
            ("replacement", None),
            ("create_if_missing", Some("true")),
            ("null_value_treatment", Some("'use_json_null'")),
        ],
    ),
    ("parse_ident", &[("str", None), ("strict", Some("true"))]),
    ("jsonb_each", JSON),
    ("jsonb_each_text", JSON),
    ("jsonb_array_elements", JSON),
    ("jsonb_array_elements_text", JSON),
    ("json_each", JSON),
    ("json_each_text", JSON),
    ("json_array_elements", JSON),
    ("json_array_elements_text", JSON),
];
const MOMENT: &[(&str, Option<&str>)] =
    &[("year", None), ("month", None), ("mday", None), ("hour", None), ("min", None), ("sec", None)];
const JSON: &[(&str, Option<&str>)] = &[("from_json", None)];

/// Functions of ours that take any number of arguments and a named one beside: what is called with that one first.
const BESIDE: &[(&str, &str, &str)] = &[("proof", "as_of", "proof_as_of")];

/// A call whose arguments are in their places.
pub(crate) struct Placed {
    /// Another function to call instead.
    pub name: Option<&'static str>,
    pub args: Vec<Sql>,
}

impl Binder<'_> {
    /// The arguments of a call that names some of them; None if it names none.
    pub(crate) fn placed(
        &self,
        schema: Option<&str>,
        function: &str,
        args: &[FunctionArg],
        at: &ast::ObjectName,
    ) -> Result<Option<Placed>> {
        if args.iter().all(|arg| matches!(arg, FunctionArg::Unnamed(_))) {
            return Ok(None);
        }
        let (mut given, mut named): (Vec<Sql>, Vec<(String, Sql)>) = (vec![], vec![]);
        for arg in args {
            match self.named(arg, function, at)? {
                (Some(name), _) if named.iter().any(|(other, _)| *other == name) => {
                    let error = err!(SyntaxError, "argument name \"{name}\" used more than once");
                    return Err(self.at(error, at));
                }
                (Some(name), sql) => named.push((name, sql)),
                (None, _) if !named.is_empty() => {
                    let error = err!(SyntaxError, "positional argument cannot follow named argument");
                    return Err(self.at(error, at));
                }
                (None, sql) => given.push(sql),
            }
        }
        if schema == Some("ledger")
            && let [(name, value)] = named.as_slice()
            && let Some((_, _, instead)) =
                BESIDE.iter().find(|(of, beside, _)| *of == function && beside == name)
        {
            let args = [value.clone()].into_iter().chain(given).collect();
            return Ok(Some(Placed { name: Some(instead), args }));
        }
        let ours = schema.is_none_or(|schema| schema == "pg_catalog");
        for (_, signature) in SIGNATURES.iter().filter(|(name, _)| ours && *name == function) {
            if let Some(args) = in_place(signature, &given, &named)? {
                return Ok(Some(Placed { name: None, args }));
            }
        }
        let names: Vec<String> = std::iter::repeat_n("unknown".to_owned(), given.len())
            .chain(named.iter().map(|(name, _)| format!("{name} => unknown")))
            .collect();
        let error = err!(UndefinedFunction, "function {function}({}) does not exist", names.join(", "))
            .hint("No function matches the given name and argument names. You might need to give the arguments by their places.");
        Err(self.at(error, at))
    }

    fn named(
        &self,
        arg: &FunctionArg,
        function: &str,
        at: &ast::ObjectName,
    ) -> Result<(Option<String>, Sql)> {
        let (name, value) = match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(sql)) => return Ok((None, sql.clone())),
            FunctionArg::ExprNamed {
                name: Sql::Identifier(name),
                arg: FunctionArgExpr::Expr(value),
                operator: FunctionArgOperator::RightArrow | FunctionArgOperator::Assignment,
            }
            | FunctionArg::Named {
                name,
                arg: FunctionArgExpr::Expr(value),
                operator: FunctionArgOperator::RightArrow | FunctionArgOperator::Assignment,
            } => (name, value),
            _ => return Err(self.at(err!(SyntaxError, "syntax error in the call of {function}"), at)),
        };
        Ok((Some(names::fold(name)), value.clone()))
    }
}

/// The arguments in the signature's order, with defaults between; None if they are not this signature's. Defaults
/// after the last that is given are left to the function.
fn in_place(
    signature: &[(&str, Option<&str>)],
    given: &[Sql],
    named: &[(String, Sql)],
) -> Result<Option<Vec<Sql>>> {
    let known = |name: &str| signature.iter().skip(given.len()).any(|(known, _)| *known == name);
    if given.len() > signature.len() || !named.iter().all(|(name, _)| known(name)) {
        return Ok(None);
    }
    let mut args = given.to_vec();
    let mut left = named.len();
    for (name, default) in signature.iter().skip(given.len()) {
        match (named.iter().find(|(given, _)| given == name), default) {
            (Some((_, value)), _) => {
                args.push(value.clone());
                left -= 1;
            }
            (None, Some(_)) if left == 0 => {}
            (None, Some(default)) => args.push(crate::parse::parse_expression(default)?),
            (None, None) => return Ok(None),
        }
    }
    Ok(Some(args))
}
