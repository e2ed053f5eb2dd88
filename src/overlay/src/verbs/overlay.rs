//! `overlay`: lays the overlay over the source; `--check` proves that it applies cleanly.

use std::fs;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::files::Overlay;
use crate::place::Place;
use crate::source;
use crate::tree::Tree;

/// Lays the overlay and says what that changed.
pub fn run(place: &Place) -> Result<ExitCode> {
    lay(place)?;
    Ok(ExitCode::SUCCESS)
}

/// Makes the work tree hold the overlay; returns both.
pub fn lay(place: &Place) -> Result<(Tree, Overlay)> {
    let tree = source::ensure(place)?;
    tree.recover()?;
    let overlay = Overlay::read(&place.root, &tree)?;
    let written = tree.lay(&tree.commit_of(&place.root, &overlay)?)?;
    if written > 0 {
        place.step(
            6,
            &format!(
                "laid the overlay: {written} files changed in {}",
                tree.dir.display()
            ),
        );
    }
    Ok((tree, overlay))
}

/// Proves, without touching the work tree, that every patch applies with no fuzz and no
/// offset: each must be, to the byte, what the resulting tree gives back.
pub fn check(place: &Place) -> Result<ExitCode> {
    let tree = source::ensure(place)?;
    let overlay = Overlay::read(&place.root, &tree)?;
    let patches = tree.patches(&tree.commit_of(&place.root, &overlay)?)?;
    let mut bad = Vec::new();
    for path in &overlay.patched {
        let name = format!("{path}.patch");
        if Some(&fs::read(place.root.join(&name))?) != patches.get(path) {
            bad.push(name);
        }
    }
    if !bad.is_empty() {
        bail!(
            "these patches apply only with an offset, or are not as `refresh` writes them:\n  {}\n\
             help: `./x.py overlay` and then `./x.py refresh` write them anew; look at what changed",
            bad.join("\n  ")
        );
    }
    println!(
        "the overlay applies cleanly: {} patches, {} new files",
        overlay.patched.len(),
        overlay.new.len()
    );
    Ok(ExitCode::SUCCESS)
}
