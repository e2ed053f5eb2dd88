//! Writes results to files.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

/// Atomically writes the file `name` in `dir`, which is created if missing.
pub fn write_whole(dir: &Path, name: &str, content: &str) -> anyhow::Result<()> {
    let write = || -> anyhow::Result<()> {
        fs::create_dir_all(dir)?;
        let readable = Permissions::from_mode(0o644);
        let mut file = tempfile::Builder::new()
            .permissions(readable)
            .tempfile_in(dir)?;
        file.write_all(content.as_bytes())?;
        file.persist(dir.join(name))?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", dir.join(name).display()))
}

/// Writes `report` as indented JSON, as [`write_whole`] does.
pub fn write_json(dir: &Path, name: &str, report: &impl Serialize) -> anyhow::Result<()> {
    write_whole(dir, name, &(serde_json::to_string_pretty(report)? + "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_readable_and_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("results");
        for content in [1, 2] {
            write_json(&inner, "r.json", &[content]).unwrap();
            let path = inner.join("r.json");
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text, format!("[\n  {content}\n]\n"));
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o644);
        }
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 1);
    }

    #[test]
    fn an_error_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let error = write_whole(&dir.path().join("file"), "r.json", "").unwrap_err();
        assert!(error.to_string().ends_with("/file/r.json"), "{error}");
    }
}
