//! A database opened by a Rust program.

use host::Host;
use plan::Field;
use session::{Cluster, ClusterOptions, Outcome, Session, SessionOptions};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use types::{Batch, DataType, Moment, Result, TextSettings, TxId, Value, err};

/// A data folder's database `stele`, with one session. Cheap to share by reference; statements of several threads take
/// turns. For sessions of their own use [`Database::cluster`].
pub struct Database {
    cluster: Cluster,
    session: Mutex<Session>,
}

/// A statement's result, whole.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    pub fields: Vec<Field>,
    pub rows: Vec<Vec<Value>>,
    /// The command tag, e.g. `UPDATE 3`.
    pub tag: String,
    settings: TextSettings,
}

impl Database {
    /// Opens `path`, or makes it.
    pub fn open(path: impl AsRef<Path>) -> Result<Database> {
        Database::open_with(Host::real(), path.as_ref(), ClusterOptions::default())
    }

    /// A database in memory, gone when it is dropped.
    pub fn in_memory() -> Result<Database> {
        let options = ClusterOptions { index: kv::store::IndexEngine::Memory, ..ClusterOptions::default() };
        Database::open_with(Host::volatile(), Path::new("/stele"), options)
    }

    pub fn open_with(host: Host, path: &Path, options: ClusterOptions) -> Result<Database> {
        let cluster = Cluster::open(host, path, options)?;
        let session = cluster.connect(SessionOptions {
            user: "stele".into(),
            database: "stele".into(),
            settings: vec![],
            client_address: None,
        })?;
        Ok(Database { cluster, session: Mutex::new(session) })
    }

    /// For more sessions, roles and databases.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Runs one statement; returns the number of rows that it inserted, updated, deleted or selected.
    pub fn execute(&self, sql: &str, parameters: &[Value]) -> Result<u64> {
        let rows = self.query(sql, parameters)?;
        Ok(rows.tag.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0))
    }

    /// Runs a script of statements without parameters, as one implicit transaction (unless it says BEGIN).
    pub fn run(&self, script: &str) -> Result<Vec<Rows>> {
        let mut session = self.session();
        let mut results = Vec::new();
        for statement in session.parse(script)? {
            let mut rows = Rows::default();
            match session.simple(&statement, &mut rows) {
                Ok(outcome) => rows.end(outcome)?,
                Err(error) => {
                    let _ = session.end_implicit();
                    return Err(error);
                }
            }
            results.push(rows);
        }
        session.end_implicit()?;
        Ok(results)
    }

    /// Runs one statement and returns its rows.
    pub fn query(&self, sql: &str, parameters: &[Value]) -> Result<Rows> {
        let mut session = self.session();
        let mut rows = Rows::default();
        let result = query(&mut session, sql, parameters, &mut rows);
        if result.is_err() {
            session.fail();
        }
        let ended = session.end_implicit();
        result.and(ended)?;
        Ok(rows)
    }

    /// Runs a query on the past.
    pub fn as_of(&self, moment: Moment, sql: &str, parameters: &[Value]) -> Result<Rows> {
        let moment = match moment {
            Moment::Transaction(tx) => format!("TRANSACTION {tx}"),
            Moment::Time(micros) => {
                let mut text = String::new();
                types::text::format(
                    &Value::Timestamp(micros),
                    DataType::TimestampTz,
                    &TextSettings::default(),
                    &mut text,
                );
                format!("TIMESTAMP '{text}'")
            }
        };
        self.run(&format!("BEGIN READ ONLY AS OF {moment}"))?;
        let rows = self.query(sql, parameters);
        self.run("ROLLBACK")?;
        rows
    }

    /// A proof of a row's current version, by its primary key: the text that `stele-verify` reads.
    pub fn proof(&self, table: &str, key: &[Value]) -> Result<String> {
        let places: Vec<String> = (2..key.len() + 2).map(|n| format!(", ${n}::text")).collect();
        let mut parameters = vec![Value::text(table)];
        for value in key {
            parameters.push(Value::Text(as_text(value)));
        }
        let rows = self.query(&format!("SELECT ledger.proof($1{})", places.concat()), &parameters)?;
        match rows.rows.into_iter().flatten().next() {
            Some(Value::Text(proof)) => Ok(proof),
            _ => Err(err!(NoData, "there is no such row")),
        }
    }

    /// The newest transaction that is durable.
    pub fn last_transaction(&self) -> Result<TxId> {
        let database = self.cluster.database("stele")?;
        Ok(database.store().ledger().durable_size().saturating_sub(1))
    }

    /// Writes everything out and closes the folder.
    pub fn close(self) -> Result<()> {
        let Database { cluster, session } = self;
        drop(session);
        cluster.shutdown()
    }
}

/// A value as its own text, for parameters that are read by context.
fn as_text(value: &Value) -> String {
    let mut text = String::new();
    types::text::format(value, type_of(value), &TextSettings::default(), &mut text);
    text
}

/// The type that a bare value has. Text is read as input of whatever type the statement wants.
fn type_of(value: &Value) -> DataType {
    match value {
        Value::Null | Value::Text(_) => DataType::Unknown,
        other => other.data_type().unwrap_or(DataType::Unknown),
    }
}

fn query(session: &mut Session, sql: &str, parameters: &[Value], rows: &mut Rows) -> Result<()> {
    session.prepare("", sql, &[])?;
    let prepared = session.prepared("")?;
    let settings = session.text_settings();
    let values = parameters
        .iter()
        .zip(&prepared.parameters)
        .map(|(value, ty)| types::cast::cast(value, type_of(value), (*ty).into(), true, &settings))
        .chain(parameters.iter().skip(prepared.parameters.len()).map(|value| Ok(value.clone())))
        .collect::<Result<Vec<_>>>()?;
    if let Some(fields) = &prepared.fields {
        rows.fields = fields.to_vec();
    }
    session.bind("", "", values)?;
    let outcome = session.execute("", 0, rows)?;
    rows.end(outcome)
}

impl session::Rows for Rows {
    fn fields(&mut self, fields: &[Field], _: &TextSettings) -> Result<()> {
        self.fields = fields.to_vec();
        Ok(())
    }
    fn batch(&mut self, batch: &Batch, settings: &TextSettings) -> Result<()> {
        self.settings = settings.clone();
        self.rows.extend((0..batch.rows).map(|row| batch.row(row)));
        Ok(())
    }
    fn copy_out(&mut self, _: usize, _: bool) -> Result<()> {
        Err(types::Error::unsupported("COPY TO STDOUT here").hint("Use a query."))
    }
    fn copy_data(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }
    fn notices(&mut self, _: Vec<session::Notice>) {}
}

impl Rows {
    fn end(&mut self, outcome: Outcome) -> Result<()> {
        match outcome {
            Outcome::Done { tag } => self.tag = tag,
            Outcome::Empty | Outcome::Suspended => {}
            Outcome::CopyIn { .. } => {
                return Err(types::Error::unsupported("COPY FROM STDIN here").hint("Use INSERT."));
            }
        }
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The value in a row's column of this name.
    pub fn value(&self, row: usize, column: &str) -> Option<&Value> {
        let at = self.fields.iter().position(|field| field.name == column)?;
        self.rows.get(row)?.get(at)
    }

    /// The same as text; None for NULL.
    pub fn text(&self, row: usize, column: &str) -> Option<String> {
        let at = self.fields.iter().position(|field| field.name == column)?;
        let value = self.rows.get(row)?.get(at)?;
        if value.is_null() {
            return None;
        }
        let mut text = String::new();
        types::text::format(value, self.fields[at].ty.data_type, &self.settings, &mut text);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_leaves_the_session_usable() {
        let db = Database::in_memory().unwrap();
        db.execute("CREATE TABLE t (a int PRIMARY KEY)", &[]).unwrap();
        assert_eq!(db.execute("INSERT INTO t VALUES (1), (2)", &[]).unwrap(), 2);
        let error = db.execute("INSERT INTO t VALUES ($1)", &[1.into()]).unwrap_err();
        assert_eq!(error.state, types::SqlState::UniqueViolation);
        assert!(db.run("SELECT 1; SELECT 1/0").is_err());
        assert_eq!(db.query("SELECT count(*) AS n FROM t", &[]).unwrap().text(0, "n").as_deref(), Some("2"));
    }

    /// The whole way, from the parser to the drop, on the small stack that tests run on: a statement that is too deep is
    /// refused, and none ends the process.
    #[test]
    fn no_statement_overflows_the_stack() {
        let db = Database::in_memory().unwrap();
        let chain = |start: &str, part: &str, count: usize| format!("{start}{}", part.repeat(count));
        let accepted = [
            chain("SELECT 1 WHERE true", " AND true", 30_000),
            chain("SELECT 1 FROM generate_series(1, 2) x WHERE x = 0", " OR x = 1", 5_000),
            chain("SELECT 'a'", "||'b'", 5_000),
            chain("SELECT x FROM generate_series(1, 2) x WHERE x", "+1", 5_000) + " > 0",
            chain("SELECT 1", "::int", 5_000),
            chain("SELECT 1", " UNION ALL SELECT 1", 1_000),
            chain("EXPLAIN SELECT 1", "+1", 5_000),
            chain("CREATE VIEW deep AS SELECT 1", "+1", 150),
            "SELECT * FROM deep".to_owned(),
            chain("PREPARE p AS SELECT 1", "+1", 5_000),
            "EXECUTE p".to_owned(),
            chain("SELECT 1 IN (0", ",1", 10_000) + ")",
            chain("VALUES (1)", ",(1)", 10_000),
        ];
        for sql in &accepted {
            db.query(sql, &[]).unwrap_or_else(|error| panic!("{}: {error}", &sql[..sql.len().min(60)]));
        }
        for sql in [
            chain("SELECT 1", "+1", 20_000),
            chain("SELECT 1", " UNION ALL SELECT 1", 10_000),
            chain("SELECT 1 WHERE true", " OR true", 100_000),
            chain("CREATE TABLE t (a int CHECK (a", "+1", 5_000) + " > 0))",
            chain("CREATE VIEW deeper AS SELECT 1", "+1", 5_000),
            chain("EXECUTE p(1", "+1", 5_000) + ")",
            chain("SELECT ", "NOT ", 5_000) + "true",
            chain("SELECT ", "(", 5_000),
        ] {
            let error = db.query(&sql, &[]).unwrap_err();
            assert_eq!(error.state, types::SqlState::StatementTooComplex, "{}", &sql[..sql.len().min(60)]);
        }
    }
}
