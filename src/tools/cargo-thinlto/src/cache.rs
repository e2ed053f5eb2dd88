//! lld's cache of native objects.

mod counts;
mod entry;
pub mod verb;
mod watch;

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use backends::cache::Entry;
use helped::Helped;

use crate::summary::Link;
use counts::Counts;
use watch::Watch;

/// The variable with the folder.
const FOLDER: &str = "CARGO_THINLTO_CACHE_DIR";
/// The variable with lld's policy, a value of `--thinlto-cache-policy`.
const POLICY: &str = "CARGO_THINLTO_CACHE_POLICY";
/// LLVM's own policy takes three quarters of the free space, and forgets after a week.
const DEFAULT_POLICY: &str = "prune_after=720h:cache_size=50%:cache_size_bytes=10g";

/// The names of native objects begin so, and those of files that a link is writing.
const ENTRY: &str = "llvmcache-";
const UNFINISHED: &str = "Thin-";

/// The space that a link should find for its entries.
const LEAST_FREE: u64 = 256 << 20;

/// The cache.
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache of the user: the folder that the environment names, or one in cargo's home.
    pub fn find() -> anyhow::Result<Cache> {
        let folder = match env::var_os(FOLDER) {
            Some(folder) => std::path::absolute(folder)?,
            None => home::cargo_home()?.join("thinlto-cache"),
        };
        fs::create_dir_all(&folder).with_context(|| {
            Helped::new(
                format!("cannot create the cache {}", folder.display()),
                format!("set `{FOLDER}` to a folder that you can write to"),
            )
        })?;
        Ok(Cache { folder })
    }

    /// The cache in `folder`.
    pub fn at(folder: PathBuf) -> Cache {
        Cache { folder }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The options of lld.
    pub fn options(&self) -> [String; 2] {
        let policy = env::var(POLICY).unwrap_or_else(|_| DEFAULT_POLICY.to_owned());
        [
            format!("--thinlto-cache-dir={}", self.folder.display()),
            format!("--thinlto-cache-policy={policy}"),
        ]
    }

    /// Begins to observe which entries a link uses and adds.
    pub fn watch(&self) -> Watch {
        Watch::start(&self.folder)
    }

    /// Checks the entries that a link has used and added, and returns how many of them were damaged.
    /// Those are removed.
    pub fn check(&self, used: Watch) -> anyhow::Result<usize> {
        let names: Vec<PathBuf> = match used.names() {
            Some(names) => names
                .iter()
                .filter(|name| is_entry(name, &[ENTRY]))
                .map(Into::into)
                .collect(),
            None => self.entries()?.into_iter().map(|(path, _)| path).collect(),
        };
        let mut damaged = 0;
        for name in names {
            let path = self.folder.join(name);
            let is_whole =
                entry::check(&path).with_context(|| format!("cannot check {}", path.display()))?;
            damaged += usize::from(!is_whole);
        }
        Ok(damaged)
    }

    /// Why lld may be unable to write entries.
    pub fn problem(&self) -> Option<String> {
        if let Err(error) = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempfile_in(&self.folder)
        {
            return Some(error.to_string());
        }
        let disk = rustix::fs::statvfs(&self.folder).ok()?;
        let free = disk.f_bavail * disk.f_frsize;
        (free < LEAST_FREE).then(|| format!("{} are free", size_text(free)))
    }

    /// Adds the modules of a build to the counts.
    pub fn count(&self, links: &[Link]) -> anyhow::Result<()> {
        Counts::add(&self.folder, links)
    }

    /// The native objects and what links have left unfinished.
    fn entries(&self) -> anyhow::Result<Vec<Entry>> {
        let read = || -> io::Result<Vec<Entry>> {
            let mut entries = Vec::new();
            for entry in fs::read_dir(&self.folder)? {
                let entry = entry?;
                // Another process may have pruned it.
                if is_entry(&entry.file_name(), &[ENTRY, UNFINISHED])
                    && let Ok(metadata) = entry.metadata()
                {
                    entries.push((entry.path(), metadata));
                }
            }
            Ok(entries)
        };
        read().with_context(|| format!("cannot read {}", self.folder.display()))
    }
}

/// Whether `name` begins with one of `prefixes`.
fn is_entry(name: &OsStr, prefixes: &[&str]) -> bool {
    let name = name.as_bytes();
    prefixes
        .iter()
        .any(|prefix| name.starts_with(prefix.as_bytes()))
}

/// A number of bytes in MiB.
fn size_text(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
