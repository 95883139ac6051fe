//! TPC-H: its tables made by `tpchgen`, loaded by COPY through psql, and its 22 queries.
//!
//! The queries are those of the specification (revision 3.0.1) with its validation parameters.

use crate::server::{psql, said};
use std::fmt::Display;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Stdio;
use tpchgen::generators as tables;

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tpch").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Query `number` (1 to 22).
pub fn query(number: usize) -> String {
    file(&format!("q{number:02}.sql"))
}

/// Makes the tables and fills them. `connection`: what psql takes. `scale`: 1 is 6 million line items.
pub fn load(connection: &str, scale: f64) {
    let output = psql(connection, &file("schema.sql")).output().unwrap();
    said(output);
    copy(connection, "region", tables::RegionGenerator::new(scale, 1, 1).iter());
    copy(connection, "nation", tables::NationGenerator::new(scale, 1, 1).iter());
    copy(connection, "part", tables::PartGenerator::new(scale, 1, 1).iter());
    copy(connection, "supplier", tables::SupplierGenerator::new(scale, 1, 1).iter());
    copy(connection, "partsupp", tables::PartSuppGenerator::new(scale, 1, 1).iter());
    copy(connection, "customer", tables::CustomerGenerator::new(scale, 1, 1).iter());
    copy(connection, "orders", tables::OrderGenerator::new(scale, 1, 1).iter());
    copy(connection, "lineitem", tables::LineItemGenerator::new(scale, 1, 1).iter());
    said(psql(connection, &file("indexes.sql")).output().unwrap());
    said(psql(connection, "ANALYZE").output().unwrap());
}

/// Rows in TPC-H's own format: fields end with a bar.
fn copy(connection: &str, table: &str, rows: impl Iterator<Item = impl Display>) {
    let mut child = psql(connection, &format!("COPY {table} FROM STDIN (DELIMITER '|')"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut sink = BufWriter::new(child.stdin.take().unwrap());
    let mut line = String::new();
    for row in rows {
        use std::fmt::Write as _;
        line.clear();
        write!(line, "{row}").unwrap();
        writeln!(sink, "{}", line.strip_suffix('|').unwrap_or(&line)).unwrap();
    }
    drop(sink.into_inner().unwrap());
    assert!(child.wait().unwrap().success(), "COPY {table} failed");
}
