//! Types of parameters, as PostgreSQL 15 infers them from where they stand.

mod support;

use support::{Fake, failure};

const SCHEMA: &str = "CREATE TABLE t (id int PRIMARY KEY, n bigint, name varchar(20), tags text[], j jsonb, at timestamptz, d date, p numeric(10,2), f boolean);";

/// (statement, types or error)
const CASES: &[(&str, &str)] = &[
    ("SELECT $1", "text"),
    ("SELECT $1 + 1", "integer"),
    ("SELECT * FROM t WHERE id = $1", "integer"),
    ("SELECT * FROM t WHERE $1 = n", "bigint"),
    ("SELECT * FROM t WHERE name = $1", "text"),
    ("SELECT * FROM t LIMIT $1 OFFSET $2", "bigint, bigint"),
    ("SELECT $1 || 'x'", "text"),
    ("INSERT INTO t (id, name, p) VALUES ($1, $2, $3)", "integer, character varying, numeric"),
    (
        "INSERT INTO t (id, name) VALUES ($1, $2), ($3, $4)",
        "integer, character varying, integer, character varying",
    ),
    ("INSERT INTO t (id, name) SELECT $1, $2", "integer, character varying"),
    ("UPDATE t SET name = $1, n = n + $2 WHERE id = $3", "character varying, bigint, integer"),
    ("SELECT coalesce($1, 1)", "integer"),
    ("SELECT * FROM t WHERE id = ANY ($1)", "integer[]"),
    ("SELECT * FROM t WHERE id IN ($1, $2)", "integer, integer"),
    ("SELECT $1 = $2", "text, text"),
    ("SELECT $1::date", "date"),
    ("SELECT $1::jsonb -> $2", "jsonb, text"),
    ("SELECT * FROM t WHERE tags @> $1", "text[]"),
    ("SELECT $1 IS NULL", "ERROR 42P18: could not determine data type of parameter $1"),
    (
        "SELECT $1, $1::int",
        "ERROR 42P08: inconsistent types deduced for parameter $1 (at 8)\nDETAIL: integer versus text",
    ),
    ("SELECT now() - $1", "timestamp with time zone"),
    ("SELECT $1 + now()", "interval"),
    ("SELECT interval '1 day' * $1", "double precision"),
    ("SELECT CASE WHEN $1 THEN 1 ELSE $2 END", "boolean, integer"),
    ("SELECT * FROM t WHERE at BETWEEN $1 AND $2", "timestamp with time zone, timestamp with time zone"),
    ("SELECT * FROM t WHERE name LIKE $1", "text"),
    ("SELECT * FROM t WHERE (id, name) = ($1, $2)", "integer, text"),
    ("SELECT * FROM t WHERE id = $2", "ERROR 42P18: could not determine data type of parameter $1"),
    ("SELECT 1 UNION SELECT $1", "integer"),
    ("SELECT * FROM generate_series(1, $1)", "integer"),
    ("VALUES ($1, 2), (3, $2)", "integer, integer"),
    ("SELECT * FROM t AS OF TX $1", "bigint"),
    ("SELECT * FROM t FOR SYSTEM_TIME AS OF $1", "timestamp with time zone"),
    ("DELETE FROM t WHERE d > $1 RETURNING $2", "date, text"),
    ("SELECT f AND $1 FROM t", "boolean"),
    (
        "SELECT $1[1]",
        "ERROR 42804: cannot subscript type unknown because it does not support subscripting (at 8)",
    ),
    ("SELECT ARRAY[$1, 2]", "integer"),
    ("SELECT greatest($1, p) FROM t", "numeric"),
    ("SELECT (SELECT id FROM t WHERE name = $1) = $2", "text, integer"),
];

#[test]
fn inferred() {
    let fake = Fake::new(SCHEMA);
    for (sql, expected) in CASES {
        let found = match fake.query(sql) {
            Ok(query) => query.parameters.iter().map(|ty| ty.sql_name()).collect::<Vec<_>>().join(", "),
            Err(error) => failure(&error),
        };
        assert_eq!(found, *expected, "{sql}");
    }
}

#[test]
fn given_types_are_kept() {
    let fake = Fake::new(SCHEMA);
    let parsed = stele_plan::parse("SELECT * FROM t WHERE id = $1").unwrap();
    let mut environment = fake.environment();
    environment.parameters = vec![Some(types::DataType::Int8)];
    match stele_plan::plan(&parsed[0], &environment).unwrap() {
        stele_plan::Statement::Query(query) => assert_eq!(query.parameters, [types::DataType::Int8]),
        other => panic!("{other:?}"),
    }
}
