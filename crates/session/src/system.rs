//! What the system relations may know of the session and the cluster.

use crate::surroundings::Known;
use catalog::system::{Role, Surroundings};
use types::{Oid, Result, Value};

impl Surroundings for Known {
    fn current_user(&self) -> Oid {
        Known::current_user(self)
    }
    fn current_database(&self) -> String {
        self.database.clone()
    }
    fn search_path(&self) -> Vec<String> {
        Known::search_path(self)
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
