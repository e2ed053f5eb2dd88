//! `clean`: removes the results of building.

use std::fs;
use std::process::ExitCode;

use anyhow::Result;

use crate::place::Place;

/// The folders that stay without `--all`, because they were fetched or may hold edits.
const KEPT: [&str; 3] = ["download", "src", "stage0"];

/// Removes everything in the build directory but the lock and, without `all`, what was fetched.
pub fn run(place: &Place, all: bool) -> Result<ExitCode> {
    for entry in fs::read_dir(&place.build)? {
        let entry = entry?;
        let name = entry.file_name();
        // Whoever waits for us waits on this very file.
        let kept = name == "x.py.lock" || (!all && KEPT.iter().any(|kept| name == *kept));
        if !kept && entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if !kept {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
