//! Upstream's version of a source that Debian has patched.

use anyhow::Result;
use helped::Helped;

use crate::files::Overlay;
use crate::tree::{Base, Tree};

/// The pristine source without Debian's changes to the files that the overlay patches, or `None` if
/// Debian has not patched it.
pub fn base(tree: &Tree, overlay: &Overlay) -> Result<Option<Base>> {
    let show = |path: &str| tree.git().args(["show", &format!("pristine:{path}")]);
    let series = tree.pristine_files(["debian/patches/series"].into())?;
    if series.is_empty() {
        return Ok(None);
    }
    let index = tree.scratch_index();
    let git = || tree.git().index(&index);
    git().args(["read-tree", "pristine"]).done()?;
    let series = show("debian/patches/series").text()?;
    let names = series
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    for name in names.rev() {
        let patch = show(&format!("debian/patches/{name}")).bytes()?;
        let text = String::from_utf8_lossy(&patch);
        let touched = overlay.patched.iter();
        let touched = touched.filter(|path| text.contains(&format!("\n+++ b/{path}")));
        let includes: Vec<_> = touched.map(|path| format!("--include={path}")).collect();
        if includes.is_empty() {
            continue;
        }
        let undo = git().args(["apply", "--cached", "--reverse", "--whitespace=nowarn"]);
        undo.args(includes).input(patch).done().map_err(|error| {
            error.context(Helped::new(
                format!("cannot undo debian/patches/{name}"),
                "check that the source is the one in pins.toml",
            ))
        })?;
    }
    let commit = git().args(["write-tree"]).text()?;
    let commit = tree
        .git()
        .args(["commit-tree", &commit, "-m", "upstream"])
        .text()?;
    Ok(Some(Base {
        commit,
        name: "the source without Debian's patches",
    }))
}
