//! The functions, a file per family (PostgreSQL 15, chapter 9), and their index by name and OID.

pub mod array;
pub mod bytea;
pub mod comparison;
pub mod datetime;
pub mod datetime_parts;
pub mod float;
mod format;
pub mod formatting;
pub mod integer;
pub mod json;
pub mod jsonb;
pub mod ledger;
pub mod like;
pub mod numeric;
pub mod quote;
pub mod regex;
mod regex_syntax;
pub mod series;
pub mod system;
pub mod text;

use crate::function::Function;
use std::collections::HashMap;
use std::sync::LazyLock;
use types::Oid;

static FAMILIES: &[&[Function]] = &[
    comparison::FUNCTIONS,
    integer::FUNCTIONS,
    float::FUNCTIONS,
    numeric::FUNCTIONS,
    text::FUNCTIONS,
    bytea::FUNCTIONS,
    like::FUNCTIONS,
    regex::FUNCTIONS,
    datetime::FUNCTIONS,
    datetime_parts::FUNCTIONS,
    formatting::FUNCTIONS,
    json::FUNCTIONS,
    jsonb::FUNCTIONS,
    array::FUNCTIONS,
    series::FUNCTIONS,
    system::FUNCTIONS,
    ledger::FUNCTIONS,
];

static BY_NAME: LazyLock<HashMap<&'static str, Vec<&'static Function>>> = LazyLock::new(|| {
    let mut index: HashMap<_, Vec<_>> = HashMap::new();
    all().for_each(|function| index.entry(function.name).or_default().push(function));
    index
});

static BY_OID: LazyLock<HashMap<Oid, &'static Function>> = LazyLock::new(|| {
    all().filter(|function| function.oid != 0).map(|function| (function.oid, function)).collect()
});

pub(crate) fn all() -> impl Iterator<Item = &'static Function> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

pub(crate) fn named(name: &str) -> &'static [&'static Function] {
    BY_NAME.get(name).map_or(&[], Vec::as_slice)
}

pub(crate) fn by_oid(oid: Oid) -> Option<&'static Function> {
    BY_OID.get(&oid).copied()
}
