//! Step 2: from the summaries alone, an index for each module.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::command;
use crate::compile::{Compiled, fresh};
use crate::fetch::PROGRAM;
use crate::module::{BITCODE, Module, SUMMARY};
use crate::toolchain::Toolchain;

/// What the thin link hands on.
pub struct ThinLink {
    dir: PathBuf,
    /// The modules that the linker took, by the names of their bitcode.
    selected: HashSet<String>,
}

impl ThinLink {
    /// Whether the linker took `module`; if not, the program does without it.
    pub fn selects(&self, module: &Module) -> bool {
        self.selected.contains(&module.bitcode)
    }

    /// The index of `module`.
    pub fn index(&self, module: &Module) -> PathBuf {
        self.dir.join(format!("{}.thinlto.bc", module.bitcode))
    }
}

/// Runs rustc's own link up to the indexes, with summaries in the place of objects and rlibs, so
/// that symbols resolve as in the real link. The modules of an rlib go between `--start-lib` and
/// `--end-lib`, and so are taken when something needs them, as members of an archive are.
///
/// The linker runs in a folder of copied summaries and names them without a folder: these names are
/// the modules' names in the indexes, and the backends find the bitcode under them in its own. All
/// full bitcode is out of sight meanwhile.
pub fn run(tools: &Toolchain, compiled: &Compiled, dir: &Path) -> anyhow::Result<ThinLink> {
    let thin = fresh(dir, "thin-link")?;
    for Module { summary, .. } in compiled.modules() {
        fs::copy(compiled.deps.join(summary), thin.join(summary))
            .with_context(|| format!("cannot copy {summary}"))?;
    }
    let mut linker = compiled.link_line.command(&thin.join(PROGRAM), |input| {
        let summaries = compiled
            .modules_of(input)
            .iter()
            .map(|module| (&module.summary).into());
        if input
            .extension()
            .is_some_and(|extension| extension == "rlib")
        {
            let start = ["-Wl,--start-lib".into()];
            start
                .into_iter()
                .chain(summaries)
                .chain(["-Wl,--end-lib".into()])
                .collect()
        } else {
            summaries.collect()
        }
    });
    linker
        .arg("-Wl,--thinlto-index-only=selected")
        .arg(format!(
            "-Wl,--thinlto-object-suffix-replace={SUMMARY};{BITCODE}"
        ))
        .arg(format!("-Wl,--threads={}", tools.jobs))
        .current_dir(&thin);
    let hidden = Hidden::hide(&compiled.target)?;
    command::run(&mut linker)?;
    drop(hidden);

    let selected = fs::read_to_string(thin.join("selected"))?
        .lines()
        .map(str::to_owned)
        .collect();
    Ok(ThinLink {
        dir: thin,
        selected,
    })
}

/// A folder that is out of sight, until this is dropped.
struct Hidden<'a> {
    folder: &'a Path,
    away: PathBuf,
}

impl<'a> Hidden<'a> {
    fn hide(folder: &'a Path) -> anyhow::Result<Self> {
        let away = folder.with_extension("out-of-sight");
        fs::rename(folder, &away).with_context(|| format!("cannot hide {}", folder.display()))?;
        Ok(Hidden { folder, away })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        if let Err(error) = fs::rename(&self.away, self.folder) {
            tracing::error!(%error, away = %self.away.display(), "cannot put the bitcode back");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_until_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("bitcode");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("a.o"), "bitcode").unwrap();
        let hidden = Hidden::hide(&folder).unwrap();
        assert!(!folder.exists());
        drop(hidden);
        assert_eq!(fs::read_to_string(folder.join("a.o")).unwrap(), "bitcode");
    }
}
