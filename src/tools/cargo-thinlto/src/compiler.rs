//! The compiler that cargo is to run.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use helped::Helped;
use tool_support::command;

/// rustc and rustdoc of this toolchain.
pub struct Compiler {
    /// The value for `RUSTC`.
    pub rustc: PathBuf,
    /// The value for `RUSTDOC`.
    pub rustdoc: PathBuf,
}

impl Compiler {
    /// The compiler that `RUSTC` names, or the one beside this program.
    pub fn find() -> anyhow::Result<Compiler> {
        if let Some(rustc) = env::var_os("RUSTC").map(PathBuf::from) {
            check(&rustc)?;
            let rustdoc = env::var_os("RUSTDOC").map(PathBuf::from);
            return Ok(Compiler {
                rustdoc: rustdoc.unwrap_or_else(|| rustc.with_file_name("rustdoc")),
                rustc,
            });
        }
        // The program may be called through a link in a folder of `PATH`.
        let program = env::current_exe()
            .and_then(|program| program.canonicalize())
            .context("cannot find the path of this program")?;
        let rustc = program.with_file_name("rustc");
        if !rustc.exists() {
            let message = format!("there is no compiler beside {}", program.display());
            let help = "link to the program in the toolchain instead of copying it";
            return Err(Helped::new(message, help)
                .or("or name the compiler with `RUSTC`")
                .into());
        }
        Ok(Compiler {
            rustdoc: program.with_file_name("rustdoc"),
            rustc,
        })
    }
}

/// Whether the compiler that the user names has the flag that puts std into LTO.
fn check(rustc: &Path) -> anyhow::Result<()> {
    let help = command::run(Command::new(rustc).arg("-Zhelp"));
    let has_flag = |help: command::Ended| {
        String::from_utf8_lossy(&help.stdout).contains("link-embedded-bitcode")
    };
    if help.is_ok_and(has_flag) {
        return Ok(());
    }
    let message = format!("{} has no `-Zlink-embedded-bitcode`", rustc.display());
    let help = "unset `RUSTC`: the compiler beside cargo-thinlto has it";
    Err(Helped::new(message, help).into())
}
