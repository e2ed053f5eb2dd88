//! Step 1: cargo compiles a program and all that it stands on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use tool_support::command::{self, Usage};

use crate::fetch::Source;
use crate::link_inputs::{self, Program};
use crate::toolchain::Toolchain;
use crate::wrapper::{self, Compile};

/// The units into which each crate is cut: rustc's number for a release.
const UNITS: u32 = 16;

/// In the folder of a build: cargo's own folder, and what the wrapper notes.
const TARGET: &str = "target";
const RECORDS: &str = "compiles.jsonl";

/// What cargo left and what it took.
pub struct Built {
    /// The program, where cargo links one.
    pub program: PathBuf,
    /// All of it, cargo included.
    pub usage: Usage,
    /// What was compiled, in the order in which the compiles ended.
    pub compiles: Vec<Compile>,
}

/// Builds the program in release mode into `dir`, which cargo reuses. `lto` is the value of the
/// profile's `lto`; `flags` are for all crates but build scripts and proc macros, `last_flags` for
/// the program's own crate.
pub fn program(
    tools: &Toolchain,
    source: &Source,
    dir: &Path,
    lto: &str,
    flags: &[String],
    last_flags: &[String],
) -> anyhow::Result<Built> {
    let flags = [&tools.linker_flags(), flags].concat();
    let mut cargo = cargo(tools, source, dir, lto, &flags)?;
    cargo.arg("--").args(last_flags);
    run(cargo, tools, source, dir)
}

/// Compiles the program and all its dependencies to bitcode and summaries into `dir`, which cargo
/// reuses. `last_flags` are for the program's own crate. Nothing is linked; rustc says how it would
/// have been.
pub fn bitcode(
    tools: &Toolchain,
    source: &Source,
    dir: &Path,
    last_flags: &[String],
) -> anyhow::Result<(Built, Program)> {
    let inputs = dir.join("link-inputs.json");
    let mut flags = tools.linker_flags().to_vec();
    flags.extend([
        "-Zunstable-options".into(),
        // Beside cargo's own kinds of output.
        "--emit=obj,thin-link-bitcode".into(),
        // Objects are bitcode, and links take it.
        "-Clinker-plugin-lto".into(),
    ]);
    let mut cargo = cargo(tools, source, dir, "false", &flags)?;
    cargo.arg("--").args(last_flags);
    wrapper::leave_out_link(&mut cargo, source.program, &inputs);
    let built = run(cargo, tools, source, dir)?;
    Ok((built, link_inputs::read(&inputs)?))
}

/// The host is named as the target so that `flags` reach neither build scripts nor proc macros.
/// Every build has the same profile, whatever the package's own says.
fn cargo(
    tools: &Toolchain,
    source: &Source,
    dir: &Path,
    lto: &str,
    flags: &[String],
) -> anyhow::Result<Command> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut cargo = tools.cargo("rustc", flags);
    cargo
        .args(["--release", "--locked", "--offline"])
        .args(["--bin", source.program, "--target", &tools.host])
        .args(["--jobs", &tools.jobs.to_string()])
        .arg("--target-dir")
        .arg(dir.join(TARGET))
        // If it were not said, rustc would make one unit with `--emit=obj`.
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", UNITS.to_string())
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", lto)
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3")
        .env("CARGO_PROFILE_RELEASE_PANIC", "unwind")
        .env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo")
        .current_dir(&source.root);
    for value in &source.config {
        cargo.arg("--config").arg(value);
    }
    wrapper::wrap(&mut cargo, dir, &dir.join(RECORDS))?;
    Ok(cargo)
}

fn run(
    mut cargo: Command,
    tools: &Toolchain,
    source: &Source,
    dir: &Path,
) -> anyhow::Result<Built> {
    let usage = command::run(&mut cargo)?.usage;
    let release = dir.join(TARGET).join(&tools.host).join("release");
    Ok(Built {
        program: release.join(source.program),
        usage,
        compiles: wrapper::read(&dir.join(RECORDS))?,
    })
}
