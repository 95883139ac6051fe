use super::*;

#[test]
fn without_faults_it_is_a_disk() {
    crate::memory::tests::exercise_disk(&FaultyDisk::new(1), Path::new(""));
}

/// Over many seeds: synced bytes always survive, unsynced ones survive in whole sectors, sometimes not at all.
#[test]
fn a_crash_keeps_what_was_synced() {
    let (mut lost, mut torn, mut kept) = (0, 0, 0);
    for seed in 0..200 {
        let disk = FaultyDisk::new(seed);
        let path = Path::new("file");
        let file = disk.open(path, OpenMode::Create).unwrap();
        file.write_all_at(&[1; 700], 0).unwrap();
        file.sync().unwrap();
        disk.sync_dir(Path::new("")).unwrap();
        file.write_all_at(&[2; 3000], 700).unwrap();
        disk.crash();
        assert!(file.len().is_err(), "seed {seed}: a handle outlived the crash");
        let bytes = disk.read(path).unwrap();
        assert_eq!(&bytes[..700], [1; 700], "seed {seed}");
        for sector in bytes[700..].chunk_by(|a, b| a == b) {
            assert!(sector[0] == 0 || sector[0] == 2, "seed {seed}");
        }
        match bytes[700..].iter().filter(|byte| **byte == 2).count() {
            0 => lost += 1,
            3000 => kept += 1,
            _ => torn += 1,
        }
    }
    assert!(lost > 20 && torn > 20 && kept > 20, "{lost} {torn} {kept}");
}

#[test]
fn a_name_without_sync_of_its_folder_may_vanish() {
    let survived = (0..100).filter(|&seed| {
        let disk = FaultyDisk::new(seed);
        let file = disk.open(Path::new("file"), OpenMode::Create).unwrap();
        file.write_all_at(b"x", 0).unwrap();
        file.sync().unwrap();
        disk.crash();
        disk.exists(Path::new("file"))
    });
    assert!((1..100).contains(&survived.count()));
}

#[test]
fn replace_leaves_the_old_or_the_new() {
    for seed in 0..300 {
        let disk = FaultyDisk::new(seed);
        let path = Path::new("file");
        disk.replace(path, b"old", false).unwrap();
        let before = disk.calls();
        disk.fail_at(1 + seed % 7, Failure::Forever);
        let done = disk.replace(path, b"new", false);
        assert!(disk.calls() > before);
        disk.crash();
        let found = disk.read(path).unwrap();
        assert!(found == b"new" || (found == b"old" && done.is_err()), "seed {seed}: {found:?}");
    }
}

#[test]
fn a_failed_sync_never_becomes_a_success() {
    let durable = (0..100).filter(|&seed| {
        let disk = FaultyDisk::new(seed);
        let file = disk.open(Path::new("file"), OpenMode::Create).unwrap();
        disk.sync_dir(Path::new("")).unwrap();
        file.write_all_at(b"x", 0).unwrap();
        disk.fail_at(1, Failure::Once);
        file.sync().unwrap_err();
        file.sync().unwrap();
        disk.crash();
        disk.read(Path::new("file")).unwrap() == b"x"
    });
    assert!((1..100).contains(&durable.count()));
}

#[test]
fn a_full_disk_says_so_and_reads_go_on() {
    let disk = FaultyDisk::new(3);
    let file = disk.open(Path::new("file"), OpenMode::Create).unwrap();
    disk.set_capacity(Some(10));
    file.write_all_at(&[7; 8], 0).unwrap();
    assert_eq!(file.write_all_at(&[8; 8], 8).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(disk.read(Path::new("file")).unwrap(), [7, 7, 7, 7, 7, 7, 7, 7, 8, 8]);
    file.set_len(4).unwrap();
    file.write_all_at(&[9; 6], 4).unwrap();
    disk.flip_bit(Path::new("file"), 0, 0).unwrap();
    assert_eq!(disk.read(Path::new("file")).unwrap()[0], 6);
}

#[test]
fn full_from_a_call_on_until_there_is_room() {
    let disk = FaultyDisk::new(4);
    let path = Path::new("file");
    let file = disk.open(path, OpenMode::Create).unwrap();
    file.write_all_at(&[1; 8], 0).unwrap();
    disk.fail_at(2, Failure::Full);
    file.write_all_at(&[2; 8], 8).unwrap();
    let full = |error: io::Error| assert_eq!(error.kind(), ErrorKind::StorageFull);
    full(file.write_all_at(&[3; 8], 16).unwrap_err());
    full(file.set_len(100).unwrap_err());
    full(disk.open(Path::new("other"), OpenMode::Create).err().unwrap());
    full(disk.create_dir_all(Path::new("folder")).unwrap_err());
    file.set_len(12).unwrap();
    file.sync().unwrap();
    assert_eq!(disk.read(path).unwrap(), [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2]);
    disk.heal();
    file.write_all_at(&[4; 8], 12).unwrap();
}

#[test]
fn often_is_not_always() {
    let disk = FaultyDisk::new(7);
    let file = disk.open(Path::new("file"), OpenMode::Create).unwrap();
    disk.fail_at(11, Failure::Often(30));
    let failed: Vec<bool> = (0..110).map(|at| file.write_all_at(b"x", at).is_err()).collect();
    assert!(!failed[..10].contains(&true));
    let count = failed.iter().filter(|failed| **failed).count();
    assert!((15..45).contains(&count), "{count}");
}

#[test]
fn a_dead_process_changes_nothing_and_leaves_the_cache() {
    let disk = FaultyDisk::new(5);
    let path = Path::new("file");
    let process = disk.for_process();
    let file = process.open(path, OpenMode::Create).unwrap();
    file.write_all_at(b"cached", 0).unwrap();
    let lock = process.lock(Path::new("")).unwrap();
    disk.kill();
    assert!(file.write_all_at(b"x", 0).is_err() && file.sync().is_err());
    assert!(process.remove_file(path).is_err() && process.open(path, OpenMode::Read).is_err());
    let next = disk.for_process();
    let held = next.lock(Path::new("")).unwrap();
    drop(lock);
    assert!(next.lock(Path::new("")).is_err(), "a dead process gave another's lock back");
    drop(held);
    assert_eq!(next.read(path).unwrap(), b"cached");
}

#[test]
fn damage_reaches_what_was_synced() {
    let disk = FaultyDisk::new(6);
    let path = Path::new("file");
    disk.replace(path, b"synced", false).unwrap();
    disk.overwrite(path, Some(b"rotten".to_vec()));
    disk.crash();
    assert_eq!(disk.read(path).unwrap(), b"rotten");
    disk.overwrite(path, None);
    disk.crash();
    assert!(!disk.exists(path));
}

/// Whatever call fails, a folder that was made at last is there after the crash.
#[test]
fn a_folder_outlives_power_loss_even_if_its_making_was_cut_short() {
    for seed in 0..200 {
        let disk = FaultyDisk::new(seed);
        let path = Path::new("data/databases/system");
        disk.fail_at(1 + seed % 8, Failure::Once);
        if disk.make_folder(path).is_err() {
            disk.make_folder(path).unwrap();
        }
        disk.crash();
        assert!(disk.is_dir(path), "seed {seed}");
    }
}
