//! The jobs of links that run at the same time.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::thread;

/// The number of jobs that `text` stands for, a value of cargo's `--jobs`: a negative one is subtracted
/// from the number of cores.
pub fn number(text: Option<&str>) -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    match text.and_then(|text| text.parse::<isize>().ok()) {
        Some(jobs) if jobs > 0 => jobs.unsigned_abs(),
        Some(jobs) => cores.saturating_sub(jobs.unsigned_abs()).max(1),
        None => cores,
    }
}

/// Jobs that a link has, and others do not get until its end.
pub struct Jobs(Vec<File>);

impl Jobs {
    /// Takes those of all `jobs` that no other link with the same `folder` has.
    pub fn take(folder: &Path, jobs: usize) -> anyhow::Result<Jobs> {
        let mut taken = Vec::new();
        for job in 0..jobs {
            let file = File::create(folder.join(format!("job-{job}")))?;
            match file.try_lock() {
                Ok(()) => taken.push(file),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
        Ok(Jobs(taken))
    }

    /// Their number, for lld: a link without one runs as well.
    pub fn number(&self) -> usize {
        self.0.len().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_share_the_jobs() {
        let dir = tempfile::tempdir().unwrap();
        let take = |jobs| Jobs::take(dir.path(), jobs).unwrap();
        let (first, second) = (take(2), take(3));
        assert_eq!((first.number(), second.number(), second.0.len()), (2, 1, 1));
        let third = take(3);
        assert_eq!((third.number(), third.0.len()), (1, 0));
        drop(first);
        assert_eq!(take(3).0.len(), 2);
    }

    #[test]
    fn a_number_is_cargo_s() {
        let cores = number(None);
        assert_eq!(number(Some("3")), 3);
        assert_eq!(number(Some("default")), cores);
        assert_eq!(number(Some("-1")), (cores - 1).max(1));
        assert_eq!(number(Some("-100000")), 1);
    }
}
