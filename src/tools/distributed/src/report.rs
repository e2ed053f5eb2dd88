//! Counts what a build by distributed ThinLTO did, from its files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use helped::Helped;
use module_summary::Index;
use rayon::prelude::*;
use serde::Serialize;
use walkdir::WalkDir;

use crate::bitcode::is_bitcode_file;
use crate::pairs::{BITCODE, SUMMARY};
use crate::program::bytes;

const INDEX: &str = ".thinlto.bc";
const IMPORTS: &str = ".imports";

/// Counts over the files of a build.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// The modules for which there are indexes.
    pub modules: usize,
    /// Those that the linker selected.
    pub selected_modules: usize,
    /// Functions whose body a module takes from another one. A function that several modules import
    /// counts for each of them.
    pub imported_functions: usize,
    /// The modules that modules import from.
    pub module_imports: usize,
    /// The bytes of bitcode.
    pub bitcode_bytes: u64,
    /// The bytes of summaries.
    pub summary_bytes: u64,
    /// The bytes of indexes.
    pub index_bytes: u64,
}

impl Report {
    fn plus(self, other: Report) -> Report {
        Report {
            modules: self.modules + other.modules,
            selected_modules: self.selected_modules + other.selected_modules,
            imported_functions: self.imported_functions + other.imported_functions,
            module_imports: self.module_imports + other.module_imports,
            bitcode_bytes: self.bitcode_bytes + other.bitcode_bytes,
            summary_bytes: self.summary_bytes + other.summary_bytes,
            index_bytes: self.index_bytes + other.index_bytes,
        }
    }
}

/// The report on `files`, and on all files in those that are folders. Suffixes tell their kinds; other
/// files are ignored.
pub fn of_files(files: &[PathBuf]) -> anyhow::Result<Report> {
    let mut found = Vec::new();
    for file in files {
        for entry in WalkDir::new(file).follow_links(true) {
            let entry = entry.with_context(|| {
                let message = format!("cannot read {}", file.display());
                Helped::new(
                    message,
                    "pass the files that the actions of the build wrote",
                )
            })?;
            if entry.file_type().is_file() {
                found.push(entry.into_path());
            }
        }
    }
    found
        .par_iter()
        .map(|file| of_file(file))
        .try_reduce(Report::default, |one, other| Ok(one.plus(other)))
}

fn of_file(file: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let name = file.to_string_lossy();
    if let Some(stem) = name.strip_suffix(INDEX) {
        let index = Index::read(file)?;
        report.modules = 1;
        report.selected_modules = index.is_selected.into();
        report.index_bytes = bytes(file)?;
        // The index is in a folder of its own, below which it has the path of the module.
        let own = |path: &str| Path::new(stem).ends_with(path.trim_start_matches('/'));
        let bodies = index.bodies().into_iter();
        let imported = bodies.filter(|(path, _)| !own(path));
        report.imported_functions = imported.map(|(_, count)| count).sum();
    } else if name.ends_with(IMPORTS) {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        report.module_imports = text.lines().count();
    } else if name.ends_with(SUMMARY) {
        report.summary_bytes = bytes(file)?;
    } else if name.ends_with(BITCODE) && is_bitcode_file(file)? {
        report.bitcode_bytes = bytes(file)?;
    }
    Ok(report)
}
