//! `build`, `check`, `doc` and `dist`: run bootstrap.

use std::process::ExitCode;

use anyhow::Result;

use crate::bootstrap;
use crate::place::Place;
use crate::verbs::{overlay, tool};

/// Lays the overlay and runs bootstrap's verb of the same name. A stage and paths in `args` replace the
/// defaults.
pub fn run(place: &Place, verb: &str, args: Vec<String>) -> Result<ExitCode> {
    let (tree, _) = overlay::lay(place)?;
    let paths: &[&str] = match verb {
        // rustdoc reads only the metadata of its own build, so doctests need it.
        "build" => &["library", "src/tools/rustdoc"],
        "check" => &["compiler"],
        "doc" => &["library", "src/doc/unstable-book"],
        "dist" => &["rustc", "rust-std"],
        _ => &[],
    };
    place.step(7, &format!("{verb}: running bootstrap"));
    let mut bootstrap = bootstrap::command(place, &tree, verb, paths, args)?;
    if ["build", "dist", "test"].contains(&verb) {
        tool::ship(place, &mut bootstrap)?;
    }
    let done = bootstrap.status()?.success();
    println!(
        "{verb} {} after {}",
        if done { "finished" } else { "failed" },
        place.elapsed()
    );
    Ok(if done {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
