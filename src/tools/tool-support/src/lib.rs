//! Shared code of the tools that `x.py` runs: arguments, error exits, commands, measurements, and reports.

pub mod args;
pub mod callgrind;
pub mod command;
pub mod file;
pub mod records;
pub mod spread;
pub mod table;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

/// Runs a tool, prints its error if it fails, and returns the exit code for `main`. `RUST_LOG` sets
/// the log level; the log goes to standard error.
pub fn main(tool: impl FnOnce() -> anyhow::Result<()>) -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    match tool() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", helped::report(&error));
            ExitCode::FAILURE
        }
    }
}
