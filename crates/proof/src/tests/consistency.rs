//! P2 and P7, and trust files.

use super::sample::{Ledger, ORIGIN, SIZE};
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::consistency::{Consistency, Fork};
use crate::note::{Signer, verify_ed25519};
use crate::trust::Trust;
use proptest::prelude::*;

fn ledger(seed: u8) -> Ledger {
    Ledger::new(seed, (4, b"account".to_vec(), vec![]))
}

fn consistency(ledger: &Ledger, from: u64, to: u64) -> Consistency {
    Consistency { old_size: from, path: ledger.consistency(from, to), checkpoint: ledger.checkpoint(to) }
}

#[test]
fn every_later_checkpoint_extends_every_earlier_one() {
    let ledger = ledger(1);
    for from in 0..=SIZE {
        for to in from.max(1)..=SIZE {
            let proof = consistency(&ledger, from, to);
            let read = Consistency::parse(&proof.to_string()).unwrap();
            assert_eq!(read, proof);
            let trust = ledger.trust(from);
            let extended = read.verify(&trust).unwrap();
            assert_eq!((extended.old_size(), extended.checkpoint().size), (from, to));
            assert_eq!(extended.advance(&trust), ledger.trust(to));
        }
    }
}

#[test]
fn what_does_not_extend_is_rejected() {
    let (ledger, fork) = (ledger(1), ledger(2));
    let trust = ledger.trust(9);
    let reject = |proof: Consistency| proof.verify(&trust).unwrap_err().reason().to_string();
    assert_eq!(
        reject(consistency(&ledger, 8, SIZE)),
        "the consistency proof starts at size 8, the known checkpoint has size 9"
    );
    assert_eq!(
        reject(consistency(&fork, 9, SIZE)),
        "the log of size 11 does not extend the known one of size 9"
    );
    let mut wrong = consistency(&ledger, 9, SIZE);
    wrong.path.pop();
    assert_eq!(reject(wrong), "the log of size 11 does not extend the known one of size 9");
    let mut rollback = consistency(&ledger, 8, 8);
    rollback.old_size = 9;
    assert_eq!(reject(rollback), "the log of size 8 does not extend the known one of size 9");
}

#[test]
fn a_proof_connects_a_checkpoint_older_or_newer_than_the_seen() {
    let ledger = ledger(1);
    let proof = consistency(&ledger, 5, 9);
    let old = ledger.checkpoint(5).unverified().clone();
    let new = ledger.checkpoint(9).unverified().clone();
    assert_eq!(proof.connects(&new, &ledger.trust(5), &verify_ed25519), Ok(()));
    assert_eq!(proof.connects(&old, &ledger.trust(9), &verify_ed25519), Ok(()));
    let other = ledger.checkpoint(10).unverified().clone();
    assert!(proof.connects(&other, &ledger.trust(5), &verify_ed25519).is_err());
    assert!(proof.connects(&old, &ledger.trust(8), &verify_ed25519).is_err());
    assert!(proof.connects(&new, &ledger.trust(0), &verify_ed25519).is_err());
}

#[test]
fn two_roots_of_one_size_are_a_fork() {
    let (one, other) = (ledger(1), ledger(2));
    let fork = Fork::of_equal_size(one.checkpoint(SIZE), other.checkpoint(SIZE)).unwrap();
    assert_eq!(Some(&fork), Fork::of_equal_size(other.checkpoint(SIZE), one.checkpoint(SIZE)).as_ref());
    let read = Fork::parse(&fork.to_string()).unwrap();
    assert_eq!(read, fork);
    let trust = one.trust(0);
    let proven = read.verify(&trust).unwrap();
    assert_eq!((proven.first().size, proven.second().size), (SIZE, SIZE));

    assert_eq!(
        Fork::of_equal_size(one.checkpoint(8), other.checkpoint(8)),
        None,
        "they share the first 8 transactions"
    );
    assert_eq!(Fork::of_equal_size(one.checkpoint(9), other.checkpoint(10)), None);
}

#[test]
fn a_prefix_that_is_another_is_a_fork() {
    let (one, other) = (ledger(1), ledger(2));
    for size in 9..SIZE {
        let fork = Fork::of_prefix(
            one.checkpoint(size),
            other.checkpoint(SIZE),
            other.root(size),
            other.consistency(size, SIZE),
        )
        .unwrap();
        let read = Fork::parse(&fork.to_string()).unwrap();
        assert_eq!(read, fork);
        assert!(read.verify(&one.trust(0)).is_ok(), "size {size}");
    }
    // An honest log: its prefix is what it signed.
    assert_eq!(
        Fork::of_prefix(one.checkpoint(9), one.checkpoint(SIZE), one.root(9), one.consistency(9, SIZE)),
        None
    );
    // A made-up prefix is not in the larger tree.
    let made_up =
        Fork::of_prefix(one.checkpoint(9), one.checkpoint(SIZE), [1; 32], one.consistency(9, SIZE)).unwrap();
    assert!(made_up.verify(&one.trust(0)).is_err());
    let made_up =
        Fork::of_prefix(one.checkpoint(8), one.checkpoint(SIZE), [1; 32], one.consistency(8, SIZE)).unwrap();
    assert!(made_up.verify(&one.trust(0)).is_err());
}

#[test]
fn a_fork_takes_two_signatures_of_the_trusted_key() {
    let (one, stranger) = (ledger(1), Signer::new(ORIGIN, &[8; 32]).unwrap());
    let forged = Checkpoint { origin: ORIGIN.into(), size: SIZE, root: [9; 32] }.sign(&stranger);
    let fork = Fork::of_equal_size(one.checkpoint(SIZE), forged).unwrap();
    assert!(fork.verify(&one.trust(0)).unwrap_err().reason().starts_with("not signed by the trusted key"));
}

#[test]
fn every_single_bit_flip_is_rejected() {
    let (one, other) = (ledger(1), ledger(2));
    let trust = one.trust(7);
    let fork =
        Fork::of_prefix(one.checkpoint(9), other.checkpoint(SIZE), other.root(9), other.consistency(9, SIZE))
            .unwrap();
    let equal = Fork::of_equal_size(one.checkpoint(SIZE), other.checkpoint(SIZE)).unwrap();
    for text in [fork.to_string(), equal.to_string(), consistency(&one, 7, SIZE).to_string()] {
        let mut file = text.into_bytes();
        for at in 0..file.len() {
            for bit in 0..8 {
                file[at] ^= 1 << bit;
                if let Ok(text) = std::str::from_utf8(&file) {
                    let fork = Fork::parse(text).is_ok_and(|fork| fork.verify(&trust).is_ok());
                    let extended = Consistency::parse(text).is_ok_and(|proof| proof.verify(&trust).is_ok());
                    assert!(!fork && !extended, "byte {at} bit {bit}: {text}");
                }
                file[at] ^= 1 << bit;
            }
        }
    }
}

#[test]
fn a_trust_file_has_one_form() {
    let ledger = ledger(1);
    for size in [0, 7] {
        let trust = ledger.trust(size);
        let text = trust.to_string();
        assert_eq!(Trust::parse(&text), Ok(trust), "{text}");
        for wrong in [
            text.replacen("@v1", "@v2", 1),
            text.replace("origin host", "origin  host"),
            text.replace("origin host.example/shop", "origin host.example/ship"),
            text.replace("database 00", "database "),
            text.replace("database 000102030405060708090a", "database 000102030405060708090A"),
            text.replace("\ndatabase", "\nextra line\ndatabase"),
            text.trim_end().into(),
        ] {
            assert!(Trust::parse(&wrong).is_err(), "{wrong}");
        }
    }
}

proptest! {
    #[test]
    fn random_text_is_refused_without_a_panic(text in "(old |stele-fork@v1\n|stele-trust@v1\n)?[ -~\n—]{0,200}") {
        prop_assert!(Consistency::parse(&text).is_err());
        prop_assert!(Fork::parse(&text).is_err());
        prop_assert!(Trust::parse(&text).is_err());
        prop_assert!(SignedCheckpoint::parse(&text).is_err());
    }
}
