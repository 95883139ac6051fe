//! A tile that is wrong where the index is made from the log: no fault of the log or the index, and no reason not to start.

use crate::*;
use host::{Disk, RealDisk};

fn small_segments(index: IndexEngine) -> Options {
    let mut options = options(index);
    options.ledger.segment_size_bytes = 4000;
    options
}

#[test]
fn the_store_opens_and_says_that_the_tiles_were_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("db");
    let open = |index| Store::open(Host::real(), &dir, small_segments(index)).unwrap();
    let store = open(IndexEngine::Memory);
    for number in 0..600u32 {
        let mut transaction = store.begin(kv::Isolation::ReadCommitted);
        let key = number.to_be_bytes();
        transaction.put(TABLE, &key, cells(b"v"), 1, derived(&key, None, Some(b"v"))).unwrap();
        transaction.commit(Meta::default(), false).unwrap();
    }
    store.close().unwrap();
    drop(store);
    let rows = all(&open(IndexEngine::Lsm));
    assert_eq!(rows.len(), 600);

    let tiles = dir.join("tiles/L0");
    for (index, remove) in [(IndexEngine::Memory, false), (IndexEngine::Lsm, true)] {
        let mut bytes = RealDisk.read(&tiles).unwrap();
        bytes[300 * 32] ^= 1;
        RealDisk.replace(&tiles, &bytes, false).unwrap();
        if remove {
            RealDisk.remove_dir_all(&dir.join("index")).unwrap();
        }
        let store = open(index);
        let notices = store.ledger().notices();
        assert!(notices.len() == 1 && notices[0].contains("transactions 256 to 511"), "{notices:?}");
        assert_eq!(all(&store), rows);
    }
    assert_eq!(open(IndexEngine::Lsm).ledger().notices(), [""; 0]);
}
