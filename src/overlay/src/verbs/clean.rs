//! `clean`: removes what was built.

use std::fs;
use std::process::ExitCode;

use anyhow::Result;

use crate::place::Place;

/// What stays without `--all`: it was fetched, not built, or may hold edits.
const KEPT: [&str; 4] = ["apt", "download", "src", "stage0"];

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
