//! pg_constraint.

use super::row::{NULL, Rows, numbers, oids, row};
use super::source::Source;
use types::schema::{Action, Constraint, ConstraintKind, ForeignKey, Relation};
use types::{DataType, Oid, Value};

pub(super) fn rows(name: &str, source: &Source<'_>) -> Option<Rows> {
    (name == "pg_constraint").then(|| {
        let all =
            source.tables().flat_map(|relation| relation.constraints.iter().map(move |c| (relation, c)));
        Ok(all.map(|(relation, constraint)| constraint_row(relation, constraint, source)).collect())
    })
}

fn constraint_row(relation: &Relation, constraint: &Constraint, source: &Source<'_>) -> Vec<Value> {
    let key = match &constraint.kind {
        ConstraintKind::ForeignKey(key) => Some(key),
        _ => None,
    };
    let action = |of: fn(&ForeignKey) -> Action| key.map_or(' ', |key| letter(of(key)));
    let target = key.and_then(|key| source.state.relations.get(&key.target));
    let index = match &constraint.kind {
        ConstraintKind::PrimaryKey { index, .. } | ConstraintKind::Unique { index, .. } => *index,
        ConstraintKind::ForeignKey(key) => target.map_or(0, |target| referenced_index(target, key)),
        ConstraintKind::Check { .. } => 0,
    };
    let equalities = match (key, target) {
        (Some(key), Some(target)) => equalities(target, key),
        _ => NULL,
    };
    let columns = columns(relation, constraint);
    row![
        constraint.oid,
        &constraint.name,
        relation.schema_oid,
        kind(constraint),
        key.is_some_and(|key| key.deferrable),
        key.is_some_and(|key| key.initially_deferred),
        true,
        relation.oid,
        0u32,
        index,
        0u32,
        key.map_or(0, |key| key.target),
        action(|key| key.on_update),
        action(|key| key.on_delete),
        key.map_or(' ', |key| if key.match_full { 'f' } else { 's' }),
        true,
        0,
        !matches!(constraint.kind, ConstraintKind::Check { .. }),
        if columns.is_empty() { NULL } else { numbers(&columns) },
        key.map(|key| numbers(&key.target_columns)),
        equalities.clone(),
        equalities.clone(),
        equalities,
        NULL,
        NULL,
        match &constraint.kind {
            ConstraintKind::Check { expression } => Some(expression),
            _ => None,
        },
    ]
}

/// `pg_constraint.contype`.
pub(super) fn kind(constraint: &Constraint) -> char {
    match constraint.kind {
        ConstraintKind::PrimaryKey { .. } => 'p',
        ConstraintKind::Unique { .. } => 'u',
        ConstraintKind::Check { .. } => 'c',
        ConstraintKind::ForeignKey(_) => 'f',
    }
}

/// The columns that it is over. Of a CHECK: those whose names its text holds as words.
pub(super) fn columns(relation: &Relation, constraint: &Constraint) -> Vec<u32> {
    match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => {
            columns.clone()
        }
        ConstraintKind::ForeignKey(key) => key.columns.clone(),
        ConstraintKind::Check { expression } => {
            let words = words(expression);
            let named = relation.live().filter(|column| words.contains(&column.name));
            named.map(|column| column.id).collect()
        }
    }
}

/// Identifiers in an expression's text: folded, or as quoted. String literals hold none.
fn words(text: &str) -> Vec<String> {
    let mut out = vec![];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' || c == '"' {
            let word: String = chars.by_ref().take_while(|&next| next != c).collect();
            if c == '"' {
                out.push(word);
            }
        } else if c.is_alphabetic() || c == '_' {
            let mut word = c.to_lowercase().to_string();
            while let Some(next) = chars.next_if(|next| next.is_alphanumeric() || matches!(next, '_' | '$')) {
                word.extend(next.to_lowercase());
            }
            out.push(word);
        }
    }
    out
}

/// The unique index that a foreign key leans on.
pub(super) fn referenced_index(target: &Relation, key: &ForeignKey) -> Oid {
    referenced(target, key).map_or(0, |(_, index)| index)
}

/// The constraint that a foreign key leans on, and its index.
pub(super) fn referenced<'a>(target: &'a Relation, key: &ForeignKey) -> Option<(&'a Constraint, Oid)> {
    let same = |columns: &[u32]| {
        columns.len() == key.target_columns.len()
            && key.target_columns.iter().all(|column| columns.contains(column))
    };
    target.constraints.iter().find_map(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, index } | ConstraintKind::Unique { columns, index }
            if same(columns) =>
        {
            Some((constraint, *index))
        }
        _ => None,
    })
}

fn letter(action: Action) -> char {
    match action {
        Action::NoAction => 'a',
        Action::Restrict => 'r',
        Action::Cascade => 'c',
        Action::SetNull => 'n',
        Action::SetDefault => 'd',
    }
}

/// The `=` operators of the referenced columns' types.
fn equalities(target: &Relation, key: &ForeignKey) -> Value {
    let types = key.target_columns.iter().filter_map(|id| target.column(*id));
    oids(types.map(|column| equality(column.ty.data_type)))
}

fn equality(data_type: DataType) -> Oid {
    let Ok(function) = expr::operator::equality(data_type) else { return 0 };
    let found =
        expr::operator::all().find(|operator| operator.symbol == "=" && operator.function == function);
    found.map_or(0, |operator| operator.oid)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_are_identifiers() {
        assert_eq!(words("A > 0 AND \"B c\" <> 'x y' OR f(_d1)"), ["a", "and", "B c", "or", "f", "_d1"]);
    }
}
