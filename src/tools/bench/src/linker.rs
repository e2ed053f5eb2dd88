//! The lld of builds by cargo: the running program under lld's names, which runs lld and records the
//! resources of the link.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Context;
use distributed::folder;
use distributed::toolchain::LLVM;
use tool_support::command::{self, Usage};
use tool_support::records;

/// The name that C compilers search for. `cargo thinlto` searches for the same with the version.
const NAME: &str = "ld.lld";

/// The path of lld.
const LLD: &str = "BENCH_LLD";
/// The file that gets a line for each run.
const RECORDS: &str = "BENCH_LINKS";

/// The program for one build.
pub struct Linker {
    folder: PathBuf,
    records: PathBuf,
}

impl Linker {
    /// Makes links to this program in a folder in `dir`.
    pub fn install(dir: &Path) -> anyhow::Result<Linker> {
        let folder = folder::reused(dir, "linker")?;
        let program = env::current_exe()?;
        folder::link(&program, &folder.join(NAME))?;
        folder::link(&program, &folder.join(format!("{NAME}-{LLVM}")))?;
        let records = dir.join("links.jsonl");
        records::create(&records)?;
        Ok(Linker { folder, records })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the links that `cargo` starts run `lld`.
    pub fn record(&self, cargo: &mut Command, lld: &Path) {
        cargo.env(LLD, lld).env(RECORDS, &self.records);
    }

    /// The resources of the last link, which is that of the program.
    pub fn last_link(&self) -> anyhow::Result<Usage> {
        let mut runs: Vec<Usage> = records::read(&self.records)?;
        runs.pop().context("nothing was linked")
    }
}

/// Runs lld if this process was started in its place, and returns the exit code for `main`.
pub fn run() -> Option<ExitCode> {
    let mut args = env::args_os();
    let name = PathBuf::from(args.next()?);
    if !is_lld(name.file_name()?) {
        return None;
    }
    let run = || -> anyhow::Result<ExitCode> {
        let variable = |name| env::var_os(name).with_context(|| format!("{name} is not set"));
        let mut lld = Command::new(variable(LLD)?);
        let (status, usage) = command::pass_through(lld.args(args))?;
        records::append(Path::new(&variable(RECORDS)?), &usage)?;
        Ok(command::exit_code(status))
    };
    Some(run().unwrap_or_else(|error| {
        eprintln!("{}", helped::report(&error));
        ExitCode::FAILURE
    }))
}

fn is_lld(name: &OsStr) -> bool {
    let rest = name.to_str().and_then(|name| name.strip_prefix(NAME));
    rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix('-') == Some(LLVM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lld_has_two_names() {
        assert!(is_lld("ld.lld".as_ref()) && is_lld("ld.lld-22".as_ref()));
        assert!(!is_lld("bench".as_ref()) && !is_lld("ld.lld-21".as_ref()));
    }

    #[test]
    fn the_last_link_counts() {
        let dir = tempfile::tempdir().unwrap();
        let linker = Linker::install(dir.path()).unwrap();
        assert!(linker.folder().join("ld.lld-22").exists());
        assert!(linker.last_link().is_err());
        for peak_memory in [1, 2] {
            let usage = Usage {
                peak_memory,
                ..Usage::default()
            };
            records::append(&linker.records, &usage).unwrap();
        }
        assert_eq!(linker.last_link().unwrap().peak_memory, 2);
        let again = Linker::install(dir.path()).unwrap();
        assert!(again.last_link().is_err());
    }
}
