//! `compare`: the same work on Stele and on PostgreSQL 15, side by side, and the ratios between them.
//!
//!     cargo run --release --package stele-tests --bin compare -- --write
//!
//! Both are processes of their own on this machine, on the same file system, with fsync on and their default
//! durability. Each measurement is a pair: first one, then the other, in alternating order. What counts is the median
//! of the pairs' ratios, as machines are noisy and drift; quartiles say how noisy. A ratio above 1 means that Stele was
//! faster. With `--write` the table goes into docs/performance.md, between its two marks.

mod work;

use clap::Parser;
use std::fmt::Write;
use std::path::Path;
use std::time::Instant;
use stele_tests::{postgres, server};
use work::{Target, Work};

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
    /// Only the works whose name contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Write the table into docs/performance.md
    #[arg(long)]
    write: bool,
}

/// Of PostgreSQL; everything else as it comes.
const POSTGRES_SETTINGS: &str = "-c fsync=on -c synchronous_commit=on -c shared_buffers=1GB -c jit=off";

struct Line {
    name: String,
    unit: &'static str,
    stele: Vec<f64>,
    postgres: Vec<f64>,
}

fn main() {
    let arguments = Arguments::parse();
    let works: Vec<Work> = work::all(arguments.seconds, arguments.scale)
        .into_iter()
        .filter(|work| work.name.contains(&arguments.only))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let reference = postgres::Server::start_with(POSTGRES_SETTINGS).expect("PostgreSQL 15 is not installed");
    let stele = server::Server::start(folder.path());
    let targets = [
        Target { connection: stele.connection(), scratch: folder.path().join("rows") },
        Target { connection: reference.connection(), scratch: folder.path().join("rows") },
    ];
    for target in &targets {
        work::fill(target, arguments.scale);
    }
    let mut lines = Vec::new();
    for work in &works {
        let mut line = Line { name: work.name.clone(), unit: work.unit, stele: vec![], postgres: vec![] };
        for pair in 0..arguments.pairs {
            for turn in 0..2 {
                let which = (pair + turn) % 2;
                let reading = work.measure(&targets[which]);
                if which == 0 { line.stele.push(reading) } else { line.postgres.push(reading) }
            }
        }
        println!("{}", row(&line));
        lines.push(line);
    }
    stele.stop();
    if arguments.write {
        publish(&arguments, &lines);
    }
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [0.25, 0.5, 0.75].map(|part| {
        let at = part * (values.len() - 1) as f64;
        let (low, high) = (values[at.floor() as usize], values[at.ceil() as usize]);
        low + (high - low) * at.fract()
    })
}

/// A row of the table. Readings are rates: more is better.
fn row(line: &Line) -> String {
    let [_, stele, _] = quartiles(line.stele.clone());
    let [_, postgres, _] = quartiles(line.postgres.clone());
    let ratios = line.stele.iter().zip(&line.postgres).map(|(stele, postgres)| stele / postgres).collect();
    let [low, median, high] = quartiles(ratios);
    format!(
        "| {} | {stele:.0} {unit} | {postgres:.0} {unit} | **{median:.2}** | {low:.2} to {high:.2} |",
        line.name,
        unit = line.unit,
    )
}

const BEGIN: &str = "<!-- compare: begin -->";
const END: &str = "<!-- compare: end -->";

fn publish(arguments: &Arguments, lines: &[Line]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page has no begin mark");
    let (_, after) = rest.split_once(END).expect("the page has no end mark");
    let mut table =
        String::from("| work | Stele | PostgreSQL 15 | ratio | quartiles |\n|---|---|---|---|---|\n");
    for line in lines {
        writeln!(table, "{}", row(line)).unwrap();
    }
    let machine = format!(
        "{} cores ({}). Medians of {} interleaved pairs; timed works ran {} s each; pgbench scale {}. \
         PostgreSQL: `{POSTGRES_SETTINGS}`, otherwise as it comes; Stele: as it comes.",
        std::thread::available_parallelism().unwrap(),
        processor(),
        arguments.pairs,
        arguments.seconds,
        arguments.scale
    );
    std::fs::write(&path, format!("{before}{BEGIN}\n{machine}\n\n{table}{END}{after}")).unwrap();
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown processor");
    name.trim_start_matches([' ', '\t', ':']).to_owned()
}

/// Seconds that `task` takes.
fn seconds(task: impl FnOnce()) -> f64 {
    let start = Instant::now();
    task();
    start.elapsed().as_secs_f64()
}
