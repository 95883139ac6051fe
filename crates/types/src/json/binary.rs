//! Reading the binary form of a jsonb document. No function here panics: bytes that are no document read as null.

use super::MAX_DEPTH;
use crate::{Error, Numeric, Result, canonical};
use std::cmp::Ordering;

pub(super) const NULL: u8 = 0;
pub(super) const FALSE: u8 = 1;
pub(super) const TRUE: u8 = 2;
pub(super) const NUMBER: u8 = 3;
pub(super) const STRING: u8 = 4;
pub(super) const ARRAY: u8 = 5;
pub(super) const OBJECT: u8 = 6;

/// A document or a part of one.
#[derive(Debug, Clone, Copy)]
pub enum Node<'a> {
    Null,
    Bool(bool),
    /// The ledger's canonical bytes of a numeric; see [`Node::number`].
    Number(&'a [u8]),
    String(&'a str),
    Array(ArrayNode<'a>),
    Object(ObjectNode<'a>),
}

#[derive(Debug, Clone, Copy)]
pub struct ArrayNode<'a> {
    pub len: usize,
    pub depth: u16,
    /// The ends of the elements, u32 each.
    ends: &'a [u8],
    elements: &'a [u8],
}

/// Keys ascend by length, then by bytes.
#[derive(Debug, Clone, Copy)]
pub struct ObjectNode<'a> {
    pub len: usize,
    pub depth: u16,
    /// The end of the key and the end of the value of each member, u32 each.
    ends: &'a [u8],
    keys: &'a [u8],
    values: &'a [u8],
}

fn u32_at(bytes: &[u8], index: usize) -> Option<usize> {
    let at = index.checked_mul(4)?;
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?) as usize)
}

impl<'a> Node<'a> {
    pub fn read(bytes: &'a [u8]) -> Node<'a> {
        Node::try_read(bytes).unwrap_or(Node::Null)
    }

    /// One level; what is inside is looked at when it is read.
    fn try_read(bytes: &'a [u8]) -> Option<Node<'a>> {
        let (tag, rest) = bytes.split_first()?;
        Some(match *tag {
            NULL if rest.is_empty() => Node::Null,
            FALSE if rest.is_empty() => Node::Bool(false),
            TRUE if rest.is_empty() => Node::Bool(true),
            NUMBER => Node::Number(rest),
            STRING => Node::String(std::str::from_utf8(rest).ok()?),
            ARRAY | OBJECT => {
                let depth = u16::from_be_bytes(rest.get(..2)?.try_into().ok()?);
                let rest = rest.get(2..)?;
                let len = u32_at(rest, 0)?;
                let rest = rest.get(4..)?;
                let width = if *tag == ARRAY { 4usize } else { 8 };
                let (ends, rest) = rest.split_at_checked(len.checked_mul(width)?)?;
                if *tag == ARRAY {
                    Node::Array(ArrayNode { len, depth, ends, elements: rest })
                } else {
                    let keys_len = if len == 0 { 0 } else { u32_at(ends, (len - 1) * 2)? };
                    let (keys, values) = rest.split_at_checked(keys_len)?;
                    Node::Object(ObjectNode { len, depth, ends, keys, values })
                }
            }
            _ => return None,
        })
    }

    pub fn number(bytes: &[u8]) -> Numeric {
        canonical::decode_numeric(bytes).unwrap_or_default()
    }

    /// How deeply arrays and objects nest: 0 for a scalar.
    pub fn depth(&self) -> u16 {
        match self {
            Node::Array(array) => array.depth,
            Node::Object(object) => object.depth,
            _ => 0,
        }
    }

    pub fn is_scalar(&self) -> bool {
        !matches!(self, Node::Array(_) | Node::Object(_))
    }
}

impl<'a> ArrayNode<'a> {
    /// The bytes of an element: themselves a document.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        if index >= self.len {
            return None;
        }
        let start = if index == 0 { 0 } else { u32_at(self.ends, index - 1)? };
        self.elements.get(start..u32_at(self.ends, index)?)
    }
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len).map(move |index| self.get(index).unwrap_or(&[]))
    }
}

impl<'a> ObjectNode<'a> {
    pub fn key(&self, index: usize) -> Option<&'a str> {
        let start = if index == 0 { 0 } else { u32_at(self.ends, (index - 1) * 2)? };
        std::str::from_utf8(self.keys.get(start..u32_at(self.ends, index * 2)?)?).ok()
    }
    pub fn value(&self, index: usize) -> Option<&'a [u8]> {
        let start = if index == 0 { 0 } else { u32_at(self.ends, index * 2 - 1)? };
        self.values.get(start..u32_at(self.ends, index * 2 + 1)?)
    }
    pub fn get(&self, key: &str) -> Option<&'a [u8]> {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = (low + high) / 2;
            match key_order(self.key(middle)?, key) {
                Ordering::Equal => return self.value(middle),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        None
    }
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        (0..self.len)
            .map(move |index| (self.key(index).unwrap_or_default(), self.value(index).unwrap_or(&[])))
    }
}

/// The order of keys within an object.
pub(super) fn key_order(left: &str, right: &str) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.as_bytes().cmp(right.as_bytes()))
}

/// Checks bytes from outside: exactly what the writer would have written, or XX001.
pub fn validate(bytes: &[u8]) -> Result<()> {
    check(bytes, MAX_DEPTH).map(|_| ()).ok_or_else(|| Error::corrupted("invalid jsonb value"))
}

/// The depth, if all is well.
fn check(bytes: &[u8], allowed: u16) -> Option<u16> {
    match Node::try_read(bytes)? {
        Node::Number(number) => {
            let number = canonical::decode_numeric(number).ok()?;
            number.is_finite().then_some(0)
        }
        // PostgreSQL's text has no zero byte, jsonb neither.
        Node::String(text) => (!text.contains('\0')).then_some(0),
        Node::Array(array) => {
            let allowed = allowed.checked_sub(1)?;
            let mut depth = 0;
            for index in 0..array.len {
                depth = depth.max(check(array.get(index)?, allowed)?);
            }
            let used = if array.len == 0 { 0 } else { u32_at(array.ends, array.len - 1)? };
            (used == array.elements.len() && array.depth == depth + 1).then_some(depth + 1)
        }
        Node::Object(object) => {
            let allowed = allowed.checked_sub(1)?;
            let mut depth = 0;
            for index in 0..object.len {
                let key = object.key(index)?;
                let ascending = index == 0 || key_order(object.key(index - 1)?, key) == Ordering::Less;
                if !ascending || key.contains('\0') {
                    return None;
                }
                depth = depth.max(check(object.value(index)?, allowed)?);
            }
            let used = if object.len == 0 { 0 } else { u32_at(object.ends, object.len * 2 - 1)? };
            (used == object.values.len() && object.depth == depth + 1).then_some(depth + 1)
        }
        Node::Null | Node::Bool(_) => Some(0),
    }
}
