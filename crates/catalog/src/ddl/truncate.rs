//! TRUNCATE: a new storage generation. One entry in the ledger, however many rows there were; the past keeps them.

use super::notice;
use crate::transaction::Transaction;
use kv::TableMode;
use types::ddl::Name;
use types::{Error, Oid, Result};

impl Transaction {
    pub(super) fn truncate(
        &mut self,
        names: &[Name],
        restart_identity: bool,
        cascade: bool,
        notices: &mut Vec<Error>,
    ) -> Result<()> {
        let mut tables: Vec<Oid> = vec![];
        for name in names {
            let relation = self.find_table(name)?;
            if !tables.contains(&relation.oid) {
                tables.push(relation.oid);
            }
        }
        let mut at = 0;
        while let Some(oid) = tables.get(at).copied() {
            at += 1;
            let relation = self.relation(oid)?;
            self.lock_for_ddl(&relation, TableMode::AccessExclusive)?;
            self.refuse_append_only(&relation, "TRUNCATE")?;
            for (child, _) in relation.referenced_by.clone() {
                if tables.contains(&child) {
                    continue;
                }
                let child = self.relation(child)?;
                if !cascade {
                    return Err(types::err!(
                        FeatureNotSupported,
                        "cannot truncate a table referenced in a foreign key constraint"
                    )
                    .detail(format!("Table \"{}\" references \"{}\".", child.name, relation.name))
                    .hint(format!(
                        "Truncate table \"{}\" at the same time, or use TRUNCATE ... CASCADE.",
                        child.name
                    )));
                }
                notices.push(notice(format!("truncate cascades to table \"{}\"", child.name)));
                tables.push(child.oid);
            }
        }
        for oid in tables {
            let old = self.relation(oid)?.object_id;
            let object = self.shared.allocate_oid()?;
            self.discard_own_rows(old)?;
            self.change_relation(oid, |relation| {
                relation.predecessor = old;
                relation.object_id = object;
            })?;
            if restart_identity {
                for (sequence, _) in self.owned_sequences(oid) {
                    let start =
                        self.relation(sequence)?.sequence.as_ref().map_or(1, |sequence| sequence.start);
                    self.restart_sequence(sequence, start, false)?;
                }
            }
        }
        Ok(())
    }
}
