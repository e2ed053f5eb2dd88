//! Counts the kernel's reads from disk, and makes it read.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use anyhow::Context;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::sys::resource::{UsageWho, getrusage};

/// The bytes that the kernel has read from disk for all children so far, including mapped files.
pub fn bytes_read() -> anyhow::Result<u64> {
    let blocks: u64 = getrusage(UsageWho::RUSAGE_CHILDREN)?
        .block_reads()
        .try_into()?;
    Ok(blocks * 512)
}

/// Evicts `files` from the page cache.
pub fn evict(files: &[PathBuf]) -> anyhow::Result<()> {
    let advice = PosixFadviseAdvice::POSIX_FADV_DONTNEED;
    for path in files {
        let evict = || -> anyhow::Result<()> {
            let file = File::open(path)?;
            // The kernel keeps dirty pages.
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
