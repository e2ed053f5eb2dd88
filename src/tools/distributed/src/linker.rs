//! The linker that rustc names, and its environment.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use helped::Helped;
use serde::Deserialize;
use tool_support::command::{self, Ended};

use crate::response_file;

/// The linker of a link.
#[derive(Debug, Deserialize)]
pub struct Linker {
    program: PathBuf,
    /// A value of `-Clinker-flavor`.
    flavor: String,
    /// Variables to set, or to unset if there is no value.
    environment: BTreeMap<String, Option<String>>,
    /// The folders to search before those of `PATH`.
    path: Vec<PathBuf>,
}

impl Linker {
    /// An option of lld as an argument of this linker, which may be a C compiler.
    pub(crate) fn option(&self, option: &str) -> OsString {
        if self.flavor.ends_with("-cc") {
            format!("-Wl,{option}").into()
        } else {
            option.into()
        }
    }

    /// Makes C compilers search `folder` for the linker that `-fuse-ld` names.
    pub(crate) fn search(&mut self, folder: &Path) {
        let folder = folder.to_string_lossy().into_owned();
        self.environment
            .insert("COMPILER_PATH".to_owned(), Some(folder));
    }

    /// Runs the linker in `dir`, with its arguments in a response file. If it fails, the error has the
    /// linker's messages.
    pub fn run(&self, arguments: &[OsString], dir: &Path) -> anyhow::Result<Ended> {
        let mut file = tempfile::NamedTempFile::with_prefix("link-")?;
        file.write_all(&response_file::text(arguments))
            .with_context(|| format!("cannot write {}", file.path().display()))?;
        let mut at_file = OsString::from("@");
        at_file.push(file.path());

        let mut shown = Command::new(&self.program);
        shown.args(arguments);
        tracing::debug!(command = ?shown, "link");
        let mut linker = self.command(dir)?;
        let ended = command::run_to_any_end(linker.arg(at_file)).with_context(|| {
            Helped::new("cannot start the linker", "`-Clinker` selects another")
        })?;
        if ended.status.success() {
            return Ok(ended);
        }
        let program = self.program.display();
        let mut message = format!("the linker `{program}` failed ({})", ended.status);
        for text in [&ended.stdout, &ended.stderr] {
            let text = String::from_utf8_lossy(text);
            if !text.trim_end().is_empty() {
                message += &format!("\n{}", text.trim_end());
            }
        }
        let help = "`RUST_LOG=debug` shows its arguments: those of `--emit=link-inputs`, with other files for modules";
        Err(Helped::new(message, help).into())
    }

    /// The linker in its environment.
    fn command(&self, dir: &Path) -> anyhow::Result<Command> {
        let mut linker = Command::new(&self.program);
        if dir != Path::new("") {
            linker.current_dir(dir);
        }
        let own_path = env::var_os("PATH").unwrap_or_default();
        let folders = self.path.iter().cloned();
        linker.env(
            "PATH",
            env::join_paths(folders.chain(env::split_paths(&own_path)))?,
        );
        for (name, value) in &self.environment {
            match value {
                Some(value) => linker.env(name, value),
                None => linker.env_remove(name),
            };
        }
        Ok(linker)
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    fn linker(program: &str) -> Linker {
        Linker {
            program: program.into(),
            flavor: "gnu-cc".into(),
            environment: BTreeMap::from([
                ("LC_ALL".into(), Some("C".into())),
                ("LD_RUN_PATH".into(), None),
            ]),
            path: vec!["tools/bin".into()],
        }
    }

    #[test]
    fn the_environment_is_rustc_s() {
        let command = linker("cc").command(Path::new("")).unwrap();
        assert_eq!(command.get_program(), "cc");
        let mut environment: BTreeMap<&OsStr, _> = command.get_envs().collect();
        let path = environment.remove(OsStr::new("PATH")).flatten().unwrap();
        let first = env::split_paths(path).next();
        assert_eq!(first.as_deref(), Some(Path::new("tools/bin")));
        let environment: Vec<_> = environment.into_iter().collect();
        assert_eq!(
            environment,
            [
                ("LC_ALL".as_ref(), Some("C".as_ref())),
                ("LD_RUN_PATH".as_ref(), None)
            ]
        );
    }

    #[test]
    fn a_failure_shows_messages_of_the_linker() {
        // `cat @FILE` finds no such file.
        let run = |program: &str| {
            let arguments = ["a b".into()];
            let error = linker(program)
                .run(&arguments, Path::new(""))
                .err()
                .unwrap();
            helped::report(&error)
        };
        let error = run("cat");
        assert!(
            error.starts_with("error: the linker `cat` failed (exit status: 1)\ncat: "),
            "{error}"
        );
        assert!(error.contains("\nhelp: "), "{error}");
        let error = run("no-such-linker");
        assert!(
            error.starts_with("error: cannot start the linker: cannot start "),
            "{error}"
        );
        assert!(error.contains("\"no-such-linker\" \"@/"), "{error}");
    }
}
