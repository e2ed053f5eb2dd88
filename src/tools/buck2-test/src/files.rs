//! Trees of files: their content as a hash, and copies of them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use anyhow::Context;
use walkdir::WalkDir;

/// Feeds the content of a file or folder to `hasher`: names, contents, targets of links, and which
/// files can be executed.
pub fn hash(path: &Path, hasher: &mut blake3::Hasher) -> anyhow::Result<()> {
    for entry in WalkDir::new(path).sort_by_file_name() {
        let entry = entry.with_context(|| format!("cannot read {}", path.display()))?;
        let name = entry
            .path()
            .strip_prefix(path)?
            .as_os_str()
            .as_encoded_bytes();
        hasher
            .update(&(name.len() as u64).to_le_bytes())
            .update(name);
        let kind = entry.file_type();
        if kind.is_symlink() {
            let target = fs::read_link(entry.path())?;
            hasher
                .update(b"link")
                .update(target.as_os_str().as_encoded_bytes());
        } else if kind.is_file() {
            let executable = entry.metadata()?.permissions().mode() & 0o111 != 0;
            hasher.update(if executable { b"exec" } else { b"file" });
            let mut content = blake3::Hasher::new();
            content.update_reader(fs::File::open(entry.path())?)?;
            hasher.update(content.finalize().as_bytes());
        } else {
            hasher.update(b"dir ");
        }
    }
    Ok(())
}

/// Makes `to` the same as the file or folder `from`. Files become hard links if both are on one file
/// system.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let context = || format!("cannot copy {} to {}", from.display(), to.display());
    fs::create_dir_all(to.parent().context("a root")?).with_context(context)?;
    for entry in WalkDir::new(from) {
        let entry = entry.with_context(context)?;
        let below = entry.path().strip_prefix(from)?;
        let copy = if below.as_os_str().is_empty() {
            to.to_owned()
        } else {
            to.join(below)
        };
        let kind = entry.file_type();
        if kind.is_dir() {
            fs::create_dir_all(copy).with_context(context)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(entry.path())?, copy).with_context(context)?;
        } else if fs::hard_link(entry.path(), &copy).is_err() {
            fs::copy(entry.path(), copy).with_context(context)?;
        }
    }
    Ok(())
}
