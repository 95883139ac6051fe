//! INSERT, UPDATE, DELETE, row locks: alone, and against another transaction that was faster.

use super::storage::{World, commit, point, scan};
use super::{call, int, node, query, show_in, values};
use expr::{Expr, SubplanKind};
use kv::Isolation;
use plan::node::{
    Access, ConflictAction, Delete, Insert, LockRows, LockStrength, LockWait, OnConflict, Update,
};
use plan::statement::QueryKind;
use plan::{Node, Plan, Query};
use std::sync::Arc;
use types::schema::Relation;
use types::{ColumnType, DataType, TextSettings};

fn row_types(relation: &Relation) -> Vec<ColumnType> {
    relation.columns.iter().map(|column| column.ty).collect()
}

fn all_columns(relation: &Relation) -> Vec<Expr> {
    row_types(relation).into_iter().enumerate().map(|(index, ty)| Expr::column(index, ty)).collect()
}

/// `INSERT INTO relation <input>`
pub(super) fn insert(relation: &Arc<Relation>, input: Plan) -> Plan {
    insert_or(relation, input, None, false)
}

fn insert_or(
    relation: &Arc<Relation>,
    input: Plan,
    on_conflict: Option<OnConflict>,
    returning: bool,
) -> Plan {
    let row = all_columns(relation);
    let types = if returning { row_types(relation) } else { vec![] };
    let returning = returning.then(|| row.clone());
    let insert = Insert {
        relation: relation.clone(),
        input: Box::new(input),
        row,
        on_conflict,
        returning,
        checks: vec![],
    };
    node(Node::Insert(insert), types)
}

/// `UPDATE relation SET set WHERE filter RETURNING *`, found by a full scan.
fn update(relation: &Arc<Relation>, set: Vec<(usize, Expr)>, filter: Option<Expr>) -> Plan {
    let input = filtered(scan(relation, Access::All, true), filter.clone());
    let update = Update {
        relation: relation.clone(),
        input: Box::new(input),
        set,
        recheck: filter,
        returning: Some(all_columns(relation)),
        checks: vec![],
    };
    node(Node::Update(update), row_types(relation))
}

fn delete(relation: &Arc<Relation>, filter: Option<Expr>) -> Plan {
    let input = filtered(scan(relation, Access::All, true), filter.clone());
    let delete = Delete {
        relation: relation.clone(),
        input: Box::new(input),
        recheck: filter,
        returning: Some(all_columns(relation)),
    };
    node(Node::Delete(delete), row_types(relation))
}

fn filtered(input: Plan, filter: Option<Expr>) -> Plan {
    let Some(predicate) = filter else { return input };
    let types = input.types.clone();
    node(Node::Filter { input: Box::new(input), predicate }, types)
}

fn id() -> Expr {
    Expr::column(0, DataType::Int4)
}

fn n() -> Expr {
    Expr::column(1, DataType::Int4)
}

fn add(to: Expr, more: i32) -> Expr {
    call("+", to, int(more))
}

fn everything(world: &World, relation: &Arc<Relation>) -> String {
    world.run(query(scan(relation, Access::All, false)))
}

/// What the index on n leads to.
fn by_n(world: &World, relation: &Arc<Relation>, n: i32) -> String {
    let index = relation.indexes.iter().find(|index| !index.primary).unwrap().oid;
    world.run(query(scan(relation, Access::Index { index, ranges: vec![point(&[n])] }, false)))
}

#[test]
fn a_command_counts_what_it_changed() {
    let world = World::new();
    let item = world.items("1 10 a | 2 20 b | 3 30 c");
    let mut transaction = world.begin();
    let mut count = |plan: Plan| {
        let settings = TextSettings::default();
        let surroundings = crate::Surroundings {
            parameters: &[],
            settings: &settings,
            functions: &super::NoSession,
            copy_input: None,
            system: &super::NoSession,
        };
        let mut query = query(plan);
        query.kind = QueryKind::Update;
        let query = Arc::new(query);
        let mut rows = 0;
        let affected = crate::run(&query, &mut transaction, surroundings, None, &mut |batch| {
            rows += batch.rows;
            Ok(std::ops::ControlFlow::Continue(()))
        });
        (affected.unwrap(), rows)
    };
    assert_eq!(count(update(&item, vec![(1, add(n(), 1))], Some(call(">", n(), int(10))))), (2, 2));
    assert_eq!(count(insert(&item, values("iit", "4 1 d"))), (1, 0));
    assert_eq!(count(delete(&item, Some(call("=", id(), int(9))))), (0, 0));
    assert_eq!(count(delete(&item, None)), (4, 4));
}

/// Rows that move forward in the index that finds them are met once.
#[test]
fn an_update_does_not_meet_its_own_rows() {
    let world = World::new();
    let item = world.items("1 10 a | 2 11 b | 3 12 c");
    let index = item.indexes.iter().find(|index| !index.primary).unwrap().oid;
    let range = plan::KeyRange { lower: Some((int(0), true)), ..Default::default() };
    let mut plan = update(&item, vec![(1, add(n(), 1))], None);
    if let Node::Update(update) = &mut plan.node {
        *update.input = scan(&item, Access::Index { index, ranges: vec![range] }, true);
    }
    assert_eq!(world.run(query(plan)), "1 11 a | 2 12 b | 3 13 c");
    assert_eq!(by_n(&world, &item, 11), "1 11 a");
    assert_eq!(by_n(&world, &item, 10), "");
}

#[test]
fn a_primary_key_may_change() {
    let world = World::new();
    let item = world.items("1 10 a | 2 20 b");
    assert_eq!(world.run(query(update(&item, vec![(0, add(id(), 10))], None))), "11 10 a | 12 20 b");
    assert_eq!(everything(&world, &item), "11 10 a | 12 20 b");
    let refused = show_in(&mut world.begin(), query(update(&item, vec![(0, int(7))], None)));
    assert!(
        refused.starts_with("duplicate key value violates unique constraint \"item_pkey\" (23505)"),
        "{refused}"
    );
}

/// `UPDATE item SET n = u.n FROM u` where u has two rows for item 1.
#[test]
fn a_joined_row_is_changed_once() {
    let world = World::new();
    let item = world.items("1 10 a | 2 20 b");
    let (left, right) = (scan(&item, Access::All, true), values("ii", "1 70 | 1 71 | 2 80"));
    let keys = vec![Expr::column(0, DataType::Int4)];
    let mut types: Vec<ColumnType> = left.types.iter().chain(&right.types).copied().collect();
    let join = Node::Join(plan::node::Join {
        kind: plan::JoinKind::Inner,
        left: Box::new(left),
        right: Box::new(right),
        method: plan::node::JoinMethod::Hash { left: keys.clone(), right: keys },
        filter: None,
    });
    // item's columns, u's columns, the key.
    let exprs: Vec<Expr> = [0, 1, 2, 4, 5, 3].map(|index| Expr::column(index, types[index])).into();
    let join = node(join, types);
    types = exprs.iter().map(Expr::ty).collect();
    let input = node(Node::Project { input: Box::new(join), exprs }, types);
    let mut plan = update(&item, vec![(1, Expr::column(4, DataType::Int4))], None);
    if let Node::Update(update) = &mut plan.node {
        *update.input = input;
        update.returning = Some(vec![id(), n(), Expr::column(3, DataType::Int4)]);
    }
    assert_eq!(world.run(query(plan)), "1 70 1 | 2 80 2");
}

fn on_conflict(action: ConflictAction) -> Option<OnConflict> {
    Some(OnConflict { arbiters: vec![], action })
}

/// `DO UPDATE SET n = item.n + excluded.n WHERE item.n < 100`
fn sum() -> Option<OnConflict> {
    let set = vec![(1, call("+", n(), Expr::column(4, DataType::Int4)))];
    on_conflict(ConflictAction::Update { set, filter: Some(call("<", n(), int(100))) })
}

#[test]
fn a_conflict_is_left_alone_or_updated() {
    let world = World::new();
    let item = world.items("1 10 a | 2 200 b");
    let rows = || values("iit", "1 1 x | 2 2 y | 3 3 z");
    let nothing = || on_conflict(ConflictAction::Nothing);
    assert_eq!(world.run(query(insert_or(&item, rows(), nothing(), true))), "3 3 z");
    assert_eq!(world.run(query(insert_or(&item, rows(), sum(), true))), "1 11 a | 3 6 z");
    assert_eq!(everything(&world, &item), "1 11 a | 2 200 b | 3 6 z");
    assert_eq!(by_n(&world, &item, 11), "1 11 a");
    let twice =
        show_in(&mut world.begin(), query(insert_or(&item, values("iit", "7 1 x | 7 1 x"), sum(), true)));
    assert!(
        twice.starts_with("ON CONFLICT DO UPDATE command cannot affect row a second time (21000)"),
        "{twice}"
    );
    assert_eq!(world.run(query(insert_or(&item, values("iit", "7 1 x | 7 1 x"), nothing(), true))), "7 1 x");
}

/// The row in the way was committed after this statement's snapshot.
#[test]
fn on_conflict_meets_a_row_that_the_snapshot_does_not_see() {
    let world = World::new();
    let item = world.items("");
    let mut slow = world.begin();
    world.run(query(insert(&item, values("iit", "1 10 a"))));
    let upsert = || query(insert_or(&item, values("iit", "1 5 b"), sum(), true));
    assert_eq!(show_in(&mut slow, upsert()), "1 15 a");
    commit(slow);
    let mut slow = world.begin_at(Isolation::RepeatableRead);
    world.run(query(update(&item, vec![(1, int(20))], None)));
    assert!(show_in(&mut slow, upsert()).contains("40001"));
}

#[test]
fn checks_name_the_row() {
    let world = World::new();
    let item = world.items("1 10 a");
    let positive = || ("item_n_check".to_owned(), call(">", n(), int(0)));
    let small = || ("item_id_check".to_owned(), call("<", id(), int(100)));
    let mut plan = insert(&item, values("iit", &format!("2 5 b | 300 -1 {}", "é".repeat(40))));
    if let Node::Insert(insert) = &mut plan.node {
        insert.checks = vec![positive(), small()];
    }
    let refused = show_in(&mut world.begin(), query(plan));
    let cut = "é".repeat(32);
    assert_eq!(
        refused,
        format!(
            "new row for relation \"item\" violates check constraint \"item_id_check\" (23514)\n\
             DETAIL:  Failing row contains (300, -1, {cut}...)."
        )
    );
    let mut plan = update(&item, vec![(1, int(0)), (2, Expr::null(DataType::Text))], None);
    if let Node::Update(update) = &mut plan.node {
        update.checks = vec![positive()];
    }
    let refused = show_in(&mut world.begin(), query(plan));
    assert!(refused.ends_with("DETAIL:  Failing row contains (1, 0, null)."), "{refused}");
}

#[test]
fn not_null_comes_before_checks() {
    let world = World::new();
    let plain = world.table("plain", &["id", "n"], None, &["id"]);
    let mut plan = insert(&plain, values("ii", "- 0"));
    if let Node::Insert(insert) = &mut plan.node {
        insert.checks = vec![("c".into(), call(">", n(), int(0)))];
    }
    assert!(show_in(&mut world.begin(), query(plan)).contains("(23502)"));
}

// READ COMMITTED: the other transaction commits between our snapshot and our lock.

#[test]
fn an_update_looks_again_at_a_row_that_has_changed() {
    let world = World::new();
    let item = world.items("1 10 a | 2 20 b | 3 30 c | 4 40 d");
    let mut slow = world.begin();
    // 1 still qualifies, 2 does not any more, 3 is gone, 4 has moved.
    world.run(query(update(&item, vec![(1, add(n(), 1))], Some(call("=", id(), int(1))))));
    world.run(query(update(&item, vec![(1, int(500))], Some(call("=", id(), int(2))))));
    world.run(query(delete(&item, Some(call("=", id(), int(3))))));
    world.run(query(update(&item, vec![(0, int(44))], Some(call("=", id(), int(4))))));
    let add_hundred = update(&item, vec![(1, add(n(), 100))], Some(call("<", n(), int(100))));
    assert_eq!(show_in(&mut slow, query(add_hundred)), "1 111 a | 44 140 d");
    commit(slow);
    assert_eq!(everything(&world, &item), "1 111 a | 2 500 b | 44 140 d");
    assert_eq!(by_n(&world, &item, 111), "1 111 a");
    assert_eq!(by_n(&world, &item, 11), "");
}

/// The same, waiting: the row's lock is held while the command runs.
#[test]
fn an_update_waits_for_the_lock() {
    let world = World::new();
    let item = world.items("1 10 a | 2 20 b");
    let mut fast = world.begin();
    show_in(&mut fast, query(update(&item, vec![(1, add(n(), 1))], Some(call("=", id(), int(1))))));
    let shown = std::thread::scope(|scope| {
        let slow = scope.spawn(|| world.run(query(update(&item, vec![(1, add(n(), 100))], None))));
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(!slow.is_finished());
        commit(fast);
        slow.join().unwrap()
    });
    assert_eq!(shown, "1 111 a | 2 120 b");
}

#[test]
fn a_delete_looks_again_too() {
    let world = World::new();
    let item = world.items("1 10 a | 2 20 b | 3 30 c");
    let mut slow = world.begin();
    world.run(query(update(&item, vec![(1, int(500))], Some(call("=", id(), int(2))))));
    world.run(query(delete(&item, Some(call("=", id(), int(3))))));
    assert_eq!(show_in(&mut slow, query(delete(&item, Some(call("<", n(), int(100)))))), "1 10 a");
    commit(slow);
    assert_eq!(everything(&world, &item), "2 500 b");
}

#[test]
fn repeatable_read_refuses_instead() {
    let world = World::new();
    let item = world.items("1 10 a");
    let mut slow = world.begin_at(Isolation::RepeatableRead);
    world.run(query(update(&item, vec![(1, int(11))], None)));
    let refused = show_in(&mut slow, query(update(&item, vec![(1, int(12))], None)));
    assert!(refused.starts_with("could not serialize access due to concurrent update (40001)"), "{refused}");
}

/// `SELECT * FROM item WHERE n < 100 FOR UPDATE`
fn for_update(item: &Arc<Relation>, wait: LockWait, limit: Option<i32>) -> Plan {
    let input = filtered(scan(item, Access::All, true), Some(call("<", n(), int(100))));
    let types = input.types.clone();
    let lock = LockRows { relation: item.clone(), key: 3, strength: LockStrength::Update, wait };
    let mut plan = node(Node::LockRows { input: Box::new(input), locks: vec![lock] }, types.clone());
    if let Some(limit) = limit {
        let limit = Some(int(limit));
        plan = node(Node::Limit { input: Box::new(plan), limit, offset: None, with_ties: None }, types);
    }
    let (exprs, types) = (all_columns(item), row_types(item));
    node(Node::Project { input: Box::new(plan), exprs }, types)
}

#[test]
fn a_row_lock_shows_the_newest_version() {
    let world = World::new();
    let item = world.items("1 10 a | 2 20 b | 3 30 c | 4 40 d");
    let mut slow = world.begin();
    world.run(query(update(&item, vec![(1, add(n(), 1))], Some(call("=", id(), int(1))))));
    world.run(query(update(&item, vec![(1, int(500))], Some(call("=", id(), int(2))))));
    world.run(query(delete(&item, Some(call("=", id(), int(3))))));
    assert_eq!(show_in(&mut slow, query(for_update(&item, LockWait::Block, None))), "1 11 a | 4 40 d");
}

/// The idiom of job queues: each worker takes the next free row, and locks no other.
#[test]
fn skip_locked_takes_the_next_free_row() {
    let world = World::new();
    let item = world.items("1 10 a | 2 20 b | 3 30 c");
    let take = || query(for_update(&item, LockWait::SkipLocked, Some(1)));
    let (mut first, mut second, mut third, mut fourth) =
        (world.begin(), world.begin(), world.begin(), world.begin());
    assert_eq!(show_in(&mut first, take()), "1 10 a");
    assert_eq!(show_in(&mut second, take()), "2 20 b");
    assert_eq!(show_in(&mut third, take()), "3 30 c");
    assert_eq!(show_in(&mut fourth, take()), "");
    let nowait = show_in(&mut fourth, query(for_update(&item, LockWait::Nowait, None)));
    assert!(nowait.contains("(55P03)"), "{nowait}");
}

// A command does not see its own effects.

/// `WITH d AS (DELETE ... RETURNING *) SELECT ... FROM item`, which may or may not read d.
fn with_delete(item: &Arc<Relation>, read: bool) -> Query {
    let all = scan(item, Access::All, false);
    let types = all.types.clone();
    let plan = match read {
        true => node(Node::Append(vec![node(Node::CteScan { cte: 0 }, types.clone()), all]), types),
        false => all,
    };
    let mut query = query(plan);
    query.ctes = vec![delete(item, Some(call("=", id(), int(1))))];
    query
}

#[test]
fn a_with_query_that_writes_is_run_whether_or_not_it_is_read() {
    for read in [true, false] {
        let world = World::new();
        let item = world.items("1 10 a | 2 20 b");
        let expected = if read { "1 10 a | 1 10 a | 2 20 b" } else { "1 10 a | 2 20 b" };
        assert_eq!(world.run(with_delete(&item, read)), expected);
        assert_eq!(everything(&world, &item), "2 20 b");
    }
}

#[test]
fn returning_sees_the_table_as_it_was() {
    let world = World::new();
    let item = world.items("1 10 a | 2 20 b");
    let mut plan = insert_or(&item, values("iit", "3 1 c | 4 1 d"), None, true);
    let subquery = Expr::Subplan {
        plan: 0,
        kind: Box::new(SubplanKind::Scalar),
        first_slot: 0,
        args: vec![id()],
        ty: DataType::Int8.into(),
    };
    if let Node::Insert(insert) = &mut plan.node {
        insert.returning = Some(vec![id(), subquery]);
    }
    // count(*) of item, anew for each row.
    let outer = Expr::Outer { slot: 0, ty: DataType::Int4.into() };
    let counted = filtered(scan(&item, Access::All, false), Some(call("<>", outer, int(0))));
    let count = plan::node::Aggregate {
        input: Box::new(counted),
        groups: vec![],
        sets: vec![vec![]],
        calls: vec![super::aggregate("count", vec![])],
    };
    let mut query = query(plan);
    query.subplans = vec![node(Node::Aggregate(count), vec![DataType::Int8.into()])];
    assert_eq!(world.run(query), "3 2 | 4 2");
}

/// Two commands of one statement change one row: the second works on what the first has left, and the index agrees.
#[test]
fn a_row_that_a_with_query_has_changed() {
    let world = World::new();
    let item = world.items("1 10 a");
    let types = row_types(&item);
    let mut twice = query(node(
        Node::Append(vec![
            node(Node::CteScan { cte: 0 }, types.clone()),
            node(Node::CteScan { cte: 1 }, types.clone()),
        ]),
        types,
    ));
    twice.ctes =
        vec![update(&item, vec![(1, add(n(), 1))], None), update(&item, vec![(1, add(n(), 5))], None)];
    assert_eq!(world.run(twice), "1 11 a | 1 16 a");
    assert_eq!(by_n(&world, &item, 16), "1 16 a");
    assert_eq!(by_n(&world, &item, 11), "");
    assert_eq!(by_n(&world, &item, 15), "");
}

#[test]
fn a_cascade_may_take_a_row_of_the_same_command() {
    let world = World::new();
    let tree = world.table("tree", &["id", "parent"], Some("id"), &[]);
    world.run(query(insert(&tree, values("ii", "1 - | 2 1 | 3 2 | 4 -"))));
    let shown = world.run(query(delete(&tree, None)));
    assert!(shown.starts_with("1 -") && shown.ends_with("4 -"), "{shown}");
    assert_eq!(everything(&world, &tree), "");
}

#[test]
fn copy_fills_a_table() {
    let world = World::new();
    let item = world.items("");
    let input = node(Node::CopyInput, row_types(&item));
    let mut transaction = world.begin();
    let settings = TextSettings::default();
    let mut rounds = 0;
    let rows = move |out: &mut types::Batch| {
        rounds += 1;
        let row = [types::Value::Int4(rounds), types::Value::Int4(0), types::Value::text("c")];
        if rounds < 4 {
            out.push_row(&row);
        }
        Ok(rounds < 4)
    };
    let surroundings = crate::Surroundings {
        parameters: &[],
        settings: &settings,
        functions: &super::NoSession,
        copy_input: Some(Box::new(rows)),
        system: &super::NoSession,
    };
    let copy = Arc::new(query(insert(&item, input)));
    let affected = crate::run(&copy, &mut transaction, surroundings, None, &mut |_| panic!("no rows"));
    assert_eq!(affected.unwrap(), 3);
    commit(transaction);
    assert_eq!(everything(&world, &item), "1 0 c | 2 0 c | 3 0 c");
}

#[test]
fn a_read_only_transaction_writes_nothing() {
    let world = World::new();
    let item = world.items("1 10 a");
    let mut transaction = world.begin();
    transaction.set_read_only(true);
    assert!(show_in(&mut transaction, query(insert(&item, values("iit", "2 2 b")))).contains("(25006)"));
    assert!(show_in(&mut transaction, query(delete(&item, None))).contains("(25006)"));
}

#[test]
fn the_ledger_remembers() {
    let world = World::new();
    let item = world.items("1 10 a");
    world.run(query(update(&item, vec![(1, int(11))], None)));
    world.run(query(delete(&item, None)));
    let kind = plan::node::LedgerScanKind::History;
    let types: Vec<ColumnType> = kind.columns(Some(&item)).into_iter().map(|(_, ty)| ty).collect();
    let history = Node::LedgerScan { kind, relation: Some(item.clone()), args: vec![int(1)] };
    let exprs: Vec<Expr> = [3, 5, 6, 7].map(|index| Expr::column(index, types[index])).into();
    let shown = exprs.iter().map(Expr::ty).collect();
    let plan = Node::Project { input: Box::new(node(history, types)), exprs };
    assert_eq!(world.run(query(node(plan, shown))), "insert 1 10 a | update 1 11 a | delete 1 11 a");
}
