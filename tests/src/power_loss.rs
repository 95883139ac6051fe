//! Loss of power, for a real process: what no fsync had made durable may be gone, in part and in any order.
//!
//! ```text
//!   Server::start ── LD_PRELOAD power_loss.c ──> files of the folder     as the system's cache has them
//!                                           └──> journal                 what was done to them, and every fsync
//!   kill -9, then PowerLoss::cut:  folder ─ journal's writes since their last fsync ──> what a disk may hold
//! ```
//! What a disk may hold: of a file, each sector of 512 bytes as it was at the last fsync or as any write since left it,
//! and its length likewise; of a folder, the names as at its own last fsync, and of the changes since the first few of
//! each name (a rename is one change of two names). A file's fsync does not make its name durable. A failed fsync makes
//! nothing durable, and no later one what it failed for, as on Linux.
//!
//! It says no to what it does not know (shared mappings, links), and to a folder that is not as the journal says.

use crate::random::Random;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const SECTOR_BYTES: usize = 512;

/// What is lost of that which no fsync covers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    /// All of it.
    Everything,
    /// Some of it: sectors, lengths and names each as chance will have it.
    Some,
    /// What was done last: a disk that keeps the order.
    Newest,
    /// All of it, and of what fsync covers too: the folder is as it was when the round began. Shows that nothing was
    /// done past the journal.
    Fsyncs,
}

/// A data folder under the model. It holds nothing but `data` (the data folder) and what the model needs.
pub struct PowerLoss {
    library: PathBuf,
    data: PathBuf,
    state: PathBuf,
    /// The names when the round began.
    base: Names,
    rounds: u32,
    environment: Vec<(&'static str, OsString)>,
}

/// Told after a cut.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Lost {
    /// Writes and truncations that no fsync covered.
    pub changes: usize,
    pub names: usize,
}

type Inode = u64;

/// Folders and what is in them; files are only referred to.
#[derive(Debug, Clone, PartialEq)]
struct Names {
    root: Inode,
    folders: BTreeMap<Inode, BTreeMap<String, Inode>>,
}

struct Record {
    kind: u8,
    inode: Inode,
    a: u64,
    b: u64,
    c: u64,
    payload: Vec<u8>,
    /// Where it is in the journal.
    position: u64,
}

/// A change of names: what leaves, what comes.
struct Renaming {
    position: u64,
    from: Option<(Inode, String)>,
    to: Option<(Inode, String)>,
    inode: Inode,
    durable: bool,
}

/// A change of a file's contents.
struct Change {
    position: u64,
    offset: u64,
    /// None: a truncation to `offset`.
    bytes: Option<u64>,
    length_before: u64,
    before: Vec<u8>,
    durable: bool,
    /// An fsync failed on it.
    given_up: bool,
}

impl PowerLoss {
    /// A new data folder in `folder`; None, said, where there is no C compiler.
    pub fn new(folder: &Path) -> Option<PowerLoss> {
        let folder = folder.canonicalize().unwrap();
        let library = library(&folder)?;
        let (data, state) = (folder.join("data"), folder.join("state"));
        for path in [&data, &state, &state.join("removed")] {
            fs::create_dir_all(path).unwrap();
        }
        let base = Names::of(&data);
        let mut power = PowerLoss { library, data, state, base, rounds: 0, environment: Vec::new() };
        power.begin();
        Some(power)
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What a program needs in its environment to run under the model.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut environment = self.environment.clone();
        environment.extend([
            ("LD_PRELOAD", self.library.clone().into()),
            ("STELE_POWER_ROOT", self.data.clone().into()),
            ("STELE_POWER_STATE", self.state.clone().into()),
        ]);
        environment
    }

    /// Programs that are started from now on say of every fsync of such paths (`*.seg`) that it was done, and it is not.
    pub fn lie_about(&mut self, pattern: &str) {
        self.environment.push(("STELE_POWER_LIES", pattern.into()));
    }

    /// The next program fails its `nth` fsync of such a path with EIO.
    pub fn fail_fsync(&mut self, pattern: &str, nth: u32) {
        self.tell_the_truth();
        self.environment.push(("STELE_POWER_FAILS", format!("{pattern}:{nth}:5").into()));
    }

    /// The end of [`PowerLoss::lie_about`] and [`PowerLoss::fail_fsync`].
    pub fn tell_the_truth(&mut self) {
        self.environment.clear();
    }

    /// Files may grow by so much altogether; None: as the disk likes.
    pub fn set_space(&self, bytes: Option<u64>) {
        self.set_control(0, bytes.map_or(-1, |bytes| bytes as i64));
    }

    /// The program dies instead of its nth change of a file from now; None: it lives.
    pub fn die_after(&self, operations: Option<u64>) {
        self.set_control(8, operations.map_or(-1, |operations| operations as i64));
    }

    /// Changes of files and fsyncs so far.
    pub fn operations(&self) -> i64 {
        let control = fs::read(self.state.join("control")).unwrap();
        i64::from_ne_bytes(control[16..24].try_into().unwrap())
    }

    fn set_control(&self, offset: u64, value: i64) {
        use std::os::unix::fs::FileExt;
        let file = fs::OpenOptions::new().write(true).open(self.state.join("control")).unwrap();
        file.write_all_at(&value.to_ne_bytes(), offset).unwrap();
    }

    /// What is left of a record that kill -9 stopped the writing of.
    pub fn tear_journal(&self) {
        use std::io::Write;
        let path = self.state.join("journal");
        let mut journal = fs::OpenOptions::new().append(true).open(path).unwrap();
        journal.write_all(&[[b'W', 0, 0, 0, 100, 0, 0, 0]; 6].concat()).unwrap();
    }

    /// A round begins: what is in the folder is durable.
    pub fn begin(&mut self) {
        self.rounds += 1;
        let removed = self.state.join("removed");
        fs::remove_dir_all(&removed).unwrap();
        fs::create_dir(&removed).unwrap();
        fs::write(self.state.join("journal"), []).unwrap();
        fs::write(self.state.join("control"), [[0xff; 8], [0xff; 8], [0; 8]].concat()).unwrap();
        self.boot_again();
        self.base = Names::of(&self.data);
    }

    /// The machine has another boot id from now on.
    fn boot_again(&self) {
        let id = format!("{:08x}-0000-4000-8000-{:012x}", std::process::id(), self.rounds);
        fs::write(self.state.join("boot_id"), id).unwrap();
    }

    /// Every program that had the folder open is gone: makes of it what the disk may hold. The next round begins.
    pub fn cut(&mut self, loss: Loss, random: &mut Random) -> Lost {
        let records = read_journal(&self.state.join("journal"));
        let places = self.places();
        let last = records.last().map_or(0, |record| record.position);
        let kept_until = match loss {
            Loss::Newest => random.below(last.max(1)),
            _ => 0,
        };
        let mut lost = Lost::default();
        for (inode, mut changes) in changes(&records, loss) {
            // All that was durable anyhow, up to the first that was not, stays as it is.
            let first = changes.iter().position(|change| !change.durable).unwrap_or(changes.len());
            changes.drain(..first);
            lost.changes += changes.iter().filter(|change| !change.durable).count();
            let Some(path) = places.get(&inode).filter(|_| !changes.is_empty()) else { continue };
            let contents = contents(fs::read(path).unwrap(), &changes, loss, kept_until, random);
            // In place: it may have two names.
            fs::write(path, contents).unwrap();
        }
        let (names, lost_names) = self.names(&records, loss, kept_until, random);
        lost.names = lost_names;
        self.build(&names, &places);
        self.begin();
        lost
    }

    /// Where each inode is: in the folder or among what was removed.
    fn places(&self) -> HashMap<Inode, PathBuf> {
        let mut places = HashMap::new();
        for entry in fs::read_dir(self.state.join("removed")).unwrap() {
            let entry = entry.unwrap();
            places.insert(entry.metadata().unwrap().ino(), entry.path());
        }
        let mut folders = vec![self.data.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let found = entry.metadata().unwrap();
                if found.is_dir() {
                    folders.push(entry.path());
                } else {
                    places.insert(found.ino(), entry.path());
                }
            }
        }
        places
    }

    /// The names that the disk may hold, and how many changes of names were lost.
    fn names(&self, records: &[Record], loss: Loss, kept_until: u64, random: &mut Random) -> (Names, usize) {
        let (mut issued, mut before_last) = (self.base.clone(), self.base.clone());
        let mut renamings: Vec<Renaming> = Vec::new();
        for record in records {
            let payload = || String::from_utf8(record.payload.clone()).unwrap();
            let (from, to) = match record.kind {
                b'C' | b'M' => (None, Some(issued.place(&payload()))),
                b'U' | b'D' => (Some(issued.place(&payload())), None),
                b'R' => {
                    let names = payload();
                    let (from, to) = names.split_once('\0').unwrap();
                    (Some(issued.place(from)), Some(issued.place(to)))
                }
                b'A' => {
                    // Only changes of names are ever taken back.
                    renamings.pop();
                    issued.clone_from(&before_last);
                    continue;
                }
                b'S' if loss != Loss::Fsyncs => {
                    for renaming in &mut renamings {
                        let folders = [&renaming.from, &renaming.to];
                        let here = folders
                            .iter()
                            .any(|place| matches!(place, Some((folder, _)) if *folder == record.inode));
                        renaming.durable |= here && renaming.position < record.a;
                    }
                    continue;
                }
                _ => continue,
            };
            let renaming =
                Renaming { position: record.position, from, to, inode: record.inode, durable: false };
            before_last.clone_from(&issued);
            issued.apply(&renaming);
            if record.kind == b'M' {
                issued.folders.insert(record.inode, BTreeMap::new());
            }
            renamings.push(renaming);
        }
        let found = Names::of(&self.data);
        assert!(
            found.same(&issued) || found.same(&before_last) || found.has_one_more_than(&issued),
            "the folder is not as the journal says:\n{found:?}\n{issued:?}"
        );
        let mut names = self.base.clone();
        for record in records.iter().filter(|record| record.kind == b'M') {
            names.folders.insert(record.inode, BTreeMap::new());
        }
        // Changes that share a name are lost from the newest on; those of different names as chance will have it.
        let mut stopped: BTreeSet<(Inode, String)> = BTreeSet::new();
        let mut lost = 0;
        for renaming in &renamings {
            let touched: Vec<_> = [&renaming.from, &renaming.to].into_iter().flatten().cloned().collect();
            let keeps = match loss {
                Loss::Everything | Loss::Fsyncs => false,
                Loss::Newest => renaming.position < kept_until,
                Loss::Some => touched.iter().all(|place| !stopped.contains(place)) && random.below(2) == 0,
            };
            if renaming.durable || keeps {
                names.apply(renaming);
            } else {
                lost += 1;
                stopped.extend(touched);
            }
        }
        (names, lost)
    }

    /// Makes the data folder hold these names.
    fn build(&self, names: &Names, places: &HashMap<Inode, PathBuf>) {
        let next = self.state.join("next");
        let mut built = BTreeSet::new();
        let mut folders = vec![(names.root, next.clone())];
        while let Some((folder, path)) = folders.pop() {
            fs::create_dir(&path).unwrap();
            for (name, inode) in &names.folders[&folder] {
                let path = path.join(name);
                if names.folders.contains_key(inode) {
                    folders.push((*inode, path));
                } else if built.insert(*inode) {
                    fs::rename(&places[inode], path).unwrap();
                }
            }
        }
        fs::remove_dir_all(&self.data).unwrap();
        fs::rename(next, &self.data).unwrap();
    }
}

impl Names {
    fn of(root: &Path) -> Names {
        let inode = |path: &Path| fs::metadata(path).unwrap().ino();
        let mut names = Names { root: inode(root), folders: BTreeMap::new() };
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let mut within = BTreeMap::new();
            for entry in fs::read_dir(&folder).unwrap() {
                let entry = entry.unwrap();
                within.insert(entry.file_name().into_string().unwrap(), inode(&entry.path()));
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                }
            }
            names.folders.insert(inode(&folder), within);
        }
        names
    }

    /// The folder that a path below the root is in, and its name there.
    fn place(&self, path: &str) -> (Inode, String) {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let walk = |folder: Inode, name: &str| self.folders[&folder][name];
        let folder = folders.split('/').filter(|name| !name.is_empty()).fold(self.root, walk);
        (folder, name.to_owned())
    }

    fn apply(&mut self, renaming: &Renaming) {
        let Renaming { from, to, inode, .. } = renaming;
        if let Some((folder, name)) = from
            && let Some(within) = self.folders.get_mut(folder)
            && within.get(name) == Some(inode)
        {
            within.remove(name);
        }
        if let Some((folder, name)) = to {
            self.folders.entry(*folder).or_default().insert(name.clone(), *inode);
        }
    }

    /// Something is made before it is written down, as its inode is not known earlier: the process may have been killed
    /// between the two. It is lost then.
    fn has_one_more_than(&self, other: &Names) -> bool {
        let mut new = Vec::new();
        for (folder, within) in &self.folders {
            let known = other.folders.get(folder);
            let is_new = |name: &&String| known.is_none_or(|known| !known.contains_key(*name));
            new.extend(within.keys().filter(is_new).map(|name| (*folder, name.clone())));
        }
        let [(folder, name)] = &new[..] else { return false };
        let mut without = self.clone();
        without.folders.entry(*folder).or_default().remove(name);
        without.same(other)
    }

    /// Folders that are nowhere any more do not count.
    fn same(&self, other: &Names) -> bool {
        let mut folders = vec![self.root];
        while let Some(folder) = folders.pop() {
            let within = &self.folders[&folder];
            if other.folders.get(&folder) != Some(within) {
                return false;
            }
            folders.extend(within.values().filter(|inode| self.folders.contains_key(inode)));
        }
        true
    }
}

/// The changes of each file, and which of them are durable.
fn changes(records: &[Record], loss: Loss) -> BTreeMap<Inode, Vec<Change>> {
    let mut changes: BTreeMap<Inode, Vec<Change>> = BTreeMap::new();
    for record in records {
        let Record { kind, inode, a, b, c, ref payload, position } = *record;
        let of_file = changes.entry(inode).or_default();
        match kind {
            b'W' | b'T' => of_file.push(Change {
                position,
                offset: a,
                bytes: (kind == b'W').then_some(b),
                length_before: c,
                before: payload.clone(),
                durable: false,
                given_up: false,
            }),
            b'S' if loss != Loss::Fsyncs => {
                let covered = of_file.iter_mut().filter(|change| change.position < a && !change.given_up);
                covered.for_each(|change| change.durable = true);
            }
            b'F' => {
                let covered = of_file.iter_mut().filter(|change| change.position < a && !change.durable);
                covered.for_each(|change| change.given_up = true);
            }
            b'X' => panic!("the model does not know {}", String::from_utf8_lossy(payload)),
            _ => {}
        }
    }
    changes
}

/// What a disk may hold of a file that now is `bytes`.
fn contents(
    mut bytes: Vec<u8>,
    changes: &[Change],
    loss: Loss,
    kept_until: u64,
    random: &mut Random,
) -> Vec<u8> {
    // Back to before all of them, remembering what each had written.
    let mut written = Vec::with_capacity(changes.len());
    for change in changes.iter().rev() {
        let (from, length_before) = (change.offset as usize, change.length_before as usize);
        let to = change.bytes.map_or(from, |count| from + count as usize);
        // A write that was cut short left the file shorter.
        written.push(bytes.get(from..to.min(bytes.len())).unwrap_or_default().to_vec());
        bytes.resize(length_before, 0);
        bytes[from.min(length_before)..][..change.before.len()].copy_from_slice(&change.before);
    }
    written.reverse();

    let count = changes.len() as u64 + 1;
    let length_until = random.below(count);
    let mut sector_until: HashMap<usize, u64> = HashMap::new();
    let mut length = bytes.len();
    for (number, (change, written)) in (0..).zip(changes.iter().zip(&written)) {
        let from = change.offset as usize;
        let keeps = |until: u64| match loss {
            _ if change.durable => true,
            Loss::Everything | Loss::Fsyncs => false,
            Loss::Newest => change.position < kept_until,
            Loss::Some => number < until,
        };
        match change.bytes {
            None if keeps(length_until) => {
                bytes.truncate(from);
                length = from;
            }
            None => {}
            Some(_) => {
                let end = from + written.len();
                bytes.resize(bytes.len().max(end), 0);
                for sector in from / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES) {
                    let until = *sector_until.entry(sector).or_insert_with(|| random.below(count));
                    if keeps(until) {
                        let start = from.max(sector * SECTOR_BYTES);
                        let stop = end.min((sector + 1) * SECTOR_BYTES);
                        bytes[start..stop].copy_from_slice(&written[start - from..stop - from]);
                    }
                }
                if keeps(length_until) {
                    length = length.max(end);
                }
            }
        }
    }
    bytes.resize(length, 0);
    bytes
}

/// Whole records; the last may be cut short.
fn read_journal(path: &Path) -> Vec<Record> {
    let bytes = fs::read(path).unwrap();
    let mut records = Vec::new();
    let mut at = 0;
    while let Some(head) = bytes.get(at..at + 40) {
        let word = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().unwrap());
        let half = |at: usize| u32::from_ne_bytes(head[at..at + 4].try_into().unwrap());
        let Some(payload) = bytes.get(at + 40..at + 40 + half(4) as usize) else { break };
        records.push(Record {
            kind: half(0) as u8,
            inode: word(8),
            a: word(16),
            b: word(24),
            c: word(32),
            payload: payload.to_vec(),
            position: at as u64,
        });
        at += 40 + payload.len();
    }
    records
}

/// Makes the library in `folder`; None where nothing makes it.
fn library(folder: &Path) -> Option<PathBuf> {
    let (source, library) = (folder.join("power_loss.c"), folder.join("power_loss.so"));
    fs::write(&source, include_str!("../power_loss/power_loss.c")).unwrap();
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let made = Command::new(&compiler)
        .args(["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status();
    match made {
        Ok(status) => {
            assert!(status.success(), "power_loss.c was not compiled");
            Some(library)
        }
        Err(error) => {
            eprintln!("{compiler}: {error}: loss of power is not tested here");
            None
        }
    }
}
