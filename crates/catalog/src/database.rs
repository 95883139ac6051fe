//! One open database.

use crate::transaction::{Begin, Transaction};
use expr::Binder;
use host::Host;
use std::path::Path;
use std::sync::Arc;
use types::Result;

/// How to open one.
#[derive(Clone)]
pub struct Options {
    pub store: kv::store::Options,
    pub binder: Arc<dyn Binder>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Database {
    // ...
}

impl Database {
    /// Opens; makes the bootstrap rows (transaction 1: schema `public`) in a new ledger.
    /// `options.store.derive` is replaced by the catalog's own.
    pub fn open(_host: Host, _dir: &Path, _options: Options) -> Result<Database> {
        todo!()
    }

    pub fn store(&self) -> &kv::Store {
        todo!()
    }

    pub fn begin(&self, _begin: Begin) -> Result<Transaction> {
        todo!()
    }

    pub fn close(&self) -> Result<()> {
        todo!()
    }
}
