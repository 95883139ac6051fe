//! kill -9 of the server at random moments under load: every acknowledged commit is there, and none by half.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, SystemTime};
use stele_tests::full_load;
use stele_tests::server::{Server, run, said};

const WRITERS: usize = 6;

/// What one writer was told: its transactions up to this number are committed.
type Acknowledged = Arc<[AtomicI64; WRITERS]>;

/// Writes until the connection ends. Each transaction is two rows of a table, an update of the writer's own row and one
/// of a row that all writers share: half a transaction would show.
async fn write(address: SocketAddr, writer: usize, acknowledged: &Acknowledged, start: Arc<Barrier>) {
    let config = format!("host=127.0.0.1 port={} user=stele dbname=stele", address.port());
    let (client, connection) = tokio_postgres::connect(&config, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let insert = client.prepare("INSERT INTO entry VALUES ($1, $2, 1), ($1, $2, 2)").await.unwrap();
    let own = client.prepare("UPDATE writer SET newest = $2 WHERE id = $1").await.unwrap();
    let all = client.prepare("UPDATE shared SET n = n + 1").await.unwrap();
    start.wait();
    let id = writer as i32;
    loop {
        let number = acknowledged[writer].load(Ordering::Relaxed) + 1;
        let transaction = async {
            client.batch_execute("BEGIN").await?;
            client.execute(&insert, &[&id, &number]).await?;
            client.execute(&own, &[&id, &number]).await?;
            client.execute(&all, &[]).await?;
            client.batch_execute("COMMIT").await
        };
        match transaction.await {
            Ok(()) => acknowledged[writer].store(number, Ordering::Relaxed),
            Err(error) => {
                assert!(error.as_db_error().is_none(), "{error:?}");
                return;
            }
        }
    }
}

/// What is stored holds together, and holds what was acknowledged; returns the writers' newest numbers, as those that
/// the next round goes on from.
fn check(server: &Server, acknowledged: &Acknowledged, round: u32) {
    let rows = server.psql(
        "SELECT w.id, w.newest, count(e.number), count(DISTINCT e.number), coalesce(max(e.number), 0)
         FROM writer w LEFT JOIN entry e ON e.writer = w.id GROUP BY w.id, w.newest ORDER BY w.id",
    );
    let mut total = 0;
    for (writer, row) in rows.lines().enumerate() {
        let numbers: Vec<i64> = row.split('|').map(|number| number.parse().unwrap()).collect();
        let [_, newest, entries, different, largest] = numbers[..] else { panic!("{row}") };
        let promised = acknowledged[writer].load(Ordering::Relaxed);
        assert!(
            newest == promised || newest == promised + 1,
            "round {round}, writer {writer}: {promised} was acknowledged, {newest} is stored"
        );
        assert_eq!(
            (entries, different, largest),
            (2 * newest, newest, newest),
            "round {round}, writer {writer}"
        );
        // The transaction in flight was committed after all.
        acknowledged[writer].store(newest, Ordering::Relaxed);
        total += newest;
    }
    assert_eq!(server.psql("SELECT n FROM shared"), total.to_string(), "round {round}");
}

#[test]
fn every_acknowledged_commit_survives_kill_9() {
    let rounds = if full_load() { 50 } else { 8 };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.psql(
        "CREATE TABLE entry (writer int, number bigint, half int, PRIMARY KEY (writer, number, half));
         CREATE TABLE writer (id int PRIMARY KEY, newest bigint NOT NULL);
         CREATE TABLE shared (n bigint NOT NULL);
         INSERT INTO shared VALUES (0)",
    );
    server.psql(&format!("INSERT INTO writer SELECT g, 0 FROM generate_series(0, {}) g", WRITERS - 1));
    server.stop();

    let acknowledged: Acknowledged = Arc::default();
    let mut seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    for round in 0..rounds {
        let server = Server::start(folder.path());
        check(&server, &acknowledged, round);
        let (address, start) = (server.address(), Arc::new(Barrier::new(WRITERS + 1)));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (acknowledged, start) = (acknowledged.clone(), start.clone());
                thread::spawn(move || {
                    let runtime =
                        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
                    runtime.unwrap().block_on(write(address, writer, &acknowledged, start))
                })
            })
            .collect();
        start.wait();
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        thread::sleep(Duration::from_millis(u64::from(seed >> 16) % 700));
        server.kill();
        for writer in writers {
            writer.join().unwrap();
        }
    }
    let server = Server::start(folder.path());
    check(&server, &acknowledged, rounds);
    let total: i64 = acknowledged.iter().map(|number| number.load(Ordering::Relaxed)).sum();
    assert!(total > i64::from(rounds), "only {total} transactions in {rounds} rounds");
    println!("{rounds} rounds, {total} transactions");
    server.stop();
    let data = folder.path().to_str().unwrap();
    said(run("stele", &["check", "--data", data]));
    said(run("stele", &["audit", "--data", data]));
}
