//! The tools of our workspace: those that are verbs, which run with the compiler that was built, and those
//! that are part of the toolchain.

use std::env;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::place::{Place, run as run_command};
use crate::verbs::build;

/// The tools. Each name is a verb with a line in `help.txt`, a package of the workspace, and a folder
/// in the build directory.
pub const TOOLS: [&str; 5] = ["bench", "compare", "cost", "demo", "scale"];

/// The programs that are part of the toolchain, and their packages in the workspace.
const SHIPPED: [(&str, &str); 3] = [
    ("backends", "thinlto-distributor"),
    ("cargo-thinlto", "cargo-thinlto"),
    ("distributed", "rust-thinlto"),
];

/// Builds the compiler, and runs the tool with `args`. With `--help` in `args`, does not build the
/// compiler.
pub fn run(place: &Place, verb: &str, args: &[String]) -> Result<ExitCode> {
    if !TOOLS.contains(&verb) {
        bail!("no verb `{verb}`")
    }
    if !wants_help(args) && build::run(place, "build", Vec::new())? != ExitCode::SUCCESS {
        return Ok(ExitCode::FAILURE);
    }
    start(place, verb, args)
}

/// Whether `args` ask for the tool's help.
pub fn wants_help(args: &[String]) -> bool {
    let own = args.split(|arg| arg == "--").next().unwrap_or_default();
    own.iter().any(|arg| arg == "-h" || arg == "--help")
}

/// Builds the tool in release mode, and runs it with `args`.
pub fn start(place: &Place, verb: &str, args: &[String]) -> Result<ExitCode> {
    run_command(command(place, verb).args(args))?;
    Ok(ExitCode::SUCCESS)
}

/// The command that builds the tool `name` in release mode and runs it, without further arguments.
pub fn command(place: &Place, name: &str) -> Command {
    let mut command = place.cargo();
    command
        .args(["run", "--quiet", "--locked", "--release"])
        .args(["--package", name, "--"])
        .arg("--rustc")
        .arg(place.build.join("host/stage1/bin/rustc"))
        .arg("--cargo")
        .arg(place.stage0().join("bin/cargo"))
        .arg("--work-dir")
        .arg(place.build.join(name));
    command
}

/// Builds the programs for users of the compiler, and makes bootstrap put them beside the compiler and
/// into its package.
pub fn ship(place: &Place, bootstrap: &mut Command) -> Result<()> {
    let mut cargo = place.cargo();
    cargo.args(["build", "--quiet", "--locked", "--release"]);
    for (package, program) in SHIPPED {
        cargo.args(["--package", package, "--bin", program]);
    }
    run_command(&mut cargo)?;
    let folder = place.build.join("workspace/release");
    let built = SHIPPED.map(|(_, program)| folder.join(program));
    bootstrap.env("THINLTO_PROGRAMS", env::join_paths(built)?);
    Ok(())
}
