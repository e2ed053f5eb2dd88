//! `cargo thinlto`: LTO across all crates of a cargo project, std included, from a cache.
//!
//! The command runs cargo with a few more settings ([`cargo`]): members of the workspace are compiled
//! incrementally, everything that is not for the host to bitcode, and lld, reached through [`linker`],
//! optimizes it in one process with its cache of native objects.

mod arguments;
mod c_flags;
mod cache;
mod cargo;
mod compiler;
mod jobs;
mod linker;
mod lld;
mod project;
mod questions;
mod remote;
mod session;
mod signals;
mod summary;
mod time_trace;

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use backends::distributor;
use clap::Parser;
use thinlto_report::{explain, report};

use crate::cargo::Verb;
use crate::questions::Question;

/// LTO across all crates of a project, std included, from a cache of native objects
///
/// The verbs of cargo take cargo's own arguments. Without `--profile`, they build for release.
///
/// They also take the settings `--remote-…` of thinlto-distributor: with `--remote-cache ADDRESS` or
/// `--remote-executor ADDRESS`, native objects come from that server as well.
#[derive(Parser)]
#[command(name = "cargo thinlto", bin_name = "cargo thinlto", version)]
enum Tool {
    /// Compile the current package
    #[command(visible_alias = "b")]
    #[command(disable_help_flag = true)]
    Build(CargoArguments),
    /// Run a binary or example of the local package
    #[command(visible_alias = "r")]
    #[command(disable_help_flag = true)]
    Run(CargoArguments),
    /// Run the tests
    #[command(visible_alias = "t")]
    #[command(disable_help_flag = true)]
    Test(CargoArguments),
    /// Run the benchmarks
    #[command(disable_help_flag = true)]
    Bench(CargoArguments),
    /// Compile a package, and pass extra options to the compiler
    #[command(disable_help_flag = true)]
    Rustc(CargoArguments),
    /// Build and install a Rust binary
    #[command(disable_help_flag = true)]
    Install(CargoArguments),
    /// Tell why a function is or is not imported into modules, and inlined there
    Explain(Question<explain::Args>),
    /// Tell what the program consists of, and what runs again after an edit
    Report(Question<report::Args>),
    /// Show the cache, or clear it
    Cache(cache::verb::Arguments),
}

#[derive(clap::Args)]
struct CargoArguments {
    /// The arguments of cargo's verb
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGUMENT"
    )]
    arguments: Vec<OsString>,
}

fn main() -> ExitCode {
    let mut arguments: Vec<_> = env::args_os().collect();
    if let Some(name) = linker::called_as(Path::new(&arguments[0])) {
        return exit(linker::run(name, arguments.split_off(1)));
    }
    if Path::new(&arguments[0]).ends_with(remote::NAME) {
        return tool_support::main(|| distributor::run(arguments));
    }
    // Cargo passes the name of the subcommand as well.
    if arguments.get(1).is_some_and(|name| name == "thinlto") {
        arguments.remove(1);
    }
    exit(run(Tool::parse_from(arguments)))
}

fn run(tool: Tool) -> anyhow::Result<ExitCode> {
    match tool {
        Tool::Build(cargo) => cargo::run(Verb::Build, &cargo.arguments),
        Tool::Run(cargo) => cargo::run(Verb::Run, &cargo.arguments),
        Tool::Test(cargo) => cargo::run(Verb::Test, &cargo.arguments),
        Tool::Bench(cargo) => cargo::run(Verb::Bench, &cargo.arguments),
        Tool::Rustc(cargo) => cargo::run(Verb::Rustc, &cargo.arguments),
        Tool::Install(cargo) => cargo::run(Verb::Install, &cargo.arguments),
        Tool::Explain(arguments) => questions::explain(&arguments),
        Tool::Report(arguments) => questions::report(&arguments),
        Tool::Cache(arguments) => cache::verb::run(&arguments).map(|()| ExitCode::SUCCESS),
    }
}

/// The exit code; that of an error is cargo's.
fn exit(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("{}", helped::report(&error));
        ExitCode::from(101)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_man_page_has_the_options() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../doc/thin-link/cargo-thinlto.1"
        );
        let mut page = Vec::new();
        clap_mangen::Man::new(Tool::command())
            .render(&mut page)
            .unwrap();
        if env::var_os("UPDATE_MAN_PAGE").is_some() {
            fs::write(path, &page).unwrap();
        }
        let page = String::from_utf8(page).unwrap();
        assert_eq!(
            fs::read_to_string(path).unwrap(),
            page,
            "run this test with UPDATE_MAN_PAGE=1"
        );
    }
}
