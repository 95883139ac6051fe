//! A view's stored text, when a table that it reads is renamed.
//!
//! ```text
//!   t -> new          FROM t            FROM public.new AS t
//!   t.b -> new        FROM t            FROM t AS t(a, b)
//! ```
//! An alias gives back the names that the rest of the text uses, so that nothing else of it has to be touched.

use super::Binder;
use crate::Environment;
use crate::parse::prepass::byte_of;
use crate::parse::reserved;
use sqlparser::ast;
use sqlparser::tokenizer::Location;
use std::sync::Arc;
use types::schema::{ColumnId, Relation};
use types::{Error, Oid, Result};

/// Where a view's own text names a relation.
pub(crate) struct Use {
    relation: Oid,
    start: Location,
    end: Location,
    /// Its alias: where it ends, and how many columns it names.
    alias: Option<(Location, usize)>,
    versioned: bool,
}

/// What happens to the relation.
pub enum Renaming {
    /// It gets this schema and name.
    Relation {
        schema: String,
        name: String,
    },
    Column(ColumnId),
}

/// A view's text and what it reads, after a renaming.
pub struct Renamed {
    pub text: String,
    pub references: Vec<(Oid, ColumnId)>,
}

/// The text of `view` as it must be once `relation` (as it still is) has been renamed.
pub fn renamed_view(
    view: &Arc<Relation>,
    relation: &Relation,
    renaming: &Renaming,
    environment: &Environment,
) -> Result<Renamed> {
    let unsupported = || {
        Error::unsupported(format!("renaming or moving {} while view {} reads it", relation.name, view.name))
            .hint("Drop the view, rename, and create the view again.")
    };
    let Some(text) = &view.view else { return Err(Error::internal("a view without a query")) };
    let mut binder = Binder::new(environment, None);
    binder.uses = Some(vec![]);
    binder.view_scan(view, None)?;
    let uses = binder.uses.take().unwrap_or_default();
    // A name in a literal ('t'::regclass) is not among the places.
    if binder.named_in_literal.contains(&relation.oid) {
        return Err(unsupported());
    }
    let mut references = view.references.clone();
    let mut text = text.clone();
    let mut places: Vec<&Use> = uses.iter().filter(|place| place.relation == relation.oid).collect();
    places.sort_by_key(|place| std::cmp::Reverse((place.start.line, place.start.column)));
    for place in places {
        let (start, end) = (byte_of(&text, place.start), byte_of(&text, place.end));
        // In the past the table has its old name.
        if place.versioned {
            return Err(unsupported());
        }
        match renaming {
            Renaming::Relation { schema, name } => {
                let mut new = format!("{}.{}", quoted(schema), quoted(name));
                if place.alias.is_none() {
                    new += &format!(" AS {}", quoted(&relation.name));
                }
                text.replace_range(start..end, &new);
            }
            Renaming::Column(column) => {
                let read = |id: ColumnId| view.references.contains(&(relation.oid, id));
                let live: Vec<_> = relation.live().collect();
                let count = live.iter().rposition(|column| read(column.id)).map_or(0, |last| last + 1);
                let renamed = live.iter().position(|live| live.id == *column).unwrap_or(usize::MAX);
                if renamed >= count || place.alias.is_some_and(|(_, named)| named > renamed) {
                    continue;
                }
                let listed: Vec<String> = live[..count].iter().map(|column| quoted(&column.name)).collect();
                let list = format!("({})", listed.join(", "));
                match place.alias {
                    None => text.insert_str(end, &format!(" AS {}{list}", quoted(&relation.name))),
                    Some((alias, 0)) => {
                        let alias = byte_of(&text, alias);
                        text.insert_str(alias, &list);
                    }
                    Some(_) => return Err(unsupported()),
                }
                references.extend(live[..count].iter().map(|column| (relation.oid, column.id)));
            }
        }
    }
    references.sort_unstable();
    references.dedup();
    Ok(Renamed { text, references })
}

/// Whether a view's text means something.
pub fn check_view(view: &Arc<Relation>, environment: &Environment) -> Result<()> {
    Binder::new(environment, None).view_scan(view, None).map(drop)
}

impl Binder<'_> {
    /// Remembers a place, if somebody asked.
    pub(super) fn note_use(
        &mut self,
        relation: Oid,
        name: &ast::ObjectName,
        alias: Option<&ast::TableAlias>,
        versioned: bool,
    ) {
        let Some(uses) = &mut self.uses else { return };
        let idents = || name.0.iter().filter_map(|part| part.as_ident());
        if let (Some(first), Some(last)) = (idents().next(), idents().next_back()) {
            let alias = alias.map(|alias| (alias.name.span.end, alias.columns.len()));
            uses.push(Use { relation, start: first.span.start, end: last.span.end, alias, versioned });
        }
    }
}

fn quoted(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.starts_with(|c: char| !c.is_ascii_digit())
        && !reserved::is_reserved(name);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
