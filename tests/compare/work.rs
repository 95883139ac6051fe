//! The works that are compared.

use crate::seconds;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::Command;
use stele_tests::server::{psql, said};

pub struct Target {
    /// What libpq takes.
    pub connection: String,
    /// The file of rows for COPY.
    pub scratch: PathBuf,
}

pub struct Work {
    pub name: String,
    pub unit: &'static str,
    run: Box<dyn Fn(&Target) -> f64>,
}

impl Work {
    /// A rate, in the work's unit.
    pub fn measure(&self, target: &Target) -> f64 {
        (self.run)(target)
    }
}

const COPIED_ROWS: u32 = 1_000_000;

/// The tables that the works need, and the file that COPY reads.
pub fn fill(target: &Target, scale: u32) {
    let scale = scale.to_string();
    said(Command::new("pgbench").args(["-i", "-q", "-s", &scale, &target.connection]).output().unwrap());
    sql(target, "CREATE TABLE inserted (id bigserial PRIMARY KEY, k bigint, a int, b text, c text)");
    if !target.scratch.exists() {
        let mut rows = BufWriter::new(std::fs::File::create(&target.scratch).unwrap());
        for id in 0..COPIED_ROWS {
            let mixed = id.wrapping_mul(2_654_435_761);
            writeln!(
                rows,
                "{id}\t{}\t2026-01-{:02} 12:{:02}:00\t{}.{:02}\tnote of row {mixed}, with some text behind it",
                mixed >> 1,
                mixed % 28 + 1,
                mixed % 60,
                mixed % 100_000,
                mixed % 100
            )
            .unwrap();
        }
    }
}

fn sql(target: &Target, text: &str) -> String {
    said(psql(&target.connection, text).output().unwrap())
}

/// Transactions per second that pgbench reports.
fn pgbench(target: &Target, arguments: &[&str]) -> f64 {
    let output = Command::new("pgbench").arg("-n").args(arguments).arg(&target.connection).output().unwrap();
    let report = said(output);
    let rate = report.lines().find_map(|line| line.strip_prefix("tps = "));
    rate.and_then(|rate| rate.split(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("{report}"))
}

fn timed(name: &str, clients: u32, mode: &'static str, seconds: u32, script: &'static str) -> Work {
    let noun = if clients == 1 { "client" } else { "clients" };
    let name = format!("{name}, {mode}, {clients} {noun}");
    let run = move |target: &Target| {
        let (clients, seconds) = (clients.to_string(), seconds.to_string());
        let threads = if clients == "1" { "1" } else { "2" };
        let mut arguments = vec!["-c", &clients, "-j", threads, "-T", &seconds, "-M", mode];
        let file;
        match script {
            "select-only" | "tpcb-like" => arguments.extend(["-b", script]),
            _ => {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("script.sql");
                std::fs::write(&path, script).unwrap();
                let path = path.to_str().unwrap().to_owned();
                file = (folder, path);
                arguments.extend(["-f", &file.1]);
            }
        }
        pgbench(target, &arguments)
    };
    Work { name, unit: "tps", run: Box::new(run) }
}

const INSERT: &str = "\\set k random(1, 1000000000)
INSERT INTO inserted (k, a, b, c) VALUES (:k, :k, 'abcdefghijklmnopqrstuvwxyz0123456789', 'the quick brown fox');
";

pub fn all(seconds: u32, scale: u32) -> Vec<Work> {
    let mut works = Vec::new();
    for (mode, clients) in [("prepared", 1), ("prepared", 8), ("simple", 1), ("simple", 8)] {
        works.push(timed("point select", clients, mode, seconds, "select-only"));
    }
    for (mode, clients) in [("prepared", 1), ("prepared", 8), ("prepared", 16), ("simple", 8)] {
        works.push(timed("TPC-B", clients, mode, seconds, "tpcb-like"));
    }
    for clients in [1, 16] {
        works.push(timed("single-row insert", clients, "prepared", seconds, INSERT));
    }
    works.push(copy());
    let accounts = f64::from(scale) * 100_000.0;
    works.push(rows_of(
        "scan, count and sum",
        accounts,
        "SELECT count(*), sum(abalance) FROM pgbench_accounts",
    ));
    works.push(rows_of(
        "scan, filter and group",
        accounts,
        "SELECT bid, count(*), avg(abalance) FROM pgbench_accounts WHERE aid % 3 = 0 GROUP BY bid",
    ));
    works
}

fn copy() -> Work {
    let run = |target: &Target| {
        sql(target, "DROP TABLE IF EXISTS copied");
        sql(
            target,
            "CREATE TABLE copied (id bigint PRIMARY KEY, k int NOT NULL, at timestamp NOT NULL,
             amount numeric(12,2) NOT NULL, note text NOT NULL)",
        );
        let command = format!("\\copy copied from '{}'", target.scratch.display());
        f64::from(COPIED_ROWS) / seconds(|| drop(sql(target, &command)))
    };
    Work { name: "COPY of 1,000,000 rows with a primary key".into(), unit: "rows/s", run: Box::new(run) }
}

fn rows_of(name: &str, rows: f64, query: &'static str) -> Work {
    let run = move |target: &Target| rows / seconds(|| drop(sql(target, query)));
    Work { name: format!("{name}, {rows} rows"), unit: "rows/s", run: Box::new(run) }
}
