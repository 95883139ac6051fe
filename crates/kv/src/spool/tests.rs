//! Runs and their layers against a sorted list of versions.

use super::*;
use crate::history::{Family, as_slices};
use crate::recent;
use host::{Random, SeededRandom};
use std::collections::BTreeMap;
use std::ops::Bound;

/// Stamps and bodies by family and key.
type Model = BTreeMap<(Family, Vec<u8>), BTreeMap<u64, Vec<u8>>>;

fn key(random: &SeededRandom) -> (Family, Vec<u8>) {
    let family = Family::ALL[random.below(2) as usize];
    let mut key = vec![b'a' + random.below(3) as u8; random.below(4) as usize];
    key.extend_from_slice(&(random.below(40) as u16).to_be_bytes());
    (family, key)
}

fn bound(random: &SeededRandom) -> Bound<Vec<u8>> {
    match random.below(3) {
        0 => Bound::Unbounded,
        1 => Bound::Included(key(random).1),
        _ => Bound::Excluded(key(random).1),
    }
}

/// Some runs, each newer than the one before, some merged, and what is in them.
fn filled(random: &SeededRandom, spool: &Spool) -> (Layers, Model) {
    let (mut layers, mut model) = (Layers::default(), Model::new());
    let mut stamp = 0;
    for _ in 0..1 + random.below(40) {
        let mut run = Model::new();
        for _ in 0..random.below(60) {
            stamp += 1;
            let mut body = vec![0; random.below(700) as usize];
            random.fill(&mut body);
            run.entry(key(random)).or_default().insert(stamp, body);
        }
        let mut writer = spool.write(run.len() as u64).unwrap();
        for ((family, key), versions) in &run {
            for (stamp, body) in versions.iter().rev() {
                writer.push(*family, key, *stamp, body).unwrap();
            }
        }
        layers.push(writer.finish().unwrap(), None);
        layers.compact(spool).unwrap();
        for (key, versions) in run {
            model.entry(key).or_default().extend(versions);
        }
        if random.chance(10) {
            let after = random.below(stamp + 1);
            layers.take_back(after, stamp);
            model.values_mut().for_each(|versions| versions.retain(|own, _| *own <= after));
        }
    }
    (layers, model)
}

#[test]
fn layers_are_what_was_written() {
    for seed in 0..10 {
        let random = SeededRandom::new(seed);
        let host = Host::memory(seed);
        let spool = Spool::open(&host, Path::new("/spool"), 0).unwrap();
        let (layers, model) = filled(&random, &spool);
        let newest = |versions: &BTreeMap<u64, Vec<u8>>, stamp: u64| {
            versions.range(..=stamp).next_back().map(|(stamp, body)| (*stamp, body.clone()))
        };
        for _ in 0..60 {
            let (family, key) = key(&random);
            let stamp = if random.chance(30) { u64::MAX } else { random.below(900) };
            let versions = model.get(&(family, key.clone())).cloned().unwrap_or_default();
            let expected = newest(&versions, stamp);
            assert_eq!(
                layers.at(family, &key, stamp, None::<(u64, Vec<u8>)>).unwrap(),
                expected,
                "seed {seed}"
            );
            let all: BTreeMap<u64, Vec<u8>> = layers.all(family, &key).unwrap().into_iter().collect();
            assert_eq!(all, versions, "seed {seed}");

            let (from, to, backward) = (bound(&random), bound(&random), random.chance(50));
            let (mut left_from, mut left_to) = (from.clone(), to.clone());
            let mut found = Vec::new();
            loop {
                let range = as_slices(&left_from, &left_to);
                let run = layers.range(recent::Run::default(), family, range, backward, stamp, 7).unwrap();
                found.extend(run.items.into_iter().map(|(key, stamp, body)| (key, (stamp, body))));
                match run.end {
                    None => break,
                    Some(end) if backward => left_to = Bound::Excluded(end),
                    Some(end) => left_from = Bound::Excluded(end),
                }
            }
            let is_in = |key: &Vec<u8>| {
                (match &from {
                    Bound::Unbounded => true,
                    Bound::Included(from) => key >= from,
                    Bound::Excluded(from) => key > from,
                }) && match &to {
                    Bound::Unbounded => true,
                    Bound::Included(to) => key <= to,
                    Bound::Excluded(to) => key < to,
                }
            };
            let of_family = model.iter().filter(|((of, key), _)| *of == family && is_in(key));
            let mut expected: Vec<_> = of_family
                .filter_map(|((_, key), versions)| Some((key.clone(), newest(versions, stamp)?)))
                .collect();
            if backward {
                expected.reverse();
            }
            assert_eq!(found, expected, "seed {seed}: {from:?} {to:?} {backward}");
        }
        for family in Family::ALL {
            let mut tops = layers.tops(family).unwrap();
            let found = std::iter::from_fn(|| tops.next().unwrap()).collect::<Vec<_>>();
            let of_family = model.iter().filter(|((of, _), _)| *of == family);
            let expected: Vec<_> = of_family
                .filter_map(|((_, key), versions)| Some((key.clone(), newest(versions, u64::MAX)?.1)))
                .collect();
            assert_eq!(found, expected, "seed {seed}");
        }
        drop(layers);
        assert_eq!(host.disk.list(Path::new("/spool")).unwrap(), Vec::<String>::new(), "seed {seed}");
    }
}

#[test]
fn a_run_out_of_order_is_refused() {
    let spool = Spool::open(&Host::memory(1), Path::new("/spool"), 0).unwrap();
    let mut writer = spool.write(2).unwrap();
    writer.push(Family::Entry, b"a", 1, b"x").unwrap();
    assert!(writer.push(Family::Row, b"b", 1, b"x").is_err());
}

/// Every bit of every block is under its checksum or its place.
#[test]
fn a_changed_bit_is_found() {
    let host = Host::memory(2);
    let spool = Spool::open(&host, Path::new("/spool"), 0).unwrap();
    let mut writer = spool.write(40).unwrap();
    (0..40u8).for_each(|number| writer.push(Family::Row, &[number], 1, &[number; 500]).unwrap());
    let run = writer.finish().unwrap();
    let file = host.disk.open(Path::new("/spool/1"), OpenMode::Write).unwrap();
    let random = SeededRandom::new(3);
    for _ in 0..200 {
        let (offset, bit) = (random.below(run.size_bytes), random.below(8));
        let flip = || {
            let mut byte = [0];
            file.read_exact_at(&mut byte, offset).unwrap();
            file.write_all_at(&[byte[0] ^ 1 << bit], offset).unwrap();
        };
        flip();
        let mut rows = run.rows().unwrap();
        let mut outcome = Ok(Some(Default::default()));
        while let Ok(Some(_)) = outcome {
            outcome = rows.next();
        }
        assert!(outcome.is_err(), "offset {offset}, bit {bit}");
        flip();
    }
}
