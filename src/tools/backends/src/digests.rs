//! Digests of the compiler's files, which are large and rarely change, are remembered in the cache.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bazel_remote_apis::build::bazel::remote::execution::v2::Digest;
use serde::{Deserialize, Serialize};
use tool_support::file;

use crate::blob::{self, Blob, Content, Stamp};

/// Digests of files.
pub struct Digests {
    dir: PathBuf,
}

#[derive(Deserialize, Serialize)]
struct Known {
    stamp: Stamp,
    hash: String,
}

impl Digests {
    /// Digests that are remembered in the folder `dir`.
    pub fn new(dir: &Path) -> Digests {
        Digests {
            dir: dir.to_owned(),
        }
    }

    /// The blob of the file `path`. Reads it only if it changed since it was read.
    pub fn blob(&self, path: &Path) -> anyhow::Result<Blob> {
        let path =
            fs::canonicalize(path).with_context(|| format!("cannot find {}", path.display()))?;
        let metadata =
            fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let stamp = Stamp::of(&metadata);
        let name = blob::digest(path.as_os_str().as_encoded_bytes()).hash;
        if let Some(known) = self.known(&name)
            && known.stamp == stamp
        {
            return Ok(Blob {
                digest: Digest {
                    hash: known.hash,
                    size_bytes: metadata.len() as i64,
                },
                content: Content::File { path, stamp },
            });
        }
        let blob = Blob::of_file(&path)?;
        if let Content::File { stamp, .. } = blob.content {
            let hash = blob.digest.hash.clone();
            // A full disk costs time, not the build.
            let _ = file::write_json(&self.dir.join(&name), &Known { stamp, hash });
        }
        Ok(blob)
    }

    fn known(&self, name: &str) -> Option<Known> {
        let text = fs::read(self.dir.join(name)).ok()?;
        let known: Known = serde_json::from_slice(&text).ok()?;
        (known.hash.len() == 64).then_some(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_when_it_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clang");
        let digests = Digests::new(&dir.path().join("digests"));
        fs::write(&path, "one").unwrap();
        assert_eq!(digests.blob(&path).unwrap().digest, blob::digest(b"one"));
        // What is remembered is used.
        let entry = fs::read_dir(dir.path().join("digests")).unwrap().next();
        let entry = entry.unwrap().unwrap().path();
        let text = fs::read_to_string(&entry).unwrap();
        let (one, other) = (blob::digest(b"one").hash, "f".repeat(64));
        fs::write(&entry, text.replace(&one, &other)).unwrap();
        assert_eq!(digests.blob(&path).unwrap().digest.hash, other);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "two").unwrap();
        assert_eq!(digests.blob(&path).unwrap().digest, blob::digest(b"two"));
        // A damaged entry is not.
        fs::write(&entry, "{").unwrap();
        assert_eq!(digests.blob(&path).unwrap().digest, blob::digest(b"two"));
    }
}
