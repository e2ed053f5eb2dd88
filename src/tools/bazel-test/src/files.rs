//! Copies of folders.

use std::fs;
use std::path::Path;

use anyhow::Context;

/// Copies the files in `from`, and the folders in it, to `to`; symbolic links are followed.
pub fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    let context = || format!("cannot copy {} to {}", from.display(), to.display());
    fs::create_dir_all(to).with_context(context)?;
    for entry in fs::read_dir(from).with_context(context)? {
        let entry = entry.with_context(context)?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_folder(&from, &to)?;
        } else {
            fs::copy(&from, &to).with_context(context)?;
        }
    }
    Ok(())
}

/// Removes a folder, if there is one.
pub fn remove_folder(dir: &Path) -> anyhow::Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    Ok(())
}
