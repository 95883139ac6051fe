//! Every system relation has rows that fit it; those of a small schema read as PostgreSQL's would.

use crate::support::*;
use catalog::system::{self, Role, Surroundings};
use catalog::{Database, Transaction};
use types::ddl::{Ddl, Grant, GrantTarget, Privilege};
use types::schema::Relation;
use types::{DataType, Oid, Result, TextSettings, Value};

struct Known;

fn role(oid: Oid, name: &str, superuser: bool) -> Role {
    Role {
        oid,
        name: name.into(),
        superuser,
        inherit: true,
        create_role: superuser,
        create_database: superuser,
        login: true,
        connection_limit: -1,
    }
}

impl Surroundings for Known {
    fn current_user(&self) -> Oid {
        USER
    }
    fn current_database(&self) -> String {
        "db".into()
    }
    fn search_path(&self) -> Vec<String> {
        vec!["public".into()]
    }
    fn roles(&self) -> Result<Vec<Role>> {
        Ok(vec![role(USER, "stele", true), role(16400, "bob", false)])
    }
    fn memberships(&self) -> Result<Vec<(Oid, Oid, bool)>> {
        Ok(vec![(USER, 16400, false)])
    }
    fn databases(&self) -> Result<Vec<(Oid, String, Oid)>> {
        Ok(vec![(5, "db".into(), USER)])
    }
    fn settings(&self) -> Vec<Vec<String>> {
        vec![vec!["a".into(); 10]]
    }
    fn session_rows(&self, relation: &str) -> Result<Vec<Vec<Value>>> {
        Ok(match relation {
            "pg_stat_activity" => {
                vec![vec![int(1), text("db"), text("bob"), text("127.0.0.1:5"), Value::Timestamp(0)]]
            }
            "pg_cursors" => vec![vec![text("too short")]],
            _ => vec![],
        })
    }
}

fn relation(name: &str) -> &'static Relation {
    let (schema, name) = name.split_once('.').unwrap_or(("pg_catalog", name));
    let mut all = system::relations().iter();
    all.find(|relation| relation.schema == schema && relation.name == name).expect("a system relation")
}

/// The chosen columns of the rows whose `by` column reads `value`, as text.
fn select(transaction: &Transaction, name: &str, columns: &str, by: &str, value: &str) -> Vec<String> {
    let relation = relation(name);
    let batch = system::rows(relation, transaction, &Known).unwrap();
    let shown = |row: &[Value], column: &str| {
        let at = relation.columns.iter().position(|found| found.name == column).expect(column);
        let mut out = String::new();
        match &row[at] {
            Value::Null => out.push('-'),
            value => types::text::format(
                value,
                relation.columns[at].ty.data_type,
                &TextSettings::default(),
                &mut out,
            ),
        }
        out
    };
    let rows = (0..batch.rows).map(|row| batch.row(row)).filter(|row| shown(row, by) == value);
    rows.map(|row| columns.split(' ').map(|column| shown(&row, column)).collect::<Vec<_>>().join("|"))
        .collect()
}

fn shop() -> Database {
    let (_, database) = memory();
    ddl(
        &database,
        create("customer", &["id serial", "name varchar(20) not null", "since date"], &["primary key id"]),
    )
    .unwrap();
    ddl(
        &database,
        create(
            "sale",
            &["customer int4 not null", "at timestamptz", "amount numeric default 1"],
            &["customer references customer on delete cascade", "check amount > 0"],
        ),
    )
    .unwrap();
    ddl(&database, create_index("sale_at", "sale", false, &["at desc", "lower(name)"], None)).unwrap_err();
    ddl(&database, create_index("sale_at", "sale", false, &["at desc"], Some("amount > 1"))).unwrap();
    database.set_role_oid(std::sync::Arc::new(|name| Ok((name == "bob").then_some(16400))));
    let grant = Grant {
        revoke: false,
        privileges: vec![Privilege::Update, Privilege::Select],
        on: GrantTarget::Tables(vec![name("customer")]),
        roles: vec!["bob".into(), "public".into()],
        grant_option: false,
        cascade: false,
    };
    ddl(&database, Ddl::Grant(grant)).unwrap();
    database
}

#[test]
fn every_relation_has_rows_that_fit_it() {
    let database = shop();
    let transaction = begin(&database);
    for relation in system::relations() {
        // What a session hands over is checked, not trusted.
        let rows = system::rows(relation, &transaction, &Known);
        match relation.name.as_str() {
            "pg_cursors" => assert_eq!(said(rows), "XX000: a row of pg_cursors that does not fit it"),
            name => {
                let rows = rows.unwrap_or_else(|error| panic!("{name}: {error:?}"));
                assert_eq!(rows.columns.len(), relation.columns.len());
                for (column, values) in relation.columns.iter().zip(&rows.columns) {
                    let nulls = (0..rows.rows).any(|row| values.is_null(row));
                    assert!(!(column.not_null && nulls), "{name}.{} is NULL", column.name);
                }
            }
        }
    }
}

/// Columns of PostgreSQL's types, in its order: spot checks of the list that PostgreSQL itself gave.
#[test]
fn shapes_are_those_of_postgres() {
    let columns = |name: &str| {
        let columns = relation(name).columns.iter();
        columns.map(|column| (column.name.as_str(), column.ty.data_type)).collect::<Vec<_>>()
    };
    assert_eq!(relation("pg_class").oid, 1259);
    assert_eq!(columns("pg_class").len(), 33);
    assert_eq!(columns("pg_attrdef")[3], ("adbin", DataType::Text));
    assert_eq!(columns("pg_index")[15], ("indkey", DataType::Int2Vector));
    assert_eq!(columns("information_schema.columns")[3], ("column_name", DataType::Name));
    assert_eq!(columns("information_schema.columns")[4], ("ordinal_position", DataType::Int4));
    let mut oids: Vec<Oid> = system::relations().iter().map(|relation| relation.oid).collect();
    oids.sort_unstable();
    oids.dedup();
    assert_eq!(oids.len(), system::relations().len());
}

#[test]
fn a_table_its_columns_and_its_rights() {
    let database = shop();
    let transaction = begin(&database);
    let class = |name: &str| {
        select(&transaction, "pg_class", "relkind relnatts relchecks relhastriggers relacl", "relname", name)
    };
    assert_eq!(class("customer"), ["r|3|0|t|{stele=arwdDxt/stele,bob=rw/stele,=rw/stele}"]);
    assert_eq!(class("sale"), ["r|3|1|t|-"]);
    assert_eq!(class("sale_at"), ["i|1|0|f|-"]);
    assert_eq!(class("pg_type"), ["r|32|0|f|{stele=arwdDxt/stele,=r/stele}"]);
    let oid = table(&transaction, "customer").oid.to_string();
    assert_eq!(
        select(
            &transaction,
            "pg_attribute",
            "attname atttypid atttypmod attnum attnotnull atthasdef",
            "attrelid",
            &oid
        ),
        ["id|23|-1|1|t|t", "name|1043|24|2|t|f", "since|1082|-1|3|f|f"]
    );
    assert_eq!(
        select(&transaction, "pg_attrdef", "adnum adbin", "adrelid", &oid),
        ["1|nextval('public.customer_id_seq'::regclass)"]
    );
    assert_eq!(
        select(
            &transaction,
            "information_schema.columns",
            "column_name data_type character_maximum_length is_nullable",
            "table_name",
            "customer"
        ),
        ["id|integer|-|NO", "name|character varying|20|NO", "since|date|-|YES"]
    );
}

#[test]
fn constraints_and_indexes() {
    let database = shop();
    let transaction = begin(&database);
    let (customer, sale) = (table(&transaction, "customer"), table(&transaction, "sale"));
    let constraints = select(
        &transaction,
        "pg_constraint",
        "conname contype conkey confkey confdeltype conbin",
        "conrelid",
        &sale.oid.to_string(),
    );
    assert!(constraints.contains(&"sale_customer_fkey|f|{1}|{1}|c|-".to_owned()), "{constraints:?}");
    assert!(constraints.iter().any(|row| row.contains("|c|{3}|-| |amount > 0")), "{constraints:?}");
    assert_eq!(
        select(
            &transaction,
            "pg_index",
            "indisunique indisprimary indkey indoption indpred",
            "indrelid",
            &sale.oid.to_string()
        ),
        ["f|f|2|3|amount > 1"]
    );
    assert_eq!(
        select(&transaction, "pg_indexes", "indexdef", "tablename", "customer"),
        ["CREATE UNIQUE INDEX customer_pkey ON public.customer USING btree (id)"]
    );
    assert_eq!(
        select(&transaction, "pg_indexes", "indexdef", "tablename", "sale"),
        ["CREATE INDEX sale_at ON public.sale USING btree (at DESC) WHERE (amount > 1)"]
    );
    let sequence = table(&transaction, "customer_id_seq").oid.to_string();
    assert_eq!(
        select(&transaction, "pg_depend", "refobjid refobjsubid deptype", "objid", &sequence),
        ["2200|0|n".to_owned(), format!("{}|1|a", customer.oid)]
    );
    assert_eq!(
        select(
            &transaction,
            "information_schema.referential_constraints",
            "unique_constraint_name delete_rule",
            "constraint_name",
            "sale_customer_fkey"
        ),
        ["customer_pkey|CASCADE"]
    );
}

#[test]
fn no_password_is_shown() {
    let database = shop();
    let transaction = begin(&database);
    assert_eq!(select(&transaction, "pg_authid", "rolname rolpassword", "rolname", "bob"), ["bob|-"]);
    assert_eq!(select(&transaction, "pg_roles", "rolname rolpassword", "rolname", "bob"), ["bob|********"]);
}

#[test]
fn the_ledger_tells_of_itself() {
    let database = shop();
    let transaction = begin(&database);
    let ledger = database.store().ledger();
    assert_eq!(
        select(&transaction, "ledger.keys", "verifier_key", "origin", "test.example/db"),
        [ledger.verifier_key()]
    );
    let note = select(&transaction, "ledger.checkpoints", "note", "origin", "test.example/db");
    assert_eq!(note, [ledger.checkpoint().unwrap()]);
    assert!(!select(&transaction, "ledger.transactions", "tx_id", "tx_id", "1").is_empty());
}
