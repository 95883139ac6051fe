//! A prepared transaction outlives kill -9, with its locks; and a stopped server, and its index.

use stele_tests::server::{Server, psql, run, said};

fn prepared(server: &Server) -> String {
    server.psql("SELECT gid, owner, database FROM pg_prepared_xacts ORDER BY gid")
}

#[test]
fn rows_without_a_key_are_not_given_the_place_of_prepared_ones() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.psql("CREATE TABLE t (v text); INSERT INTO t VALUES ('before')");
    server.psql("BEGIN; INSERT INTO t VALUES ('prepared'), ('prepared too'); PREPARE TRANSACTION 'a'");
    server.kill();

    let server = Server::start(folder.path());
    server.psql("SET lock_timeout = 2000; INSERT INTO t VALUES ('after')");
    server.psql("COMMIT PREPARED 'a'");
    assert_eq!(server.psql("SELECT v FROM t ORDER BY v"), "after\nbefore\nprepared\nprepared too");
    server.stop();
}

#[test]
fn prepared_transactions_survive_the_process_and_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.psql("CREATE TABLE t (id int PRIMARY KEY, v int UNIQUE); INSERT INTO t VALUES (1, 10), (2, 20)");
    server.psql(
        "BEGIN; UPDATE t SET v = 11 WHERE id = 1; INSERT INTO t VALUES (3, 30); PREPARE TRANSACTION 'a'",
    );
    server.psql("BEGIN; DELETE FROM t WHERE id = 2; PREPARE TRANSACTION 'b'");
    server.kill();

    let server = Server::start(folder.path());
    assert_eq!(prepared(&server), "a|stele|stele\nb|stele|stele");
    assert_eq!(server.psql("SELECT * FROM t ORDER BY id"), "1|10\n2|20");
    for (waits, what) in [
        ("SELECT * FROM t WHERE id = 1 FOR SHARE", "the row that was updated"),
        ("DELETE FROM t WHERE id = 2", "the row that was deleted"),
        ("INSERT INTO t VALUES (4, 30)", "the unique value"),
        ("ALTER TABLE t ADD COLUMN w int", "the table"),
    ] {
        let refused =
            psql(&server.connection(), &format!("SET lock_timeout = 50; {waits}")).output().unwrap();
        let error = String::from_utf8_lossy(&refused.stderr);
        assert!(error.contains("canceling statement due to lock timeout"), "{what}: {error}");
    }
    server.psql("COMMIT PREPARED 'a'");
    server.kill();

    // Of what is committed, and what is not, the log knows.
    std::fs::remove_dir_all(folder.path().join("databases/stele/index")).unwrap();
    let server = Server::start(folder.path());
    assert_eq!(prepared(&server), "b|stele|stele");
    assert_eq!(server.psql("SELECT * FROM t ORDER BY id"), "1|11\n2|20\n3|30");
    server.psql("ROLLBACK PREPARED 'b'");
    assert_eq!(server.psql("DELETE FROM t WHERE id = 2 RETURNING v"), "20");
    server.stop();
    for command in ["check", "audit"] {
        said(run("stele", &[command, "--data", folder.path().to_str().unwrap()]));
    }
}
