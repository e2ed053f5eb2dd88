//! Tests the rules in `src/bazel` with Bazel, rules_rust and remote execution.
//!
//! [`environment`] makes what all scenarios share, [`toolchain`] and [`offline`] among it; [`workspace`]
//! is a copy of a Bazel workspace with an output base, [`cargo_workspace`] generates one, [`execution_log`] what Bazel ran in it, and
//! [`scenarios`] has the tests.

mod cargo_workspace;
mod environment;
mod execution_log;
mod files;
mod offline;
mod scenarios;
mod toolchain;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use helped::Helped;
use tool_support::args::ToolArgs;

use crate::environment::Environment;
use crate::scenarios::Scenario;

/// Tests the rules in src/bazel with Bazel and remote execution
#[derive(Parser)]
#[command(override_usage = "./x.py test src/bazel [--test-args WORD]...")]
struct Args {
    #[command(flatten)]
    tool: ToolArgs,
    /// The root that Bazel and the workers run in; it is made if it does not exist
    #[arg(long, hide = true)]
    root: PathBuf,
    /// Only scenarios whose name contains one of these; some have to be named
    words: Vec<String>,
}

fn main() -> ExitCode {
    let mut failed = 0;
    let code = tool_support::main(|| {
        failed = run(&Args::parse())?;
        Ok(())
    });
    if failed == 0 { code } else { ExitCode::FAILURE }
}

/// Runs the selected scenarios and returns how many failed. The last line is one of libtest's.
fn run(args: &Args) -> anyhow::Result<usize> {
    let is_named = |scenario: &Scenario| {
        let mut words = args.words.iter();
        words.any(|word| scenario.name.contains(word))
    };
    let (mut selected, mut others): (Vec<Scenario>, Vec<Scenario>) = scenarios::all()
        .into_iter()
        .partition(|scenario| args.words.is_empty() || is_named(scenario));
    let (named, unnamed): (Vec<_>, Vec<_>) =
        scenarios::on_request().into_iter().partition(is_named);
    selected.extend(named);
    others.extend(unnamed);
    if selected.is_empty() {
        let message = format!(
            "no scenario has `{}` in its name",
            args.words.join("` or `")
        );
        let names: Vec<&str> = others.iter().map(|scenario| scenario.name).collect();
        return Err(Helped::new(message, format!("the scenarios: {}", names.join(", "))).into());
    }
    let environment = Environment::new(&args.tool, &args.root)?;
    println!("running {} scenarios", selected.len());
    let mut failed = Vec::new();
    for scenario in &selected {
        let start = Instant::now();
        let result = (scenario.run)(&environment, scenario.name);
        let outcome = if result.is_ok() { "ok" } else { "FAILED" };
        let seconds = start.elapsed().as_secs();
        println!("scenario {} ... {outcome} ({seconds} s)", scenario.name);
        match result {
            Ok(()) => files::remove_folder(&environment.folder(scenario.name))?,
            Err(error) => {
                println!("{}", helped::report(&error));
                failed.push(scenario.name);
            }
        }
    }
    for name in &failed {
        println!(
            "failed: {name}; its files are in {}",
            environment.folder(name).display()
        );
    }
    let outcome = if failed.is_empty() { "ok" } else { "FAILED" };
    println!(
        "test result: {outcome}. {} passed; {} failed; 0 ignored; 0 measured; {} filtered out",
        selected.len() - failed.len(),
        failed.len(),
        others.len()
    );
    Ok(failed.len())
}
