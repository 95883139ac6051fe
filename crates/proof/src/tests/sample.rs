//! A small ledger in memory, and proofs of it: written against the public interface, as the engine would.
//!
//! ```text
//!   0 genesis   1 bootstrap   2 CREATE TABLE account   3 INSERT 42 (and others)   4 another row   5 UPDATE 42
//!   6 DELETE 42   7 INSERT 42 again   8.. other rows
//! ```

use proof::bundle::{Bundle, Change, DisclosedKey, DisclosedMeta, Link, Row};
use proof::checkpoint::{Checkpoint, SignedCheckpoint};
use proof::hash::{self, Hash, Sha2};
use proof::layout::{Entry, Op, Transaction};
use proof::note::Signer;
use proof::tree::{self, Compact};
use proof::trust::Trust;
use std::collections::HashMap;

pub const ORIGIN: &str = "host.example/shop";
pub const DATABASE: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
pub const ACCOUNT: u32 = 16384;
/// As `codec` encodes bigint 42: not NULL, sign flipped.
pub const KEY: [u8; 9] = [1, 0x80, 0, 0, 0, 0, 0, 0, 42];
pub const SIZE: u64 = 11;

pub type Cells = Vec<(u32, u8, Vec<u8>)>;

pub struct Written {
    pub entry: Entry,
    pub key: Vec<u8>,
    pub key_salt: [u8; 16],
    pub row: Option<(u64, Cells)>,
}

pub struct Ledger {
    pub signer: Signer,
    pub transactions: Vec<(Transaction, Vec<Written>)>,
    pub nodes: HashMap<(u32, u64), Hash>,
}

pub fn row_salt(tx: u64) -> [u8; 32] {
    [tx as u8 + 100; 32]
}

pub fn account(id: i64, owner: &str, balance: i64) -> Cells {
    vec![
        (1, 0x14, id.to_be_bytes().to_vec()),
        (2, 0x19, owner.as_bytes().to_vec()),
        (3, 0x14, balance.to_be_bytes().to_vec()),
        (4, 0x00, vec![]),
    ]
}

fn written(tx: u64, op: Op, object: u32, prev_tx: u64, key: &[u8], row: Option<(u64, Cells)>) -> Written {
    let key_salt = [key.last().copied().unwrap_or(0); 16];
    let key_commit = hash::key_commit::<Sha2>(&key_salt, object, key);
    let row_commit = match &row {
        Some((schema_tx, cells)) => disclosed(*schema_tx, tx, cells, &|_| true).commit::<Sha2>(object),
        None => hash::NO_ROW,
    };
    Written { entry: Entry { op, object, prev_tx, key_commit, row_commit }, key: key.to_vec(), key_salt, row }
}

fn disclosed(schema_tx: u64, tx: u64, cells: &Cells, discloses: &dyn Fn(u32) -> bool) -> Row {
    let cells = cells.iter().map(|(column, code, value)| (*column, *code, &value[..]));
    Row::disclose::<Sha2>(schema_tx, &row_salt(tx), cells, discloses)
}

impl Ledger {
    /// `descriptor`: object, key and cells of the catalog row that describes the table `account`.
    pub fn new(seed: u8, descriptor: (u32, Vec<u8>, Cells)) -> Ledger {
        use Op::*;
        let (catalog, catalog_key, catalog_cells) = descriptor;
        let row = |id, owner, balance| Some((2, account(id, owner, balance)));
        let mut transactions: Vec<Vec<Written>> = vec![
            vec![],
            vec![written(1, Insert, 3, 0, b"public", Some((0, vec![(1, 0x19, b"public".to_vec())])))],
            vec![written(2, Insert, catalog, 0, &catalog_key, Some((0, catalog_cells)))],
            (0..5)
                .map(|n| {
                    written(
                        3,
                        Insert,
                        ACCOUNT,
                        0,
                        &[&KEY[..8], &[40 + n]].concat(),
                        row(40 + n as i64, "Ada", 100),
                    )
                })
                .collect(),
            vec![written(4, Update, ACCOUNT, 3, &[&KEY[..8], &[41]].concat(), row(41, "Bob", 7))],
            vec![written(5, Update, ACCOUNT, 3, &KEY, row(42, "Ada", 75))],
            vec![written(6, Delete, ACCOUNT, 5, &KEY, None)],
            vec![written(7, Insert, ACCOUNT, 6, &KEY, row(42, "Ada \"L\"", 1))],
        ];
        for tx in transactions.len() as u64..SIZE {
            transactions.push(vec![written(
                tx,
                Insert,
                ACCOUNT,
                0,
                &[seed, tx as u8],
                row(tx as i64, "x", 0),
            )]);
        }
        let mut tree = Compact::<Sha2>::new();
        let mut nodes = HashMap::new();
        let mut sealed = Vec::new();
        for (tx, entries) in (0u64..).zip(transactions) {
            let transaction = Transaction {
                system: tx < 2,
                database_id: DATABASE,
                tx_id: tx,
                commit_time: 1_760_000_000_000_000 + tx as i64,
                entry_count: entries.len() as u32,
                entries_root: tree::root::<Sha2>(entries.iter().map(|written| written.entry.leaf::<Sha2>())),
                meta_commit: hash::meta_commit::<Sha2>(&[tx as u8; 32], &meta()),
            };
            tree.append(transaction.leaf::<Sha2>(), |level, index, hash| {
                nodes.insert((level, index), *hash);
            });
            sealed.push((transaction, entries));
        }
        Ledger { signer: Signer::new(ORIGIN, &[7; 32]).unwrap(), transactions: sealed, nodes }
    }

    fn node(&self) -> impl FnMut(u32, u64) -> Result<Hash, ()> + '_ {
        |level, index| self.nodes.get(&(level, index)).copied().ok_or(())
    }

    pub fn root(&self, size: u64) -> Hash {
        tree::root_at::<Sha2, _>(size, self.node()).unwrap()
    }

    pub fn checkpoint(&self, size: u64) -> SignedCheckpoint {
        Checkpoint { origin: ORIGIN.into(), size, root: self.root(size) }.sign(&self.signer)
    }

    pub fn consistency(&self, from: u64, to: u64) -> Vec<Hash> {
        tree::consistency_path::<Sha2, _>(from, to, self.node()).unwrap().unwrap()
    }

    /// Trust that has seen the log at `size`; 0 = nothing.
    pub fn trust(&self, size: u64) -> Trust {
        let checkpoint = if size == 0 { None } else { Some(self.checkpoint(size)) };
        Trust { key: self.signer.verifier_key().clone(), database_id: DATABASE, checkpoint }
    }

    /// A transaction, with its meta data disclosed or not and without a change.
    pub fn link(&self, tx: u64, size: u64, with_meta: bool) -> Link {
        Link {
            transaction: self.transactions[tx as usize].0,
            log_path: tree::inclusion_path::<Sha2, _>(tx, size, self.node()).unwrap().unwrap(),
            meta: if with_meta { Some(DisclosedMeta { salt: [tx as u8; 32], bytes: meta() }) } else { None },
            change: None,
        }
    }

    /// A transaction with its change number `index`.
    pub fn change(
        &self,
        tx: u64,
        index: usize,
        size: u64,
        with_key: bool,
        discloses: &dyn Fn(u32) -> bool,
    ) -> Link {
        let entries = &self.transactions[tx as usize].1;
        let leaves: Vec<Hash> = entries.iter().map(|written| written.entry.leaf::<Sha2>()).collect();
        let written = &entries[index];
        let key = if with_key {
            Some(DisclosedKey { salt: written.key_salt, key: written.key.clone() })
        } else {
            None
        };
        let row = written.row.as_ref().map(|(schema_tx, cells)| disclosed(*schema_tx, tx, cells, discloses));
        let change = Change::prove::<Sha2>(written.entry, index as u32, &leaves, key, row);
        Link { change, ..self.link(tx, size, false) }
    }

    pub fn descriptor(&self, size: u64) -> Link {
        self.change(2, 0, size, true, &|_| true)
    }

    /// P1.
    pub fn transaction_proof(&self, tx: u64, size: u64) -> Bundle {
        Bundle::transaction(self.link(tx, size, true), self.checkpoint(size)).unwrap()
    }

    /// P3 of account 42 as first inserted: balance hidden, with the table's descriptor.
    pub fn row_proof(&self, size: u64) -> Bundle {
        let mut link = self.change(3, 2, size, true, &|column| column != 3);
        link.meta = self.link(3, size, true).meta;
        Bundle::row(link, vec![self.descriptor(size)], self.checkpoint(size)).unwrap()
    }

    /// P4 of account 42.
    pub fn history_links(&self, size: u64) -> Vec<Link> {
        [(7, 0), (6, 0), (5, 0), (3, 2)]
            .map(|(tx, index)| self.change(tx, index, size, true, &|_| true))
            .to_vec()
    }

    pub fn history_proof(&self, size: u64) -> Bundle {
        Bundle::history(self.history_links(size), vec![self.descriptor(size)], self.checkpoint(size)).unwrap()
    }
}

fn meta() -> Vec<u8> {
    b"\x01\0\0\0\x03ada\x02\0\0\0\x04psql".to_vec()
}
