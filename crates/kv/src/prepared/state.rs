//! What a prepared transaction is made of, as bytes: the cells of its row hold them (`docs/file-format.md`).
//!
//! ```text
//!   u8 form = 1 ‖ v32 meta ‖ u8 serializable ‖ [reads] ‖ locks ‖ rows ‖ entries
//!   reads     u32 n ‖ (u8 family ‖ u32 id ‖ u8 whole ‖ u32 n ‖ (v32 key)* ‖ u32 n ‖ (bound ‖ bound)*)*
//!   bound     u8 0 none, 1 with it, 2 without it ‖ [v32 key]
//!   locks     u32 n ‖ (resource ‖ u8 modes, bit n = mode n)*
//!   resource  u8 0 row ‖ u32 object ‖ v32 key   1 value ‖ u32 index ‖ v32 key   2 relation ‖ u32 OID
//!             3 advisory ‖ i64 key              4 advisory ‖ i32 ‖ i32
//!   rows, entries   u32 n ‖ (v32 storage key ‖ v32 body)*
//! ```

use crate::history::{Family, KeyRange};
use crate::lock::{AdvisoryKey, Resource};
use crate::reader::Reader;
use crate::recent::Shared;
use crate::serializable::{Extent, Reads};
use crate::{Meta, Transaction, guard};
use std::collections::HashMap;
use std::ops::Bound;
use types::{Result, bail};

const FORM: u8 = 1;

#[derive(Debug, PartialEq)]
pub(super) struct State {
    pub meta: Meta,
    /// SERIALIZABLE only.
    pub reads: Option<Reads>,
    pub locks: Vec<(Resource, u8)>,
    /// Storage keys and bodies, as a write set has them.
    pub rows: Vec<(Shared, Shared)>,
    pub entries: Vec<(Shared, Shared)>,
}

impl State {
    pub(super) fn of(transaction: &Transaction, meta: Meta) -> State {
        State {
            meta,
            reads: transaction.reads.as_ref().map(|reads| guard::lock(reads).clone()),
            locks: transaction.held.list(),
            rows: transaction.writes.tops(Family::Row),
            entries: transaction.writes.tops(Family::Entry),
        }
    }

    /// 54000 beyond what a value can hold.
    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        let State { meta, reads, locks, rows, entries } = self;
        let mut out = Writer(vec![FORM]);
        out.v32(&meta.encode());
        out.0.push(reads.is_some().into());
        if let Some(Reads(extents)) = reads {
            out.in_order(extents, |out, ((family, id), extent)| {
                out.0.push(*family as u8);
                out.u32(*id);
                out.extent(extent);
            });
        }
        out.in_order(locks, |out, (resource, modes)| {
            out.resource(resource);
            out.0.push(*modes);
        });
        for family in [rows, entries] {
            out.count(family.len());
            for (key, body) in family {
                out.v32(key);
                out.v32(body);
            }
        }
        // Below this no length or count has outgrown its four bytes.
        if out.0.len() > VALUE_MAX_BYTES {
            bail!(
                ProgramLimitExceeded,
                "a transaction of {} bytes is too large to be prepared: the limit is {VALUE_MAX_BYTES}",
                out.0.len()
            );
        }
        Ok(out.0)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<State, String> {
        let mut reader = Reader::new(bytes, "it");
        let form = reader.byte()?;
        if form != FORM {
            return Err(format!("it has the unknown form {form}"));
        }
        let meta = Meta::decode(reader.v32()?)?;
        let reads = match reader.byte()? {
            0 => None,
            1 => Some(reads(&mut reader)?),
            other => return Err(format!("a level {other}")),
        };
        let locks = list(&mut reader, |reader| Ok((resource(reader)?, reader.byte()?)))?;
        let mut family = || list(&mut reader, |reader| Ok((reader.v32()?.into(), reader.v32()?.into())));
        let state = State { meta, reads, locks, rows: family()?, entries: family()? };
        if reader.is_empty() { Ok(state) } else { Err("bytes after its end".into()) }
    }
}

/// `ledger.md` 1: a value is at most 1 GiB long.
const VALUE_MAX_BYTES: usize = 1 << 30;

struct Writer(Vec<u8>);

impl Writer {
    fn u32(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    fn count(&mut self, count: usize) {
        self.u32(count as u32);
    }

    fn v32(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// How many, and the items in the order of their bytes: what hash maps hold has one form.
    fn in_order<T>(&mut self, items: impl IntoIterator<Item = T>, write: impl Fn(&mut Writer, T)) {
        let item = |item| {
            let mut out = Writer(Vec::new());
            write(&mut out, item);
            out.0
        };
        let mut items: Vec<Vec<u8>> = items.into_iter().map(item).collect();
        items.sort_unstable();
        self.count(items.len());
        items.iter().for_each(|item| self.0.extend_from_slice(item));
    }

    fn extent(&mut self, extent: &Extent) {
        let Extent { whole, keys, spans } = extent;
        self.0.push((*whole).into());
        self.in_order(keys, |out, key| out.v32(key));
        self.count(spans.len());
        for (from, to) in spans {
            for bound in [from, to] {
                match bound {
                    Bound::Unbounded => self.0.push(0),
                    Bound::Included(key) => {
                        self.0.push(1);
                        self.v32(key);
                    }
                    Bound::Excluded(key) => {
                        self.0.push(2);
                        self.v32(key);
                    }
                }
            }
        }
    }

    fn resource(&mut self, resource: &Resource) {
        match resource {
            Resource::Row(object, key) => {
                self.0.push(0);
                self.u32(*object);
                self.v32(key);
            }
            Resource::Value(index, key) => {
                self.0.push(1);
                self.u32(*index);
                self.v32(key);
            }
            Resource::Table(oid) => {
                self.0.push(2);
                self.u32(*oid);
            }
            Resource::Advisory(AdvisoryKey::One(key)) => {
                self.0.push(3);
                self.0.extend_from_slice(&key.to_be_bytes());
            }
            Resource::Advisory(AdvisoryKey::Two(high, low)) => {
                self.0.push(4);
                self.0.extend_from_slice(&high.to_be_bytes());
                self.0.extend_from_slice(&low.to_be_bytes());
            }
        }
    }
}

fn list<T>(
    reader: &mut Reader,
    mut item: impl FnMut(&mut Reader) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let count = reader.u32()?;
    // A count that lies ends with the bytes, not with the memory.
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(item(reader)?);
    }
    Ok(items)
}

fn reads(reader: &mut Reader) -> Result<Reads, String> {
    let extents = list(reader, |reader| {
        let family = match reader.byte()? {
            0 => Family::Row,
            1 => Family::Entry,
            other => return Err(format!("a family {other}")),
        };
        let id = reader.u32()?;
        let whole = reader.byte()? != 0;
        let keys = list(reader, |reader| Ok(reader.v32()?.to_vec()))?.into_iter().collect();
        let spans =
            list(reader, |reader| -> Result<KeyRange, String> { Ok((bound(reader)?, bound(reader)?)) })?;
        Ok(((family, id), Extent { whole, keys, spans }))
    })?;
    Ok(Reads(HashMap::from_iter(extents)))
}

fn bound(reader: &mut Reader) -> Result<Bound<Vec<u8>>, String> {
    match reader.byte()? {
        0 => Ok(Bound::Unbounded),
        1 => Ok(Bound::Included(reader.v32()?.to_vec())),
        2 => Ok(Bound::Excluded(reader.v32()?.to_vec())),
        other => Err(format!("a bound {other}")),
    }
}

fn resource(reader: &mut Reader) -> Result<Resource, String> {
    match reader.byte()? {
        0 => Ok(Resource::Row(reader.u32()?, reader.v32()?.into())),
        1 => Ok(Resource::Value(reader.u32()?, reader.v32()?.into())),
        2 => Ok(Resource::Table(reader.u32()?)),
        3 => Ok(Resource::Advisory(AdvisoryKey::One(i64::from_be_bytes(reader.array()?)))),
        4 => {
            let half = |reader: &mut Reader| reader.array().map(i32::from_be_bytes);
            Ok(Resource::Advisory(AdvisoryKey::Two(half(reader)?, half(reader)?)))
        }
        other => Err(format!("a resource {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), 0..6)
    }

    fn any_resource() -> impl Strategy<Value = Resource> {
        prop_oneof![
            (any::<u32>(), bytes()).prop_map(|(object, key)| Resource::Row(object, key.into())),
            (any::<u32>(), bytes()).prop_map(|(index, key)| Resource::Value(index, key.into())),
            any::<u32>().prop_map(Resource::Table),
            any::<i64>().prop_map(|key| Resource::Advisory(AdvisoryKey::One(key))),
            any::<(i32, i32)>().prop_map(|(high, low)| Resource::Advisory(AdvisoryKey::Two(high, low))),
        ]
    }

    fn any_bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
        prop_oneof![
            Just(Bound::Unbounded),
            bytes().prop_map(Bound::Included),
            bytes().prop_map(Bound::Excluded)
        ]
    }

    fn any_reads() -> impl Strategy<Value = Reads> {
        let family = prop_oneof![Just(Family::Row), Just(Family::Entry)];
        let extent = (
            any::<bool>(),
            prop::collection::hash_set(bytes(), 0..3),
            prop::collection::vec((any_bound(), any_bound()), 0..3),
        );
        let extent = extent.prop_map(|(whole, keys, spans)| Extent { whole, keys, spans });
        prop::collection::hash_map((family, any::<u32>()), extent, 0..3).prop_map(Reads)
    }

    fn any_state() -> impl Strategy<Value = State> {
        let pairs = || {
            let shared = || bytes().prop_map(Shared::from);
            prop::collection::vec((shared(), shared()), 0..4)
        };
        let locks = prop::collection::vec((any_resource(), any::<u8>()), 0..4);
        (prop::option::of("[a-z]{0,5}"), prop::option::of(any_reads()), locks, pairs(), pairs()).prop_map(
            |(user, reads, locks, rows, entries)| {
                let meta = Meta { user, ..Meta::default() };
                State { meta, reads, locks, rows, entries }
            },
        )
    }

    proptest! {
        #[test]
        fn a_state_reads_back(state in any_state()) {
            let bytes = state.encode().unwrap();
            let read = State::decode(&bytes).unwrap();
            prop_assert_eq!(read.encode().unwrap(), bytes);
            let sorted = |mut state: State| {
                state.locks.sort_by_key(|lock| format!("{lock:?}"));
                state
            };
            prop_assert_eq!(sorted(read), sorted(state));
        }

        #[test]
        fn a_state_that_is_cut_or_longer_is_refused(state in any_state(), at in any::<prop::sample::Index>()) {
            let mut bytes = state.encode().unwrap();
            bytes.push(0);
            prop_assert!(State::decode(&bytes).is_err());
            bytes.pop();
            prop_assert!(State::decode(&bytes[..at.index(bytes.len())]).is_err());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            State::decode(&bytes).ok();
        }
    }
}
