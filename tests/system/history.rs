//! Isolation under load: random transactions of many clients at each level, checked for what the level forbids.
//!
//! Two workloads. *Lists*: a row is a list, and every write appends to it, so that a read tells all versions before.
//! *Registers*: a row holds its value and the one before, and every write is told what it replaced. Short here; with
//! STELE_LOAD=full a million operations of 16 clients.

mod check;

use check::{Key, Level, Operation, Orders, Outcome, Transaction, Value, anomalies};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use stele_tests::full_load;
use stele_tests::random::Random;
use stele_tests::server::{Server, block_on, connect};
use tokio_postgres::{Client, Error, Statement};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Workload {
    Lists,
    Registers,
}

const CLIENTS: usize = 16;
/// Keys in use at a time, and writes until others take their place: lists stay short.
const KEYS: u32 = 8;
const WRITES_PER_WINDOW: u32 = 300;

const TABLES: &str = "CREATE TABLE list (k int PRIMARY KEY, v text NOT NULL);
    CREATE TABLE register (k int PRIMARY KEY, v int NOT NULL, before int)";

/// What the clients share.
struct Load {
    workload: Workload,
    level: Level,
    /// Where the server is; it moves when it is started again.
    address: Mutex<SocketAddr>,
    clock: Instant,
    /// Operations that are still to be done.
    left: AtomicUsize,
    values: AtomicU32,
}

/// One client's part of the history, and what its writes to registers replaced.
#[derive(Default)]
struct Part {
    transactions: Vec<Transaction>,
    replaced: Vec<(Key, Option<Value>, Value)>,
}

struct Connection {
    client: Client,
    read: Statement,
    write: Statement,
}

impl Load {
    fn new(workload: Workload, level: Level, operations: usize, address: SocketAddr) -> Load {
        Load {
            workload,
            level,
            address: address.into(),
            clock: Instant::now(),
            left: operations.into(),
            values: 1.into(),
        }
    }

    fn now(&self) -> u64 {
        self.clock.elapsed().as_nanos() as u64
    }

    async fn connect(&self) -> Result<Connection, Error> {
        let address = *self.address.lock().unwrap();
        let client = connect(address, "stele", "stele").await?;
        let (read, write) = match self.workload {
            Workload::Lists => (
                "SELECT v FROM list WHERE k = $1",
                "INSERT INTO list VALUES ($1, $2::int::text)
                 ON CONFLICT (k) DO UPDATE SET v = list.v || ',' || excluded.v",
            ),
            Workload::Registers => (
                "SELECT v, before FROM register WHERE k = $1",
                "INSERT INTO register VALUES ($1, $2)
                 ON CONFLICT (k) DO UPDATE SET before = register.v, v = excluded.v RETURNING before",
            ),
        };
        Ok(Connection { read: client.prepare(read).await?, write: client.prepare(write).await?, client })
    }

    /// A client: transactions until all operations are done.
    async fn run(&self, seed: u64) -> Part {
        let mut random = Random::new(seed);
        let mut part = Part::default();
        let mut connection = None;
        while self.left.load(Ordering::Relaxed) > 0 {
            let Some(open) = &connection else {
                match self.connect().await {
                    Ok(open) => connection = Some(open),
                    // It is being started again.
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
                continue;
            };
            let transaction = self.transaction(open, &mut random, &mut part.replaced).await;
            if open.client.is_closed() {
                connection = None;
            }
            part.transactions.push(transaction);
        }
        part
    }

    async fn transaction(
        &self,
        connection: &Connection,
        random: &mut Random,
        replaced: &mut Vec<(Key, Option<Value>, Value)>,
    ) -> Transaction {
        let began = self.now();
        let mut operations = Vec::new();
        let outcome = match self.operations(connection, random, &mut operations, replaced).await {
            Ok(()) if random.below(20) == 0 => {
                let _ = connection.client.batch_execute("ROLLBACK").await;
                Outcome::Aborted
            }
            Ok(()) => match connection.client.batch_execute("COMMIT").await {
                Ok(()) => Outcome::Committed,
                Err(error) if error.as_db_error().is_some() => expected(&error),
                Err(_) => Outcome::Unknown,
            },
            Err(error) => {
                let _ = connection.client.batch_execute("ROLLBACK").await;
                expected(&error)
            }
        };
        Transaction { operations, outcome, began, ended: self.now() }
    }

    async fn operations(
        &self,
        connection: &Connection,
        random: &mut Random,
        operations: &mut Vec<Operation>,
        replaced: &mut Vec<(Key, Option<Value>, Value)>,
    ) -> Result<(), Error> {
        let client = &connection.client;
        client.batch_execute(&format!("BEGIN ISOLATION LEVEL {}", self.level)).await?;
        for _ in 0..1 + random.below(5) {
            let written = self.values.load(Ordering::Relaxed);
            let key = written / WRITES_PER_WINDOW * KEYS + random.below(u64::from(KEYS)) as u32;
            if random.below(2) == 0 {
                let rows = client.query(&connection.read, &[&(key as i32)]).await?;
                let seen = rows.first().map_or(vec![], |row| match self.workload {
                    Workload::Lists => list(row.get(0)),
                    Workload::Registers => {
                        let before = row.get::<_, Option<i32>>(1);
                        before.into_iter().chain([row.get(0)]).map(|value| value as Value).collect()
                    }
                });
                operations.push(Operation::Read { key, seen });
            } else {
                let value = self.values.fetch_add(1, Ordering::Relaxed);
                operations.push(Operation::Write { key, value });
                let rows = client.query(&connection.write, &[&(key as i32), &(value as i32)]).await?;
                if let Some(row) = rows.first() {
                    replaced.push((key, row.get::<_, Option<i32>>(0).map(|value| value as Value), value));
                }
            }
            let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        }
        Ok(())
    }
}

/// An aborted transaction, if it may be aborted so.
fn expected(error: &Error) -> Outcome {
    if let Some(error) = error.as_db_error() {
        let code = error.code().code();
        assert!(["40001", "40P01", "57P01"].contains(&code), "{error:?}");
    }
    Outcome::Aborted
}

fn list(text: &str) -> Vec<Value> {
    text.split(',').map(|value| value.parse().unwrap()).collect()
}

/// Runs the load on a new server; with `kills` it is killed and started again meanwhile. The history, and the order of
/// each key's versions.
fn history(workload: Workload, level: Level, operations: usize, kills: bool) -> (Vec<Transaction>, Orders) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.psql(TABLES);
    let load = Load::new(workload, level, operations, server.address());
    let mut running = Some(server);
    let seed = Random::of_now().below(1 << 32);
    let parts: Vec<Part> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS as u64)
            .map(|client| {
                let load = &load;
                scope.spawn(move || block_on(load.run(seed * 1_000 + client * 7 + 2)))
            })
            .collect();
        let mut random = Random::new(seed + 1);
        while kills && load.left.load(Ordering::Relaxed) > 0 {
            thread::sleep(Duration::from_millis(300 + random.below(1_500)));
            running.take().unwrap().kill();
            let server = running.insert(Server::start(folder.path()));
            *load.address.lock().unwrap() = server.address();
        }
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let server = running.unwrap();
    let (mut transactions, mut replaced) = (Vec::new(), Vec::new());
    for part in parts {
        transactions.extend(part.transactions);
        replaced.extend(part.replaced);
    }
    let orders = match workload {
        Workload::Lists => {
            let rows = server.psql("SELECT k, v FROM list");
            let row = |line: &str| {
                line.split_once('|').map(|(key, text)| (key.parse().unwrap(), list(text))).unwrap()
            };
            rows.lines().map(row).collect()
        }
        Workload::Registers => chains(&server.psql("SELECT k, v FROM register"), &replaced),
    };
    server.stop();
    (transactions, orders)
}

/// The order of a register's versions: back from its last one, each to what it replaced.
fn chains(rows: &str, replaced: &[(Key, Option<Value>, Value)]) -> Orders {
    let before: HashMap<Value, Option<Value>> =
        replaced.iter().map(|(_, before, value)| (*value, *before)).collect();
    let chain = |line: &str| {
        let (key, value) = line.split_once('|').unwrap();
        let newest: Value = value.parse().unwrap();
        let mut order: Vec<Value> =
            std::iter::successors(Some(newest), |value| before.get(value).copied().flatten()).collect();
        order.reverse();
        (key.parse().unwrap(), order)
    };
    rows.lines().map(chain).collect()
}

fn check(kills: bool) {
    let operations = if full_load() { 1_000_000 / 6 } else { 1_500 };
    for workload in [Workload::Lists, Workload::Registers] {
        for level in [Level::ReadCommitted, Level::RepeatableRead, Level::Serializable] {
            let (transactions, orders) = history(workload, level, operations, kills);
            let found = anomalies(level, &transactions, &orders);
            assert!(found.is_empty(), "{workload:?} at {level}: {} anomalies\n{}", found.len(), found[0]);
            let count = |outcome| transactions.iter().filter(|one| one.outcome == outcome).count();
            let operations: usize = transactions.iter().map(|one| one.operations.len()).sum();
            println!(
                "{workload:?} at {level}: {operations} operations, {} committed, {} aborted, {} unknown",
                count(Outcome::Committed),
                count(Outcome::Aborted),
                count(Outcome::Unknown),
            );
            // The load is one in which anomalies show, where they may.
            if level < Level::Serializable {
                assert!(
                    !anomalies(Level::Serializable, &transactions, &orders).is_empty(),
                    "it was not tested"
                );
            }
        }
    }
}

#[test]
fn no_level_shows_what_it_forbids() {
    check(false);
}

#[test]
fn no_level_shows_what_it_forbids_across_kill_9() {
    check(true);
}
