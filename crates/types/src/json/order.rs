//! jsonb's order and equality (PostgreSQL 15, 8.14.4): Object > Array > Boolean > Number > String > Null, more members
//! before fewer, then member by member. Numbers compare by value, so `1 = 1.0`.

use super::binary::Node;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// Two documents. An empty array at the top is less than any scalar there: PostgreSQL's history, kept.
pub fn compare(left: &[u8], right: &[u8]) -> Ordering {
    match (Node::read(left), Node::read(right)) {
        (Node::Array(array), scalar) if array.len == 0 && scalar.is_scalar() => Ordering::Less,
        (scalar, Node::Array(array)) if array.len == 0 && scalar.is_scalar() => Ordering::Greater,
        (left, right) => compare_nodes(left, right),
    }
}

fn compare_nodes(left: Node<'_>, right: Node<'_>) -> Ordering {
    match (left, right) {
        (Node::Bool(a), Node::Bool(b)) => a.cmp(&b),
        (Node::Number(a), Node::Number(b)) if a == b => Ordering::Equal,
        (Node::Number(a), Node::Number(b)) => Node::number(a).cmp(&Node::number(b)),
        (Node::String(a), Node::String(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Node::Array(a), Node::Array(b)) => a.len.cmp(&b.len).then_with(|| {
            a.iter()
                .zip(b.iter())
                .map(|(a, b)| compare_nodes(Node::read(a), Node::read(b)))
                .find(|o| o.is_ne())
                .unwrap_or(Ordering::Equal)
        }),
        (Node::Object(a), Node::Object(b)) => a.len.cmp(&b.len).then_with(|| {
            a.iter()
                .zip(b.iter())
                .map(|((key, a), (other, b))| {
                    key.as_bytes()
                        .cmp(other.as_bytes())
                        .then_with(|| compare_nodes(Node::read(a), Node::read(b)))
                })
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        }),
        (left, right) => rank(&left).cmp(&rank(&right)),
    }
}

fn rank(node: &Node<'_>) -> u8 {
    match node {
        Node::Null => 0,
        Node::String(_) => 1,
        Node::Number(_) => 2,
        Node::Bool(_) => 3,
        Node::Array(_) => 4,
        Node::Object(_) => 5,
    }
}

/// Agrees with [`compare`] = Equal.
pub fn hash<H: Hasher>(document: &[u8], state: &mut H) {
    let node = Node::read(document);
    state.write_u8(rank(&node));
    match node {
        Node::Null => {}
        Node::Bool(value) => value.hash(state),
        Node::Number(bytes) => Node::number(bytes).hash(state),
        Node::String(text) => text.hash(state),
        Node::Array(array) => {
            array.len.hash(state);
            array.iter().for_each(|element| hash(element, state));
        }
        Node::Object(object) => {
            object.len.hash(state);
            object.iter().for_each(|(key, value)| {
                key.hash(state);
                hash(value, state);
            });
        }
    }
}
