//! `refresh`: writes edits made in the laid tree back into the overlay.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use tempfile::NamedTempFile;

use crate::files::{Overlay, not_regular};
use crate::place::Place;
use crate::source;
use crate::tree::Base;

/// Writes each path that changed in the laid tree as a patch or a file, and removes the patches and
/// files of paths that the laid tree no longer changes or has. Does not touch paths that changed only
/// in the repository. Rewrites patches that are not in canonical form.
pub fn run(place: &Place) -> Result<ExitCode> {
    let tree = source::ensure(place)?;
    tree.recover()?;
    let overlay = Overlay::read(&place.root, &tree)?;
    let commit = tree.commit_of(&place.root, &overlay, &Base::pristine())?;
    let changes = tree.changes(&commit)?;
    tree.refuse(&changes.conflicts)?;

    let work = tree.work_tree()?;
    let patches = tree.patches(&Base::pristine(), &work)?;
    let upstream = tree.pristine_files(changes.tree.keys().map(String::as_str).collect())?;
    let write_patch = |path: &str| {
        let patch = patches.get(path).map(Vec::as_slice);
        update(&place.root, &format!("{path}.patch"), patch, 0o644)
    };
    for (path, entry) in &changes.tree {
        if upstream.contains(path.as_str()) {
            write_patch(path)?;
        } else if let Some((mode, hash)) = entry {
            let mode = match mode.as_str() {
                "100644" => 0o644,
                "100755" => 0o755,
                _ => return Err(not_regular(path).into()),
            };
            let content = tree.git().args(["cat-file", "blob", hash]).bytes()?;
            update(&place.root, path, Some(&content), mode)?;
        } else {
            update(&place.root, path, None, 0)?;
        }
    }
    let untouched = overlay.patched.iter().filter(|path| {
        !changes.tree.contains_key(*path) && !changes.repository.contains_key(*path)
    });
    for path in untouched {
        write_patch(path)?;
    }
    tree.take_as_laid(&work)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the file `name` of the repository with the wanted content and mode, or removes it. Prints
/// its name if that changes it.
fn update(root: &Path, name: &str, wanted: Option<&[u8]>, mode: u32) -> Result<()> {
    let path = root.join(name);
    let old = fs::read(&path).ok();
    match wanted {
        None if old.is_none() => return Ok(()),
        None => {
            fs::remove_file(&path)?;
            println!("removed {name}");
        }
        Some(content) => {
            let old_mode = path
                .metadata()
                .map(|data| data.permissions().mode() & 0o111 != 0);
            if old.as_deref() == Some(content) && old_mode.ok() == Some(mode & 0o111 != 0) {
                return Ok(());
            }
            let folder = path.parent().unwrap_or(root);
            fs::create_dir_all(folder)?;
            let file = NamedTempFile::new_in(folder)?;
            fs::write(file.path(), content)?;
            file.as_file()
                .set_permissions(fs::Permissions::from_mode(mode))?;
            file.persist(&path)?;
            println!("{} {name}", if old.is_some() { "changed" } else { "new" });
        }
    }
    Ok(())
}
