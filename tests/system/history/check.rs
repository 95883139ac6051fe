//! Finds what an isolation level forbids in a history of transactions, from what they read and wrote alone.
//!
//! Every written value is unique, and every key's order of versions is known: so who wrote what another read, and who
//! overwrote it, follows. The anomalies are Adya's (Generalized Isolation Level Definitions, 2000), found as Elle does
//! (Kingsbury and Alvaro, VLDB 2020): cycles in the graph of dependencies.
//!
//! | level | forbidden |
//! |---|---|
//! | READ COMMITTED | G0, G1a, G1b, G1c |
//! | REPEATABLE READ (snapshot isolation) | also cycles without two anti-dependencies in a row (Fekete et al., 2005) |
//! | SERIALIZABLE | any cycle |
//!
//! At each: a commit is lost, kept by half, or not seen by who began after its acknowledgement.

use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::{HashMap, HashSet};
use std::fmt;

pub type Key = u32;
pub type Value = u32;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::ReadCommitted => "READ COMMITTED",
            Level::RepeatableRead => "REPEATABLE READ",
            Level::Serializable => "SERIALIZABLE",
        })
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    Write {
        key: Key,
        value: Value,
    },
    /// The newest versions of the key, newest last: all of a list, two of a register.
    Read {
        key: Key,
        seen: Vec<Value>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Committed,
    Aborted,
    /// The connection broke during COMMIT.
    Unknown,
}

#[derive(Debug, Clone)]
pub struct Transaction {
    pub operations: Vec<Operation>,
    pub outcome: Outcome,
    /// Nanoseconds on one clock: before BEGIN was sent, and after the last answer came.
    pub began: u64,
    pub ended: u64,
}

/// Each key's versions, oldest first.
pub type Orders = HashMap<Key, Vec<Value>>;

/// What is wrong, each in a line that begins with the anomaly's name. Empty: nothing.
pub fn anomalies(level: Level, transactions: &[Transaction], orders: &Orders) -> Vec<String> {
    let mut check = Check::new(transactions, orders);
    check.writes();
    check.reads();
    check.cycles(level);
    check.found
}

struct Check<'a> {
    transactions: &'a [Transaction],
    orders: &'a Orders,
    /// Of each value: its transaction, and whether that wrote the key again.
    writers: HashMap<Value, (usize, bool)>,
    /// Of each value: its place in its key's order.
    places: HashMap<Value, usize>,
    /// Transactions that took effect.
    effective: Vec<bool>,
    found: Vec<String>,
}

impl<'a> Check<'a> {
    fn new(transactions: &'a [Transaction], orders: &'a Orders) -> Check<'a> {
        let mut writers = HashMap::new();
        for (number, transaction) in transactions.iter().enumerate() {
            let mut last = HashMap::new();
            for operation in &transaction.operations {
                if let Operation::Write { key, value } = operation {
                    writers.insert(*value, (number, false));
                    if let Some(before) = last.insert(*key, *value) {
                        writers.insert(before, (number, true));
                    }
                }
            }
        }
        let mut places = HashMap::new();
        let mut found = Vec::new();
        for (key, order) in orders {
            for (place, value) in order.iter().enumerate() {
                if places.insert(*value, place).is_some() {
                    found.push(format!("duplicate: value {value} is twice in key {key}"));
                }
            }
        }
        Check { transactions, orders, writers, places, effective: vec![false; transactions.len()], found }
    }

    /// Commits are there as a whole, and nothing else is.
    fn writes(&mut self) {
        for order in self.orders.values() {
            for value in order {
                if !self.writers.contains_key(value) {
                    self.found.push(format!("garbage: nobody wrote value {value}"));
                }
            }
        }
        for (number, transaction) in self.transactions.iter().enumerate() {
            let writes = transaction.operations.iter().filter_map(|operation| match operation {
                Operation::Write { value, .. } => Some(self.places.contains_key(value)),
                Operation::Read { .. } => None,
            });
            let (kept, lost): (Vec<bool>, Vec<bool>) = writes.partition(|kept| *kept);
            self.effective[number] = transaction.outcome == Outcome::Committed || !kept.is_empty();
            match transaction.outcome {
                Outcome::Committed if !lost.is_empty() => {
                    self.found.push(format!("lost write: {transaction:?}"))
                }
                Outcome::Aborted if !kept.is_empty() => {
                    self.found.push(format!("G1a, kept: {transaction:?}"))
                }
                Outcome::Unknown if !kept.is_empty() && !lost.is_empty() => {
                    self.found.push(format!("half a transaction: {transaction:?}"));
                }
                _ => {}
            }
        }
    }

    /// What each read saw was committed, complete, in the key's order, own writes included, and not too old.
    fn reads(&mut self) {
        let acknowledged = self.acknowledged();
        for (number, transaction) in self.transactions.iter().enumerate() {
            let mut own: HashMap<Key, Vec<Value>> = HashMap::new();
            for operation in &transaction.operations {
                let (key, seen) = match operation {
                    Operation::Write { key, value } => {
                        own.entry(*key).or_default().push(*value);
                        continue;
                    }
                    Operation::Read { key, seen } => (key, seen),
                };
                let own = own.get(key).map_or(&[][..], Vec::as_slice);
                let tail = own.len().min(seen.len());
                let internal =
                    seen.len() >= own.len().min(2) && seen[seen.len() - tail..] == own[own.len() - tail..];
                if !internal {
                    self.found.push(format!("internal: key {key} lacks own writes: {transaction:?}"));
                    continue;
                }
                let newest = seen[..seen.len() - tail].last();
                match newest.map(|newest| (newest, self.writers.get(newest))) {
                    Some((newest, None)) => {
                        self.found.push(format!("garbage: value {newest} was read in {transaction:?}"))
                    }
                    Some((newest, Some((writer, _)))) if *writer != number && !self.effective[*writer] => {
                        self.found.push(format!(
                            "G1a: value {newest} of an aborted transaction in {transaction:?}"
                        ));
                    }
                    Some((newest, Some((writer, true)))) if *writer != number => {
                        self.found.push(format!("G1b: intermediate value {newest} in {transaction:?}"));
                    }
                    _ => {}
                }
                if !self.effective[number] {
                    continue;
                }
                let order = self.order(*key);
                let end = self.end(seen);
                if end < seen.len() || order[end - seen.len()..end] != seen[..] {
                    self.found.push(format!("order: key {key} is {order:?}, read in {transaction:?}"));
                }
                let due = acknowledged.get(key).map_or(0, |known| due(known, transaction.began));
                if end < due {
                    self.found.push(format!(
                        "stale: {due} versions of key {key} were acknowledged before {transaction:?}"
                    ));
                }
            }
        }
    }

    fn order(&self, key: Key) -> &'a [Value] {
        self.orders.get(&key).map_or(&[], Vec::as_slice)
    }

    /// How many versions the key had whose newest ones were seen.
    fn end(&self, seen: &[Value]) -> usize {
        seen.last().and_then(|value| self.places.get(value)).map_or(0, |place| place + 1)
    }

    /// Of each key, by time: from then on, how many versions a new transaction must see.
    fn acknowledged(&self) -> HashMap<Key, Vec<(u64, usize)>> {
        let mut known: HashMap<Key, Vec<(u64, usize)>> = HashMap::new();
        for (key, order) in self.orders {
            let times = known.entry(*key).or_default();
            for (place, value) in order.iter().enumerate() {
                let Some((writer, _)) = self.writers.get(value) else { continue };
                let writer = &self.transactions[*writer];
                if writer.outcome == Outcome::Committed {
                    times.push((writer.ended, place + 1));
                }
            }
            times.sort();
            let mut most = 0;
            for (_, versions) in times {
                most = most.max(*versions);
                *versions = most;
            }
        }
        known
    }

    /// Cycles of dependencies.
    ///
    /// Each transaction is two nodes: as who is reached by a read or an overwrite (its number), and as who is reached by
    /// an anti-dependency (its number behind all others). Where no two anti-dependencies may follow each other, none
    /// leaves from the second.
    fn cycles(&mut self, level: Level) {
        let count = self.transactions.len();
        let dependencies = self.dependencies();
        let mut graph = DiGraph::<(), ()>::with_capacity(count * 2, dependencies.len() * 2);
        (0..count * 2).for_each(|_| {
            graph.add_node(());
        });
        let node = NodeIndex::new;
        for &(kind, from, to) in &dependencies {
            match (kind, level) {
                (Kind::Overwrites | Kind::Reads, Level::RepeatableRead) => {
                    graph.add_edge(node(from), node(to), ());
                    graph.add_edge(node(from + count), node(to), ());
                }
                (Kind::Anti, Level::RepeatableRead) => {
                    graph.add_edge(node(from), node(to + count), ());
                }
                (Kind::Anti, Level::ReadCommitted) => {}
                _ => {
                    graph.add_edge(node(from), node(to), ());
                }
            }
        }
        for component in petgraph::algo::kosaraju_scc(&graph) {
            if component.len() < 2 {
                continue;
            }
            let members: HashSet<usize> = component.iter().map(|node| node.index() % count).collect();
            let among: Vec<_> = dependencies
                .iter()
                .filter(|(_, from, to)| members.contains(from) && members.contains(to))
                .collect();
            let name = match () {
                _ if among.iter().all(|(kind, ..)| *kind == Kind::Overwrites) => "G0",
                _ if among.iter().all(|(kind, ..)| *kind != Kind::Anti) => "G1c",
                _ if level == Level::RepeatableRead => "G-SI",
                _ => "G2",
            };
            let shown: Vec<String> = among.iter().take(12).map(|edge| format!("{edge:?}")).collect();
            self.found.push(format!("{name}: {} transactions: {}", members.len(), shown.join(", ")));
        }
    }

    fn dependencies(&self) -> Vec<(Kind, usize, usize)> {
        let mut out = HashSet::new();
        for order in self.orders.values() {
            let writers: Vec<usize> =
                order.iter().filter_map(|value| self.writers.get(value).map(|(writer, _)| *writer)).collect();
            out.extend(writers.windows(2).map(|pair| (Kind::Overwrites, pair[0], pair[1])));
        }
        for (number, transaction) in self.transactions.iter().enumerate().filter(|(n, _)| self.effective[*n])
        {
            for operation in &transaction.operations {
                let Operation::Read { key, seen } = operation else { continue };
                let order = self.order(*key);
                let end = self.end(seen);
                let writer = |value: &Value| self.writers.get(value).map(|(writer, _)| *writer);
                out.extend(seen.last().and_then(writer).map(|from| (Kind::Reads, from, number)));
                out.extend(order.get(end).and_then(writer).map(|to| (Kind::Anti, number, to)));
            }
        }
        out.into_iter().filter(|(_, from, to)| from != to).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// The second overwrites what the first wrote.
    Overwrites,
    /// The second reads what the first wrote.
    Reads,
    /// The second overwrites what the first read.
    Anti,
}

/// How many versions were acknowledged before `began`.
fn due(known: &[(u64, usize)], began: u64) -> usize {
    let before = known.partition_point(|(ended, _)| *ended < began);
    before.checked_sub(1).map_or(0, |at| known[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `w1=10` writes 10 to key 1; `r1=10,20` reads it. One transaction a line; `!` aborted, `?` unknown.
    fn history(text: &str) -> Vec<Transaction> {
        let transaction = |line: &str| {
            let operations = line.trim_matches(['!', '?']).split_whitespace().map(|word| {
                let (key, values) = word[1..].split_once('=').unwrap();
                let key = key.parse().unwrap();
                let values: Vec<Value> = values
                    .split(',')
                    .filter(|value| !value.is_empty())
                    .map(|value| value.parse().unwrap())
                    .collect();
                match word.starts_with('w') {
                    true => Operation::Write { key, value: values[0] },
                    false => Operation::Read { key, seen: values },
                }
            });
            let outcome = match line.chars().next() {
                Some('!') => Outcome::Aborted,
                Some('?') => Outcome::Unknown,
                _ => Outcome::Committed,
            };
            // All at once, but for what `stale` is about.
            Transaction { operations: operations.collect(), outcome, began: 0, ended: 1 }
        };
        text.split(';').map(|line| transaction(line.trim())).collect()
    }

    fn names(level: Level, text: &str, orders: &[(Key, &[Value])]) -> Vec<String> {
        let orders = orders.iter().map(|(key, order)| (*key, order.to_vec())).collect();
        let found = anomalies(level, &history(text), &orders);
        found.iter().map(|line| line.split([':', ',']).next().unwrap().to_owned()).collect()
    }

    use Level::*;

    #[test]
    fn a_sound_history_has_no_anomaly() {
        let text = "w1=10 w2=20; r1=10 w1=11; r1=10,11 r2=20; r3=; !w1=12; ?w2=21; ?w2=22 r2=20,22";
        assert_eq!(names(Serializable, text, &[(1, &[10, 11]), (2, &[20, 22])]), [""; 0]);
    }

    #[test]
    fn what_is_written_is_there_as_a_whole() {
        assert_eq!(names(ReadCommitted, "w1=10 w2=20", &[(1, &[10])]), ["lost write"]);
        assert_eq!(names(ReadCommitted, "?w1=10 w2=20", &[(1, &[10])]), ["half a transaction"]);
        assert_eq!(names(ReadCommitted, "!w1=10", &[(1, &[10])]), ["G1a"]);
        assert_eq!(names(ReadCommitted, "w1=10", &[(1, &[10, 10])]), ["duplicate"]);
        assert_eq!(names(ReadCommitted, "w1=10", &[(1, &[10, 11])]), ["garbage"]);
    }

    #[test]
    fn reads_see_what_was_committed() {
        assert_eq!(names(ReadCommitted, "!w1=10; r1=10", &[])[..1], ["G1a"]);
        assert_eq!(names(ReadCommitted, "w1=10 w1=11; r1=10", &[(1, &[10, 11])])[..1], ["G1b"]);
        assert_eq!(names(ReadCommitted, "w1=10; w1=11; r1=11,10", &[(1, &[10, 11])])[..1], ["order"]);
        assert_eq!(names(ReadCommitted, "w1=10 r1=", &[(1, &[10])]), ["internal"]);
        let mut late = history("w1=10; r1=");
        late[1].began = 2;
        let orders = Orders::from([(1, vec![10])]);
        let found = anomalies(ReadCommitted, &late, &orders);
        assert!(found.len() == 1 && found[0].starts_with("stale"), "{found:?}");
    }

    #[test]
    fn cycles_are_found_where_the_level_forbids_them() {
        let dirty_write = ("w1=10 w2=20; w1=11 w2=21", &[(1, &[10, 11][..]), (2, &[21, 20][..])][..]);
        assert_eq!(names(ReadCommitted, dirty_write.0, dirty_write.1), ["G0"]);
        let circular = ("w1=10 r2=20; w2=20 r1=10", &[(1, &[10][..]), (2, &[20][..])][..]);
        assert_eq!(names(ReadCommitted, circular.0, circular.1), ["G1c"]);
        // One sees half of the other: read skew.
        let skew = ("w1=10 w2=20; r1= r2=20", &[(1, &[10][..]), (2, &[20][..])][..]);
        assert_eq!(names(ReadCommitted, skew.0, skew.1), [""; 0]);
        assert_eq!(names(RepeatableRead, skew.0, skew.1), ["G-SI"]);
        let lost_update = ("r1= w1=10; r1= w1=11", &[(1, &[10, 11][..])][..]);
        assert_eq!(names(ReadCommitted, lost_update.0, lost_update.1), [""; 0]);
        assert_eq!(names(RepeatableRead, lost_update.0, lost_update.1), ["G-SI"]);
        let write_skew = ("r1= w2=20; r2= w1=10", &[(1, &[10][..]), (2, &[20][..])][..]);
        assert_eq!(names(RepeatableRead, write_skew.0, write_skew.1), [""; 0]);
        assert_eq!(names(Serializable, write_skew.0, write_skew.1), ["G2"]);
    }
}
