//! A document under construction.

use super::binary::{ARRAY, FALSE, NULL, NUMBER, Node, OBJECT, STRING, TRUE, key_order};
use super::{MAX_DEPTH, too_deep};
use crate::{Numeric, Result, canonical};
use std::borrow::Cow;

/// A document or a part of one, to be encoded. Members may come in any order and more than once: the last of a key wins.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree<'a> {
    Null,
    Bool(bool),
    /// Finite; NaN and the infinities are written as strings.
    Number(Numeric),
    String(Cow<'a, str>),
    Array(Vec<Tree<'a>>),
    Object(Vec<(Cow<'a, str>, Tree<'a>)>),
    /// A part that is encoded already.
    Encoded(Cow<'a, [u8]>),
}

impl<'a> Tree<'a> {
    pub fn encoded(bytes: &'a [u8]) -> Tree<'a> {
        Tree::Encoded(Cow::Borrowed(bytes))
    }

    pub fn string(text: impl Into<Cow<'a, str>>) -> Tree<'a> {
        Tree::String(text.into())
    }

    /// One level of an encoded document.
    pub fn open(bytes: &'a [u8]) -> Tree<'a> {
        match Node::read(bytes) {
            Node::Array(array) => Tree::Array(array.iter().map(Tree::encoded).collect()),
            Node::Object(object) => Tree::Object(
                object.iter().map(|(key, value)| (Cow::Borrowed(key), Tree::encoded(value))).collect(),
            ),
            _ => Tree::encoded(bytes),
        }
    }

    /// The canonical bytes. 54001 for a document that nests too deeply, 54000 for one that is too long.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        self.write(&mut out, 0)?;
        Ok(out)
    }

    /// Returns the depth.
    fn write(&self, out: &mut Vec<u8>, level: u16) -> Result<u16> {
        match self {
            Tree::Null => out.push(NULL),
            Tree::Bool(value) => out.push(if *value { TRUE } else { FALSE }),
            Tree::Number(number) if !number.is_finite() => {
                out.push(STRING);
                out.extend_from_slice(number.to_string().as_bytes());
            }
            Tree::Number(number) => {
                out.push(NUMBER);
                canonical::encode_numeric(number, out);
            }
            Tree::String(text) => {
                out.push(STRING);
                out.extend_from_slice(text.as_bytes());
            }
            Tree::Encoded(bytes) => {
                let depth = Node::read(bytes).depth();
                if depth > MAX_DEPTH - level {
                    return Err(too_deep());
                }
                out.extend_from_slice(bytes);
                return Ok(depth);
            }
            Tree::Array(elements) => {
                if level >= MAX_DEPTH {
                    return Err(too_deep());
                }
                let start = container(out, ARRAY, elements.len(), 4);
                let first = out.len();
                let mut depth = 0;
                for (index, element) in elements.iter().enumerate() {
                    depth = depth.max(element.write(out, level + 1)?);
                    set_end(out, start + index * 4, first)?;
                }
                return Ok(set_depth(out, start, depth + 1));
            }
            Tree::Object(members) => {
                if level >= MAX_DEPTH {
                    return Err(too_deep());
                }
                let members = sorted(members);
                let start = container(out, OBJECT, members.len(), 8);
                let first = out.len();
                for (index, (key, _)) in members.iter().enumerate() {
                    out.extend_from_slice(key.as_bytes());
                    set_end(out, start + index * 8, first)?;
                }
                let first = out.len();
                let mut depth = 0;
                for (index, (_, value)) in members.iter().enumerate() {
                    depth = depth.max(value.write(out, level + 1)?);
                    set_end(out, start + index * 8 + 4, first)?;
                }
                return Ok(set_depth(out, start, depth + 1));
            }
        }
        Ok(0)
    }
}

/// By key; the last of equal keys stays.
fn sorted<'t, 'a>(members: &'t [(Cow<'a, str>, Tree<'a>)]) -> Vec<(&'t str, &'t Tree<'a>)> {
    let mut sorted: Vec<(&str, &Tree)> = members.iter().map(|(key, value)| (key.as_ref(), value)).collect();
    let ascending = sorted.windows(2).all(|pair| key_order(pair[0].0, pair[1].0).is_lt());
    if !ascending {
        // Stable: of equal keys the last written comes last.
        sorted.sort_by(|a, b| key_order(a.0, b.0));
        sorted.reverse();
        sorted.dedup_by(|a, b| a.0 == b.0);
        sorted.reverse();
    }
    sorted
}

/// Tag, room for the depth, count, room for the ends. Returns where the ends are.
fn container(out: &mut Vec<u8>, tag: u8, count: usize, width: usize) -> usize {
    out.push(tag);
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&(count as u32).to_be_bytes());
    let start = out.len();
    out.resize(start + count * width, 0);
    start
}

/// Writes at `at` how far the bytes reach from `first`.
fn set_end(out: &mut [u8], at: usize, first: usize) -> Result<()> {
    // PostgreSQL's limit for all elements of a container.
    let Some(end) = u32::try_from(out.len() - first).ok().filter(|end| *end <= 0x0fff_ffff) else {
        crate::bail!(
            ProgramLimitExceeded,
            "total size of jsonb container elements exceeds the maximum of {} bytes",
            0x0fff_ffff
        );
    };
    out[at..at + 4].copy_from_slice(&end.to_be_bytes());
    Ok(())
}

fn set_depth(out: &mut [u8], ends: usize, depth: u16) -> u16 {
    out[ends - 6..ends - 4].copy_from_slice(&depth.to_be_bytes());
    depth
}
