//! A bundle's content, but for what the C2SP text already carries, as bytes: the `extra` line.
//!
//! ```text
//!   extra      tag `stele1tp`, `stele1rp`, `stele1hp` by kind ‖ u32 links ‖ link ‖ (path ‖ link)* ‖ u32 descriptors ‖ (path ‖ link)*
//!   path       u8 count ‖ hash 32 *
//!   link       T 112 ‖ optional(salt 32 ‖ v32 meta) ‖ optional(change)
//!   change     E 86 ‖ u32 entry index ‖ path ‖ optional(salt 16 ‖ v32 key) ‖ row, but for a delete
//!   row        u64 schema_tx ‖ u16 count ‖ cell *
//!   cell       u32 column ‖ (u8 0 ‖ commitment 32  or  u8 1 ‖ salt 16 ‖ u8 type ‖ v32 value)
//!   optional   u8 0  or  u8 1 ‖ content
//! ```
//! The first link's path to the log's root is the text's own.

use super::{Cell, Change, Content, DisclosedKey, DisclosedMeta, Kind, Link, Row};
use crate::hash::Hash;
use crate::layout::{ENTRY_BYTES, Entry, Op, TRANSACTION_BYTES, Transaction};
use crate::reader::Reader;
use crate::rejection::{Rejection, unreadable};
use alloc::vec::Vec;

/// Transaction, row, history. In base64 the last two differ in two characters: a row's first version is its whole
/// history too, and no single altered byte may turn the one true statement into the other.
const TAGS: [(Kind, &[u8; 8]); 3] =
    [(Kind::Transaction, b"stele1tp"), (Kind::Row, b"stele1rp"), (Kind::History, b"stele1hp")];

pub fn write(kind: Kind, links: &[Link], descriptors: &[Link]) -> Vec<u8> {
    let mut out = Vec::new();
    TAGS.iter().filter(|(other, _)| *other == kind).for_each(|(_, tag)| out.extend_from_slice(&tag[..]));
    out.extend_from_slice(&(links.len() as u32).to_be_bytes());
    for (at, link) in links.iter().enumerate() {
        if at > 0 {
            write_path(&link.log_path, &mut out);
        }
        write_link(link, &mut out);
    }
    out.extend_from_slice(&(descriptors.len() as u32).to_be_bytes());
    for link in descriptors {
        write_path(&link.log_path, &mut out);
        write_link(link, &mut out);
    }
    out
}

/// Kind, links, descriptors.
pub fn read(extra: &[u8], first_path: Vec<Hash>) -> Result<(Kind, Vec<Link>, Vec<Link>), Rejection> {
    let mut reader = Reader::new(extra);
    let tag = reader.array()?;
    let kind = match TAGS.iter().find(|(_, other)| **other == tag) {
        Some((kind, _)) => *kind,
        None => return unreadable("a proof of a transparency log, but of no kind that is known here"),
    };
    let count = reader.u32()?;
    if count == 0 {
        return unreadable("a proof of nothing");
    }
    let mut links = alloc::vec![read_link(&mut reader, first_path)?];
    for _ in 1..count {
        let path = read_path(&mut reader)?;
        links.push(read_link(&mut reader, path)?);
    }
    let mut descriptors = Vec::new();
    for _ in 0..reader.u32()? {
        let path = read_path(&mut reader)?;
        descriptors.push(read_link(&mut reader, path)?);
    }
    if !reader.is_empty() {
        return unreadable("a proof with bytes after its end");
    }
    Ok((kind, links, descriptors))
}

fn write_link(link: &Link, out: &mut Vec<u8>) {
    out.extend_from_slice(&link.transaction.encode());
    out.push(u8::from(link.meta.is_some()));
    if let Some(meta) = &link.meta {
        out.extend_from_slice(&meta.salt);
        write_variable(&meta.bytes, out);
    }
    out.push(u8::from(link.change.is_some()));
    if let Some(change) = &link.change {
        write_change(change, out);
    }
}

fn read_link(reader: &mut Reader, log_path: Vec<Hash>) -> Result<Link, Rejection> {
    let transaction = Transaction::decode(reader.take(TRANSACTION_BYTES)?)?;
    let meta = match reader.flag()? {
        true => Some(DisclosedMeta { salt: reader.array()?, bytes: reader.variable()?.to_vec() }),
        false => None,
    };
    let change = match reader.flag()? {
        true => Some(read_change(reader)?),
        false => None,
    };
    Ok(Link { transaction, log_path, meta, change })
}

fn write_change(change: &Change, out: &mut Vec<u8>) {
    out.extend_from_slice(&change.entry.encode());
    out.extend_from_slice(&change.entry_index.to_be_bytes());
    write_path(&change.entries_path, out);
    out.push(u8::from(change.key.is_some()));
    if let Some(key) = &change.key {
        out.extend_from_slice(&key.salt);
        write_variable(&key.key, out);
    }
    if let Some(row) = &change.row {
        out.extend_from_slice(&row.schema_tx.to_be_bytes());
        out.extend_from_slice(&(row.cells.len() as u16).to_be_bytes());
        row.cells.iter().for_each(|cell| write_cell(cell, out));
    }
}

fn read_change(reader: &mut Reader) -> Result<Change, Rejection> {
    let entry = Entry::decode(reader.take(ENTRY_BYTES)?)?;
    let entry_index = reader.u32()?;
    let entries_path = read_path(reader)?;
    let key = match reader.flag()? {
        true => Some(DisclosedKey { salt: reader.array()?, key: reader.variable()?.to_vec() }),
        false => None,
    };
    let row = match entry.op {
        Op::Delete => None,
        Op::Insert | Op::Update => {
            let schema_tx = reader.u64()?;
            let mut cells = Vec::new();
            for _ in 0..reader.u16()? {
                cells.push(read_cell(reader)?);
            }
            Some(Row { schema_tx, cells })
        }
    };
    Ok(Change { entry, entry_index, entries_path, key, row })
}

fn write_cell(cell: &Cell, out: &mut Vec<u8>) {
    out.extend_from_slice(&cell.column.to_be_bytes());
    match &cell.content {
        Content::Hidden(commit) => {
            out.push(0);
            out.extend_from_slice(commit);
        }
        Content::Disclosed { salt, code, value } => {
            out.push(1);
            out.extend_from_slice(salt);
            out.push(*code);
            write_variable(value, out);
        }
    }
}

fn read_cell(reader: &mut Reader) -> Result<Cell, Rejection> {
    let column = reader.u32()?;
    let content = match reader.flag()? {
        false => Content::Hidden(reader.array()?),
        true => Content::Disclosed {
            salt: reader.array()?,
            code: reader.u8()?,
            value: reader.variable()?.to_vec(),
        },
    };
    Ok(Cell { column, content })
}

fn write_path(path: &[Hash], out: &mut Vec<u8>) {
    out.push(path.len() as u8);
    path.iter().for_each(|hash| out.extend_from_slice(hash));
}

fn read_path(reader: &mut Reader) -> Result<Vec<Hash>, Rejection> {
    let count = reader.u8()?;
    (0..count).map(|_| reader.array()).collect()
}

fn write_variable(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}
