//! Processes and threads that make the same folder wait for each other.

use std::fs::{self, File};
use std::path::Path;

use anyhow::Context;

/// Waits until nobody else makes the folder `dir`. The end of the file that is returned releases it.
pub fn lock(dir: &Path) -> anyhow::Result<File> {
    let path = dir.with_added_extension("lock");
    let lock = || {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let file = File::create(&path)?;
        file.lock()?;
        std::io::Result::Ok(file)
    };
    lock().with_context(|| format!("cannot lock {}", path.display()))
}
