//! `clean`: removes build results.

use std::fs;
use std::process::ExitCode;

use anyhow::Result;

use crate::place::Place;

/// The folders that are kept without `--all`: they are downloads or may have edits.
const KEPT: [&str; 5] = ["buildgrid", "download", "forky", "src", "stage0"];

/// Removes everything in the build directory except the lock and, without `all`, the folders that are
/// kept.
pub fn run(place: &Place, all: bool) -> Result<ExitCode> {
    for entry in fs::read_dir(&place.build)? {
        let entry = entry?;
        let name = entry.file_name();
        // Another x.py may be waiting for this lock.
        let kept = name == "x.py.lock" || (!all && KEPT.iter().any(|kept| name == *kept));
        if !kept && entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if !kept {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
