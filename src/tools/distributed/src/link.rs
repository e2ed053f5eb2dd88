//! Step 4: links the native objects to the program.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tool_support::command::Ended;

use crate::program::Program;

/// Links the program as rustc would to `output`, with native objects in place of bitcode and with the
/// object `regular`. Modules for which there is no native object are left out. Modules of rlibs are
/// linked as plain objects, because the thin link selected them.
pub fn run(
    program: &Program,
    native: impl Fn(&str) -> Option<PathBuf>,
    regular: Option<&Path>,
    output: &Path,
) -> anyhow::Result<Ended> {
    let folder = output.parent().context("the output is a folder")?;
    let folder = if folder == Path::new("") {
        Path::new(".")
    } else {
        folder
    };
    let linked = tempfile::Builder::new()
        .prefix(".link-")
        .tempdir_in(folder)
        .with_context(|| format!("cannot write to {}", folder.display()))?;
    // The name is that of the output, because a linker may write it into the file.
    let name = output.file_name().context("the output has no name")?;
    let new = linked.path().join(name);
    let mut arguments: Vec<_> = regular.map(Into::into).into_iter().collect();
    arguments.extend(program.arguments(Some(&new), false, |module| {
        native(&module.name).map(Into::into)
    }));
    let ended = program.linker.run(&arguments, &program.dir)?;
    fs::rename(&new, output).with_context(|| format!("cannot name {}", output.display()))?;
    Ok(ended)
}
