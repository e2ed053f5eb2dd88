//! A folder of results, each in a file that is named after its key.
//!
//! A file has the SHA-256 of what follows it, and a result of the Remote Execution API with the native
//! object in it. So a damaged file is recognized, and is as good as none.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use bazel_remote_apis::build::bazel::remote::execution::v2::{ActionResult, Digest};
use prost::Message;
use sha2::{Digest as _, Sha256};

use crate::settings::Settings;

const HASH_BYTES: usize = 32;
const RESULTS: &str = "results";
/// Files that are being written; older ones were left by a process that was killed.
const WRITING: &str = "writing";
const ABANDONED: Duration = Duration::from_secs(60 * 60);
/// The cache is searched for old entries when this file is as old.
const PRUNED: &str = "pruned";
const PRUNE_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// The file of a result.
pub type Entry = (PathBuf, fs::Metadata);

/// A folder of results.
pub struct Cache {
    dir: PathBuf,
    most_bytes: u64,
}

impl Cache {
    /// The cache that `settings` name.
    pub fn of(settings: &Settings) -> anyhow::Result<Cache> {
        Ok(Cache::new(
            &settings.cache_dir()?,
            settings.cache_size.bytes(),
        ))
    }

    /// The cache in `dir`. [`prune`](Cache::prune) removes the entries that were not used for longest
    /// until the others have at most `most_bytes`.
    pub fn new(dir: &Path, most_bytes: u64) -> Cache {
        Cache {
            dir: dir.to_owned(),
            most_bytes,
        }
    }

    /// The result for `key`. An entry that is damaged is removed.
    pub fn get(&self, key: &Digest) -> Option<ActionResult> {
        let path = self.path(key);
        let entry = fs::read(&path).ok()?;
        let result = read(&entry);
        match result {
            Some(_) => {
                // The order of removal is that of use.
                if let Ok(file) = File::open(&path) {
                    let _ = file.set_modified(SystemTime::now());
                }
            }
            None => {
                tracing::warn!(path = %path.display(), "removed a damaged entry of the cache");
                let _ = fs::remove_file(&path);
            }
        }
        result
    }

    /// Stores the result for `key`, whole or not at all.
    pub fn put(&self, key: &Digest, result: &ActionResult) -> anyhow::Result<()> {
        let path = self.path(key);
        let write = || -> anyhow::Result<()> {
            let writing = self.dir.join(WRITING);
            fs::create_dir_all(&writing)?;
            fs::create_dir_all(path.parent().expect("it is in a folder"))?;
            let mut file = tempfile::NamedTempFile::new_in(writing)?;
            let result = result.encode_to_vec();
            file.write_all(&Sha256::digest(&result))?;
            file.write_all(&result)?;
            file.persist(&path)?;
            Ok(())
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.dir
    }

    fn path(&self, key: &Digest) -> PathBuf {
        self.dir.join(RESULTS).join(&key.hash[..2]).join(&key.hash)
    }

    /// The entries, which other processes may remove at any time.
    pub fn entries(&self) -> anyhow::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for (folder, _) in files(&self.dir.join(RESULTS))? {
            entries.extend(files(&folder)?);
        }
        Ok(entries)
    }

    /// Removes old entries if the cache is too large, and files of processes that were killed. Does
    /// nothing if that was done a short time ago.
    pub fn prune(&self) -> anyhow::Result<()> {
        let now = SystemTime::now();
        let pruned = self.dir.join(PRUNED);
        let age = |metadata: &fs::Metadata| -> Duration {
            let modified = metadata.modified().unwrap_or(now);
            now.duration_since(modified).unwrap_or_default()
        };
        if fs::metadata(&pruned).is_ok_and(|metadata| age(&metadata) < PRUNE_INTERVAL) {
            return Ok(());
        }
        fs::create_dir_all(&self.dir)?;
        fs::write(&pruned, "")?;
        for (path, metadata) in files(&self.dir.join(WRITING))? {
            if age(&metadata) > ABANDONED {
                let _ = fs::remove_file(path);
            }
        }
        let mut entries = self.entries()?;
        entries.sort_by_key(|(_, metadata)| metadata.modified().unwrap_or(now));
        let mut bytes: u64 = entries.iter().map(|(_, metadata)| metadata.len()).sum();
        for (path, metadata) in entries {
            if bytes <= self.most_bytes {
                break;
            }
            // Another process may have removed it.
            let _ = fs::remove_file(path);
            bytes -= metadata.len();
        }
        Ok(())
    }
}

fn read(entry: &[u8]) -> Option<ActionResult> {
    let (hash, result) = entry.split_at_checked(HASH_BYTES)?;
    if *hash != *Sha256::digest(result) {
        return None;
    }
    ActionResult::decode(result).ok()
}

/// The paths in a folder, which may not exist, and their metadata.
fn files(dir: &Path) -> anyhow::Result<Vec<Entry>> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Ok(Vec::new());
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", dir.display()))?;
        if let Ok(metadata) = entry.metadata() {
            files.push((entry.path(), metadata));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob;

    fn result(text: &str) -> ActionResult {
        ActionResult {
            stderr_raw: text.as_bytes().to_owned(),
            ..ActionResult::default()
        }
    }

    #[test]
    fn damaged_entries_are_misses() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path(), 1 << 20);
        let key = blob::digest(b"key");
        assert!(cache.get(&key).is_none());
        cache.put(&key, &result("object")).unwrap();
        assert_eq!(cache.get(&key), Some(result("object")));
        let path = cache.path(&key);
        let whole = fs::read(&path).unwrap();
        for length in [0, 10, HASH_BYTES, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(cache.get(&key).is_none(), "{length} bytes");
            assert!(!path.exists());
        }
        for index in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[index] ^= 1;
            fs::write(&path, damaged).unwrap();
            assert!(cache.get(&key).is_none(), "byte {index}");
        }
        cache.put(&key, &result("object")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole);
        assert_eq!(fs::read_dir(dir.path().join(WRITING)).unwrap().count(), 0);
    }

    #[test]
    fn the_entries_used_last_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let text = "x".repeat(1000);
        let cache = Cache::new(dir.path(), 2200);
        let keys = [b"1", b"2", b"3"].map(|key| blob::digest(key));
        for (index, key) in keys.iter().enumerate() {
            cache.put(key, &result(&text)).unwrap();
            let file = File::open(cache.path(key)).unwrap();
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(index as u64);
            file.set_modified(time).unwrap();
        }
        // A use makes the oldest the newest.
        assert!(cache.get(&keys[0]).is_some());
        let abandoned = dir.path().join(WRITING).join("abandoned");
        File::create(&abandoned)
            .and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH))
            .unwrap();
        let current = dir.path().join(WRITING).join("current");
        File::create(&current).unwrap();
        cache.prune().unwrap();
        let kept = keys.each_ref().map(|key| cache.get(key).is_some());
        assert_eq!(kept, [true, false, true]);
        assert!(!abandoned.exists() && current.exists());
        // Not again at once.
        Cache::new(dir.path(), 0).prune().unwrap();
        assert!(cache.get(&keys[0]).is_some());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let cache = Cache::new(&dir.path().join("file"), 0);
        let error = cache.put(&blob::digest(b""), &result("")).unwrap_err();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
    }
}
