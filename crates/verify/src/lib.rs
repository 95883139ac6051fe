//! Verification of proof files, offline: proof file + trust file -> verdict.
//!
//! ```text
//!   proof file ──┐                    ┌── Proven(Report)       exit 0   what is so, as text or JSON
//!   trust file ──┼── verdict(..) ─────┼── Rejected(reason)     exit 1   well formed, and not true under this trust
//!   consistency ─┘   (proof, codec,   └── Unreadable(reason)   exit 2   not a proof file
//!                     types)
//! ```
//! It never opens a database, never asks a server, and says nothing of a proof's content before the verdict. The
//! `proof` crate decides what is true; this one only names it: columns by the proven descriptor, values as PostgreSQL
//! prints them.

pub mod report;
mod show;

use proof::Rejection;
use proof::bundle::Bundle;
use proof::consistency::{Consistency, Fork};
use proof::note::verify_ed25519;
use proof::trust::{Standing, Trust};
use report::{Report, Statement};

/// Longest file that is read.
pub const FILE_MAX_BYTES: usize = proof::bundle::BUNDLE_MAX_BYTES + 1;

#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    Proven(Box<Report>),
    Rejected(String),
    Unreadable(String),
}

impl Verdict {
    pub fn exit_code(&self) -> u8 {
        match self {
            Verdict::Proven(_) => 0,
            Verdict::Rejected(_) => 1,
            Verdict::Unreadable(_) => 2,
        }
    }
}

/// Decides about a proof file (P1, P2, P3, P4 or P7). `consistency` is a P2 that connects the proof's checkpoint with
/// the trust file's.
pub fn verdict(file: &[u8], trust: &[u8], consistency: Option<&[u8]>) -> Verdict {
    let report = read_trust(trust).and_then(|trust| decide(file, &trust, consistency));
    match report {
        Ok(report) => Verdict::Proven(Box::new(report)),
        Err(Rejection::Rejected(reason)) => Verdict::Rejected(reason),
        Err(Rejection::Unreadable(reason)) => Verdict::Unreadable(reason),
    }
}

fn read_trust(bytes: &[u8]) -> Result<Trust, Rejection> {
    text(bytes)
        .and_then(Trust::parse)
        .map_err(|rejection| Rejection::Unreadable(format!("the trust file: {rejection}")))
}

fn decide(file: &[u8], trust: &Trust, consistency: Option<&[u8]>) -> Result<Report, Rejection> {
    let file = canonical_end(file);
    if file.starts_with(b"old ") {
        let proof = Consistency::parse(text(file)?)?;
        let extended = proof.verify(trust)?;
        let old_size = extended.old_size();
        let advanced = extended.advance(trust).to_string();
        return Ok(Report::new(extended.checkpoint(), Statement::Extends { old_size, advanced }));
    }
    if file.starts_with(b"stele-fork@") {
        let fork = Fork::parse(text(file)?)?;
        let proven = fork.verify(trust)?;
        return Ok(Report::new(proven.second(), Statement::Fork { other: proven.first().clone() }));
    }
    let bundle = Bundle::decode(file)?;
    let verified = bundle.verify(trust)?;
    let mut report = report::of_bundle(&verified)?;
    report.standing = match (verified.standing(), consistency) {
        (Standing::Same, _) => report::Seen::Same,
        (Standing::FirstContact, _) => report::Seen::Never,
        (Standing::Newer | Standing::Older, Some(consistency)) => {
            let named =
                |rejection: Rejection| Rejection::Rejected(format!("the consistency proof: {rejection}"));
            let consistency = text(canonical_end(consistency)).and_then(Consistency::parse).map_err(named)?;
            consistency.connects(verified.checkpoint(), trust, &verify_ed25519).map_err(named)?;
            report::Seen::Connected
        }
        (Standing::Newer, None) => report::Seen::Unconnected { newer: true },
        (Standing::Older, None) => report::Seen::Unconnected { newer: false },
    };
    Ok(report)
}

fn text(bytes: &[u8]) -> Result<&str, Rejection> {
    std::str::from_utf8(bytes).map_err(|_| Rejection::Unreadable("a file that is not UTF-8".into()))
}

/// The file without one more newline at its end, which `psql -At > file` and editors add. Nothing else is forgiven.
fn canonical_end(file: &[u8]) -> &[u8] {
    match file.strip_suffix(b"\n") {
        Some(rest) if rest.ends_with(b"\n") => rest,
        _ => file,
    }
}
