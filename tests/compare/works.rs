//! The works that are compared, in groups that share their tables, with the ratio that each is to reach.

use crate::audited;
use crate::report::Line;
use crate::side::{Side, Sides};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use stele_tests::{server, tpch};

/// How much of everything.
pub struct Sizes {
    pub seconds: u32,
    pub scale: u32,
    pub rows: u32,
    pub depth: u32,
}

pub struct Group {
    pub name: &'static str,
    pub prepare: fn(&Sides, &Sizes),
    pub works: fn(&Sizes) -> Vec<Work>,
}

/// Gives a rate, in the work's unit.
type Run = Box<dyn Fn(&Sides) -> f64>;

pub struct Work {
    name: String,
    unit: &'static str,
    /// The ratio that it is to reach at least, and the one that is aimed at.
    targets: [f64; 2],
    pub stele: Run,
    pub other: Run,
}

impl Work {
    pub fn line(&self) -> Line {
        let Work { name, unit, targets, .. } = self;
        Line { name: name.clone(), unit, targets: *targets, stele: vec![], other: vec![] }
    }

    /// Stele and PostgreSQL as it is.
    fn both(
        name: impl Into<String>,
        unit: &'static str,
        targets: [f64; 2],
        run: impl Fn(&Side) -> f64 + Clone + 'static,
    ) -> Work {
        Work {
            name: name.into(),
            unit,
            targets,
            stele: {
                let run = run.clone();
                Box::new(move |sides| run(&sides.stele))
            },
            other: Box::new(move |sides| run(&sides.postgres)),
        }
    }
}

pub fn groups() -> Vec<Group> {
    vec![
        Group { name: "pgbench", prepare: prepare_pgbench, works: pgbench_works },
        Group { name: "sysbench", prepare: prepare_sysbench, works: sysbench_works },
        Group { name: "load", prepare: prepare_loads, works: load_works },
        Group { name: "reports", prepare: prepare_reports, works: report_works },
        Group { name: "tpch", prepare: prepare_tpch, works: tpch_works },
        Group { name: "past", prepare: prepare_past, works: past_works },
    ]
}

/// pgbench by the number of clients. `script`: one of its own, or its text.
fn timed(name: &str, mode: &'static str, clients: u32, targets: [f64; 2], run: Pgbench) -> Work {
    let noun = if clients == 1 { "client" } else { "clients" };
    Work::both(format!("{name}, {mode}, {clients} {noun}"), "tps", targets, move |side| {
        run.rate(side, mode, clients)
    })
}

/// The same against PostgreSQL with its audit log.
fn timed_audited(name: &str, clients: u32, targets: [f64; 2], run: Pgbench) -> Work {
    Work {
        name: format!("{name}, prepared, {clients} clients, against audited PostgreSQL"),
        unit: "tps",
        targets,
        stele: Box::new(move |sides| run.rate(&sides.stele, "prepared", clients)),
        other: Box::new(move |sides| run.rate(&sides.audited, "prepared", clients)),
    }
}

#[derive(Clone, Copy)]
struct Pgbench {
    seconds: u32,
    script: &'static str,
}

impl Pgbench {
    fn rate(self, side: &Side, mode: &str, clients: u32) -> f64 {
        let (clients, seconds) = (clients.to_string(), self.seconds.to_string());
        let threads = if clients == "1" { "1" } else { "2" };
        let mut arguments = vec!["-c", &clients, "-j", threads, "-T", &seconds, "-M", mode];
        let path = side.scratch.join("script.sql").to_str().unwrap().to_owned();
        match self.script {
            "select-only" | "tpcb-like" => arguments.extend(["-b", self.script]),
            script => {
                std::fs::write(&path, script).unwrap();
                arguments.extend(["-f", &path]);
            }
        }
        side.pgbench(&arguments)
    }
}

const INSERT: &str = "\\set k random(1, 1000000000)
INSERT INTO inserted (k, a, b, c) VALUES (:k, :k, 'abcdefghijklmnopqrstuvwxyz0123456789', 'the quick brown fox');
";

fn prepare_pgbench(sides: &Sides, sizes: &Sizes) {
    sides.postgres.sql("CREATE DATABASE audited");
    for side in [&sides.stele, &sides.postgres, &sides.audited] {
        side.make_pgbench(sizes.scale);
        side.sql("CREATE TABLE inserted (id bigserial PRIMARY KEY, k bigint, a int, b text, c text)");
    }
    audited::install(&sides.audited);
}

fn pgbench_works(sizes: &Sizes) -> Vec<Work> {
    let of = |script| Pgbench { seconds: sizes.seconds, script };
    let (select, insert, tpcb) = (of("select-only"), of(INSERT), of("tpcb-like"));
    vec![
        timed("point select", "prepared", 1, [1.2, 1.5], select),
        timed("point select", "prepared", 2, [1.3, 1.8], select),
        timed("point select", "prepared", 8, [1.6, 2.5], select),
        timed("point select", "simple", 1, [1.4, 2.0], select),
        timed("point select", "simple", 2, [1.5, 2.3], select),
        timed("point select", "simple", 8, [2.0, 3.3], select),
        timed("insert", "prepared", 1, [1.0, 1.15], insert),
        timed("insert", "prepared", 16, [1.5, 2.2], insert),
        timed("TPC-B", "prepared", 1, [1.1, 1.3], tpcb),
        timed("TPC-B", "prepared", 8, [1.3, 1.8], tpcb),
        timed("TPC-B", "prepared", 16, [1.5, 2.2], tpcb),
        timed_audited("TPC-B", 8, [6.0, 9.0], tpcb),
        timed_audited("insert", 16, [10.0, 15.0], insert),
    ]
}

fn prepare_sysbench(sides: &Sides, _: &Sizes) {
    if server::installed("sysbench") {
        sides.stele.make_sysbench();
        sides.postgres.make_sysbench();
    }
}

fn sysbench_works(sizes: &Sizes) -> Vec<Work> {
    let seconds = sizes.seconds;
    if !server::installed("sysbench") {
        return vec![];
    }
    let work = |test: &'static str| {
        let run = move |side: &Side| side.sysbench_rate(test, seconds);
        Work::both(format!("sysbench {test}, 8 threads"), "tps", [1.2, 2.0], run)
    };
    ["oltp_read_only", "oltp_read_write", "oltp_write_only"].map(work).into()
}

const COPIED_ROWS: u32 = 1_000_000;
const INSERTED_ROWS: u32 = 200_000;

/// One row of a load: id, number, time, amount, text.
fn loaded_row(id: u32) -> [String; 5] {
    let mixed = id.wrapping_mul(2_654_435_761);
    [
        id.to_string(),
        (mixed >> 1).to_string(),
        format!("2026-01-{:02} 12:{:02}:00", mixed % 28 + 1, mixed % 60),
        format!("{}.{:02}", mixed % 100_000, mixed % 100),
        format!("note of row {mixed}, with some text behind it"),
    ]
}

fn prepare_loads(sides: &Sides, _: &Sizes) {
    let scratch = &sides.stele.scratch;
    let mut rows = BufWriter::new(File::create(scratch.join("rows")).unwrap());
    for id in 0..COPIED_ROWS {
        writeln!(rows, "{}", loaded_row(id).join("\t")).unwrap();
    }
    let mut inserts = BufWriter::new(File::create(scratch.join("inserts.sql")).unwrap());
    for first in (0..INSERTED_ROWS).step_by(1_000) {
        let mut statement = String::from("INSERT INTO loaded VALUES ");
        for id in first..first + 1_000 {
            let [id, number, time, amount, note] = loaded_row(id);
            write!(statement, "({id}, {number}, '{time}', {amount}, '{note}'),").unwrap();
        }
        writeln!(inserts, "{};", statement.trim_end_matches(',')).unwrap();
    }
}

fn make_loaded(side: &Side, index: bool) {
    side.sql("DROP TABLE IF EXISTS loaded");
    side.sql(
        "CREATE TABLE loaded (id bigint PRIMARY KEY, k int NOT NULL, at timestamp NOT NULL,
         amount numeric(12,2) NOT NULL, note text NOT NULL)",
    );
    if index {
        side.sql("CREATE INDEX ON loaded (k)");
    }
}

fn load_works(_: &Sizes) -> Vec<Work> {
    let copy = |name: &str, index, targets| {
        Work::both(format!("COPY of 1,000,000 rows, {name}"), "rows/s", targets, move |side| {
            make_loaded(side, index);
            f64::from(COPIED_ROWS) / side.copy_seconds("loaded", "rows")
        })
    };
    let inserts = Work::both("INSERT of 1,000 rows each", "rows/s", [1.0, 2.0], |side| {
        make_loaded(side, false);
        let file = side.scratch.join("inserts.sql");
        f64::from(INSERTED_ROWS) / crate::seconds(|| side.run_file(&file))
    });
    vec![copy("primary key", false, [0.7, 1.3]), copy("primary key and index", true, [1.0, 1.8]), inserts]
}

fn prepare_reports(sides: &Sides, sizes: &Sizes) {
    let scratch = &sides.stele.scratch;
    let mut rows = BufWriter::new(File::create(scratch.join("big")).unwrap());
    let mut state: u64 = 12_345;
    for id in 1..=sizes.rows {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let r = state >> 33;
        let (k, group, cents) = (r % 100_000, r % 1_000, r % 100);
        let (amount, v) = (r % 10_000, (r % 1_000_003) as f64 / 7.0);
        let (month, day, hour) = (r % 12 + 1, r % 28 + 1, r % 24);
        writeln!(
            rows,
            "{id}\t{k}\t{group}\t{amount}.{cents:02}\t{v:.4}\t2026-{month:02}-{day:02} {hour:02}:00:00\tnote {r:010}"
        )
        .unwrap();
    }
    let mut small = BufWriter::new(File::create(scratch.join("small")).unwrap());
    for k in 0..100_000 {
        writeln!(small, "{k}\t{}\tcustomer {k:06}", k % 25).unwrap();
    }
    drop((rows, small));
    for side in [&sides.stele, &sides.postgres] {
        side.sql(
            "CREATE TABLE big (id bigint PRIMARY KEY, k int NOT NULL, grp int NOT NULL,
             amount numeric(12,2) NOT NULL, v float8 NOT NULL, ts timestamp NOT NULL, note text NOT NULL)",
        );
        side.sql("CREATE TABLE small (k int PRIMARY KEY, region int NOT NULL, name text NOT NULL)");
        side.copy_seconds("big", "big");
        side.copy_seconds("small", "small");
        side.sql("VACUUM ANALYZE");
    }
}

fn report_works(sizes: &Sizes) -> Vec<Work> {
    let rows = f64::from(sizes.rows);
    let reports = [
        ("count(*)", "SELECT count(*) FROM big"),
        ("sum, min, max, avg", "SELECT sum(k), min(k), max(k), avg(k) FROM big"),
        (
            "filter of two columns, sum",
            "SELECT count(*), sum(v) FROM big WHERE k < 10000 AND ts >= '2026-06-01'",
        ),
        ("group by, 1,000 groups", "SELECT grp, count(*), sum(amount), avg(v) FROM big GROUP BY grp"),
        (
            "group by, 100,000 groups",
            "SELECT k, count(*), sum(v) FROM big GROUP BY k ORDER BY 2 DESC, 1 LIMIT 10",
        ),
        (
            "join with 100,000 rows, group by",
            "SELECT s.region, count(*), sum(b.v) FROM big b JOIN small s ON s.k = b.k GROUP BY s.region",
        ),
        ("order by, limit 100", "SELECT id, v FROM big ORDER BY v DESC, id LIMIT 100"),
    ];
    let work = |(name, query): (&str, &'static str)| {
        let name = format!("{name}, {} million rows", rows / 1e6);
        Work::both(name, "rows/s", [0.8, 5.0], move |side| rows / side.query_seconds(query))
    };
    reports.map(work).into()
}

fn prepare_tpch(sides: &Sides, _: &Sizes) {
    for side in [&sides.stele, &sides.postgres] {
        tpch::load(&side.connection(), 0.1);
    }
}

fn tpch_works(_: &Sizes) -> Vec<Work> {
    vec![Work::both("TPC-H 0.1, geometric mean of 22 queries", "queries/s", [0.7, 3.0], |side| {
        let logarithms = (1..=22).map(|number| side.query_seconds(&tpch::query(number)).ln());
        (-logarithms.sum::<f64>() / 22.0).exp()
    })]
}

const DEEP_ROWS: u32 = 1_000;

/// A row with many versions among others with two each.
fn prepare_past(sides: &Sides, sizes: &Sizes) {
    let side = &sides.stele;
    side.sql("CREATE TABLE deep (id int PRIMARY KEY, v int)");
    side.sql(&format!("INSERT INTO deep SELECT n, 0 FROM generate_series(1, {DEEP_ROWS}) AS s(n)"));
    side.sql("UPDATE deep SET v = 1");
    let script = side.scratch.join("deepen.sql");
    std::fs::write(&script, "UPDATE deep SET v = v + 1 WHERE id = 500;\n").unwrap();
    let each = (sizes.depth / 4).to_string();
    let environment = "options=-csynchronous_commit=off";
    let file = script.to_str().unwrap();
    let connection = format!("{} {environment}", side.connection());
    let arguments = ["-n", "-c", "4", "-j", "2", "-M", "prepared", "-t", &each, "-f", file, &connection];
    server::said(std::process::Command::new("pgbench").args(arguments).output().unwrap());
}

/// Both sides are Stele: then, and now.
fn past_works(sizes: &Sizes) -> Vec<Work> {
    let half = u64::from(sizes.depth / 2);
    let work = |name: &str, query: &'static str| {
        let rate = move |side: &Side, past: bool| {
            let newest: u64 = side.sql("SELECT max(tx_id) FROM ledger.transactions").trim().parse().unwrap();
            // When the row had about half of its versions.
            let moment = newest.saturating_sub(half);
            let as_of =
                if past { format!("FOR SYSTEM_TIME AS OF TRANSACTION {moment}") } else { String::new() };
            let query = query.replace("$as_of", &as_of);
            let many = format!("{query};").repeat(200);
            200.0 / side.query_seconds(&many)
        };
        Work {
            name: format!("{name} AS OF, against the same read of now"),
            unit: "reads/s",
            targets: [0.5, 0.8],
            stele: Box::new(move |sides| rate(&sides.stele, true)),
            other: Box::new(move |sides| rate(&sides.stele, false)),
        }
    };
    vec![
        work(&format!("row with {} versions,", sizes.depth), "SELECT v FROM deep $as_of WHERE id = 500"),
        work("table with that row,", "SELECT sum(v) FROM deep $as_of"),
    ]
}
