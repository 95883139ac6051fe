//! tokio-postgres (binary, prepared, pipelined) and psql.

use crate::server;
use futures::{SinkExt, StreamExt};
use std::process::Command;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

fn with_client<F: Future>(test: impl FnOnce(Client) -> F) -> F::Output {
    let server = server();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = format!("host=127.0.0.1 port={} user=stele", server.address().port());
        let (client, connection) = tokio_postgres::connect(&config, NoTls).await.unwrap();
        tokio::spawn(connection);
        test(client).await
    })
}

#[test]
fn values_go_there_and_back_in_binary() {
    with_client(|client| async move {
        let row = client
            .query_one(
                "select $1::bool, $2::int2, $3::int4, $4::int8, $5::float4, $6::float8, $7::text, $8::bytea, $9::int4[], $10::text[]",
                &[&true, &-2i16, &7i32, &i64::MIN, &1.5f32, &-0.25f64, &"aä", &&b"\0\xff"[..], &vec![Some(1i32), None], &vec!["x", ""]],
            )
            .await
            .unwrap();
        assert_eq!(
            (row.get::<_, bool>(0), row.get::<_, i16>(1), row.get::<_, i32>(2), row.get::<_, i64>(3)),
            (true, -2, 7, i64::MIN)
        );
        assert_eq!((row.get::<_, f32>(4), row.get::<_, f64>(5), row.get::<_, &str>(6)), (1.5, -0.25, "aä"));
        assert_eq!(row.get::<_, &[u8]>(7), b"\0\xff");
        assert_eq!(row.get::<_, Vec<Option<i32>>>(8), [Some(1), None]);
        assert_eq!(row.get::<_, Vec<&str>>(9), ["x", ""]);
        let row = client.query_one("select $1::int4, null::text", &[&None::<i32>]).await.unwrap();
        assert_eq!((row.get::<_, Option<i32>>(0), row.get::<_, Option<&str>>(1)), (None, None));
    });
}

#[test]
fn transactions_pipelines_and_copy() {
    with_client(|mut client| async move {
        client.batch_execute("create table t (id int primary key, name text)").await.unwrap();
        let insert = client.prepare("insert into t values ($1, $2)").await.unwrap();
        let (one, two) =
            tokio::join!(client.execute(&insert, &[&1, &"a"]), client.execute(&insert, &[&2, &"b"]));
        assert_eq!((one.unwrap(), two.unwrap()), (1, 1));
        let error = client.execute(&insert, &[&1, &"again"]).await.unwrap_err();
        assert_eq!(error.as_db_error().unwrap().constraint(), Some("t_pkey"));
        let transaction = client.transaction().await.unwrap();
        transaction.execute(&insert, &[&3, &"c"]).await.unwrap();
        let portal = transaction.bind("select id from t order by id", &[]).await.unwrap();
        assert_eq!(transaction.query_portal(&portal, 2).await.unwrap().len(), 2);
        assert_eq!(transaction.query_portal(&portal, 2).await.unwrap().len(), 1);
        transaction.rollback().await.unwrap();

        let sink = client.copy_in("copy t from stdin").await.unwrap();
        futures::pin_mut!(sink);
        sink.send(bytes::Bytes::from_static(b"4\td\n5\te\n")).await.unwrap();
        assert_eq!(sink.finish().await.unwrap(), 2);
        let out = client.copy_out("copy (select id, name from t order by id) to stdout").await.unwrap();
        let out: Vec<_> = out.collect().await;
        let text: Vec<u8> = out.into_iter().flat_map(|part| part.unwrap().to_vec()).collect();
        assert_eq!(text, b"1\ta\n2\tb\n4\td\n5\te\n");
        let answers = client.simple_query("select count(*) from t").await.unwrap();
        let count = answers.iter().find_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        assert_eq!(count.as_deref(), Some("4"));
    });
}

#[test]
fn a_large_result_arrives_whole() {
    with_client(|client| async move {
        let rows =
            client.query("select g, repeat('x', 100) from generate_series(1, 20000) g", &[]).await.unwrap();
        assert_eq!(rows.len(), 20_000);
        assert!(
            rows.iter()
                .zip(1..)
                .all(|(row, n)| row.get::<_, i32>(0) == n && row.get::<_, &str>(1).len() == 100)
        );
    });
}

#[test]
fn psql_talks_to_it() {
    let server = server();
    let port = server.address().port().to_string();
    let psql = Command::new("psql")
        .args(["-X", "-At", "-h", "127.0.0.1", "-p", &port, "-U", "stele", "stele"])
        .args([
            "-c",
            "create table t (i int, s text)",
            "-c",
            r#"\copy t from program 'printf "1\tone\n2\ttwo\n"'"#,
        ])
        .args(["-c", "select * from t order by i; select count(*) from t", "-c", r"\copy t to stdout"])
        .output();
    let Ok(psql) = psql else {
        eprintln!("psql is not installed");
        return;
    };
    let shown = String::from_utf8_lossy(&psql.stdout);
    assert!(psql.status.success(), "{shown}{}", String::from_utf8_lossy(&psql.stderr));
    assert_eq!(shown, "CREATE TABLE\nCOPY 2\n1|one\n2|two\n2\n1\tone\n2\ttwo\n");
}
