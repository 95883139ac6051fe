//! TPC-H, loaded by COPY: all 22 queries give PostgreSQL's answers.

use std::time::Instant;
use stele_tests::{full_load, postgres, server, tpch};

#[test]
fn every_query_gives_the_answer_of_postgres() {
    let Some(reference) = postgres::Server::start() else {
        eprintln!("PostgreSQL 15 is not installed: its answers are not compared");
        return;
    };
    let scale = if full_load() { 0.1 } else { 0.01 };
    let folder = tempfile::tempdir().unwrap();
    let stele = server::Server::start(folder.path());
    tpch::load(&stele.connection(), scale);
    tpch::load(&reference.connection(), scale);
    let mut wrong = Vec::new();
    for number in 1..=22 {
        let query = tpch::query(number);
        let answer = |connection: &str| {
            let start = Instant::now();
            let lines = lines(server::said(server::psql(connection, &query).output().unwrap()));
            (lines, start.elapsed())
        };
        let ((expected, theirs), (given, ours)) =
            (answer(&reference.connection()), answer(&stele.connection()));
        println!("query {number}: {} rows; PostgreSQL {theirs:.2?}, Stele {ours:.2?}", given.len());
        if expected != given {
            wrong.push(format!("query {number}:\nPostgreSQL: {expected:?}\nStele: {given:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of 22 differ:\n{}", wrong.len(), wrong.join("\n"));
    stele.stop();
}

/// Sorted, as rows that compare equal may come in any order.
fn lines(text: String) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}
