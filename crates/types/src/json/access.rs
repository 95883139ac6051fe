//! Looking into jsonb: `->`, `#>`, `@>`, `?` and their like. Results are parts of the document, in place.

use super::binary::Node;
use super::order::compare;
use std::cmp::Ordering;

/// `document -> key`
pub fn get<'a>(document: &'a [u8], key: &str) -> Option<&'a [u8]> {
    match Node::read(document) {
        Node::Object(object) => object.get(key),
        _ => None,
    }
}

/// `document -> index`; a negative index counts from the end. A scalar is an array of one, as PostgreSQL stores it.
pub fn get_index(document: &[u8], index: i64) -> Option<&[u8]> {
    match Node::read(document) {
        Node::Array(array) => {
            let index = if index < 0 { array.len as i64 + index } else { index };
            array.get(usize::try_from(index).ok()?)
        }
        Node::Object(_) => None,
        _ => matches!(index, 0 | -1).then_some(document),
    }
}

/// `document #> path`. Within an array a step is a number.
pub fn get_path<'a>(document: &'a [u8], path: &[&str]) -> Option<&'a [u8]> {
    path.iter().try_fold(document, |document, step| match Node::read(document) {
        Node::Object(object) => object.get(step),
        Node::Array(_) => get_index(document, path_index(step)?),
        _ => None,
    })
}

/// A path's step as an index: an integer, as C reads one.
pub(super) fn path_index(step: &str) -> Option<i64> {
    step.trim_start_matches(crate::text::is_space).parse::<i32>().ok().map(i64::from)
}

/// What `->>` shows: a string without quotes, nothing (NULL) for null, else the text.
pub fn as_text(document: &[u8]) -> Option<String> {
    match Node::read(document) {
        Node::Null => None,
        Node::String(text) => Some(text.to_owned()),
        _ => {
            let mut out = String::new();
            super::format(document, &mut out);
            Some(out)
        }
    }
}

/// `jsonb_typeof`
pub fn type_of(document: &[u8]) -> &'static str {
    match Node::read(document) {
        Node::Null => "null",
        Node::Bool(_) => "boolean",
        Node::Number(_) => "number",
        Node::String(_) => "string",
        Node::Array(_) => "array",
        Node::Object(_) => "object",
    }
}

/// `document ? key`: a key of an object, a string of an array, or the string itself.
pub fn exists(document: &[u8], key: &str) -> bool {
    match Node::read(document) {
        Node::Object(object) => object.get(key).is_some(),
        Node::Array(array) => {
            array.iter().any(|element| matches!(Node::read(element), Node::String(text) if text == key))
        }
        Node::String(text) => text == key,
        _ => false,
    }
}

/// `document @> other`
pub fn contains(document: &[u8], other: &[u8]) -> bool {
    match (Node::read(document), Node::read(other)) {
        // At the top an array contains a scalar that it has as an element.
        (Node::Array(array), scalar) if scalar.is_scalar() => array
            .iter()
            .any(|element| Node::read(element).is_scalar() && compare(element, other) == Ordering::Equal),
        _ => contains_node(document, other),
    }
}

fn contains_node(document: &[u8], other: &[u8]) -> bool {
    match (Node::read(document), Node::read(other)) {
        (Node::Object(object), Node::Object(other)) => {
            object.len >= other.len
                && other
                    .iter()
                    .all(|(key, value)| object.get(key).is_some_and(|mine| contains_node(mine, value)))
        }
        (Node::Array(array), Node::Array(other)) => {
            other.iter().all(|wanted| array.iter().any(|element| contains_node(element, wanted)))
        }
        (document_node, other_node) => {
            document_node.is_scalar() && other_node.is_scalar() && compare(document, other) == Ordering::Equal
        }
    }
}
