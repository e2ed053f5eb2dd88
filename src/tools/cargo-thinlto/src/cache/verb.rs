//! The verb that shows the caches and clears them.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;
use backends::cache::Entry;

use crate::cache::counts::{Counts, Local, WithServers};
use crate::cache::{Cache, size_text};
use crate::remote;

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
    let (own, of_servers) = (Cache::find()?, remote::cache()?);
    let (entries, objects) = (own.entries()?, of_servers.entries()?);
    if let Some(Verb::Clear) = arguments.verb {
        let removed = remove(&entries)? + remove(&objects)?;
        Counts::clear(own.folder())?;
        println!("removed {}", size_text(removed));
        return Ok(());
    }
    let counts = Counts::read(own.folder());
    print!("{}", text(own.folder(), &entries, &counts.local));
    if !objects.is_empty() {
        let text = text_with_servers(of_servers.folder(), &objects, &counts.with_servers);
        print!("\nwith servers\n{text}");
    }
    Ok(())
}

fn text(folder: &Path, entries: &[Entry], counts: &Local) -> String {
    let Local { modules, compiled } = *counts;
    let hits = modules.saturating_sub(compiled);
    let percent = 100 * hits / modules.max(1);
    place_and_size(folder, entries) + &format!("hits: {hits} of {modules} modules ({percent} %)\n")
}

fn text_with_servers(folder: &Path, entries: &[Entry], counts: &WithServers) -> String {
    let modules = counts.modules;
    let hits = modules.saturating_sub(counts.remote_cached + counts.workers + counts.compiled);
    place_and_size(folder, entries)
        + &format!(
            "hits: {hits} of {modules} modules here, {} on servers; {} compiled by workers\n",
            counts.remote_cached, counts.workers
        )
}

fn place_and_size(folder: &Path, entries: &[Entry]) -> String {
    let size = entries.iter().map(|(_, metadata)| metadata.len()).sum();
    format!(
        "place: {}\nsize: {} in {} entries\n",
        folder.display(),
        size_text(size),
        entries.len()
    )
}

/// Removes `entries`, and returns how many bytes that were.
fn remove(entries: &[Entry]) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for (path, metadata) in entries {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
            _ => bytes += metadata.len(),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_shown_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path().to_owned());
        for name in ["llvmcache-A", "Thin-1.tmp.o", "mine"] {
            fs::write(dir.path().join(name), [0; 1 << 19]).unwrap();
        }
        let counts = Local {
            modules: 20,
            compiled: 11,
        };
        let entries = cache.entries().unwrap();
        let place = dir.path().display();
        assert_eq!(
            text(dir.path(), &entries, &counts),
            format!("place: {place}\nsize: 1.0 MiB in 2 entries\nhits: 9 of 20 modules (45 %)\n")
        );
        assert_eq!(remove(&entries).unwrap(), 1 << 20);
        assert!(cache.entries().unwrap().is_empty());
        assert!(dir.path().join("mine").exists());

        let counts = WithServers {
            modules: 20,
            remote_cached: 5,
            workers: 2,
            compiled: 1,
        };
        assert_eq!(
            text_with_servers(dir.path(), &[], &counts),
            format!(
                "place: {place}\nsize: 0.0 MiB in 0 entries\n\
                 hits: 12 of 20 modules here, 5 on servers; 2 compiled by workers\n"
            )
        );
    }
}
