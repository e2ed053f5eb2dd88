//! What the kernel reads from disk, and making it read.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use anyhow::Context;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::sys::resource::{UsageWho, getrusage};

/// What the kernel has read from disk for all children till now, pages of mapped files among it.
pub fn bytes_read() -> anyhow::Result<u64> {
    let blocks: u64 = getrusage(UsageWho::RUSAGE_CHILDREN)?
        .block_reads()
        .try_into()?;
    Ok(blocks * 512)
}

/// Takes `files` out of the page cache, where the file system has one.
pub fn evict(files: &[PathBuf]) -> anyhow::Result<()> {
    let advice = PosixFadviseAdvice::POSIX_FADV_DONTNEED;
    for path in files {
        let evict = || -> anyhow::Result<()> {
            let file = File::open(path)?;
            // Only pages that are on disk can go.
            file.sync_all()?;
            posix_fadvise(file.as_raw_fd(), 0, 0, advice)?;
            Ok(())
        };
        evict().with_context(|| format!("cannot evict {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evicting_names_what_is_missing() {
        let missing = PathBuf::from("/no such file");
        let error = evict(&[missing]).unwrap_err().to_string();
        assert_eq!(error, "cannot evict /no such file");
    }
}
