//! jsonb's operators and functions against what PostgreSQL 15.18 answered: `op | a | b | result`.

mod golden_file;

use golden_file::{check, column_type, literal, show_error};
use std::cmp::Ordering;
use stele_types as types;
use types::{DataType, Result, TextSettings, Value, json};

fn parse(text: &str) -> Vec<u8> {
    json::parse(text).unwrap()
}

fn shown(document: &[u8]) -> String {
    json::validate(document).unwrap();
    let mut out = String::new();
    json::format(document, &mut out);
    assert_eq!(parse(&out), document, "{out}");
    out
}

fn show(result: Result<Vec<u8>>) -> String {
    match result {
        Ok(document) => shown(&document),
        Err(error) => show_error(&error),
    }
}

fn show_part(part: Option<&[u8]>) -> String {
    part.map_or("NULL".into(), shown)
}

fn show_text(text: Option<String>) -> String {
    text.unwrap_or_else(|| "NULL".into())
}

fn show_bool(value: bool) -> String {
    (if value { "true" } else { "false" }).into()
}

fn path(text: &str) -> Vec<String> {
    match literal(text, DataType::TextArray.into(), &TextSettings::default()).unwrap() {
        Value::Array(array) => array.values.iter().map(|value| value.as_str().unwrap().to_owned()).collect(),
        other => panic!("{other:?}"),
    }
}

fn answer(fields: &[&str], settings: &TextSettings) -> String {
    let [op, a, b] = fields else { panic!("{fields:?}") };
    if matches!(*op, "to_json" | "to_jsonb") {
        let ty = column_type(a);
        let value = literal(b, ty, settings).unwrap();
        if *op == "to_jsonb" {
            return show(json::to_jsonb(&value, ty.data_type, settings));
        }
        let mut out = String::new();
        json::to_json_text(&value, ty.data_type, settings, &mut out);
        return out;
    }
    if let Some(op) = op.strip_prefix("json") {
        return show_text(match op {
            "->" => json::raw::get(a, b).map(str::to_owned),
            "->>" => json::raw::get(a, b).and_then(|part| json::raw::as_text(part).unwrap()),
            _ => json::raw::get_path(a, &path(b).iter().map(String::as_str).collect::<Vec<_>>())
                .map(str::to_owned),
        });
    }
    let document = parse(a);
    let is_path = b.starts_with('{');
    let steps = if is_path && !matches!(*op, "<" | "=" | "@>" | "||") { path(b) } else { vec![] };
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    let index: Option<i64> = b.parse().ok();
    let nine = parse("9");
    match *op {
        "<" => show_bool(json::compare(&document, &parse(b)) == Ordering::Less),
        "=" => show_bool(json::compare(&document, &parse(b)) == Ordering::Equal),
        "@>" => show_bool(json::contains(&document, &parse(b))),
        "||" => show(json::concat(&document, &parse(b))),
        "->#" => show_part(json::get_index(&document, index.unwrap())),
        "->>#" => show_text(json::get_index(&document, index.unwrap()).and_then(json::as_text)),
        "-#" => show(json::delete_index(&document, index.unwrap())),
        "->" => show_part(json::get(&document, b)),
        "->>" => show_text(json::get(&document, b).and_then(json::as_text)),
        "?" => show_bool(json::exists(&document, b)),
        "-" if is_path => show(json::delete_keys(&document, &steps)),
        "-" => show(json::delete_keys(&document, &[b])),
        "#>" => show_part(json::get_path(&document, &steps)),
        "#>>" => show_text(json::get_path(&document, &steps).and_then(json::as_text)),
        "#-" => show(json::delete_path(&document, &steps)),
        "?|" => show_bool(steps.iter().any(|key| json::exists(&document, key))),
        "?&" => show_bool(steps.iter().all(|key| json::exists(&document, key))),
        "set" => show(json::set(&document, &steps, &nine, true)),
        "set!" => show(json::set(&document, &steps, &nine, false)),
        "insert" => show(json::insert(&document, &steps, &nine, false)),
        "insert_after" => show(json::insert(&document, &steps, &nine, true)),
        "typeof" => json::type_of(&document).into(),
        "strip_nulls" => show(json::strip_nulls(&document)),
        "pretty" => {
            let mut out = String::new();
            json::format_pretty(&document, &mut out);
            out.replace('\n', "$")
        }
        other => panic!("{other}?"),
    }
}

#[test]
fn documents_behave_as_postgresql_s() {
    check(include_str!("golden/json.txt"), 3, answer);
}
