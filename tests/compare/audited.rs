//! What a ledger is besides speed: what people build on PostgreSQL to have one, its space, and the full audit.

use crate::report::Line;
use crate::seconds;
use crate::side::Side;
use std::path::Path;
use stele_tests::server;

/// A history table filled by row triggers, each entry hashed together with the one before. The chain needs a lock that
/// is held to the commit, or two transactions fork it.
const TRIGGERS: &str = include_str!("audited.sql");

pub fn install(side: &Side) {
    side.sql(TRIGGERS);
}

/// `stele audit` of all that was written, in GB of log per second.
pub fn audit(data: &Path, pairs: usize) -> Line {
    let log = data.join("databases/stele/log");
    let gigabytes = bytes_below(&log) as f64 / 1e9;
    let mut line = Line::new("full audit (stele audit)", "GB/s", [0.4, 0.8]);
    for _ in 0..pairs {
        let took = seconds(|| {
            server::said(server::run("stele", &["audit", "--data", data.to_str().unwrap()]));
        });
        line.stele.push(gigabytes / took);
        line.other.push(1.0);
    }
    line
}

const TRANSACTIONS: u32 = 16_000;

/// How many TPC-B transactions a megabyte of disk holds, at scale 1, after a clean end.
pub fn space(audited: &Side) -> Line {
    let folder = tempfile::tempdir().unwrap();
    let stele = |work: &dyn Fn(&Side)| {
        let server = server::Server::start(folder.path());
        work(&Side::new(server.address(), "stele", folder.path()));
        server.stop();
        bytes_below(folder.path())
    };
    let run = |side: &Side| {
        let each = (TRANSACTIONS / 8).to_string();
        side.pgbench(&["-c", "8", "-j", "2", "-M", "prepared", "-t", &each]);
    };
    let before = stele(&|side| side.make_pgbench(1));
    let ours = stele(&|side| run(side)) - before;
    let size = || audited.sql("SELECT pg_database_size(current_database())").trim().parse::<u64>().unwrap();
    let before = size();
    run(audited);
    let theirs = size() - before;
    let mut line = Line::new("disk, TPC-B, against audited PostgreSQL", "tx/MB", [1.2, 2.0]);
    line.stele.push(f64::from(TRANSACTIONS) * 1e6 / ours as f64);
    line.other.push(f64::from(TRANSACTIONS) * 1e6 / theirs as f64);
    line
}

fn bytes_below(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return path.metadata().map_or(0, |data| data.len()) };
    entries.map(|entry| bytes_below(&entry.unwrap().path())).sum()
}
