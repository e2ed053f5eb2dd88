//! This very program between cargo and rustc: cargo runs it, under the name [`NAME`], in the place
//! of rustc, with rustc's path as its first argument.
//!
//! It notes what each compile takes. And of the program's last crate it asks the inputs of the link
//! in the place of the link, which cargo cannot be told to leave out.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use tool_support::command::{self, Usage};

const NAME: &str = "rustc-wrapper";

/// The file that gets a line for each compile.
const RECORDS: &str = "DISTRIBUTED_RECORDS";
/// The crate whose link is left out.
const PROGRAM: &str = "DISTRIBUTED_PROGRAM";
/// The file that gets its link inputs.
const LINK_INPUTS: &str = "DISTRIBUTED_LINK_INPUTS";

/// One run of rustc.
#[derive(Debug, Deserialize, Serialize)]
pub struct Compile {
    pub crate_name: String,
    pub usage: Usage,
}

/// Has `cargo` run this program in the place of rustc, by way of a link in `dir`.
pub fn wrap(cargo: &mut Command, dir: &Path, records: &Path) -> anyhow::Result<()> {
    let wrapper = dir.join(NAME);
    if fs::symlink_metadata(&wrapper).is_ok() {
        fs::remove_file(&wrapper)?;
    }
    symlink(env::current_exe()?, &wrapper)
        .with_context(|| format!("cannot make {}", wrapper.display()))?;
    File::create(records).with_context(|| format!("cannot make {}", records.display()))?;
    cargo.env("RUSTC_WRAPPER", wrapper).env(RECORDS, records);
    Ok(())
}

/// Has the wrapper ask for the link inputs of the crate `program`, into the file `link_inputs`, in
/// the place of its link.
pub fn leave_out_link(cargo: &mut Command, program: &str, link_inputs: &Path) {
    cargo
        .env(PROGRAM, crate_name(program))
        .env(LINK_INPUTS, link_inputs);
}

/// The name of the crate of a binary target.
pub fn crate_name(target: &str) -> String {
    target.replace('-', "_")
}

/// What was noted in `records`.
pub fn read(records: &Path) -> anyhow::Result<Vec<Compile>> {
    let text = fs::read_to_string(records)?;
    let compiles = text.lines().map(serde_json::from_str);
    Ok(compiles.collect::<Result<_, _>>()?)
}

/// Runs rustc if this process was started in its place; then `main` has to return what it ended
/// with.
pub fn run() -> Option<ExitCode> {
    let mut args = env::args_os();
    let name = PathBuf::from(args.next()?);
    if name.file_name()? != NAME {
        return None;
    }
    Some(run_rustc(args).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    }))
}

fn run_rustc(mut args: impl Iterator<Item = OsString>) -> anyhow::Result<ExitCode> {
    let rustc = args.next().context("rustc's path is the first argument")?;
    let mut args: Vec<OsString> = args.collect();
    let crate_name = after(&args, "--crate-name").map(|name| name.to_string_lossy().into_owned());
    if let (Some(program), Some(path)) = (env::var_os(PROGRAM), env::var_os(LINK_INPUTS)) {
        if is_program(&args, &program) {
            replace_link(&mut args, Path::new(&path))?;
        }
    }
    let (status, usage) = command::pass_through(Command::new(rustc).args(args))?;
    // Cargo asks rustc about the target with a crate of this name.
    if let Some(crate_name) = crate_name.filter(|name| name != "___") {
        let records = env::var_os(RECORDS).with_context(|| format!("{RECORDS} is not set"))?;
        let line = serde_json::to_string(&Compile { crate_name, usage })? + "\n";
        let mut records = OpenOptions::new().append(true).open(records)?;
        // In one piece: other compiles write as well.
        records.write_all(line.as_bytes())?;
    }
    Ok(status
        .code()
        .map_or(ExitCode::FAILURE, |code| ExitCode::from(code as u8)))
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

/// Puts the link inputs, into `path`, in the place of the link among the outputs that cargo asks
/// for.
fn replace_link(args: &mut [OsString], path: &Path) -> anyhow::Result<()> {
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
    fn link_inputs_take_the_place_of_the_link() {
        let mut given = args("--crate-name rg --emit=dep-info,link --emit=obj,thin-link-bitcode");
        replace_link(&mut given, Path::new("/d/inputs.json")).unwrap();
        let wanted = "--crate-name rg --emit=dep-info,link-inputs=/d/inputs.json \
                      --emit=obj,thin-link-bitcode";
        assert_eq!(given, args(wanted));
        assert!(replace_link(&mut args("--emit=metadata"), Path::new("x")).is_err());
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

    #[test]
    fn records_are_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let records = dir.path().join("records");
        let usage = r#"{"seconds":1.5,"cpu_seconds":2.0,"peak_memory":7}"#;
        let line = |name| format!("{{\"crate_name\":\"{name}\",\"usage\":{usage}}}\n");
        fs::write(&records, line("a") + &line("b")).unwrap();
        let compiles = read(&records).unwrap();
        let names: Vec<_> = compiles
            .iter()
            .map(|compile| compile.crate_name.as_str())
            .collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(
            (compiles[1].usage.seconds, compiles[1].usage.peak_memory),
            (1.5, 7)
        );
    }
}
