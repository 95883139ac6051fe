//! information_schema: tables, columns, constraints, views, sequences, routines.
//!
//! As the standard wants it, a user is shown what it may use in some way.

use super::constraint::{columns, referenced};
use super::definition::{action_name, default, view};
use super::privilege::closure;
use super::row::{NULL, Rows, row, yes};
use super::source::{Source, kind};
use crate::system_tables::PUBLIC_ROLE;
use std::sync::Arc;
use types::ddl::Privilege;
use types::schema::{Column, Constraint, ConstraintKind, Identity, Relation, RelationKind};
use types::{ColumnType, DataType, Oid, Result, Value};

pub(super) fn rows(name: &str, source: &Source<'_>) -> Option<Rows> {
    Some(match name {
        "information_schema_catalog_name" => Ok(vec![row![&source.database]]),
        "tables" => visible(source).map(|all| all.iter().filter_map(|r| table(r, source)).collect()),
        "columns" => all_columns(source),
        "schemata" => schemata(source),
        "table_constraints" => constraints(source, table_constraint),
        "key_column_usage" => constraints(source, key_columns),
        "constraint_column_usage" => constraints(source, constraint_columns),
        "constraint_table_usage" => constraints(source, constraint_tables),
        "referential_constraints" => constraints(source, referential),
        "check_constraints" => constraints(source, check),
        "sequences" => sequences(source),
        "views" => views(source),
        "view_table_usage" => view_usage(source, false),
        "view_column_usage" => view_usage(source, true),
        "column_udt_usage" => column_types(source),
        "routines" => Ok(routines(source)),
        "character_sets" => {
            Ok(vec![row![NULL, NULL, "UTF8", "UCS", "UTF8", &source.database, "pg_catalog", "C"]])
        }
        "collations" => Ok(["default", "C", "POSIX"]
            .into_iter()
            .map(|name| row![&source.database, "pg_catalog", name, "NO PAD"])
            .collect()),
        "collation_character_set_applicability" => Ok(["default", "C", "POSIX"]
            .into_iter()
            .map(|name| row![&source.database, "pg_catalog", name, NULL, NULL, "UTF8"])
            .collect()),
        _ => return None,
    })
}

/// What the current user owns or has a privilege on; the system's relations are everyone's.
pub(super) fn visible(source: &Source<'_>) -> Result<Vec<Arc<Relation>>> {
    let user = source.surroundings.current_user();
    let superuser = source.roles.iter().any(|role| role.oid == user && role.superuser);
    let roles = closure(user, source)?;
    let may = |relation: &Relation| {
        superuser
            || relation.kind == RelationKind::System
            || roles.contains(&relation.owner)
            || source
                .state
                .grants_on(relation.oid)
                .iter()
                .any(|grant| grant.grantee == PUBLIC_ROLE || roles.contains(&grant.grantee))
    };
    Ok(source.all().filter(|relation| may(relation)).cloned().collect())
}

fn table(relation: &Relation, source: &Source<'_>) -> Option<Vec<Value>> {
    let kind = match kind(relation) {
        'r' => "BASE TABLE",
        'v' => "VIEW",
        _ => return None,
    };
    Some(row![
        &source.database,
        &relation.schema,
        &relation.name,
        kind,
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        yes(relation.kind == RelationKind::Table),
        "NO",
        NULL,
    ])
}

fn all_columns(source: &Source<'_>) -> Rows {
    let mut out = vec![];
    for relation in visible(source)?.iter().filter(|relation| relation.kind != RelationKind::Sequence) {
        for column in relation.live() {
            out.push(column_row(relation, column, source));
        }
    }
    Ok(out)
}

fn column_row(relation: &Relation, column: &Column, source: &Source<'_>) -> Vec<Value> {
    let facts = TypeFacts::of(column.ty);
    let collation = match column.ty.data_type {
        DataType::Name => Some("C"),
        _ => None,
    };
    let identity = column.identity.map(|identity| match identity {
        Identity::Always => "ALWAYS",
        Identity::ByDefault => "BY DEFAULT",
    });
    let sequence = identity.and_then(|_| {
        source.sequences().find_map(|candidate| {
            let sequence = candidate.sequence.as_ref()?;
            (sequence.owned_by == Some((relation.oid, column.id))).then_some(sequence)
        })
    });
    row![
        &source.database,
        &relation.schema,
        &relation.name,
        &column.name,
        ordinal(column.id),
        default(column),
        yes(!column.not_null),
        facts.name,
        facts.length,
        facts.octets,
        facts.precision,
        facts.radix,
        facts.scale,
        facts.datetime,
        facts.interval,
        NULL,
        NULL,
        NULL,
        NULL,
        collation.map(|_| source.database.clone()),
        collation.map(|_| "pg_catalog"),
        collation,
        NULL,
        NULL,
        NULL,
        &source.database,
        "pg_catalog",
        column.ty.data_type.name(),
        NULL,
        NULL,
        NULL,
        NULL,
        column.id.to_string(),
        "NO",
        yes(identity.is_some()),
        identity,
        sequence.map(|sequence| sequence.start.to_string()),
        sequence.map(|sequence| sequence.increment.to_string()),
        sequence.map(|sequence| sequence.maximum.to_string()),
        sequence.map(|sequence| sequence.minimum.to_string()),
        yes(sequence.is_some_and(|sequence| sequence.cycle)),
        "NEVER",
        NULL,
        yes(relation.kind == RelationKind::Table),
    ]
}

fn ordinal(id: u32) -> i32 {
    i32::try_from(id).unwrap_or(i32::MAX)
}

/// What the standard's views say of a type.
struct TypeFacts {
    name: &'static str,
    length: Option<i32>,
    octets: Option<i32>,
    precision: Option<i32>,
    radix: Option<i32>,
    scale: Option<i32>,
    datetime: Option<i32>,
    interval: Option<String>,
}

impl TypeFacts {
    fn of(ty: ColumnType) -> TypeFacts {
        use DataType::*;
        let mut facts = TypeFacts {
            name: if ty.data_type.is_array() { "ARRAY" } else { ty.data_type.sql_name() },
            length: None,
            octets: None,
            precision: None,
            radix: None,
            scale: None,
            datetime: None,
            interval: None,
        };
        let modifier = (ty.typmod >= 0).then_some(ty.typmod);
        match ty.data_type {
            Varchar | Bpchar => {
                facts.length = modifier.map(|typmod| typmod.saturating_sub(4));
                // Four bytes is the longest character; without a limit, PostgreSQL says 1 GiB.
                facts.octets = Some(facts.length.map_or(1 << 30, |length| length.saturating_mul(4)));
            }
            Text => facts.octets = Some(1 << 30),
            Int2 | Int4 | Int8 => {
                facts.precision = Some(i32::from(ty.data_type.len()) * 8);
                facts.radix = Some(2);
                facts.scale = Some(0);
            }
            Float4 | Float8 => {
                facts.precision = Some(if ty.data_type == Float4 { 24 } else { 53 });
                facts.radix = Some(2);
            }
            Numeric => {
                facts.radix = Some(10);
                if let Some(typmod) = modifier {
                    let (precision, scale) = types::numeric::typmod_parts(typmod);
                    facts.precision = Some(precision);
                    facts.scale = Some(scale);
                }
            }
            Date => facts.datetime = Some(0),
            Time | TimeTz | Timestamp | TimestampTz => facts.datetime = Some(modifier.unwrap_or(6)),
            Interval => {
                const FULL: i32 = 0xffff;
                let precision = modifier.map(|typmod| typmod & FULL).filter(|precision| *precision != FULL);
                facts.datetime = Some(precision.unwrap_or(6));
                let text = ty.to_string();
                let range = text.trim_start_matches("interval").split('(').next().unwrap_or("").trim();
                facts.interval = (!range.is_empty()).then(|| range.to_uppercase());
            }
            _ => {}
        }
        facts
    }
}

/// Schemas that the user owns, or may use or create in.
fn schemata(source: &Source<'_>) -> Rows {
    let user = source.surroundings.current_user();
    let superuser = source.roles.iter().any(|role| role.oid == user && role.superuser);
    let roles = closure(user, source)?;
    let mut out = vec![];
    for (_, name, owner) in source.namespaces() {
        let may = superuser
            || source.transaction.may_schema(&roles, &name, Privilege::Usage)?
            || source.transaction.may_schema(&roles, &name, Privilege::Create)?;
        if may {
            out.push(row![&source.database, name, source.role(owner), NULL, NULL, NULL, NULL]);
        }
    }
    Ok(out)
}

type OfConstraint = fn(&Relation, &Constraint, &Source<'_>) -> Vec<Vec<Value>>;

fn constraints(source: &Source<'_>, rows: OfConstraint) -> Rows {
    let mut out = vec![];
    for relation in visible(source)? {
        for constraint in &relation.constraints {
            out.extend(rows(&relation, constraint, source));
        }
    }
    // NOT NULL reads as a CHECK there, without a row in pg_constraint.
    if std::ptr::fn_addr_eq(rows, check as OfConstraint)
        || std::ptr::fn_addr_eq(rows, table_constraint as OfConstraint)
    {
        for relation in visible(source)?.iter().filter(|relation| relation.kind == RelationKind::Table) {
            for column in relation.live().filter(|column| column.not_null) {
                let name = format!("{}_{}_{}_not_null", relation.schema_oid, relation.oid, column.id);
                out.push(if std::ptr::fn_addr_eq(rows, check as OfConstraint) {
                    row![&source.database, &relation.schema, name, format!("{} IS NOT NULL", column.name)]
                } else {
                    table_constraint_row(relation, &name, "CHECK", (false, false), source)
                });
            }
        }
    }
    Ok(out)
}

fn table_constraint(relation: &Relation, constraint: &Constraint, source: &Source<'_>) -> Vec<Vec<Value>> {
    let kind = match &constraint.kind {
        ConstraintKind::PrimaryKey { .. } => "PRIMARY KEY",
        ConstraintKind::Unique { .. } => "UNIQUE",
        ConstraintKind::Check { .. } => "CHECK",
        ConstraintKind::ForeignKey(_) => "FOREIGN KEY",
    };
    let deferred = match &constraint.kind {
        ConstraintKind::ForeignKey(key) => (key.deferrable, key.initially_deferred),
        _ => (false, false),
    };
    vec![table_constraint_row(relation, &constraint.name, kind, deferred, source)]
}

fn table_constraint_row(
    relation: &Relation,
    name: &str,
    kind: &str,
    (deferrable, deferred): (bool, bool),
    source: &Source<'_>,
) -> Vec<Value> {
    row![
        &source.database,
        &relation.schema,
        name,
        &source.database,
        &relation.schema,
        &relation.name,
        kind,
        yes(deferrable),
        yes(deferred),
        "YES",
        (kind == "UNIQUE").then_some("YES"),
    ]
}

fn key_columns(relation: &Relation, constraint: &Constraint, source: &Source<'_>) -> Vec<Vec<Value>> {
    let target = match &constraint.kind {
        ConstraintKind::Check { .. } => return vec![],
        ConstraintKind::ForeignKey(key) => {
            source.state.relations.get(&key.target).map(|target| (key, target))
        }
        _ => None,
    };
    // Where the referenced column stands in the constraint that the foreign key leans on.
    let place = |at: usize| {
        let (key, target) = target?;
        let (unique, _) = referenced(target, key)?;
        let column = key.target_columns.get(at)?;
        let place = columns(target, unique).iter().position(|candidate| candidate == column)?;
        i32::try_from(place + 1).ok()
    };
    let columns = columns(relation, constraint);
    let rows = columns.iter().enumerate().filter_map(|(at, id)| {
        Some(row![
            &source.database,
            &relation.schema,
            &constraint.name,
            &source.database,
            &relation.schema,
            &relation.name,
            &relation.column(*id)?.name,
            i32::try_from(at + 1).unwrap_or(i32::MAX),
            place(at),
        ])
    });
    rows.collect()
}

/// The columns that a constraint needs: of a foreign key, the referenced ones.
fn constraint_columns(relation: &Relation, constraint: &Constraint, source: &Source<'_>) -> Vec<Vec<Value>> {
    let (table, ids): (&Relation, Vec<u32>) = match &constraint.kind {
        ConstraintKind::ForeignKey(key) => match source.state.relations.get(&key.target) {
            Some(target) => (target, key.target_columns.clone()),
            None => return vec![],
        },
        _ => (relation, columns(relation, constraint)),
    };
    let names = ids.iter().filter_map(|id| table.column(*id));
    names
        .map(|column| {
            row![
                &source.database,
                &table.schema,
                &table.name,
                &column.name,
                &source.database,
                &relation.schema,
                &constraint.name,
            ]
        })
        .collect()
}

fn constraint_tables(relation: &Relation, constraint: &Constraint, source: &Source<'_>) -> Vec<Vec<Value>> {
    let table = match &constraint.kind {
        ConstraintKind::ForeignKey(key) => match source.state.relations.get(&key.target) {
            Some(target) => target,
            None => return vec![],
        },
        ConstraintKind::Check { .. } => return vec![],
        _ => relation,
    };
    let database = &source.database;
    vec![row![database, &table.schema, &table.name, database, &relation.schema, &constraint.name]]
}

fn referential(relation: &Relation, constraint: &Constraint, source: &Source<'_>) -> Vec<Vec<Value>> {
    let ConstraintKind::ForeignKey(key) = &constraint.kind else { return vec![] };
    let target = source.state.relations.get(&key.target);
    let unique = target.and_then(|target| Some((target, referenced(target, key)?.0)));
    vec![row![
        &source.database,
        &relation.schema,
        &constraint.name,
        unique.map(|_| source.database.clone()),
        unique.map(|(target, _)| target.schema.clone()),
        unique.map(|(_, constraint)| constraint.name.clone()),
        if key.match_full { "FULL" } else { "NONE" },
        action_name(key.on_update),
        action_name(key.on_delete),
    ]]
}

fn check(relation: &Relation, constraint: &Constraint, source: &Source<'_>) -> Vec<Vec<Value>> {
    match &constraint.kind {
        ConstraintKind::Check { expression } => {
            vec![row![&source.database, &relation.schema, &constraint.name, format!("({expression})")]]
        }
        _ => vec![],
    }
}

/// Identity columns' own are left out, as PostgreSQL does.
fn sequences(source: &Source<'_>) -> Rows {
    let mut out = vec![];
    for relation in visible(source)? {
        let Some(sequence) = &relation.sequence else { continue };
        let identity = sequence
            .owned_by
            .and_then(|(table, column)| source.state.relations.get(&table)?.column(column)?.identity);
        if identity.is_some() {
            continue;
        }
        let facts = TypeFacts::of(sequence.ty);
        out.push(row![
            &source.database,
            &relation.schema,
            &relation.name,
            facts.name,
            facts.precision,
            facts.radix,
            facts.scale,
            sequence.start.to_string(),
            sequence.minimum.to_string(),
            sequence.maximum.to_string(),
            sequence.increment.to_string(),
            yes(sequence.cycle),
        ]);
    }
    Ok(out)
}

/// The text only for those who own the view.
fn views(source: &Source<'_>) -> Rows {
    let user = source.surroundings.current_user();
    let superuser = source.roles.iter().any(|role| role.oid == user && role.superuser);
    let roles = closure(user, source)?;
    let mut out = vec![];
    for relation in visible(source)?.iter().filter(|relation| kind(relation) == 'v') {
        let owns = superuser || roles.contains(&relation.owner);
        let text = relation.view.as_deref().filter(|_| owns).map(view);
        out.push(row![
            &source.database,
            &relation.schema,
            &relation.name,
            text,
            "NONE",
            "NO",
            "NO",
            "NO",
            "NO",
            "NO",
        ]);
    }
    Ok(out)
}

fn view_usage(source: &Source<'_>, of_columns: bool) -> Rows {
    let mut out: Vec<Vec<Value>> = vec![];
    for relation in visible(source)? {
        for (on, column) in &relation.references {
            let Some(on) = source.state.relations.get(on) else { continue };
            let database = &source.database;
            let mut row = row![database, &relation.schema, &relation.name, database, &on.schema, &on.name];
            match (of_columns, on.column(*column)) {
                (true, Some(column)) => row.push(Value::text(&column.name)),
                (true, None) => continue,
                (false, _) => {}
            }
            if !out.contains(&row) {
                out.push(row);
            }
        }
    }
    Ok(out)
}

fn column_types(source: &Source<'_>) -> Rows {
    let mut out = vec![];
    for relation in visible(source)? {
        for column in relation.live() {
            let database = &source.database;
            let name = column.ty.data_type.name();
            let schema = &relation.schema;
            out.push(row![database, "pg_catalog", name, database, schema, &relation.name, &column.name]);
        }
    }
    Ok(out)
}

/// Functions that are built in; none can be made.
fn routines(source: &Source<'_>) -> Vec<Vec<Value>> {
    let functions = expr::function::all().filter(|function| function.oid != 0);
    let rows = functions.map(|function| {
        let (schema, name) = super::routine::split(function.name);
        let returns: Oid = super::routine::argument(function.returns);
        let data_type = DataType::from_oid(returns);
        let database = &source.database;
        let mut row = row![
            database,
            schema,
            format!("{name}_{}", function.oid),
            database,
            schema,
            name,
            "FUNCTION",
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            data_type.map_or("USER-DEFINED", |ty| TypeFacts::of(ty.into()).name),
        ];
        row.extend(std::iter::repeat_n(NULL, 14));
        row.extend(row![
            database,
            "pg_catalog",
            data_type.map(DataType::name),
            NULL,
            NULL,
            NULL,
            NULL,
            "0",
            "EXTERNAL",
            NULL,
            function.name,
            "INTERNAL",
            "GENERAL",
            yes(function.volatility == expr::Volatility::Immutable),
            "MODIFIES",
            yes(function.strict),
            NULL,
            "YES",
            0,
            NULL,
            NULL,
            "INVOKER",
        ]);
        row.extend(std::iter::repeat_n(NULL, 6));
        row.extend(row![NULL, "NO"]);
        row.extend(std::iter::repeat_n(NULL, 24));
        row
    });
    rows.collect()
}
