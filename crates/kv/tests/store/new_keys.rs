//! Keys that nobody has, while others write.

use crate::*;
use kv::Isolation;

fn key(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

/// Whoever inserts in key order is told the truth about every key, also of those that others make or have deleted.
#[test]
fn keys_in_order_are_new_unless_somebody_has_or_had_them() {
    for transaction_memory_bytes in [1 << 20, 700] {
        let store = store_of(&Host::memory(1), transaction_memory_bytes);
        for number in [50, 150, 250, 700] {
            put(&store, &key(number), b"theirs");
        }
        delete(&store, &key(250));
        let mut transaction = store.begin(Isolation::ReadCommitted);
        for number in 0..600 {
            match number {
                // Ahead of it, within what it has found free; behind it; a key of another object.
                200 => drop(put(&store, &key(210), b"theirs")),
                201 => drop(put(&store, &key(50), b"again")),
                _ => {}
            }
            transaction.lock_value(INDEX, &key(number)).unwrap();
            let is_new = transaction.is_new(TABLE, &key(number)).unwrap();
            assert_eq!(is_new, ![50, 150, 210, 250].contains(&number), "{number}");
            if is_new {
                transaction.put_new(TABLE, &key(number), cells(b"mine"), 1, Vec::new()).unwrap();
            }
            assert!(!is_new || !transaction.is_new(TABLE, &key(number)).unwrap(), "{number} twice");
        }
        // Out of order, and of the next object, whose keys come after all of these.
        for (object, number, is_new) in
            [(TABLE, 599, false), (TABLE, 700, false), (TABLE, 701, true), (TABLE + 1, 0, true)]
        {
            assert_eq!(transaction.is_new(object, &key(number)).unwrap(), is_new, "{object} {number}");
        }
        transaction.commit(Meta::default(), true).unwrap();
        assert_eq!(all(&store).len(), 600);
        assert_eq!(kv::index::check_index(&store, &kv::NoDerive, None).unwrap(), []);
    }
}
