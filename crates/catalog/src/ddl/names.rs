//! Names that PostgreSQL makes up (`makeObjectName`, `ChooseRelationName`).

use crate::state::State;
use types::Oid;
use types::schema::Relation;

/// `NAMEDATALEN` - 1.
const NAME_LIMIT_BYTES: usize = 63;

/// A free name for a relation or an index: `first_second_label`, with a number where that is taken.
pub(super) fn relation_name(
    state: &State,
    schema: Oid,
    first: &str,
    second: Option<&str>,
    label: &str,
    taken: &[String],
) -> String {
    numbered(first, second, label, |name| {
        state.named(schema, name).is_some() || taken.iter().any(|taken| taken == name)
    })
}

/// A free name for a constraint of a table.
pub(super) fn constraint_name(relation: &Relation, second: Option<&str>, label: &str) -> String {
    numbered(&relation.name, second, label, |name| {
        relation.constraints.iter().any(|constraint| constraint.name == name)
    })
}

/// `a_b` for an index or constraint over columns a and b.
pub(super) fn joined(columns: &[&str]) -> String {
    columns.join("_")
}

fn numbered(first: &str, second: Option<&str>, label: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut name = object_name(first, second, label);
    let mut number = 0;
    while taken(&name) {
        number += 1;
        name = object_name(first, second, &format!("{label}{number}"));
    }
    name
}

/// Shortens the longer of the two names until all fits.
fn object_name(first: &str, second: Option<&str>, label: &str) -> String {
    let overhead = label.len() + 1 + second.map_or(0, |_| 1);
    let available = NAME_LIMIT_BYTES.saturating_sub(overhead);
    let mut lengths = (first.len(), second.map_or(0, str::len));
    while lengths.0 + lengths.1 > available {
        if lengths.0 > lengths.1 {
            lengths.0 -= 1;
        } else {
            lengths.1 -= 1;
        }
    }
    let first = clipped(first, lengths.0);
    match second {
        Some(second) => format!("{first}_{}_{label}", clipped(second, lengths.1)),
        None => format!("{first}_{label}"),
    }
}

fn clipped(name: &str, length: usize) -> &str {
    let end = (0..=length.min(name.len())).rev().find(|&at| name.is_char_boundary(at)).unwrap_or(0);
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_shortened_as_postgresql_does() {
        // select from PostgreSQL 15: create table <60 a> (b int unique) -> <54 a>_b_key1 and the like.
        let long = "a".repeat(60);
        assert_eq!(object_name(&long, Some("b"), "key"), format!("{}_b_key", "a".repeat(57)));
        assert_eq!(object_name("t", None, "pkey"), "t_pkey");
    }
}
