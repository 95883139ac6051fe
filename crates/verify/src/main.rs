//! `stele-verify`: is this proof true? Offline; exit 0 proven, 1 rejected, 2 unreadable.

use anyhow::{Context, Result};
use clap::Parser;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use stele_verify::report::Statement;
use stele_verify::{FILE_MAX_BYTES, Verdict, verdict};

/// Verify a proof from a Stele database, without the database.
///
/// FILE is a proof of a transaction, a row or a row's history (ledger.transaction_proof, ledger.proof,
/// ledger.history_proof), a consistency proof (ledger.consistency_proof) or fork evidence. TRUST is your own file: the
/// log's name and key, the database's id, and the newest checkpoint that you have seen.
#[derive(Parser)]
#[command(name = "stele-verify", version, after_help = AFTER_HELP)]
struct Arguments {
    /// The proof file; `-` reads standard input.
    file: PathBuf,

    /// The trust file: what you believe beforehand.
    #[arg(long, value_name = "TRUST")]
    trust: PathBuf,

    /// A consistency proof between the proof's checkpoint and the trust file's.
    #[arg(long, value_name = "FILE")]
    consistency: Option<PathBuf>,

    /// With a consistency proof as FILE: once it is proven, write the trust file with the new checkpoint here.
    #[arg(long, value_name = "FILE")]
    new_trust: Option<PathBuf>,

    /// Print the verdict, and what is proven, as one line of JSON.
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Exit status:
  0  proven
  1  rejected: a well-formed file that is not true under this trust
  2  unreadable: not a proof file, or a file that cannot be read

A trust file:
  stele-trust@v1
  origin host.example/shop
  key host.example/shop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k
  database 000102030405060708090a0b0c0d0e0f
  (an empty line and a checkpoint, if you have seen one)

Example:
  psql -Atc \"SELECT ledger.proof('account', 7)\" > account-7.proof
  stele-verify account-7.proof --trust trust.txt";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let verdict = match read_all(&arguments) {
        Ok(files) => verdict(&files.proof, &files.trust, files.consistency.as_deref()),
        Err(error) => Verdict::Unreadable(format!("{error:#}")),
    };
    match print(&arguments, &verdict) {
        Ok(()) => ExitCode::from(verdict.exit_code()),
        Err(error) => {
            eprintln!("stele-verify: {error:#}");
            ExitCode::from(2)
        }
    }
}

struct Files {
    proof: Vec<u8>,
    trust: Vec<u8>,
    consistency: Option<Vec<u8>>,
}

fn read_all(arguments: &Arguments) -> Result<Files> {
    let proof = if arguments.file.as_os_str() == "-" {
        read_limited(std::io::stdin().lock()).context("standard input")?
    } else {
        read(&arguments.file)?
    };
    let trust = read(&arguments.trust)?;
    let consistency = arguments.consistency.as_deref().map(read).transpose()?;
    Ok(Files { proof, trust, consistency })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    File::open(path).and_then(read_limited).with_context(|| path.display().to_string())
}

/// One byte more than is ever accepted is enough to refuse.
fn read_limited(file: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(FILE_MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn print(arguments: &Arguments, verdict: &Verdict) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", verdict.to_json())?;
    } else {
        write!(out, "{verdict}")?;
    }
    if let (Some(path), Verdict::Proven(report)) = (&arguments.new_trust, verdict) {
        match &report.statement {
            Statement::Extends { advanced, .. } => {
                std::fs::write(path, advanced).with_context(|| path.display().to_string())?;
            }
            _ => anyhow::bail!("--new-trust takes a consistency proof as FILE"),
        }
    }
    Ok(())
}
