//! `c2sp.org/tlog-proof@v1`:
//!
//! ```text
//!   c2sp.org/tlog-proof@v1
//!   extra <base64 of what binary.rs writes>
//!   index <the transaction's number>
//!   <base64 hash>                             the audit path, from the leaf's sibling upwards
//!
//!   <checkpoint>
//! ```

use super::{Bundle, binary};
use crate::checkpoint::SignedCheckpoint;
use crate::hash::Hash;
use crate::rejection::{Rejection, rejected, unreadable};
use crate::text::{base64_decode, base64_encode, hash_decode, number_decode};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

pub const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

pub fn write(bundle: &Bundle) -> String {
    let extra = base64_encode(&binary::write(bundle.kind, &bundle.links, &bundle.descriptors));
    let mut out = format!("{FIRST_LINE}\nextra {extra}\n");
    // A bundle has a first link; writing to a string cannot fail.
    if let Some(link) = bundle.links.first() {
        let _ = writeln!(out, "index {}", link.transaction.tx_id);
        for hash in &link.log_path {
            out.push_str(&base64_encode(hash));
            out.push('\n');
        }
    }
    let _ = write!(out, "\n{}", bundle.checkpoint);
    out
}

pub fn read(file: &str) -> Result<Bundle, Rejection> {
    let (head, note) = match file.split_once("\n\n") {
        Some(parts) => parts,
        None => return unreadable("not a proof: there is no checkpoint"),
    };
    let mut lines = head.split('\n');
    if lines.next() != Some(FIRST_LINE) {
        return unreadable(format!("not a proof: the first line is not {FIRST_LINE}"));
    }
    let extra = match lines.next().and_then(|line| line.strip_prefix("extra ")) {
        Some(extra) => base64_decode(extra)?,
        None => return unreadable("a proof without its extra line, which says what is proven"),
    };
    let index = match lines.next().and_then(|line| line.strip_prefix("index ")) {
        Some(index) => number_decode(index)?,
        None => return unreadable("a proof without its index line"),
    };
    let path = lines.map(hash_decode).collect::<Result<Vec<Hash>, Rejection>>()?;
    let (kind, links, descriptors) = binary::read(&extra, path)?;
    if links.first().map(|link| link.transaction.tx_id) != Some(index) {
        return rejected("the proof's index is not its transaction's number");
    }
    Ok(Bundle { kind, links, descriptors, checkpoint: SignedCheckpoint::parse(note)? })
}
