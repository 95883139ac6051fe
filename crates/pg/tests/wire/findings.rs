//! What is known to go wrong in servers built on pgwire, each shown not to.

use crate::raw::*;
use crate::{options, server};
use std::time::{Duration, Instant};

#[test]
fn a_huge_row_limit_allocates_nothing() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    for limit in [0x7fff_ffff, 0xffff_ffff, 0] {
        let sent = [parse("", "select 1"), bind("", "", &[], &[]), execute("", limit), sync()].concat();
        assert_eq!(raw.ask(&sent), "1 2 D C:SELECT 1 Z:I");
    }
}

#[test]
fn an_error_during_authentication_ends_the_connection() {
    let server =
        stele_pg::start(crate::cluster(), stele_pg::Options { trust_loopback: false, ..options() }).unwrap();
    let query = framed('Q', &string("select 1"));
    let garbage = framed('p', b"SCRAM-SHA-256\0\0\0\0\x05x,,n=");
    let unknown = framed('p', b"PLAIN\0\0\0\0\0");
    for wrong in [query.clone(), garbage, unknown, framed('p', b"")] {
        let mut raw = Raw::socket(server.address());
        raw.send(&startup(VERSION_3_0, &[("user", "stele")]));
        raw.send(&[wrong, query.clone()].concat());
        let answers = raw.until_closed();
        assert_eq!(summary(&answers), "R E:08P01");
        assert_eq!(answers[1].field('S').as_deref(), Some("FATAL"));
    }
}

#[test]
fn clear_text_after_a_tls_request_is_refused() {
    let (tls, _) = crate::certificate();
    let server =
        stele_pg::start(crate::cluster(), stele_pg::Options { tls: Some(tls), ..options() }).unwrap();
    for code in [80_877_103u32, 80_877_104] {
        let mut raw = Raw::socket(server.address());
        let request = [8u32.to_be_bytes(), code.to_be_bytes()].concat();
        raw.send(&[request, startup(VERSION_3_0, &[("user", "injected")])].concat());
        let answers = raw.until_closed();
        assert_eq!(summary(&answers), "E:08P01");
        assert!(answers[0].field('M').unwrap().starts_with("received unencrypted data after"));
    }
}

#[test]
fn invalid_text_is_refused_not_replaced() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    assert_eq!(raw.ask(&framed('Q', b"select 'a\xff\xfeb'\0")), "E:22021 Z:I");
    let prepare = framed('P', b"\0select 'a\xff'\0\0\0");
    assert_eq!(raw.ask(&[prepare, run("select 1"), sync()].concat()), "E:22021 Z:I");
    assert_eq!(raw.query("select 'aä'"), "T D C:SELECT 1 Z:I");
}

/// The memory of a result that nobody reads is in row.rs; here: the server is not held up, nor is the cancel.
#[test]
fn a_result_that_is_not_read_waits_and_can_be_ended() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    raw.send(&[run("select repeat('x', 1000) from generate_series(1, 1000000)"), sync()].concat());
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(Raw::connect(server.address()).query("select 1"), "T D C:SELECT 1 Z:I");
    let start = Instant::now();
    server.stop();
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[test]
fn format_codes_are_counted() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    let with = |formats: &[i16]| {
        [parse("", "select 1, 2, 3"), bind("", "", &[], formats), execute("", 0), sync()].concat()
    };
    assert_eq!(raw.ask(&with(&[0, 0])), "1 E:08P01 Z:I");
    assert_eq!(raw.ask(&with(&[0, 1, 0, 0])), "1 E:08P01 Z:I");
    assert_eq!(raw.ask(&with(&[2])), "1 E:22023 Z:I");
    assert_eq!(raw.ask(&with(&[1, 0, 1])), "1 2 D C:SELECT 1 Z:I");
}

#[test]
fn after_an_error_everything_up_to_sync_is_skipped() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    raw.query("create table t (i int)");
    let pipeline = [
        run("select 1/0"),
        run("insert into t values (1)"),
        framed('Q', &string("insert into t values (2)")),
    ];
    let sent = [pipeline.concat(), sync(), run("select count(*) from t"), sync()].concat();
    assert_eq!(raw.ask(&sent), "1 2 E:22012 Z:I");
    let messages = raw.until_ready();
    assert_eq!(summary(&messages), "1 2 D C:SELECT 1 Z:I");
    assert_eq!(messages[2].body, b"\0\x01\0\0\0\x010");
}

#[test]
fn what_came_before_an_error_is_told_and_the_block_is_failed() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    assert_eq!(raw.query("begin; select 1; select 1/0; select 2"), "C:BEGIN T D C:SELECT 1 T E:22012 Z:E");
    assert_eq!(raw.query("select 1"), "E:25P02 Z:E");
    assert_eq!(raw.query("commit"), "C:ROLLBACK Z:I");
}

#[test]
fn nothing_is_sent_before_sync_or_flush() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    raw.send(&[parse("", "select 1"), describe('S', ""), bind("", "", &[], &[]), execute("", 0)].concat());
    raw.stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let nothing = std::io::Read::read(&mut raw.stream, &mut [0; 1]).unwrap_err();
    assert!(matches!(nothing.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut));
    raw.stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    raw.send(&framed('H', &[]));
    let answered: Vec<_> = (0..6).map(|_| raw.read().unwrap()).collect();
    assert_eq!(summary(&answered), "1 t T 2 D C:SELECT 1");
    assert_eq!(raw.ask(&sync()), "Z:I");
}

#[test]
fn a_cancel_reaches_the_stream_of_rows() {
    let server = server();
    let mut raw = Raw::socket(server.address());
    raw.send(&startup(VERSION_3_0, &[("user", "stele")]));
    let key = raw.until_ready().into_iter().find(|message| message.kind == 'K').unwrap().body;
    let cancel = |key: &[u8]| {
        let mut other = Raw::socket(server.address());
        other.send(&[&16u32.to_be_bytes()[..], &80_877_102u32.to_be_bytes(), key].concat());
        assert_eq!(other.until_closed(), vec![]);
    };
    raw.send(&framed('Q', &string("select g, pg_sleep(0.01) from generate_series(1, 100000) g")));
    let mut wrong = key.clone();
    wrong[7] ^= 1;
    cancel(&wrong);
    std::thread::sleep(Duration::from_millis(200));
    cancel(&key);
    let messages = raw.until_ready();
    assert!(summary(&messages).ends_with("E:57014 Z:I"), "{:?}", messages.last());
    assert_eq!(raw.query("select 1"), "T D C:SELECT 1 Z:I");
}

#[test]
fn statements_and_portals_are_postgres() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    assert_eq!(raw.ask(&[parse("s", "select $1::int"), sync()].concat()), "1 Z:I");
    assert_eq!(raw.ask(&[parse("s", "select 2"), sync()].concat()), "E:42P05 Z:I");
    assert_eq!(raw.ask(&[bind("", "s", &[], &[]), sync()].concat()), "E:08P01 Z:I");
    assert_eq!(raw.ask(&[bind("", "s", &[Some("1"), Some("2")], &[]), sync()].concat()), "E:08P01 Z:I");
    let twice = [bind("p", "s", &[Some("1")], &[]), bind("p", "s", &[Some("1")], &[])].concat();
    assert_eq!(raw.ask(&[twice, sync()].concat()), "2 E:42P03 Z:I");
    assert_eq!(raw.ask(&[bind("p", "s", &[Some("1")], &[]), sync()].concat()), "2 Z:I");
    assert_eq!(
        raw.ask(&[execute("p", 0), sync()].concat()),
        "E:34000 Z:I",
        "a portal ends with its transaction"
    );
    assert_eq!(raw.query("deallocate all"), "C:DEALLOCATE ALL Z:I");
    assert_eq!(raw.ask(&[bind("", "s", &[Some("1")], &[]), sync()].concat()), "E:26000 Z:I");
}

#[test]
fn tags_are_postgres() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    assert_eq!(raw.query("create table t (i int)"), "C:CREATE TABLE Z:I");
    assert_eq!(raw.query("insert into t values (1), (2) returning i"), "T D D C:INSERT 0 2 Z:I");
    assert_eq!(raw.query("show server_encoding"), "T D C:SHOW Z:I");
    assert_eq!(raw.query("update t set i = 3"), "C:UPDATE 2 Z:I");
    assert_eq!(raw.query("begin; select 1; commit"), "C:BEGIN T D C:SELECT 1 C:COMMIT Z:I");
    assert!(raw.query("explain select 1").ends_with("C:EXPLAIN Z:I"));
}

#[test]
fn an_error_of_copy_out_is_an_error_response_only() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    let answers = raw.query("copy (select 1/(3-x) from generate_series(1, 5) x) to stdout");
    assert!(answers.starts_with('H') && answers.ends_with("E:22012 Z:I"), "{answers}");
    assert!(!answers.contains(['f', 'c', 'C']), "{answers}");
    assert_eq!(raw.query("copy (select 1) to stdout"), "H d c C:COPY 1 Z:I");
}

#[test]
fn nothing_long_is_taken_before_authentication() {
    let server = server();
    for length in [10_001u32, 0x7fff_ffff, 7, 0] {
        let mut raw = Raw::socket(server.address());
        raw.send(&[length.to_be_bytes(), VERSION_3_0.to_be_bytes()].concat());
        assert_eq!(summary(&raw.until_closed()), "E:08P01", "{length}");
    }
    let mut raw = Raw::socket(server.address());
    raw.send(&startup((3 << 16) | 9, &[("user", "stele"), ("_pq_.magic", "1")]));
    let greeting = raw.until_ready();
    assert_eq!(greeting[0].kind, 'v');
    assert_eq!(
        greeting[0].body,
        [&196_610u32.to_be_bytes()[..], &1u32.to_be_bytes(), b"_pq_.magic\0"].concat()
    );
    assert_eq!(greeting.last().unwrap().summary(), "Z:I");
    let mut raw = Raw::socket(server.address());
    raw.send(&startup(2 << 16, &[("user", "stele")]));
    assert_eq!(summary(&raw.until_closed()), "E:0A000");
}

#[test]
fn the_settings_that_drivers_need_are_told() {
    let server = server();
    let mut raw = Raw::socket(server.address());
    raw.send(&startup(
        VERSION_3_0,
        &[("user", "stele"), ("application_name", "x"), ("client_encoding", "'utf-8'")],
    ));
    let greeting = summary(&raw.until_ready());
    for setting in [
        "server_version=15.",
        "server_encoding=UTF8",
        "client_encoding=UTF8",
        "application_name=x",
        "is_superuser=on",
        "session_authorization=stele",
        "DateStyle=ISO, MDY",
        "IntervalStyle=postgres",
        "TimeZone=",
        "integer_datetimes=on",
        "standard_conforming_strings=on",
        "default_transaction_read_only=off",
        "in_hot_standby=off",
    ] {
        assert!(greeting.contains(&format!("S:{setting}")), "{setting}: {greeting}");
    }
    assert_eq!(raw.query("set timezone = 'Europe/Berlin'"), "C:SET S:TimeZone=Europe/Berlin Z:I");
    assert_eq!(
        raw.query("begin; set local datestyle = german; rollback"),
        "C:BEGIN C:SET C:ROLLBACK S:DateStyle=ISO, MDY Z:I"
    );
}

/// Unknown users and wrong passwords: see authentication.rs.
#[test]
fn types_that_do_not_exist_are_refused_in_parse() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    assert_eq!(raw.ask(&[parse_typed("", "select $1", &[99_999]), sync()].concat()), "E:42704 Z:I");
    assert_eq!(
        raw.ask(&[parse_typed("", "select $1", &[705]), describe('S', ""), sync()].concat()),
        "1 t T Z:I"
    );
}

#[test]
fn a_result_without_columns_has_rows() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    let script = "create table z (); insert into z default values; insert into z default values";
    assert_eq!(raw.query(script), "C:CREATE TABLE C:INSERT 0 1 C:INSERT 0 1 Z:I");
    assert_eq!(raw.query("select * from z"), "T D D C:SELECT 2 Z:I");
    let described = [parse("", "select from z"), describe('S', ""), sync()].concat();
    assert_eq!(raw.ask(&described), "1 t T Z:I");
}

/// As PostgreSQL 15 answers.
#[test]
fn a_command_with_returning_is_done_as_a_whole_and_may_be_asked_again() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    assert_eq!(raw.query("create table r (i int primary key)"), "C:CREATE TABLE Z:I");
    let insert = "insert into r select generate_series(1, 3) returning i";
    let sent = [
        parse("", insert),
        bind("", "", &[], &[]),
        execute("", 2),
        execute("", 1),
        execute("", 1),
        execute("", 0),
        sync(),
    ];
    assert_eq!(raw.ask(&sent.concat()), "1 2 D D s D s C:INSERT 0 0 C:INSERT 0 0 Z:I");
    // Only the first row was asked for: all are there.
    let sent = [parse("", "delete from r returning i"), bind("", "", &[], &[]), execute("", 1), sync()];
    assert_eq!(raw.ask(&sent.concat()), "1 2 D s Z:I");
    assert_eq!(raw.query("insert into r values (1)"), "C:INSERT 0 1 Z:I");
    // A command that returns nothing cannot be run twice.
    let sent = [parse("", "delete from r"), bind("", "", &[], &[]), execute("", 1), execute("", 1), sync()];
    assert_eq!(raw.ask(&sent.concat()), "1 2 C:DELETE 1 E:55000 Z:I");
}

#[test]
fn notices_have_the_codes_of_what_they_skip() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    assert_eq!(raw.query("create table n (i int)"), "C:CREATE TABLE Z:I");
    assert_eq!(raw.query("create table if not exists n (i int)"), "N:42P07 C:CREATE TABLE Z:I");
    assert_eq!(raw.query("alter table n add column if not exists i int"), "N:42701 C:ALTER TABLE Z:I");
    assert_eq!(raw.query("create schema if not exists public"), "N:42P06 C:CREATE SCHEMA Z:I");
    assert_eq!(raw.query("drop table if exists nosuch"), "N:00000 C:DROP TABLE Z:I");
}

#[test]
fn copy_names_the_line_that_is_wrong() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    assert_eq!(raw.query("create table c (i int primary key, v int check (v > 0))"), "C:CREATE TABLE Z:I");
    let mut context = |data: &str| {
        raw.send(&framed('Q', &string("copy c from stdin")));
        raw.send(&[framed('d', data.as_bytes()), framed('c', b"")].concat());
        let answers = raw.until_ready();
        answers.iter().find(|answer| answer.kind == 'E').and_then(|error| error.field('W'))
    };
    assert_eq!(context("1\t1\n2\t2\n1\t3\n4\t4\n").as_deref(), Some("COPY c, line 3: \"1\t3\""));
    assert_eq!(context("1\t1\n2\t-2\n3\t3\n").as_deref(), Some("COPY c, line 2: \"2\t-2\""));
    assert_eq!(context("1\t1\n2\tx\n").as_deref(), Some("COPY c, line 2, column v: \"x\""));
    assert_eq!(context("1\t1\t1\n").as_deref(), Some("COPY c, line 1: \"1\t1\t1\""));
    assert_eq!(context("7\t1\n8\t2\n"), None);
}
