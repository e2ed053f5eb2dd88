//! Folders of the driver.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// An empty folder `name` in `dir`, whatever an earlier run left there.
pub fn fresh(dir: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let folder = dir.join(name);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", folder.display()));
        }
        _ => {}
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}
