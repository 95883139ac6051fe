//! The `stele` command: see `stele --help`.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    stele::command::Arguments::parse().run()
}
