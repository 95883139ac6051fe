//! Views whose text follows a renaming.

use crate::session::Session;
use catalog::FollowingView;
use plan::bind::{Renaming, check_view, renamed_view};
use types::ddl::{AlterTable, Ddl, Name, ObjectKind};
use types::{Oid, Result};

impl Session {
    /// The views that read what is renamed, with the text that they must have then.
    pub(crate) fn following_views(&mut self, ddl: &Ddl) -> Result<Vec<FollowingView>> {
        let (name, to): (&Name, _) = match ddl {
            Ddl::Rename { kind: ObjectKind::Table | ObjectKind::View, name, if_exists: _, to } => {
                (name, To::Name(to))
            }
            Ddl::SetSchema { kind: ObjectKind::Table | ObjectKind::View, name, schema } => {
                (name, To::Schema(schema))
            }
            Ddl::AlterTable { name, if_exists: _, actions } => match actions.as_slice() {
                [AlterTable::RenameTo(to)] => (name, To::Name(to)),
                [AlterTable::RenameColumn { from, to: _ }] => (name, To::Column(from)),
                _ => return Ok(vec![]),
            },
            _ => return Ok(vec![]),
        };
        let environment = self.view_environment()?;
        let Some(relation) = environment.schema.relation(name.schema.as_deref(), &name.name)? else {
            return Ok(vec![]);
        };
        let renaming = match to {
            To::Name(name) => Renaming::Relation { schema: relation.schema.clone(), name: name.clone() },
            To::Schema(schema) => Renaming::Relation { schema: schema.clone(), name: relation.name.clone() },
            To::Column(name) => match relation.column_named(name) {
                Some(column) => Renaming::Column(column.id),
                None => return Ok(vec![]),
            },
        };
        let mut following = vec![];
        for view in self.open_transaction()?.views_reading(relation.oid) {
            let renamed = renamed_view(&view, &relation, &renaming, &environment)?;
            following.push(FollowingView {
                oid: view.oid,
                from: view.view.clone(),
                to: renamed.text,
                references: renamed.references,
            });
        }
        Ok(following)
    }

    /// What was rewritten must still mean something: a view that does not fails the renaming, not its reader.
    pub(crate) fn check_views(&mut self, views: &[Oid]) -> Result<()> {
        if views.is_empty() {
            return Ok(());
        }
        let environment = self.view_environment()?;
        for oid in views {
            if let Some(view) = environment.schema.relation_by_oid(*oid)? {
                check_view(&view, &environment)?;
            }
        }
        Ok(())
    }

    fn view_environment(&mut self) -> Result<plan::Environment> {
        let (path, user) = (self.known.search_path(), self.known.current_user());
        Ok(plan::Environment {
            schema: self.open_transaction()?.schema(&path, user),
            parameters: vec![],
            values: vec![],
            settings: self.known.text_settings(),
            as_of: None,
            current_user: self.known.current_user_name(),
            database: self.known.database.clone(),
        })
    }
}

enum To<'a> {
    Name(&'a String),
    Schema(&'a String),
    Column(&'a str),
}
