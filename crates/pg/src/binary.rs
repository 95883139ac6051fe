//! Values in PostgreSQL's binary format (the `typsend` and `typreceive` functions of PostgreSQL 15).
//!
//! Our dates and times count from 1970, the wire's from 2000; infinities are the extremes in both.

mod decode;
mod encode;

pub use decode::{decode, plain};
pub use encode::{encode_row, set_length};

/// 2000-01-01 in days from 1970-01-01.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = 946_684_800_000_000;

// Numeric's sign field.
const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEGATIVE_INFINITY: u16 = 0xf000;

const JSONB_VERSION: u8 = 1;

#[cfg(test)]
mod tests;
