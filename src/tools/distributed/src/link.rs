//! Step 4: links the native objects to the program.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tool_support::command::{self, Usage};

use crate::backend::Backends;
use crate::link_inputs::{Program, bytes};

/// A linked program.
pub struct Linked {
    /// Its path.
    pub program: PathBuf,
    /// The resources of the link.
    pub usage: Usage,
    /// The bytes of all native code that the linker was given by name.
    pub sent_bytes: u64,
}

/// Links the program `name` as rustc would, with native objects in place of bitcode. Modules that the
/// thin link selected from rlibs are linked as plain objects.
pub fn run(
    program: &Program,
    backends: &Backends,
    dir: &Path,
    name: &str,
) -> anyhow::Result<Linked> {
    let path = dir.join(name);
    let linked = tempfile::Builder::new()
        .prefix(name)
        .tempfile_in(dir)?
        .into_temp_path();
    let mut linker = program.command(&linked, false, |module| {
        backends
            .get(&module.name)
            .map(|backend| backend.native.clone().into())
    });
    let usage = command::run(&mut linker)?.usage;
    fs::rename(&linked, &path).with_context(|| format!("cannot name {}", path.display()))?;
    let natives = backends.values().map(|backend| bytes(&backend.native));
    Ok(Linked {
        program: path,
        usage,
        sent_bytes: natives.sum::<anyhow::Result<u64>>()? + program.native_bytes()?,
    })
}
