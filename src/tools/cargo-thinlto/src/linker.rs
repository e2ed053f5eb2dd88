//! The program that a C compiler runs as the linker: this one, under each of [`NAMES`].
//!
//! It adds what differs from machine to machine and from run to run: the path of lld, its cache, its
//! jobs. In the flags of rustc, they would be part of cargo's hashes, and with them of the names of
//! symbols, so that no two machines would have the same modules.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Context;
use distributed::response_file;
use tool_support::command::{self, Ended};
use tool_support::file;

use crate::cache::Cache;
use crate::jobs::Jobs;
use crate::remote::{self, Distributor};
use crate::session::Joined;
use crate::summary::Link;
use crate::time_trace;

/// The names under which C compilers search for the linker of `-fuse-ld`. A link with LTO is for lld, also
/// if the user's flags name another linker.
pub const NAMES: [&str; 4] = ["ld.bfd", "ld.gold", "ld.lld", "ld.mold"];

/// rustc passes options that begin so with `-Clinker-plugin-lto` only.
const OF_LTO: &str = "plugin-opt=";

/// The name of the linker that this program was started as.
pub fn called_as(program: &Path) -> Option<&'static str> {
    let name = program.file_name()?;
    NAMES.into_iter().find(|linker| name == *linker)
}

/// Runs lld with `arguments`, and reports to the session. A link without LTO, which is for the host, is
/// left to the linker with `name`.
pub fn run(name: &str, arguments: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let session = Joined::find()?;
    let expanded = response_file::expand(arguments.iter().cloned())?;
    let has = |option| has_option(&expanded, option);
    if !has(OF_LTO) {
        let error = Command::new(name).args(&arguments).exec();
        return Err(error).with_context(|| format!("cannot start {name}"));
    }
    let (has_trace, has_cache) = (has("time-trace"), has("thinlto-cache-dir"));
    let lld = Lld {
        session,
        arguments,
        has_trace,
        damaged: expanded.into_iter().find(|it| is_damaged_in_index(it)),
    };
    // A cache that the user names is lld's alone. The distributor has its own: the keys of lld's have neither the
    // compiler of its backends nor its options.
    let (ended, mut link) = if has_cache || lld.distributor().is_some() {
        lld.run(None)?
    } else {
        let cache = Cache::at(lld.session.settings.cache.clone());
        lld.run_with_cache(&cache)?
    };
    if let Some(path) = &lld.damaged
        && lld.session.distributor().is_some()
    {
        let path = path.display();
        let warning = format!(
            "did not ask servers: LLVM damages the path {path} in indexes, as it is not ASCII"
        );
        link.warnings.push(warning);
    }
    io::stdout().write_all(&ended.stdout)?;
    io::stderr().write_all(&ended.stderr)?;
    lld.session.report(&link)?;
    Ok(ended
        .status
        .code()
        .map_or(ExitCode::FAILURE, |code| ExitCode::from(code as u8)))
}

/// A link by lld.
struct Lld {
    session: Joined,
    arguments: Vec<OsString>,
    /// Whether the user wants a time trace.
    has_trace: bool,
    /// A path that keeps servers out of this link.
    damaged: Option<OsString>,
}

impl Lld {
    /// The distributor and the path of its program.
    fn distributor(&self) -> Option<(&Distributor, PathBuf)> {
        let distributor = self.session.distributor();
        distributor.filter(|_| self.damaged.is_none())
    }

    /// Links, and again without the entries of the cache that are damaged, or without a cache that cannot be
    /// written to.
    fn run_with_cache(&self, cache: &Cache) -> anyhow::Result<(Ended, Link)> {
        let folder = cache.folder().display();
        let mut warnings = Vec::new();
        // Twice, as entries of a cache that is not in order may be damaged again.
        for _ in 0..2 {
            let used = cache.watch();
            let (ended, link) = self.run(Some(cache))?;
            let problem = match cache.check(used) {
                Ok(0) if ended.status.success() => None,
                Ok(0) => cache.problem(),
                Ok(damaged) => {
                    warnings.push(format!("removed {damaged} damaged entries of {folder}"));
                    continue;
                }
                Err(error) => Some(format!("{error:#}")),
            };
            match problem {
                None => return Ok((ended, Link { warnings, ..link })),
                Some(problem) => warnings.push(format!("did not use {folder}: {problem}")),
            }
            break;
        }
        let (ended, link) = self.run(None)?;
        Ok((ended, Link { warnings, ..link }))
    }

    /// Links once.
    fn run(&self, cache: Option<&Cache>) -> anyhow::Result<(Ended, Link)> {
        let mut lld = Command::new(&self.session.settings.lld);
        lld.args(&self.arguments).arg("--fat-lto-objects");
        lld.args(cache.iter().flat_map(|cache| cache.options()));
        let report = self.session.temporary("report.json");
        file::remove_stale(&report)?;
        let distributor = self.distributor();
        // The distributor takes tokens of the job server itself.
        let jobs = distributor.is_none().then(Jobs::take);
        lld.args(
            jobs.iter()
                .map(|jobs| format!("--thinlto-jobs={}", jobs.number())),
        );
        lld.args(
            distributor
                .iter()
                .flat_map(|(distributor, program)| distributor.lld_options(program, &report)),
        );
        let trace = self.session.temporary("time-trace.json");
        if !self.has_trace {
            lld.args(time_trace::options(&trace));
        }
        let ended = command::run_to_any_end(&mut lld)?;
        let mut link = if ended.status.success() && !self.has_trace {
            time_trace::read(&trace)?
        } else {
            Link::default()
        };
        if distributor.is_some() {
            let report = remote::report(&report)?;
            if report.as_ref().is_some_and(|report| report.gave_servers_up) {
                self.session.give_servers_up()?;
            }
            link.add(report);
        }
        Ok((ended, link))
    }
}

/// Whether an option in `arguments` begins with `option`, after one or two dashes.
fn has_option(arguments: &[OsString], option: &str) -> bool {
    arguments
        .iter()
        .map(|argument| argument.as_bytes())
        .any(|argument| {
            let one = argument.strip_prefix(b"-");
            let two = argument.strip_prefix(b"--");
            two.or(one)
                .is_some_and(|name| name.starts_with(option.as_bytes()))
        })
}

/// Whether LLVM damages `argument` if it is a path in an index: it extends the sign of a character that is not
/// ASCII into the next ones. Members of archives are named after the archive.
fn is_damaged_in_index(argument: &OsStr) -> bool {
    !argument.is_ascii() && !argument.as_bytes().starts_with(b"-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_one_or_two_dashes() {
        let arguments =
            ["-o", "time-trace", "-plugin-opt=O3", "--time-trace=x"].map(OsString::from);
        assert!(has_option(&arguments, OF_LTO));
        assert!(has_option(&arguments, "time-trace"));
        assert!(!has_option(&arguments[..3], "time-trace"));
    }
}
