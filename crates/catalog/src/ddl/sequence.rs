//! CREATE SEQUENCE, ALTER SEQUENCE.

use super::create_table::{empty_relation, sequence_columns};
use super::{no_relation, notice};
use crate::transaction::Transaction;
use kv::TableMode;
use std::sync::Arc;
use types::ddl::{Name, SequenceOptions};
use types::schema::{ColumnId, Relation, RelationKind, Sequence};
use types::{DataType, Error, Oid, Result, SqlState};

impl Transaction {
    pub(super) fn create_sequence(
        &mut self,
        name: &Name,
        if_not_exists: bool,
        options: &SequenceOptions,
        user: Oid,
        notices: &mut Vec<Error>,
    ) -> Result<()> {
        let schema = self.creation_schema(name)?;
        if self.state.named(schema, &name.name).is_some() {
            let message = format!("relation \"{}\" already exists", name.name);
            if if_not_exists {
                notices.push(super::exists_already(SqlState::DuplicateTable, &message));
                return Ok(());
            }
            return Err(types::err!(DuplicateTable, "{message}"));
        }
        let owner = self.owner_column(options)?;
        self.make_sequence(schema, &name.name, options, owner, user)?;
        Ok(())
    }

    pub(super) fn make_sequence(
        &mut self,
        schema: Oid,
        name: &str,
        options: &SequenceOptions,
        owned_by: Option<(Oid, ColumnId)>,
        user: Oid,
    ) -> Result<Oid> {
        let mut sequence = resolve(None, options)?;
        sequence.owned_by = owned_by;
        let oid = self.shared.allocate_oid()?;
        let mut relation = empty_relation(oid, RelationKind::Sequence, schema, name, user);
        relation.columns = sequence_columns();
        let start = sequence.start;
        relation.sequence = Some(sequence);
        self.put_relation(relation)?;
        self.restart_sequence(oid, start, false)?;
        Ok(oid)
    }

    pub(super) fn alter_sequence(
        &mut self,
        name: &Name,
        if_exists: bool,
        options: &SequenceOptions,
        notices: &mut Vec<Error>,
    ) -> Result<()> {
        let Some(relation) = self.find_relation(name)? else {
            if if_exists {
                notices.push(notice(format!("relation \"{}\" does not exist, skipping", name.name)));
                return Ok(());
            }
            return Err(no_relation(name));
        };
        self.change_sequence(&relation, options)
    }

    pub(super) fn change_sequence(
        &mut self,
        relation: &Arc<Relation>,
        options: &SequenceOptions,
    ) -> Result<()> {
        let Some(old) = &relation.sequence else {
            return Err(types::err!(WrongObjectType, "\"{}\" is not a sequence", relation.name));
        };
        self.lock_for_ddl(relation, TableMode::ShareRowExclusive)?;
        let mut sequence = resolve(Some(old), options)?;
        if options.owned_by.is_some() {
            sequence.owned_by = self.owner_column(options)?;
        }
        let start = sequence.start;
        let (minimum, maximum) = (sequence.minimum, sequence.maximum);
        self.change_relation(relation.oid, |relation| relation.sequence = Some(sequence))?;
        if let Some(restart) = options.restart {
            let value = restart.unwrap_or(start);
            if value < minimum {
                return Err(types::err!(
                    InvalidParameterValue,
                    "RESTART value ({value}) cannot be less than MINVALUE ({minimum})"
                ));
            }
            if value > maximum {
                return Err(types::err!(
                    InvalidParameterValue,
                    "RESTART value ({value}) cannot be greater than MAXVALUE ({maximum})"
                ));
            }
            self.restart_sequence(relation.oid, value, false)?;
        } else if !self.local_sequences.contains_key(&relation.oid) {
            // What is reserved in memory was reserved under the old options.
            let (value, called) = self.sequence_value(relation.oid)?;
            self.restart_sequence(relation.oid, value, called)?;
        }
        Ok(())
    }

    fn owner_column(&self, options: &SequenceOptions) -> Result<Option<(Oid, ColumnId)>> {
        let Some(Some((table, column))) = &options.owned_by else { return Ok(None) };
        let relation = self.find_table(table)?;
        let found = relation.column_named(column).map(|column| (relation.oid, column.id));
        found.map(Some).ok_or_else(|| super::no_column(&relation, column))
    }
}

/// PostgreSQL's defaults and checks (`init_params`).
fn resolve(old: Option<&Sequence>, options: &SequenceOptions) -> Result<Sequence> {
    let SequenceOptions { ty, start, increment, minimum, maximum, cache, cycle, owned_by: _, restart: _ } =
        options;
    let ty = ty.or(old.map(|old| old.ty)).unwrap_or(DataType::Int8.into());
    let (lowest, highest) = match ty.data_type {
        DataType::Int2 => (i16::MIN as i64, i16::MAX as i64),
        DataType::Int4 => (i32::MIN as i64, i32::MAX as i64),
        DataType::Int8 => (i64::MIN, i64::MAX),
        _ => {
            return Err(types::err!(
                InvalidParameterValue,
                "sequence type must be smallint, integer, or bigint"
            ));
        }
    };
    let increment = increment.or(old.map(|old| old.increment)).unwrap_or(1);
    if increment == 0 {
        return Err(types::err!(InvalidParameterValue, "INCREMENT must not be zero"));
    }
    // A changed type moves bounds that were its defaults.
    let retyped = old.is_some_and(|old| old.ty != ty);
    let kept = |value: Option<i64>| if retyped { None } else { value };
    let default_minimum = if increment > 0 { 1 } else { lowest };
    let default_maximum = if increment > 0 { highest } else { -1 };
    let minimum = match minimum {
        Some(value) => value.unwrap_or(default_minimum),
        None => kept(old.map(|old| old.minimum)).unwrap_or(default_minimum),
    };
    let maximum = match maximum {
        Some(value) => value.unwrap_or(default_maximum),
        None => kept(old.map(|old| old.maximum)).unwrap_or(default_maximum),
    };
    for (word, value) in [("MAXVALUE", maximum), ("MINVALUE", minimum)] {
        if !(lowest..=highest).contains(&value) {
            return Err(types::err!(
                InvalidParameterValue,
                "{word} ({value}) is out of range for sequence data type {}",
                ty.data_type
            ));
        }
    }
    if minimum >= maximum {
        return Err(types::err!(
            InvalidParameterValue,
            "MINVALUE ({minimum}) must be less than MAXVALUE ({maximum})"
        ));
    }
    let first = if increment > 0 { minimum } else { maximum };
    let start = start.or(old.map(|old| old.start)).unwrap_or(first);
    if start < minimum {
        return Err(types::err!(
            InvalidParameterValue,
            "START value ({start}) cannot be less than MINVALUE ({minimum})"
        ));
    }
    if start > maximum {
        return Err(types::err!(
            InvalidParameterValue,
            "START value ({start}) cannot be greater than MAXVALUE ({maximum})"
        ));
    }
    let cache = cache.or(old.map(|old| old.cache)).unwrap_or(1);
    if cache <= 0 {
        return Err(types::err!(InvalidParameterValue, "CACHE ({cache}) must be greater than zero"));
    }
    let cycle = cycle.or(old.map(|old| old.cycle)).unwrap_or(false);
    let owned_by = old.and_then(|old| old.owned_by);
    Ok(Sequence { ty, start, increment, minimum, maximum, cache, cycle, owned_by })
}
