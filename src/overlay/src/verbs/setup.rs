//! `setup`: unpacks the source; `x.py` has installed the packages and stage 0.

use std::process::ExitCode;

use anyhow::Result;

use crate::place::Place;
use crate::source;

/// Unpacks the source, unless it is unpacked already.
pub fn run(place: &Place) -> Result<ExitCode> {
    let tree = source::ensure(place)?;
    println!(
        "ready: source in {}, stage 0 in {}",
        tree.dir.display(),
        place.stage0().display()
    );
    Ok(ExitCode::SUCCESS)
}
