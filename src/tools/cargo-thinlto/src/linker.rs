//! The program that a C compiler runs as lld: this one, under the name [`NAME`].
//!
//! It adds what differs from machine to machine and from run to run: the path of lld, its cache, its
//! jobs. In the flags of rustc, they would be part of cargo's hashes, and with them of the names of
//! symbols, so that no two machines would have the same modules.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context;
use distributed::response_file;

use crate::cache::Cache;
use crate::session::Joined;
use crate::time_trace;

/// The name of the program: C compilers search for it with `-fuse-ld=lld`.
pub const NAME: &str = "ld.lld";

/// rustc passes options that begin so with `-Clinker-plugin-lto` only.
const OF_LTO: &str = "plugin-opt=";

/// Whether this program was started as the linker.
pub fn is_called(program: &Path) -> bool {
    program.file_name() == Some(OsStr::new(NAME))
}

/// Runs lld with `arguments`, and reports to the session.
pub fn run(arguments: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let session = Joined::find()?;
    let expanded = response_file::expand(arguments.iter().cloned())?;
    let has = |option| has_option(&expanded, option);
    if !has(OF_LTO) {
        // A link for the host, which has nothing to do with LTO.
        let lld = which::which(NAME).unwrap_or(session.settings.lld);
        let error = Command::new(&lld).args(&arguments).exec();
        return Err(error).with_context(|| format!("cannot start {}", lld.display()));
    }
    let settings = &session.settings;
    let mut lld = Command::new(&settings.lld);
    lld.args(&arguments).args(&settings.options);
    if !has("thinlto-cache-dir") {
        lld.args(Cache::at(settings.cache.clone()).options());
    }
    let trace = session.temporary("time-trace.json");
    if !has("time-trace") {
        lld.args(time_trace::options(&trace));
    }
    let status = lld
        .status()
        .with_context(|| format!("cannot start {}", settings.lld.display()))?;
    if status.success() && trace.exists() {
        session.report(&time_trace::read(&trace)?)?;
    }
    Ok(status
        .code()
        .map_or(ExitCode::FAILURE, |code| ExitCode::from(code as u8)))
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
