//! A database in memory, a binder of very small expressions, and short ways to say what a test means.

use catalog::{
    Access, Begin, ColumnCache, Database, Insert, Options, RowKey, ScanRequest, Transaction, Versions,
};
use expr::{Binder, Expr};
use host::Host;
use kv::store::IndexEngine;
use kv::{Isolation, LockStrength, LockWait, Meta};
use std::path::Path;
use std::sync::Arc;
use types::ddl::{
    AlterTable, ColumnDefinition, ConstraintDefinition, ConstraintDefinitionKind, CreateIndex, CreateTable,
    Ddl, IndexColumnDefinition, Name, ObjectKind,
};
use types::schema::{Action, Relation, Schema};
use types::{Batch, ColumnType, DataType, Error, Result, TextSettings, Value};

pub const USER: u32 = 10;

/// `a > 0 and lower(b) = 'x'`: columns, integers, strings, calls, the infix operators, and brackets.
pub struct TinyBinder;

impl Binder for TinyBinder {
    fn bind(&self, sql: &str, relation: &Relation, ty: Option<ColumnType>) -> Result<Expr> {
        let tokens = tokens(sql);
        let mut parser = Parser { tokens: &tokens, relation };
        let expr = parser.expression(0)?;
        assert!(parser.tokens.is_empty(), "left over in {sql}: {:?}", parser.tokens);
        Ok(match ty {
            Some(ty) if ty.data_type != expr.data_type() => cast(expr, ty),
            _ => expr,
        })
    }
}

fn cast(input: Expr, to: ColumnType) -> Expr {
    Expr::Cast { input: Box::new(input), to, explicit: false }
}

fn tokens(sql: &str) -> Vec<String> {
    let characters: Vec<char> = sql.chars().collect();
    let (mut out, mut at) = (vec![], 0);
    while at < characters.len() {
        let c = characters[at];
        let length = if c.is_whitespace() {
            at += 1;
            continue;
        } else if c == '\'' {
            characters[at + 1..].iter().position(|c| *c == '\'').unwrap() + 2
        } else if c == '"' {
            characters[at + 1..].iter().position(|c| *c == '"').unwrap() + 2
        } else if c.is_alphanumeric() || c == '_' {
            characters[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').count()
        } else if "<>=!:".contains(c) {
            characters[at..].iter().take_while(|c| "<>=!:".contains(**c)).count()
        } else {
            1
        };
        out.push(characters[at..at + length].iter().collect());
        at += length;
    }
    out
}

struct Parser<'a> {
    tokens: &'a [String],
    relation: &'a Relation,
}

impl Parser<'_> {
    fn take(&mut self) -> String {
        let (first, rest) = self.tokens.split_first().expect("an expression goes on");
        self.tokens = rest;
        first.clone()
    }

    fn expression(&mut self, least: u8) -> Result<Expr> {
        let mut left = self.operand()?;
        while let Some(operator) = self.tokens.first().cloned() {
            let rank = match operator.to_lowercase().as_str() {
                "or" => 1,
                "and" => 2,
                "=" | "<" | ">" | "<=" | ">=" | "<>" => 3,
                "+" | "-" => 4,
                "*" | "/" | "%" => 5,
                "::" => 6,
                _ => break,
            };
            if rank <= least {
                break;
            }
            self.take();
            if operator == "::" {
                let to = DataType::from_name(&self.take()).expect("a type");
                left = cast(left, to.into());
                continue;
            }
            let right = self.expression(rank)?;
            left = match operator.to_lowercase().as_str() {
                "or" => Expr::Or(vec![left, right]),
                "and" => Expr::And(vec![left, right]),
                operator => {
                    let found = expr::operator::resolve(operator, Some(left.data_type()), right.data_type())?;
                    call(found, vec![left, right])
                }
            };
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Expr> {
        let token = self.take();
        if token == "(" {
            let inner = self.expression(0)?;
            assert_eq!(self.take(), ")");
            return Ok(inner);
        }
        if let Ok(number) = token.parse::<i32>() {
            return Ok(Expr::constant(Value::Int4(number), DataType::Int4));
        }
        if let Some(text) = token.strip_prefix('\'') {
            return Ok(Expr::constant(Value::text(text.trim_end_matches('\'')), DataType::Text));
        }
        if self.tokens.first().is_some_and(|token| token == "(") {
            self.take();
            let mut args = vec![];
            while self.tokens[0] != ")" {
                args.push(self.expression(0)?);
                if self.tokens[0] == "," {
                    self.take();
                }
            }
            self.take();
            let types = args.iter().map(Expr::data_type).collect::<Vec<_>>();
            return Ok(call(expr::function::resolve(None, &token, &types)?, args));
        }
        let name = token.trim_matches('"');
        let mut columns = self.relation.columns.iter();
        let position = columns.position(|column| !column.dropped && column.name == name);
        let position =
            position.ok_or_else(|| types::err!(UndefinedColumn, "column \"{name}\" does not exist"))?;
        Ok(Expr::column(position, self.relation.columns[position].ty))
    }
}

fn call(found: expr::function::Resolved, args: Vec<Expr>) -> Expr {
    let args = args.into_iter().zip(&found.arguments);
    let args = args.map(|(arg, ty)| if arg.data_type() == *ty { arg } else { cast(arg, (*ty).into()) });
    Expr::Call { function: found.function, args: args.collect(), ty: found.returns.into() }
}

pub fn open(host: &Host) -> Database {
    open_in(host, Path::new("/db"), IndexEngine::Memory)
}

pub fn open_in(host: &Host, dir: &Path, index: IndexEngine) -> Database {
    // Small groups, so that a test meets many.
    open_with(host, dir, index, ColumnCache { group_rows: 16, ..ColumnCache::default() })
}

pub fn open_with(host: &Host, dir: &Path, index: IndexEngine, columns: ColumnCache) -> Database {
    let ledger = kv::ledger::LedgerOptions {
        origin: "test.example/db".into(),
        create: true,
        accept_missing_checkpoint: false,
        accept_clock: false,
        segment_size_bytes: 1 << 20,
        progress: None,
    };
    let store = kv::store::Options {
        ledger,
        index,
        index_cache_bytes: 1 << 20,
        transaction_memory_bytes: 1 << 20,
        derive: Arc::new(kv::NoDerive),
    };
    Database::open(host.clone(), dir, Options { store, columns, binder: Arc::new(TinyBinder) }).unwrap()
}

pub fn memory() -> (Host, Database) {
    let host = Host::memory(7);
    let database = open(&host);
    (host, database)
}

pub fn begin(database: &Database) -> Box<Transaction> {
    begin_at(database, Isolation::ReadCommitted)
}

pub fn begin_at(database: &Database, isolation: Isolation) -> Box<Transaction> {
    let mut transaction =
        database.begin(Begin { isolation, read_only: false, as_of: None }).expect("a transaction");
    transaction.begin_statement(&TextSettings::default()).expect("a statement");
    transaction
}

pub fn commit(mut transaction: Box<Transaction>) -> Result<u64> {
    transaction.end_statement()?;
    Ok(transaction.commit(Meta::default(), true)?.tx.unwrap_or(0))
}

/// Runs one statement in a transaction of its own; the number of its commit.
pub fn run<T>(database: &Database, work: impl FnOnce(&mut Transaction) -> Result<T>) -> Result<u64> {
    let mut transaction = begin(database);
    work(&mut transaction)?;
    commit(transaction)
}

pub fn ddl(database: &Database, ddl: Ddl) -> Result<u64> {
    run(database, |transaction| transaction.apply(&ddl, USER))
}

pub fn notices(database: &Database, ddl: Ddl) -> Vec<String> {
    let mut transaction = begin(database);
    let notices = transaction.apply(&ddl, USER).unwrap();
    commit(transaction).unwrap();
    notices.into_iter().map(|notice| notice.message.clone()).collect()
}

/// `42P07: relation "t" already exists | DETAIL | HINT`
pub fn said<T>(result: Result<T>) -> String {
    let error: Error = result.err().expect("an error");
    let mut out = format!("{}: {}", error.state.code(), error.message);
    if let Some(detail) = &error.detail {
        out.push_str(&format!(" | {detail}"));
    }
    if let Some(hint) = &error.hint {
        out.push_str(&format!(" | {hint}"));
    }
    out
}

pub fn name(text: &str) -> Name {
    match text.split_once('.') {
        Some((schema, name)) => Name { schema: Some(schema.into()), name: name.into() },
        None => Name { schema: None, name: text.into() },
    }
}

/// `a int4 not null`, `b text default 'x'`, `c serial`.
pub fn column(text: &str) -> ColumnDefinition {
    let (head, default) = match text.split_once(" default ") {
        Some((head, default)) => (head, Some(default.to_owned())),
        None => (text, None),
    };
    let mut words = head.split(' ');
    let name = words.next().unwrap().to_owned();
    let ty = words.next().unwrap();
    let serial = ty == "serial";
    let (base, length) = match ty.split_once('(') {
        Some((base, length)) => (base, length.trim_end_matches(')').parse::<i32>().unwrap() + 4),
        None => (ty, -1),
    };
    let data_type = if serial { DataType::Int4 } else { DataType::from_name(base).expect("a type") };
    let constant_default = default.as_ref().and_then(|default| match default.parse::<i32>() {
        Ok(number) => Some(Value::Int4(number)),
        Err(_) => default.strip_prefix('\'').map(|text| Value::text(text.trim_end_matches('\''))),
    });
    ColumnDefinition {
        name,
        ty: ColumnType::new(data_type, length),
        not_null: head.ends_with("not null") || serial,
        default,
        constant_default,
        identity: None,
        serial,
    }
}

/// `primary key a,b`, `unique a`, `check a > 0` (over a), `a references p`, `a references p on delete cascade deferred`.
pub fn constraint(text: &str) -> ConstraintDefinition {
    let list = |text: &str| text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
    let (given, text) = match text.strip_prefix("constraint ").and_then(|text| text.split_once(' ')) {
        Some((name, rest)) => (Some(name.to_owned()), rest),
        None => (None, text),
    };
    let kind = if let Some(columns) = text.strip_prefix("primary key ") {
        ConstraintDefinitionKind::PrimaryKey(list(columns))
    } else if let Some(columns) = text.strip_prefix("unique ") {
        ConstraintDefinitionKind::Unique(list(columns))
    } else if let Some(expression) = text.strip_prefix("check ") {
        let first = expression.split(' ').next().unwrap().to_owned();
        ConstraintDefinitionKind::Check { expression: expression.into(), columns: vec![first] }
    } else {
        let (columns, rest) = text.split_once(" references ").expect("a constraint");
        let (target, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let (target, target_columns) = match target.split_once('(') {
            Some((target, columns)) => (target, list(columns.trim_end_matches(')'))),
            None => (target, vec![]),
        };
        let action = |event: &str| match rest.split_once(&format!("on {event} ")) {
            Some((_, rest)) if rest.starts_with("cascade") => Action::Cascade,
            Some((_, rest)) if rest.starts_with("set null") => Action::SetNull,
            Some((_, rest)) if rest.starts_with("set default") => Action::SetDefault,
            Some((_, rest)) if rest.starts_with("restrict") => Action::Restrict,
            _ => Action::NoAction,
        };
        ConstraintDefinitionKind::ForeignKey {
            columns: list(columns),
            target: name(target),
            target_columns,
            on_delete: action("delete"),
            on_update: action("update"),
            match_full: rest.contains("full"),
            deferrable: rest.contains("defer"),
            initially_deferred: rest.contains("deferred"),
        }
    };
    ConstraintDefinition { name: given, kind }
}

pub fn create(table: &str, columns: &[&str], constraints: &[&str]) -> Ddl {
    Ddl::CreateTable(CreateTable {
        name: name(table),
        if_not_exists: false,
        columns: columns.iter().map(|text| column(text)).collect(),
        constraints: constraints.iter().map(|text| constraint(text)).collect(),
        append_only: false,
    })
}

pub fn alter(table: &str, action: AlterTable) -> Ddl {
    Ddl::AlterTable { name: name(table), if_exists: false, actions: vec![action] }
}

pub fn add_constraint(table: &str, text: &str) -> Ddl {
    alter(table, AlterTable::AddConstraint { constraint: constraint(text), not_valid: false })
}

pub fn add_column(table: &str, text: &str) -> Ddl {
    alter(table, AlterTable::AddColumn { column: column(text), constraints: vec![], if_not_exists: false })
}

pub fn drop_column(table: &str, column: &str) -> Ddl {
    alter(table, AlterTable::DropColumn { name: column.into(), if_exists: false, cascade: false })
}

pub fn drop(kind: ObjectKind, names: &[&str], cascade: bool) -> Ddl {
    Ddl::Drop { kind, names: names.iter().map(|text| name(text)).collect(), if_exists: false, cascade }
}

/// `create_index("i", "t", "a, lower(b)", "")`: names are columns, anything with a bracket is text.
pub fn create_index(
    index: &str,
    table: &str,
    unique: bool,
    columns: &[&str],
    predicate: Option<&str>,
) -> Ddl {
    let columns = columns.iter().map(|text| {
        let (text, descending) = match text.strip_suffix(" desc") {
            Some(text) => (text, true),
            None => (*text, false),
        };
        let is_expression = text.contains('(');
        IndexColumnDefinition {
            column: (!is_expression).then(|| text.to_owned()),
            expression: is_expression.then(|| (text.to_owned(), DataType::Text.into())),
            descending,
            nulls_first: descending,
        }
    });
    Ddl::CreateIndex(CreateIndex {
        name: (!index.is_empty()).then(|| index.to_owned()),
        table: name(table),
        unique,
        if_not_exists: false,
        columns: columns.collect(),
        predicate: predicate.map(str::to_owned),
    })
}

pub fn schema(transaction: &Transaction) -> Arc<dyn Schema> {
    transaction.schema(&["public".to_owned()], USER)
}

pub fn table(transaction: &Transaction, text: &str) -> Arc<Relation> {
    let Name { schema: qualifier, name } = name(text);
    schema(transaction).relation(qualifier.as_deref(), &name).unwrap().unwrap_or_else(|| panic!("no {text}"))
}

pub fn int(value: i32) -> Value {
    Value::Int4(value)
}

pub fn text(value: &str) -> Value {
    Value::text(value)
}

pub fn insert(transaction: &mut Transaction, name: &str, row: &[Value]) -> Result<()> {
    let relation = table(transaction, name);
    // Dropped columns are NULL.
    let mut values = row.iter();
    let whole = relation.columns.iter().map(|column| match column.dropped {
        true => Value::Null,
        false => values.next().cloned().unwrap_or(Value::Null),
    });
    match transaction.insert(&relation, &whole.collect::<Vec<_>>(), None)? {
        Insert::Done(_) => Ok(()),
        Insert::Conflict(..) => panic!("a conflict that nobody asked for"),
    }
}

pub fn insert_all(database: &Database, name: &str, rows: &[&[Value]]) -> Result<u64> {
    run(database, |transaction| rows.iter().try_for_each(|row| insert(transaction, name, row)))
}

pub fn request(relation: &Arc<Relation>) -> ScanRequest {
    ScanRequest {
        relation: relation.clone(),
        columns: relation.live().map(|column| column.id).collect(),
        access: Access::All,
        backward: false,
        versions: Versions::Snapshot,
    }
}

pub fn scan(transaction: &Transaction, request: &ScanRequest) -> Result<(Vec<Vec<Value>>, Vec<RowKey>)> {
    let mut scan = transaction.scan(request)?;
    let (mut rows, mut keys) = (vec![], vec![]);
    let (mut batch, mut batch_keys) = (Batch::default(), vec![]);
    while scan.next(&mut batch, Some(&mut batch_keys), 3)? {
        rows.extend((0..batch.rows).map(|row| batch.row(row)));
        keys.append(&mut batch_keys);
    }
    assert!(batch.is_empty());
    Ok((rows, keys))
}

/// Live columns of all rows.
pub fn rows(transaction: &Transaction, name: &str) -> Vec<Vec<Value>> {
    scan(transaction, &request(&table(transaction, name))).unwrap().0
}

pub fn all(database: &Database, name: &str) -> Vec<Vec<Value>> {
    rows(&begin(database), name)
}

/// Rows by `relation.columns`, with their keys.
fn whole_rows(transaction: &Transaction, relation: &Arc<Relation>) -> Vec<(RowKey, Vec<Value>)> {
    let (live, keys) = scan(transaction, &request(relation)).unwrap();
    let whole = live.into_iter().map(|row| {
        let mut row = row.into_iter();
        relation.columns.iter().map(|c| if c.dropped { Value::Null } else { row.next().unwrap() }).collect()
    });
    keys.into_iter().zip(whole).collect()
}

/// UPDATE of the rows whose first live column equals `first`.
pub fn update(
    transaction: &mut Transaction,
    name: &str,
    first: &Value,
    change: impl Fn(&mut Vec<Value>),
) -> Result<()> {
    let relation = table(transaction, name);
    for (key, old) in whole_rows(transaction, &relation) {
        if old.first() == Some(first) {
            transaction.lock_row(&relation, &key, LockStrength::NoKeyUpdate, LockWait::Block)?;
            let mut new = old.clone();
            change(&mut new);
            transaction.update(&relation, &key, &old, &new)?;
        }
    }
    Ok(())
}

pub fn delete(transaction: &mut Transaction, name: &str, first: &Value) -> Result<()> {
    let relation = table(transaction, name);
    for (key, old) in whole_rows(transaction, &relation) {
        if old.first() == Some(first) {
            transaction.lock_row(&relation, &key, LockStrength::Update, LockWait::Block)?;
            transaction.delete(&relation, &key, &old)?;
        }
    }
    Ok(())
}

/// Runs `work` in a transaction and ends the statement, without commit.
pub fn statement(
    transaction: &mut Transaction,
    work: impl FnOnce(&mut Transaction) -> Result<()>,
) -> Result<()> {
    transaction.begin_statement(&TextSettings::default())?;
    work(transaction)?;
    transaction.end_statement()
}
