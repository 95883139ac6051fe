//! A block to the byte. Big-endian.
//!
//! ```text
//! header 120   0 magic `steleblk`   8 u16 format = 1   10 u8 kind   11 u8 body codec   12 u32 body length as kept
//!             16 database id 16    32 u64 slot        40 u64 epoch  48 nonce 16
//!             64 u64 tree size before it = its first transaction's number
//!             72 u32 transactions  76 root before 32  108 u64 last slot known durable when this was written
//!            116 u32 CRC32C of bytes 0..116 and the body
//! body  kind 1, transactions   (u32 length ‖ T 112 ‖ u8 form ‖ content)*    length counts from T on
//!                              form 0: the payload    form 1: u64 stream ‖ u64 payload length ‖ u64 slot of part *
//!       kind 2, part           u64 stream ‖ u32 number ‖ bytes of the payload
//!       kind 3, prepared       reserved
//! ```
//! codec 0, as it is   1, LZ4: u32 length ‖ LZ4 block, where that is shorter by an eighth
//! The checksum is over the body as it is kept. It finds torn writes; tampering is for the tree to find.

use super::Slot;
use super::scan::BLOCK_MAX_BYTES;
use proof::hash::Hash;
use proof::layout::{TRANSACTION_BYTES, Transaction};
use std::borrow::Cow;
use types::TxId;

pub const HEADER_BYTES: usize = 120;
pub const MAGIC: &[u8; 8] = b"steleblk";
const FORMAT: u16 = 1;
const CHECKSUM_AT: usize = 116;

const FORM_INLINE: u8 = 0;
const FORM_IN_PARTS: u8 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Transactions = 1,
    Part = 2,
    Prepared = 3,
}

/// How a body is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Codec {
    None = 0,
    Lz4 = 1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    /// [`close`] decides.
    pub codec: Codec,
    /// As it is kept.
    pub body_bytes: u32,
    pub database_id: [u8; 16],
    pub slot: Slot,
    /// How often the ledger had been opened for writing, and a random number of that opening.
    pub epoch: u64,
    pub nonce: [u8; 16],
    /// The tree's size before this block, which is the number of its first transaction.
    pub first_tx: TxId,
    pub transactions: u32,
    pub root_before: Hash,
    /// Blocks up to this one were durable when this one was written: none of them may be torn.
    pub durable_slot: Slot,
}

impl Header {
    /// The header's fields, if these bytes can start a block. The checksum is [`open`]'s business.
    pub fn decode(bytes: &[u8]) -> Result<Header, String> {
        let bytes: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or("a block's header ends too early")?;
        if &array(bytes, 0) != MAGIC {
            return Err("no block begins here".into());
        }
        let format = u16::from_be_bytes(array(bytes, 8));
        if format != FORMAT {
            return Err(format!("block of unknown format {format}"));
        }
        let kind = match bytes[10] {
            1 => Kind::Transactions,
            2 => Kind::Part,
            3 => Kind::Prepared,
            other => return Err(format!("block of unknown kind {other}")),
        };
        let codec = match bytes[11] {
            0 => Codec::None,
            1 => Codec::Lz4,
            other => return Err(format!("block body in unknown codec {other}")),
        };
        Ok(Header {
            kind,
            codec,
            body_bytes: u32::from_be_bytes(array(bytes, 12)),
            database_id: array(bytes, 16),
            slot: u64::from_be_bytes(array(bytes, 32)),
            epoch: u64::from_be_bytes(array(bytes, 40)),
            nonce: array(bytes, 48),
            first_tx: u64::from_be_bytes(array(bytes, 64)),
            transactions: u32::from_be_bytes(array(bytes, 72)),
            root_before: array(bytes, 76),
            durable_slot: u64::from_be_bytes(array(bytes, 108)),
        })
    }

    /// Header and body.
    pub fn block_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.body_bytes)
    }

    /// The first transaction after this block, if there can be one.
    pub fn end_tx(&self) -> Option<TxId> {
        self.first_tx.checked_add(u64::from(self.transactions))
    }
}

/// Whether these bytes begin a block of a format, kind or codec that this program does not know: a later one wrote it. A
/// torn write leaves zeros there, if it leaves the magic at all.
pub fn is_of_later_program(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER_BYTES
        && bytes.starts_with(MAGIC)
        && bytes[8..10] != [0, 0]
        && bytes[10] != 0
        && Header::decode(bytes).is_err()
}

/// Makes a block of a buffer whose first [`HEADER_BYTES`] are room for the header, and whose rest is the body: compressed
/// where it pays. False if the body is too long for a block.
#[must_use]
pub fn close(header: &Header, buffer: &mut Vec<u8>) -> bool {
    let Some(body) = buffer.get(HEADER_BYTES..) else { return false };
    if body.len() as u64 >= BLOCK_MAX_BYTES {
        return false;
    }
    let codec = match compressed(body) {
        Some(shorter) => {
            buffer.truncate(HEADER_BYTES);
            buffer.extend_from_slice(&shorter);
            Codec::Lz4
        }
        None => Codec::None,
    };
    let (head, body) = buffer.split_at_mut(HEADER_BYTES);
    let body_bytes = body.len() as u32;
    head[..8].copy_from_slice(MAGIC);
    head[8..10].copy_from_slice(&FORMAT.to_be_bytes());
    head[10] = header.kind as u8;
    head[11] = codec as u8;
    head[12..16].copy_from_slice(&body_bytes.to_be_bytes());
    head[16..32].copy_from_slice(&header.database_id);
    head[32..40].copy_from_slice(&header.slot.to_be_bytes());
    head[40..48].copy_from_slice(&header.epoch.to_be_bytes());
    head[48..64].copy_from_slice(&header.nonce);
    head[64..72].copy_from_slice(&header.first_tx.to_be_bytes());
    head[72..76].copy_from_slice(&header.transactions.to_be_bytes());
    head[76..108].copy_from_slice(&header.root_before);
    head[108..116].copy_from_slice(&header.durable_slot.to_be_bytes());
    let checksum = checksum(head, body);
    head[CHECKSUM_AT..].copy_from_slice(&checksum.to_be_bytes());
    true
}

/// T, if it is the one that belongs in this place: of this number and database, committed no earlier than the one before.
pub fn in_place(
    transaction: &[u8; TRANSACTION_BYTES],
    tx: TxId,
    database_id: &[u8; 16],
    last_commit_us: i64,
) -> Result<Transaction, String> {
    let read = Transaction::decode(transaction).map_err(|rejection| rejection.to_string())?;
    if read.tx_id != tx {
        return Err(format!("transaction {} is in its place", read.tx_id));
    }
    if read.database_id != *database_id {
        return Err("it is of another database".into());
    }
    if read.commit_time < last_commit_us {
        return Err("committed before the transaction before it".into());
    }
    Ok(read)
}

/// Below this there is nothing to gain: a small transaction is hashes, mostly.
const COMPRESSED_FROM_BYTES: usize = 512;

/// A body in [`Codec::Lz4`], where that is shorter by an eighth at least.
fn compressed(body: &[u8]) -> Option<Vec<u8>> {
    if body.len() < COMPRESSED_FROM_BYTES {
        return None;
    }
    let mut out = vec![0; 4 + lz4_flex::block::get_maximum_output_size(body.len())];
    out[..4].copy_from_slice(&(body.len() as u32).to_be_bytes());
    let bytes = lz4_flex::block::compress_into(body, &mut out[4..]).ok()?;
    out.truncate(4 + bytes);
    (out.len() <= body.len() - body.len() / 8).then_some(out)
}

fn decompressed(kept: &[u8]) -> Result<Vec<u8>, String> {
    let (length, compressed) = kept.split_first_chunk().ok_or("a compressed body without a length")?;
    let length = u32::from_be_bytes(*length) as usize;
    // A length that lies must not make us reserve memory for it: LZ4 never gains more than 255 times.
    if length as u64 >= BLOCK_MAX_BYTES || length / 255 > compressed.len() {
        return Err(format!("a compressed body that says it is {length} bytes long"));
    }
    match lz4_flex::block::decompress(compressed, length) {
        Ok(body) if body.len() == length => Ok(body),
        Ok(body) => Err(format!("a compressed body of {} bytes, not {length}", body.len())),
        Err(error) => Err(format!("the block's body cannot be decompressed: {error}")),
    }
}

/// A whole block's header, if its length and checksum are right.
pub fn check(block: &[u8]) -> Result<Header, String> {
    checked(block).map(|(header, _)| header)
}

/// A whole block's header and body, if its length and checksum are right.
pub fn open(block: &[u8]) -> Result<(Header, Cow<'_, [u8]>), String> {
    let (header, kept) = checked(block)?;
    Ok((
        header,
        match header.codec {
            Codec::None => Cow::Borrowed(kept),
            Codec::Lz4 => Cow::Owned(decompressed(kept)?),
        },
    ))
}

fn checked(block: &[u8]) -> Result<(Header, &[u8]), String> {
    let header = Header::decode(block)?;
    let (head, body) = block.split_at_checked(HEADER_BYTES).ok_or("a block's header ends too early")?;
    if body.len() as u64 != u64::from(header.body_bytes) {
        return Err(format!("a block of {} bytes, of which {} are there", header.body_bytes, body.len()));
    }
    if checksum(head, body).to_be_bytes() != array(head, CHECKSUM_AT) {
        return Err("the block's checksum does not match".into());
    }
    Ok((header, body))
}

/// The checksum that a block's header holds.
pub fn checksum_of(block: &[u8]) -> u32 {
    let held = block.get(CHECKSUM_AT..).and_then(|rest| rest.first_chunk());
    held.map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

fn checksum(head: &[u8], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&head[..CHECKSUM_AT]), body)
}

/// A transaction as a block holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored<'a> {
    pub transaction: &'a [u8; TRANSACTION_BYTES],
    pub content: Content<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    Inline(&'a [u8]),
    InParts(Parts<'a>),
}

/// Where a large transaction's payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    pub stream: u64,
    pub payload_bytes: u64,
    slots: &'a [u8],
}

impl<'a> Parts<'a> {
    pub fn slots(&self) -> impl ExactSizeIterator<Item = Slot> + use<'a> {
        self.slots.as_chunks::<8>().0.iter().map(|slot| u64::from_be_bytes(*slot))
    }
}

pub fn put_inline(body: &mut Vec<u8>, transaction: &[u8; TRANSACTION_BYTES], payload: &[u8]) {
    put_length(body, payload.len());
    body.extend_from_slice(transaction);
    body.push(FORM_INLINE);
    body.extend_from_slice(payload);
}

pub fn put_in_parts(
    body: &mut Vec<u8>,
    transaction: &[u8; TRANSACTION_BYTES],
    stream: u64,
    payload_bytes: u64,
    slots: &[Slot],
) {
    put_length(body, 16 + 8 * slots.len());
    body.extend_from_slice(transaction);
    body.push(FORM_IN_PARTS);
    body.extend_from_slice(&stream.to_be_bytes());
    body.extend_from_slice(&payload_bytes.to_be_bytes());
    for slot in slots {
        body.extend_from_slice(&slot.to_be_bytes());
    }
}

/// Callers keep contents far below 4 GiB: what is larger goes into parts.
fn put_length(body: &mut Vec<u8>, content_bytes: usize) {
    let length = TRANSACTION_BYTES + 1 + content_bytes;
    debug_assert!(length <= u32::MAX as usize);
    body.extend_from_slice(&(length as u32).to_be_bytes());
}

/// The start of a part's body; the bytes follow.
pub fn put_part(body: &mut Vec<u8>, stream: u64, number: u32, bytes: &[u8]) {
    body.extend_from_slice(&stream.to_be_bytes());
    body.extend_from_slice(&number.to_be_bytes());
    body.extend_from_slice(bytes);
}

/// Stream, number and bytes of a part.
pub fn part(body: &[u8]) -> Result<(u64, u32, &[u8]), String> {
    let (head, bytes) = body.split_first_chunk::<12>().ok_or("a part without a stream")?;
    Ok((u64::from_be_bytes(array(head, 0)), u32::from_be_bytes(array(head, 8)), bytes))
}

/// The transactions of a body, in order; ends after the first error. A count that does not match is one.
pub fn transactions<'a>(header: &Header, body: &'a [u8]) -> impl Iterator<Item = Result<Stored<'a>, String>> {
    let mut left = if header.kind == Kind::Transactions { header.transactions } else { 0 };
    let mut rest = if header.kind == Kind::Transactions { body } else { &[] };
    let mut failed = false;
    std::iter::from_fn(move || {
        if failed || (left == 0 && rest.is_empty()) {
            return None;
        }
        let stored = match left.checked_sub(1) {
            Some(fewer) => {
                left = fewer;
                take(&mut rest)
            }
            None => Err("bytes after the block's last transaction".into()),
        };
        failed = stored.is_err();
        Some(stored)
    })
}

fn take<'a>(rest: &mut &'a [u8]) -> Result<Stored<'a>, String> {
    const EARLY: &str = "the block ends within a transaction";
    let (length, after) = rest.split_first_chunk::<4>().ok_or(EARLY)?;
    let (stored, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or(EARLY)?;
    *rest = after;
    let (transaction, stored) = stored.split_first_chunk::<TRANSACTION_BYTES>().ok_or(EARLY)?;
    let content = match stored.split_first() {
        Some((&FORM_INLINE, payload)) => Content::Inline(payload),
        Some((&FORM_IN_PARTS, parts)) => {
            let (head, slots) = parts.split_first_chunk::<16>().ok_or(EARLY)?;
            if slots.len() % 8 != 0 {
                return Err("a list of parts that is not one".into());
            }
            let stream = u64::from_be_bytes(array(head, 0));
            let payload_bytes = u64::from_be_bytes(array(head, 8));
            Content::InParts(Parts { stream, payload_bytes, slots })
        }
        Some((form, _)) => return Err(format!("a transaction in unknown form {form}")),
        None => return Err(EARLY.into()),
    };
    Ok(Stored { transaction, content })
}

/// `N` bytes at an offset that the caller knows to be within.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[at..at + N]);
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header() -> Header {
        Header {
            kind: Kind::Transactions,
            codec: Codec::None,
            body_bytes: 0,
            database_id: [1; 16],
            slot: 2,
            epoch: 3,
            nonce: [4; 16],
            first_tx: 5,
            transactions: 2,
            root_before: [6; 32],
            durable_slot: 1,
        }
    }

    fn block() -> Vec<u8> {
        let mut buffer = vec![0; HEADER_BYTES];
        put_inline(&mut buffer, &[7; 112], b"payload");
        put_in_parts(&mut buffer, &[8; 112], 99, 10_000_000, &[11, 12]);
        assert!(close(&header(), &mut buffer));
        buffer
    }

    #[test]
    fn a_block_reads_back() {
        let block = block();
        let (read, body) = open(&block).unwrap();
        assert_eq!(read, Header { body_bytes: body.len() as u32, ..header() });
        let stored: Vec<Stored> = transactions(&read, &body).collect::<Result<_, _>>().unwrap();
        assert_eq!(stored[0], Stored { transaction: &[7; 112], content: Content::Inline(b"payload") });
        let Content::InParts(parts) = stored[1].content else { panic!() };
        assert_eq!((parts.stream, parts.payload_bytes), (99, 10_000_000));
        assert_eq!(parts.slots().collect::<Vec<_>>(), [11, 12]);

        for (count, reason) in
            [(1, "bytes after the block's last transaction"), (3, "the block ends within a transaction")]
        {
            let read = Header { transactions: count, ..read };
            assert_eq!(transactions(&read, &body).last().unwrap().unwrap_err(), reason);
        }
    }

    #[test]
    fn every_changed_bit_is_found() {
        let good = block();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&bad).is_err(), "bit {bit}");
        }
        assert!(open(&good[..good.len() - 1]).is_err());
        assert!(open(&[&good[..], &[0]].concat()).is_err());
    }

    #[test]
    fn a_body_that_repeats_itself_is_kept_compressed() {
        for (repeated, codec) in [(4, Codec::None), (200, Codec::Lz4)] {
            let mut buffer = vec![0; HEADER_BYTES];
            put_inline(&mut buffer, &[7; 112], &b"payload".repeat(repeated));
            let body = buffer[HEADER_BYTES..].to_vec();
            assert!(close(&Header { transactions: 1, ..header() }, &mut buffer));
            let (read, opened) = open(&buffer).unwrap();
            assert_eq!((read.codec, &*opened), (codec, &body[..]));
            assert_eq!(buffer.len() as u64, read.block_bytes());
            assert!(codec == Codec::None || buffer.len() < 400);
        }
    }

    #[test]
    fn a_compressed_body_is_not_believed() {
        let kept = compressed(&[5; 2000]).unwrap();
        assert_eq!(decompressed(&kept).unwrap(), [5; 2000]);
        for length in [0u32, 1999, 2001, 1 << 30, u32::MAX] {
            let lied = [&length.to_be_bytes(), &kept[4..]].concat();
            assert!(decompressed(&lied).is_err(), "{length}");
        }
        assert!(decompressed(&kept[..3]).is_err());
        assert!(decompressed(&kept[..kept.len() - 1]).is_err());
    }

    proptest! {
        #[test]
        fn any_compressed_body_is_read_or_refused(kept in prop::collection::vec(any::<u8>(), 0..200)) {
            decompressed(&kept).ok();
        }

        #[test]
        fn any_body_is_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..400), count in 0u32..4) {
            let header = Header { transactions: count, ..header() };
            let read: Vec<_> = transactions(&header, &body).collect();
            prop_assert!(read.len() <= 5);
            part(&body).ok();
            Header::decode(&body).ok();
        }
    }
}
