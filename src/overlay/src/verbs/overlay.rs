//! `overlay`: lays the overlay over the source; `--check` checks that it applies cleanly.

use std::fs;
use std::process::ExitCode;

use anyhow::Result;
use helped::Helped;

use crate::files::Overlay;
use crate::place::Place;
use crate::source;
use crate::tree::{Base, Tree};
use crate::upstream;

/// Lays the overlay.
pub fn run(place: &Place) -> Result<ExitCode> {
    lay(place)?;
    Ok(ExitCode::SUCCESS)
}

/// Lays the overlay, and returns the tree and the overlay.
pub fn lay(place: &Place) -> Result<(Tree, Overlay)> {
    let tree = source::ensure(place)?;
    tree.recover()?;
    let overlay = Overlay::read(&place.root, &tree)?;
    let written = tree.lay(&tree.commit_of(&place.root, &overlay, &Base::pristine())?)?;
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

/// Checks that every patch applies without fuzz and without an offset, to the source and, if Debian has
/// patched that, to upstream's: it must equal the patch that is made from the resulting tree, byte for
/// byte. Does not touch the work tree.
pub fn check(place: &Place) -> Result<ExitCode> {
    let tree = source::ensure(place)?;
    let overlay = Overlay::read(&place.root, &tree)?;
    let mut bases = vec![Base::pristine()];
    bases.extend(upstream::base(&tree, &overlay)?);
    let mut bad = Vec::new();
    for base in &bases {
        let patches = tree.patches(base, &tree.commit_of(&place.root, &overlay, base)?)?;
        for path in &overlay.patched {
            let name = format!("{path}.patch");
            if Some(&fs::read(place.root.join(&name))?) != patches.get(path) {
                bad.push(format!("{name}, applied to {}", base.name));
            }
        }
    }
    if !bad.is_empty() {
        let message = format!(
            "these patches apply only with an offset, or are not as `refresh` writes them:\n  {}",
            bad.join("\n  ")
        );
        let help = "`./x.py overlay` and then `./x.py refresh` rewrite the patches; in a file that Debian \
                    patches, move the change above Debian's";
        return Err(Helped::new(message, help).into());
    }
    let names: Vec<_> = bases.iter().map(|base| base.name).collect();
    println!(
        "the overlay applies cleanly to {}: {} patches, {} new files",
        names.join(" and to "),
        overlay.patched.len(),
        overlay.new.len()
    );
    Ok(ExitCode::SUCCESS)
}
