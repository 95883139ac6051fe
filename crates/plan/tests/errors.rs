//! What is refused: SQLSTATE, message and position, as PostgreSQL 15 has them.

mod support;

use support::{Fake, failure};

const SCHEMA: &str = "
CREATE TABLE t (id int PRIMARY KEY, a int, b text NOT NULL);
CREATE TABLE u (id int PRIMARY KEY, t_id int, b text);
CREATE TABLE g (id int GENERATED ALWAYS AS IDENTITY, x int, PRIMARY KEY (id));
CREATE TABLE log (id int PRIMARY KEY) WITH (ledger = append_only);
CREATE VIEW v AS SELECT id FROM t;
";

/// (statement, error)
const CASES: &[(&str, &str)] = &[
    ("SELECT x FROM t", "ERROR 42703: column \"x\" does not exist (at 8)"),
    ("SELECT t.x FROM t", "ERROR 42703: column t.x does not exist (at 8)"),
    ("SELECT z.x FROM t", "ERROR 42P01: missing FROM-clause entry for table \"z\" (at 8)"),
    ("SELECT * FROM missing", "ERROR 42P01: relation \"missing\" does not exist (at 15)"),
    ("SELECT * FROM s.missing", "ERROR 42P01: relation \"s.missing\" does not exist (at 15)"),
    ("SELECT b FROM t, u", "ERROR 42702: column reference \"b\" is ambiguous (at 8)"),
    ("SELECT 1 FROM t, t", "ERROR 42712: table name \"t\" specified more than once"),
    ("SELECT 'a' = 1", "ERROR 22P02: invalid input syntax for type integer: \"a\" (at 8)"),
    (
        "SELECT '1'::text = 1",
        "ERROR 42883: operator does not exist: text = integer (at 18)\nHINT: No operator matches the given name and argument types. You might need to add explicit type casts.",
    ),
    (
        "SELECT a + b FROM t",
        "ERROR 42883: operator does not exist: integer + text (at 10)\nHINT: No operator matches the given name and argument types. You might need to add explicit type casts.",
    ),
    (
        "SELECT nosuch(1)",
        "ERROR 42883: function nosuch(integer) does not exist (at 8)\nHINT: No function matches the given name and argument types. You might need to add explicit type casts.",
    ),
    (
        "SELECT a, count(*) FROM t",
        "ERROR 42803: column \"t.a\" must appear in the GROUP BY clause or be used in an aggregate function (at 8)",
    ),
    (
        "SELECT * FROM t WHERE count(*) > 1",
        "ERROR 42803: aggregate functions are not allowed in WHERE (at 23)",
    ),
    ("SELECT sum(count(*)) FROM t", "ERROR 42803: aggregate function calls cannot be nested (at 12)"),
    (
        "SELECT * FROM t WHERE row_number() OVER () = 1",
        "ERROR 42P20: window functions are not allowed in WHERE (at 23)",
    ),
    ("SELECT row_number() FROM t", "ERROR 42809: window function row_number requires an OVER clause (at 8)"),
    (
        "SELECT * FROM t WHERE a",
        "ERROR 42804: argument of WHERE must be type boolean, not type integer (at 23)",
    ),
    ("SELECT * FROM t LIMIT 'x'", "ERROR 22P02: invalid input syntax for type bigint: \"x\" (at 23)"),
    ("SELECT * FROM t LIMIT a", "ERROR 42P10: argument of LIMIT must not contain variables (at 23)"),
    ("SELECT 1 ORDER BY 2", "ERROR 42P10: ORDER BY position 2 is not in select list (at 19)"),
    ("SELECT a FROM t GROUP BY 3", "ERROR 42P10: GROUP BY position 3 is not in select list (at 26)"),
    (
        "SELECT DISTINCT a FROM t ORDER BY b",
        "ERROR 42P10: for SELECT DISTINCT, ORDER BY expressions must appear in select list (at 35)",
    ),
    (
        "SELECT CASE WHEN true THEN 1 ELSE 'x'::text END",
        "ERROR 42804: CASE types text and integer cannot be matched (at 28)",
    ),
    (
        "SELECT 1 UNION SELECT 'a'::text",
        "ERROR 42804: UNION types integer and text cannot be matched (at 23)",
    ),
    (
        "SELECT 1, 2 UNION SELECT 1",
        "ERROR 42601: each UNION query must have the same number of columns (at 26)",
    ),
    ("SELECT (SELECT 1, 2)", "ERROR 42601: subquery must return only one column (at 8)"),
    ("SELECT 1 IN (SELECT 1, 2)", "ERROR 42601: subquery has too many columns (at 10)"),
    ("SELECT 1::nosuch", "ERROR 42704: type \"nosuch\" does not exist (at 11)"),
    ("SELECT 1::date", "ERROR 42846: cannot cast type integer to date (at 9)"),
    (
        "SELECT ARRAY[]",
        "ERROR 42P18: cannot determine type of empty array\nHINT: Explicitly cast to the desired type, for example ARRAY[]::integer[].",
    ),
    ("SELECT 'x'::regclass", "ERROR 42P01: relation \"x\" does not exist (at 8)"),
    (
        "INSERT INTO t VALUES (1, 2, 'x', 4)",
        "ERROR 42601: INSERT has more expressions than target columns (at 34)",
    ),
    (
        "INSERT INTO t (id, a) VALUES (1)",
        "ERROR 42601: INSERT has more target columns than expressions (at 20)",
    ),
    (
        "INSERT INTO t (id, nope) VALUES (1, 2)",
        "ERROR 42703: column \"nope\" of relation \"t\" does not exist (at 20)",
    ),
    ("INSERT INTO t (id, id) VALUES (1, 2)", "ERROR 42701: column \"id\" specified more than once (at 20)"),
    (
        "INSERT INTO t (id, a) VALUES (1, true)",
        "ERROR 42804: column \"a\" is of type integer but expression is of type boolean (at 34)\nHINT: You will need to rewrite or cast the expression.",
    ),
    (
        "INSERT INTO g (id) VALUES (1)",
        "ERROR 428C9: cannot insert a non-DEFAULT value into column \"id\"\nDETAIL: Column \"id\" is an identity column defined as GENERATED ALWAYS.\nHINT: Use OVERRIDING SYSTEM VALUE to override.",
    ),
    (
        "UPDATE g SET id = 1",
        "ERROR 428C9: column \"id\" can only be updated to DEFAULT\nDETAIL: Column \"id\" is an identity column defined as GENERATED ALWAYS.",
    ),
    (
        "INSERT INTO t VALUES (1) ON CONFLICT (a) DO NOTHING",
        "ERROR 42P10: there is no unique or exclusion constraint matching the ON CONFLICT specification",
    ),
    ("UPDATE t SET nope = 1", "ERROR 42703: column \"nope\" of relation \"t\" does not exist (at 14)"),
    ("UPDATE t SET a = 1, a = 2", "ERROR 42601: multiple assignments to same column \"a\""),
    ("DELETE FROM missing", "ERROR 42P01: relation \"missing\" does not exist (at 13)"),
    (
        "SELECT * FROM (SELECT 1)",
        "ERROR 42601: subquery in FROM must have an alias (at 15)\nHINT: For example, FROM (SELECT ...) [AS] foo.",
    ),
    (
        "SELECT * FROM t AS x(p, q, r, s)",
        "ERROR 42P10: table \"x\" has 3 columns available but 4 columns specified",
    ),
    (
        "SELECT DISTINCT ON (b) a, b FROM t ORDER BY a",
        "ERROR 42P10: SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
    ),
    ("SELECT count(*) FROM t FOR UPDATE", "ERROR 0A000: FOR UPDATE is not allowed with aggregate functions"),
    (
        "SELECT * FROM t JOIN u USING (nope)",
        "ERROR 42703: column \"nope\" specified in USING clause does not exist in left table",
    ),
    // Ours.
    (
        "DELETE FROM log",
        "ERROR 55000: cannot delete from append-only table \"log\" (at 13)\nHINT: It was made WITH (ledger = append_only).",
    ),
    (
        "UPDATE t AS OF TX 4 SET a = 1",
        "ERROR 25006: cannot update the past of a table (at 8)\nHINT: Leave out AS OF: only the present can be changed.",
    ),
    (
        "DELETE FROM t AS OF TX 4",
        "ERROR 25006: cannot delete from the past of a table (at 13)\nHINT: Leave out AS OF: only the present can be changed.",
    ),
    (
        "SELECT * FROM t AS OF TX 4 FOR UPDATE",
        "ERROR 25006: FOR UPDATE cannot be applied to the past of \"t\"",
    ),
    (
        "SELECT * FROM t FOR SYSTEM_TIME AS OF (SELECT now())",
        "ERROR 0A000: a subquery in FOR SYSTEM_TIME is not supported (at 40)\nHINT: Pass its value as a parameter.",
    ),
    (
        "SELECT * FROM u, t FOR SYSTEM_TIME AS OF u.id",
        "ERROR 42P01: missing FROM-clause entry for table \"u\" (at 42)",
    ),
    ("SELECT * FROM t AS OF TX 5000", "ERROR 22023: transaction 5000 does not exist"),
    (
        "INSERT INTO v VALUES (1)",
        "ERROR 55000: cannot insert into view \"v\" (at 13)\nDETAIL: Views are read-only.\nHINT: Change the table that the view reads.",
    ),
    (
        "SELECT ctid FROM t",
        "ERROR 0A000: column ctid is not supported (at 8)\nHINT: Use the primary key, or \"_row\".",
    ),
    (
        "SELECT * FROM (WITH x AS (DELETE FROM t RETURNING id) SELECT * FROM x) AS y",
        "ERROR 0A000: WITH clause containing a data-modifying statement must be at the top level (at 21)",
    ),
    (
        "WITH x AS (DELETE FROM t) SELECT * FROM x",
        "ERROR 0A000: WITH query \"x\" does not have a RETURNING clause (at 41)",
    ),
    (
        "WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t LEFT JOIN x ON x.n = t.id) SELECT * FROM x",
        "ERROR 42P19: recursive reference to query \"x\" must not appear within an outer join",
    ),
];

#[test]
fn refused() {
    let fake = Fake::new(SCHEMA);
    let mut wrong = vec![];
    for (sql, expected) in CASES {
        let found = match fake.query(sql) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => failure(&error),
        };
        if found != *expected {
            wrong.push(format!("{sql}\n  expected: {expected}\n  found:    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Beside the refusals: what is only just allowed.
#[test]
fn accepted() {
    let fake = Fake::new(SCHEMA);
    for sql in [
        "SELECT a, b, count(*) FROM t GROUP BY id",
        "SELECT t.* FROM t GROUP BY t.id",
        "SELECT a + 1, count(*) FROM t GROUP BY a + 1 ORDER BY a + 1",
        "SELECT DISTINCT a FROM t ORDER BY a DESC",
        "SELECT a AS x FROM t ORDER BY x",
        "SELECT t FROM t",
        "SELECT (t).a FROM (SELECT a FROM t) AS t(a) WHERE t.a = 1 OR true",
        "INSERT INTO g (id, x) OVERRIDING SYSTEM VALUE VALUES (1, 2)",
        "INSERT INTO g DEFAULT VALUES",
        "INSERT INTO g (id, x) VALUES (DEFAULT, 1), (DEFAULT, 2)",
        "UPDATE t SET (a, b) = (SELECT 1, 'x')",
        "UPDATE t SET (a, b) = (1, 'x')",
        "SELECT at FROM t AS at",
        "SELECT b FROM t JOIN u USING (b)",
        "SELECT * FROM t NATURAL JOIN u",
        "SELECT 1 FROM t AS x, u AS y, LATERAL (SELECT x.a + y.id) AS z",
        "SELECT array(SELECT id FROM t), row(1, 'x'), (ARRAY[1, 2])[1], (ARRAY[1, 2])[1:2]",
        "SELECT extract(year FROM now()), position('a' IN 'b'), substring('abc' FROM 2 FOR 1), trim(both 'x' FROM 'xax')",
        "SELECT 'a' LIKE 'b' ESCAPE 'c', 'a' ILIKE 'b', 'a' SIMILAR TO 'b', 1 BETWEEN 0 AND 2",
        "SELECT sum(a) FILTER (WHERE a > 1) OVER w, rank() OVER (w ORDER BY b) FROM t WINDOW w AS (PARTITION BY a)",
        "SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b']) WITH ORDINALITY AS x(n, s, i)",
        "SELECT (SELECT count(*) FROM u WHERE u.t_id = t.id) FROM t ORDER BY 1 FETCH FIRST 3 ROWS WITH TIES",
        "SELECT t.id FROM t WHERE EXISTS (SELECT FROM u WHERE u.id = t.id)",
        "SELECT GROUPING(a), count(*) FROM t GROUP BY GROUPING SETS ((a), ())",
        "SELECT coalesce(null, 1), nullif(1, 2), greatest(1, 2.5), least('a', 'b')",
        "SELECT date '2026-01-01' + 1, interval '1' day, timestamp '2026-01-01' AT TIME ZONE 'UTC'",
        "SELECT current_date, current_timestamp(0), current_user, session_user, localtime, current_catalog, current_schema",
        "WITH RECURSIVE a(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM a WHERE n < 3), b AS (SELECT * FROM a) SELECT * FROM b",
        "SELECT _tx, _op, tableoid, xmin FROM t",
        "WITH x AS (INSERT INTO t VALUES (1, 2, 'x') RETURNING id) SELECT * FROM x JOIN u USING (id)",
        "WITH x AS (SELECT 1 AS id) INSERT INTO t (id, b) SELECT id, 'x' FROM x ON CONFLICT (id) DO UPDATE SET a = (SELECT id FROM x)",
        "SELECT (VALUES (1)), trim(FROM b), trim(TRAILING FROM b), count(t.*) FROM t GROUP BY b",
        "WITH RECURSIVE a AS (SELECT id FROM t), r AS (SELECT 0 AS n UNION ALL (WITH x AS (SELECT a.id FROM a JOIN r ON a.id > r.n) SELECT x.id FROM x JOIN x AS y ON x.id = y.id)) SELECT * FROM r",
        "TABLE t",
        "(TABLE t) UNION ALL TABLE t",
        "SELECT * FROM t FOR NO KEY UPDATE",
        "SELECT 'public.t'::regclass, 't'::regclass::oid, 'int4'::regtype, 'public'::regnamespace",
    ] {
        if let Err(error) = fake.query(sql) {
            panic!("{sql}: {}", failure(&error));
        }
    }
}

/// Result columns: names and where they come from.
#[test]
fn fields() {
    let fake = Fake::new(SCHEMA);
    let names = |sql: &str| -> Vec<String> {
        fake.query(sql)
            .unwrap_or_else(|e| panic!("{sql}: {e}"))
            .fields
            .iter()
            .map(|field| field.name.clone())
            .collect()
    };
    assert_eq!(
        names(
            "SELECT 1, 'x'::text, 1::int, a, a + 1, t.b, count(*), CASE WHEN true THEN 1 END, coalesce(a, 1), \
             nullif(1, 2), array[1], row(1), exists(select 1), extract(year from now()), current_date, \
             (select max(a) from t), a::text, sum(a) as total, not true, (array[1])[1] \
             FROM t GROUP BY a, b"
        ),
        [
            "?column?",
            "text",
            "int4",
            "a",
            "?column?",
            "b",
            "count",
            "case",
            "coalesce",
            "nullif",
            "array",
            "row",
            "exists",
            "extract",
            "current_date",
            "max",
            "a",
            "total",
            "?column?",
            "array"
        ]
    );
    let query =
        fake.query("SELECT id, b AS c, t.a + 0, x.a FROM t JOIN (SELECT a FROM t) AS x ON true").unwrap();
    let origins: Vec<(bool, u32)> =
        query.fields.iter().map(|field| (field.table != 0, field.column)).collect();
    assert_eq!(origins, [(true, 1), (true, 3), (false, 0), (true, 2)]);
}
