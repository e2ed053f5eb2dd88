//! lld's cache of native objects, and the verb that shows and clears it.

mod entry;
mod watch;

use std::env;
use std::ffi::OsStr;
use std::fs::{self, DirEntry, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use helped::Helped;
use serde::{Deserialize, Serialize};
use tool_support::file;

use crate::summary::Link;
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

/// The sums of all builds.
const COUNTS: &str = "counts.json";
/// A file to lock.
const LOCK: &str = "lock";

/// Show or clear the cache.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Remove all native objects and counts
    Clear,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let cache = Cache::find()?;
    match arguments.verb {
        None => print!("{}", cache.text()?),
        Some(Verb::Clear) => println!("removed {}", size_text(cache.clear()?)),
    }
    Ok(())
}

/// The cache.
pub struct Cache {
    folder: PathBuf,
}

/// The modules of all builds.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
struct Counts {
    modules: usize,
    /// Those that were not in the cache.
    compiled: usize,
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
            None => self
                .entries()?
                .iter()
                .map(|entry| entry.file_name().into())
                .collect(),
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
    pub fn count(&self, link: &Link) -> anyhow::Result<()> {
        let _lock = self.lock()?;
        let counts = self.counts();
        let counts = Counts {
            modules: counts.modules + link.modules,
            compiled: counts.compiled + link.modules - link.cached(),
        };
        file::write_json(&self.folder.join(COUNTS), &counts)
    }

    /// The counts. A file that is missing or damaged counts nothing.
    fn counts(&self) -> Counts {
        let text = fs::read(self.folder.join(COUNTS)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Waits until no other process holds the lock. The end of the file that is returned releases it.
    fn lock(&self) -> anyhow::Result<File> {
        let path = self.folder.join(LOCK);
        let lock = || -> io::Result<File> {
            let file = File::create(&path)?;
            file.lock()?;
            Ok(file)
        };
        lock().with_context(|| format!("cannot lock {}", path.display()))
    }

    /// The native objects and what links have left unfinished.
    fn entries(&self) -> anyhow::Result<Vec<DirEntry>> {
        let read = || -> io::Result<Vec<DirEntry>> {
            let entries = fs::read_dir(&self.folder)?.collect::<io::Result<Vec<_>>>()?;
            let is_entry = |entry: &DirEntry| is_entry(&entry.file_name(), &[ENTRY, UNFINISHED]);
            Ok(entries.into_iter().filter(is_entry).collect())
        };
        read().with_context(|| format!("cannot read {}", self.folder.display()))
    }

    /// What the verb shows.
    fn text(&self) -> anyhow::Result<String> {
        let entries = self.entries()?;
        // Another process may have pruned an entry.
        let sizes = entries
            .iter()
            .filter_map(|entry| Some(entry.metadata().ok()?.len()));
        let size = size_text(sizes.sum());
        let Counts { modules, compiled } = self.counts();
        let hits = modules - compiled.min(modules);
        let percent = 100 * hits / modules.max(1);
        Ok(format!(
            "place: {}\n\
             size: {size} in {} entries\n\
             hits: {hits} of {modules} modules ({percent} %)\n",
            self.folder.display(),
            entries.len(),
        ))
    }

    /// Removes everything, and returns how many bytes that were.
    fn clear(&self) -> anyhow::Result<u64> {
        let _lock = self.lock()?;
        let mut bytes = 0;
        for entry in self.entries()? {
            bytes += entry.metadata().map_or(0, |data| data.len());
            match fs::remove_file(entry.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    let path = entry.path();
                    return Err(error).with_context(|| format!("cannot remove {}", path.display()));
                }
                _ => {}
            }
        }
        file::write_json(&self.folder.join(COUNTS), &Counts::default())?;
        Ok(bytes)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_is_counted_and_cleared() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path().to_owned());
        for name in ["llvmcache-A", "Thin-1.tmp.o", "mine"] {
            fs::write(dir.path().join(name), [0; 1 << 19]).unwrap();
        }
        let link = |modules, compiled| Link {
            modules,
            compiled,
            ..Link::default()
        };
        cache.count(&link(10, 10)).unwrap();
        cache.count(&link(10, 1)).unwrap();
        let place = dir.path().display();
        assert_eq!(
            cache.text().unwrap(),
            format!("place: {place}\nsize: 1.0 MiB in 2 entries\nhits: 9 of 20 modules (45 %)\n")
        );
        assert_eq!(cache.clear().unwrap(), 1 << 20);
        assert_eq!(
            cache.text().unwrap(),
            format!("place: {place}\nsize: 0.0 MiB in 0 entries\nhits: 0 of 0 modules (0 %)\n")
        );
        assert!(dir.path().join("mine").exists());
    }

    #[test]
    fn damaged_counts_are_none() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path().to_owned());
        fs::write(dir.path().join(COUNTS), "{\"modules\":").unwrap();
        assert_eq!(cache.counts(), Counts::default());
    }
}
