//! What the tools that `x.py` runs have in common: their arguments and their end, the commands that
//! they run, and how they write down what they measure.

pub mod args;
pub mod command;
pub mod file;
pub mod spread;
pub mod table;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

/// Runs a tool and returns what its `main` has to; an error is printed. `RUST_LOG` says what is
/// logged to standard error.
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
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
