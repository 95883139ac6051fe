//! A database in memory, and plans over its tables.

use super::{NoSession, query, show_in};
use catalog::{Begin, Database, Transaction};
use expr::Expr;
use kv::Isolation;
use kv::ledger::LedgerOptions;
use kv::store::IndexEngine;
use plan::node::{Access, KeyRange, Scan, Versions};
use plan::{Node, Plan, Query};
use std::path::Path;
use std::sync::Arc;
use types::ddl::{
    ColumnDefinition, ConstraintDefinition, ConstraintDefinitionKind, CreateIndex, CreateTable, Ddl,
    IndexColumnDefinition, Name,
};
use types::schema::{Action, Relation};
use types::{ColumnType, DataType, TextSettings};

pub(super) struct World {
    pub database: Database,
}

impl World {
    pub fn new() -> World {
        let ledger = LedgerOptions {
            origin: "host/test".into(),
            create: true,
            accept_missing_checkpoint: false,
            accept_clock: false,
            segment_size_bytes: 1 << 20,
            progress: None,
        };
        let store = kv::store::Options {
            ledger,
            index: IndexEngine::Memory,
            index_cache_bytes: 1 << 20,
            transaction_memory_bytes: 1 << 20,
            derive: Arc::new(kv::NoDerive),
        };
        let options = catalog::Options {
            store,
            columns: catalog::ColumnCache::default(),
            binder: Arc::new(plan::bind::ExpressionBinder::default()),
        };
        let database = Database::open(host::Host::volatile(), Path::new("test"), options).unwrap();
        World { database }
    }

    pub fn begin(&self) -> Box<Transaction> {
        self.begin_at(Isolation::ReadCommitted)
    }

    pub fn begin_at(&self, isolation: Isolation) -> Box<Transaction> {
        let mut transaction =
            self.database.begin(Begin { isolation, read_only: false, as_of: None }).unwrap();
        transaction.begin_statement(&TextSettings::default()).unwrap();
        transaction
    }

    /// Runs and commits; the rows.
    pub fn run(&self, query: Query) -> String {
        let mut transaction = self.begin();
        let shown = show_in(&mut transaction, query);
        transaction.end_statement().unwrap();
        commit(transaction);
        shown
    }

    /// `item (id int primary key, n int, word text)` with an index on n, filled.
    pub fn items(&self, rows: &str) -> Arc<Relation> {
        let relation = self.table("item", &["id", "n", "word"], Some("id"), &[]);
        if !rows.is_empty() {
            assert_eq!(self.run(query(super::writes::insert(&relation, super::values("iit", rows)))), "");
        }
        relation
    }

    /// Columns are int4, `word` is text, `parent` refers to `id` of the table itself ON DELETE CASCADE.
    pub fn table(&self, name: &str, columns: &[&str], key: Option<&str>, not_null: &[&str]) -> Arc<Relation> {
        let of = |name: &str| Name { schema: None, name: name.into() };
        let column = |column: &&str| ColumnDefinition {
            name: column.to_string(),
            ty: if *column == "word" { DataType::Text } else { DataType::Int4 }.into(),
            not_null: not_null.contains(column),
            default: None,
            constant_default: None,
            identity: None,
            serial: false,
        };
        let key = key.map(|key| ConstraintDefinitionKind::PrimaryKey(vec![key.into()]));
        let parent = columns.contains(&"parent").then(|| ConstraintDefinitionKind::ForeignKey {
            columns: vec!["parent".into()],
            target: of(name),
            target_columns: vec![],
            on_delete: Action::Cascade,
            on_update: Action::NoAction,
            match_full: false,
            deferrable: false,
            initially_deferred: false,
        });
        let constraints = key.into_iter().chain(parent);
        let create = CreateTable {
            name: of(name),
            if_not_exists: false,
            columns: columns.iter().map(column).collect(),
            constraints: constraints.map(|kind| ConstraintDefinition { name: None, kind }).collect(),
            append_only: false,
        };
        let mut transaction = self.begin();
        transaction.apply(&Ddl::CreateTable(create), 10).unwrap();
        if columns.contains(&"n") {
            let index = CreateIndex {
                name: None,
                table: of(name),
                unique: false,
                if_not_exists: false,
                columns: vec![IndexColumnDefinition {
                    column: Some("n".into()),
                    expression: None,
                    descending: false,
                    nulls_first: false,
                }],
                predicate: None,
            };
            transaction.apply(&Ddl::CreateIndex(index), 10).unwrap();
        }
        transaction.end_statement().unwrap();
        commit(transaction);
        self.relation(name)
    }

    pub fn relation(&self, name: &str) -> Arc<Relation> {
        self.begin().schema(&["public".into()], 10).relation(None, name).unwrap().unwrap()
    }
}

pub(super) fn commit(transaction: Box<Transaction>) {
    transaction.commit(kv::Meta::default(), true).unwrap();
}

pub(super) fn scan(relation: &Arc<Relation>, access: Access, key: bool) -> Plan {
    let mut types: Vec<ColumnType> = relation.columns.iter().map(|column| column.ty).collect();
    if key {
        types.push(DataType::Bytea.into());
    }
    let scan = Scan {
        relation: relation.clone(),
        alias: relation.name.clone(),
        columns: relation.columns.iter().map(|column| column.id).collect(),
        access,
        backward: false,
        filter: None,
        versions: Versions::Snapshot,
        key,
    };
    super::node(Node::Scan(scan), types)
}

pub(super) fn point(values: &[i32]) -> KeyRange {
    KeyRange { equal: values.iter().map(|value| super::int(*value)).collect(), ..KeyRange::default() }
}

fn by_n(relation: &Relation, ranges: Vec<KeyRange>) -> Access {
    let index = relation.indexes.iter().find(|index| !index.primary).unwrap();
    Access::Index { index: index.oid, ranges }
}

fn range(lower: Option<(i32, bool)>, upper: Option<(i32, bool)>) -> KeyRange {
    let bound = |bound: Option<(i32, bool)>| bound.map(|(value, inclusive)| (super::int(value), inclusive));
    KeyRange { lower: bound(lower), upper: bound(upper), ..KeyRange::default() }
}

#[test]
fn rows_are_found_by_key_by_index_and_all() {
    let world = World::new();
    let item = world.items("1 10 a | 2 20 b | 3 10 c | 4 - d");
    let find = |access| world.run(query(scan(&item, access, false)));
    assert_eq!(find(Access::All), "1 10 a | 2 20 b | 3 10 c | 4 - d");
    assert_eq!(find(Access::Primary(vec![point(&[2])])), "2 20 b");
    assert_eq!(find(Access::Primary(vec![point(&[9])])), "");
    // Points in any order, twice, and NULL.
    let mut null = point(&[]);
    null.equal.push(Expr::null(DataType::Int4));
    assert_eq!(find(Access::Primary(vec![point(&[3]), point(&[1]), null, point(&[3])])), "1 10 a | 3 10 c");
    assert_eq!(find(Access::Primary(vec![range(Some((1, false)), Some((3, true)))])), "2 20 b | 3 10 c");
    assert_eq!(find(by_n(&item, vec![point(&[10])])), "1 10 a | 3 10 c");
    assert_eq!(find(by_n(&item, vec![range(Some((10, false)), None)])), "2 20 b");
}

#[test]
fn any_of_an_array_is_a_point_per_element() {
    let world = World::new();
    let item = world.items("1 10 a | 2 20 b | 3 10 c");
    let elements = [3, 1, 3].map(types::Value::Int4).into_iter().chain([types::Value::Null]);
    let array = types::Value::array(DataType::Int4, elements.collect());
    let any = KeyRange {
        equal: vec![Expr::constant(array, DataType::Int4Array)],
        any: true,
        ..KeyRange::default()
    };
    let found = world.run(query(scan(&item, Access::Primary(vec![any]), false)));
    assert_eq!(found, "1 10 a | 3 10 c");
}

#[test]
fn a_scan_rests_between_pulls() {
    let world = World::new();
    let rows: String = (0..3000).map(|row| format!("{row} {row} w | ")).collect();
    let item = world.items(&rows);
    let mut transaction = world.begin();
    let mut execution = crate::Execution::new(Arc::new(query(scan(&item, Access::All, false))), false);
    let settings = TextSettings::default();
    let (mut seen, mut out) = (0, types::Batch::default());
    loop {
        let mut surroundings = crate::Surroundings {
            parameters: &[],
            settings: &settings,
            functions: &NoSession,
            copy_input: None,
            system: &NoSession,
        };
        if !execution.next(&mut transaction, &mut surroundings, 700, &mut out).unwrap() {
            break;
        }
        assert!(out.rows <= 700);
        seen += out.rows;
        // The transaction is free between pulls, and what it writes is not seen.
        let more = super::values("iit", &format!("{} 0 late", 10_000 + seen));
        assert_eq!(show_in(&mut transaction, query(super::writes::insert(&item, more))), "");
    }
    assert_eq!(seen, 3000);
}

/// A join that looks up each left row by key.
#[test]
fn an_index_nested_loop() {
    let world = World::new();
    let item = world.items("1 2 a | 2 3 b | 3 9 c");
    let mut key = KeyRange::default();
    key.equal.push(Expr::Outer { slot: 0, ty: DataType::Int4.into() });
    let right = scan(&item, Access::Primary(vec![key]), false);
    let left = scan(&item, Access::All, false);
    let types: Vec<ColumnType> = left.types.iter().chain(&right.types).copied().collect();
    let args = vec![Expr::column(1, DataType::Int4)];
    let join = Node::Join(plan::node::Join {
        kind: plan::JoinKind::Left,
        left: Box::new(left),
        right: Box::new(right),
        method: plan::node::JoinMethod::Apply { first_slot: 0, args },
        filter: None,
    });
    assert_eq!(world.run(query(super::node(join, types))), "1 2 a 2 3 b | 2 3 b 3 9 c | 3 9 c - - -");
}

#[test]
fn the_past_is_read_by_number() {
    let world = World::new();
    let item = world.items("1 10 a");
    let tx = world.begin().snapshot_tx();
    world.run(query(super::writes::insert(&item, super::values("iit", "2 20 b"))));
    let mut past = scan(&item, Access::All, false);
    if let Node::Scan(scan) = &mut past.node {
        let number = Expr::constant(types::Value::Int8(tx as i64), DataType::Int8);
        scan.versions = Versions::AtExpr { value: Box::new(number), time: false };
    }
    assert_eq!(world.run(query(past)), "1 10 a");
    assert_eq!(world.run(query(scan(&item, Access::All, false))), "1 10 a | 2 20 b");
}

/// Nodes in pre-order; a node that runs per row counts its loops.
#[test]
fn statistics_follow_the_plan() {
    let world = World::new();
    let item = world.items("1 2 a | 2 3 b | 3 9 c");
    let mut key = KeyRange::default();
    key.equal.push(Expr::Outer { slot: 0, ty: DataType::Int4.into() });
    let right = scan(&item, Access::Primary(vec![key]), false);
    let left = scan(&item, Access::All, false);
    let types: Vec<ColumnType> = left.types.iter().chain(&right.types).copied().collect();
    let join = Node::Join(plan::node::Join {
        kind: plan::JoinKind::Inner,
        left: Box::new(left),
        right: Box::new(right),
        method: plan::node::JoinMethod::Apply { first_slot: 0, args: vec![Expr::column(1, DataType::Int4)] },
        filter: None,
    });
    let limit = Node::Limit {
        input: Box::new(super::node(join, types.clone())),
        limit: Some(super::int(10)),
        offset: None,
        with_ties: None,
    };
    let settings = TextSettings::default();
    let surroundings = crate::Surroundings {
        parameters: &[],
        settings: &settings,
        functions: &NoSession,
        copy_input: None,
        system: &NoSession,
    };
    let (mut statistics, mut transaction) = (crate::Statistics::default(), world.begin());
    let query = Arc::new(query(super::node(limit, types)));
    let go_on = &mut |_: &types::Batch| Ok(std::ops::ControlFlow::Continue(()));
    crate::run(&query, &mut transaction, surroundings, Some(&mut statistics), go_on).unwrap();
    let counted: Vec<(u64, u64)> = statistics.nodes.iter().map(|node| (node.rows, node.loops)).collect();
    assert_eq!(counted, [(2, 1), (2, 1), (3, 1), (2, 3)], "limit, join, left, right");
}
