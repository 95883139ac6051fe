//! SQL through the real binder. The files beside this one are statements (`> `), and below each what PostgreSQL 15
//! answers: rows with `|` between values and `~` for NULL, or `ERROR` with the SQLSTATE and message.

use super::show_batches_as_text;
use super::storage::{World, commit};
use catalog::Transaction;
use plan::{Environment, Statement};
use types::{Error, Result, TextSettings};

#[test]
fn queries() {
    check(include_str!("sql/queries.txt"));
}

#[test]
fn windows() {
    check(include_str!("sql/windows.txt"));
}

#[test]
fn grouping() {
    check(include_str!("sql/grouping.txt"));
}

#[test]
fn writes() {
    check(include_str!("sql/writes.txt"));
}

fn check(script: &str) {
    let world = World::new();
    for block in script.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        let (statement, expected) = block.split_once('\n').unwrap_or((block, ""));
        let statement = statement.strip_prefix("> ").unwrap();
        let mut transaction = world.begin();
        let answer = match run(&mut transaction, statement) {
            Ok(rows) => {
                commit(transaction);
                rows
            }
            Err(error) => format!("ERROR {} {}", error.state.code(), error.message),
        };
        assert_eq!(answer.trim_end(), expected, "{statement}");
    }
}

fn run(transaction: &mut Transaction, text: &str) -> Result<String> {
    let settings = TextSettings::default();
    let mut answer = String::new();
    for parsed in plan::parse(text)? {
        transaction.begin_statement(&settings)?;
        let environment = Environment {
            schema: transaction.schema(&["public".into()], 10),
            parameters: vec![],
            values: vec![],
            settings: settings.clone(),
            as_of: None,
            current_user: "stele".into(),
            database: "test".into(),
        };
        match plan::plan(&parsed, &environment)? {
            Statement::Query(query) => {
                let batches = super::pull(&query, Some(&mut *transaction), usize::MAX)?;
                answer = show_batches_as_text(&batches, &settings);
            }
            Statement::Ddl(ddl) => drop(transaction.apply(&ddl, 10)?),
            other => return Err(Error::unsupported(format!("{other:?}"))),
        }
        transaction.end_statement()?;
    }
    Ok(answer)
}
