//! Folders of the driver.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

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

/// An empty folder `name` in `dir`. What an earlier run left there is removed when the second value
/// is dropped: with many files that takes longer than a thin link while the disk is busy.
pub fn replaced(dir: &Path, name: &str) -> anyhow::Result<(PathBuf, TempDir)> {
    let folder = reused(dir, name)?;
    let old = tempfile::tempdir_in(dir)?;
    fs::rename(&folder, old.path().join(name))
        .with_context(|| format!("cannot rename {}", folder.display()))?;
    Ok((reused(dir, name)?, old))
}

/// The folder `name` in `dir`, with what an earlier run left there.
pub fn reused(dir: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let folder = dir.join(name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Makes the symbolic link `path` to `target`, if it is not there.
pub fn link(target: &Path, path: &Path) -> anyhow::Result<()> {
    match fs::read_link(path) {
        Ok(found) if found == target => return Ok(()),
        Ok(_) => {
            fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?
        }
        Err(_) => {}
    }
    symlink(target, path).with_context(|| format!("cannot make {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_where_it_was_last_told() {
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
}
