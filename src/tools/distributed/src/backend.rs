//! Step 3: rustc compiles each module, with its index and its imports, to a native object.
//!
//! Target, relocation model, CPU and features are in the module. Objects come from a cache if they
//! were compiled from the same content before.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use tool_support::command::{self, Usage};

use crate::cache::{Cache, Key};
use crate::plan::Planned;
use crate::program::{Program, bytes};
use crate::thin_link::ThinLink;
use crate::toolchain::Toolchain;

/// The options of each backend, besides its index; `-O3` is cargo's release level.
const OPTIONS: [&str; 3] = ["-Zunstable-options", "-Copt-level=3", "--emit=obj"];

/// The backend of one module.
pub struct Backend {
    /// The native object.
    pub native: PathBuf,
    /// The bytes of the module, its index and the modules that it imports from.
    pub sent_bytes: u64,
    /// Its resources, or `None` if the object was in the cache.
    pub usage: Option<Usage>,
}

/// Backends by the names of their modules.
pub type Backends = HashMap<String, Backend>;

/// Runs the backends of all modules that the linker selected. Objects are in the folder `dir`, which
/// an earlier run may have left. Calls `done` with the number of backends whenever one has ended.
pub fn run(
    tools: &Toolchain,
    program: &Program,
    thin: &ThinLink,
    dir: &Path,
    done: impl Fn(usize) + Sync,
) -> anyhow::Result<Backends> {
    let cache = Cache::open(&dir.join("cache"))?;
    let pool = ThreadPoolBuilder::new()
        .num_threads(tools.jobs.get())
        .build()?;
    pool.install(|| {
        let hashes = thin.plan.modules.par_iter().map(|module| {
            let bitcode = program.dir.join(&module.bitcode);
            Ok((module.name.as_str(), (hash(&bitcode)?, bytes(&bitcode)?)))
        });
        let hashes: HashMap<&str, (blake3::Hash, u64)> = hashes.collect::<anyhow::Result<_>>()?;
        let mut modules: Vec<&Planned> = thin.plan.modules.iter().collect();
        // Longest first, so that no core idles at the end.
        modules.sort_by_key(|module| Reverse(hashes[module.name.as_str()].1));
        let count = modules.len();
        // Unlike a parallel iterator over the list, this keeps the order.
        let backends = modules.into_iter().par_bridge().map(|module| {
            let index = thin.index(module);
            let mut key = Key::new(&tools.identity, &OPTIONS);
            let (own, own_bytes) = hashes[module.name.as_str()];
            key.add(&module.name, &own);
            key.add("index", &hash(&index)?);
            let mut sent_bytes = own_bytes + bytes(&index)?;
            for import in &module.imports {
                let (hash, bytes) = hashes.get(import.as_str()).with_context(|| {
                    format!("{} imports {import}, which is not linked", module.name)
                })?;
                key.add(import, hash);
                sent_bytes += bytes;
            }
            let (native, usage) = cache.get(key, |native| {
                let mut rustc = Command::new(&tools.rustc);
                rustc
                    .args(OPTIONS)
                    .arg(format!("-Zthinlto-index={}", index.display()));
                // The names in the index are relative to this folder.
                rustc
                    .arg(&module.bitcode)
                    .arg("-o")
                    .arg(native)
                    .current_dir(&program.dir);
                Ok(command::run(&mut rustc)?.usage)
            })?;
            done(count);
            Ok((
                module.name.clone(),
                Backend {
                    native,
                    sent_bytes,
                    usage,
                },
            ))
        });
        backends.collect()
    })
}

/// The hash of a file, read in pieces: the memory of this process would count as its children's.
fn hash(path: &Path) -> anyhow::Result<blake3::Hash> {
    let read = || -> std::io::Result<_> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(fs::File::open(path)?)?;
        Ok(hasher.finalize())
    };
    read().with_context(|| format!("cannot read {}", path.display()))
}
