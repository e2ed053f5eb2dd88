//! Writes results to files.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

/// Writes the file `path` with `content`, whole or not at all, and creates its folder if that is missing.
/// A device or a pipe is written to directly: renaming a file to it would replace it.
pub fn write_whole(path: &Path, content: &str) -> anyhow::Result<()> {
    let write = || -> anyhow::Result<()> {
        if path.exists() && !path.is_file() && !path.is_dir() {
            return Ok(fs::write(path, content)?);
        }
        let dir = path.parent().filter(|dir| *dir != Path::new(""));
        let dir = dir.unwrap_or(Path::new("."));
        fs::create_dir_all(dir)?;
        let readable = Permissions::from_mode(0o644);
        let mut file = tempfile::Builder::new()
            .permissions(readable)
            .tempfile_in(dir)?;
        file.write_all(content.as_bytes())?;
        // The error would keep the temporary file.
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Removes the file `path` of an earlier run, if there is one. Devices and pipes stay.
pub fn remove_stale(path: &Path) -> anyhow::Result<()> {
    if path.is_file() {
        fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

/// Writes `report` as indented JSON, as [`write_whole`] does.
pub fn write_json(path: &Path, report: &impl Serialize) -> anyhow::Result<()> {
    write_whole(path, &(serde_json::to_string_pretty(report)? + "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_readable_and_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("results");
        for content in [1, 2] {
            let path = inner.join("r.json");
            write_json(&path, &[content]).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text, format!("[\n  {content}\n]\n"));
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o644);
        }
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 1);
    }

    #[test]
    fn an_error_names_the_file_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("r.json");
        fs::create_dir(&folder).unwrap();
        let error = write_whole(&folder, "").unwrap_err();
        assert!(error.to_string().ends_with("/r.json"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_device_stays() {
        let dir = tempfile::tempdir().unwrap();
        let device = dir.path().join("device");
        std::os::unix::fs::symlink("/dev/null", &device).unwrap();
        write_whole(&device, "x").unwrap();
        assert!(fs::symlink_metadata(&device).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&device).unwrap(), "");
    }
}
