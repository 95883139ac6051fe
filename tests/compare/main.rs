//! `compare`: the same work on Stele and on PostgreSQL 15, side by side, and the ratios between them.
//!
//!     cargo run --release --package stele-tests --bin compare -- --write
//!
//! Both are processes of their own on this machine, on the same file system, with fsync on and their default
//! durability; PostgreSQL's settings are in `postgresql.conf` beside this file, Stele is as it comes. Each measurement
//! is a pair: first one, then the other, in alternating order. What counts is the median of the pairs' ratios, as
//! machines are noisy and drift; quartiles say how noisy. A ratio above 1 means that Stele was faster. With `--write`
//! table and plot go into docs/performance.md, between its two marks, and docs/performance.svg.

mod audited;
mod report;
mod side;
mod works;

use clap::Parser;
use report::Line;
use side::{Side, Sides};
use std::time::Instant;
use stele_tests::{postgres, server};
use works::{Sizes, Work};

/// Run the same work on Stele and PostgreSQL 15, and print ratios.
#[derive(Parser)]
struct Arguments {
    /// Measurements of each, in pairs
    #[arg(long, default_value_t = 7)]
    pairs: usize,
    /// Seconds of each measurement that runs for a time
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// pgbench's scale: 100,000 accounts each
    #[arg(long, default_value_t = 10)]
    scale: u32,
    /// Rows of the table that reports read
    #[arg(long, default_value_t = 5_000_000)]
    rows: u32,
    /// Versions of the row whose past is read
    #[arg(long, default_value_t = 100_000)]
    depth: u32,
    /// Only the groups of works whose name contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Write docs/performance.md and its plot
    #[arg(long)]
    write: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir().unwrap();
    let settings = include_str!("postgresql.conf").lines().filter(|line| !line.starts_with('#'));
    let settings: String = settings.map(|line| format!("-c {} ", line.replace(' ', ""))).collect();
    let reference = postgres::Server::start_with(&settings).expect("PostgreSQL 15 is not installed");
    let stele = server::Server::start(&folder.path().join("data"));
    let sides = Sides {
        stele: Side::new(stele.address(), "stele", folder.path()),
        postgres: Side::new(reference.address(), "postgres", folder.path()),
        audited: Side::new(reference.address(), "audited", folder.path()),
    };
    let sizes = Sizes {
        seconds: arguments.seconds,
        scale: arguments.scale,
        rows: arguments.rows,
        depth: arguments.depth,
    };
    let mut lines = vec![];
    for group in works::groups().iter().filter(|group| group.name.contains(&arguments.only)) {
        (group.prepare)(&sides, &sizes);
        for work in (group.works)(&sizes) {
            lines.push(measure(&work, &sides, arguments.pairs));
        }
    }
    stele.stop();
    // What these look at, the first group has made.
    if "pgbench".contains(&arguments.only) {
        lines.push(audited::audit(&folder.path().join("data"), arguments.pairs));
        lines.push(audited::space(&sides.audited));
        println!("{}\n{}", lines[lines.len() - 2].row(), lines[lines.len() - 1].row());
    }
    if arguments.write {
        report::publish(&lines, arguments.pairs, &sizes);
    }
}

fn measure(work: &Work, sides: &Sides, pairs: usize) -> Line {
    let mut line = work.line();
    for pair in 0..pairs {
        for turn in 0..2 {
            if (pair + turn) % 2 == 0 {
                line.stele.push((work.stele)(sides));
            } else {
                line.other.push((work.other)(sides));
            }
        }
    }
    println!("{}", line.row());
    line
}

/// Seconds that `task` takes.
fn seconds(task: impl FnOnce()) -> f64 {
    let start = Instant::now();
    task();
    start.elapsed().as_secs_f64()
}
