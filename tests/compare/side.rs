//! A database to measure, and what is run on it.

use crate::seconds;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use stele_tests::server::{block_on, connect, psql, said};

pub struct Sides {
    pub stele: Side,
    pub postgres: Side,
    /// PostgreSQL with a hash-chained audit log by triggers.
    pub audited: Side,
}

pub struct Side {
    address: SocketAddr,
    database: &'static str,
    /// For files that both read.
    pub scratch: PathBuf,
}

impl Side {
    pub fn new(address: SocketAddr, database: &'static str, scratch: &Path) -> Side {
        Side { address, database, scratch: scratch.to_owned() }
    }

    /// What libpq's programs take.
    pub fn connection(&self) -> String {
        let Side { address, database, .. } = self;
        format!("host={} port={} user=stele dbname={database}", address.ip(), address.port())
    }

    /// psql's unaligned output.
    pub fn sql(&self, text: &str) -> String {
        said(psql(&self.connection(), text).output().unwrap())
    }

    pub fn run_file(&self, path: &Path) {
        let mut command = Command::new("psql");
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"]).arg(path).arg(self.connection());
        said(command.output().unwrap());
    }

    /// Seconds that a query takes over a connection that is open already.
    pub fn query_seconds(&self, query: &str) -> f64 {
        block_on(async {
            let client = connect(self.address, "stele", self.database).await.unwrap();
            let start = std::time::Instant::now();
            client.simple_query(query).await.unwrap_or_else(|error| panic!("{query}: {error:?}"));
            start.elapsed().as_secs_f64()
        })
    }

    pub fn copy_seconds(&self, table: &str, file: &str) -> f64 {
        let command = format!("\\copy {table} from '{}'", self.scratch.join(file).display());
        seconds(|| drop(self.sql(&command)))
    }

    /// Transactions per second that pgbench reports.
    pub fn pgbench(&self, arguments: &[&str]) -> f64 {
        let output =
            Command::new("pgbench").arg("-n").args(arguments).arg(self.connection()).output().unwrap();
        let report = said(output);
        let rate = report.lines().find_map(|line| line.strip_prefix("tps = "));
        rate.and_then(|rate| rate.split(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("{report}"))
    }

    pub fn make_pgbench(&self, scale: u32) {
        let scale = scale.to_string();
        let mut command = Command::new("pgbench");
        said(command.args(["-i", "-q", "-s", &scale]).arg(self.connection()).output().unwrap());
    }

    fn sysbench(&self, test: &str, arguments: &[String]) -> String {
        let Side { address, database, .. } = self;
        let mut command = Command::new("sysbench");
        command.args(["--db-driver=pgsql", "--pgsql-user=stele", "--tables=4", "--table-size=100000"]);
        command.args([
            format!("--pgsql-host={}", address.ip()),
            format!("--pgsql-port={}", address.port()),
            format!("--pgsql-db={database}"),
        ]);
        said(command.arg(test).args(arguments).output().unwrap())
    }

    pub fn make_sysbench(&self) {
        self.sysbench("oltp_read_write", &["prepare".into()]);
    }

    /// Transactions per second that sysbench reports, of 8 threads.
    pub fn sysbench_rate(&self, test: &str, seconds: u32) -> f64 {
        let report = self.sysbench(test, &["--threads=8".into(), format!("--time={seconds}"), "run".into()]);
        let line = report.lines().find_map(|line| line.trim().strip_prefix("transactions:"));
        let rate = line.and_then(|line| line.split_once('(')?.1.split(' ').next()?.parse().ok());
        rate.unwrap_or_else(|| panic!("{report}"))
    }
}
