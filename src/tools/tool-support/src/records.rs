//! Files to which processes that run at the same time append records, one a line.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Creates the file `path`, or empties it.
pub fn create(path: &Path) -> anyhow::Result<()> {
    File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    Ok(())
}

/// Appends `record` to the file `path`.
pub fn append(path: &Path, record: &impl Serialize) -> anyhow::Result<()> {
    let line = serde_json::to_string(record)? + "\n";
    // One write, because other processes append as well.
    OpenOptions::new()
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .with_context(|| format!("cannot append to {}", path.display()))
}

/// The records in the file `path`, in the order in which they were appended.
pub fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    let read = || -> anyhow::Result<Vec<T>> {
        let text = fs::read_to_string(path)?;
        let records = text.lines().map(serde_json::from_str);
        Ok(records.collect::<Result<_, _>>()?)
    };
    read().with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("records");
        assert!(append(&path, &"lost").is_err());
        for records in [vec!["a\nb", "c"], vec![]] {
            create(&path).unwrap();
            for record in &records {
                append(&path, record).unwrap();
            }
            assert_eq!(read::<String>(&path).unwrap(), records);
        }
        fs::write(&path, "no record\n").unwrap();
        let error = read::<String>(&path).unwrap_err();
        assert!(error.to_string().starts_with("cannot read /"), "{error}");
    }
}
