//! Stored expressions, bound once: nothing unusable reaches the catalog.

use crate::Environment;
use expr::{Binder, Expr};
use types::ddl::{
    AlterTable, ColumnDefinition, ConstraintDefinition, ConstraintDefinitionKind, CreateIndex, CreateTable,
    Name,
};
use types::schema::{Column, Relation, RelationKind};
use types::{ColumnType, DataType, Error, Result, Value, err};

/// CREATE TABLE with its defaults and checks bound and, where they are constants, evaluated.
pub fn table(table: &CreateTable, environment: &Environment) -> Result<CreateTable> {
    let mut out = table.clone();
    for (at, column) in table.columns.iter().enumerate() {
        if table.columns[..at].iter().any(|other| other.name == column.name) {
            return Err(err!(DuplicateColumn, "column \"{}\" specified more than once", column.name));
        }
        reserved(&column.name)?;
    }
    let mut relation = empty(&table.name);
    relation.columns = table.columns.iter().enumerate().map(|(at, column)| described(at, column)).collect();
    for column in &mut out.columns {
        default(column, &relation, environment)?;
    }
    for constraint in &mut out.constraints {
        check(constraint, &relation, environment)?;
    }
    Ok(out)
}

/// `_tx` and its kin name what the ledger knows of a row.
fn reserved(column: &str) -> Result<()> {
    const SYSTEM: [&str; 5] = ["ctid", "xmax", "cmin", "cmax", "oid"];
    if types::schema::HiddenColumn::from_name(column).is_some() || SYSTEM[..4].contains(&column) {
        return Err(err!(DuplicateColumn, "column name \"{column}\" conflicts with a system column name"));
    }
    Ok(())
}

fn empty(name: &Name) -> Relation {
    Relation {
        oid: 0,
        object_id: 0,
        predecessor: 0,
        kind: RelationKind::Table,
        schema_oid: 0,
        schema: name.schema.clone().unwrap_or_default(),
        name: name.name.clone(),
        owner: 0,
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

fn described(at: usize, column: &ColumnDefinition) -> Column {
    Column {
        id: at as u32 + 1,
        name: column.name.clone(),
        ty: column.ty,
        not_null: column.not_null,
        default: None,
        identity: None,
        missing: Value::Null,
        dropped: false,
        comment: None,
    }
}

/// Binds a column's default: no columns, no subqueries; a constant one is evaluated.
fn default(column: &mut ColumnDefinition, relation: &Relation, environment: &Environment) -> Result<()> {
    if let Some((_, _)) = &column.identity
        && !column.ty.data_type.is_integer()
    {
        return Err(err!(InvalidParameterValue, "identity column type must be smallint, integer, or bigint"));
    }
    let Some(text) = &column.default else { return Ok(()) };
    let bound = bind(text, relation, Some(column.ty), environment)?;
    if any(&bound, &|expr| matches!(expr, Expr::Column { .. })) {
        return Err(err!(FeatureNotSupported, "cannot use column reference in DEFAULT expression"));
    }
    column.constant_default = constant(&bound, environment)?;
    Ok(())
}

/// The value of an expression that calls nothing volatile or stable.
fn constant(expr: &Expr, environment: &Environment) -> Result<Option<Value>> {
    let changing = any(expr, &|expr| {
        matches!(expr, Expr::Call { function, .. } if function.volatility != expr::Volatility::Immutable)
            || matches!(expr, Expr::Parameter { .. } | Expr::Outer { .. } | Expr::Subplan { .. })
    });
    if changing {
        return Ok(None);
    }
    let context = expr::Context {
        parameters: &[],
        slots: &[],
        settings: &environment.settings,
        runtime: &expr::context::NoRuntime,
    };
    expr::eval_constant(expr, &context).map(Some)
}

fn check(
    constraint: &mut ConstraintDefinition,
    relation: &Relation,
    environment: &Environment,
) -> Result<()> {
    let ConstraintDefinitionKind::Check { expression, columns } = &mut constraint.kind else { return Ok(()) };
    let bound = bind(expression, relation, Some(DataType::Bool.into()), environment)?;
    *columns = Vec::new();
    visit(&bound, &mut |expr| {
        if let Expr::Column { index, .. } = expr
            && let Some(column) = relation.columns.get(*index)
            && !columns.contains(&column.name)
        {
            columns.push(column.name.clone());
        }
    });
    Ok(())
}

fn bind(text: &str, relation: &Relation, ty: Option<ColumnType>, environment: &Environment) -> Result<Expr> {
    let bound = crate::bind::ExpressionBinder::new(environment).bind(text, relation, ty)?;
    if any(&bound, &|expr| matches!(expr, Expr::Subplan { .. })) {
        return Err(Error::unsupported("a subquery in a stored expression"));
    }
    Ok(bound)
}

fn any(expr: &Expr, test: &dyn Fn(&Expr) -> bool) -> bool {
    let mut found = false;
    visit(expr, &mut |expr| found |= test(expr));
    found
}

fn visit(expr: &Expr, each: &mut dyn FnMut(&Expr)) {
    each(expr);
    expr.for_each_child(&mut |child| visit(child, each));
}

/// CREATE INDEX: expressions get their types; they and the predicate must be immutable.
pub fn index(index: &CreateIndex, environment: &Environment) -> Result<CreateIndex> {
    let mut out = index.clone();
    let relation = crate::utility::relation(&index.table, environment)?;
    if relation.kind != RelationKind::Table {
        return Err(err!(WrongObjectType, "cannot create index on relation \"{}\"", relation.name));
    }
    let immutable = |bound: &Expr, what: &str| {
        let changing = any(
            bound,
            &|expr| matches!(expr, Expr::Call { function, .. } if function.volatility != expr::Volatility::Immutable),
        );
        if changing {
            return Err(err!(InvalidObjectDefinition, "functions in index {what} must be marked IMMUTABLE"));
        }
        Ok(())
    };
    for column in &mut out.columns {
        if let Some((text, ty)) = &mut column.expression {
            let bound = bind(text, &relation, None, environment)?;
            immutable(&bound, "expression")?;
            *ty = bound.ty();
        }
    }
    if let Some(text) = &out.predicate {
        let bound = bind(text, &relation, Some(DataType::Bool.into()), environment)?;
        immutable(&bound, "predicate")?;
    }
    Ok(out)
}

/// ALTER TABLE: each action's expressions bound against the table as the actions before it leave it.
pub fn alter(
    name: &Name,
    if_exists: bool,
    actions: &[AlterTable],
    environment: &Environment,
) -> Result<Vec<AlterTable>> {
    let found = environment.schema.relation(name.schema.as_deref(), &name.name)?;
    let mut relation = match found {
        Some(relation) => (*relation).clone(),
        // The catalog says 42P01, or the notice of IF EXISTS.
        None if if_exists => return Ok(actions.to_vec()),
        None => {
            return Err(crate::utility::relation(name, environment)
                .err()
                .unwrap_or_else(|| Error::internal("a relation came into being")));
        }
    };
    let mut out = actions.to_vec();
    for action in &mut out {
        match action {
            AlterTable::AddColumn { column, constraints, .. } => {
                reserved(&column.name)?;
                default(column, &relation, environment)?;
                relation.columns.push(described(relation.columns.len(), column));
                for constraint in constraints {
                    check(constraint, &relation, environment)?;
                }
            }
            AlterTable::AddConstraint { constraint, .. } => check(constraint, &relation, environment)?,
            AlterTable::SetDefault { column, default: text } => {
                if let Some(found) = relation.column_named(column) {
                    let mut definition = super::table::plain_column(found.name.clone(), found.ty);
                    definition.default = Some(text.clone());
                    default(&mut definition, &relation, environment)?;
                }
            }
            AlterTable::SetType { column, ty, using: Some(text) } => {
                if relation.column_named(column).is_some() {
                    bind(text, &relation, Some(*ty), environment)?;
                }
            }
            AlterTable::RenameColumn { from, to } => {
                reserved(to)?;
                if let Some(column) =
                    relation.columns.iter_mut().find(|column| !column.dropped && column.name == *from)
                {
                    column.name = to.clone();
                }
            }
            AlterTable::DropColumn { .. }
            | AlterTable::RenameTo(_)
            | AlterTable::RenameConstraint { .. }
            | AlterTable::DropConstraint { .. }
            | AlterTable::ValidateConstraint(_)
            | AlterTable::DropDefault { .. }
            | AlterTable::SetNotNull { .. }
            | AlterTable::DropNotNull { .. }
            | AlterTable::AddIdentity { .. }
            | AlterTable::DropIdentity { .. }
            | AlterTable::SetType { using: None, .. }
            | AlterTable::SetAppendOnly(_) => {}
        }
    }
    Ok(out)
}
