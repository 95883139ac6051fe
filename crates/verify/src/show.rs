//! A verdict as text for people and as JSON for programs.
//!
//! What a proof contains was written by strangers: whatever could steer a terminal or forge a line is quoted.

use crate::Verdict;
use crate::report::{Column, Report, Seen, Shown, Statement, Transaction, Version};
use proof::layout::Op;
use proof::text::{base64_encode, hex_encode};
use serde_json::{Map, Value as Json, json};
use std::fmt::{self, Display, Write};
use types::{DataType, TextSettings, Value};

/// The text of `stele-verify`.
impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Proven(report) => report.fmt(f),
            Verdict::Rejected(reason) => writeln!(f, "REJECTED: {}", safe(reason)),
            Verdict::Unreadable(reason) => writeln!(f, "UNREADABLE: {}", safe(reason)),
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checkpoint = &self.checkpoint;
        match &self.statement {
            Statement::Transaction(transaction) => {
                writeln!(f, "PROVEN: transaction {} is in the log.", transaction.tx_id)?;
                show_transaction(transaction, f)?;
            }
            Statement::Row(version) => {
                writeln!(f, "PROVEN: transaction {} {}.", version.transaction.tx_id, did(version))?;
                show_version(version, f)?;
                show_missing_names(std::slice::from_ref(version), f)?;
                writeln!(f, "Later changes of the row are not excluded.")?;
            }
            Statement::History(versions) => {
                let last = versions.first().map_or(0, |version| version.transaction.tx_id);
                let count = versions.len();
                writeln!(
                    f,
                    "PROVEN: the history of a row, {count} versions back to its insert, up to transaction {last}."
                )?;
                for version in versions {
                    writeln!(f, "Transaction {} {}:", version.transaction.tx_id, did(version))?;
                    show_version(version, f)?;
                }
                show_missing_names(versions, f)?;
                writeln!(f, "Later changes of the row are not excluded.")?;
            }
            Statement::Extends { old_size, .. } => {
                writeln!(
                    f,
                    "PROVEN: the log of {} transactions extends the known one of {old_size}.",
                    checkpoint.size
                )?;
            }
            Statement::Fork { other } => {
                writeln!(
                    f,
                    "PROVEN: the log {} was forked. Its key signed both of these, and both cannot be true:",
                    safe(&other.origin)
                )?;
                writeln!(f, "  size {}, root {}", other.size, base64_encode(&other.root))?;
            }
        }
        writeln!(
            f,
            "Checkpoint: {}, size {}, root {}.",
            safe(&checkpoint.origin),
            checkpoint.size,
            base64_encode(&checkpoint.root)
        )?;
        match (self.standing, &self.statement) {
            (_, Statement::Extends { .. } | Statement::Fork { .. }) => Ok(()),
            (Seen::Same, _) => writeln!(f, "It is the trust file's own checkpoint."),
            (Seen::Connected, _) => writeln!(f, "It is consistent with the trust file's checkpoint."),
            (Seen::Never, _) => writeln!(
                f,
                "NOT CHECKED: the trust file has no checkpoint, so a fork of the log would not be noticed."
            ),
            (Seen::Unconnected { newer }, _) => writeln!(
                f,
                "NOT CHECKED: it is {} than the trust file's checkpoint; that both are of one log takes a consistency proof (--consistency).",
                if newer { "newer" } else { "older" }
            ),
        }
    }
}

fn did(version: &Version) -> String {
    let verb = match version.op {
        Op::Insert => "inserted",
        Op::Update => "updated",
        Op::Delete => "deleted",
    };
    match &version.table {
        Some(table) => format!("{verb} a row of table {}", safe(table)),
        None => format!("{verb} a row of object {}", version.object),
    }
}

fn show_transaction(transaction: &Transaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "  committed {} by the server's clock", time(transaction.commit_time))?;
    writeln!(
        f,
        "  {} row changes{}",
        transaction.entry_count,
        if transaction.system { ", by the system" } else { "" }
    )?;
    show_meta(transaction, f)
}

fn show_meta(transaction: &Transaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (name, text) in transaction.meta.iter().flatten() {
        writeln!(f, "  {name} {}", safe(text))?;
    }
    Ok(())
}

fn show_version(version: &Version, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "  committed {} by the server's clock", time(version.transaction.commit_time))?;
    show_meta(&version.transaction, f)?;
    match version.prev_tx {
        0 => writeln!(f, "  first entry of its key")?,
        prev_tx => writeln!(f, "  follows transaction {prev_tx}")?,
    }
    match &version.key {
        Some(key) => match &key.text {
            Some(text) => writeln!(f, "  key {}", safe(text))?,
            None => writeln!(f, "  key \\x{}", hex_encode(&key.bytes))?,
        },
        None => writeln!(f, "  key hidden")?,
    }
    let columns = version.columns.iter().flatten();
    let width = columns.clone().map(|column| label(column).chars().count()).max().unwrap_or(0);
    for column in columns {
        let label = label(column);
        match &column.shown {
            Shown::Hidden => writeln!(f, "    {label:width$} hidden")?,
            Shown::Null => writeln!(f, "    {label:width$} is NULL")?,
            Shown::Text(text) => writeln!(f, "    {label:width$} = {}", safe(text))?,
            Shown::Bytes(code, bytes) => {
                writeln!(f, "    {label:width$} = \\x{} (type {code:#04x})", hex_encode(bytes))?
            }
        }
    }
    Ok(())
}

fn show_missing_names(versions: &[Version], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if versions.iter().any(Version::lacks_descriptor) {
        writeln!(
            f,
            "Columns are numbered: the proof does not have the table's descriptor, so their names are not proven."
        )?;
    }
    Ok(())
}

fn label(column: &Column) -> String {
    match &column.name {
        Some(name) => safe(name),
        None => format!("#{}", column.id),
    }
}

fn time(microseconds: i64) -> String {
    let mut text = String::new();
    types::text::format(
        &Value::Timestamp(microseconds),
        DataType::TimestampTz,
        &TextSettings::default(),
        &mut text,
    );
    text
}

/// Text of strangers on a line of ours: as it is, or quoted if it holds anything that does not simply print.
fn safe(text: &str) -> String {
    let plain = |c: char| !c.is_control() && !is_format(c);
    if text.chars().all(plain) && !text.starts_with('"') {
        return text.to_string();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if plain(c) => out.push(c),
            c => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
        }
    }
    out.push('"');
    out
}

/// Characters that turn the direction of text, join or vanish.
fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

impl Verdict {
    /// The same as JSON. 64-bit numbers are strings; values are PostgreSQL's text.
    pub fn to_json(&self) -> Json {
        match self {
            Verdict::Proven(report) => report_json(report),
            Verdict::Rejected(reason) => json!({"verdict": "rejected", "reason": reason}),
            Verdict::Unreadable(reason) => json!({"verdict": "unreadable", "reason": reason}),
        }
    }
}

fn report_json(report: &Report) -> Json {
    let checkpoint = |checkpoint: &proof::checkpoint::Checkpoint| {
        json!({
            "origin": checkpoint.origin,
            "size": checkpoint.size.to_string(),
            "root": base64_encode(&checkpoint.root),
        })
    };
    let (kind, content) = match &report.statement {
        Statement::Transaction(transaction) => {
            ("transaction", json!({"transaction": transaction_json(transaction)}))
        }
        Statement::Row(version) => ("row", json!({"versions": [version_json(version)]})),
        Statement::History(versions) => {
            ("history", json!({"versions": versions.iter().map(version_json).collect::<Vec<_>>()}))
        }
        Statement::Extends { old_size, .. } => ("consistency", json!({"old_size": old_size.to_string()})),
        Statement::Fork { other } => ("fork", json!({"contradicts": checkpoint(other)})),
    };
    let mut object = Map::new();
    object.insert("verdict".into(), "proven".into());
    object.insert("kind".into(), kind.into());
    object.insert("checkpoint".into(), checkpoint(&report.checkpoint));
    if !matches!(report.statement, Statement::Extends { .. } | Statement::Fork { .. }) {
        let standing = match report.standing {
            Seen::Same => "same",
            Seen::Connected => "consistent",
            Seen::Never => "not checked: no checkpoint in the trust file",
            Seen::Unconnected { .. } => "not checked: needs a consistency proof",
        };
        object.insert("trusted_checkpoint".into(), standing.into());
    }
    if let Json::Object(content) = content {
        object.extend(content);
    }
    Json::Object(object)
}

fn transaction_json(transaction: &Transaction) -> Json {
    let meta = transaction.meta.as_ref().map(|fields| {
        fields.iter().map(|(name, text)| (name.to_string(), Json::from(text.as_str()))).collect::<Map<_, _>>()
    });
    json!({
        "tx_id": transaction.tx_id.to_string(),
        "committed_at": time(transaction.commit_time),
        "entries": transaction.entry_count,
        "system": transaction.system,
        "meta": meta,
    })
}

fn version_json(version: &Version) -> Json {
    let op = match version.op {
        Op::Insert => "insert",
        Op::Update => "update",
        Op::Delete => "delete",
    };
    json!({
        "transaction": transaction_json(&version.transaction),
        "op": op,
        "object": version.object,
        "table": version.table,
        "prev_tx": version.prev_tx.to_string(),
        "key": version.key.as_ref().map(|key| json!({"bytes": hex_encode(&key.bytes), "text": key.text})),
        "columns": version.columns.as_ref().map(|columns| columns.iter().map(column_json).collect::<Vec<_>>()),
    })
}

fn column_json(column: &Column) -> Json {
    let mut object = Map::new();
    object.insert("id".into(), column.id.into());
    object.insert("name".into(), column.name.clone().into());
    match &column.shown {
        Shown::Hidden => object.insert("hidden".into(), true.into()),
        Shown::Null => object.insert("value".into(), Json::Null),
        Shown::Text(text) => object.insert("value".into(), text.as_str().into()),
        Shown::Bytes(code, bytes) => {
            object.insert("type".into(), (*code).into());
            object.insert("bytes".into(), hex_encode(bytes).into())
        }
    };
    Json::Object(object)
}
