//! Writers that keep what they were told, and the test of it after a crash: every acknowledged commit is there, and none
//! by half.

use std::error::Error as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use stele_tests::server::{Server, block_on, connect, installed, run, said};
use tokio_postgres::error::DbError;
use tokio_postgres::{Client, Error, Statement};

pub const WRITERS: usize = 6;
/// A writer's rows in `recent`: older ones are deleted.
const RECENT: i64 = 5;

/// What the writers were told: their transactions up to these numbers are committed.
#[derive(Clone, Default)]
pub struct Promises(Arc<[AtomicI64; WRITERS]>);

/// Writers at work. They end when their connection does, or with the first error.
pub struct Writing(Vec<JoinHandle<Option<Error>>>);

impl Promises {
    pub fn tables(server: &Server) -> Promises {
        server.psql(&format!(
            "CREATE TABLE entry (writer int, number bigint, half int, PRIMARY KEY (writer, number, half));
             CREATE INDEX ON entry (number);
             CREATE TABLE recent (writer int, number bigint, text text, UNIQUE (writer, text));
             CREATE TABLE writer (id int PRIMARY KEY, newest bigint NOT NULL);
             CREATE TABLE shared (n bigint NOT NULL);
             INSERT INTO shared VALUES (0);
             INSERT INTO writer SELECT g, 0 FROM generate_series(0, {}) g",
            WRITERS - 1
        ));
        Promises::default()
    }

    /// Starts the writers; returns when they begin, or fail to.
    pub fn write(&self, address: SocketAddr) -> Writing {
        let start = Arc::new(Barrier::new(WRITERS + 1));
        let writers = (0..WRITERS).map(|writer| {
            let (promises, start) = (self.clone(), start.clone());
            thread::spawn(move || block_on(promises.write_as(writer, address, start)).err())
        });
        let writers = writers.collect();
        start.wait();
        Writing(writers)
    }

    /// Each transaction is two rows of a table, one of another of which an older one goes, an update of the writer's own
    /// row and one of a row that all writers share: half a transaction would show.
    async fn write_as(&self, writer: usize, address: SocketAddr, start: Arc<Barrier>) -> Result<(), Error> {
        let prepared = Prepared::new(address).await;
        start.wait();
        let prepared = prepared?;
        self.note_newest(writer, prepared.newest(writer as i32).await?, "before writing");
        loop {
            let number = self.0[writer].load(Ordering::Relaxed) + 1;
            prepared.transaction(writer as i32, number).await?;
            self.0[writer].store(number, Ordering::Relaxed);
        }
    }

    /// A transaction in flight may have been committed after all: it counts from now on.
    fn note_newest(&self, writer: usize, newest: i64, when: &str) {
        let promised = self.0[writer].swap(newest, Ordering::Relaxed);
        assert!(
            newest == promised || newest == promised + 1,
            "{when}, writer {writer}: {promised} was acknowledged, {newest} is stored"
        );
    }

    /// What is stored holds together, and holds what was acknowledged. The number of transactions.
    pub fn check(&self, server: &Server, when: &str) -> i64 {
        let rows = server.psql(
            "SELECT w.newest, count(e.number), count(DISTINCT e.number), coalesce(max(e.number), 0),
                (SELECT count(*) || ',' || coalesce(min(number), 0) FROM recent WHERE writer = w.id)
             FROM writer w LEFT JOIN entry e ON e.writer = w.id GROUP BY w.id, w.newest ORDER BY w.id",
        );
        assert_eq!(rows.lines().count(), WRITERS, "{when}: {rows}");
        let mut total = 0;
        for (writer, row) in rows.lines().enumerate() {
            let numbers: Vec<i64> = row.split(['|', ',']).map(|number| number.parse().unwrap()).collect();
            let [newest, entries, different, largest, recent, oldest] = numbers[..] else { panic!("{row}") };
            self.note_newest(writer, newest, when);
            assert_eq!(
                (entries, different, largest, recent, oldest),
                (2 * newest, newest, newest, newest.min(RECENT), (newest - RECENT + 1).max(newest.min(1))),
                "{when}, writer {writer}"
            );
            total += newest;
        }
        assert_eq!(server.psql("SELECT n FROM shared"), total.to_string(), "{when}");
        // Over the index.
        let last = self.0[0].load(Ordering::Relaxed);
        let by_number = format!("SELECT count(*) FROM entry WHERE number = {last} AND writer = 0");
        assert_eq!(server.psql(&by_number), if last == 0 { "0" } else { "2" }, "{when}");
        total
    }

    /// Transactions that were acknowledged.
    pub fn total(&self) -> i64 {
        self.0.iter().map(|number| number.load(Ordering::Relaxed)).sum()
    }
}

impl Writing {
    /// Waits until all writers have ended, with their connection or with an error of the server: those.
    pub fn end(self) -> Vec<DbError> {
        let ended = self.0.into_iter().filter_map(|writer| writer.join().unwrap());
        ended
            .filter_map(|error| {
                let lost =
                    error.is_closed() || error.source().is_some_and(|source| source.is::<std::io::Error>());
                assert!(lost || error.as_db_error().is_some(), "{error:?}");
                error.as_db_error().cloned()
            })
            .collect()
    }

    pub fn has_ended(&self) -> bool {
        self.0.iter().all(JoinHandle::is_finished)
    }
}

struct Prepared {
    client: Client,
    statements: [Statement; 5],
}

impl Prepared {
    async fn new(address: SocketAddr) -> Result<Prepared, Error> {
        let client = connect(address, "stele", "stele").await?;
        let statements = [
            client.prepare("INSERT INTO entry VALUES ($1, $2, 1), ($1, $2, 2)").await?,
            client.prepare("INSERT INTO recent VALUES ($1, $2, 'row ' || $2::bigint)").await?,
            client.prepare("DELETE FROM recent WHERE writer = $1 AND number <= $2::bigint - 5").await?,
            client.prepare("UPDATE writer SET newest = $2 WHERE id = $1").await?,
            client.prepare("UPDATE shared SET n = n + 1").await?,
        ];
        Ok(Prepared { client, statements })
    }

    async fn newest(&self, id: i32) -> Result<i64, Error> {
        Ok(self.client.query_one("SELECT newest FROM writer WHERE id = $1", &[&id]).await?.get(0))
    }

    async fn transaction(&self, id: i32, number: i64) -> Result<(), Error> {
        let [own @ .., all] = &self.statements;
        self.client.batch_execute("BEGIN").await?;
        for statement in own {
            self.client.execute(statement, &[&id, &number]).await?;
        }
        self.client.execute(all, &[]).await?;
        self.client.batch_execute("COMMIT").await
    }
}

/// pgbench's own load, and what it was told.
pub struct Bench {
    acknowledged: i64,
    /// What was in flight when its runs ended, at most.
    in_flight: i64,
}

const BENCH_CLIENTS: i64 = 4;

impl Bench {
    /// Fills its tables; None where pgbench is not installed.
    pub fn tables(server: &Server) -> Option<Bench> {
        if !installed("pgbench") {
            return None;
        }
        let mut fill = Command::new("pgbench");
        said(fill.args(["-i", "-q"]).arg(server.connection()).output().unwrap());
        Some(Bench { acknowledged: 0, in_flight: 0 })
    }

    /// TPC-B until the server is gone.
    pub fn start(&self, server: &Server) -> Child {
        let mut bench = Command::new("pgbench");
        bench.args(["-n", "-T", "3600", "-c", &BENCH_CLIENTS.to_string(), "-M", "prepared"]);
        bench.arg(server.connection()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Adds what it was told.
    pub fn ended(&mut self, bench: Child) {
        let output = bench.wait_with_output().unwrap();
        let report = String::from_utf8_lossy(&output.stdout);
        let line =
            report.lines().find_map(|line| line.strip_prefix("number of transactions actually processed: "));
        if let Some(count) = line {
            self.acknowledged += count.parse::<i64>().unwrap();
        }
        self.in_flight += BENCH_CLIENTS;
    }

    /// The sums of balances agree, and its history has what it was told.
    pub fn check(&mut self, server: &Server, when: &str) {
        let row = server.psql(
            "SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers),
                (SELECT sum(bbalance) FROM pgbench_branches), coalesce(sum(delta), 0), count(*) FROM pgbench_history",
        );
        let numbers: Vec<i64> = row.split('|').map(|number| number.parse().unwrap()).collect();
        let [accounts, tellers, branches, history, count] = numbers[..] else { panic!("{row}") };
        assert_eq!([accounts, tellers, branches], [history; 3], "{when}");
        assert!(
            (self.acknowledged..=self.acknowledged + self.in_flight).contains(&count),
            "{when}: pgbench was told of {} transactions, {count} are stored",
            self.acknowledged
        );
        (self.acknowledged, self.in_flight) = (count, 0);
    }
}

/// `stele check` and `stele audit` find nothing.
pub fn assert_sound(data: &std::path::Path) {
    for command in ["check", "audit"] {
        said(run("stele", &[command, "--data", data.to_str().unwrap()]));
    }
}
