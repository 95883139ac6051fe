//! Numeric arithmetic against what PostgreSQL 15.18 answered: `golden/numeric.txt`, one `op | a | b | result` a line.

use std::fmt::Display;
use stele_types as types;
use types::{Numeric, Result};

fn show<T: Display>(result: Result<T>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(error) => match &error.detail {
            Some(detail) => format!("ERROR {} {} / {detail}", error.state.code(), error.message),
            None => format!("ERROR {} {}", error.state.code(), error.message),
        },
    }
}

fn show_bool(value: bool) -> String {
    (if value { "true" } else { "false" }).into()
}

fn answer(op: &str, left: &str, right: &str) -> String {
    if op == "parse" {
        return show(Numeric::parse(left));
    }
    let a = Numeric::parse(left).unwrap();
    let integer = || right.parse::<i32>().unwrap();
    let b = || Numeric::parse(right).unwrap();
    let null = |value: Option<i32>| value.map_or("NULL".into(), |value| value.to_string());
    match op {
        "+" => show(a.add(&b())),
        "-" => show(a.sub(&b())),
        "*" => show(a.mul(&b())),
        "/" => show(a.div(&b())),
        "%" => show(a.rem(&b())),
        "div" => show(a.div_trunc(&b())),
        "<" => show_bool(a < b()),
        "=" => show_bool(a == b()),
        "power" => show(a.power(&b())),
        // log(base, number)
        "log" => show(b().log(&a)),
        "gcd" => show(a.gcd(&b())),
        "lcm" => show(a.lcm(&b())),
        "sqrt" => show(a.sqrt()),
        "exp" => show(a.exp()),
        "ln" => show(a.ln()),
        "ceil" => show(a.ceil()),
        "floor" => show(a.floor()),
        "abs" => a.abs().to_string(),
        "sign" => a.sign().to_string(),
        "min_scale" => null(a.min_scale()),
        "scale" => null(a.scale()),
        "trim_scale" => a.trim_scale().to_string(),
        "int8" => show(a.to_integer::<i64>("bigint")),
        "int4" => show(a.to_integer::<i32>("integer")),
        "round" => show(a.round(integer())),
        "trunc" => show(a.trunc(integer())),
        "typmod" => {
            let mut parts = right.split(',').map(|part| part.parse().unwrap());
            let (precision, scale) = (parts.next().unwrap(), parts.next().unwrap_or(0));
            show(a.apply_typmod(types::numeric::typmod(precision, scale).unwrap()))
        }
        other => panic!("{other}?"),
    }
}

#[test]
fn answers_are_postgresql_s() {
    let mut wrong = vec![];
    let mut right = 0;
    for line in include_str!("golden/numeric.txt").lines() {
        let mut fields = line.splitn(4, " | ");
        let mut next = || fields.next().unwrap();
        let (op, a, b, expected) = (next(), next(), next(), next());
        let found = answer(op, a, b);
        if found == expected {
            right += 1;
        } else {
            wrong.push(format!("{line}\n    found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} right, {} wrong:\n{}", right, wrong.len(), wrong.join("\n"));
    assert!(right > 6000);
}
