//! Output files that appear under their final name whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes `data` to `path`.
///
/// The data goes to a temporary file in the folder of `path`, which then takes the name; on an
/// error nothing is left under `path` but what was there before. A symbolic link is followed. A
/// device or a pipe is written to as it is.
pub fn write(path: &Path, data: &[u8]) -> io::Result<()> {
    create(path, |file| file.write_all(data))
}

/// Copies the content of the file `from` to `to`, with the promise of [`write`].
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut from = File::open(from)?;
    create(to, |to| io::copy(&mut from, to).map(drop))
}

/// Gives the file `from` the name `to` as well, or copies it with [`copy`] where the two cannot
/// share a file. What was at `to` is replaced.
pub fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => fs::hard_link(from, to).or_else(|_| copy(from, to)),
    }
}

/// Has `fill` write the file that becomes `path`.
fn create(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let target = if path.is_symlink() { fs::canonicalize(path)? } else { path.to_path_buf() };
    let path = target.as_path();
    if path.exists() && !path.is_file() {
        return fill(&mut File::create(path)?);
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // `make_in` and not `tempfile_in`, whose files only the owner may read.
    let mut file = tempfile::Builder::new()
        .prefix(".rustc-")
        .make_in(folder, |path| File::options().write(true).create_new(true).open(path))?;
    fill(file.as_file_mut())?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests;
