//! `setup`: the source, after `x.py` has seen to the packages and stage 0.

use std::process::ExitCode;

use anyhow::Result;

use crate::place::Place;
use crate::source;

/// Unpacks the source where that is still to be done.
pub fn run(place: &Place) -> Result<ExitCode> {
    let tree = source::ensure(place)?;
    println!(
        "ready: source in {}, stage 0 in {}",
        tree.dir.display(),
        place.stage0().display()
    );
    Ok(ExitCode::SUCCESS)
}
