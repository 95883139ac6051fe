//! Keys keep the order of values; descriptors come back as they went.

extern crate stele_codec as codec;

mod descriptor;
mod golden;
mod key;
