//! What the tools that `x.py` runs have in common: their arguments and their end, the commands that
//! they run, and how they write down what they measure.

pub mod args;
pub mod command;
pub mod file;
pub mod spread;
pub mod table;

use std::process::ExitCode;

/// What `main` returns for a tool that ended with `result`, once an error is printed.
pub fn end(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
