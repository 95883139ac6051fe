//! A schema made of CREATE TABLE statements, for tests of the planner alone.

use std::collections::HashMap;
use std::sync::Arc;
use stele_plan as plan;
use stele_plan::{Environment, Query, Statement};
use types::ddl::{ConstraintDefinitionKind, Ddl};
use types::schema::{
    Action, Column, Constraint, ConstraintKind, ForeignKey, Index, IndexColumn, IndexKey, Moment, Relation,
    RelationKind, Schema,
};
use types::{Error, Oid, Result, Value};

#[derive(Clone, Default)]
#[allow(dead_code)]
pub struct Fake {
    relations: HashMap<String, Arc<Relation>>,
    rows: HashMap<String, f64>,
}

impl Fake {
    /// Runs CREATE TABLE, CREATE INDEX and CREATE VIEW; `-- rows t 1000` says how large a table is.
    pub fn new(script: &str) -> Fake {
        let mut fake = Fake::default();
        for line in script.lines() {
            if let Some(rest) = line.strip_prefix("-- rows ") {
                let (table, rows) = rest.split_once(' ').expect("-- rows table number");
                fake.rows.insert(table.into(), rows.trim().parse().expect("a number"));
            }
        }
        for parsed in plan::parse(script).unwrap() {
            let environment = fake.environment();
            match plan::plan(&parsed, &environment).unwrap_or_else(|e| panic!("{}: {e}", parsed.text)) {
                Statement::Ddl(ddl) => fake.apply(ddl),
                Statement::Empty => {}
                other => panic!("not DDL: {other:?}"),
            }
        }
        fake
    }

    pub fn environment(&self) -> Environment {
        Environment {
            schema: Arc::new(self.clone()),
            parameters: vec![],
            values: vec![],
            settings: types::TextSettings::default(),
            as_of: None,
            current_user: "stele".into(),
            database: "stele".into(),
        }
    }

    pub fn query(&self, sql: &str) -> Result<Arc<Query>> {
        let parsed = plan::parse(sql)?;
        let [parsed] = parsed.as_slice() else { panic!("one statement: {sql}") };
        match plan::plan(parsed, &self.environment())? {
            Statement::Query(query) => Ok(query),
            other => panic!("not a query: {other:?}"),
        }
    }

    #[allow(dead_code)]
    pub fn explain(&self, sql: &str) -> String {
        match self.query(sql) {
            Ok(query) => plan::explain::explain(&query, &Default::default(), None),
            Err(error) => failure(&error),
        }
    }

    fn next_oid(&self) -> Oid {
        16384 + 100 * self.relations.len() as Oid
    }

    fn apply(&mut self, ddl: Ddl) {
        let oid = self.next_oid();
        match ddl {
            Ddl::CreateTable(table) => {
                let columns: Vec<Column> = table
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(at, column)| Column {
                        id: at as u32 + 1,
                        name: column.name.clone(),
                        ty: column.ty,
                        not_null: column.not_null || column.serial || column.identity.is_some(),
                        default: match column.serial || column.identity.is_some() {
                            true => Some("nextval('16000'::regclass)".into()),
                            false => column.default.clone(),
                        },
                        identity: column.identity.as_ref().map(|(identity, _)| *identity),
                        missing: Value::Null,
                        dropped: false,
                        comment: None,
                    })
                    .collect();
                let ids = |names: &[String]| -> Vec<u32> {
                    let id = |name: &String| columns.iter().find(|c| c.name == *name).expect("a column").id;
                    names.iter().map(id).collect()
                };
                let mut relation = relation(oid, &table.name.name, RelationKind::Table);
                for (at, constraint) in table.constraints.iter().enumerate() {
                    let index = oid + 1 + at as Oid;
                    let mut add_index = |columns: &[u32], primary: bool, suffix: &str| {
                        relation.indexes.push(Index {
                            oid: index,
                            name: format!("{}_{suffix}", table.name.name),
                            unique: true,
                            primary,
                            columns: columns.iter().map(|id| ascending(IndexKey::Column(*id))).collect(),
                            predicate: None,
                            comment: None,
                        });
                    };
                    let kind = match &constraint.kind {
                        ConstraintDefinitionKind::PrimaryKey(names) => {
                            let columns = ids(names);
                            add_index(&columns, true, "pkey");
                            relation.primary_key = columns.clone();
                            ConstraintKind::PrimaryKey { columns, index }
                        }
                        ConstraintDefinitionKind::Unique(names) => {
                            let columns = ids(names);
                            add_index(&columns, false, &format!("{}_key", names.join("_")));
                            ConstraintKind::Unique { columns, index }
                        }
                        ConstraintDefinitionKind::Check { expression, .. } => {
                            ConstraintKind::Check { expression: expression.clone() }
                        }
                        ConstraintDefinitionKind::ForeignKey { columns, target, .. } => {
                            let target = &self.relations[&target.name];
                            ConstraintKind::ForeignKey(ForeignKey {
                                columns: ids(columns),
                                target: target.oid,
                                target_columns: target.primary_key.clone(),
                                on_delete: Action::NoAction,
                                on_update: Action::NoAction,
                                match_full: false,
                                deferrable: false,
                                initially_deferred: false,
                            })
                        }
                    };
                    relation.constraints.push(Constraint {
                        oid: index,
                        name: constraint.name.clone().unwrap_or_else(|| format!("{}_{at}", table.name.name)),
                        kind,
                    });
                }
                relation.columns = columns;
                relation.append_only = table.append_only;
                self.relations.insert(table.name.name, Arc::new(relation));
            }
            Ddl::CreateIndex(index) => {
                let mut relation = (*self.relations[&index.table.name]).clone();
                let columns = index
                    .columns
                    .iter()
                    .map(|column| IndexColumn {
                        key: match (&column.column, &column.expression) {
                            (Some(name), _) => {
                                IndexKey::Column(relation.column_named(name).expect("a column").id)
                            }
                            (None, Some((text, ty))) => IndexKey::Expression(text.clone(), *ty),
                            (None, None) => panic!("an index column"),
                        },
                        descending: column.descending,
                        nulls_first: column.nulls_first,
                    })
                    .collect();
                relation.indexes.push(Index {
                    oid: relation.oid + 50 + relation.indexes.len() as Oid,
                    name: index.name.expect("a name"),
                    unique: index.unique,
                    primary: false,
                    columns,
                    predicate: index.predicate,
                    comment: None,
                });
                self.relations.insert(relation.name.clone(), Arc::new(relation));
            }
            Ddl::CreateView { name, columns, query, .. } => {
                let mut relation = relation(oid, &name.name, RelationKind::View);
                relation.columns = columns
                    .into_iter()
                    .enumerate()
                    .map(|(at, (name, ty))| Column {
                        id: at as u32 + 1,
                        name,
                        ty,
                        not_null: false,
                        default: None,
                        identity: None,
                        missing: Value::Null,
                        dropped: false,
                        comment: None,
                    })
                    .collect();
                relation.view = Some(query);
                self.relations.insert(name.name, Arc::new(relation));
            }
            other => panic!("{other:?}"),
        }
    }
}

fn ascending(key: IndexKey) -> IndexColumn {
    IndexColumn { key, descending: false, nulls_first: false }
}

fn relation(oid: Oid, name: &str, kind: RelationKind) -> Relation {
    Relation {
        oid,
        object_id: oid,
        predecessor: 0,
        kind,
        schema_oid: 2200,
        schema: "public".into(),
        name: name.into(),
        owner: 10,
        columns: vec![],
        primary_key: vec![],
        constraints: vec![],
        indexes: vec![],
        referenced_by: vec![],
        append_only: false,
        view: None,
        references: vec![],
        sequence: None,
        descriptor_tx: 1,
        comment: None,
    }
}

impl Schema for Fake {
    fn relation(&self, schema: Option<&str>, name: &str) -> Result<Option<Arc<Relation>>> {
        if schema.is_some_and(|schema| schema != "public") {
            return Ok(None);
        }
        Ok(self.relations.get(name).cloned())
    }
    fn relation_by_oid(&self, oid: Oid) -> Result<Option<Arc<Relation>>> {
        Ok(self.relations.values().find(|relation| relation.oid == oid).cloned())
    }
    fn namespace(&self, name: &str) -> Result<Option<Oid>> {
        Ok((name == "public").then_some(2200))
    }
    fn search_path(&self) -> Vec<String> {
        vec!["public".into()]
    }
    fn at(&self, moment: Moment) -> Result<Arc<dyn Schema>> {
        match moment {
            Moment::Transaction(number) if number > 1000 => Err(Error::new(
                types::SqlState::InvalidParameterValue,
                format!("transaction {number} does not exist"),
            )),
            _ => Ok(Arc::new(self.clone())),
        }
    }
    fn estimated_rows(&self, relation: &Relation) -> f64 {
        self.rows.get(&relation.name).copied().unwrap_or(1000.0)
    }
    fn version(&self) -> u64 {
        1
    }
}

/// An error as a line of a golden file.
pub fn failure(error: &Error) -> String {
    let mut out = format!("ERROR {}: {}", error.state.code(), error.message);
    if let Some(position) = error.position {
        out.push_str(&format!(" (at {position})"));
    }
    for (name, text) in [("DETAIL", &error.detail), ("HINT", &error.hint)] {
        if let Some(text) = text {
            out.push_str(&format!("\n{name}: {text}"));
        }
    }
    out
}
