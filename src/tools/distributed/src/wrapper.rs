//! A wrapper between cargo and rustc: the running program under the name [`NAME`], which cargo starts
//! with rustc's path as the first argument.
//!
//! It records the resources of each compile. For the program's own crate it replaces the link, which
//! cargo has no option to omit, with `--emit=link-inputs`.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use tool_support::command::{self, Usage};
use tool_support::records;

use crate::folder;

const NAME: &str = "rustc-wrapper";

/// The file that gets a line for each compile.
const RECORDS: &str = "DISTRIBUTED_RECORDS";
/// The crate whose link is left out.
const PROGRAM: &str = "DISTRIBUTED_PROGRAM";
/// The file that gets its link inputs.
const LINK_INPUTS: &str = "DISTRIBUTED_LINK_INPUTS";

/// A run of rustc.
#[derive(Debug, Deserialize, Serialize)]
pub struct Compile {
    /// The name of the crate.
    pub crate_name: String,
    /// The resources of the compile.
    pub usage: Usage,
}

/// Makes `cargo` run this program in place of rustc, through a link in `dir`.
pub fn wrap(cargo: &mut Command, dir: &Path, records: &Path) -> anyhow::Result<()> {
    let wrapper = dir.join(NAME);
    folder::link(&env::current_exe()?, &wrapper)?;
    records::create(records)?;
    cargo.env("RUSTC_WRAPPER", wrapper).env(RECORDS, records);
    Ok(())
}

/// Makes the wrapper replace the link of the crate `program` with the file `link_inputs`.
pub fn replace_link(cargo: &mut Command, program: &str, link_inputs: &Path) {
    cargo
        .env(PROGRAM, crate_name(program))
        .env(LINK_INPUTS, link_inputs);
}

/// The name of the crate of a binary target.
pub fn crate_name(target: &str) -> String {
    target.replace('-', "_")
}

/// Runs rustc if this process was started in its place, and returns the exit code for `main`.
pub fn run() -> Option<ExitCode> {
    let mut args = env::args_os();
    let name = PathBuf::from(args.next()?);
    if name.file_name()? != NAME {
        return None;
    }
    Some(run_rustc(args).unwrap_or_else(|error| {
        eprintln!("{}", helped::report(&error));
        ExitCode::FAILURE
    }))
}

fn run_rustc(mut args: impl Iterator<Item = OsString>) -> anyhow::Result<ExitCode> {
    let rustc = args.next().context("rustc's path is the first argument")?;
    let mut args: Vec<OsString> = args.collect();
    let crate_name = after(&args, "--crate-name").map(|name| name.to_string_lossy().into_owned());
    if let (Some(program), Some(path)) = (env::var_os(PROGRAM), env::var_os(LINK_INPUTS))
        && is_program(&args, &program)
    {
        replace_link_output(&mut args, Path::new(&path))?;
    }
    let (status, usage) = command::pass_through(Command::new(rustc).args(args))?;
    // With a crate of this name cargo queries the target.
    if let Some(crate_name) = crate_name.filter(|name| name != "___") {
        let records = env::var_os(RECORDS).with_context(|| format!("{RECORDS} is not set"))?;
        records::append(Path::new(&records), &Compile { crate_name, usage })?;
    }
    Ok(command::exit_code(status))
}

/// Whether the arguments are those of the binary crate `program`.
fn is_program(args: &[OsString], program: &OsString) -> bool {
    after(args, "--crate-name") == Some(program)
        && after(args, "--crate-type").is_some_and(|kind| kind == "bin")
}

fn after<'a>(args: &'a [OsString], option: &str) -> Option<&'a OsString> {
    let at = args.iter().position(|arg| arg == option)?;
    args.get(at + 1)
}

/// Replaces `link` among the outputs that cargo asks for with link inputs in `path`.
fn replace_link_output(args: &mut [OsString], path: &Path) -> anyhow::Result<()> {
    for arg in args.iter_mut() {
        let Some(kinds) = arg.to_str().and_then(|arg| arg.strip_prefix("--emit=")) else {
            continue;
        };
        let kinds: Vec<_> = kinds.split(',').collect();
        if kinds.contains(&"link") {
            let others = kinds.into_iter().filter(|kind| *kind != "link");
            let mut emit = OsString::from("--emit=");
            for kind in others {
                emit.push(kind);
                emit.push(",");
            }
            emit.push("link-inputs=");
            emit.push(path);
            *arg = emit;
            return Ok(());
        }
    }
    bail!("cargo does not ask rustc for a link: {args:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &str) -> Vec<OsString> {
        words.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn link_inputs_replace_the_link() {
        let mut given = args("--crate-name rg --emit=dep-info,link --emit=obj,thin-link-bitcode");
        replace_link_output(&mut given, Path::new("/d/inputs.json")).unwrap();
        let wanted = "--crate-name rg --emit=dep-info,link-inputs=/d/inputs.json \
                      --emit=obj,thin-link-bitcode";
        assert_eq!(given, args(wanted));
        assert!(replace_link_output(&mut args("--emit=metadata"), Path::new("x")).is_err());
    }

    #[test]
    fn the_program_is_known_by_name_and_kind() {
        let program = OsString::from("oxipng");
        let is = |words| is_program(&args(words), &program);
        assert!(is("--crate-name oxipng src/main.rs --crate-type bin"));
        assert!(!is("--crate-name oxipng src/lib.rs --crate-type lib"));
        assert!(!is(
            "--crate-name build_script_build build.rs --crate-type bin"
        ));
        assert!(!is("-vV"));
    }
}
