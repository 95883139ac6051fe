//! A cancel request of the protocol ends every kind of wait, and the session goes on. (What timeouts and
//! `pg_cancel_backend` do is in sql-fixtures/concurrency/interrupts.schedule.)

use std::time::Duration;
use stele_tests::server::{Server, block_on, connect};
use tokio_postgres::NoTls;

#[test]
fn a_cancel_request_ends_every_wait() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.psql(
        "CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE child (t int REFERENCES t);
         INSERT INTO t VALUES (1, 10)",
    );
    block_on(async {
        let holder = connect(server.address(), "stele", "stele").await.unwrap();
        holder
            .batch_execute(
                "BEGIN; UPDATE t SET id = 2; INSERT INTO t VALUES (3, 30); SELECT pg_advisory_xact_lock(7)",
            )
            .await
            .unwrap();
        let waiter = connect(server.address(), "stele", "stele").await.unwrap();
        let waits = [
            "UPDATE t SET v = 11",
            "SELECT * FROM t FOR UPDATE",
            "INSERT INTO t VALUES (3, 31)",
            "INSERT INTO child VALUES (1)",
            "SELECT pg_advisory_lock(7)",
            "ALTER TABLE t ADD COLUMN w int",
            "BEGIN; LOCK TABLE t IN SHARE MODE",
        ];
        for sql in waits {
            let cancel = waiter.cancel_token();
            let request = async {
                tokio::time::sleep(Duration::from_millis(150)).await;
                cancel.cancel_query(NoTls).await.unwrap();
            };
            let ended = tokio::time::timeout(Duration::from_secs(10), waiter.batch_execute(sql));
            let (ended, ()) = tokio::join!(ended, request);
            let error = ended.unwrap_or_else(|_| panic!("{sql}: it still waits")).expect_err(sql);
            let error = error.as_db_error().unwrap_or_else(|| panic!("{sql}: {error:?}"));
            let found = (error.code().code(), error.message());
            assert_eq!(found, ("57014", "canceling statement due to user request"), "{sql}");
            waiter.batch_execute("ROLLBACK; SELECT 1").await.unwrap();
        }
        holder.batch_execute("COMMIT").await.unwrap();
        waiter.batch_execute("UPDATE t SET v = v + 1").await.unwrap();
    });
    assert_eq!(server.psql("SELECT id, v FROM t ORDER BY id"), "2|11\n3|31");
    server.stop();
}
