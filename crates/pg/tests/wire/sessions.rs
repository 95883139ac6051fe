//! Many sessions, and how they end.

use crate::raw::*;
use crate::{cluster, options, server};
use std::time::{Duration, Instant};

/// A session that waits for a lock holds no worker: with one worker thread, the one that is to release it still runs.
#[test]
fn sixteen_sessions_of_one_worker_contend_for_one_row() {
    let server = stele_pg::start_with(cluster(), options(), Some(1)).unwrap();
    let address = server.address();
    Raw::connect(address).query("create table t (id int primary key, n int); insert into t values (1, 0)");
    let clients: Vec<_> = (0..16)
        .map(|_| {
            std::thread::spawn(move || {
                let mut raw = Raw::connect(address);
                for _ in 0..5 {
                    assert_eq!(raw.query("begin"), "C:BEGIN Z:T");
                    assert_eq!(raw.query("update t set n = n + 1 where id = 1"), "C:UPDATE 1 Z:T");
                    assert_eq!(raw.query("commit"), "C:COMMIT Z:I");
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    let mut raw = Raw::connect(address);
    raw.send(&framed('Q', &string("select n from t")));
    assert_eq!(raw.until_ready()[1].body, b"\0\x01\0\0\0\x0280");
}

#[test]
fn idle_sessions_end_when_told() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    assert_eq!(raw.query("set idle_session_timeout = 100"), "C:SET Z:I");
    assert_eq!(summary(&raw.until_closed()), "E:57P05");
    let mut raw = Raw::connect(server.address());
    raw.query("set idle_in_transaction_session_timeout = 100");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(raw.query("begin"), "C:BEGIN Z:T");
    let end = raw.until_closed();
    assert_eq!(summary(&end), "E:25P03");
    assert_eq!(end[0].field('V').as_deref(), Some("FATAL"));
}

#[test]
fn stopping_ends_idle_and_running_sessions() {
    let server = server();
    let (mut idle, mut running) = (Raw::connect(server.address()), Raw::connect(server.address()));
    running.send(&framed('Q', &string("select pg_sleep(60)")));
    std::thread::sleep(Duration::from_millis(200));
    let start = Instant::now();
    server.stop();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(summary(&idle.until_closed()), "E:57P01");
    assert!(summary(&running.until_closed()).ends_with("E:57P01"));
}

#[test]
fn a_client_that_leaves_gives_up_its_locks() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    raw.query("create table t (id int primary key); insert into t values (1)");
    let mut other = Raw::connect(server.address());
    other.query("begin; delete from t");
    drop(other);
    assert_eq!(raw.query("delete from t"), "C:DELETE 1 Z:I");
}

#[test]
fn a_session_ends_another() {
    let server = server();
    let (mut one, mut other) = (Raw::connect(server.address()), Raw::connect(server.address()));
    one.send(&framed('Q', &string("select pg_backend_pid()")));
    let row = one.until_ready().remove(1).body;
    let process_id = std::str::from_utf8(&row[6..]).unwrap();
    assert_eq!(other.query(&format!("select pg_terminate_backend({process_id})")), "T D C:SELECT 1 Z:I");
    let end = one.until_closed();
    assert_eq!(summary(&end), "E:57P01");
    assert_eq!(end[0].field('M').as_deref(), Some("terminating connection due to administrator command"));
}
