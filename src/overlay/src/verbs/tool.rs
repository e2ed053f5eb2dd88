//! The tools of our workspace that are verbs: build the compiler, then run the tool with it.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::place::{Place, run as run_command};
use crate::verbs::build;

/// A verb that is a tool of the workspace.
pub struct Tool {
    /// The verb; also the folder in the build directory that the tool works in.
    pub verb: &'static str,
    /// The package in the workspace, and its program.
    pub package: &'static str,
}

/// All of them; `help.txt` has a line for each.
pub const TOOLS: &[Tool] = &[
    Tool {
        verb: "bench",
        package: "bench",
    },
    Tool {
        verb: "cost",
        package: "cost",
    },
    Tool {
        verb: "demo",
        package: "demo",
    },
    Tool {
        verb: "scale",
        package: "scale",
    },
];

/// Builds the compiler and the tool in release mode, and runs it with `args`. Asked for help,
/// the tool gives it without a compiler.
pub fn run(place: &Place, verb: &str, args: &[String]) -> Result<ExitCode> {
    let Some(tool) = TOOLS.iter().find(|tool| tool.verb == verb) else {
        bail!("no verb `{verb}`")
    };
    let own = args.split(|arg| arg == "--").next().unwrap_or_default();
    let wants_help = own.iter().any(|arg| arg == "-h" || arg == "--help");
    if !wants_help && build::run(place, "build", Vec::new())? != ExitCode::SUCCESS {
        return Ok(ExitCode::FAILURE);
    }
    let mut command = place.cargo();
    command.args([
        "run",
        "--quiet",
        "--locked",
        "--release",
        "--package",
        tool.package,
        "--",
    ]);
    command
        .arg("--rustc")
        .arg(place.build.join("host/stage1/bin/rustc"));
    command.arg("--cargo").arg(place.stage0().join("bin/cargo"));
    command.arg("--work-dir").arg(place.build.join(verb));
    run_command(command.args(args))?;
    Ok(ExitCode::SUCCESS)
}
