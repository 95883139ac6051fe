//! A bundle as one line of JSON, for programs. The same content as the text, field by field; nothing here is hashed,
//! T and E are rebuilt from their fields.
//!
//! Only our own spelling is read (order of members, no whitespace): a reader of general JSON would accept many files
//! that say the same, and differ from others' readers on the rest.

use super::{Bundle, Cell, Change, Content, DisclosedKey, DisclosedMeta, Kind, Link, Row};
use crate::checkpoint::SignedCheckpoint;
use crate::hash::{Hash, NO_ROW};
use crate::layout::{Entry, Op, Transaction};
use crate::rejection::{Rejection, unreadable};
use crate::text::{base64_decode, base64_encode, hex_decode, hex_encode};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::str::FromStr;

const KINDS: [(Kind, &str); 3] =
    [(Kind::Transaction, "transaction"), (Kind::Row, "row"), (Kind::History, "history")];
const OPS: [(Op, &str); 3] = [(Op::Insert, "insert"), (Op::Update, "update"), (Op::Delete, "delete")];

pub fn write(bundle: &Bundle) -> String {
    let kind = KINDS.iter().find(|(kind, _)| *kind == bundle.kind).map_or("", |(_, name)| name);
    let checkpoint = quote(&bundle.checkpoint.to_string());
    format!(
        "{{\"stele\":1,\"kind\":\"{kind}\",\"links\":{},\"descriptors\":{},\"checkpoint\":{checkpoint}}}\n",
        list(&bundle.links, write_link),
        list(&bundle.descriptors, write_link),
    )
}

pub fn read(file: &str) -> Result<Bundle, Rejection> {
    let mut json = Cursor(file);
    json.expect("{\"stele\":1,\"kind\":")?;
    let kind = json.one_of(&KINDS)?;
    json.expect(",\"links\":")?;
    let links = json.list(read_link)?;
    json.expect(",\"descriptors\":")?;
    let descriptors = json.list(read_link)?;
    json.expect(",\"checkpoint\":")?;
    let checkpoint = SignedCheckpoint::parse(&json.string()?)?;
    json.expect("}\n")?;
    if !json.0.is_empty() {
        return unreadable("a JSON proof with bytes after its end");
    }
    Ok(Bundle { kind, links, descriptors, checkpoint })
}

fn write_link(link: &Link) -> String {
    let Transaction { system, database_id, tx_id, commit_time, entry_count, entries_root, meta_commit } =
        &link.transaction;
    let meta = match &link.meta {
        Some(meta) => format!("{{\"salt\":{},\"bytes\":{}}}", bytes(&meta.salt), bytes(&meta.bytes)),
        None => "null".to_string(),
    };
    let change = match &link.change {
        Some(change) => write_change(change),
        None => "null".to_string(),
    };
    format!(
        "{{\"transaction\":{{\"system\":{system},\"database\":\"{}\",\"tx_id\":\"{tx_id}\",\"commit_time\":\"{commit_time}\",\
         \"entries\":{entry_count},\"entries_root\":{},\"meta_commit\":{}}},\"path\":{},\"meta\":{meta},\"change\":{change}}}",
        hex_encode(database_id),
        bytes(entries_root),
        bytes(meta_commit),
        list(&link.log_path, |hash| bytes(hash)),
    )
}

fn read_link(json: &mut Cursor) -> Result<Link, Rejection> {
    json.expect("{\"transaction\":{\"system\":")?;
    let system = json.bool()?;
    json.expect(",\"database\":")?;
    let database_id = sized(hex_decode(&json.string()?)?)?;
    json.expect(",\"tx_id\":")?;
    let tx_id = json.quoted_number()?;
    json.expect(",\"commit_time\":")?;
    let commit_time = json.quoted_number()?;
    json.expect(",\"entries\":")?;
    let entry_count = json.number()?;
    json.expect(",\"entries_root\":")?;
    let entries_root = json.array()?;
    json.expect(",\"meta_commit\":")?;
    let meta_commit = json.array()?;
    json.expect("},\"path\":")?;
    let log_path = json.list(Cursor::array)?;
    json.expect(",\"meta\":")?;
    let meta = json.optional(|json| {
        json.expect("{\"salt\":")?;
        let salt = json.array()?;
        json.expect(",\"bytes\":")?;
        let bytes = json.bytes()?;
        json.expect("}")?;
        Ok(DisclosedMeta { salt, bytes })
    })?;
    json.expect(",\"change\":")?;
    let change = json.optional(read_change)?;
    json.expect("}")?;
    let transaction =
        Transaction { system, database_id, tx_id, commit_time, entry_count, entries_root, meta_commit };
    Ok(Link { transaction, log_path, meta, change })
}

fn write_change(change: &Change) -> String {
    let Entry { op, object, prev_tx, key_commit, row_commit } = &change.entry;
    let op = OPS.iter().find(|(other, _)| other == op).map_or("", |(_, name)| name);
    let key = match &change.key {
        Some(key) => format!("{{\"salt\":{},\"bytes\":{}}}", bytes(&key.salt), bytes(&key.key)),
        None => "null".to_string(),
    };
    let row = match &change.row {
        Some(row) => format!(
            "{{\"schema_tx\":\"{}\",\"commit\":{},\"cells\":{}}}",
            row.schema_tx,
            bytes(row_commit),
            list(&row.cells, write_cell)
        ),
        None => "null".to_string(),
    };
    format!(
        "{{\"op\":\"{op}\",\"object\":{object},\"prev_tx\":\"{prev_tx}\",\"key_commit\":{},\"index\":{},\"path\":{},\"key\":{key},\"row\":{row}}}",
        bytes(key_commit),
        change.entry_index,
        list(&change.entries_path, |hash| bytes(hash)),
    )
}

fn read_change(json: &mut Cursor) -> Result<Change, Rejection> {
    json.expect("{\"op\":")?;
    let op = json.one_of(&OPS)?;
    json.expect(",\"object\":")?;
    let object = json.number()?;
    json.expect(",\"prev_tx\":")?;
    let prev_tx = json.quoted_number()?;
    json.expect(",\"key_commit\":")?;
    let key_commit = json.array()?;
    json.expect(",\"index\":")?;
    let entry_index = json.number()?;
    json.expect(",\"path\":")?;
    let entries_path = json.list(Cursor::array)?;
    json.expect(",\"key\":")?;
    let key = json.optional(|json| {
        json.expect("{\"salt\":")?;
        let salt = json.array()?;
        json.expect(",\"bytes\":")?;
        let key = json.bytes()?;
        json.expect("}")?;
        Ok(DisclosedKey { salt, key })
    })?;
    json.expect(",\"row\":")?;
    let row = json.optional(|json| {
        json.expect("{\"schema_tx\":")?;
        let schema_tx = json.quoted_number()?;
        json.expect(",\"commit\":")?;
        let commit: Hash = json.array()?;
        json.expect(",\"cells\":")?;
        let cells = json.list(read_cell)?;
        json.expect("}")?;
        Ok((commit, Row { schema_tx, cells }))
    })?;
    json.expect("}")?;
    let (row_commit, row) = match row {
        Some((commit, row)) => (commit, Some(row)),
        None => (NO_ROW, None),
    };
    if (op == Op::Delete) != (row_commit == NO_ROW) {
        return unreadable("an entry has a row if and only if it is no delete");
    }
    let entry = Entry { op, object, prev_tx, key_commit, row_commit };
    Ok(Change { entry, entry_index, entries_path, key, row })
}

fn write_cell(cell: &Cell) -> String {
    let column = cell.column;
    match &cell.content {
        Content::Hidden(commit) => format!("{{\"column\":{column},\"hidden\":{}}}", bytes(commit)),
        Content::Disclosed { salt, code, value } => {
            format!(
                "{{\"column\":{column},\"type\":{code},\"salt\":{},\"value\":{}}}",
                bytes(salt),
                bytes(value)
            )
        }
    }
}

fn read_cell(json: &mut Cursor) -> Result<Cell, Rejection> {
    json.expect("{\"column\":")?;
    let column = json.number()?;
    let content = if json.skip(",\"hidden\":") {
        Content::Hidden(json.array()?)
    } else {
        json.expect(",\"type\":")?;
        let code = json.number()?;
        json.expect(",\"salt\":")?;
        let salt = json.array()?;
        json.expect(",\"value\":")?;
        Content::Disclosed { salt, code, value: json.bytes()? }
    };
    json.expect("}")?;
    Ok(Cell { column, content })
}

fn bytes(bytes: &[u8]) -> String {
    format!("\"{}\"", base64_encode(bytes))
}

fn list<T>(items: &[T], mut write: impl FnMut(&T) -> String) -> String {
    let mut out = String::from("[");
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&write(item));
    }
    out.push(']');
    out
}

/// A note has no control characters but newlines.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn sized<const N: usize>(bytes: Vec<u8>) -> Result<[u8; N], Rejection> {
    match bytes.try_into() {
        Ok(array) => Ok(array),
        Err(_) => unreadable(format!("a JSON proof with a field that does not have its {N} bytes")),
    }
}

/// JSON, from the front.
struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn skip(&mut self, literal: &str) -> bool {
        match self.0.strip_prefix(literal) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, literal: &str) -> Result<(), Rejection> {
        if self.skip(literal) { Ok(()) } else { unreadable(format!("a JSON proof without its {literal:?}")) }
    }

    fn string(&mut self) -> Result<String, Rejection> {
        self.expect("\"")?;
        let mut text = String::new();
        let mut escaped = false;
        for (at, c) in self.0.char_indices() {
            match (escaped, c) {
                (false, '"') => {
                    self.0 = &self.0[at + 1..];
                    return Ok(text);
                }
                (false, '\\') => {
                    escaped = true;
                    continue;
                }
                (true, 'n') => text.push('\n'),
                (false, _) | (true, '"' | '\\') => text.push(c),
                (true, _) => break,
            }
            escaped = false;
        }
        unreadable("a JSON proof with a string that is none")
    }

    fn bytes(&mut self) -> Result<Vec<u8>, Rejection> {
        base64_decode(&self.string()?)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Rejection> {
        sized(self.bytes()?)
    }

    fn bool(&mut self) -> Result<bool, Rejection> {
        if self.skip("true") {
            return Ok(true);
        }
        self.expect("false").map(|()| false)
    }

    fn number<T: FromStr>(&mut self) -> Result<T, Rejection> {
        let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        parse(digits)
    }

    fn quoted_number<T: FromStr>(&mut self) -> Result<T, Rejection> {
        parse(&self.string()?)
    }

    fn one_of<T: Copy>(&mut self, names: &[(T, &str)]) -> Result<T, Rejection> {
        let name = self.string()?;
        match names.iter().find(|(_, other)| *other == name) {
            Some((value, _)) => Ok(*value),
            None => unreadable("a JSON proof with an unknown word"),
        }
    }

    fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Rejection>,
    ) -> Result<Option<T>, Rejection> {
        if self.skip("null") { Ok(None) } else { read(self).map(Some) }
    }

    fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Rejection>,
    ) -> Result<Vec<T>, Rejection> {
        self.expect("[")?;
        let mut items = Vec::new();
        if self.skip("]") {
            return Ok(items);
        }
        loop {
            items.push(read(self)?);
            if self.skip("]") {
                return Ok(items);
            }
            self.expect(",")?;
        }
    }
}

/// Numbers that are not canonical are caught when the bundle is written again.
fn parse<T: FromStr>(digits: &str) -> Result<T, Rejection> {
    match digits.parse() {
        Ok(number) => Ok(number),
        Err(_) => unreadable("a JSON proof with a number that is none"),
    }
}
