//! Folders for the outputs of the steps.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

/// The folder `name` in `dir`, emptied.
pub fn fresh(dir: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let folder = dir.join(name);
    empty(&folder)?;
    Ok(folder)
}

/// The folder `name` in `dir`, emptied. Its old content is removed when the second value is dropped:
/// for many files on a busy disk, that takes longer than a thin link.
pub fn replaced(dir: &Path, name: &str) -> anyhow::Result<(PathBuf, TempDir)> {
    let folder = reused(dir, name)?;
    let old = tempfile::tempdir_in(dir)?;
    fs::rename(&folder, old.path().join(name))
        .with_context(|| format!("cannot rename {}", folder.display()))?;
    Ok((reused(dir, name)?, old))
}

/// The folder `name` in `dir`, with the content that an earlier run left.
pub fn reused(dir: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let folder = dir.join(name);
    create(&folder)?;
    Ok(folder)
}

/// Creates `dir`, or empties it if another compiler than `identity` used it last: cargo does not
/// notice a compiler or std that was rebuilt under the same version.
pub fn of_compiler(dir: &Path, identity: &blake3::Hash) -> anyhow::Result<()> {
    let mark = dir.join("compiler");
    let identity = identity.to_string();
    if fs::read_to_string(&mark).is_ok_and(|found| found == identity) {
        return Ok(());
    }
    empty(dir)?;
    fs::write(&mark, identity).with_context(|| format!("cannot write {}", mark.display()))
}

/// Creates the symbolic link `path` to `target`, unless it exists.
pub fn link(target: &Path, path: &Path) -> anyhow::Result<()> {
    match fs::read_link(path) {
        Ok(found) if found == target => return Ok(()),
        Ok(_) => {
            fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?
        }
        Err(_) => {}
    }
    symlink(target, path).with_context(|| format!("cannot create {}", path.display()))
}

/// Creates `folder`, or empties it.
pub fn empty(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => create(folder),
    }
}

fn create(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_its_latest_target() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("link");
        for target in ["/a", "/a", "/b"] {
            link(Path::new(target), &path).unwrap();
            assert_eq!(fs::read_link(&path).unwrap(), Path::new(target));
        }
    }

    #[test]
    fn folders_are_empty_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let folder = fresh(dir.path(), "f").unwrap();
        fs::write(folder.join("file"), "").unwrap();
        reused(dir.path(), "f").unwrap();
        assert!(folder.join("file").exists());
        let (_, old) = replaced(dir.path(), "f").unwrap();
        assert!(!folder.join("file").exists() && old.path().join("f/file").exists());
        drop(old);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::write(folder.join("file"), "").unwrap();
        fresh(dir.path(), "f").unwrap();
        assert!(!folder.join("file").exists());
    }

    #[test]
    fn another_compiler_gets_an_empty_folder() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("target");
        let left = folder.join("file");
        for (identity, kept) in [("one", false), ("one", true), ("two", false)] {
            of_compiler(&folder, &blake3::hash(identity.as_bytes())).unwrap();
            assert_eq!(left.exists(), kept, "{identity}");
            fs::write(&left, "").unwrap();
        }
    }
}
