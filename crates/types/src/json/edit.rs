//! Changed documents: `||`, `-`, `#-`, jsonb_set, jsonb_insert, jsonb_strip_nulls.

use super::access::path_index;
use super::binary::Node;
use super::tree::Tree;
use crate::{Result, bail, err};
use std::borrow::Cow;

/// `left || right`: objects are merged, arrays joined; anything else counts as an array of one.
pub fn concat(left: &[u8], right: &[u8]) -> Result<Vec<u8>> {
    let elements = |document| match Tree::open(document) {
        Tree::Array(elements) => elements,
        other => vec![match other {
            Tree::Object(_) => Tree::encoded(document),
            scalar => scalar,
        }],
    };
    match (Tree::open(left), Tree::open(right)) {
        (Tree::Object(mut members), Tree::Object(more)) => {
            members.extend(more);
            Tree::Object(members).encode()
        }
        _ => {
            let mut all = elements(left);
            all.extend(elements(right));
            Tree::Array(all).encode()
        }
    }
}

/// `document - keys`: members of these names, or an array's strings equal to one. 22023 for a scalar.
pub fn delete_keys(document: &[u8], keys: &[&str]) -> Result<Vec<u8>> {
    match Tree::open(document) {
        Tree::Object(mut members) => {
            members.retain(|(key, _)| !keys.contains(&key.as_ref()));
            Tree::Object(members).encode()
        }
        Tree::Array(mut elements) => {
            elements.retain(|element| match element {
                Tree::Encoded(bytes) => {
                    !matches!(Node::read(bytes), Node::String(text) if keys.contains(&text))
                }
                _ => true,
            });
            Tree::Array(elements).encode()
        }
        _ => bail!(InvalidParameterValue, "cannot delete from scalar"),
    }
}

/// `document - index`. 22023 for a scalar or an object.
pub fn delete_index(document: &[u8], index: i64) -> Result<Vec<u8>> {
    match Tree::open(document) {
        Tree::Array(mut elements) => {
            let index = if index < 0 { elements.len() as i64 + index } else { index };
            if let Some(index) = usize::try_from(index).ok().filter(|index| *index < elements.len()) {
                elements.remove(index);
            }
            Tree::Array(elements).encode()
        }
        Tree::Object(_) => bail!(InvalidParameterValue, "cannot delete from object using integer index"),
        _ => bail!(InvalidParameterValue, "cannot delete from scalar"),
    }
}

/// `document #- path`. 22023 for a scalar.
pub fn delete_path(document: &[u8], path: &[&str]) -> Result<Vec<u8>> {
    if Node::read(document).is_scalar() {
        bail!(InvalidParameterValue, "cannot delete path in scalar");
    }
    if is_empty(document) {
        return Ok(document.to_vec());
    }
    change(document, path, &Change::Delete, 0)?.encode()
}

/// `jsonb_set(document, path, value, create_missing)`. 22023 for a scalar.
pub fn set(document: &[u8], path: &[&str], value: &[u8], create: bool) -> Result<Vec<u8>> {
    if Node::read(document).is_scalar() {
        bail!(InvalidParameterValue, "cannot set path in scalar");
    }
    // The path is not even looked at then.
    if is_empty(document) && !create {
        return Ok(document.to_vec());
    }
    change(document, path, &Change::Set { value, create }, 0)?.encode()
}

/// `jsonb_insert(document, path, value, after)`. 22023 for a scalar and for an object's key that exists.
pub fn insert(document: &[u8], path: &[&str], value: &[u8], after: bool) -> Result<Vec<u8>> {
    if Node::read(document).is_scalar() {
        bail!(InvalidParameterValue, "cannot set path in scalar");
    }
    change(document, path, &Change::Insert { value, after }, 0)?.encode()
}

fn is_empty(document: &[u8]) -> bool {
    match Node::read(document) {
        Node::Array(array) => array.len == 0,
        Node::Object(object) => object.len == 0,
        _ => false,
    }
}

enum Change<'a> {
    Delete,
    Set { value: &'a [u8], create: bool },
    Insert { value: &'a [u8], after: bool },
}

/// One step; recurses along the path, which goes no deeper than the document.
fn change<'a>(document: &'a [u8], path: &[&'a str], what: &Change<'a>, level: usize) -> Result<Tree<'a>> {
    let Some(step) = path.get(level) else { return Ok(Tree::encoded(document)) };
    let last = level + 1 == path.len();
    match Tree::open(document) {
        Tree::Object(mut members) => {
            let found = members.iter().position(|(key, _)| key == step);
            match (found, last, what) {
                (Some(index), true, Change::Delete) => {
                    members.remove(index);
                }
                (Some(index), true, Change::Set { value, .. }) => members[index].1 = Tree::encoded(value),
                (Some(_), true, Change::Insert { .. }) => {
                    return Err(err!(InvalidParameterValue, "cannot replace existing key")
                        .hint("Try using the function jsonb_set to replace key value."));
                }
                (Some(index), false, _) => {
                    members[index].1 = change_part(&members[index].1, path, what, level + 1)?;
                }
                (None, true, Change::Set { value, create: true } | Change::Insert { value, .. }) => {
                    members.push((Cow::Borrowed(*step), Tree::encoded(value)));
                }
                (None, _, _) => {}
            }
            Ok(Tree::Object(members))
        }
        Tree::Array(mut elements) => {
            let Some(index) = path_index(step) else {
                bail!(
                    InvalidTextRepresentation,
                    "path element at position {} is not an integer: \"{step}\"",
                    level + 1
                );
            };
            let len = elements.len() as i64;
            // From the end; before the start counts as before the first.
            let index = if index < 0 { index + len } else { index };
            let found = usize::try_from(index).ok().filter(|index| (*index as i64) < len);
            match (found, last, what) {
                (Some(index), true, Change::Delete) => {
                    elements.remove(index);
                }
                (Some(index), true, Change::Set { value, .. }) => elements[index] = Tree::encoded(value),
                (Some(index), true, Change::Insert { value, after }) => {
                    elements.insert(index + usize::from(*after), Tree::encoded(value));
                }
                (Some(index), false, _) => {
                    elements[index] = change_part(&elements[index], path, what, level + 1)?;
                }
                (None, true, Change::Set { value, create: true } | Change::Insert { value, .. }) => {
                    let at = if index < 0 { 0 } else { elements.len() };
                    elements.insert(at, Tree::encoded(value));
                }
                (None, _, _) => {}
            }
            Ok(Tree::Array(elements))
        }
        scalar => Ok(scalar),
    }
}

/// A member, which [`Tree::open`] left encoded and borrowed.
fn change_part<'a>(part: &Tree<'a>, path: &[&'a str], what: &Change<'a>, level: usize) -> Result<Tree<'a>> {
    match part {
        Tree::Encoded(Cow::Borrowed(bytes)) => change(bytes, path, what, level),
        other => Ok(other.clone()),
    }
}

/// `jsonb_strip_nulls`: without members that are null, at every level.
pub fn strip_nulls(document: &[u8]) -> Result<Vec<u8>> {
    strip(document).encode()
}

fn strip(document: &[u8]) -> Tree<'_> {
    match Node::read(document) {
        Node::Array(array) => Tree::Array(array.iter().map(strip).collect()),
        Node::Object(object) => {
            let kept = object.iter().filter(|(_, value)| !matches!(Node::read(value), Node::Null));
            Tree::Object(kept.map(|(key, value)| (Cow::Borrowed(key), strip(value))).collect())
        }
        _ => Tree::encoded(document),
    }
}
