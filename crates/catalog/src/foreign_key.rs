//! Foreign keys: KEY SHARE on the parent, actions on the children.
//!
//! ```text
//!   a child row written ──> parent there?  yes: lock it KEY SHARE, done      no: queue, look again at the statement's end
//!   a parent row gone   ──> queue (constraint, old key)  ──> end of statement: children? NO ACTION, RESTRICT, CASCADE, ...
//! ```
//! All checks read the newest ordered state under row locks, never the snapshot. What an action writes makes checks of
//! its own; the queue runs until it is empty. Deferred checks wait for SET CONSTRAINTS or commit.

use crate::constraint::{check_not_null, check_violation, key_text};
use crate::row::decode_row;
use crate::table::{Source, Table, foreign_keys, positions};
use crate::transaction::{RowKey, Transaction};
use kv::{Isolation, LockStrength, LockWait, Span, TableMode};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use types::ddl::Name;
use types::schema::{Action, ConstraintKind, ForeignKey, Relation};
use types::{ColumnType, DataType, Error, Oid, Result, Value};

/// Checks that wait, and which constraints SET CONSTRAINTS has moved.
#[derive(Debug, Clone, Default)]
pub(crate) struct Checks {
    queue: VecDeque<Check>,
    deferred: Vec<Check>,
    modes: HashMap<Oid, bool>,
    all: Option<bool>,
}

impl Checks {
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// None waits, for the end of the statement or of the transaction.
    pub fn are_done(&self) -> bool {
        self.queue.is_empty() && self.deferred.is_empty()
    }
}

#[derive(Debug, Clone)]
enum Check {
    /// A child row whose parent was not there.
    Child { table: Oid, constraint: Oid, key: RowKey },
    /// A parent row that lost its key values (in the constraint's order); `new` after an UPDATE.
    Parent { child: Oid, constraint: Oid, old: Vec<Value>, new: Option<Vec<Value>> },
}

impl Transaction {
    /// Forces deferred constraints now (SET CONSTRAINTS ... IMMEDIATE, and commit).
    pub fn set_constraints(&mut self, deferred: bool, names: &[Name]) -> Result<()> {
        if names.is_empty() {
            self.checks.modes.clear();
            self.checks.all = Some(deferred);
        }
        for name in names {
            let mut found = false;
            for relation in self.state.relations.values() {
                if name.schema.as_ref().is_some_and(|schema| *schema != relation.schema) {
                    continue;
                }
                for constraint in
                    relation.constraints.iter().filter(|constraint| constraint.name == name.name)
                {
                    found = true;
                    match &constraint.kind {
                        ConstraintKind::ForeignKey(key) if key.deferrable => {
                            self.checks.modes.insert(constraint.oid, deferred);
                        }
                        _ => {
                            return Err(types::err!(
                                WrongObjectType,
                                "constraint \"{}\" is not deferrable",
                                name.name
                            ));
                        }
                    }
                }
            }
            if !found {
                return Err(types::err!(UndefinedObject, "constraint \"{}\" does not exist", name.name));
            }
        }
        if deferred {
            return Ok(());
        }
        // What is immediate now is checked now.
        for check in std::mem::take(&mut self.checks.deferred) {
            self.checks.queue.push_back(check);
        }
        self.run_checks()
    }

    /// A child row was written: `old` is what it was, if it was.
    pub(crate) fn check_child_row(
        &mut self,
        table: &Arc<Table>,
        key: &[u8],
        row: &[Value],
        old: Option<&[Value]>,
    ) -> Result<()> {
        let relation = table.relation.clone();
        for (constraint, _, foreign_key) in foreign_keys(&relation) {
            let at = positions(&relation, &foreign_key.columns)?;
            if old.is_some_and(|old| at.iter().all(|&at| old.get(at) == row.get(at))) {
                continue;
            }
            // The usual case at once; a parent that is still to come is looked for at the end.
            if self.is_deferred(constraint, foreign_key) || !self.has_parent(&relation, foreign_key, row)? {
                let check = Check::Child { table: relation.oid, constraint, key: key.to_vec() };
                self.checks.queue.push_back(check);
            }
        }
        Ok(())
    }

    /// A parent row lost (or changed) its values.
    pub(crate) fn check_parent_row(
        &mut self,
        table: &Arc<Table>,
        old: &[Value],
        new: Option<&[Value]>,
    ) -> Result<()> {
        for &(child, constraint) in &table.relation.referenced_by {
            let child_relation = self.relation(child)?;
            let Some((_, _, foreign_key)) =
                foreign_keys(&child_relation).find(|(oid, ..)| *oid == constraint)
            else {
                continue;
            };
            let at = positions(&table.relation, &foreign_key.target_columns)?;
            let pick = |row: &[Value]| at.iter().map(|&at| row[at].clone()).collect::<Vec<_>>();
            let old = pick(old);
            let new = new.map(pick);
            if new.as_ref() == Some(&old) || old.iter().any(Value::is_null) {
                continue;
            }
            self.checks.queue.push_back(Check::Parent { child, constraint, old, new });
        }
        Ok(())
    }

    /// Runs what the statement has left, and what that leaves.
    pub(crate) fn run_checks(&mut self) -> Result<()> {
        while let Some(check) = self.checks.queue.pop_front() {
            self.check_interrupt()?;
            self.run_check(check, true)?;
        }
        Ok(())
    }

    pub(crate) fn run_deferred_checks(&mut self) -> Result<()> {
        for check in std::mem::take(&mut self.checks.deferred) {
            self.run_check(check, false)?;
            while let Some(check) = self.checks.queue.pop_front() {
                self.run_check(check, false)?;
            }
        }
        Ok(())
    }

    fn is_deferred(&self, constraint: Oid, key: &ForeignKey) -> bool {
        key.deferrable
            && self
                .checks
                .modes
                .get(&constraint)
                .copied()
                .or(self.checks.all)
                .unwrap_or(key.initially_deferred)
    }

    fn run_check(&mut self, check: Check, may_defer: bool) -> Result<()> {
        let (table, constraint) = match &check {
            Check::Child { table, constraint, .. } => (*table, *constraint),
            Check::Parent { child, constraint, .. } => (*child, *constraint),
        };
        // Table or constraint may have been dropped since.
        let Some(relation) = self.state.relations.get(&table).cloned() else { return Ok(()) };
        let found = foreign_keys(&relation).find(|(oid, ..)| *oid == constraint);
        let Some((_, name, key)) = found else { return Ok(()) };
        let deferred = may_defer && self.is_deferred(constraint, key);
        match check {
            Check::Child { .. } if deferred => self.checks.deferred.push(check),
            Check::Child { key: row_key, .. } => self.check_child(&relation, name, key, &row_key)?,
            Check::Parent { ref new, ref old, .. } => {
                let action = if new.is_some() { key.on_update } else { key.on_delete };
                if deferred && action == Action::NoAction {
                    self.checks.deferred.push(check);
                    return Ok(());
                }
                self.act(&relation, constraint, name, key, action, old, new.as_deref())?;
            }
        }
        Ok(())
    }

    fn check_child(
        &mut self,
        relation: &Arc<Relation>,
        name: &str,
        key: &ForeignKey,
        row_key: &[u8],
    ) -> Result<()> {
        let table = self.shared.table(relation)?;
        let newest = self.kv.newest(relation.object_id, row_key)?;
        // Gone again, or moved: then its new version has a check of its own.
        let Some(cells) = newest.and_then(|version| version.cells) else { return Ok(()) };
        let row = decode_row(&table, &cells)?;
        if self.has_parent(relation, key, &row)? {
            return Ok(());
        }
        Err(self.no_parent(relation, name, key, &row)?)
    }

    /// Whether a row needs no parent, or has one (which is then locked KEY SHARE).
    pub(crate) fn has_parent(
        &mut self,
        relation: &Arc<Relation>,
        key: &ForeignKey,
        row: &[Value],
    ) -> Result<bool> {
        let at = positions(relation, &key.columns)?;
        let values = at.iter().map(|&at| row[at].clone()).collect::<Vec<_>>();
        let nulls = values.iter().filter(|value| value.is_null()).count();
        if nulls > 0 {
            // MATCH FULL: all or none.
            return Ok(!key.match_full || nulls == values.len());
        }
        let parent = self.relation(key.target)?;
        let types = at.iter().map(|&at| relation.columns[at].ty).collect::<Vec<_>>();
        let table = self.shared.table(&parent)?;
        let Some(values) = self.parent_values(&parent, key, &values, &types)? else { return Ok(false) };
        for _ in 0..16 {
            let Some(found) = self.find_parent(&table, key, &values)? else { return Ok(false) };
            self.kv.lock_row(parent.object_id, &found, LockStrength::KeyShare, LockWait::Block)?;
            // The wait may have been for its deletion.
            if self.find_parent(&table, key, &values)?.as_ref() == Some(&found) {
                return Ok(true);
            }
        }
        Err(types::err!(SerializationFailure, "could not serialize access due to concurrent update"))
    }

    /// The child's values as the parent's columns hold them; None where they cannot be one.
    fn parent_values(
        &self,
        parent: &Relation,
        key: &ForeignKey,
        values: &[Value],
        types: &[ColumnType],
    ) -> Result<Option<Vec<Value>>> {
        let mut out = vec![];
        for ((value, from), at) in values.iter().zip(types).zip(positions(parent, &key.target_columns)?) {
            match convert(value, from.data_type, parent.columns[at].ty.data_type, &self.settings) {
                Some(value) => out.push(value),
                None => return Ok(None),
            }
        }
        Ok(Some(out))
    }

    /// The key of the live row, in the newest state, whose target columns have these values.
    fn find_parent(&self, table: &Table, key: &ForeignKey, values: &[Value]) -> Result<Option<RowKey>> {
        let at = positions(&table.relation, &key.target_columns)?;
        let value_at = |position: usize| at.iter().position(|&at| at == position).and_then(|i| values.get(i));
        if !table.has_hidden_key() && same_columns(&table.key_positions, &at) {
            let ordered = table.key_positions.iter().filter_map(|&at| value_at(at)).cloned().collect();
            let found = table.key_of(ordered)?;
            let newest = self.kv.newest(table.relation.object_id, &found)?;
            return Ok(newest.and_then(|version| version.cells).map(|_| found));
        }
        for index in table.indexes.iter().filter(|index| index.unique && index.predicate.is_none()) {
            let plain = index.sources.iter().map(|source| match source {
                Source::Position(at) => Some(*at),
                Source::Expression(_) => None,
            });
            let Some(plain) = plain.collect::<Option<Vec<_>>>() else { continue };
            if same_columns(&plain, &at) {
                let ordered = plain.iter().filter_map(|&at| value_at(at)).cloned().collect::<Vec<_>>();
                let prefix = index.prefix(table.relation.object_id, &ordered)?;
                return Ok(self.entries(index, &prefix)?.into_iter().next());
            }
        }
        Err(Error::internal(format!("table {} has no unique index for a foreign key", table.relation.name)))
    }

    #[allow(clippy::too_many_arguments)] // A check taken apart; two of its parts are one constraint.
    fn act(
        &mut self,
        child: &Arc<Relation>,
        constraint: Oid,
        name: &str,
        key: &ForeignKey,
        action: Action,
        old: &[Value],
        new: Option<&[Value]>,
    ) -> Result<()> {
        let parent = self.relation(key.target)?;
        let parent_table = self.shared.table(&parent)?;
        // Another row may have taken the key meanwhile; RESTRICT does not care.
        if action == Action::NoAction && self.find_parent(&parent_table, key, old)?.is_some() {
            return Ok(());
        }
        let table = self.shared.table(child)?;
        let children = self.children(&parent, &table, key, old)?;
        if children.is_empty() {
            return Ok(());
        }
        if matches!(action, Action::NoAction | Action::Restrict) {
            let names = column_names(&parent, &key.target_columns);
            let types = target_types(&parent, key)?;
            return Err(types::err!(
                ForeignKeyViolation,
                "update or delete on table \"{}\" violates foreign key constraint \"{name}\" on table \"{}\"",
                parent.name,
                child.name
            )
            .detail(format!(
                "{} is still referenced from table \"{}\".",
                key_text(&names, old.iter().zip(types), &self.settings),
                child.name
            ))
            .on_table(&child.schema, &child.name)
            .on_constraint(name));
        }
        self.kv.lock_table(child.oid, TableMode::RowExclusive, LockWait::Block)?;
        for child_key in children {
            self.act_on_child(&table, &parent, constraint, key, action, &child_key, old, new)?;
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments)] // One row's worth of an action: splitting it would hide the order of steps.
    fn act_on_child(
        &mut self,
        table: &Arc<Table>,
        parent: &Relation,
        constraint: Oid,
        key: &ForeignKey,
        action: Action,
        child_key: &RowKey,
        old: &[Value],
        new: Option<&[Value]>,
    ) -> Result<()> {
        let relation = table.relation.clone();
        self.kv.lock_row(relation.object_id, child_key, LockStrength::Update, LockWait::Block)?;
        let own = self.kv.wrote(relation.object_id, child_key)?;
        let Some(newest) = self.kv.newest(relation.object_id, child_key)? else { return Ok(()) };
        let Some(cells) = &newest.cells else { return Ok(()) };
        let row = decode_row(table, cells)?;
        let at = positions(&relation, &key.columns)?;
        let types = target_types(parent, key)?;
        let still = at.iter().zip(old).zip(&types).all(|((&at, old), ty)| {
            convert(&row[at], relation.columns[at].ty.data_type, *ty, &self.settings)
                .is_some_and(|value| equal(&value, old, *ty))
        });
        if !still {
            return Ok(());
        }
        if !own && self.kv.isolation() != Isolation::ReadCommitted && newest.tx > self.kv.snapshot().tx() {
            return Err(types::err!(
                SerializationFailure,
                "could not serialize access due to concurrent update"
            ));
        }
        if new.is_none() && action == Action::Cascade {
            return self.delete(&relation, child_key, &row);
        }
        let mut changed = row.clone();
        for (nth, &at) in at.iter().enumerate() {
            let column = &relation.columns[at];
            changed[at] = match (action, new) {
                (Action::Cascade, Some(new)) => {
                    let value = convert(&new[nth], types[nth], column.ty.data_type, &self.settings);
                    value.ok_or_else(|| {
                        types::err!(NumericValueOutOfRange, "{} out of range", column.ty.data_type)
                    })?
                }
                (Action::SetDefault, _) => self.default_value(&relation, column)?,
                _ => Value::Null,
            };
        }
        check_not_null(&relation, &changed, &self.settings)?;
        self.check_conditions(table, &changed)?;
        let moved = self.update(&relation, child_key, &row, &changed)?;
        if action == Action::SetDefault {
            // The default may be the value that the row had: unchanged, and without a parent.
            self.checks.queue.push_back(Check::Child { table: relation.oid, constraint, key: moved });
        }
        Ok(())
    }

    /// Keys of child rows, in the newest state, that refer to a parent's values.
    fn children(
        &self,
        parent: &Relation,
        table: &Table,
        key: &ForeignKey,
        values: &[Value],
    ) -> Result<Vec<RowKey>> {
        let relation = &table.relation;
        let at = positions(relation, &key.columns)?;
        let types = target_types(parent, key)?;
        let mut own = vec![];
        for ((value, from), &at) in values.iter().zip(&types).zip(&at) {
            match convert(value, *from, relation.columns[at].ty.data_type, &self.settings) {
                Some(value) => own.push(value),
                None => return Ok(vec![]),
            }
        }
        let value_at =
            |position: usize| at.iter().position(|&at| at == position).and_then(|i| own.get(i)).cloned();
        // By an index (or the primary key) that starts with the columns, in any order.
        if table.key_positions.get(..at.len()).is_some_and(|leading| same_columns(leading, &at)) {
            let leading =
                table.key_positions[..at.len()].iter().filter_map(|&at| value_at(at)).collect::<Vec<_>>();
            let mut prefix = vec![];
            codec::stored_key::encode_columns(&leading, &table.key_columns, &mut prefix)?;
            let mut cursor = self.kv.newest_scan(relation.object_id, &Span::prefix(&prefix));
            let mut keys = vec![];
            while let Some((key, version)) = cursor.next()? {
                keys.extend(version.cells.is_some().then_some(key));
            }
            return Ok(keys);
        }
        for index in table.indexes.iter().filter(|index| !index.primary && index.predicate.is_none()) {
            let leading = index.sources.iter().take(at.len()).map(|source| match source {
                Source::Position(at) => Some(*at),
                Source::Expression(_) => None,
            });
            let Some(leading) = leading.collect::<Option<Vec<_>>>() else { continue };
            if same_columns(&leading, &at) {
                let ordered = leading.iter().filter_map(|&at| value_at(at)).collect::<Vec<_>>();
                return self.entries(index, &index.prefix(relation.object_id, &ordered)?);
            }
        }
        let mut keys = vec![];
        let mut cursor = self.kv.newest_scan(relation.object_id, &Span::all());
        while let Some((key, version)) = cursor.next()? {
            let Some(cells) = version.cells else { continue };
            let row = decode_row(table, &cells)?;
            if at
                .iter()
                .zip(&own)
                .all(|(&at, value)| equal(&row[at], value, relation.columns[at].ty.data_type))
            {
                keys.push(key);
            }
            self.check_interrupt()?;
        }
        Ok(keys)
    }

    /// CHECK constraints on a row that no plan wrote.
    fn check_conditions(&self, table: &Table, row: &[Value]) -> Result<()> {
        let relation = &table.relation;
        for constraint in &relation.constraints {
            let ConstraintKind::Check { expression } = &constraint.kind else { continue };
            let bound = self.shared.binder.bind(expression, relation, Some(DataType::Bool.into()))?;
            if self.evaluate(&bound, &table.batch(row))?.get(0) == Value::Bool(false) {
                return Err(check_violation(relation, &constraint.name, row, &self.settings));
            }
        }
        Ok(())
    }

    /// 23503 for a child without its parent.
    pub(crate) fn no_parent(
        &self,
        relation: &Relation,
        name: &str,
        key: &ForeignKey,
        row: &[Value],
    ) -> Result<Error> {
        let parent = self.relation(key.target)?;
        let at = positions(relation, &key.columns)?;
        let values = at.iter().map(|&at| (&row[at], relation.columns[at].ty.data_type));
        let detail = if at.iter().any(|&at| row[at].is_null()) {
            "MATCH FULL does not allow mixing of null and nonnull key values.".to_owned()
        } else {
            let names = column_names(relation, &key.columns);
            format!(
                "{} is not present in table \"{}\".",
                key_text(&names, values, &self.settings),
                parent.name
            )
        };
        Ok(types::err!(
            ForeignKeyViolation,
            "insert or update on table \"{}\" violates foreign key constraint \"{name}\"",
            relation.name
        )
        .detail(detail)
        .on_table(&relation.schema, &relation.name)
        .on_constraint(name))
    }
}

fn same_columns(left: &[usize], right: &[usize]) -> bool {
    left.len() == right.len() && left.iter().all(|at| right.contains(at))
}

fn column_names(relation: &Relation, ids: &[u32]) -> Vec<String> {
    ids.iter().filter_map(|id| relation.column(*id)).map(|column| column.name.clone()).collect()
}

fn target_types(parent: &Relation, key: &ForeignKey) -> Result<Vec<DataType>> {
    let at = positions(parent, &key.target_columns)?;
    Ok(at.into_iter().map(|at| parent.columns[at].ty.data_type).collect())
}

/// Equal as SQL compares: by their keys. NULL equals nothing.
fn equal(left: &Value, right: &Value, data_type: DataType) -> bool {
    let key = |value: &Value| {
        let mut out = vec![];
        codec::key::encode(value, data_type, false, false, &mut out).ok().map(|()| out)
    };
    !left.is_null() && !right.is_null() && key(left) == key(right)
}

/// A value of one key column as the other side's type holds it; None if it cannot.
fn convert(value: &Value, from: DataType, to: DataType, settings: &types::TextSettings) -> Option<Value> {
    // char(n) is compared without its padding.
    if from == DataType::Bpchar || to == DataType::Bpchar {
        return match value {
            Value::Text(text) if from == to => Some(Value::Text(text.clone())),
            Value::Text(text) => Some(Value::text(text.trim_end_matches(' '))),
            other => Some(other.clone()),
        };
    }
    if from == to || (from.is_text() && to.is_text()) {
        return Some(value.clone());
    }
    types::cast::cast(value, from, to.into(), true, settings).ok()
}
