//! What psql and drivers ask of the catalog must be answered.
//!
//! The statements are captured ones, kept beside the repository: where they are not, the first test says so and ends.

extern crate stele_session as session;

use session::{Cluster, ClusterOptions, Rows, Session, SessionOptions};
use std::path::{Path, PathBuf};
use types::{Batch, Result, TextSettings};

#[derive(Default)]
struct Collected(Vec<Vec<String>>);

impl Rows for Collected {
    fn fields(&mut self, _: &[plan::Field], _: &TextSettings) -> Result<()> {
        Ok(())
    }
    fn batch(&mut self, batch: &Batch, settings: &TextSettings) -> Result<()> {
        for row in 0..batch.rows {
            let text = |column: &types::Vector| {
                let mut out = String::new();
                match column.get(row) {
                    types::Value::Null => {}
                    value => types::text::format(&value, column.data_type, settings, &mut out),
                }
                out
            };
            self.0.push(batch.columns.iter().map(text).collect());
        }
        Ok(())
    }
    fn copy_out(&mut self, _: usize, _: bool) -> Result<()> {
        Ok(())
    }
    fn copy_data(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }
    fn notices(&mut self, _: Vec<session::Notice>) {}
}

fn session() -> Session {
    let options = ClusterOptions { index: kv::store::IndexEngine::Memory, ..ClusterOptions::default() };
    let cluster = Cluster::open(host::Host::volatile(), Path::new("/stele"), options).unwrap();
    let options = SessionOptions {
        user: "stele".into(),
        database: "stele".into(),
        settings: vec![],
        client_address: None,
    };
    cluster.connect(options).unwrap()
}

fn run(session: &mut Session, sql: &str) -> Result<Vec<Vec<String>>> {
    let mut rows = Collected::default();
    let result = session.parse(sql).and_then(|statements| {
        statements.iter().try_for_each(|statement| session.simple(statement, &mut rows).map(|_| ()))
    });
    match result.and_then(|()| session.end_implicit()) {
        Ok(()) => Ok(rows.0),
        Err(error) => {
            session.fail();
            Err(error)
        }
    }
}

fn corpus(file: &str) -> Option<String> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora/client_queries");
    let folder = std::env::var_os("STELE_CLIENT_QUERIES").map_or(beside, PathBuf::from);
    let text = std::fs::read_to_string(folder.join(file)).ok();
    if text.is_none() {
        eprintln!("{file} is not there: nothing was tested");
    }
    text
}

/// Statements, each after a `-- n: name` line.
fn statements(text: &str) -> Vec<String> {
    let mut out: Vec<String> = vec![];
    for line in text.lines() {
        if line.starts_with("-- ") || out.is_empty() {
            out.push(String::new());
        }
        if let Some(last) = out.last_mut().filter(|_| !line.starts_with("-- ")) {
            last.push_str(line);
            last.push('\n');
        }
    }
    out.retain(|statement| !statement.trim().is_empty());
    out
}

fn failures(file: &str) -> Option<(usize, Vec<String>)> {
    let text = corpus(file)?;
    let mut session = session();
    let statements = statements(&text);
    let failures: Vec<String> = statements
        .iter()
        .filter_map(|statement| {
            let error = run(&mut session, statement).err()?;
            Some(format!("{}: {}", error.state.code(), error.message))
        })
        .collect();
    println!("{file}: {} of {} answer", statements.len() - failures.len(), statements.len());
    Some((statements.len(), failures))
}

#[test]
fn psql_is_answered() {
    if let Some((count, failures)) = failures("psql15-meta-commands.sql") {
        assert!(count > 100);
        // What those four ask for is not here: partitions, own functions, and a view of the captured database.
        assert_eq!(
            failures,
            [
                "42703: column \"relid\" does not exist",
                "42883: function \"app.f\" does not exist",
                "0A000: function pg_get_functiondef() is not supported",
                "42P01: relation \"app.v\" does not exist",
            ]
        );
    }
    if let Some((_, failures)) = failures("cap-psqltab.sql") {
        assert_eq!(failures, Vec::<String>::new());
    }
}

/// What `\d customer` prints, as its queries' rows.
#[test]
fn a_table_is_described() {
    let mut session = session();
    let mut rows = |sql: &str| -> Vec<String> {
        let rows = run(&mut session, sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        rows.into_iter().map(|row| row.join("|")).collect()
    };
    rows("create table customer (id serial primary key, name varchar(20) unique check (name <> ''))");
    rows("create table sale (customer int references customer on delete cascade, at timestamptz)");
    rows("create index sale_at on sale (at desc) where customer > 1");
    rows("create view rich as select * from customer where id > 1");
    rows("create role bob");
    rows("grant select, update on customer to bob");
    rows("comment on column customer.name is 'who'");
    assert_eq!(
        rows(
            "select attname, format_type(atttypid, atttypmod), pg_get_expr(d.adbin, d.adrelid), attnotnull, \
             col_description(attrelid, attnum) from pg_attribute a left join pg_attrdef d on adrelid = attrelid and \
             adnum = attnum where attrelid = 'customer'::regclass and attnum > 0 order by attnum"
        ),
        ["id|integer|nextval('public.customer_id_seq'::regclass)|t|", "name|character varying(20)||f|who"]
    );
    assert_eq!(
        rows("select pg_get_indexdef(indexrelid, 0, true) from pg_index where indrelid = 'sale'::regclass"),
        ["CREATE INDEX sale_at ON sale USING btree (at DESC) WHERE customer > 1"]
    );
    assert_eq!(
        rows(
            "select pg_get_constraintdef(oid, true) from pg_constraint where conrelid in ('sale'::regclass, 'customer'::regclass) order by 1"
        ),
        [
            "CHECK (name <> '')",
            "FOREIGN KEY (customer) REFERENCES customer(id) ON DELETE CASCADE",
            "PRIMARY KEY (id)",
            "UNIQUE (name)"
        ]
    );
    assert_eq!(rows("select pg_get_viewdef('rich'::regclass)"), [" select * from customer where id > 1;"]);
    assert_eq!(rows("select pg_get_serial_sequence('customer', 'id')"), ["public.customer_id_seq"]);
    assert_eq!(
        rows("select relacl from pg_class where relname = 'customer'"),
        ["{stele=arwdDxt/stele,bob=rw/stele}"]
    );
    assert_eq!(
        rows(
            "select grantee::regrole, privilege_type from pg_class, aclexplode(relacl) where relname = 'customer' and grantee <> 10 order by 2"
        ),
        ["bob|SELECT", "bob|UPDATE"]
    );
    assert_eq!(
        rows(
            "select pg_table_is_visible(oid), pg_type_is_visible(23) from pg_class where relname = 'sale_at'"
        ),
        ["t|t"]
    );
    assert_eq!(rows("set search_path = pg_catalog"), Vec::<String>::new());
    assert_eq!(rows("select pg_table_is_visible(oid) from pg_class where relname = 'sale_at'"), ["f"]);
}

#[test]
fn what_is_not_there_is_null_and_what_is_not_done_is_refused() {
    let mut session = session();
    assert_eq!(
        run(
            &mut session,
            "select pg_get_indexdef(1::oid), pg_get_viewdef(1::oid), obj_description(1::oid, 'pg_class')"
        )
        .unwrap(),
        [["", "", ""]]
    );
    assert_eq!(run(&mut session, "select pg_blocking_pids(1)").unwrap_err().state.code(), "0A000");
    assert_eq!(run(&mut session, "select pg_advisory_unlock(1)").unwrap(), [["f"]]);
    let error = run(&mut session, "select pg_get_serial_sequence('pg_class', 'nothing')").unwrap_err();
    assert_eq!(error.message, "column \"nothing\" of relation \"pg_class\" does not exist");
}
