//! How an index, a constraint and a view read as SQL (`pg_get_indexdef` and its kin).
//!
//! Expressions are shown as they were written, not deparsed.

use expr::functions::quote::identifier;
use types::schema::{
    Action, Column, Constraint, ConstraintKind, ForeignKey, Index, IndexColumn, IndexKey, Relation,
};

/// `CREATE UNIQUE INDEX a ON public.t USING btree (b DESC) WHERE (c > 0)`. `table` is the name to show.
pub fn index(relation: &Relation, index: &Index, table: &str, pretty: bool) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let columns: Vec<String> =
        index.columns.iter().map(|column| key(relation, column) + ordering(column)).collect();
    let mut out = format!(
        "CREATE {unique}INDEX {} ON {table} USING btree ({})",
        identifier(&index.name),
        columns.join(", ")
    );
    if let Some(predicate) = &index.predicate {
        out.push_str(" WHERE ");
        out.push_str(&condition(predicate, pretty));
    }
    out
}

/// One column of an index, from 1, without its ordering.
pub fn index_column(relation: &Relation, index: &Index, position: usize) -> Option<String> {
    index.columns.get(position.checked_sub(1)?).map(|column| key(relation, column))
}

fn key(relation: &Relation, column: &IndexColumn) -> String {
    match &column.key {
        IndexKey::Column(id) => relation.column(*id).map_or_else(String::new, |c| identifier(&c.name)),
        IndexKey::Expression(text, _) if is_call(text) || is_parenthesised(text) => text.clone(),
        IndexKey::Expression(text, _) => format!("({text})"),
    }
}

fn ordering(column: &IndexColumn) -> &'static str {
    match (column.descending, column.nulls_first) {
        (false, false) => "",
        (false, true) => " NULLS FIRST",
        (true, true) => " DESC",
        (true, false) => " DESC NULLS LAST",
    }
}

/// `FOREIGN KEY (a) REFERENCES t(b)`. `target` is the referenced table and its name to show.
pub fn constraint(
    relation: &Relation,
    constraint: &Constraint,
    target: Option<(&Relation, &str)>,
    pretty: bool,
) -> String {
    match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, .. } => format!("PRIMARY KEY ({})", names(relation, columns)),
        ConstraintKind::Unique { columns, .. } => format!("UNIQUE ({})", names(relation, columns)),
        ConstraintKind::Check { expression } if pretty => format!("CHECK ({expression})"),
        ConstraintKind::Check { expression } => format!("CHECK ({})", condition(expression, false)),
        ConstraintKind::ForeignKey(key) => foreign_key(relation, key, target),
    }
}

fn foreign_key(relation: &Relation, key: &ForeignKey, target: Option<(&Relation, &str)>) -> String {
    let (target_name, target_columns) = match target {
        Some((target, name)) => (name, names(target, &key.target_columns)),
        None => ("?", String::new()),
    };
    let mut out =
        format!("FOREIGN KEY ({}) REFERENCES {target_name}({target_columns})", names(relation, &key.columns));
    if key.match_full {
        out.push_str(" MATCH FULL");
    }
    for (clause, action) in [(" ON UPDATE ", key.on_update), (" ON DELETE ", key.on_delete)] {
        if action != Action::NoAction {
            out.push_str(clause);
            out.push_str(action_name(action));
        }
    }
    if key.deferrable {
        out.push_str(" DEFERRABLE");
    }
    if key.initially_deferred {
        out.push_str(" INITIALLY DEFERRED");
    }
    out
}

/// As the standard's views name it.
pub(super) fn action_name(action: Action) -> &'static str {
    match action {
        Action::NoAction => "NO ACTION",
        Action::Restrict => "RESTRICT",
        Action::Cascade => "CASCADE",
        Action::SetNull => "SET NULL",
        Action::SetDefault => "SET DEFAULT",
    }
}

/// A view's query with the semicolon that PostgreSQL ends it with.
pub fn view(query: &str) -> String {
    format!(" {};", query.trim().trim_end_matches(';').trim_end())
}

/// A default as `pg_attrdef` has it: an identity column's sequence is not one.
pub fn default(column: &Column) -> Option<&str> {
    if column.identity.is_some() { None } else { column.default.as_deref() }
}

fn names(relation: &Relation, columns: &[u32]) -> String {
    let names = columns.iter().filter_map(|id| relation.column(*id)).map(|column| identifier(&column.name));
    names.collect::<Vec<_>>().join(", ")
}

fn condition(text: &str, pretty: bool) -> String {
    if pretty || is_parenthesised(text) { text.to_owned() } else { format!("({text})") }
}

/// `(..)` as a whole.
fn is_parenthesised(text: &str) -> bool {
    text.starts_with('(') && closes_at_end(text)
}

/// `name(..)` as a whole.
fn is_call(text: &str) -> bool {
    let open = text.find('(').unwrap_or(0);
    let name = text.get(..open).unwrap_or("");
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
        && text.get(open..).is_some_and(closes_at_end)
}

/// Whether the parenthesis that the text starts with is closed by its last character.
fn closes_at_end(text: &str) -> bool {
    let mut depth = 0usize;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1 == text.len();
                }
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parentheses_are_added_where_there_are_none() {
        assert_eq!(condition("a > 0", false), "(a > 0)");
        assert_eq!(condition("(a > 0)", false), "(a > 0)");
        assert_eq!(condition("(a) > (b)", false), "((a) > (b))");
        assert_eq!(condition("a > 0", true), "a > 0");
        assert!(is_call("lower(a)") && is_call("pg_catalog.f(g(')'))"));
        assert!(!is_call("lower(a) || b") && !is_call("lower(a) || f(b)") && !is_call("(a)"));
    }
}
