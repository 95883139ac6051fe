//! CREATE TABLE, and columns as ALTER TABLE adds them too.

use super::quoted;
use crate::transaction::Transaction;
use std::sync::Arc;
use types::ddl::{ColumnDefinition, ConstraintDefinitionKind, CreateTable, SequenceOptions};
use types::schema::{Column, ColumnId, HiddenColumn, Relation, RelationKind};
use types::{DataType, Error, Oid, Result, SqlState, Value};

/// PostgreSQL's `MaxHeapAttributeNumber`.
const COLUMNS_LIMIT: usize = 1600;

impl Transaction {
    pub(super) fn create_table(
        &mut self,
        create: &CreateTable,
        user: Oid,
        notices: &mut Vec<Error>,
    ) -> Result<()> {
        let schema_oid = self.creation_schema(&create.name)?;
        let name = &create.name.name;
        if self.state.named(schema_oid, name).is_some() {
            if create.if_not_exists {
                let message = format!("relation \"{name}\" already exists");
                notices.push(super::exists_already(SqlState::DuplicateTable, &message));
                return Ok(());
            }
            return Err(types::err!(DuplicateTable, "relation \"{name}\" already exists"));
        }
        let oid = self.shared.allocate_oid()?;
        let mut relation = empty_relation(oid, RelationKind::Table, schema_oid, name, user);
        relation.append_only = create.append_only;
        for definition in &create.columns {
            if relation.columns.iter().any(|column| column.name == definition.name) {
                return Err(types::err!(
                    DuplicateColumn,
                    "column \"{}\" specified more than once",
                    definition.name
                ));
            }
            let id = next_column_id(&relation);
            relation.columns.push(column(id, definition)?);
        }
        check_column_count(&relation)?;
        let relation = self.put_relation(relation)?;
        for definition in &create.columns {
            self.own_sequence(&relation, definition, user)?;
        }
        // The primary key first: its columns become NOT NULL; foreign keys last: they may refer to the table itself.
        let rank = |kind: &ConstraintDefinitionKind| match kind {
            ConstraintDefinitionKind::PrimaryKey(_) => 0,
            ConstraintDefinitionKind::ForeignKey { .. } => 2,
            _ => 1,
        };
        for wanted in 0..3 {
            for constraint in create.constraints.iter().filter(|constraint| rank(&constraint.kind) == wanted)
            {
                self.add_constraint(oid, constraint, true, true)?;
            }
        }
        // The descriptor's expressions must bind before anything depends on them.
        self.shared.table(&self.relation(oid)?)?;
        Ok(())
    }

    /// The sequence of a serial or identity column, and the default that uses it.
    pub(super) fn own_sequence(
        &mut self,
        relation: &Arc<Relation>,
        definition: &ColumnDefinition,
        user: Oid,
    ) -> Result<()> {
        let options = match &definition.identity {
            Some((_, options)) => options.clone(),
            None if definition.serial => SequenceOptions::default(),
            None => return Ok(()),
        };
        let options = SequenceOptions { ty: options.ty.or(Some(definition.ty)), ..options };
        let column = relation.column_named(&definition.name).map(|column| column.id);
        let column = column.ok_or_else(|| super::no_column(relation, &definition.name))?;
        let default = self.sequence_for(relation, column, &definition.name, &options, user)?;
        self.change_relation(relation.oid, |relation| {
            if let Some(column) = relation.columns.iter_mut().find(|candidate| candidate.id == column) {
                column.default = Some(default);
                column.not_null = true;
            }
        })?;
        Ok(())
    }

    /// Makes `t_a_seq`, owned by the column. Returns the default that draws from it.
    pub(super) fn sequence_for(
        &mut self,
        relation: &Relation,
        column: ColumnId,
        column_name: &str,
        options: &SequenceOptions,
        user: Oid,
    ) -> Result<String> {
        if !options.ty.is_some_and(|ty| ty.data_type.is_integer()) {
            return Err(types::err!(
                InvalidParameterValue,
                "identity column type must be smallint, integer, or bigint"
            ));
        }
        let name = super::names::relation_name(
            &self.state,
            relation.schema_oid,
            &relation.name,
            Some(column_name),
            "seq",
            &[],
        );
        let owner = Some((relation.oid, column));
        self.make_sequence(relation.schema_oid, &name, options, owner, user)?;
        Ok(sequence_default(&relation.schema, &name))
    }
}

/// `nextval('public.t_a_seq'::regclass)`
pub(super) fn sequence_default(schema: &str, name: &str) -> String {
    let name = format!("{}.{}", quoted(schema), quoted(name)).replace('\'', "''");
    format!("nextval('{name}'::regclass)")
}

pub(super) fn empty_relation(
    oid: Oid,
    kind: RelationKind,
    schema_oid: Oid,
    name: &str,
    owner: Oid,
) -> Relation {
    Relation {
        oid,
        object_id: oid,
        predecessor: 0,
        kind,
        schema_oid,
        schema: String::new(),
        name: name.to_owned(),
        owner,
        columns: vec![],
        primary_key: vec![],
        constraints: vec![],
        indexes: vec![],
        referenced_by: vec![],
        append_only: false,
        view: None,
        references: vec![],
        sequence: None,
        descriptor_tx: 0,
        comment: None,
    }
}

/// Never one that was used before.
pub(super) fn next_column_id(relation: &Relation) -> ColumnId {
    relation.columns.iter().map(|column| column.id).max().unwrap_or(0) + 1
}

pub(super) fn column(id: ColumnId, definition: &ColumnDefinition) -> Result<Column> {
    check_column_name(&definition.name)?;
    if definition.ty.data_type.code().is_none() {
        return Err(types::err!(
            InvalidTableDefinition,
            "column \"{}\" has pseudo-type {}",
            definition.name,
            definition.ty.data_type
        ));
    }
    Ok(Column {
        id,
        name: definition.name.clone(),
        ty: definition.ty,
        not_null: definition.not_null,
        default: definition.default.clone(),
        identity: definition.identity.as_ref().map(|(identity, _)| *identity),
        missing: Value::Null,
        dropped: false,
        comment: None,
    })
}

pub(super) fn check_column_name(name: &str) -> Result<()> {
    let system = ["ctid", "cmin", "cmax", "xmax"];
    if system.contains(&name) || HiddenColumn::from_name(name).is_some() {
        return Err(types::err!(
            DuplicateColumn,
            "column name \"{name}\" conflicts with a system column name"
        ));
    }
    Ok(())
}

pub(super) fn check_column_count(relation: &Relation) -> Result<()> {
    if relation.columns.len() > COLUMNS_LIMIT {
        return Err(types::err!(TooManyColumns, "tables can have at most {COLUMNS_LIMIT} columns"));
    }
    Ok(())
}

/// A sequence shows its state as three columns.
pub(super) fn sequence_columns() -> Vec<Column> {
    [("last_value", DataType::Int8), ("log_cnt", DataType::Int8), ("is_called", DataType::Bool)]
        .into_iter()
        .zip(1..)
        .map(|((name, data_type), id)| Column {
            id,
            name: name.into(),
            ty: data_type.into(),
            not_null: true,
            default: None,
            identity: None,
            missing: Value::Null,
            dropped: false,
            comment: None,
        })
        .collect()
}
