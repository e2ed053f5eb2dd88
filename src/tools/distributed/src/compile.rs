//! Step 1: cargo compiles a program and its dependencies.

use std::path::{Path, PathBuf};
use std::process::Command;

use tool_support::command::{self, Usage};
use tool_support::records;

use crate::fetch::Source;
use crate::folder;
use crate::link_inputs;
use crate::pairs;
use crate::program::Program;
use crate::toolchain::Toolchain;
use crate::wrapper::{self, Compile};

/// Makes std take part in the LTO of a link with `-Clinker-plugin-lto`.
pub const STD_IN_LTO: &str = "-Zlink-embedded-bitcode";

/// The codegen units of each crate: rustc's number for a release build.
const UNITS: u32 = 16;

/// Cargo's folder in the folder of a build.
const TARGET: &str = "target";
/// The wrapper's records in the folder of a build.
const RECORDS: &str = "compiles.jsonl";

/// A build by cargo.
pub struct Built {
    /// The path of the program, if cargo linked it.
    pub program: PathBuf,
    /// The resources of the whole build.
    pub usage: Usage,
    /// The compiles, in the order in which they ended.
    pub compiles: Vec<Compile>,
}

/// Builds the program in release mode, without LTO across crates, into `dir`, which cargo reuses.
pub fn program(tools: &Toolchain, source: &Source, dir: &Path) -> anyhow::Result<Built> {
    let cargo = cargo(tools, source, dir, &tools.linker_flags())?;
    run(cargo, tools, source, dir)
}

/// Compiles the program and all its dependencies to bitcode and summaries into `dir`, which cargo
/// reuses. `last_flags` are for the program's own crate. rustc describes the link instead of running
/// it.
pub fn bitcode(
    tools: &Toolchain,
    source: &Source,
    dir: &Path,
    last_flags: &[String],
) -> anyhow::Result<(Built, Program)> {
    let inputs = dir.join("link-inputs.json");
    let mut flags = tools.linker_flags().to_vec();
    flags.extend(pairs::flags());
    flags.push(STD_IN_LTO.into());
    let mut cargo = cargo(tools, source, dir, &flags)?;
    cargo.arg("--").args(last_flags);
    wrapper::replace_link(&mut cargo, source.program, &inputs);
    let built = run(cargo, tools, source, dir)?;
    Ok((built, link_inputs::read(&inputs)?))
}

/// Passes the host as the target, so that `flags` reach neither build scripts nor proc macros. Every
/// build has the same profile, whatever the package's own one says.
fn cargo(
    tools: &Toolchain,
    source: &Source,
    dir: &Path,
    flags: &[String],
) -> anyhow::Result<Command> {
    folder::of_compiler(dir, &tools.identity)?;
    let mut cargo = tools.cargo("rustc", flags);
    cargo
        .args(["--release", "--locked", "--offline"])
        .args(["--bin", source.program, "--target", &tools.host])
        .args(["--jobs", &tools.jobs.to_string()])
        .arg("--target-dir")
        .arg(dir.join(TARGET))
        // The default with `--emit=obj` is one unit.
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", UNITS.to_string())
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        // ThinLTO within each crate, or none with `-Clinker-plugin-lto`.
        .env("CARGO_PROFILE_RELEASE_LTO", "false")
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
        compiles: records::read(&dir.join(RECORDS))?,
    })
}
