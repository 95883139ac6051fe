//! What the system relations may know of the session and the cluster.

use crate::portal::Portal;
use crate::prepared::Prepared;
use crate::session::Session;
use crate::surroundings::Known;
use catalog::system::{Role, Surroundings};
use std::sync::Arc;
use types::schema::RelationKind;
use types::{DataType, Oid, Result, Value};

impl Surroundings for Known {
    fn current_user(&self) -> Oid {
        Known::current_user(self)
    }
    fn current_database(&self) -> String {
        self.database.clone()
    }
    fn search_path(&self) -> Vec<String> {
        Known::search_path(self).to_vec()
    }
    fn roles(&self) -> Result<Vec<Role>> {
        Ok(self.directory().roles.clone())
    }
    fn memberships(&self) -> Result<Vec<(Oid, Oid, bool)>> {
        Ok(self.directory().memberships.clone())
    }
    fn databases(&self) -> Result<Vec<(Oid, String, Oid)>> {
        Ok(self.directory().databases.clone())
    }
    fn settings(&self) -> Vec<Vec<String>> {
        let all = self.settings.borrow().all();
        all.into_iter()
            .map(|(name, value, description)| {
                let text = |text: &str| text.to_owned();
                vec![
                    name,
                    value.clone(),
                    text(""),
                    text("Stele"),
                    description,
                    text("user"),
                    text("string"),
                    text("default"),
                    value.clone(),
                    value,
                ]
            })
            .collect()
    }
    fn session_rows(&self, relation: &str) -> Result<Vec<Vec<Value>>> {
        if relation == "pg_stat_activity" {
            return Ok(self.activity());
        }
        Ok(self.listings.borrow().get(relation).cloned().unwrap_or_default())
    }
}

const PREPARED_STATEMENTS: &str = "pg_prepared_statements";
const CURSORS: &str = "pg_cursors";

impl Session {
    /// Lists prepared statements and cursors for a query that asks for them.
    pub(crate) fn fill_listings(&self, query: &plan::Query) {
        let asks = |name: &str| {
            let mut relations = query.privileges.iter().map(|need| &need.relation);
            relations.any(|relation| relation.kind == RelationKind::System && relation.name == name)
        };
        let mut listings = self.known.listings.borrow_mut();
        if asks(PREPARED_STATEMENTS) {
            listings.insert(PREPARED_STATEMENTS.into(), self.prepared_rows());
        }
        if asks(CURSORS) {
            listings.insert(CURSORS.into(), self.cursor_rows());
        }
    }

    /// name, statement, prepare_time, parameter_types, from_sql, generic_plans, custom_plans.
    fn prepared_rows(&self) -> Vec<Vec<Value>> {
        let mut named: Vec<_> = self.prepared.iter().filter(|(name, _)| !name.is_empty()).collect();
        named.sort_by_key(|(name, _)| *name);
        let row = |(name, prepared): (&String, &Arc<Prepared>)| {
            let types = prepared.parameters.iter().map(|ty| Value::Oid(ty.oid())).collect();
            vec![
                Value::text(name.as_str()),
                Value::text(&*prepared.source),
                Value::Timestamp(prepared.prepared_us),
                Value::array(DataType::Regtype, types),
                Value::Bool(prepared.from_sql),
                Value::Int8(0),
                Value::Int8(0),
            ]
        };
        named.into_iter().map(row).collect()
    }

    /// name, statement, is_holdable, is_binary, is_scrollable, creation_time.
    fn cursor_rows(&self) -> Vec<Vec<Value>> {
        let mut cursors: Vec<_> = self.portals.iter().filter(|(_, portal)| portal.cursor.is_some()).collect();
        cursors.sort_by_key(|(name, _)| *name);
        let row = |(name, portal): (&String, &Portal)| {
            let cursor = portal.cursor.as_ref();
            vec![
                Value::text(name.as_str()),
                Value::Text(format!("{};", portal.prepared.source)),
                Value::Bool(cursor.is_some_and(|cursor| cursor.hold)),
                Value::Bool(false),
                Value::Bool(cursor.is_some_and(|cursor| cursor.scroll)),
                Value::Timestamp(portal.created_us),
            ]
        };
        cursors.into_iter().map(row).collect()
    }
}

impl Known {
    /// pid, database, user, client address, backend start: what pg_stat_activity shows of each session.
    fn activity(&self) -> Vec<Vec<Value>> {
        let sessions = self.cluster.sessions();
        sessions
            .into_iter()
            .map(|(process_id, session)| {
                vec![
                    Value::Int4(process_id),
                    Value::Text(session.database),
                    Value::Text(session.user),
                    session.client_address.map_or(Value::Null, Value::Text),
                    Value::Timestamp(session.started_at_us),
                ]
            })
            .collect()
    }

    /// SET LOCAL through set_config(): the session undoes it when the transaction ends.
    pub fn pending_local(&self, name: &str) {
        let before = self.settings.borrow().get(name).unwrap_or_default();
        self.pending_local.borrow_mut().push((name.to_owned(), before));
    }
}
