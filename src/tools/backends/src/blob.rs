//! Files and bytes, addressed by their SHA-256 as the Remote Execution API does.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use bazel_remote_apis::build::bazel::remote::execution::v2::Digest;
use prost::Message;
use sha2::{Digest as _, Sha256};

use crate::index;

/// Something with a digest, which can be read when it is needed.
#[derive(Debug)]
pub struct Blob {
    /// Its digest.
    pub digest: Digest,
    /// Where it comes from.
    pub content: Content,
}

/// Where the bytes of a blob come from.
#[derive(Debug)]
pub enum Content {
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// Its state when the digest was computed.
        stamp: Stamp,
    },
    /// An index in a file, with other names for its modules.
    Index {
        /// The path of the file.
        path: PathBuf,
        /// The names of the modules.
        names: Vec<String>,
    },
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Blob {
    /// A blob of `bytes`.
    pub fn of_bytes(bytes: Vec<u8>) -> Blob {
        Blob {
            digest: digest(&bytes),
            content: Content::Bytes(bytes),
        }
    }

    /// A blob of a message.
    pub fn of_message(message: &impl Message) -> Blob {
        Blob::of_bytes(message.encode_to_vec())
    }

    /// The blob of the file `path`, which is read in pieces.
    pub fn of_file(path: &Path) -> anyhow::Result<Blob> {
        let read = || -> io::Result<_> {
            let mut file = File::open(path)?;
            let stamp = Stamp::of(&file.metadata()?);
            Ok((digest_of(&mut file)?, stamp))
        };
        let (digest, stamp) = read().with_context(|| cannot_read(path))?;
        let path = path.to_owned();
        Ok(Blob {
            digest,
            content: Content::File { path, stamp },
        })
    }

    /// The blob of the index in the file `path`, with `names` for its modules.
    pub fn of_index(path: &Path, names: Vec<String>) -> anyhow::Result<Blob> {
        let path = path.to_owned();
        let content = Content::Index { path, names };
        Ok(Blob {
            digest: digest(&content.read()?),
            content,
        })
    }

    /// Its bytes, which still have the digest.
    pub fn read(&self) -> anyhow::Result<Vec<u8>> {
        let bytes = self.content.read()?;
        self.content.unchanged()?;
        Ok(bytes)
    }
}

impl Content {
    fn read(&self) -> anyhow::Result<Vec<u8>> {
        match self {
            Content::File { path, .. } => fs::read(path).with_context(|| cannot_read(path)),
            Content::Index { path, names } => {
                let file = fs::read(path).with_context(|| cannot_read(path))?;
                index::with_names(&file, names)
                    .with_context(|| format!("cannot read the index {}", path.display()))
            }
            Content::Bytes(bytes) => Ok(bytes.clone()),
        }
    }

    /// Fails if its file was written since the digest was computed.
    pub fn unchanged(&self) -> anyhow::Result<()> {
        if let Content::File { path, stamp } = self {
            let now = fs::metadata(path).with_context(|| cannot_read(path))?;
            let same = Stamp::of(&now) == *stamp;
            ensure!(same, "{} was written during the link", path.display());
        }
        Ok(())
    }
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}

/// What changes when a file is written: device, inode, size, and times in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Stamp([i64; 6]);

impl Stamp {
    /// The stamp of a file with `metadata`.
    pub fn of(metadata: &fs::Metadata) -> Stamp {
        let nanoseconds = |seconds: i64, rest| seconds.wrapping_mul(1_000_000_000) + rest;
        Stamp([
            metadata.dev() as i64,
            metadata.ino() as i64,
            metadata.len() as i64,
            metadata.mode().into(),
            nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        ])
    }
}

/// The digest of `bytes`.
pub fn digest(bytes: &[u8]) -> Digest {
    of_hash(Sha256::digest(bytes).as_slice(), bytes.len() as u64)
}

fn digest_of(file: &mut impl Read) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    let size = io::copy(file, &mut hasher)?;
    Ok(of_hash(hasher.finalize().as_slice(), size))
}

fn of_hash(hash: &[u8], size: u64) -> Digest {
    Digest {
        hash: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        size_bytes: size as i64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_sha_256() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let expected = Digest {
            hash: abc.to_owned(),
            size_bytes: 3,
        };
        assert_eq!(digest(b"abc"), expected);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        fs::write(&path, "abc").unwrap();
        assert_eq!(Blob::of_file(&path).unwrap().digest, expected);
    }

    #[test]
    fn a_file_that_is_written_later_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("module.o");
        fs::write(&path, "abc").unwrap();
        let blob = Blob::of_file(&path).unwrap();
        assert_eq!(blob.read().unwrap(), b"abc");
        fs::remove_file(&path).unwrap();
        fs::write(&path, "abcd").unwrap();
        let error = blob.read().unwrap_err().to_string();
        assert!(error.ends_with("was written during the link"), "{error}");
        fs::remove_file(&path).unwrap();
        assert!(blob.read().is_err());
    }
}
