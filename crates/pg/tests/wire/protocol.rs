//! Messages and their answers.

use crate::raw::*;
use crate::server;

#[test]
fn an_empty_query_has_its_own_answer() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    assert_eq!(raw.query(""), "I Z:I");
    assert_eq!(raw.query(" ; -- nothing"), "I Z:I");
    assert_eq!(raw.ask(&[run(""), sync()].concat()), "1 2 I Z:I");
    assert_eq!(raw.ask(&[parse("", ""), describe('S', ""), sync()].concat()), "1 t n Z:I");
}

#[test]
fn columns_are_described() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    raw.query("create table t (id int primary key, name varchar(20), price numeric(10, 2))");
    raw.send(
        &[parse("", "select id, name, price, 1 from t where id = $1"), describe('S', ""), sync()].concat(),
    );
    let messages = raw.until_ready();
    assert_eq!(summary(&messages), "1 t T Z:I");
    assert_eq!(messages[1].body, b"\0\x01\0\0\0\x17");
    let body = &messages[2].body;
    let mut at = 2;
    let mut shown = Vec::new();
    for _ in 0..u16::from_be_bytes([body[0], body[1]]) {
        let end = at + body[at..].iter().position(|&byte| byte == 0).unwrap();
        let name = std::str::from_utf8(&body[at..end]).unwrap();
        let number = |from: usize, count: usize| {
            body[end + 1 + from..end + 1 + from + count]
                .iter()
                .fold(0i64, |all, byte| all << 8 | *byte as i64)
        };
        let from_table = number(0, 4) >= 16384;
        shown.push(format!(
            "{name} {from_table} {} {} {} {}",
            number(4, 2),
            number(6, 4),
            number(10, 2) as i16,
            number(12, 4) as i32
        ));
        assert_eq!(number(16, 2), 0);
        at = end + 19;
    }
    assert_eq!(
        shown,
        [
            "id true 1 23 4 -1",
            "name true 2 1043 -1 24",
            "price true 3 1700 -1 655366",
            "?column? false 0 23 4 -1"
        ]
    );
}

#[test]
fn a_portal_is_read_in_pieces() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    let sent = [
        parse("", "select * from generate_series(1, 5)"),
        bind("p", "", &[], &[]),
        describe('P', "p"),
        execute("p", 2),
        execute("p", 3),
        execute("p", 1),
        framed('C', b"Pp\0"),
        execute("p", 1),
        sync(),
    ];
    assert_eq!(raw.ask(&sent.concat()), "1 2 T D D s D D D s C:SELECT 0 3 E:34000 Z:I");
}

#[test]
fn an_implicit_transaction_ends_at_sync() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    raw.query("create table t (i int)");
    let sent = [run("insert into t values (1)"), run("select 1/0"), sync()].concat();
    assert_eq!(raw.ask(&sent), "1 2 C:INSERT 0 1 1 2 E:22012 Z:I");
    raw.send(&framed('Q', &string("select count(*) from t")));
    assert_eq!(raw.until_ready()[1].body, b"\0\x01\0\0\0\x010");
    assert_eq!(raw.query("insert into t values (1); select 1/0"), "C:INSERT 0 1 T E:22012 Z:I");
    raw.send(&framed('Q', &string("select count(*) from t")));
    assert_eq!(raw.until_ready()[1].body, b"\0\x01\0\0\0\x010");
}

#[test]
fn copy_in_by_both_protocols() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    raw.query("create table t (i int, s text)");
    let data = [framed('d', b"1\ta\n2"), framed('d', b"\tb\n")].concat();
    raw.send(&framed('Q', &string("copy t from stdin; select 7")));
    assert_eq!(raw.read().unwrap(), Message { kind: 'G', body: vec![0, 0, 2, 0, 0, 0, 0] });
    assert_eq!(raw.ask(&[data.clone(), framed('c', &[])].concat()), "C:COPY 2 T D C:SELECT 1 Z:I");

    // A Sync that comes before the data is part of it.
    raw.send(&[run("copy t from stdin"), sync()].concat());
    assert_eq!(summary(&[raw.read().unwrap(), raw.read().unwrap(), raw.read().unwrap()]), "1 2 G");
    assert_eq!(raw.ask(&[data.clone(), framed('c', &[]), sync()].concat()), "C:COPY 2 Z:I");

    assert_eq!(
        raw.ask(&[framed('Q', &string("copy t from stdin")), data, framed('f', b"no\0")].concat()),
        "G E:57014 Z:I"
    );
    let wrong = [
        framed('Q', &string("copy t from stdin")),
        framed('d', b"x\ty\n"),
        framed('d', b"1\ty\n"),
        framed('c', &[]),
    ];
    let answer = raw.ask(&wrong.concat());
    assert_eq!(answer, "G E:22P02 Z:I");
    raw.send(&framed('Q', &string("select count(*) from t")));
    assert_eq!(raw.until_ready()[1].body, b"\0\x01\0\0\0\x014");
}

#[test]
fn errors_carry_their_fields() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    raw.query("create table t (i int primary key)");
    raw.send(&framed('Q', &string("insert into t values (1), (1)")));
    let error = raw.until_ready().remove(0);
    let fields = ['S', 'V', 'C', 'D', 's', 't', 'n'].map(|code| error.field(code).unwrap());
    assert_eq!(fields, ["ERROR", "ERROR", "23505", "Key (i)=(1) already exists.", "public", "t", "t_pkey"]);
    raw.send(&framed('Q', &string("select 1; select nope")));
    let messages = raw.until_ready();
    let error = messages.iter().find(|message| message.kind == 'E').unwrap();
    assert_eq!(error.field('P').as_deref(), Some("18"));
}

#[test]
fn notices_come_before_the_tag() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    raw.query("begin");
    raw.send(&framed('Q', &string("begin")));
    let messages = raw.until_ready();
    assert_eq!(summary(&messages), "N:25001 C:BEGIN Z:T");
    assert_eq!(messages[0].field('S').as_deref(), Some("WARNING"));
    assert_eq!(messages[0].field('V').as_deref(), Some("WARNING"));
}

#[test]
fn what_is_not_done_is_said_so() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    assert_eq!(raw.ask(&framed('F', &[0; 10])), "E:0A000 Z:I");
    assert_eq!(raw.query("select 1"), "T D C:SELECT 1 Z:I");
    let mut raw = Raw::connect(server.address());
    raw.send(b"!\0\0\0\x04");
    assert_eq!(summary(&raw.until_closed()), "E:08P01");
    let mut raw = Raw::connect(server.address());
    raw.send(b"Q\0\0\0\x03");
    assert_eq!(summary(&raw.until_closed()), "E:08P01");
    let mut raw = Raw::connect(server.address());
    raw.send(&framed('X', &[]));
    assert_eq!(raw.until_closed(), vec![]);
}

#[test]
fn broken_bodies_cost_a_statement_not_the_session() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    assert_eq!(raw.ask(&[framed('B', b"\0\0\0\0\0\x01\0\0\x7f\xff\0\0"), sync()].concat()), "E:08P01 Z:I");
    assert_eq!(raw.ask(&[framed('D', b"X\0"), sync()].concat()), "E:08P01 Z:I");
    assert_eq!(raw.ask(&framed('Q', b"no end")), "E:08P01 Z:I");
    assert_eq!(raw.query("select 1"), "T D C:SELECT 1 Z:I");
}

#[test]
fn parameters_that_are_no_values_are_refused() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    assert_eq!(raw.ask(&[parse("s", "select $1::int"), sync()].concat()), "1 Z:I");
    assert_eq!(raw.ask(&[bind("", "s", &[Some("x")], &[]), sync()].concat()), "E:22P02 Z:I");
    let binary = |bytes: &[u8]| {
        let length = (bytes.len() as u32).to_be_bytes();
        let head = &b"\0s\0\0\x01\0\x01\0\x01"[..];
        [framed('B', &[head, &length, bytes, b"\0\0"].concat()), execute("", 0), sync()].concat()
    };
    raw.send(&binary(&[0, 0, 1]));
    let messages = raw.until_ready();
    assert_eq!(summary(&messages), "E:22P03 Z:I");
    assert_eq!(messages[0].field('M').as_deref(), Some("incorrect binary data format in bind parameter 1"));
    assert_eq!(raw.ask(&binary(&[0, 0, 0, 1])), "2 D C:SELECT 1 Z:I");
}

/// Answers to one Sync do not wait for what follows it.
#[test]
fn a_pipeline_answers_as_it_goes() {
    let server = server();
    let mut raw = Raw::connect(server.address());
    let start = std::time::Instant::now();
    raw.send(&[run("select 1"), sync(), run("select pg_sleep(2)"), sync()].concat());
    assert_eq!(summary(&raw.until_ready()), "1 2 D C:SELECT 1 Z:I");
    assert!(start.elapsed() < std::time::Duration::from_secs(2));
    assert_eq!(summary(&raw.until_ready()), "1 2 D C:SELECT 1 Z:I");
}
