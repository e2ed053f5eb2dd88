//! The modules of all builds, counted in a file in the cache.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tool_support::file;

use crate::summary::Link;

const FILE: &str = "counts.json";
/// A file to lock.
const LOCK: &str = "lock";

/// The modules of all builds.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Counts {
    /// Links from lld's cache.
    pub local: Local,
    /// Links with servers.
    pub with_servers: WithServers,
}

/// The modules of links from lld's cache.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Local {
    /// All of them.
    pub modules: usize,
    /// Those that were not in the cache.
    pub compiled: usize,
}

/// The modules of links with servers.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct WithServers {
    /// All of them.
    pub modules: usize,
    /// Those from the cache of a server.
    pub remote_cached: usize,
    /// Those that workers compiled.
    pub workers: usize,
    /// Those that were compiled here.
    pub compiled: usize,
}

impl Counts {
    /// The counts in `folder`. A file that is missing or damaged counts nothing.
    pub fn read(folder: &Path) -> Counts {
        let text = fs::read(folder.join(FILE)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Adds the modules of `links` to the counts in `folder`.
    pub fn add(folder: &Path, links: &[Link]) -> anyhow::Result<()> {
        let _lock = lock(folder)?;
        let mut counts = Counts::read(folder);
        for link in links {
            match link.remote {
                None => {
                    counts.local.modules += link.modules;
                    counts.local.compiled += link.compiled;
                }
                Some(remote) => {
                    counts.with_servers.modules += link.modules;
                    counts.with_servers.remote_cached += remote.cached;
                    counts.with_servers.workers += remote.compiled;
                    counts.with_servers.compiled += link.compiled;
                }
            }
        }
        counts.write(folder)
    }

    /// Starts the counts in `folder` anew.
    pub fn clear(folder: &Path) -> anyhow::Result<()> {
        let _lock = lock(folder)?;
        Counts::default().write(folder)
    }

    fn write(&self, folder: &Path) -> anyhow::Result<()> {
        file::write_json(&folder.join(FILE), self)
    }
}

/// Waits until no other process holds the lock. The end of the file that is returned releases it.
fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(LOCK);
    let lock = || -> io::Result<File> {
        let file = File::create(&path)?;
        file.lock()?;
        Ok(file)
    };
    lock().with_context(|| format!("cannot lock {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::Remote;

    #[test]
    fn links_are_counted_by_kind() {
        let dir = tempfile::tempdir().unwrap();
        let link = |modules, compiled, remote| Link {
            modules,
            compiled,
            remote,
            ..Link::default()
        };
        let remote = Remote {
            cached: 3,
            compiled: 2,
        };
        Counts::add(dir.path(), &[link(10, 10, None), link(9, 1, Some(remote))]).unwrap();
        Counts::add(dir.path(), &[link(10, 1, None)]).unwrap();
        let expected = Counts {
            local: Local {
                modules: 20,
                compiled: 11,
            },
            with_servers: WithServers {
                modules: 9,
                remote_cached: 3,
                workers: 2,
                compiled: 1,
            },
        };
        assert_eq!(Counts::read(dir.path()), expected);
        fs::write(dir.path().join(FILE), "{\"local\":").unwrap();
        assert_eq!(Counts::read(dir.path()), Counts::default());
    }
}
