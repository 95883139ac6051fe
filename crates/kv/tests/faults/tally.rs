//! What many lives have met, to be read and to be sure that the test is not too easy.

use crate::workload::Met;
use std::fmt;
use std::ops::AddAssign;

macro_rules! tally {
    ($($(#[$doc:meta])* $name:ident: $text:literal,)*) => {
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
        pub struct Tally { $($(#[$doc])* pub $name: u64,)* }

        impl AddAssign for Tally {
            fn add_assign(&mut self, other: Tally) {
                $(self.$name += other.$name;)*
            }
        }

        impl fmt::Display for Tally {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $(writeln!(f, "{:>9}  {}", self.$name, $text)?;)*
                Ok(())
            }
        }
    };
}

tally! {
    lives: "lives",
    calls: "calls of the disk",
    openings: "openings, refused ones included",
    cut_short: "openings and creations under a fault of their own, in up to three rows",
    commits: "commits",
    conflicts: "serialization failures",
    disk_errors: "commits, syncs and checkpoints that met an error of the disk",
    disk_full: "commits that met a full disk (53100)",
    prepared: "transactions prepared",
    prepared_resumed: "  found at the beginning of a run, with their locks",
    prepared_committed: "  committed",
    prepared_rolled_back: "  rolled back",
    stops: "runs that a failed write or fsync ended",
    crashes: "power losses under load",
    kills: "ends of the process under load",
    torn: "torn ends cut at opening",
    in_doubt_kept: "commits in flight that were found whole",
    unacknowledged_lost: "commits that nobody waited for and that were lost",
    rotten: "bits flipped under a running store, named when read",
    damages: "damages to synced bytes",
    refused: "of these refused, the place named",
    harmless: "of these derived or nobody's: made again, nothing lost",
    cuts: "of these to an end of the log that nothing covered: cut",
    cut_acknowledged: "  with acknowledged transactions in it",
    cut_transactions: "  acknowledged transactions lost by that",
    cut_many: "  of more than one block",
    cut_traceless: "  without a trace: cut short at a block's end, or the file gone",
}

impl Tally {
    pub fn add_met(&mut self, met: &Met) {
        let Met { commits, disk_errors, disk_full, conflicts, prepared, .. } = *met;
        self.commits += commits;
        self.disk_errors += disk_errors;
        self.disk_full += disk_full;
        self.prepared += prepared;
        self.prepared_resumed += met.prepared_resumed;
        self.prepared_committed += met.prepared_committed;
        self.prepared_rolled_back += met.prepared_rolled_back;
        self.conflicts += conflicts;
    }

    /// An end of the log vanished that nothing covered.
    pub fn cut(&mut self, blocks: u64, acknowledged: u64, trace: bool) {
        self.cuts += 1;
        self.cut_transactions += acknowledged;
        if acknowledged > 0 {
            self.cut_acknowledged += 1;
            self.cut_many += u64::from(blocks > 1);
            self.cut_traceless += u64::from(!trace);
        }
    }
}
